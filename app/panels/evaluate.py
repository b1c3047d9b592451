"""The Evaluate tab: a trained run asked about its images on any device, results in a table."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QStackedLayout,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.document import Document
from app.panels.cells import Caption
from app.panels.devices import device_rows, noise_words, shots_words
from app.panels.editors import ROW as EDITOR
from app.panels.editors import editor, silent
from app.panels.header import number, progress_text
from app.panels.rows import Row
from app.runview import RunView
from app.tasks import Task
from qdesigner.catalog.devices import DEVICES, predicted_run_ms, refusal
from qdesigner.design.edits import EditError
from qdesigner.design.plan import circuit_rows, duration
from qdesigner.design.spec import Design, DeviceSpec
from qdesigner.session import events
from qdesigner.session.evaluation import Asked, Evaluate, Evaluated, EvaluateFailed

HINT = (
    "Choose a device and press Evaluate: the run's circuits run there, on the same weights and "
    "images. Results gather here, so that exact values, shots and noise can be compared."
)
COLUMNS = ("device", "images", "accuracy", "loss", "circuits", "time")
FORM, LABEL = 300, 72  # px
LONG = 1000.0  # ms: what is shorter needs no announcing
ROOMY = 760  # px: narrower than this, columns are left out
SPLITS = ("validation", "test")


def verdict(message: object) -> str | None:
    """Whether a message of the child is its last, and why."""
    if isinstance(message, EvaluateFailed):
        return message.reason
    return "" if isinstance(message, Evaluated) else None


def evaluation() -> Task:
    """The child that evaluates."""
    return Task("qdesigner.evaluator", "evaluation", verdict)


class EvaluatePanel(QWidget):
    """Device and images to the left; to the right what came out, newest last."""

    def __init__(self, document: Document, runview: RunView, task: Task) -> None:
        super().__init__()
        self._document, self._runview, self._task = document, runview, task
        self._design = document.design  # the run's, on the device chosen here
        self._outcome = ""  # how the last evaluation ended, until something else is chosen
        self.split, self.limit = QComboBox(), QSpinBox(minimum=0, maximum=1_000_000)
        self.split.addItems(SPLITS)
        self.limit.setSpecialValueText("all")
        self.limit.setToolTip("So many images, spread evenly over the split")
        self.limit.lineEdit().setTextMargins(6, 0, 0, 0)
        self.limit.setFixedHeight(EDITOR)
        self.split.setAccessibleName("Images")
        self.limit.setAccessibleName("At most")
        self.go = QPushButton("Evaluate")
        self.go.setProperty("kind", "primary")
        self.send, self.refuse = QPushButton("Send"), QPushButton("Do not send")
        self.bar = QProgressBar(textVisible=False, maximum=1000)
        self.said = Caption()
        self.said.setWordWrap(True)
        self.hint = Caption(HINT)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self.table = QTableWidget(0, len(COLUMNS))
        self._rows: list[tuple[Row, QWidget]] = []
        self._lay_out()
        for button in (self.go, self.send, self.refuse):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # after a click, Space trains
        self.go.clicked.connect(self._start_or_cancel)
        self.send.clicked.connect(lambda: self._answer(True))
        self.refuse.clicked.connect(lambda: self._answer(False))
        self.split.currentIndexChanged.connect(lambda _index: self._chosen())
        self.limit.valueChanged.connect(lambda _value: self._chosen())
        task.said.connect(self._take)
        task.ended.connect(self._ended)
        runview.state_changed.connect(self._follow_run)
        document.replaced.connect(self._forget)
        theme.changed.connect(self._restyle)
        self._restyle()
        self._follow_run()

    def _lay_out(self) -> None:
        self._form = QWidget()
        self.bar.setFixedWidth(120)
        self.said.setMinimumWidth(40)
        top = QHBoxLayout()
        top.setSpacing(8)
        for widget in (self.go, self.send, self.refuse, self.bar):
            top.addWidget(widget)
        top.addWidget(self.said, 1)
        images = QFormLayout()
        images.setVerticalSpacing(6)
        images.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        images.addRow(_muted("Images"), self.split)
        images.addRow(_muted("At most"), self.limit)
        left = QWidget()
        left.setObjectName("inside")
        self._left = QVBoxLayout(left)
        self._left.setContentsMargins(0, 0, 8, 0)
        self._left.setSpacing(6)
        self._left.addWidget(self._form)
        self._left.addLayout(images)
        self._left.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(left)
        scroll.setFixedWidth(FORM)
        self.table.setHorizontalHeaderLabels(COLUMNS)
        self.table.setAccessibleName("Results by device")
        self.table.setEditTriggers(self.table.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setFrameShape(QFrame.Shape.NoFrame)
        self.table.setSelectionMode(self.table.SelectionMode.NoSelection)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.table.horizontalHeaderItem(0).setTextAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.hint)
        self._stack.addWidget(self.table)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addLayout(top)
        right.addLayout(self._stack, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(16)
        row.addWidget(scroll)
        row.addLayout(right, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a small window the table shows what matters most."""
        super().resizeEvent(event)
        for name in ("images", "loss", "circuits"):
            self.table.setColumnHidden(COLUMNS.index(name), self.width() < ROOMY)

    # ---- what is asked --------------------------------------------------------------------------

    @property
    def spec(self) -> DeviceSpec:
        """The device chosen here."""
        return self._design.device

    def choose(self, design: Design) -> None:
        """Take the device of ``design``, which is else the run's."""
        self._design = design
        self._chosen()

    def _chosen(self) -> None:
        self._outcome = ""
        self._refresh()

    def _follow_run(self) -> None:
        trained = self._runview.design or self._document.design
        self._design = trained.model_copy(update={"device": self._design.device})
        if not self._task.running:  # what it says and asks stays
            self._refresh(self._outcome)

    def _forget(self) -> None:
        self._task.cancel()
        self.table.setRowCount(0)
        self._outcome = ""
        self._follow_run()

    def _why_not(self) -> str:
        """Why it cannot begin, or ""."""
        if not self._runview.path or not len(self._runview.epochs):
            return "Train the model first, or open a run."
        circuits = [s.circuit for s in self._design.stages if s.circuit is not None]
        if not circuits:
            return "The run has no quantum circuit that a device could run."
        found = (refusal(self.spec, circuit, train=False) for circuit in circuits)
        return next((why for why in found if why), "")

    def _start_or_cancel(self) -> None:
        if self._task.running:
            self._task.cancel()
            return
        self.bar.setRange(0, 0)
        self._task.start(
            Evaluate(self._runview.path, self.spec, self.split.currentText(), self.limit.value())
        )
        self._refresh("Starting …")

    def _answer(self, yes: bool) -> None:
        self._asking(False)
        self._task.answer(yes)
        self._say("Sending …" if yes else "Nothing is sent.")

    # ---- what comes -----------------------------------------------------------------------------

    def _take(self, message: object) -> None:
        match message:
            case events.Progress():
                self.bar.setRange(0, 1000)
                self.bar.setValue(round(1000 * message.done / max(1, message.total)))
                self._say(progress_text(message))
            case Asked():
                self._say(message.sentence)
                self._asking(True)
            case Evaluated():
                self._add(message)

    def _ended(self, why: str) -> None:
        self._outcome = why
        self._refresh(why)

    def _add(self, found: Evaluated) -> None:
        regression = self._runview.score == "mae"
        place = self.table.rowCount()
        self.table.insertRow(place)
        texts = (
            spec_text(found.device),
            f"{number(found.images)} {found.split}",
            f"error {found.error:.3g}" if regression else f"{found.right / found.images:.4f}",
            f"{found.loss:.4f}",
            number(found.circuits),
            duration(1000 * found.seconds),
        )
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(text)
            self.table.setItem(place, column, item)
        self.table.scrollToBottom()

    # ---- how it looks ---------------------------------------------------------------------------

    def _asking(self, asked: bool) -> None:
        self.go.setVisible(not asked)
        self.send.setVisible(asked)
        self.refuse.setVisible(asked)

    def _say(self, text: str) -> None:
        self.said.setText(text)

    def _refresh(self, text: str = "") -> None:
        running = self._task.running
        rows = device_rows(self._design, train=False)
        if [row.field for row in rows] != [row.field for row, _ in self._rows]:
            self._rebuild(rows)
        for row, widget in self._rows:
            silent(widget, row.get(self._design))
            widget.setEnabled(not running)
        for widget in (self.split, self.limit):
            widget.setEnabled(not running)
        why = "" if running else self._why_not()
        self.go.setText("Cancel" if running else "Evaluate")
        self.go.setEnabled(running or not why)
        self._asking(False)
        self.bar.setVisible(running)
        self._say(text or why or self._expected(running))
        self._stack.setCurrentWidget(self.table if self.table.rowCount() else self.hint)

    def _expected(self, running: bool) -> str:
        """About how long it will take."""
        labels = len(self._runview.labels)
        images = min(self.limit.value() or labels, labels) if labels else self.limit.value()
        if running or not images or DEVICES[self.spec.name].remote:
            return ""
        rows = circuit_rows(self._design)
        took = sum(
            predicted_run_ms(self.spec, s.circuit, images * rows[s.id])
            for s in self._design.stages
            if s.circuit is not None
        )
        return f"{number(images)} images take about {duration(took)}." if took > LONG else ""

    def _rebuild(self, rows: list[Row]) -> None:
        old, self._form = self._form, QWidget()
        form = QFormLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._rows = []
        for row in rows:
            widget = editor(row, lambda value, row=row: self._commit(row, value), self._say)
            form.addRow(_muted(row.field.label), widget)
            self._rows.append((row, widget))
        self._left.replaceWidget(old, self._form)
        old.hide()
        old.deleteLater()

    def _commit(self, row: Row, value: Any) -> None:
        try:
            self.choose(row.set(self._design, value))
        except EditError as error:
            self._refresh(str(error))

    def _restyle(self) -> None:
        look = theme.current()
        self.table.setStyleSheet(
            f"QTableWidget {{ background: transparent; color: {look.text}; border: none; }}"
            "QTableWidget::item { padding: 0 8px; }"
            f"QHeaderView::section {{ background: transparent; color: {QColor(look.muted).name()};"
            " border: none; padding: 2px 8px; }"
        )


def spec_text(spec: DeviceSpec) -> str:
    """A device with its shots and noise in a few words."""
    parts = (
        DEVICES[spec.name].label,
        spec.target,
        shots_words(spec),
        noise_words(spec),
    )
    return " · ".join(part for part in parts if part)


def _muted(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "muted")
    label.setMinimumSize(LABEL, EDITOR)
    return label
