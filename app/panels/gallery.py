"""The gallery of templates, beside the window: cards by family, and what is said of the chosen
one."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.panels.cells import Caption
from app.panels.gallerycard import HEADING, PICTURE, GalleryCard, card_below, flow
from app.panels.gallerypicture import Pictures
from qdesigner.design.gallery import (
    Entry,
    by_family,
    entries,
    goals,
    own_needs,
    own_words,
)
from qdesigner.session.fetch import is_here

DETAIL = 308  # px
SIZE = 1060, 700  # px, at the first opening


class Cards(QWidget):
    """The cards of the templates that a search finds, by family."""

    chosen = Signal(str)
    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._pictures = Pictures(PICTURE)
        self._pictures.setParent(self)  # and gone with it: a picture may still be waiting
        self._pictures.painted.connect(self._painted)
        self.cards: dict[str, GalleryCard] = {}
        self._headings: dict[str, QLabel] = {}
        self._shown: list[str] = []
        self._boxes: tuple[tuple[int, int, int, int], ...] = ()
        for family, found in by_family(entries()).items():
            heading = QLabel(family.upper(), self)
            heading.setProperty("role", "heading")
            self._headings[family] = heading
            for entry in found:
                card = GalleryCard(entry, self._pictures)
                card.setParent(self)
                card.chosen.connect(self.choose)
                card.opened.connect(self.opened)
                card.stepped.connect(self._step)
                self.cards[entry.name] = card
        self.search("")

    @property
    def shown(self) -> list[str]:
        """The names of the templates that are found, in order."""
        return self._shown

    def search(self, text: str) -> None:
        """Show what is found by every word of ``text``."""
        found = [card.entry for card in self.cards.values() if card.entry.found_by(text)]
        self._shown = [entry.name for group in by_family(found).values() for entry in group]
        families = by_family(found)
        for family, heading in self._headings.items():
            heading.setVisible(family in families)
        for name, card in self.cards.items():
            card.setVisible(name in self._shown)
        self._place()

    def choose(self, name: str) -> None:
        """Choose a card."""
        for other, card in self.cards.items():
            card.setChecked(other == name)
        self.chosen.emit(name)

    def _painted(self, name: str) -> None:
        self.cards[name].update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as there is room for."""
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        groups = by_family(self.cards[name].entry for name in self._shown)
        placed = flow(tuple(map(len, groups.values())), max(1, self.width()))
        for family, box in zip(groups, placed.headings, strict=True):
            self._headings[family].setGeometry(*box)
        for name, box in zip(self._shown, placed.cards, strict=True):
            self.cards[name].setGeometry(*box)
        self._boxes = placed.cards
        self.setMinimumHeight(placed.height)

    def _step(self, name: str, places: int, rows: int) -> None:
        here = self._shown.index(name)
        if rows:
            there = card_below(self._boxes, here, rows)
        else:
            there = min(max(here + places, 0), len(self._shown) - 1)
        self.go(self._shown[there])

    def go(self, name: str) -> None:
        """The keyboard to a card, which is chosen."""
        self.cards[name].setFocus(Qt.FocusReason.OtherFocusReason)
        self.choose(name)


class Gallery(QDialog):
    """Search, cards, and to the right the chosen template whole. It asks for the one to open."""

    wanted = Signal(str, bool)  # the template, and whether on its document's own data

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Templates")
        self.setModal(False)
        self.resize(*SIZE)
        self.find = QLineEdit(placeholderText="Search templates")
        self.find.setAccessibleName("Search templates")
        self.find.setClearButtonEnabled(True)
        self.find.installEventFilter(self)
        self.none = Caption("No template is found by these words.")
        self.cards = Cards()
        self.detail = Detail()
        self._area = QScrollArea(widgetResizable=True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        inside.setObjectName("inside")
        around = QVBoxLayout(inside)
        around.setContentsMargins(0, 0, 10, 8)
        around.addWidget(self.none)
        around.addWidget(self.cards, 1)
        self._area.setWidget(inside)
        left = QVBoxLayout()
        left.setSpacing(10)
        left.addWidget(self.find)
        left.addWidget(self._area, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 14, 16, 14)
        row.setSpacing(16)
        row.addLayout(left, 1)
        row.addWidget(self.detail)
        self.find.textChanged.connect(self._search)
        self.cards.chosen.connect(self._show)
        self.cards.opened.connect(lambda name: self._open(name, False))
        self.detail.open.clicked.connect(lambda: self._open(self.detail.name, False))
        self.detail.own.clicked.connect(lambda: self._open(self.detail.name, True))
        self.none.hide()
        self.cards.choose(self.cards.shown[0])

    def _search(self, text: str) -> None:
        self.cards.search(text)
        found = self.cards.shown
        self.none.setVisible(not found)
        if found and self.detail.name not in found:
            self.cards.choose(found[0])

    def _show(self, name: str) -> None:
        card = self.cards.cards[name]
        self.detail.show_entry(card.entry)
        self._area.ensureWidgetVisible(card, 0, HEADING)

    def _open(self, name: str, own: bool) -> None:
        self.close()
        self.wanted.emit(name, own)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """From the search, Down goes to the cards and Enter opens the chosen one."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Down and self.cards.shown:
                self.cards.go(self.detail.name)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.cards.shown:
                self._open(self.detail.name, False)
                return True
        return super().eventFilter(watched, event)


class Detail(QWidget):
    """What a template is, where it comes from, what differs there, and what it reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.name = ""
        self.setFixedWidth(DETAIL)
        self.title = Caption(colour="text", bold=True)
        self.about, self.citation = Caption(colour="text"), Caption()
        self.source = Caption(colour="text", bold=True)
        self.link = QPushButton("Open the source")
        self.link.setProperty("kind", "link")
        self.differs, self.goal, self.needs = Caption(), Caption(colour="text"), Caption()
        self.open = QPushButton("Open")
        self.open.setProperty("kind", "primary")
        self.own = QPushButton("Open on the document's own data")
        for button in (self.open, self.own, self.link):
            button.setAutoDefault(False)
        self.link.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._address = ""
        self.link.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(self._address)))
        self._parts: dict[str, QLabel] = {}
        inside = QWidget()
        inside.setObjectName("inside")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 10, 0)
        column.setSpacing(6)
        for heading, widgets in (
            ("", (self.title, self.about)),
            ("SOURCE", (self.source, self.citation, self.link)),
            ("WHAT DIFFERS", (self.differs,)),
            ("WHAT IT REACHES", (self.goal,)),
        ):
            if heading:
                label = self._parts[heading] = QLabel(heading)
                label.setProperty("role", "heading")
                column.addSpacing(8)
                column.addWidget(label)
            for widget in widgets:
                if isinstance(widget, Caption):
                    widget.setWordWrap(True)
                column.addWidget(widget)
        column.addStretch(1)
        self.needs.setWordWrap(True)
        area = QScrollArea(widgetResizable=True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        outer.addWidget(area, 1)
        outer.addWidget(self.needs)
        outer.addWidget(self.own)
        outer.addWidget(self.open)

    def show_entry(self, entry: Entry) -> None:
        """Tell of another template."""
        origin = entry.origin
        self.name, self._address = entry.name, origin.link
        self.title.setText(entry.title)
        self.about.setText(entry.paragraph)
        self.source.setText(origin.source)
        self.citation.setText(origin.citation)
        self.citation.setVisible(bool(origin.citation))
        self.link.setVisible(bool(origin.link))
        self.link.setToolTip(origin.link)
        self.differs.setText("\n".join(f"• {point}" for point in entry.differences))
        for widget in (self.differs, self._parts["WHAT DIFFERS"]):
            widget.setVisible(bool(entry.differences))
        self.goal.setText("\n".join(goals(entry)))
        needs = own_needs(origin, weights_here=bool(origin.backbone) and is_here(origin.backbone))
        self.needs.setText(needs)
        self.needs.setVisible(bool(needs))
        self.own.setVisible(origin.data is not None)
        self.own.setToolTip(f"{own_words(origin)}. {needs}" if needs else "")
