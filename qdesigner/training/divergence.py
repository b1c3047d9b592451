"""When a loss is no number any more, or far above what it was: the run ends with a reason."""

from __future__ import annotations

import math

import torch
from torch import nn

from qdesigner.design.spec import TrainingSpec
from qdesigner.errors import UserError

EXPLODED = 1000.0  # times the lowest loss so far, or 1 where that is lower


def sound(model: nn.Module) -> bool:
    """Whether all of its weights are numbers: a step's loss may still be one when they are not."""
    return all(bool(torch.isfinite(weight).all()) for weight in model.parameters())


def refuse_divergence(
    loss: float, what: str, epoch: int, spec: TrainingSpec, lowest: float = math.inf
) -> None:
    """Raises UserError when ``loss``, which is ``what`` in ``epoch``, is not finite, or more than
    `EXPLODED` times the ``lowest`` one that the run had."""
    if math.isfinite(loss) and loss <= EXPLODED * max(lowest, 1.0):
        return
    if math.isfinite(loss):
        event = f"rose to {loss:.3g} in epoch {epoch}, and was {lowest:.3g} at its lowest"
    else:
        event = f"became {loss} in epoch {epoch}"
    tries = [f"a learning rate below {spec.learning_rate:g}"]
    tries.append(f"a clip below {spec.clip:g}" if spec.clip else "clipped gradients (at 1, say)")
    kept = f" Everything up to epoch {epoch - 1} is kept." if epoch > 1 else ""
    raise UserError(
        f"{what} {event}: training has diverged. Try {tries[0]}, {tries[1]} or a batch norm.{kept}"
    )
