"""One PNG of a run: loss and accuracy curves, and the most wrong validation images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qdesigner.session.events import Epoch
from qdesigner.session.record import read_record
from qdesigner.training.runs import Run

COLUMNS, ROWS = 8, 2
TRAIN, VALIDATION, RIGHT, WRONG = "#3b5bdb", "#e8590c", "#2f9e44", "#d6322f"


def draw(run: Run, path: Path) -> Path:
    """Draw the finished run into ``path`` and return it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(12, 7), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    figure.suptitle(f"{run.design.name}: {', '.join(run.classes)}", parse_math=False)
    _curves(top, _epochs(run))
    _grid(bottom, run)
    temporary = path.with_name(f".{path.name}.tmp")
    figure.savefig(temporary, dpi=110, format="png")
    pyplot.close(figure)
    temporary.replace(path)
    return path


def _epochs(run: Run) -> list[Epoch]:
    """The last telling of each epoch: a run that was killed tells some of them again."""
    said = read_record(run.path).events
    return list({event.epoch: event for event in said if isinstance(event, Epoch)}.values())


def _curves(figure: Any, epochs: list[Epoch]) -> None:
    x = [row.epoch for row in epochs]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(x, [getattr(row, f"train_{name}") for row in epochs], color=TRAIN, label="train")
        validation = [getattr(row, f"val_{name}") for row in epochs]
        axes.plot(x, validation, "o-", ms=3, color=VALIDATION, label="validation")
        axes.set(title=name.capitalize(), xlabel="epoch")
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)


def _grid(figure: Any, run: Run) -> None:
    """The images whose true class got the lowest probability, worst first."""
    values = np.load(run.path / "best_predictions.npz", allow_pickle=False)
    chances, labels = values["probabilities"], values["labels"]
    pictures = np.load(run.path / "thumbnails.npy", allow_pickle=False)
    of_true = chances[np.arange(len(labels)), labels]
    worst = [k for k in np.argsort(of_true, kind="stable") if k < len(pictures)]
    figure.suptitle("Validation images, most wrong first (true → predicted)", fontsize=10)
    all_axes = figure.subplots(ROWS, COLUMNS).ravel()
    for axes in all_axes:
        axes.axis("off")
    for axes, k in zip(all_axes, worst, strict=False):
        true, told = int(labels[k]), int(chances[k].argmax())
        axes.imshow(pictures[k])
        name = run.classes[true] if true == told else f"{run.classes[true]} → {run.classes[told]}"
        axes.set_title(
            f"{name}  {of_true[k]:.0%}", fontsize=9, parse_math=False,
            color=RIGHT if true == told else WRONG,
        )  # fmt: skip
