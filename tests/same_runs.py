"""Two runs held against each other: what was told, what was saved, what is said of the images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from qdesigner.session import events
from qdesigner.session.record import read_record
from qdesigner.training.runs import Run


def figures(out: Path) -> list[tuple[float, ...]]:
    """The last telling of each epoch in the run's folder, as exact numbers."""
    told = {e.epoch: e for e in read_record(out).events if isinstance(e, events.Epoch)}
    return [
        (n, e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy, e.learning_rate)
        for n, e in sorted(told.items())
    ]


def flat(value: Any) -> list[Any]:
    """All leaves of a checkpoint, tensors as lists."""
    if isinstance(value, torch.Tensor):
        return [value.dtype, value.flatten().tolist()]
    if isinstance(value, dict):
        return [leaf for key in sorted(value, key=str) for leaf in (key, *flat(value[key]))]
    if isinstance(value, list | tuple):
        return [leaf for entry in value for leaf in flat(entry)]
    return [value]


def assert_same(left: Path, right: Path) -> None:
    """Both runs hold the same curve, the same checkpoints and the same predictions, to the bit."""
    assert figures(left) == figures(right)
    for name in ("last", "best"):
        ours, theirs = Run.open(left).load_checkpoint(name), Run.open(right).load_checkpoint(name)
        assert flat(ours) == flat(theirs), name
    ours_told, theirs_told = read_record(left).predictions, read_record(right).predictions
    assert ours_told is not None and theirs_told is not None
    assert ours_told.epoch == theirs_told.epoch
    assert (ours_told.probabilities == theirs_told.probabilities).all()
