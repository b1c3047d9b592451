"""Editors for the inspector's rows: each shows a value and hands a new one on, at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from app.panels.fromrun import RunWeights
from app.panels.pickers import WEIGHT_FILES, Link, Path
from app.panels.rows import Row, sums_value, wires_text, wires_value
from app.panels.ticks import ColumnTicks
from app.project import DATA_FILES
from qdesigner.circuit.fields import Field

Commit = Callable[[Any], object]  # False when the value was not taken
Refuse = Callable[[str], None]
INT_LIMIT = 2**31 - 1
ROW = 26  # px, the height of every editor of one line


class Spin(QSpinBox):
    """A whole number; the wheel changes it only when it has been clicked, so that scrolling past
    it does no harm."""

    def __init__(self, field: Field, commit: Commit) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setKeyboardTracking(False)
        self.lineEdit().setTextMargins(6, 0, 0, 0)
        low, high = field.minimum, field.maximum
        self.setRange(
            int(low) if math.isfinite(low) else -INT_LIMIT,
            int(min(high, INT_LIMIT)) if math.isfinite(high) else INT_LIMIT,
        )
        if word := zero_word(field):
            self.setSpecialValueText(word)
        self.valueChanged.connect(commit)

    def show_value(self, value: Any) -> None:
        """Show without telling."""
        self.setValue(int(value))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the panel unless the field is in use."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class Choice(QComboBox):
    """One of several values, each with a text to show."""

    def __init__(self, choices: tuple[tuple[str, str], ...], commit: Commit) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumContentsLength(6)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for value, text in choices:
            self.addItem(text, value)
            self.setItemData(self.count() - 1, text, Qt.ItemDataRole.ToolTipRole)
        width = self.fontMetrics().horizontalAdvance(max((t for _, t in choices), key=len)) + 40
        self.view().setMinimumWidth(width)
        self.activated.connect(lambda _index: commit(self.currentData()))

    def show_value(self, value: Any) -> None:
        """Show without telling."""
        self.setCurrentIndex(self.findData(value))
        self.setToolTip(self.currentText())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Closed, it shows the first part of a text only: the rest is for choosing."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.width() - 38
        option.currentText = self.fontMetrics().elidedText(
            option.currentText.split(" · ")[0], Qt.TextElideMode.ElideRight, room
        )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the panel, never the choice."""
        event.ignore()


class Check(QCheckBox):
    """Yes or no."""

    def __init__(self, commit: Commit) -> None:
        super().__init__()
        self.clicked.connect(commit)
        self.toggled.connect(lambda _on: self._say())
        self.setMinimumHeight(ROW)
        self._say()

    def show_value(self, value: Any) -> None:
        """Show without telling."""
        self.setChecked(bool(value))
        self._say()

    def _say(self) -> None:
        self.setText("yes" if self.isChecked() else "no")


class Text(QLineEdit):
    """A value as text: ``read`` makes the value (ValueError with a sentence when it cannot),
    ``write`` the text. Enter or leaving the field takes it; Escape puts the old one back."""

    def __init__(
        self,
        read: Callable[[str], Any],
        write: Callable[[Any], str],
        commit: Commit,
        refuse: Refuse,
    ) -> None:
        super().__init__()
        self._read, self._write, self._commit, self._refuse = read, write, commit, refuse
        self._value: Any = None
        self.editingFinished.connect(self._take)

    def show_value(self, value: Any) -> None:
        """Show without telling."""
        self._value = value
        if not (self.hasFocus() and self.isModified()):
            self.setText(self._write(value))
            self.setCursorPosition(0)

    def keyPressEvent(self, event: Any) -> None:
        """Escape gives up."""
        if event.key() == Qt.Key.Key_Escape:
            self.setModified(False)
            self.show_value(self._value)
            self.clearFocus()
        else:
            super().keyPressEvent(event)

    def _take(self) -> None:
        if not self.isModified():
            return
        self.setModified(False)
        try:
            value = self._read(self.text())
        except ValueError as error:
            self.setText(self._write(self._value))
            self._refuse(str(error))
            return
        self._commit(value)


class Sums(QPlainTextEdit):
    """Pauli sums, one a line. Leaving the field or Ctrl+Enter takes them; what cannot be read
    stays, in red, to be mended; Escape puts the old ones back."""

    def __init__(self, commit: Commit, refuse: Refuse) -> None:
        super().__init__()
        self._commit, self._refuse = commit, refuse
        self._value: tuple[str, ...] = ()
        self._wrong: str | None = None  # the text that was refused
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(6)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setPlaceholderText("0.5 Z0 Z1 - X2")
        self.textChanged.connect(self._grow)

    def show_value(self, value: Any) -> None:
        """Show without telling."""
        if value != self._value or not self.document().isModified():
            self._value = tuple(value)
            self._put()

    def _put(self) -> None:
        self._mark(None)
        if self.toPlainText() != "\n".join(self._value):
            self.setPlainText("\n".join(self._value))
        self.document().setModified(False)
        self._grow()

    def _grow(self) -> None:
        lines = max(2, min(8, self.document().blockCount()))
        room = self.fontMetrics().lineSpacing() * lines + 18
        if self.height() != room:
            self.setFixedHeight(room)

    def _mark(self, wrong: str | None) -> None:
        self._wrong = wrong
        self.setProperty("wrong", wrong is not None)
        self.style().polish(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+Enter takes the sums, Escape gives up; Enter is a new line."""
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Escape:
            if self._wrong is not None:
                self._refuse("")  # nothing is wrong any more
            self._put()
            self.clearFocus()
        elif enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._take()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Leaving takes what was written."""
        super().focusOutEvent(event)
        self._take()

    def _take(self) -> None:
        text = self.toPlainText()
        if not self.document().isModified() or text == self._wrong:
            return
        try:
            sums = sums_value(text)
        except ValueError as error:
            self._mark(text)
            self._refuse(str(error))
            return
        if self._commit(sums) is False:
            self._mark(text)
        else:
            self._value = sums
            self._put()


class Fold(QPushButton):
    """Rows that are seldom needed, told in short; a click shows or hides them."""

    def __init__(self, commit: Commit) -> None:
        super().__init__()
        self.setProperty("kind", "fold")
        self.setCheckable(True)
        self._value = ""
        self.clicked.connect(lambda _checked: commit(None))

    def show_value(self, value: Any) -> None:
        """Show without telling."""
        self._value = str(value)
        self._say()

    def set_open(self, on: bool) -> None:
        """Whether its rows show."""
        self.setChecked(on)
        self._say()

    def _say(self) -> None:
        self.setText(self._value)
        shown = "shown" if self.isChecked() else "hidden"
        self.setAccessibleDescription(f"{self._value}; the fields for it are {shown}")

    def paintEvent(self, event: QPaintEvent) -> None:
        """An arrow at the right says which way a click goes."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().buttonText().color(), 1.4))
        painter.translate(self.width() - 11, self.height() / 2)
        painter.rotate(90 if self.isChecked() else 0)
        painter.drawPolyline([QPointF(-2, -4), QPointF(2, 0), QPointF(-2, 4)])


class Classes(QListWidget):
    """The classes that are there, with counts, ticked when in use. Two stay ticked at least."""

    def __init__(self, commit: Commit) -> None:
        super().__init__()
        self._commit = commit
        self._shown: tuple[Any, ...] = ()
        self.setAccessibleName("Classes")
        self.itemChanged.connect(lambda _item: self._take())

    def show_value(self, value: Any) -> None:
        """``value`` is (chosen, {name: images})."""
        chosen, available = value
        shown = (chosen, tuple(available.items()))
        if shown == self._shown:
            return
        self._shown = shown
        self.blockSignals(True)
        self.clear()
        for name, count in available.items():
            item = QListWidgetItem(f"{name}   ({count})")
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            on = not chosen or name in chosen
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.addItem(item)
        self.blockSignals(False)
        self.setFixedHeight(min(8, max(1, len(available))) * 19 + 10)

    def _take(self) -> None:
        items = [self.item(row) for row in range(self.count())]
        ticked = tuple(
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item.checkState() == Qt.CheckState.Checked
        )
        if len(ticked) < 2:
            old, self._shown = self._shown, ()
            self.show_value((old[0], dict(old[1])))
            return
        self._commit(() if len(ticked) == len(items) else ticked)


def editor(row: Row, commit: Commit, refuse: Refuse) -> QWidget:
    """The editor for a row; it has ``show_value``. ``refuse`` is told why a text was not taken."""
    field = row.field
    made: QWidget
    match row.look:
        case "folder":
            made = Path("", row.field.label, commit)
        case "file":
            made = Path(WEIGHT_FILES, row.field.label, commit)
        case "data":
            made = Path(DATA_FILES, row.field.label, commit)
        case "command":
            made = Link(commit)
        case "run":
            made = RunWeights(field.choices[0], commit)
        case "classes":
            made = Classes(commit)
        case "columns":
            made = ColumnTicks(commit)
        case "wires":
            made = Text(lambda text: wires_value(text, field), wires_text, commit, refuse)
        case "sums":
            made = Sums(commit, refuse)
        case "fold":
            made = Fold(commit)
        case "text":
            made = Text(str.strip, str, commit, refuse)
        case _ if field.type == "bool":
            made = Check(commit)
        case _ if field.type == "choice":
            texts = row.texts or tuple(choice.replace("_", " ") for choice in field.choices)
            made = Choice(tuple(zip(field.choices, texts, strict=True)), commit)
        case _ if field.type == "int":
            made = Spin(field, commit)
        case _:
            made = Text(
                lambda text: _number(text, field), lambda value: _written(value, field),
                commit, refuse,
            )  # fmt: skip
    if row.look not in ("classes", "columns", "sums", "command") and not isinstance(
        made, QCheckBox
    ):
        made.setMinimumWidth(40)
        made.setFixedHeight(ROW)
        made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    made.setAccessibleName(field.label)
    made.setToolTip(field.hint)
    return made


def zero_word(field: Field) -> str:
    """What a field's 0 means, where its hint says so ("…; 0: none")."""
    _, zero, word = field.hint.rpartition("0: ")
    return word if zero and ";" not in word else ""


def _written(value: float, field: Field) -> str:
    return (zero_word(field) if value == 0 else "") or f"{value:.6g}"


def _number(text: str, field: Field) -> Any:
    if text.strip() and text.strip() == zero_word(field):
        return field.validate(0.0)
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    try:
        return field.validate(value)
    except ValueError as error:
        raise ValueError(str(error).replace(repr(field.name), field.label, 1)) from None


def silent(widget: QObject, value: Any) -> None:
    """Show ``value`` in an editor without it telling."""
    blocked = widget.blockSignals(True)
    widget.show_value(value)  # type: ignore[attr-defined]
    widget.blockSignals(blocked)
