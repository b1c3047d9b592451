"""What the events of a run say along its way: steps, epochs, gradients, and marks on the curves.

Fed one event after the other, live or from a run's folder. It knows no Qt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdesigner.session import events

Floats = NDArray[np.float64]

EPOCH_COLUMNS = (
    "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate",
    "seconds", "best",
)  # fmt: skip


class Columns:
    """Rows of numbers that grow at the end: named columns in one array that doubles when full."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self._rows = np.empty((len(names), 256))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, name: str) -> Floats:
        """One column, as a view that stays valid until the next change."""
        return self._rows[self.names.index(name), : self._count]

    def extend(self, *columns: Any) -> None:
        """Append rows, given column by column."""
        new = np.array(columns, dtype=float).reshape(len(self.names), -1)
        end = self._count + new.shape[1]
        if end > self._rows.shape[1]:
            bigger = np.empty((len(self.names), max(end, 2 * self._rows.shape[1])))
            bigger[:, : self._count] = self._rows[:, : self._count]
            self._rows = bigger
        self._rows[:, self._count : end] = new
        self._count = end

    def cut(self, name: str, largest: float) -> None:
        """Drop the rows at the end whose value in the rising column ``name`` is larger."""
        self.shorten(int(np.searchsorted(self[name], largest, side="right")))

    def shorten(self, count: int) -> None:
        """Keep the first ``count`` rows."""
        self._count = min(self._count, count)


class Named:
    """Columns whose names come as they are first said: NaN in every row that does not say one."""

    def __init__(self) -> None:
        self._columns: dict[str, Columns] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, row: Mapping[str, float]) -> None:
        """One row more."""
        for name in row:
            if name not in self._columns:
                self._columns[name] = Columns("value")
                self._columns[name].extend(np.full(self._count, np.nan))
        for name, column in self._columns.items():
            column.extend(row.get(name, np.nan))
        self._count += 1

    def shorten(self, count: int) -> None:
        """Keep the first ``count`` rows."""
        self._count = min(self._count, count)
        for column in self._columns.values():
            column.shorten(count)

    def arrays(self) -> dict[str, Floats]:
        """Each column [rows] by its name."""
        return {name: column["value"] for name, column in self._columns.items()}


class Curves:
    """The way of one run.

    ``steps`` has the columns x (in epochs), loss, accuracy; ``epochs`` those of `EPOCH_COLUMNS`,
    and ``metrics``, ``norms`` (of the gradients, by stage id) and ``saturation`` (of squashes, by
    stage id) a row for each epoch. ``score`` says what stands as accuracy: "accuracy", or "mae"
    of a regression.
    """

    def __init__(self) -> None:
        self.steps = Columns("x", "loss", "accuracy")
        self.epochs = Columns(*EPOCH_COLUMNS)
        self.metrics, self.norms, self.saturation = Named(), Named(), Named()
        self.marks: list[events.Mark] = []
        self.total_epochs = 0
        self.steps_per_epoch = 1
        self.score = "accuracy"
        self.compute = "cpu"

    @staticmethod
    def of(said: Iterable[events.Event]) -> Curves:
        """The curves of a run whose folder holds these events."""
        curves = Curves()
        for event in said:
            curves.take(event)
        return curves

    def take(self, event: events.Event) -> None:
        """Take in one event."""
        match event:
            case events.Started():
                self._start(event)
            case events.Steps():
                self._add_steps(event)
            case events.Epoch():
                self._add_epoch(event)
            case events.Mark():
                self.marks.append(event)

    def _start(self, event: events.Started) -> None:
        """Steps and epochs after the checkpoint are run again."""
        done = max(event.first_epoch - 1, event.at) + 1e-9
        self.steps.cut("x", done)
        self.epochs.cut("epoch", done)
        for named in (self.metrics, self.norms, self.saturation):
            named.shorten(len(self.epochs))
        self.marks = [mark for mark in self.marks if mark.at <= done]
        self.total_epochs, self.steps_per_epoch = event.epochs, max(1, event.steps_per_epoch)
        self.score, self.compute = event.score, event.compute

    def reach(self, epoch: int, at: float) -> bool:
        """Whether they say all up to there: a worker that was killed may have written more than it
        was heard to say."""
        epochs, steps = self.epochs["epoch"], self.steps["x"]
        return bool(
            (not epoch or (len(epochs) and epochs[-1] >= epoch))
            and (not at or (len(steps) and steps[-1] >= at - 1e-9))
        )

    def _add_steps(self, event: events.Steps) -> None:
        count = min(len(event.losses), len(event.accuracies))
        if len(event.at) >= count:
            x = np.asarray(event.at[:count], dtype=float)
        else:  # a run of before steps said where they are
            x = (event.first + 1 + np.arange(count)) / self.steps_per_epoch
        self.steps.extend(x, event.losses[:count], event.accuracies[:count])

    def _add_epoch(self, event: events.Epoch) -> None:
        self.epochs.extend(*(getattr(event, name) for name in EPOCH_COLUMNS))
        self.metrics.append(event.metrics)
        self.norms.append(event.gradient_norms)
        self.saturation.append(event.saturation)

    @property
    def regression(self) -> bool:
        """Whether numbers are predicted: the score is then an error, and the lowest is best."""
        return self.score == "mae"

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept as the best, 0 before there is one."""
        rows = np.flatnonzero(self.epochs["best"])
        return int(self.epochs["epoch"][rows[-1]]) if len(rows) else 0

    def row_of(self, epoch: int) -> int | None:
        """The row of ``epochs`` that tells of this epoch."""
        rows = np.flatnonzero(self.epochs["epoch"] == epoch)
        return int(rows[-1]) if len(rows) else None

    def score_of(self, epoch: int) -> float:
        """The validation score after an epoch, NaN where none is known."""
        row = self.row_of(epoch)
        return float("nan") if row is None else float(self.epochs["val_accuracy"][row])
