"""A list of names with ticks, of any length: only the lines on screen are painted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QFrame, QListView

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
LINE = 19  # px
MOST_LINES = 8  # shown at once in the inspector


class Ticks(QAbstractListModel):
    """Names in their order, and which of them are ticked. The last tick stays."""

    ticked = Signal(object)  # tuple[str, ...] of the names that are ticked now

    def __init__(self) -> None:
        super().__init__()
        self.names: tuple[str, ...] = ()
        self.on: frozenset[str] = frozenset()

    def show(self, on: tuple[str, ...], names: tuple[str, ...]) -> None:
        """Show other names, or other ticks."""
        if names != self.names:
            self.beginResetModel()
            self.names, self.on = names, frozenset(on)
            self.endResetModel()
        elif frozenset(on) != self.on:
            self.on = frozenset(on)
            self.dataChanged.emit(self.index(0), self.index(len(names) - 1))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.names)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return (
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsUserCheckable
        )

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        name = self.names[index.row()]
        if role in (Role.DisplayRole, Role.ToolTipRole):
            return name
        if role == Role.CheckStateRole:
            return Qt.CheckState.Checked if name in self.on else Qt.CheckState.Unchecked
        return None

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        if role != Role.CheckStateRole:
            return False
        changed = self.on ^ {self.names[index.row()]}
        if changed:
            self.ticked.emit(tuple(name for name in self.names if name in changed))
        return bool(changed)


class ColumnTicks(QListView):
    """Columns of a table, ticked where the model sees them."""

    def __init__(self, commit: Callable[[Any], object]) -> None:
        super().__init__()
        self.ticks = Ticks()
        self.setModel(self.ticks)
        self.setObjectName("ticks")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.ticks.ticked.connect(commit)

    def show_value(self, value: Any) -> None:
        """``value`` is (the ticked columns, all of them)."""
        self.ticks.show(*value)
        lines = min(MOST_LINES, max(1, len(self.ticks.names)))
        self.setFixedHeight(lines * LINE + 10)
