"""Buttons of the inspector: one that chooses a file or a folder, one that does something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QPushButton

from qdesigner.design.spec import display_name

Commit = Callable[[Any], object]
PATH = 60  # px that a file's name has at least
WEIGHT_FILES = "Weights (*.pth *.pt *.safetensors);;All files (*)"


class Link(QPushButton):
    """A line of text that does something."""

    def __init__(self, commit: Commit) -> None:
        super().__init__()
        self.setProperty("kind", "link")
        self.clicked.connect(lambda _checked: commit(None))

    def show_value(self, value: Any) -> None:
        """Show without telling."""
        self.setText(str(value))


class Path(QPushButton):
    """A file or a folder: the button shows its name and asks for another. ``files`` are the kinds
    of file to choose from, "" for a folder."""

    def __init__(self, files: str, title: str, commit: Commit) -> None:
        super().__init__()
        self._files, self._title, self._commit = files, title, commit
        self._value = ""
        self.clicked.connect(self._ask)

    def show_value(self, value: Any) -> None:
        """Show without telling."""
        self._value = str(value)
        self.setToolTip(self._value or self._title)
        self._write()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As much of the name as there is room for."""
        super().resizeEvent(event)
        self._write()

    def _write(self) -> None:
        name = display_name(self._value) or self._value
        room = max(PATH, self.width() - 26)
        shown = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, room)
        self.setText(shown or "Choose…")

    def _ask(self) -> None:
        if self._files:
            chosen, _ = QFileDialog.getOpenFileName(self, self._title, self._value, self._files)
        else:
            chosen = QFileDialog.getExistingDirectory(self, self._title, self._value)
        if chosen:
            self._commit(chosen)
