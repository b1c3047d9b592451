"""The run on screen as NumPy: curves, predictions and what the live state needs of it.

Fed by a session's events, or from a run's folder. Whoever shows something of a run reads it here
and redraws on the signals, which come at most once a frame. It knows no widget.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.design import codec
from qdesigner.design.spec import Design
from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.session.record import (
    DESIGN,
    Record,
    RunItem,
    read_items,
    read_record,
    read_thumbnails,
)

_log = logging.getLogger(__name__)

FRAME = 33  # ms

Floats = NDArray[np.float64]


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
        self._count = int(np.searchsorted(self[name], largest, side="right"))


class RunView(QObject):
    """What there is to see of a run.

    ``steps`` has the columns x (in epochs), loss, accuracy; ``epochs`` has epoch, train_loss,
    train_accuracy, val_loss, val_accuracy. ``phase`` is "empty", "preparing", "running",
    "paused", "finished", "stopped", "failed" or "interrupted" (a folder whose run was killed, or
    goes on elsewhere).
    """

    curves_changed = Signal()
    predictions_changed = Signal()
    state_changed = Signal()
    image_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FRAME)
        self._timer.timeout.connect(self._tell)
        self._dirty: set[str] = set()
        self._chosen = 0
        self._clear()

    def _clear(self) -> None:
        self.path = ""
        self.design: Design | None = None
        self.classes: tuple[str, ...] = ()
        self.items: tuple[RunItem, ...] = ()
        self.thumbnails: NDArray[np.uint8] | None = None
        self.phase = "empty"
        self.reason = ""
        self.total_epochs = 0
        self.steps_per_epoch = 1
        self.progress: events.Progress | None = None
        self.steps = Columns("x", "loss", "accuracy")
        self.epochs = Columns("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
        self.best_epoch = 0
        self.gradient_norms: dict[str, float] = {}
        self._hold(None)

    # ---- where it comes from --------------------------------------------------------------------

    def clear(self) -> None:
        """Show no run."""
        self._clear()
        self._tell_all()

    def open(self, path: str | Path) -> None:
        """Show the run in a folder. Raises UserError and keeps what is shown when it cannot."""
        self._show(read_record(Path(path)))

    def _show(self, record: Record) -> None:
        self._clear()
        for event in record.events:
            self._take(event, live=False)
        self.path = str(record.path)
        self.design, self.classes, self.items = record.design, record.classes, record.items
        self.total_epochs = self.total_epochs or record.design.training.epochs
        self.thumbnails = record.thumbnails
        self.progress = None
        self.phase = "interrupted" if record.state == "running" else record.state
        self._hold(record.predictions)
        self._tell_all()

    def on_event(self, event: events.Event) -> None:
        """Take in one event of the run that goes on now."""
        self._take(event, live=True)

    def _take(self, event: events.Event, live: bool) -> None:
        match event:
            case events.Started():
                self._start(event, live)
            case events.Steps():
                self._add_steps(event)
            case events.Epoch():
                self._add_epoch(event)
            case events.Predictions():
                self._hold(event)
                self._mark("predictions")
            case events.Progress():
                self.progress = event
                self.phase = "preparing"
            case events.Paused():
                self.phase = "paused"
            case events.Resumed():
                self.phase = "running"
            case events.Finished() | events.Stopped():
                self.progress = None
                self.phase = type(event).__name__.lower()
            case events.Failed():
                self.progress = None
                self.phase, self.reason = "failed", event.reason
            case _:
                return
        self._mark("state")

    def _start(self, event: events.Started, live: bool) -> None:
        goes_on = event.first_epoch > 1 and (not live or self.path == event.run)
        if live and event.first_epoch > 1 and not goes_on:
            goes_on = self._reopened(event.run)
        if not goes_on:
            self._clear()
        # Steps and epochs after the checkpoint are run again.
        self.steps.cut("x", event.first_epoch - 1 + 1e-9)
        self.epochs.cut("epoch", event.first_epoch - 1)
        self.path, self.classes = event.run, event.classes
        self.total_epochs, self.steps_per_epoch = event.epochs, max(1, event.steps_per_epoch)
        self.progress, self.reason, self.phase = None, "", "running"
        if live:
            self._read_images()
            self._tell_all()

    def _reopened(self, path: str) -> bool:
        """Whether the curve of the run that is taken up again could be read from its folder."""
        try:
            self._show(read_record(Path(path)))
        except UserError as error:
            _log.warning("The curve before is not shown: %s", error)
            return False
        return True

    def _read_images(self) -> None:
        """Design, validation images and thumbnails, which the worker wrote before it began."""
        folder = Path(self.path)
        try:
            self.design = codec.load(folder / DESIGN)
            self.items = read_items(folder, len(self.classes))
            self.thumbnails = read_thumbnails(folder)
        except UserError as error:
            _log.warning("The run's images are not shown: %s", error)

    def _add_steps(self, event: events.Steps) -> None:
        count = min(len(event.losses), len(event.accuracies))
        x = (event.first + 1 + np.arange(count)) / self.steps_per_epoch
        self.steps.extend(x, event.losses[:count], event.accuracies[:count])
        if self.phase != "paused":
            self.phase = "running"
        self._mark("curves")

    def _add_epoch(self, event: events.Epoch) -> None:
        self.epochs.extend(
            event.epoch, event.train_loss, event.train_accuracy, event.val_loss, event.val_accuracy
        )
        if event.best:
            self.best_epoch = event.epoch
        self.gradient_norms = dict(event.gradient_norms)
        self._mark("curves")

    # ---- predictions ----------------------------------------------------------------------------

    def _hold(self, predictions: events.Predictions | None) -> None:
        """Keep predictions together with what they say: each image's predicted class, whether it
        is right, and the probability of its true class."""
        self.predictions = predictions
        if predictions is None:
            self.labels = self.predicted = np.zeros(0, dtype=np.int64)
            self.right, self.true_probability = np.zeros(0, dtype=bool), np.zeros(0)
            self.confidence = np.zeros(0)
            return
        probabilities = np.nan_to_num(np.asarray(predictions.probabilities, dtype=float))
        self.labels = np.asarray(predictions.labels, dtype=np.int64)
        self.predicted = probabilities.argmax(axis=1)
        self.right = self.predicted == self.labels
        self.true_probability = probabilities[np.arange(len(self.labels)), self.labels]
        self.confidence = probabilities.max(axis=1, initial=0.0)

    def most_wrong(self) -> NDArray[np.intp]:
        """Images, wrong ones first, and of those the ones that are least likely by the model."""
        return np.lexsort((self.true_probability, self.right))

    def class_name(self, label: int) -> str:
        """The name of a class."""
        return self.classes[label] if 0 <= label < len(self.classes) else f"class {label}"

    @property
    def summary(self) -> str:
        """The run in a line, "" when there is none."""
        if not len(self.epochs):
            return ""
        accuracy = self.epochs["val_accuracy"]
        text = f"epoch {int(self.epochs['epoch'][-1])} of {self.total_epochs}"
        text += f" · validation accuracy {accuracy[-1]:.3f}"
        if self.best_epoch:
            text += f" · best {accuracy.max():.3f} in epoch {self.best_epoch}"
        return text

    # ---- the live state -------------------------------------------------------------------------

    @property
    def chosen_image(self) -> int:
        """The validation image whose live state the board shows."""
        return self._chosen

    @chosen_image.setter
    def chosen_image(self, image: int) -> None:
        if image != self._chosen and image >= 0:
            self._chosen = image
            self.image_chosen.emit(image)

    def angles_for(self, stage_id: str, circuit: Circuit) -> Floats | None:
        """The chosen image's features [inputs] at a quantum stage, in radians.

        None when the run knows none, or knows another number of them than ``circuit`` embeds.
        """
        if self.predictions is None:
            return None
        angles = self.predictions.angles.get(stage_id)
        if angles is None or self._chosen >= len(angles):
            return None
        row = np.asarray(angles[self._chosen], dtype=float)
        return row if len(row) == expand(circuit).inputs and np.isfinite(row).all() else None

    def weights_for(self, stage_id: str, circuit: Circuit, fresh: float = 0.0) -> Floats | None:
        """The run's newest weights [weights] for ``circuit``, in radians.

        The circuit on screen may have been edited since it was trained: what survives of its
        blocks keeps its weights; new ones are at the mean of their first draw, and ``fresh`` beside
        it where that has a spread. None when nothing survives.
        """
        trained = self._trained_circuit(stage_id)
        if trained is None or self.predictions is None:
            return None
        weights = self.predictions.weights.get(stage_id)
        keys = expand(trained).weight_keys
        if weights is None or len(weights) != len(keys) or not np.isfinite(weights).all():
            return None
        known = dict(zip(keys, np.asarray(weights, dtype=float).tolist(), strict=True))
        expanded = expand(circuit)
        if not any(key in known for key in expanded.weight_keys):
            return None
        pairs = zip(expanded.weight_keys, expanded.starts, strict=True)
        return np.array([
            known.get(key, start.mean + (fresh if start.spread else 0.0)) for key, start in pairs
        ])  # fmt: skip

    def _trained_circuit(self, stage_id: str) -> Circuit | None:
        if self.design is None:
            return None
        return next((s.circuit for s in self.design.stages if s.id == stage_id), None)

    # ---- once a frame ---------------------------------------------------------------------------

    def _mark(self, *what: str) -> None:
        self._dirty.update(what)
        if not self._timer.isActive():
            self._timer.start()

    def _tell_all(self) -> None:
        """Another run is on screen: said at once, before anybody paints an image of the last."""
        self._dirty.update(("curves", "predictions", "state"))
        self._tell()

    def _tell(self) -> None:
        dirty, self._dirty = self._dirty, set()
        if "predictions" in dirty and 0 < len(self.labels) <= self._chosen:
            self.chosen_image = 0
        signals = {
            "curves": self.curves_changed,
            "predictions": self.predictions_changed,
            "state": self.state_changed,
        }
        for name, signal in signals.items():
            if name in dirty:
                signal.emit()
