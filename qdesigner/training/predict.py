"""A trained run asked about image files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from qdesigner.data.images import UnusableImage, load_image, transform
from qdesigner.design.spec import preprocess
from qdesigner.errors import UserError
from qdesigner.training.runs import Run


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says of one file; ``error`` is a sentence when it cannot be read."""

    path: str
    name: str = ""
    confidence: float = 0.0
    probabilities: dict[str, float] | None = None
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON values; ``class`` is the name of the most probable class."""
        row = asdict(self)
        row["class"] = row.pop("name")
        return row


@torch.no_grad()
def predict(
    folder: Path, images: Sequence[Path], best: bool = True, epoch: int = 0
) -> list[Answer]:
    """One answer a file, in order, by the weights of the best or the last epoch, or of ``epoch``.

    Raises UserError when the run cannot be used.
    """
    run = Run.open(folder)
    if run.design.data.rows:
        raise UserError(
            f"The run {folder.name!r} was trained on rows of numbers, so it says nothing of images."
        )
    wanted, reading = preprocess(run.design), run.reading
    model = run.model_at(epoch) if epoch else run.model(best)
    prepare = transform(wanted)
    torch.manual_seed(run.design.training.seed)  # of shots
    answers = []
    for path in images:
        try:
            picture = load_image(path, wanted.channels)
        except UnusableImage as error:
            answers.append(Answer(str(path), error=str(error)))
            continue
        chances = reading.probabilities(model(prepare(picture)[None]))[0].tolist()
        top = max(range(len(chances)), key=chances.__getitem__)
        named = dict(zip(run.classes, chances, strict=True))
        answers.append(Answer(str(path), run.classes[top], chances[top], named))
    return answers
