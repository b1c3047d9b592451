"""Training, resuming and exporting in the window: what Run does, and what is said of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.background import Background
from app.checked import Checked
from app.diagnostics import diagnostics
from app.document import Document
from app.liveedits import LiveEdits, goes_on_with
from app.panels.notices import Button, Notices
from app.project import file_name
from app.runcurves import Curves
from app.runview import RunView
from app.saturation import insert_batch_norm, saturated, sentence
from app.session import Session
from qdesigner.design import codec
from qdesigner.design.plan import same_model
from qdesigner.design.spec import Design
from qdesigner.errors import UserError
from qdesigner.paths import data_folder
from qdesigner.session import events
from qdesigner.session.record import LAST, Record, read_record

_log = logging.getLogger(__name__)
SETTLED = 3  # epochs before anything is said of the angles


class Runs(QObject):
    """Starts and ends runs, keeps the document's last run, and says in banners what happened."""

    changed = Signal()
    log_wanted = Signal()

    def __init__(
        self,
        document: Document,
        session: Session,
        runview: RunView,
        checked: Checked,
        notices: Notices,
    ) -> None:
        super().__init__()
        self._document, self._session, self._runview = document, session, runview
        self._checked, self._notices = checked, notices
        self.lines: list[str] = []
        self._skipped: tuple[tuple[str, str], ...] = ()  # said already, once for these files
        self._told_saturation = False
        self._foreign = False  # the run that goes on belongs to a project no longer on screen
        self._background = Background()
        self._anew = False  # a run is being stopped only to begin another one
        self._edits = LiveEdits(document, session, checked, notices, self.train_anew)
        session.event.connect(self._take)
        session.state_changed.connect(lambda _state: self.changed.emit())
        runview.travelled.connect(self.changed)
        runview.travel_failed.connect(lambda text: notices.post("travel", text, "warning"))
        document.replaced.connect(self.show_last)

    # ---- training -------------------------------------------------------------------------------

    def train_or_pause(self) -> None:
        """Train when nothing runs, or go on with the run that was stopped; else pause or go on."""
        state = self._session.state
        if state == "training":
            self._session.pause()
        elif state == "paused":
            self._session.resume()
        elif self.goes_on:
            self.resume()
        else:
            self.train_anew()

    def train_anew(self) -> None:
        """Train in a new run; one that goes on is stopped first, and keeps its checkpoint."""
        if self._checked.error:
            self._notices.post("run", f"This cannot be trained yet. {self._checked.error}", "error")
        elif self._session.state in ("training", "paused"):
            self._anew = True
            self._session.stop()
        elif not self._session.busy:
            self._begin()

    def resume(self, run: str = "") -> None:
        """Take a run up again from its last checkpoint."""
        run = run or self.resumable
        if run and not self._session.busy:
            self._begin(resume=run)

    def branch(self, run: str = "", epoch: int = 0) -> None:
        """Begin a new run of the design on screen with the weights that ``run`` had after
        ``epoch``; of the run on screen, the epoch that is looked at."""
        if not run:
            run, epoch = self._runview.path, self._runview.at_epoch or 0
        if self._checked.error:
            self._notices.post("run", f"This cannot be trained yet. {self._checked.error}", "error")
        elif run and not self._session.busy:
            self._begin(branch=run, epoch=epoch)

    def _begin(self, **how: Any) -> None:
        self._notices.dismiss("run")
        self._session.train(self._document.design, **how)
        if not how:
            # The worker may still be importing; the panels say at once that something has begun.
            self._runview.on_event(events.Progress("starting the training process", 0, 0))

    @property
    def goes_on(self) -> bool:
        """Whether Train resumes: the last run was stopped on its way, and is of this design."""
        trained = self._runview.design
        stopped = self._runview.phase in ("stopped", "interrupted", "failed")
        if not stopped or trained is None or not self.resumable:
            return False
        return goes_on_with(trained, self._document.design)

    @property
    def verb(self) -> str:
        """What Train does now, in a word."""
        if self._session.state == "paused":
            return "Go on"
        return "Resume" if not self._session.busy and self.goes_on else "Train"

    @property
    def can_branch(self) -> bool:
        """Whether a run is on screen from which another one could begin."""
        return bool(self._runview.kept) and not self._session.busy

    @property
    def resumable(self) -> str:
        """The document's last run, when it has a checkpoint and is not finished; else ""."""
        run = self._document.design.run
        if not run or self._session.busy or self._runview.phase == "finished":
            return ""
        return run if Path(run, LAST).is_file() else ""

    def show_last(self) -> None:
        """Show the last run of the project that came in, where it is still there."""
        if self._session.busy:
            self._session.stop()
            self._foreign = True
            self._edits.begin(None)
        run = self._document.design.run
        self._background.forget()
        self._notices.dismiss("saturation")
        self._runview.clear()
        if run and Path(run).is_dir():
            self._open(run, lambda: None)

    def choose(self, parent: QWidget) -> None:
        """Ask for a run's folder and show it."""
        start = self._document.design.run or str(data_folder() / "runs")
        name = QFileDialog.getExistingDirectory(parent, "Open run", start)
        if name:
            self.open_run(name)

    def open_run(self, run: str) -> None:
        """Show a run everywhere; where it trained another design, that one is offered."""
        if not self._session.busy:
            self._open(run, lambda: self._opened(run))

    def _opened(self, run: str) -> None:
        self._notices.dismiss("run")
        self._document.set_run(run)
        trained = self._runview.design
        if trained is not None and not same_model(trained, self._document.design):
            self._notices.post(
                "run", "This run trained another model, or on other data, than are on screen.",
                "info", (("Take its design", lambda: self._take_design(run, trained)),),
            )  # fmt: skip

    def _take_design(self, run: str, trained: Design) -> None:
        self._document.apply("Take the run's design", trained.model_copy(update={"run": run}))

    def show_folder(self, run: str = "") -> None:
        """Show a run's folder in the file manager: the document's own, if no other."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(run or self._document.design.run))

    def say_deleted(self, run: str, undo: Callable[[], object]) -> None:
        """A run was deleted; it may be the one on screen, or on its way there."""
        self._background.forget()
        if run == self._document.design.run:
            self._document.set_run("")
        if run == self._runview.path:
            self._runview.clear()
        self._notices.post("deleted", f"The run {Path(run).name} is deleted.", "info",
                           (("Undo", undo),))  # fmt: skip
        self.changed.emit()

    def say_restored(self, run: str) -> None:
        """A deleted run is back; where none is on screen, it is shown again."""
        if not self._document.design.run:
            self.open_run(run)
        self.changed.emit()

    def _open(self, run: str, then: Callable[[], None]) -> None:
        """Read a run in a thread, show it and do ``then``; what was asked before is forgotten."""

        def read() -> tuple[Record, Curves]:
            found = read_record(Path(run))
            return found, Curves.of(found.events)

        def show(found: tuple[Record, Curves]) -> None:
            if not self._session.busy:
                self._runview.show(*found)
                then()

        self._background.forget()
        self._background.do(
            read, show,
            lambda text: self._notices.post("run", text, "warning"),
        )  # fmt: skip

    # ---- export ---------------------------------------------------------------------------------

    def export(self, parent: QWidget) -> None:
        """Ask for a file and write the script there."""
        here = self._document.path
        folder = here.parent if here else Path.home()
        name = file_name(self._document.design.name).removesuffix(codec.SUFFIX)
        offered = folder / (name.lower().replace(" ", "_") + ".py")
        chosen, _ = QFileDialog.getSaveFileName(
            parent, "Export script", str(offered), "Python script (*.py)"
        )
        if chosen:
            path = Path(chosen)
            self.export_to(path if path.suffix == ".py" else path.with_name(path.name + ".py"))

    def export_to(self, path: Path) -> None:
        """Write the script, with the last run's weights when it trained this very model."""
        run = self.matching_run()
        text = "Writing the script…" if run else "Writing the script, with untrained weights…"
        self._notices.post("export", text)
        self._session.export(str(path), self._document.design, run)

    def export_curves(self, parent: QWidget, write: Callable[[Path], tuple[Path, ...]]) -> None:
        """Ask for a file and let the curves be written there."""
        here = self._document.path
        offered = (here.parent if here else Path.home()) / "curves.png"
        chosen, kind = QFileDialog.getSaveFileName(
            parent, "Export curves", str(offered),
            "Picture (*.png);;Drawing (*.svg);;Tables of epochs and steps (*.csv)",
        )  # fmt: skip
        if not chosen:
            return
        path = Path(chosen)
        if path.suffix.lower() not in (".png", ".svg", ".csv"):
            path = path.with_name(path.name + kind[kind.index("(*") + 2 : -1])
        try:
            files = write(path)
        except UserError as error:
            self._notices.post("export", str(error), "error")
            return
        folder = QUrl.fromLocalFile(str(path.parent))
        names = " and ".join(file.name for file in files)
        self._notices.post(
            "export", f"The curves are written: {names}", "info",
            (("Show in folder", lambda: QDesktopServices.openUrl(folder)),),
        )  # fmt: skip

    def matching_run(self) -> str:
        """The last run, when the model and the data on screen are those it trained; else ""."""
        trained, design = self._runview.design, self._document.design
        if trained is None or not len(self._runview.epochs):
            return ""
        return self._runview.path if same_model(trained, design) else ""

    # ---- what happened --------------------------------------------------------------------------

    def _take(self, event: events.Event) -> None:
        if self._foreign and not isinstance(event, events.Exported | events.ExportFailed):
            self._foreign = self._session.busy
            return
        self._runview.on_event(event)
        match event:
            case events.Started():
                self._document.set_run(event.run)
                self._edits.begin(self._runview.design or self._document.design)
                if event.note:
                    self._notices.post("note", event.note)
                if event.skipped and event.skipped != self._skipped:
                    self._say_skipped(event)
                self._told_saturation = False
                self._notices.dismiss("saturation")
            case events.Refused():
                self._notices.post("run", event.reason, "warning")
                self._edits.begin(self._runview.design)
            case events.Predictions():
                self._watch_saturation(event)
            case events.Failed():
                self._say_failed(event)
            case events.Finished() if event.early:
                self._notices.post("run", _early(event, self._runview))
            case events.Exported():
                self._say_exported(event.path)
            case events.ExportFailed():
                self._notices.post("export", event.reason, "error")
        if isinstance(event, events.Finished | events.Stopped | events.Failed):
            self._edits.begin(None)
            anew, self._anew = self._anew, False
            if anew and not isinstance(event, events.Failed):
                self.train_anew()
        self.changed.emit()

    def _watch_saturation(self, event: events.Predictions) -> None:
        """Say once a run, when it has settled, that the squash takes most of the features' size."""
        if self._told_saturation or event.epoch < SETTLED:
            return
        found = saturated(self._document.design, event.angles)
        if found is None:
            return
        self._told_saturation = True
        squash, share = found
        button = ("Insert batch norm", lambda: insert_batch_norm(self._document, squash))
        self._notices.post("saturation", sentence(share), "warning", (button,))

    def _say_skipped(self, event: events.Started) -> None:
        for path, reason in event.skipped:
            _log.warning("Not used: %s (%s)", path, reason)
        self._skipped = event.skipped
        count = len(event.skipped)
        name, reason = event.skipped[0]
        text = f"{count} files of the data cannot be used" if count > 1 else "One file is not used"
        self._notices.post(
            "skipped", f"{text}: {Path(name).name}: {reason}{', …' if count > 1 else '.'}",
            "info", (("Show them", self.log_wanted.emit),),
        )  # fmt: skip

    def _say_failed(self, event: events.Failed) -> None:
        _log.error("%s", f"{event.reason}\n{event.details}".strip())
        buttons: list[Button] = []
        if event.resumable:
            buttons.append(("Resume from checkpoint", lambda: self.resume(event.run)))
        buttons.append(("Copy diagnostics", self.copy_diagnostics))
        self._notices.post("run", f"Training stopped. {event.reason}", "error", tuple(buttons))
        self._checked.refresh(again=True)  # the data may have gone meanwhile

    def _say_exported(self, path: str) -> None:
        folder = QUrl.fromLocalFile(str(Path(path).parent))
        self._notices.post(
            "export", f"The script is written: {path}", "info",
            (("Show in folder", lambda: QDesktopServices.openUrl(folder)),),
        )  # fmt: skip

    # ---- diagnostics ----------------------------------------------------------------------------

    def keep_line(self, line: str) -> None:
        """A line of the log, for the diagnostics."""
        self.lines = [*self.lines[-199:], line]

    def copy_diagnostics(self) -> None:
        """Put versions, platform, the design and the last log lines on the clipboard."""
        QGuiApplication.clipboard().setText(
            diagnostics(self._document.design, self._session, self.lines)
        )
        self._notices.post("diagnostics", "The diagnostics are on the clipboard.")


def edited(run: Design, now: Design) -> bool:
    """Whether the model, its data or its training is another than the run's."""
    mine, other = ((d.stages, d.data, d.training, d.device) for d in (run, now))
    return mine != other


def _early(event: events.Finished, runview: RunView) -> str:
    """What early stopping did, as a sentence."""
    best = f" Its best is epoch {runview.best_epoch}." if runview.best_epoch else ""
    return (
        f"Early stopping ended the run after epoch {event.epochs}: the validation loss no longer "
        f"improved.{best}"
    )
