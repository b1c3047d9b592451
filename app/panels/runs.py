"""The Runs tab: every run that is kept, and those that are ticked on the same axes."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPixmap, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.panels.cells import Caption
from app.panels.series import COLOURS, colour
from app.panels.tables import Index, PlainTable, Role, Rows
from app.runlist import RunList
from app.runs import Runs
from app.runview import RunView
from app.session import Session
from qdesigner.session import events
from qdesigner.session.runs import RunRow

if TYPE_CHECKING:
    from app.panels.compare import Comparison

COLUMNS = ("Run", "State", "Epochs", "Best", "Last", "Data", "Begun", "Size")
NAME, STATE, EPOCHS, BEST, LAST, DATA, BEGUN, SIZE = range(len(COLUMNS))
MOST = len(COLOURS)  # runs compared at once: as many as there are colours
ROOM = {STATE: 700, LAST: 900, DATA: 1100, SIZE: 1200}  # px of the panel from which they are shown
AGAIN = 1000  # ms between two looks at the list while a run goes on


class _Rows(Rows):
    """A row a run; the first column has the tick and can be edited."""

    ticked = Signal()
    renamed = Signal(object, str)  # Path, the new name

    def __init__(self) -> None:
        super().__init__(COLUMNS)
        self.places: dict[str, int] = {}  # of the ticked runs, in which colour
        self.shown = ""

    def show(self, rows: tuple[RunRow, ...], shown: str) -> None:
        """Show other rows; where only values differ, the selection and an open editor stay."""
        self.shown = shown
        known = {str(row.path) for row in rows}
        self.places = {path: place for path, place in self.places.items() if path in known}
        self.put(rows, [row.path for row in rows] == [row.path for row in self.rows])

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() == NAME:
            flags |= Qt.ItemFlag.ItemIsEditable
            if not self.rows[index.row()].error:
                flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        path = str(row.path)
        if role in (Role.DisplayRole, Role.EditRole):
            return _text(row, column)
        if role == Role.ToolTipRole:
            return row.error or (
                f"{row.name}: {row.state}\n{row.path}\nTick it to compare, double click to rename"
            )
        if role == Role.FontRole and path == self.shown and column == NAME:
            return _bold()
        if role == Role.ForegroundRole and (row.error or row.state == "failed") and column == STATE:
            return QColor(theme.current().wrong)
        if column == NAME and role == Role.CheckStateRole and not row.error:
            ticked = path in self.places
            return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
        if column == NAME and role == Role.DecorationRole:
            return _swatch(self.places.get(path))
        return None

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        row = self.rows[index.row()]
        if role == Role.CheckStateRole:
            self.tick(str(row.path), Qt.CheckState(value) == Qt.CheckState.Checked)
            return True
        if role == Role.EditRole and str(value).strip() != row.name:
            self.renamed.emit(row.path, str(value))
            return True
        return False

    def tick(self, path: str, on: bool) -> None:
        """Compare a run, or do not; the first free colour is its own."""
        if not on:
            self.places.pop(path, None)
        elif path not in self.places:
            free = [place for place in range(MOST) if place not in self.places.values()]
            if not free:
                return
            self.places[path] = free[0]
        if self.rows:
            self.dataChanged.emit(self.index(0, NAME), self.index(len(self.rows) - 1, NAME))
        self.ticked.emit()


class RunsPanel(QWidget):
    """The list with what can be done with a run, and the comparison beside it."""

    def __init__(self, runlist: RunList, runs: Runs, runview: RunView, session: Session) -> None:
        super().__init__()
        self._list, self._runs, self._runview, self._session = runlist, runs, runview, session
        self.plot: Comparison | None = None
        self._stale = True
        self._again = QTimer(self, singleShot=True, interval=AGAIN)
        self._again.timeout.connect(self.refresh)
        self.rows = _Rows()
        self.view = self._make_view()
        self.hint = Caption("Runs are kept here: press Train (Space), and the first one appears.")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._make_buttons()
        self._make_side()
        self._lay_out()
        self.rows.ticked.connect(self._compare)
        self.rows.renamed.connect(runlist.rename)
        runlist.changed.connect(self._take)
        runlist.loaded.connect(lambda _path: self._draw())
        session.event.connect(self._hear)
        session.state_changed.connect(lambda _state: self._follow())
        runview.state_changed.connect(self._show_current)
        self._take()

    # ---- building -------------------------------------------------------------------------------

    def _make_view(self) -> QTableView:
        view = PlainTable(self.rows, "Runs", NAME)
        view.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        view.setIconSize(QSize(10, 10))
        view.selectionModel().selectionChanged.connect(lambda *_: self._follow())
        return view

    def _make_buttons(self) -> None:
        self.buttons: dict[str, QPushButton] = {}
        for name, tip, act in (
            ("Open", "Show this run everywhere", lambda row: self._runs.open_run(str(row.path))),
            ("Resume", "Go on with it from its last checkpoint",
             lambda row: self._runs.resume(str(row.path))),
            ("Branch", "Begin a new run of the design on screen with its last weights",
             lambda row: self._runs.branch(str(row.path))),
            ("Folder", "Show its folder in the file manager",
             lambda row: self._runs.show_folder(str(row.path))),
            ("Delete", "Delete it; this can be undone until the program ends",
             lambda row: self._list.delete(row.path)),
        ):  # fmt: skip
            button = self.buttons[name] = QPushButton(name)
            button.setProperty("kind", "fix")
            button.setToolTip(tip)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, act=act: self._act(act))

    def _make_side(self) -> None:
        """The comparison: what is drawn, and the plot once something is ticked."""
        self.quantity = QComboBox()
        self.quantity.addItem("Loss", "loss")
        self.quantity.addItem("Score", "score")
        self.quantity.setCurrentIndex(1)
        self.quantity.setAccessibleName("What is compared")
        self.quantity.currentIndexChanged.connect(lambda _place: self._draw())
        self.about = Caption("Tick runs to compare them on the same axes.")
        self.about.setWordWrap(True)
        self.about.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._plot_room = QVBoxLayout()
        self._plot_room.addWidget(self.about, 1)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        for button in self.buttons.values():
            top.addWidget(button)
        top.addStretch(1)
        above = QHBoxLayout()
        above.setSpacing(8)
        above.addWidget(self.quantity)
        self.how = Caption("validation solid, training thin")
        above.addWidget(self.how)
        above.addStretch(1)
        self._whole = QWidget()
        grid = QGridLayout(self._whole)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        grid.addLayout(top, 0, 0)
        grid.addWidget(self.view, 1, 0)
        grid.addLayout(above, 0, 1)
        grid.addLayout(self._plot_room, 1, 1)
        grid.setColumnStretch(0, 3)
        grid.setColumnStretch(1, 2)
        grid.setRowStretch(1, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.addWidget(self.hint, 1)
        box.addWidget(self._whole, 1)

    # ---- following ------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """List the runs as they are now."""
        super().showEvent(event)
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Columns that there is no room for give way."""
        super().resizeEvent(event)
        for column, room in ROOM.items():
            self.view.setColumnHidden(column, self.width() < room)
        self.how.setVisible(self.width() >= ROOM[LAST])

    def refresh(self) -> None:
        """List the runs again, now or when the panel is next shown."""
        self._stale = not self.isVisible()
        if not self._stale:
            self._list.refresh(self._runview.path)
            for path in self.rows.places:
                if path == self._session.run and self._session.busy:
                    self._list.load(path)

    def _hear(self, event: events.Event) -> None:
        kinds = (events.Started, events.Epoch, events.Finished, events.Stopped, events.Failed)
        if isinstance(event, kinds) and not self._again.isActive():
            self._again.start()

    def _take(self) -> None:
        there = bool(self._list.rows)
        self.hint.setVisible(not there)
        self._whole.setVisible(there)
        chosen = self.chosen()
        self.rows.show(self._list.rows, self._runview.path)
        for place, row in enumerate(self.rows.rows):
            if chosen is not None and row.path == chosen.path:
                self.view.selectRow(place)
        self._follow()
        self._draw()

    def _show_current(self) -> None:
        if self.rows.shown != self._runview.path:
            self.rows.show(self.rows.rows, self._runview.path)
            self._follow()

    def chosen(self) -> RunRow | None:
        """The selected run."""
        index = self.view.currentIndex()
        return self.rows.rows[index.row()] if index.isValid() else None

    def _act(self, act: Any) -> None:
        row = self.chosen()
        if row is not None:
            act(row)

    def _follow(self) -> None:
        """Which buttons can be used on the selected run."""
        row, busy = self.chosen(), self._session.busy
        goes_on = row is not None and busy and str(row.path) == self._session.run
        readable = row is not None and not row.error
        usable = {
            "Open": readable and not busy,
            "Resume": readable and not busy and row is not None and row.resumable,
            "Branch": readable and not busy and row is not None and row.epochs > 0,
            "Folder": row is not None,
            "Delete": row is not None and not goes_on,
        }
        for name, button in self.buttons.items():
            button.setEnabled(bool(usable[name]))

    # ---- comparing ------------------------------------------------------------------------------

    def _compare(self) -> None:
        for path in self.rows.places:
            if path not in self._list.curves or path == self._session.run:
                self._list.load(path)
        self._draw()

    def _draw(self) -> None:
        names = _told_apart(self.rows.rows)
        shown = [
            (place, names.get(path, Path(path).name), self._list.curves[path])
            for path, place in self.rows.places.items()
            if path in self._list.curves
        ]
        if shown and self.plot is None:
            from app.panels.compare import Comparison

            self.plot = Comparison()
            self._plot_room.addWidget(self.plot, 1)
        self.about.setVisible(not shown)
        if self.plot is not None:
            self.plot.setVisible(bool(shown))
            self.plot.show_runs(shown, self.quantity.currentData())


# ---- in words -----------------------------------------------------------------------------------


def _text(row: RunRow, column: int) -> str:
    if column == NAME:
        return row.name
    if row.error:
        return "cannot be read" if column == STATE else ""
    texts = {
        STATE: row.state,
        EPOCHS: f"{row.epochs} / {row.total}",
        BEST: score_words(row, row.best),
        LAST: score_words(row, row.last),
        DATA: row.data,
        BEGUN: when(row.started),
        SIZE: size_words(row.bytes),
    }
    return texts[column]


def _told_apart(rows: tuple[RunRow, ...]) -> dict[str, str]:
    """Names by path; those of the same name with the time they began."""
    names = [row.name for row in rows]
    return {
        str(row.path): f"{row.name}, {when(row.started)}" if names.count(row.name) > 1 else row.name
        for row in rows
    }


def score_words(row: RunRow, score: float) -> str:
    """A score: "96.7 %", or an error's three digits; "–" before the first epoch."""
    if math.isnan(score):
        return "–"
    return f"{score:.3g}" if row.score == "mae" else f"{score:.1%}".replace("%", " %")


def when(seconds: float) -> str:
    """Today as a time, else as a date."""
    then = datetime.datetime.fromtimestamp(seconds)
    today = datetime.date.today()
    if then.date() == today:
        return f"{then:%H:%M}"
    return f"{then.day} {then:%b}" if then.year == today.year else f"{then.day} {then:%b %Y}"


def size_words(size: int) -> str:
    """Bytes in the unit that suits them."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1e3))} kB"


def _bold() -> QFont:
    font = QFont()
    font.setBold(True)
    return font


def _swatch(place: int | None) -> QIcon:
    """The colour that a run has in the comparison."""
    pixmap = QPixmap(10, 10)
    pixmap.fill(Qt.GlobalColor.transparent)
    if place is not None:
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(place))
        painter.drawRoundedRect(0, 0, 10, 10, 3, 3)
        painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # a selected row's is not tinted
    return icon
