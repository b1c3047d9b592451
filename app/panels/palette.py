"""The palette: every block by group, to drag onto the board or to append with Enter.

A drag carries the block's kind and nothing else.
"""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDrag,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.canvas import commands
from app.canvas.gestures import BLOCK_MIME
from app.canvas.pens import font
from app.document import Document
from app.sentences import sentence
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.kinds import BlockKind, Group
from qdesigner.design.edits import EditError

HEIGHT = 28
STRIPE = 4
CHIPS = 6  # single gates in a row; longer names take two places


class PaletteItem(QAbstractButton):
    """One block to drag; Enter or a double click appends it to the circuit."""

    chosen = Signal(str)

    def __init__(self, row: BlockKind, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row = row
        self._start: QPoint | None = None
        self.setText(row.label)
        self.setAccessibleName(f"{row.label} block")
        self.setAccessibleDescription(row.hint)
        self.setToolTip(f"{row.hint}\nDrag it onto the circuit, or press Enter to append it")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    @property
    def chip(self) -> bool:
        """Whether it is a single gate, shown small with its name in the middle."""
        return self.row.wires is not None

    def sizeHint(self) -> QSize:
        """As wide as its text, at least; the layout makes it wider."""
        return QSize(20 if self.chip else 136, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A tinted box with the group's colour at its left."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        colours = theme.current()
        group = self.row.group.value
        colour = colours.group(group)
        box = QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75)
        strong = self.underMouse() or self.hasFocus()
        painter.setBrush(colours.tint(group))
        share = 0.9 if strong else 0.35
        painter.setPen(QPen(theme.blend(colour, QColor(colours.panel), share), 1.2))
        painter.drawRoundedRect(box, 4, 4)
        text_box = QRectF(self.rect())
        flags = Qt.AlignmentFlag.AlignCenter
        if not self.chip:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(0, 0, STRIPE, self.height()), 2, 2)
            text_box.adjust(STRIPE + 8, 0, -2, 0)
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setPen(QColor(colours.text))
        painter.setFont(font(12))
        painter.drawText(text_box, flags, self.text())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where a drag may begin."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._start = event.position().toPoint()
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Begin the drag once the mouse has gone far enough."""
        if self._start is None:
            return
        moved = event.position().toPoint() - self._start
        if moved.manhattanLength() >= QApplication.startDragDistance():
            start, self._start = self._start, None
            self._drag(start)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click only gives focus."""
        self._start = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Append."""
        self._start = None
        self.chosen.emit(self.row.kind)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter appends, arrows move on; Space is the window's."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.row.kind)
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Right):
            self.focusNextChild()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Left):
            self.focusPreviousChild()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Come into sight."""
        super().focusInEvent(event)
        area = self.parentWidget().parentWidget().parentWidget() if self.parentWidget() else None
        if isinstance(area, QScrollArea):
            area.ensureWidgetVisible(self)

    def _drag(self, start: QPoint) -> None:
        data = QMimeData()
        data.setData(BLOCK_MIME, self.row.kind.encode())
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.setPixmap(self._picture())
        drag.setHotSpot(start)
        drag.exec(Qt.DropAction.CopyAction)
        self.update()

    def _picture(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(0.8)
        self._paint(painter)
        painter.end()
        return picture


class GroupHeading(QAbstractButton):
    """A group's name; a click, Enter, or Left and Right fold its blocks away or show them."""

    def __init__(self, group: Group, first: bool) -> None:
        super().__init__()
        self.setText(group.value.upper())
        self.setAccessibleName(f"{group.value} blocks")
        self.setToolTip("Hide or show these blocks")
        self.setCheckable(True)
        self.setChecked(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFixedHeight(18 if first else 26)

    def sizeHint(self) -> QSize:
        """As wide as the column."""
        return QSize(100, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The name, and an arrow that says whether its blocks show."""
        colours = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        strong = self.hasFocus() or self.underMouse()
        painter.setPen(QColor(colours.accent if self.hasFocus() else colours.muted))
        painter.setFont(font(10, bold=True))
        line = QRectF(0, self.height() - 18, self.width(), 16)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.setPen(QPen(QColor(colours.muted if strong else colours.faint), 1.4))
        painter.translate(self.width() - 8, line.center().y())
        painter.rotate(90 if self.isChecked() else 0)
        painter.drawPolyline([QPointF(-2, -4), QPointF(2, 0), QPointF(-2, 4)])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter turns, Left hides, Right shows, Up and Down move on; Space is the window's."""
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.click()
            case Qt.Key.Key_Left | Qt.Key.Key_Right:
                self.setChecked(event.key() == Qt.Key.Key_Right)
            case Qt.Key.Key_Down:
                self.focusNextChild()
            case Qt.Key.Key_Up:
                self.focusPreviousChild()
            case _:
                event.ignore()


class Palette(QWidget):
    """Every block, searchable, in the groups' order. ``refused`` carries why a block could not be
    appended."""

    refused = Signal(str)

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.setAccessibleName("Blocks")
        self._search = QLineEdit(placeholderText="Search blocks", clearButtonEnabled=True)
        self._search.setAccessibleName("Search blocks")
        self._search.textChanged.connect(self._filter)
        self._search.returnPressed.connect(self._append_first)
        self._nothing = QLabel("No block is called that.")
        self._nothing.setProperty("role", "muted")
        self._nothing.hide()
        self._groups: list[tuple[GroupHeading, QWidget, list[PaletteItem]]] = []
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 0, 4)
        outer.setSpacing(8)
        row = QVBoxLayout()
        row.setContentsMargins(0, 0, 12, 0)
        row.addWidget(self._search)
        outer.addLayout(row)
        outer.addWidget(self._nothing)
        outer.addWidget(self._blocks(), 1)
        self.setMinimumWidth(184)
        theme.changed.connect(self.update)

    def _blocks(self) -> QScrollArea:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 12, 8)
        column.setSpacing(4)
        for group in Group:
            rows = [row for row in BLOCKS.values() if row.group is group]
            rows.sort(key=lambda row: (row.wires or 0) > 2)  # gates in threes, the longest last
            heading = GroupHeading(group, first=not self._groups)
            heading.toggled.connect(lambda _on: self._filter(self._search.text()))
            items = [self._item(row) for row in rows]
            held = QWidget()
            _fill(held, items)
            column.addWidget(heading)
            column.addWidget(held)
            self._groups.append((heading, held, items))
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.viewport().setAutoFillBackground(False)
        content.setAutoFillBackground(False)
        return area

    def _item(self, row: BlockKind) -> PaletteItem:
        item = PaletteItem(row)
        item.chosen.connect(self.append)
        return item

    def items(self) -> list[PaletteItem]:
        """The blocks that the search leaves, in their order, those folded away included."""
        return [item for _, _, items in self._groups for item in items if not item.isHidden()]

    def append(self, kind: str) -> None:
        """Put a block of ``kind`` after the selected one, or at the circuit's end."""
        try:
            commands.append(self._document, kind)
        except EditError as error:
            self.refused.emit(sentence(error))

    def search(self) -> None:
        """Give the search field the keyboard."""
        self._search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._search.selectAll()

    def _append_first(self) -> None:
        words = self._search.text().casefold().strip()
        left = sorted(self.items(), key=lambda item: item.text().casefold() != words)
        if left and words:
            self.append(left[0].row.kind)

    def _filter(self, text: str) -> None:
        """Show blocks in whose name, group or hint a word begins with each word asked for; a group
        that is folded away opens for a search."""
        words = text.casefold().split()
        for heading, held, items in self._groups:
            for item in items:
                row = item.row
                told = f"{row.label} {row.group.value} {row.hint}".casefold().split()
                item.setVisible(all(any(t.startswith(w) for t in told) for w in words))
            some = any(not item.isHidden() for item in items)
            heading.setVisible(some)
            held.setVisible(some and (heading.isChecked() or bool(words)))
        self._nothing.setVisible(not self.items())


def _fill(held: QWidget, items: list[PaletteItem]) -> None:
    """Layers one below the other, single gates side by side."""
    grid = QGridLayout(held)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setSpacing(4)
    row = column = 0
    for item in items:
        places = CHIPS if not item.chip else 2 if len(item.text()) > 1 else 1
        if column + places > CHIPS:
            row, column = row + 1, 0
        grid.addWidget(item, row, column, 1, places)
        column += places
    for place in range(CHIPS):
        grid.setColumnStretch(place, 1)
