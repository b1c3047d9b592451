"""How tables look and behave everywhere: plain rows on the panel, chosen whole, in the theme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from app import theme

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
LINE = 26  # px, a row's height


class PlainTable(QTableView):
    """A table without grid; one column takes the room that the others leave."""

    def __init__(self, model: QAbstractTableModel, name: str, wide: int = 0) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(LINE)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        mode = QHeaderView.ResizeMode
        header.setResizeContentsPrecision(100)  # rows looked at, of however many
        for column in range(model.columnCount()):
            header.setSectionResizeMode(
                column, mode.Stretch if column == wide else mode.ResizeToContents
            )
        theme.changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        look = theme.current()
        self.setStyleSheet(
            f"QTableView {{ background: transparent; color: {look.text}; border: none;"
            f" selection-background-color: {look.raised}; selection-color: {look.text};"
            " outline: none; }"
            "QTableView::item { padding: 0 6px; border: none; }"
            "QHeaderView { background: transparent; }"
            f"QHeaderView::section {{ background: transparent; color: {look.muted}; border: none;"
            f" border-bottom: 1px solid {look.border}; padding: 2px 8px; }}"
        )


class Lines(QAbstractTableModel):
    """Lines of text in columns, each with a tip and the path of a file."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__()
        self._columns = tuple(columns)
        self.lines: Sequence[Sequence[str]] = ()
        self.tips: Sequence[str] = ()
        self.paths: Sequence[str] = ()

    def show(
        self, lines: Sequence[Sequence[str]], tips: Sequence[str], paths: Sequence[str]
    ) -> None:
        """Show other lines."""
        if lines == self.lines and tips == self.tips:
            return
        self.beginResetModel()
        self.lines, self.tips, self.paths = lines, tips, paths
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._columns)

    def headerData(self, section: int, way: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        return header_data(self._columns, section, way, role)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if role == Role.DisplayRole:
            return self.lines[index.row()][index.column()]
        if role == Role.ToolTipRole:
            return self.tips[index.row()]
        return None


def header_data(columns: Sequence[str], section: int, way: Qt.Orientation, role: int) -> Any:
    """What a table's header says: its columns' names, at the left."""
    if way == Qt.Orientation.Horizontal and role == Role.DisplayRole:
        return columns[section]
    if role == Role.TextAlignmentRole:
        return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    return None
