"""The Code tab: the script that Export writes, following every edit; and the circuit as text."""

from __future__ import annotations

import difflib
from typing import Any

from PySide6.QtCore import QElapsedTimer, Qt, QTimer
from PySide6.QtGui import QColor, QFontDatabase, QGuiApplication, QTextCursor, QTextFormat
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.checked import Checked
from app.document import Document
from app.panels.cells import Caption
from app.panels.highlight import Highlight
from app.runview import RunView
from qdesigner.design.spec import Design
from qdesigner.errors import UserError

WAIT = 100  # ms after an edit
SHINE = 1600  # ms that changed lines stay marked
FADE_STEP = 80  # ms
FILES = "model_files"  # the folder beside the script, as Export names it
SCRIPT, QASM = "Script (PyTorch)", "Circuit (OpenQASM 2)"


def changed_lines(before: str, after: str) -> list[int]:
    """Numbers of the lines of ``after`` that are new or different."""
    old, new = before.splitlines(), after.splitlines()
    # What is alike at both ends is cut off first: edits touch a few lines of a long script.
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    old, new = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(old) * len(new) > 250_000:
        return list(range(head, head + len(new)))
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [
        head + n for tag, _, _, a, b in steps if tag in ("replace", "insert") for n in range(a, b)
    ]


class CodePanel(QWidget):
    """A read-only view of the script; changed lines shine for a moment after an edit."""

    def __init__(
        self,
        document: Document,
        runview: RunView | None = None,
        checked: Checked | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._runview = runview
        self._checked = checked or Checked(document)
        self._shown = ("", "")  # what kind of text, and the text
        self._marked: list[int] = []
        self.kind = QComboBox()
        self.kind.addItems([SCRIPT, QASM])
        self.kind.setAccessibleName("What to show as text")
        self.note = Caption()
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Copy the whole text")
        self.text = self._make_text()
        self.error = Caption(colour="wrong")
        self.error.setWordWrap(True)
        self.error.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._highlight = Highlight(self.text.document())
        self._wait = _timer(self, WAIT, self.refresh, single=True)
        self._fade = _timer(self, FADE_STEP, self._mark)
        self._since_change = QElapsedTimer()
        self._lay_out()
        self.kind.currentIndexChanged.connect(self.refresh)
        self.copy.clicked.connect(self._copy)
        document.changed.connect(self._soon)
        self._checked.changed.connect(self._soon)
        document.stage_selected.connect(self._soon)
        if runview is not None:
            runview.predictions_changed.connect(self._soon)
            runview.image_chosen.connect(self._soon)
        theme.changed.connect(self._mark)

    def _make_text(self) -> QPlainTextEdit:
        text = QPlainTextEdit()
        text.setReadOnly(True)
        text.setUndoRedoEnabled(False)
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        text.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        size = self.font()
        if size.pixelSize() > 0:
            font.setPixelSize(size.pixelSize())
        else:
            font.setPointSizeF(size.pointSizeF())
        text.setStyleSheet(f'QPlainTextEdit {{ font-family: "{font.family()}"; }}')
        text.setFont(font)
        text.document().setDocumentMargin(8)
        text.setTabStopDistance(4 * text.fontMetrics().horizontalAdvance(" "))
        text.setAccessibleName("The script that Export writes")
        return text

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.kind)
        top.addWidget(self.note, 1)
        top.addWidget(self.copy)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.setSpacing(8)
        box.addLayout(top)
        box.addWidget(self.error, 1)
        box.addWidget(self.text, 1)
        self.error.hide()

    # ---- following the design -------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:
        """Catch up with the edits made while it was hidden."""
        super().showEvent(event)
        self.refresh()

    def _soon(self) -> None:
        if self.isVisible() and not self._wait.isActive():
            self._wait.start()

    def refresh(self) -> None:
        """Show the text of the design as it is now, or why there is none."""
        self._wait.stop()
        kind = self.kind.currentText()
        try:
            text = self._script() if kind == SCRIPT else self._circuit()
        except UserError as error:
            self._refuse(str(error))
            return
        self.error.hide()
        self.text.show()
        self.copy.setEnabled(True)
        before, self._shown = self._shown, (kind, text)
        if before == self._shown:
            return
        self._put(text)
        if before[0] == kind:
            self._shine(changed_lines(before[1], text))
        else:
            self._shine([])

    def _script(self) -> str:
        from qdesigner.export.script import script

        self.note.setText("follows every edit; Export writes it with its weights")
        design = self._document.design
        return script(design, self._classes(design), FILES)

    def _circuit(self) -> str:
        from qdesigner.export.qasm import qasm

        stage = self._document.circuit_stage()
        if stage is None or stage.circuit is None:
            raise UserError("The model has no quantum stage; insert one in the strip.")
        run = self._runview
        angles = run.angles_for(stage.id, stage.circuit) if run else None
        weights = run.weights_for(stage.id, stage.circuit) if run else None
        self.note.setText(
            f"{stage.id} with the features of image {run.chosen_image} and the run's weights"
            if run is not None and angles is not None and weights is not None
            else f"{stage.id}; train to see it with an image's features and the trained weights"
        )
        return qasm(
            stage.circuit,
            None if angles is None else angles.tolist(),
            None if weights is None else weights.tolist(),
        )

    def _classes(self, design: Design) -> tuple[str, ...]:
        """The data's classes; made-up names while the data is not known."""
        facts = self._checked.facts
        classes = facts.classes if facts is not None else design.data.classes
        return classes if len(classes) > 1 else ("class 0", "class 1")

    def _refuse(self, sentence: str) -> None:
        """No text can be made: say why, rather than show an old one."""
        self._shown = ("", "")
        self.note.setText("")
        self.error.setText(sentence)
        self.error.show()
        self.text.hide()
        self.copy.setEnabled(False)

    def _put(self, text: str) -> None:
        """Exchange the text and stay where the user had scrolled to."""
        bars = (self.text.verticalScrollBar(), self.text.horizontalScrollBar())
        places = [bar.value() for bar in bars]
        self._highlight.qasm = self._shown[0] == QASM
        self.text.setPlainText(text)
        for bar, place in zip(bars, places, strict=True):
            bar.setValue(place)

    # ---- the lines that changed -----------------------------------------------------------------

    def _shine(self, lines: list[int]) -> None:
        self._marked = lines
        self._since_change.start()
        self._mark()
        if lines:
            self._fade.start()

    def _mark(self) -> None:
        """Mark the changed lines, fainter as time goes on."""
        strength = 0.0
        if self._since_change.isValid():
            strength = 1 - self._since_change.elapsed() / SHINE
        if strength <= 0 or not self._marked:
            self._fade.stop()
            self._marked = []
        look = theme.current()
        colour = theme.blend(QColor(look.accent), QColor(look.panel), 0.25 * max(0.0, strength))
        selections = []
        for number in self._marked:
            selection = QTextEdit.ExtraSelection()
            selection.format.setBackground(colour)
            selection.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
            selection.cursor = QTextCursor(self.text.document().findBlockByNumber(number))
            selections.append(selection)
        self.text.setExtraSelections(selections)

    @property
    def marked_lines(self) -> list[int]:
        """Numbers of the lines that are marked as changed now."""
        return list(self._marked)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self.copy.setText("Copied")
        QTimer.singleShot(1200, self.copy, lambda: self.copy.setText("Copy"))


def _timer(parent: QWidget, interval: int, do: Any, single: bool = False) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(interval)
    timer.setSingleShot(single)
    timer.timeout.connect(do)
    return timer
