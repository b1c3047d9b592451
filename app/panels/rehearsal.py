"""The Rehearsal page: a run's accuracy against shots and under machines' noise, as it comes.

Import it late: it loads pyqtgraph.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.panels.cells import Caption, Elided
from app.panels.header import left, number, progress_text
from app.panels.rehearsalform import RehearsalForm
from app.panels.rehearsalplot import Key, RehearsalPlot, told
from app.panels.tables import Lines, PlainTable
from app.runview import RunView
from app.tasks import Task
from qdesigner.design.plan import duration
from qdesigner.design.spec import Design
from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.session.rehearsal import (
    MOST,
    Begun,
    Measured,
    Reached,
    Rehearsal,
    Rehearse,
    read_rehearsal,
)
from qdesigner.session.rehearsal_plan import expected_ms, images_of
from qdesigner.session.rehearsal_words import (
    interval_words,
    percent,
    said,
    score_words,
    shots_words,
)

HINT = (
    "Press Rehearse to see how this run would do on hardware: its accuracy with ever more shots, "
    "and under the noise that real machines had. Rows come one by one and stay with the run."
)
COLUMNS = ("device", "shots", "accuracy (95 %)", "change", "depth", "2-qubit", "circuits", "time")
SPARED = ("circuits", "depth", "2-qubit", "time")  # where there is little room
LINE = 21  # px, a row's height
# px of the page from which table and plot stand beside each other, all columns are shown, and
# (high) all sentences.
BESIDE, ROOMY, TALL = 720, 1060, 300
LOW = 180  # px: in a lower page the plot goes without its key; pointing at a line tells it


class RehearsalPanel(QWidget):
    """What is chosen to the left; the rows in the middle, with what they say; the plot."""

    def __init__(self, document: Document, runview: RunView, task: Task) -> None:
        super().__init__()
        self._document, self._runview, self._task = document, runview, task
        self._path = ""  # of the run whose rows are shown
        self._asked = ""  # the run that the child works at
        self._outcome = ""  # how the last rehearsal ended, until something else is chosen
        self._seen: object = None  # of the run, when it was last looked at
        self.found: Rehearsal | None = None
        self.form = RehearsalForm()
        self.go = QPushButton("Rehearse")
        self.go.setProperty("kind", "primary")
        self.go.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # after a click, Space trains
        self.bar = QProgressBar(textVisible=False, maximum=1000)
        self.said = Elided()
        self.hint = Caption(HINT)
        self.sentences, self.short = Caption(colour="text"), Elided(colour="text")
        self.rows = Lines(COLUMNS)
        self.table = PlainTable(self.rows, "Rows of the rehearsal")
        self.plot, self.key = RehearsalPlot(), Key()
        self.views = {"plot": QPushButton("Plot"), "rows": QPushButton("Rows")}
        self._lay_out()
        self.go.clicked.connect(self._start_or_cancel)
        self.form.changed.connect(self._chosen)
        task.said.connect(self._take)
        task.ended.connect(self._ended)
        runview.state_changed.connect(self._follow_run)
        document.replaced.connect(self._forget)
        self._follow_run()

    def _lay_out(self) -> None:
        self.bar.setFixedWidth(120)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.go)
        top.addWidget(self.bar)
        top.addWidget(self.said, 1)
        either = QButtonGroup(self)
        for button in self.views.values():
            button.setProperty("kind", "segment")
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(self._fit_in)
            either.addButton(button)
            top.addWidget(button)
        self.views["plot"].setChecked(True)
        for caption in (self.hint, self.sentences):
            caption.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentences.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Maximum)
        self.table.verticalHeader().setDefaultSectionSize(LINE)
        self._drawn = QWidget()
        drawn = QVBoxLayout(self._drawn)
        drawn.setContentsMargins(0, 0, 0, 0)
        drawn.setSpacing(0)
        drawn.addWidget(self.plot, 1)
        drawn.addWidget(self.key)
        shown = QWidget()
        both = QHBoxLayout()
        both.setSpacing(12)
        both.addWidget(self.table, 3)
        both.addWidget(self._drawn, 2)
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.sentences)
        column.addWidget(self.short)
        column.addLayout(both, 1)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.hint)
        self._stack.addWidget(shown)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addLayout(top)
        right.addLayout(self._stack, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.form)
        row.addLayout(right, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a small window what matters most is shown."""
        super().resizeEvent(event)
        self._fit_in()

    def _fit_in(self) -> None:
        beside, some = self.width() >= BESIDE, bool(self.rows.rows)
        for button in self.views.values():
            button.setVisible(some and not beside)
        self._drawn.setVisible(beside or self.views["plot"].isChecked())
        self.table.setVisible(beside or self.views["rows"].isChecked())
        for name in SPARED:
            self.table.setColumnHidden(COLUMNS.index(name), self.width() < ROOMY)
        self.key.setVisible(self.height() >= LOW)
        tall, words = self.height() >= TALL, bool(self.sentences.text())
        self.sentences.setVisible(words and tall)
        self.short.setVisible(words and not tall)

    # ---- what is asked --------------------------------------------------------------------------

    @property
    def _design(self) -> Design:
        """That of the run."""
        return self._runview.design or self._document.design

    def _chosen(self) -> None:
        self._outcome = ""
        self._refresh()

    def _why_not(self) -> str:
        """Why it cannot begin, or ""."""
        if not self._runview.path or not len(self._runview.epochs):
            return "Train the model first, or open a run."
        return self.form.why_not(self._runview.path, self._design)

    def _start_or_cancel(self) -> None:
        if self._task.running:
            self._task.cancel()
            return
        self._asked = self._runview.path
        self.bar.setRange(0, 0)
        self._task.start(self.form.wanted(self._asked, self._design))
        self._refresh("Starting …")

    def _expected(self) -> str:
        """About how long it will take."""
        try:
            ask = self.form.wanted(self._runview.path, self._design)
        except UserError:
            return ""
        images = images_of(self._design, ask, self._available(ask))
        took = sum(expected_ms(self._design, ask, images))
        return f"{len(ask.specs)} rows on {number(images)} images take about {duration(took)}."

    def _available(self, ask: Rehearse) -> int:
        """About how many samples there are to take."""
        data, there = self._design.data, len(self._runview.labels)
        shares = {"validation": data.validation, "test": data.test}
        split = ask.split or ("test" if data.test else "validation")
        if split in shares and shares["validation"] and there:
            return round(there * shares[split] / shares["validation"]) or MOST
        return MOST

    # ---- the run --------------------------------------------------------------------------------

    def _follow_run(self) -> None:
        seen = (self._runview.path, self._design, len(self._runview.epochs) > 0,
                self._runview.best_epoch)  # fmt: skip
        if seen != self._seen:  # a training run tells of itself many times a second
            self._seen = seen
            self._look()

    def _look(self) -> None:
        """Take up what there is of the run."""
        self.form.show_design(self._design)
        if self._runview.path != self._path:
            self._path, self._outcome = self._runview.path, ""
            self._read()
        if not self._task.running:
            self._refresh(self._outcome)

    def _read(self) -> None:
        """Show what is kept of the run."""
        try:
            self._show(read_rehearsal(Path(self._path)) if self._path else None)
        except UserError as error:
            self._show(None)
            self._outcome = str(error)

    def _forget(self) -> None:
        self._task.cancel()
        self._look()

    # ---- what comes -----------------------------------------------------------------------------

    def _take(self, message: object) -> None:
        here = self._asked == self._path  # else another run is looked at meanwhile
        match message:
            case events.Progress():
                self.bar.setRange(0, 1000 if message.total else 0)
                self.bar.setValue(round(1000 * message.done / max(1, message.total)))
                self.said.setText(progress_text(message))
            case Begun():
                if here:
                    self._show(Rehearsal(message, ()))
            case Reached():
                self.bar.setRange(0, 1000)
                self.bar.setValue(round(1000 * message.share))
                where = f"{message.what} · row {message.row} of {message.rows}"
                rest = left(message.left)
                self.said.setText(f"{where} · {rest}" if rest else where)
            case Measured():
                if here and self.found is not None:
                    begun, rows = self.found.begun, (*self.found.rows, message)
                    self._show(Rehearsal(begun, rows, len(rows) == begun.rows))

    def _ended(self, why: str) -> None:
        if self.found is not None and not self.found.rows:  # an older one may still be kept
            self._read()
        self._outcome = why
        self._refresh(why)

    # ---- how it looks ---------------------------------------------------------------------------

    def _show(self, found: Rehearsal | None) -> None:
        self.found = found
        rows = found.rows if found is not None else ()
        errors = found is not None and found.begun.errors
        self.rows.show(
            [_cells(row, errors) for row in rows], [told(row, errors) for row in rows], ()
        )
        self.table.scrollToBottom()
        self.plot.show_rows(found)
        self.key.show_rows(found)
        words = said(found) if found is not None and found.whole else ()
        self.sentences.setText("\n".join(words))
        self.short.setText(" ".join(words))
        self.short.setToolTip("\n".join(words))
        self._fit_in()
        self._stack.setCurrentIndex(1 if rows else 0)

    def _refresh(self, text: str = "") -> None:
        running = self._task.running
        why = "" if running else self._why_not()
        self.form.set_enabled(not running)
        self.go.setText("Cancel" if running else "Rehearse")
        self.go.setEnabled(running or not why)
        self.bar.setVisible(running)
        if not text and not running:
            parts = [why, self.form.missing] if why else [
                self.form.missing, self._kept(), self._expected()
            ]  # fmt: skip
            text = " ".join(part for part in parts if part)
        self.said.setText(text)

    def _kept(self) -> str:
        """What is to be said of the rows that are shown."""
        if self.found is None or not self.found.rows:
            return ""
        begun = self.found.begun
        text = f"{number(begun.images)} {begun.split} {begun.noun}"
        best = self._runview.best_epoch
        if best and begun.epoch and best != begun.epoch:
            text += f", with the weights after epoch {begun.epoch}: epoch {best} is the best now"
        if not self.found.whole:
            text += f", {len(self.found.rows)} of {begun.rows} rows"
        return f"Shown: {text}."


def _cells(row: Measured, errors: bool) -> tuple[str, ...]:
    score = score_words(row.score, errors)
    return (
        row.device if row.snapshot else "simulator", shots_words(row),
        f"{score} ({interval_words(row, errors)})",
        "" if row.changed is None else percent(row.changed),
        "" if row.depth is None else number(row.depth),
        "" if row.two_qubit is None else number(row.two_qubit),
        number(row.circuits), duration(1000 * row.seconds),
    )  # fmt: skip
