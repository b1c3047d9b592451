"""The Backbones tab: every network that can stand in front, and the cached features."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.background import Background
from app.document import Document
from app.featurecache import FeatureCache
from app.fetching import Fetches
from app.panels.cacheview import CacheView
from app.panels.cells import Elided, paint_bar
from app.panels.header import number
from app.panels.switch import Switch
from app.panels.tables import Index, PlainTable, Role, Rows
from qdesigner.catalog.backbones import BACKBONES, Backbone
from qdesigner.design import edits
from qdesigner.design.spec import Design
from qdesigner.session.cache import size_text
from qdesigner.session.fetch import bytes_begun, is_here

COLUMNS = ("Network", "Features", "Parameters", "Top-1", "File", "Downloaded", "Licence")
NAME, FEATURES, PARAMETERS, ACCURACY, FILE, STATE, LICENCE = range(len(COLUMNS))
ROOMY = 860  # px of the panel from which licences are shown
MB = 1e6


class _Rows(Rows):
    """A row a backbone; the role to sort by is a number where the column holds one."""

    def __init__(self, fetches: Fetches) -> None:
        super().__init__(COLUMNS, tuple(BACKBONES.values()))
        self._fetches = fetches
        self.here: dict[str, bool] = {}
        self.begun: dict[str, int] = {}
        self.used = ""

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == Role.DisplayRole:
            return self._text(row, column)
        if role == Role.EditRole:
            return self._number(row, column)
        if role == Role.ToolTipRole:
            return self._fetches.failed.get(row.name) or about(row)
        if role == Role.FontRole and column == NAME and row.name == self.used:
            font = QFont()
            font.setBold(True)
            return font
        if role == Role.ForegroundRole and column == STATE:
            look = theme.current()
            if row.name in self._fetches.failed:
                return QColor(look.wrong)
            return QColor(look.right if self.here.get(row.name) else look.muted)
        return None

    def tell(self, name: str = "") -> None:
        """Something is new of one backbone, or of all."""
        places = [k for k, row in enumerate(self.rows) if name in ("", row.name)]
        if places:
            last = len(COLUMNS) - 1
            self.dataChanged.emit(self.index(places[0], 0), self.index(places[-1], last))

    def share(self, name: str) -> float | None:
        """How much of a download that goes on is there, 0 to 1; None where none does."""
        if name not in self._fetches.going:
            return None
        at = self._fetches.going[name]
        return at.done / at.total if at is not None and at.total else 0.0

    def _text(self, row: Backbone, column: int) -> str:
        if column == STATE:
            return self._state(row)
        return {
            NAME: row.label,
            FEATURES: number(row.features),
            PARAMETERS: f"{row.parameters / MB:.1f} M" if row.parameters > 1e5 else
            number(row.parameters),
            ACCURACY: f"{row.accuracy:.1f} %" if row.accuracy is not None else "–",
            FILE: f"{row.megabytes:.0f} MB" if row.megabytes >= 10 else
            (f"{row.megabytes:.1f} MB" if row.megabytes else "–"),
            LICENCE: row.licence,
        }[column]  # fmt: skip

    def _number(self, row: Backbone, column: int) -> Any:
        order: dict[int, Any] = {
            FEATURES: row.features, PARAMETERS: row.parameters, ACCURACY: row.accuracy or 0.0,
            FILE: row.megabytes, STATE: -int(self.here.get(row.name, False)),
        }  # fmt: skip
        return order.get(column, self._text(row, column).lower())

    def _state(self, row: Backbone) -> str:
        if row.name in self._fetches.going:
            at = self._fetches.going[row.name]
            return "waiting" if at is None else f"{size_text(at.done)}, {size_text(at.rate)}/s"
        if row.name in self._fetches.failed:
            return "failed"
        if self.here.get(row.name):
            return "yes" if row.url else "built in"
        begun = self.begun.get(row.name, 0)
        return f"{size_text(begun)} of it" if begun else "no"


def about(row: Backbone) -> str:
    """What is said of a network in a tip."""
    lines = [row.note or f"{row.label}, pretrained on ImageNet"]
    if row.accuracy is not None:
        lines.append(f"Top-1 accuracy on ImageNet: {row.accuracy:.3f} %")
    lines.append(f"Licence: {row.licence}")
    return "\n".join([*lines, "Double click or Enter: use it in the design"])


class _Proxy(QSortFilterProxyModel):
    """Every word of the search must be somewhere in a row."""

    def __init__(self, rows: _Rows) -> None:
        super().__init__()
        self._rows, self._words = rows, ()
        self.setSourceModel(rows)
        self.setSortRole(Role.EditRole)

    def search(self, text: str) -> None:
        """Show what ``text`` finds."""
        self._words = tuple(text.lower().split())
        self.invalidate()

    def filterAcceptsRow(self, place: int, parent: Index) -> bool:
        """Whether every word is in it."""
        row = self._rows.rows[place]
        text = f"{row.name} {row.label} {row.licence} {row.note}".lower()
        return all(word in text for word in self._words)


class _State(QStyledItemDelegate):
    """A bar below the words while a download goes on."""

    def __init__(self, view: QWidget, rows: _Rows, proxy: _Proxy) -> None:
        super().__init__(view)
        self._rows, self._proxy = rows, proxy

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Words, and the bar."""
        super().paint(painter, option, index)
        name = self._rows.rows[self._proxy.mapToSource(index).row()].name
        share = self._rows.share(name)
        if share is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            room = option.rect.adjusted(8, option.rect.height() - 5, -8, -2)
            paint_bar(painter, room.toRectF(), share, QColor(theme.current().accent))


class _View(PlainTable):
    entered = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter uses what is selected."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        else:
            super().keyPressEvent(event)


class BackbonesPanel(QWidget):
    """Search and table; what can be done with the selected one; the cache as a page of its own."""

    def __init__(self, document: Document, fetches: Fetches, features: FeatureCache) -> None:
        super().__init__()
        self._document, self._fetches, self._features = document, fetches, features
        self._background = Background(self)
        self.rows = _Rows(fetches)
        self.proxy = _Proxy(self.rows)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search networks")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(220)
        self.view = _View(self.proxy, "Backbones", NAME)
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(NAME, Qt.SortOrder.AscendingOrder)
        self.view.setItemDelegateForColumn(STATE, _State(self.view, self.rows, self.proxy))
        self.words = Elided()
        self.use, self.load = QPushButton("Use in the design"), QPushButton("Download")
        for button in (self.use, self.load):
            button.setProperty("kind", "fix")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.cache = CacheView(features)
        self._lay_out()
        self.search.textChanged.connect(self._search)
        self.view.doubleClicked.connect(lambda _index: self._use())
        self.view.entered.connect(self._use)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._follow())
        self.use.clicked.connect(lambda _=False: self._use())
        self.load.clicked.connect(lambda _=False: self._load())
        fetches.changed.connect(self._hear)
        fetches.fetched.connect(lambda _name: self._look())
        document.changed.connect(lambda _design: self._mark())
        features.changed.connect(self._name_cache)
        self._mark()
        self._name_cache()

    def _lay_out(self) -> None:
        table = QWidget()
        column = QVBoxLayout(table)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.view, 1)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.use)
        line.addWidget(self.load)
        line.addWidget(self.words, 1)
        column.addLayout(line)
        self.pages = Switch()
        self.pages.add("networks", f"Networks {len(self.rows.rows)}", table)
        self.pages.add("cache", "Cached features", self.cache)
        self.pages.line.addStretch(1)
        self.pages.line.addWidget(self.search, 2)
        self.pages.moved.connect(lambda page: self.search.setVisible(page == "networks"))
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.addWidget(self.pages, 1)

    # ---- following ------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """What is on this computer may have changed."""
        super().showEvent(event)
        self._look()
        self._features.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Licences give way where there is no room for them; a tip has them too."""
        super().resizeEvent(event)
        roomy = self.width() >= ROOMY
        self.view.setColumnHidden(LICENCE, not roomy)
        header = self.view.horizontalHeader()
        stretch, fit = header.ResizeMode.Stretch, header.ResizeMode.ResizeToContents
        header.setSectionResizeMode(NAME, fit if roomy else stretch)
        header.setSectionResizeMode(LICENCE, stretch)

    def chosen(self) -> Backbone | None:
        """The selected network."""
        index = self.view.currentIndex()
        return self.rows.rows[self.proxy.mapToSource(index).row()] if index.isValid() else None

    def select(self, name: str) -> None:
        """Select a network and bring it into view."""
        for place, row in enumerate(self.rows.rows):
            if row.name == name:
                index = self.proxy.mapFromSource(self.rows.index(place, NAME))
                self.view.setCurrentIndex(index)
                self.view.scrollTo(index)

    def _look(self) -> None:
        """Which weights are here, asked in a thread."""

        def take(found: dict[str, tuple[bool, int]]) -> None:
            self.rows.here = {name: here for name, (here, _) in found.items()}
            self.rows.begun = {name: begun for name, (_, begun) in found.items()}
            self.rows.tell()
            self._follow()

        names = tuple(BACKBONES)
        self._background.do(
            lambda: {name: (is_here(name), bytes_begun(name)) for name in names},
            take, lambda _text: None,
        )  # fmt: skip

    def _hear(self, name: str) -> None:
        self.rows.tell(name)
        self._follow()
        if name not in self._fetches.going:
            self._look()

    def _mark(self) -> None:
        backbone = self._document.design.backbone
        used = backbone.settings.text("model") if backbone is not None else ""
        if used != self.rows.used:
            self.rows.used = used
            self.rows.tell()
            if self.chosen() is None:
                self.select(used)

    def _name_cache(self) -> None:
        size = self._features.bytes
        self.pages.offer("cache", True, f"Cached features {size_text(size)}" if size else
                         "Cached features")  # fmt: skip

    def _search(self, text: str) -> None:
        self.pages.go("networks")
        self.proxy.search(text)

    def _follow(self) -> None:
        row = self.chosen()
        going = row is not None and row.name in self._fetches.going
        here = row is not None and self.rows.here.get(row.name, False)
        self.use.setEnabled(row is not None)
        self.load.setVisible(row is not None and bool(row.url) and (going or not here))
        begun = self.rows.begun.get(row.name, 0) if row is not None else 0
        self.load.setText("Stop" if going else ("Go on downloading" if begun else "Download"))
        words = "Select a network to use it, or to download its weights ahead."
        if row is not None:
            words = self._fetches.failed.get(row.name) or row.note or row.licence
        self.words.setText(words)

    # ---- doing ----------------------------------------------------------------------------------

    def _use(self) -> None:
        row = self.chosen()
        if row is not None:
            self._document.apply(f"Use {row.label}", with_backbone(self._document.design, row.name))

    def _load(self) -> None:
        row = self.chosen()
        if row is None:
            return
        if row.name in self._fetches.going:
            self._fetches.stop(row.name)
        else:
            self._fetches.fetch(row.name)


def with_backbone(design: Design, name: str) -> Design:
    """The design with this backbone in front; one that learns from random weights still does."""
    backbone = design.backbone
    if backbone is None:
        first = design.stages[0].id if design.stages else ""
        return edits.insert_stage_kind(design, "backbone", first, model=name)
    random = backbone.weights.origin == "random"
    return edits.set_backbone(design, name, "random" if random else "pretrained")
