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


class Rows(QAbstractTableModel):
    """Rows under named columns; who inherits says what stands in them."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Any] = ()) -> None:
        super().__init__()
        self._columns = tuple(columns)
        self.rows = rows

    def put(self, rows: Sequence[Any], same: bool) -> None:
        """Show other rows; ``same`` says that only their values differ: the selection stays."""
        if not same:
            self.beginResetModel()
        self.rows = rows
        if same:
            last = self.index(len(rows) - 1, len(self._columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
        else:
            self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._columns)

    def headerData(self, section: int, way: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        """The columns' names, at the left."""
        if way == Qt.Orientation.Horizontal and role == Role.DisplayRole:
            return self._columns[section]
        if role == Role.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None


class Lines(Rows):
    """Lines of text in columns, each with a tip and the path of a file."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(columns)
        self.tips: Sequence[str] = ()
        self.paths: Sequence[str] = ()

    def show(
        self, lines: Sequence[Sequence[str]], tips: Sequence[str], paths: Sequence[str]
    ) -> None:
        """Show other lines."""
        if lines == self.rows and tips == self.tips:
            return
        self.tips, self.paths = tips, paths
        self.put(lines, False)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if role == Role.DisplayRole:
            return self.rows[index.row()][index.column()]
        if role == Role.ToolTipRole:
            return self.tips[index.row()]
        return None
