"""What of a run can be drawn over its epochs, by name, and as a table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PySide6.QtGui import QColor

from app import theme
from app.runcurves import Curves, Floats

TRAIN, VALIDATION = "train", "val"
NAMES = {
    "loss": "Loss", "accuracy": "Accuracy", "mae": "MAE", "balanced_accuracy": "Balanced accuracy",
    "f1": "F1", "mse": "MSE", "learning_rate": "Learning rate",
}  # fmt: skip
# Of runs beside each other: the theme's colours in the order in which runs are taken up.
COLOURS = ("train", "validation", "right", "template", "classical", "wrong", "warning", "muted")
SHARES = ("accuracy", "balanced_accuracy", "f1")  # from 0 to 1


def colour(place: int) -> QColor:
    """The colour of the run that was taken up as this one."""
    return QColor(getattr(theme.current(), COLOURS[place % len(COLOURS)]))


def choices(curves: Curves) -> list[str]:
    """What can stand beside the loss: the score first."""
    return [curves.score, *(name for name in curves.metrics.arrays() if name != curves.score),
            "learning_rate"]  # fmt: skip


def name(quantity: str) -> str:
    """A quantity as people call it."""
    return NAMES.get(quantity, quantity.replace("_", " ").capitalize())


def lines(curves: Curves, quantity: str) -> dict[str, Floats]:
    """Values for each row of the epochs, of train and validation as far as there are any."""
    epochs = curves.epochs
    if quantity in ("loss", curves.score):
        column = "loss" if quantity == "loss" else "accuracy"
        return {key: epochs[f"{key}_{column}"] for key in (TRAIN, VALIDATION)}
    if quantity == "learning_rate":
        return {TRAIN: epochs["learning_rate"]}
    values = curves.metrics.arrays().get(quantity)
    return {} if values is None else {VALIDATION: values}


def steps(curves: Curves, quantity: str) -> Floats | None:
    """Values of each step, where steps have any."""
    if quantity == "loss":
        return curves.steps["loss"]
    return curves.steps["accuracy"] if quantity == curves.score else None


def values_at(curves: Curves, quantity: str, row: int) -> list[str]:
    """What is known of one epoch, a line each."""
    words = {TRAIN: "train", VALIDATION: "validation"}
    text = [f"epoch {int(curves.epochs['epoch'][row])}"]
    if quantity != "learning_rate":
        text += [
            f"{words[key]} {_number(y[row])}" for key, y in lines(curves, quantity).items()
        ]  # fmt: skip
    if quantity == curves.score:
        metrics = curves.metrics.arrays().items()
        text += [f"{name(key).lower()} {_number(y[row])}" for key, y in metrics if key != quantity]
    return [*text, f"learning rate {curves.epochs['learning_rate'][row]:.3g}"]


def _number(value: float) -> str:
    """Three decimals, or three digits of what is larger or smaller than these tell well."""
    if value == 0 or 0.01 <= abs(value) < 100:
        return f"{value:.3f}"
    return f"{value:.3g}"


def write_tables(curves: Curves, path: Path) -> tuple[Path, Path]:
    """Epochs to ``path`` and steps beside it, as CSV; the two files. Raises OSError."""
    score = curves.score
    epochs: dict[str, Floats] = {
        column.replace("accuracy", score): curves.epochs[column]
        for column in curves.epochs.names if column != "best"
    }  # fmt: skip
    parts = (("", curves.metrics), ("gradient_norm ", curves.norms),
             ("saturation ", curves.saturation))  # fmt: skip
    for before, named in parts:
        epochs |= {f"{before}{key}": values for key, values in named.arrays().items()}
    of_steps = {
        {"x": "epoch", "accuracy": score}.get(column, column): curves.steps[column]
        for column in curves.steps.names
    }
    beside = path.with_name(f"{path.stem}-steps{path.suffix}")
    _write(path, epochs)
    _write(beside, of_steps)
    return path, beside


def _write(path: Path, columns: dict[str, Floats]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow(["" if np.isnan(value) else repr(float(value)) for value in row])
