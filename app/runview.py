"""The run on screen as NumPy: curves, predictions and what the live state needs of it.

Fed by a session's events, or from a run's folder. Whoever shows something of a run reads it here
and redraws on the signals, which come at most once a frame. It knows no widget.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from app.background import Background
from app.judged import judge
from app.runcurves import Columns, Curves, Floats
from app.surviving import surviving
from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.design import codec
from qdesigner.design.spec import Design, Stage
from qdesigner.errors import UserError
from qdesigner.session import events, record
from qdesigner.session.record import Points, Record, RunItem

_log = logging.getLogger(__name__)

FRAME = 33  # ms

SCORES = {"accuracy": "accuracy", "mae": "MAE"}  # what a run's score is called


class RunView(QObject):
    """What there is to see of a run.

    ``steps`` has the columns x (in epochs), loss, accuracy; ``epochs`` those of
    `runcurves.EPOCH_COLUMNS`; what stands as accuracy is the run's ``score``. ``metrics``,
    ``norms`` and ``saturation`` are arrays beside them, a value an epoch. ``phase`` is "empty",
    "preparing", "running", "paused", "finished", "stopped", "failed" or "interrupted" (a folder
    whose run was killed, or goes on elsewhere).

    ``predictions`` are those of the epoch looked at: of ``at_epoch``, or the newest where that is
    None. ``kept`` are the epochs that `travel` can go to. ``scatter`` [images, 2] and ``plane``
    (low, high) and ``points`` are as `session.record` reads them, None where the run has none.
    """

    curves_changed = Signal()
    predictions_changed = Signal()
    state_changed = Signal()
    image_chosen = Signal(int)
    image_opened = Signal(int)  # it is to be seen whole
    travelled = Signal()  # another epoch is looked at, or there are others to go to
    travel_failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FRAME)
        self._timer.timeout.connect(self._tell)
        self._dirty: set[str] = set()
        self._chosen = 0
        self._background = Background()
        self._clear()

    def _clear(self) -> None:
        self.path = ""
        self.design: Design | None = None
        self.classes: tuple[str, ...] = ()
        self.items: tuple[RunItem, ...] = ()
        self.thumbnails: NDArray[np.uint8] | None = None
        self.phase = "empty"
        self.reason = ""
        self.progress: events.Progress | None = None
        self.curves = Curves()
        self.at_epoch: int | None = None
        self.kept: tuple[int, ...] = ()
        self.scatter: NDArray[Any] | None = None
        self.plane: tuple[NDArray[Any], NDArray[Any]] | None = None
        self.points: Points | None = None
        self._newest: events.Predictions | None = None
        self._design_then: Design | None = None
        self._background.forget()
        self._hold(None)

    # ---- what the curves say --------------------------------------------------------------------

    @property
    def steps(self) -> Columns:
        """A row a step."""
        return self.curves.steps

    @property
    def epochs(self) -> Columns:
        """A row an epoch."""
        return self.curves.epochs

    @property
    def metrics(self) -> dict[str, Floats]:
        """More of the validation set, by name: a value for each row of ``epochs``."""
        return self.curves.metrics.arrays()

    @property
    def norms(self) -> dict[str, Floats]:
        """Gradient norms by stage id: a value for each row of ``epochs``, NaN where none is."""
        return self.curves.norms.arrays()

    @property
    def saturation(self) -> dict[str, Floats]:
        """Share of outputs at a squash's ends, by stage id, as ``norms``."""
        return self.curves.saturation.arrays()

    @property
    def marks(self) -> list[events.Mark]:
        """What happened to the run on its way."""
        return self.curves.marks

    @property
    def gradient_norms(self) -> dict[str, float]:
        """The norms of the epoch looked at."""
        if not len(self.epochs):
            return {}
        row = None if self.at_epoch is None else self.curves.row_of(self.at_epoch)
        norms = {name: column[-1 if row is None else row] for name, column in self.norms.items()}
        return {name: float(norm) for name, norm in norms.items() if not np.isnan(norm)}

    @property
    def score(self) -> str:
        """ "accuracy", or "mae" of a regression."""
        return self.curves.score

    @property
    def regression(self) -> bool:
        """Whether numbers are predicted, not classes."""
        return self.curves.regression

    @property
    def of_rows(self) -> bool:
        """Whether its samples are rows of numbers rather than images."""
        return self.design is not None and self.design.data.rows

    @property
    def total_epochs(self) -> int:
        """How many epochs the run is to have."""
        return self.curves.total_epochs

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch, at least 1."""
        return self.curves.steps_per_epoch

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept as the best, 0 before there is one."""
        return self.curves.best_epoch

    @property
    def summary(self) -> str:
        """The run in a line, "" when there is none."""
        curves = self.curves
        if not len(curves.epochs):
            return ""
        looked = self.at_epoch is not None and curves.row_of(self.at_epoch) is not None
        epoch = self.at_epoch if looked else int(curves.epochs["epoch"][-1])
        assert epoch is not None
        text = f"epoch {epoch} of {curves.total_epochs}{' (looking back)' if looked else ''}"
        text += f" · validation {SCORES[curves.score]} {curves.score_of(epoch):.3f}"
        if curves.best_epoch:
            best = curves.score_of(curves.best_epoch)
            text += f" · best {best:.3f} in epoch {curves.best_epoch}"
        return text

    # ---- where it comes from --------------------------------------------------------------------

    def clear(self) -> None:
        """Show no run."""
        self._clear()
        self._tell_all()

    def open(self, path: str | Path) -> None:
        """Show the run in a folder. Raises UserError and keeps what is shown when it cannot."""
        self.show(record.read_record(Path(path)))

    def show(self, found: Record, curves: Curves | None = None) -> None:
        """Show a run that has been read, with its curves where they are at hand."""
        self._clear()
        self.curves = curves or Curves.of(found.events)
        self.path = str(found.path)
        self.design, self.classes, self.items = found.design, found.classes, found.items
        if not self.total_epochs:
            self.curves.total_epochs = found.design.training.epochs
            self.curves.score = "mae" if found.design.data.task == "regress" else "accuracy"
        self.thumbnails = found.thumbnails
        self.phase = "interrupted" if found.state == "running" else found.state
        if self.phase == "failed":
            reasons = [event.reason for event in found.events if isinstance(event, events.Failed)]
            self.reason = reasons[-1] if reasons else ""
        self._newest = found.predictions
        self._hold(found.predictions)
        self._tell_all()

    def on_event(self, event: events.Event) -> None:
        """Take in one event of the run that goes on now."""
        match event:
            case events.Started():
                self._start(event)
            case events.Steps():
                if self.phase != "paused":
                    self.phase = "running"
                self._follow(event)
            case events.Epoch():
                self._follow(event)
            case events.Mark():
                self._follow(event)
                self._read(self._read_changed)
                if event.kind == "edit":  # what is trained on may be another
                    self.scatter = self.plane = self.points = None
            case events.Predictions():
                self._newest = event
                self._mark("kept")
                if self.at_epoch is None:
                    self._hold(event)
                    self._mark("predictions")
            case events.Progress():
                self.progress = event
                self.phase = "preparing"
            case events.Paused():
                self.phase = "paused"
                self._mark("kept")
            case events.Resumed():
                self.phase = "running"
            case events.Finished() | events.Stopped():
                self._follow(event)
                self.progress = None
                self.phase = type(event).__name__.lower()
            case events.Failed():
                self.progress = None
                self.phase, self.reason = "failed", event.reason
            case _:
                return
        self._mark("state")

    def _follow(self, event: events.Event) -> None:
        self.curves.take(event)
        self._mark("curves")
        if not isinstance(event, events.Steps):
            self._mark("kept")

    def _start(self, event: events.Started) -> None:
        begun = event.first_epoch > 1 or event.at > 0
        known = self.path == event.run and self.curves.reach(event.first_epoch - 1, event.at)
        goes_on = begun and (known or self._reopened(event.run))
        if not goes_on:
            self._clear()
        self.curves.take(event)
        self.path, self.classes = event.run, event.classes
        self.progress, self.reason, self.phase = None, "", "running"
        self._read(self._read_design)
        self._read(self._read_images)
        self._tell_all()

    def _reopened(self, path: str) -> bool:
        """Whether the curve of the run that is taken up again could be read from its folder."""
        return self._read(lambda: self.show(record.read_record(Path(path))))

    def _read(self, what: Callable[[], None]) -> bool:
        """Whether something of the run's folder could be read."""
        try:
            what()
        except UserError as error:
            _log.warning("Not all of the run is shown: %s", error)
            return False
        return True

    def _read_design(self) -> None:
        """The design as the worker has written it."""
        self.design = codec.load(Path(self.path, record.DESIGN))

    def _read_changed(self) -> None:
        """The design anew: a change or an edit has written another one."""
        self._read_design()
        if self.design is not None:
            self.curves.total_epochs = self.design.training.epochs

    def _read_images(self) -> None:
        """Validation images and thumbnails, which the worker wrote before it began."""
        folder = Path(self.path)
        self.items = record.read_items(folder, len(self.classes))
        self.thumbnails = record.read_thumbnails(folder)

    def _read_plots(self) -> None:
        """What the worker writes only once; it may not have come that far."""
        if self.path and self.predictions is not None:
            folder = Path(self.path)
            if self.scatter is None:
                self.scatter = record.read_scatter(folder)
            if self.plane is None:
                self.plane = record.read_plane(folder)
                if self.plane is not None:
                    self.points = record.read_points(folder, len(self.classes))

    # ---- predictions ----------------------------------------------------------------------------

    def _hold(self, predictions: events.Predictions | None) -> None:
        """Show these predictions, and what they say of each image (see `judged`)."""
        self.predictions = predictions
        self._judged = judge(predictions, self.regression)
        (
            self.labels, self.predicted, self.right, self.true_probability, self.confidence,
            self.errors,
        ) = self._judged  # fmt: skip

    def most_wrong(self) -> NDArray[np.intp]:
        """Images, wrong ones first, and of those the ones that are furthest off."""
        return self._judged.most_wrong()

    def class_name(self, label: int) -> str:
        """The name of a class."""
        return self.classes[label] if 0 <= label < len(self.classes) else f"class {label}"

    @property
    def design_then(self) -> Design | None:
        """The design of the epoch looked at, None where that is the run's own."""
        return self._design_then

    # ---- looking back ---------------------------------------------------------------------------

    def travel(self, epoch: int | None) -> None:
        """Look at the run as it was after ``epoch``; None returns to its newest state.

        The epoch's file is read in a thread; `predictions_changed` says when it is shown, or
        `travel_failed` why it cannot be.
        """
        if epoch == self.at_epoch:
            return
        self.at_epoch = epoch
        self._background.forget()
        if epoch is None:
            self._design_then = None
            self._hold(self._newest)
            self._dirty.add("predictions")
        else:
            path, classes = Path(self.path), len(self.classes)
            self._background.do(lambda: _kept(path, epoch, classes), self._arrive, self._turn_back)
        self._dirty.update(("travel", "state"))
        self._tell()

    def _arrive(self, found: tuple[events.Predictions, Design]) -> None:
        predictions, design = found
        if self.items and len(self.items) != len(predictions.labels):
            self._turn_back("What was kept of this epoch is of other images than the run's.")
            return
        self._design_then = design
        self._hold(predictions)
        self._dirty.update(("predictions", "travel"))
        self._tell()

    def _turn_back(self, reason: str) -> None:
        self.travel(None)
        self.travel_failed.emit(reason)

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

    def open_image(self, image: int) -> None:
        """Choose an image, and show all that is known of it."""
        self.chosen_image = image
        self.image_opened.emit(image)

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
        stage = self._trained_stage(stage_id)
        if stage is not None and stage.row.each_feature:
            row = row[:1]  # the circuit runs for every feature: its first stands for them all
        return row if len(row) == expand(circuit).inputs and np.isfinite(row).all() else None

    def weights_for(self, stage_id: str, circuit: Circuit, fresh: float = 0.0) -> Floats | None:
        """The run's weights [weights] for ``circuit``, in radians: of the epoch looked at.

        The circuit on screen may have been edited since it was trained: what survives of its
        blocks keeps its weights; new ones are at the mean of their first draw, and ``fresh`` beside
        it where that has a spread. None when nothing survives.
        """
        trained = self._trained_circuit(stage_id)
        if trained is None or self.predictions is None:
            return None
        weights = self.predictions.weights.get(stage_id)
        return None if weights is None else surviving(trained, weights, circuit, fresh)

    def _trained_circuit(self, stage_id: str) -> Circuit | None:
        stage = self._trained_stage(stage_id)
        return stage.circuit if stage is not None else None

    def _trained_stage(self, stage_id: str) -> Stage | None:
        design = self._design_then or self.design
        if design is None:
            return None
        return next((s for s in design.stages if s.id == stage_id), None)

    # ---- once a frame ---------------------------------------------------------------------------

    def _mark(self, *what: str) -> None:
        self._dirty.update(what)
        if not self._timer.isActive():
            self._timer.start()

    def _tell_all(self) -> None:
        """Another run is on screen: said at once, before anybody paints an image of the last."""
        self._dirty.update(("curves", "predictions", "state", "travel"))
        self._tell()

    def _tell(self) -> None:
        self._look_for_kept()
        dirty, self._dirty = self._dirty, set()
        if "predictions" in dirty:
            self._read(self._read_plots)
            if 0 < len(self.labels) <= self._chosen:
                self.chosen_image = 0
        signals = {
            "curves": self.curves_changed,
            "travel": self.travelled,
            "predictions": self.predictions_changed,
            "state": self.state_changed,
        }
        for name, signal in signals.items():
            if name in dirty:
                signal.emit()

    def _look_for_kept(self) -> None:
        """Which epochs one can go to: more with every epoch, and fewer when a long run thins."""
        if self.path and self._dirty & {"kept", "travel"}:
            kept = record.kept_epochs(Path(self.path))
            if kept != self.kept:
                self.kept = kept
                self._dirty.add("travel")


def _kept(path: Path, epoch: int, classes: int) -> tuple[events.Predictions, Design]:
    """What a run kept of an epoch, and its design of then. Raises UserError."""
    predictions = record.read_epoch(path, epoch, classes)
    if predictions is None:
        raise UserError(f"Epoch {epoch} of this run is not kept any more; choose another one.")
    return predictions, record.design_at(path, epoch)
