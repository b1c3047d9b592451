"""The one image that is looked at whole: a validation image of the run on screen, or a file that
was dropped, with what the run says of it and how it passes through a circuit.

It knows no widget. It asks the onlooking child only while somebody shows the answers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app.onlooking import Onlooking
from app.runcurves import Floats
from app.runview import RunView
from qdesigner.circuit.circuit import Circuit
from qdesigner.design.spec import Design, Stage
from qdesigner.session.onlook import Predict, Predicted, Said, Trace, Traced

AGAIN = 1500  # ms between two questions about the same image while a run goes on
MOST_FILES = 500


class Looked(QObject):
    """``files`` are those that were dropped; ``place`` is the one looked at, None for the
    validation image that is chosen. ``traced`` is the newest trace of what is looked at, None while
    there is none."""

    changed = Signal()  # something else is looked at, or other things are said of it
    trace_changed = Signal()

    def __init__(self, runview: RunView, onlooking: Onlooking) -> None:
        super().__init__()
        self._runview, self._onlooking = runview, onlooking
        self.files: tuple[str, ...] = ()
        self.place: int | None = None
        self.error = ""  # why nothing is said of the files
        self.traced: Traced | None = None
        self.stage = ""  # the quantum stage that is traced
        self._said: dict[str, Said] = {}
        self._run = ""
        self._shown = False
        self._asked: tuple[object, ...] = ()
        self._files_asked: tuple[object, ...] = ()
        self._again = QTimer(self, singleShot=True, interval=AGAIN)
        self._again.timeout.connect(self._ask_again)
        onlooking.predicted.connect(self._take_predicted)
        onlooking.traced.connect(self._take_traced)
        runview.image_chosen.connect(self._chosen)
        runview.image_opened.connect(lambda _image: self.show_image())
        runview.predictions_changed.connect(self._follow_run)
        runview.state_changed.connect(self._follow_state)

    # ---- what is looked at ----------------------------------------------------------------------

    def show_image(self) -> None:
        """Look at the validation image that is chosen."""
        if self.place is not None:
            self.place = None
            self._turn()

    def show_files(self, paths: list[str]) -> None:
        """Look at image files, the first of them first."""
        self.files = tuple(dict.fromkeys(paths))[:MOST_FILES]
        self._said, self.error, self._files_asked = {}, "", ()
        self.place = 0 if self.files else None
        self._turn()

    def show_file(self, place: int) -> None:
        """Look at another of the files."""
        if 0 <= place < len(self.files) and place != self.place:
            self.place = place
            self._turn()

    def forget_files(self) -> None:
        """Look at the run's own images again, and keep no other."""
        self.files, self.place, self._said = (), None, {}
        self._onlooking.forget(Predict)
        self._turn()

    def trace_through(self, stage: str) -> None:
        """Trace through another circuit."""
        if stage != self.stage:
            self.stage = stage
            self._turn()

    def show(self, shown: bool) -> None:
        """Whether somebody shows the answers."""
        self._shown = shown
        if shown:
            self._ask()

    @property
    def path(self) -> str:
        """The file that is looked at, "" for a validation image."""
        return self.files[self.place] if self.place is not None else ""

    @property
    def image(self) -> int | None:
        """The validation image that is looked at, None for a file or where there is none."""
        there = self._runview.chosen_image < len(self._runview.labels)
        return self._runview.chosen_image if self.place is None and there else None

    # ---- what is said of it ---------------------------------------------------------------------

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self._runview.classes

    def class_name(self, place: int) -> str:
        """The name of a class."""
        return self._runview.class_name(place)

    def said_of(self, path: str) -> Said | None:
        """What the run says of a file; None while it has not answered."""
        return self._said.get(path)

    @property
    def probabilities(self) -> Floats | None:
        """By class [classes]; in a regression the number, [1]. None while it is not known."""
        if self.path:
            said = self._said.get(self.path)
            values = said.probabilities if said is not None else None
        else:
            image, known = self.image, self._runview.predictions
            values = known.probabilities[image] if known and image is not None else None
        return None if values is None else np.nan_to_num(np.asarray(values, dtype=float))

    @property
    def angles(self) -> dict[str, Floats]:
        """What each quantum stage gets of it, [features] in radians, by stage id."""
        if self.path:
            said = self._said.get(self.path)
            return dict(said.angles) if said is not None else {}
        image, known = self.image, self._runview.predictions
        if image is None or known is None:
            return {}
        return {name: rows[image] for name, rows in known.angles.items() if image < len(rows)}

    # ---- its way through a circuit --------------------------------------------------------------

    @property
    def design(self) -> Design | None:
        """What the run had trained at the epoch that is looked at."""
        return self._runview.design_then or self._runview.design

    @property
    def stages(self) -> list[Stage]:
        """The quantum stages that it can be traced through."""
        design = self.design
        return [s for s in design.stages if s.circuit is not None] if design is not None else []

    @property
    def traced_stage(self) -> Stage | None:
        """The stage that is traced: the one asked for, or else the first."""
        stages = self.stages
        named = (stage for stage in stages if stage.id == self.stage)
        return next(named, stages[0] if stages else None)

    @property
    def circuit(self) -> Circuit | None:
        """The circuit that is traced."""
        stage = self.traced_stage
        return stage.circuit if stage is not None else None

    @property
    def tracing(self) -> bool:
        """Whether a trace is on its way."""
        return self._onlooking.waits_for(Trace)

    # ---- asking ---------------------------------------------------------------------------------

    def _chosen(self, _image: int) -> None:
        if self.place is None:
            self._turn()

    def _turn(self) -> None:
        """Something else is looked at: what was known of the last is not true of it."""
        self.traced, self._asked = None, ()
        self._onlooking.forget(Trace)
        self.changed.emit()
        self.trace_changed.emit()
        self._ask()

    def _follow_run(self) -> None:
        """Newer weights, another epoch, or another run."""
        if self._runview.path != self._run:
            self._run = self._runview.path
            self._said, self._files_asked, self.error = {}, (), ""
            self._onlooking.forget(Predict)
            self._turn()
            return
        self.changed.emit()
        if self._runview.at_epoch is not None:
            self._ask()
        elif not self._again.isActive():
            self._again.start()

    def _follow_state(self) -> None:
        """A run that stands still is asked by the very epoch that is on screen."""
        if self._runview.phase != "running":
            self._ask()

    def _epoch(self) -> int:
        """The epoch to ask about, 0 for the newest checkpoint: that of a run that was stopped may
        lie within an epoch, and what is on screen is of the end of one."""
        run = self._runview
        if run.at_epoch is not None:
            return run.at_epoch
        newest = run.predictions.epoch if run.predictions is not None else 0
        return newest if run.phase != "running" and newest in run.kept else 0

    def _ask_again(self) -> None:
        """Newer weights are asked when the last ones have answered: many files take longer than
        an epoch, and would otherwise never be answered for."""
        if self._onlooking.waits_for(Predict) or self._onlooking.waits_for(Trace):
            self._again.start()
        else:
            self._ask()

    def _ask(self) -> None:
        """Ask what is not known yet."""
        run = self._runview
        if not self._shown or not run.path:
            return
        newest = run.predictions.epoch if run.predictions is not None else 0
        epoch = self._epoch()
        when = (run.path, epoch, newest)
        if self.files and self._files_asked != when:
            self._files_asked = when
            self._onlooking.ask(Predict(0, run.path, self.files, epoch))
        subject = self.path or self.image
        stage = self.traced_stage
        if stage is None or subject is None or run.predictions is None:
            return
        asked = (*when, stage.id, subject)
        if asked != self._asked:
            self._asked = asked
            image = subject if isinstance(subject, int) else 0
            self._onlooking.ask(Trace(0, run.path, stage.id, image, self.path, epoch))
            self.trace_changed.emit()

    def _take_predicted(self, answer: Predicted) -> None:
        self.error = answer.error
        if not answer.error:
            self._said = {said.path: said for said in answer.rows}
        self.changed.emit()

    def _take_traced(self, answer: Traced) -> None:
        self.traced = answer
        self.trace_changed.emit()


def file_name(path: str) -> str:
    """A file's name without its folders."""
    return Path(path).name
