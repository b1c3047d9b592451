"""Rows of settings in lines beside each other: what the inspector shows one below the other."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from app.document import Document
from app.panels.editors import editor, silent
from app.panels.rows import Row
from app.sentences import sentence
from qdesigner.design.edits import EditError

HEIGHT = 28  # px, of a line
LEAST = {"choice": 80, "float": 48, "int": 60}  # px, the width of an editor
FEW, ROOMY = 2, 120  # so few choices get so much room
MOST = 160


class Fields(QWidget):
    """The editors of some rows, ``across`` of them on a line; each change is one undo step."""

    refused = Signal(str)  # why a value was not taken; "" when that is mended
    data_wanted = Signal(str)  # a file of data to be looked at and used

    def __init__(self, document: Document, across: int) -> None:
        super().__init__()
        self._document, self._across = document, across
        self._key: Any = None
        self._shown: list[tuple[Row, QWidget]] = []
        self._inside = QWidget()
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.addWidget(self._inside)

    def show_rows(self, rows: list[Row]) -> None:
        """Show these rows with the values of the design on screen."""
        key = tuple((row.field, row.texts, row.look) for row in rows)
        if key != self._key:
            self._key = key
            self._rebuild(rows)
        self._shown = [(row, widget) for row, (_, widget) in zip(rows, self._shown, strict=True)]
        for row, widget in self._shown:
            silent(widget, row.get(self._document.design))

    def editors(self) -> dict[str, QWidget]:
        """The editors by their field's name."""
        return {row.field.name: widget for row, widget in self._shown}

    def _rebuild(self, rows: list[Row]) -> None:
        focused = next((row.field.name for row, w in self._shown if w.hasFocus()), "")
        old, self._inside = self._inside, QWidget()
        grid = QGridLayout(self._inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        self._shown = []
        for place, row in enumerate(rows):
            widget = editor(row, lambda value, row=row: self._commit(row, value), self._refuse)
            label = QLabel(row.field.label)
            label.setProperty("role", "muted")
            label.setToolTip(row.field.hint)
            label.setBuddy(widget)
            line, column = divmod(place, self._across)
            grid.addWidget(label, line, 2 * column)
            grid.addWidget(widget, line, 2 * column + 1)
            if not isinstance(widget, QCheckBox):
                roomy = len(rows) <= FEW and row.field.type == "choice"
                widget.setMinimumWidth(ROOMY if roomy else LEAST[row.field.type])
                widget.setMaximumWidth(MOST)
                widget.setFixedHeight(HEIGHT)
            grid.setRowMinimumHeight(line, HEIGHT)
            self._shown.append((row, widget))
        for column in range(self._across):
            grid.setColumnStretch(2 * column + 1, 100)
        grid.setColumnStretch(2 * self._across, 1)
        self._whole.replaceWidget(old, self._inside)
        old.hide()
        old.deleteLater()
        self.setVisible(bool(rows))
        if focused in self.editors():
            self.editors()[focused].setFocus(Qt.FocusReason.OtherFocusReason)

    def _refuse(self, reason: str) -> None:
        self.refused.emit(sentence(reason) if reason else "")

    def _commit(self, row: Row, value: Any) -> bool:
        if row.look == "data":
            self.data_wanted.emit(value)
            return True
        try:
            design = row.set(self._document.design, value)
        except EditError as error:
            self._refuse(str(error))
            silent(self.editors()[row.field.name], row.get(self._document.design))
            return False
        self._document.apply(f"Change {row.undo or row.field.label.lower()}", design)
        return True
