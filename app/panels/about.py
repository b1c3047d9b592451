"""Two small windows of Help, neither modal: the keyboard shortcuts, and what this program is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from qdesigner import __version__

if TYPE_CHECKING:
    from app.actions import Actions

MOUSE = (
    ("Drag a block from the left", "insert it; the live state shows before you let go"),
    ("Shift-drag", "copy instead of move"),
    ("Drag off the board", "remove"),
    ("Wheel, middle drag", "zoom, pan"),
    ("Shift-click, drag over empty space", "select several blocks"),
    ("Drag a card of the model", "move the stage"),
    ("Drop a folder on the window", "use its images as data"),
)


def shortcuts_window(parent: QWidget, actions: Actions) -> QDialog:
    """Every command that has keys, and what the mouse does."""
    dialog = _dialog(parent, "Keyboard shortcuts")
    inside = QWidget()
    grid = QGridLayout(inside)
    grid.setHorizontalSpacing(24)
    lines = [
        (row.menu.replace("/", " ▸ "), actions.actions[name].text(), ", ".join(
            key.toString(QKeySequence.SequenceFormat.NativeText)
            for key in actions.actions[name].shortcuts()
        ))
        for name, row in actions.rows.items() if row.keys
    ]  # fmt: skip
    lines += [("Mouse", what, how) for how, what in MOUSE]
    for number, line in enumerate(lines):
        for column, text in enumerate(line):
            label = QLabel(text)
            if column != 1:
                label.setProperty("role", "muted")
            grid.addWidget(label, number, column)
    area = QScrollArea(widgetResizable=True)
    area.setWidget(inside)
    dialog.layout().addWidget(area)
    dialog.resize(680, 560)
    return dialog


def about_window(parent: QWidget) -> QDialog:
    """Name, version, licence and sources."""
    dialog = _dialog(parent, "About qdesigner")
    label = QLabel(
        f"<h3>qdesigner {__version__}</h3>"
        "<p>Draw a hybrid quantum-classical image classifier, watch it learn,<br>"
        "and export it as a Python script that runs without qdesigner.</p>"
        "<p>Apache License 2.0. Quantum transfer learning after A. Mari et al.,<br>"
        "Quantum 4, 340 (2020), arXiv 1912.08278.</p>"
    )
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    dialog.layout().addWidget(label)
    return dialog


def _dialog(parent: QWidget, title: str) -> QDialog:
    dialog = QDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    QVBoxLayout(dialog).setContentsMargins(16, 12, 16, 12)
    return dialog
