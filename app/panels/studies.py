"""The Compare tab: designs compared over seeds, with what that shows in plain words."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.panels.cells import Caption
from app.panels.header import left
from app.panels.studyform import CONTROLS, StudyForm, runs_of
from app.panels.studytable import StudyTable
from app.studying import STOPPED
from app.studytally import Tally
from app.tasks import Task
from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.session.studying import RunDone, RunFailed, StudyBegun
from qdesigner.session.verdict import Reported

HINT = (
    "A study trains designs on the same data, splits and seeds, chooses each run's epoch on the "
    "validation samples and scores it once on the test samples. “Does it help?” compares the "
    "circuit on screen with what is simpler in its place: without entanglers, frozen at random, "
    "an MLP with as many weights, and a linear head. Ten seeds say much, two say little."
)
FORM = 250  # px


class StudiesPanel(QWidget):
    """To the left which study; to the right its results as they come, and what they show."""

    def __init__(self, document: Document, task: Task, training: Callable[[], bool]) -> None:
        super().__init__()
        self._task, self._training = task, training
        self.tally: Tally | None = None  # the results that are shown
        self._folder = self._report = ""
        self._failed: list[RunFailed] = []
        self._counted = False  # whether a run has ended since the start
        self.form = StudyForm(document)
        self.go = QPushButton("Start")
        self.go.setProperty("kind", "primary")
        self.bar = QProgressBar(textVisible=False)
        self.said = Caption()
        self.said.setWordWrap(True)
        self.failed = Caption(colour="wrong")
        self.failed.setWordWrap(True)
        self.what = Caption()
        self.shown = Caption(colour="text", bold=True)
        self.shown.setWordWrap(True)
        self.report, self.folder = QPushButton("Report"), QPushButton("Folder")
        self.report.setToolTip("Open the report, with tables and plots")
        self.folder.setToolTip("Show the study's folder")
        self.table = StudyTable()
        self.hint = Caption(HINT)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self._lay_out()
        for button in (self.go, self.report, self.folder):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # after a click, Space trains
        self.go.clicked.connect(self._start_or_stop)
        self.report.clicked.connect(lambda: _show(self._report))
        self.folder.clicked.connect(lambda: _show(self._folder))
        self.form.changed.connect(self._refresh)
        self.form.opened.connect(lambda _folder: self._start_or_stop())
        self.form.refused.connect(self._refuse)
        task.said.connect(self._take)
        task.ended.connect(self._ended)
        # A study of what is on screen takes a moment to make: not at every step of a drag.
        self._later = QTimer(self, singleShot=True, interval=300)
        self._later.timeout.connect(self._refresh)
        document.changed.connect(lambda _design: self._later.start() if self.isVisible() else None)
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """The design may be another by now."""
        super().showEvent(event)
        self._later.start()

    def _lay_out(self) -> None:
        scroll = _scrolling(self.form)
        scroll.setFixedWidth(FORM)
        top = QHBoxLayout()
        top.setSpacing(8)
        self.bar.setFixedWidth(120)
        self.said.setMinimumWidth(40)
        for widget in (self.go, self.bar):
            top.addWidget(widget)
        top.addWidget(self.said, 1)
        top.addWidget(self.report)
        top.addWidget(self.folder)
        inside = QWidget()
        inside.setObjectName("inside")
        results = QVBoxLayout(inside)
        results.setContentsMargins(0, 0, 8, 0)
        results.setSpacing(6)
        for widget in (self.what, self.shown, self.table):
            results.addWidget(widget)
        results.addStretch(1)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.hint)
        self._stack.addWidget(_scrolling(inside))
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addLayout(top)
        right.addWidget(self.failed)
        right.addLayout(self._stack, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(16)
        row.addWidget(scroll)
        row.addLayout(right, 1)

    # ---- what is asked --------------------------------------------------------------------------

    def ask_whether_it_helps(self) -> None:
        """Begin the controls of the design on screen, unless a study goes on."""
        if not self._task.running:
            self.form.choose(CONTROLS)
            self._start_or_stop()

    def _start_or_stop(self) -> None:
        if self._task.running:
            self._task.answer(events.Stop())
            self.go.setEnabled(False)
            self.said.setText("Stopping …")
            return
        try:
            wanted = self.form.wanted()
        except UserError as error:
            self._refuse(str(error))
            return
        self.tally, self._failed, self._counted = Tally(wanted.study), [], False
        self._report = ""
        self.what.setText(self.form.title(wanted.study))
        self.shown.setText("")
        self.bar.setRange(0, 0)
        self._task.start(wanted)
        self._refresh("Starting …")

    # ---- what comes -----------------------------------------------------------------------------

    def _take(self, message: object) -> None:
        match message:
            case StudyBegun():
                self._folder = message.folder
                self.bar.setRange(0, message.total)
                self.bar.setValue(message.done)
                count = message.total - message.done
                self.said.setText(f"{count:,} runs to do, by {message.where}")
            case RunDone():
                self._count(message)
            case RunFailed():
                self._failed.append(message)
                self._tell_trouble()
            case events.Progress() if message.total or not self._counted:
                self.said.setText(message.what)
            case Reported():
                self._report = message.path
                if self.tally is not None:
                    self.tally.judge(message.verdict)
                    self.shown.setText("\n".join(message.verdict.whole))
                    self._show_table()

    def _count(self, event: RunDone) -> None:
        if self.tally is None:
            return
        self.tally.add(event.result)
        self._counted = True
        self.bar.setValue(event.done)
        also = "the training under way makes both slower" if self._training() else ""
        parts = (f"{event.done:,} of {event.total:,} runs", left(event.left), also)
        self.said.setText(", ".join(part for part in parts if part))
        self._show_table()

    def _ended(self, why: str) -> None:
        if why == STOPPED:
            self._refresh("Stopped; what is done is kept, and Start goes on.")
        else:
            self._refresh("" if why else "Done.", why)

    # ---- how it looks ---------------------------------------------------------------------------

    def _refuse(self, why: str) -> None:
        self._refresh("", why)

    def _refresh(self, text: str = "", trouble: str = "") -> None:
        running = self._task.running
        if running and not text:
            return
        why = ""
        if not running:
            try:
                study = self.form.wanted().study
                counts = f"{len(study.variants)} variants × {len(study.seeds)} seeds"
                text = text or f"{runs_of(study):,} runs: {counts}."
            except UserError as error:
                why = str(error)
        self.form.setEnabled(not running)
        self.go.setText("Stop" if running else "Start")
        self.go.setEnabled(running or not why)
        self.bar.setVisible(running)
        self.said.setText(text)
        self.report.setVisible(bool(self._report))
        self.folder.setVisible(bool(self._folder) and self.tally is not None)
        self._tell_trouble(trouble or why)
        self._show_table()

    def _tell_trouble(self, why: str = "") -> None:
        last = self._failed[-1] if self._failed else None
        self.failed.setVisible(bool(why) or last is not None)
        if why:
            self.failed.setText(why)
        elif last is not None:
            count = len(self._failed)
            head = "1 run failed" if count == 1 else f"{count} runs failed, the last one"
            self.failed.setText(
                f"{head} ({last.task.variant}, seed {last.task.seed}): {last.reason}"
            )

    def _show_table(self) -> None:
        self.shown.setVisible(bool(self.shown.text()))
        self.table.show_tally(self.tally)
        self._stack.setCurrentIndex(0 if self.tally is None else 1)


def _scrolling(inside: QWidget) -> QScrollArea:
    scroll = QScrollArea(widgetResizable=True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(inside)
    return scroll


def _show(path: str) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(path))
