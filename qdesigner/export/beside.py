"""Names of the files in the folder beside an exported script."""

from __future__ import annotations

WEIGHTS = "weights.pt"  # of the whole model
GOLDEN = "golden.json"  # golden images with the logits that the program computed for them
STARTING_WEIGHTS = "start.pt"  # of stages that were trained on, as they were before
