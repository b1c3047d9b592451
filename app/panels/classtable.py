"""The classes of the data: which are in use, and how many samples each split gets of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.checked import Checked
from app.document import Document
from app.panels.cells import Elided
from app.panels.header import number
from app.panels.tables import Index, PlainTable, Role, Rows
from qdesigner.design import edits
from qdesigner.design.facts import Contents, Counts, DataFacts, facts_of
from qdesigner.design.spec import DataSpec
from qdesigner.errors import UserError
from qdesigner.session.survey import Surveyed

COLUMNS = ("Class", "All", "Train", "Val", "Test")
NAME, TOTAL = 0, 1
ROOMY = 290  # px
FEWEST = 2  # classes that a classifier tells apart


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: how many samples there are, and how many the splits get of it where it is in
    use (None where it is not, or not known)."""

    name: str
    total: int
    counts: Counts | None
    on: bool


def class_rows(spec: DataSpec, checked: Checked, found: Surveyed | None) -> tuple[ClassRow, ...]:
    """The classes of ``spec``: as they were found, else as the names of files tell."""
    facts: DataFacts | None = checked.facts
    totals = checked.available
    if found is not None and found.classes:
        totals = {c.name: c.train + c.validation + c.test for c in found.classes}
        facts = found_facts(spec, found)
    chosen = dict(zip(facts.classes, facts.by_class, strict=True)) if facts is not None else {}
    return tuple(
        ClassRow(name, total, chosen.get(name), not spec.classes or name in spec.classes)
        for name, total in totals.items()
    )


def found_facts(spec: DataSpec, found: Surveyed) -> DataFacts | None:
    """The counts of ``spec`` by what was found: without the files that cannot be used."""
    counts = {
        split: {c.name: getattr(c, split) for c in found.classes}
        for split in ("train", "validation", "test")
    }
    try:
        return facts_of(spec, Contents(tuple(c.name for c in found.classes), counts))
    except UserError:
        return None


class _Rows(Rows):
    toggled = Signal(str)

    def __init__(self) -> None:
        super().__init__(COLUMNS)

    def show(self, rows: tuple[ClassRow, ...]) -> None:
        if rows != self.rows:
            self.put(rows, [row.name for row in rows] == [row.name for row in self.rows])

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == NAME else flags

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == Role.DisplayRole:
            if column == NAME:
                return row.name
            if column == TOTAL:
                return number(row.total)
            return number(row.counts[column - TOTAL - 1]) if row.counts else "–"
        if role == Role.ToolTipRole:
            return row.name
        if role == Role.CheckStateRole and column == NAME:
            return Qt.CheckState.Checked if row.on else Qt.CheckState.Unchecked
        if role == Role.ForegroundRole and not row.on:
            return QColor(theme.current().faint)
        return None

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        if role != Role.CheckStateRole:
            return False
        self.toggled.emit(self.rows[index.row()].name)
        return True


class _Table(PlainTable):
    """Enter toggles the classes that are selected; Space is Train's."""

    entered = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter, else as every table."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        else:
            super().keyPressEvent(event)


class ClassTable(QWidget):
    """The table with its ticks, and two quick choices (``tools``)."""

    picked = Signal(str)  # a class was selected
    refused = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.rows = _Rows()
        self.view = _Table(self.rows, "Classes", NAME)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.verticalHeader().setDefaultSectionSize(22)
        self.view.setToolTip("Enter ticks or unticks the selected classes")
        self.every, self.only = QPushButton("All"), QPushButton("Selected")
        self.every.setToolTip("Use every class")
        self.only.setToolTip("Use the selected classes and no other")
        self.about = Elided()
        self.tools = QWidget()  # stands above the table, beside what else there is
        line = QHBoxLayout(self.tools)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addWidget(self.about, 1)
        for button in (self.every, self.only):
            button.setProperty("kind", "link")
            line.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view, 1)
        self.every.clicked.connect(lambda _=False: self._use(self._all()))
        self.only.clicked.connect(lambda _=False: self._use(self.selected()))
        self.rows.toggled.connect(lambda name: self._toggle({name}))
        self.view.entered.connect(lambda: self._toggle(set(self.selected())))
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._follow())
        self.view.selectionModel().currentRowChanged.connect(self._pick)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The total gives way where names would have no room."""
        super().resizeEvent(event)
        self.view.setColumnHidden(TOTAL, self.width() < ROOMY)

    def show_rows(self, rows: tuple[ClassRow, ...]) -> None:
        """Show the classes as they are now."""
        self.rows.show(rows)
        used = sum(row.on for row in rows)
        some = f"{number(used)} of " if used < len(rows) else ""
        self.about.setText(f"{some}{number(len(rows))} classes" if rows else "")
        for button in (self.every, self.only):
            button.setVisible(bool(rows))
        self._follow()

    def selected(self) -> tuple[str, ...]:
        """The classes that are selected, in the data's order."""
        places = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        return tuple(self.rows.rows[place].name for place in places)

    def _follow(self) -> None:
        self.every.setEnabled(any(not row.on for row in self.rows.rows))
        self.only.setEnabled(len(self.selected()) >= FEWEST)

    def _pick(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self.picked.emit(self.rows.rows[current.row()].name)

    def _toggle(self, names: set[str]) -> None:
        self._use(tuple(row.name for row in self.rows.rows if row.on ^ (row.name in names)))

    def _all(self) -> tuple[str, ...]:
        return tuple(row.name for row in self.rows.rows)

    def _use(self, names: tuple[str, ...]) -> None:
        if len(names) < FEWEST:
            self.refused.emit("A classifier needs at least two classes.")
            return
        chosen = () if names == self._all() else names
        changed = edits.set_data(self._document.design, classes=chosen)
        self._document.apply("Change classes", changed)
