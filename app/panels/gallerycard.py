"""A template as a card: its picture, its title and a line; and the flow that cards stand in."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QAbstractButton

from app import theme
from app.canvas.pens import font
from app.panels.gallerypicture import Pictures
from qdesigner.design.gallery import Entry

PICTURE = 128  # px, as all below
TITLE, WORDS, LINE = 13, 11, 16
LINES = 2
SIDE = 12
HEIGHT = PICTURE + 10 + 20 + LINES * LINE + 10
NARROWEST, GAP, HEADING = 236, 12, 30
STEPS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1), Qt.Key.Key_Home: (-9999, 0), Qt.Key.Key_End: (9999, 0),
}  # fmt: skip


class GalleryCard(QAbstractButton):
    """One template. A click chooses it; Enter and a double click open it."""

    opened = Signal(str)
    chosen = Signal(str)
    stepped = Signal(str, int, int)  # from this card: places on, rows down

    def __init__(self, entry: Entry, pictures: Pictures) -> None:
        super().__init__()
        self.entry, self._pictures = entry, pictures
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setText(entry.title)
        self.setAccessibleName(entry.title)
        self.setAccessibleDescription(f"{entry.line} Enter opens it.")
        self.clicked.connect(lambda: self.chosen.emit(entry.name))

    def sizeHint(self) -> QSize:
        """As wide as it must be; the flow gives it more."""
        return QSize(NARROWEST, HEIGHT)

    def nextCheckState(self) -> None:
        """A click on the chosen card leaves it chosen."""
        self.setChecked(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go to other cards, Enter opens."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(self.entry.name)
        elif key in STEPS:
            self.stepped.emit(self.entry.name, *STEPS[key])
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open it."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit(self.entry.name)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture, a line below it, the words, and the accent round the chosen one."""
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        shape = QPainterPath()
        shape.addRoundedRect(box, 8, 8)
        painter.fillPath(shape, QColor(now.panel))
        painter.save()
        painter.setClipPath(shape)
        pixmap = self._pictures.of(
            self.entry.name, self.entry.design, self.width(), self.devicePixelRatioF()
        )
        painter.fillRect(QRectF(0, 0, self.width(), PICTURE), QColor(now.raised))
        if pixmap is not None:
            painter.drawPixmap(QPoint(0, 0), pixmap)
        painter.restore()
        painter.setPen(QPen(QColor(now.border), 1))
        painter.drawLine(QPoint(1, PICTURE), QPoint(self.width() - 2, PICTURE))
        self._paint_words(painter)
        near = self.isChecked() or self.hasFocus() or self.underMouse()
        painter.setPen(
            QPen(QColor(now.accent if near else now.border), 2 if self.isChecked() else 1)
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(shape)
        if self.hasFocus():
            ring = QColor(now.accent)
            ring.setAlpha(110)
            painter.setPen(QPen(ring, 1))
            painter.drawRoundedRect(box.adjusted(3, 3, -3, -3), 6, 6)

    def _paint_words(self, painter: QPainter) -> None:
        now = theme.current()
        face = font(TITLE, bold=True)
        width = self.width() - 2 * SIDE
        painter.setFont(face)
        painter.setPen(QColor(now.text))
        title = QFontMetrics(face).elidedText(self.entry.title, Qt.TextElideMode.ElideRight, width)
        top = PICTURE + 10
        painter.drawText(QRect(SIDE, top, width, 18), Qt.AlignmentFlag.AlignVCenter, title)
        small = font(WORDS)
        painter.setFont(small)
        painter.setPen(QColor(now.muted))
        for number, line in enumerate(broken(self.entry.line, small, width, LINES)):
            place = QRect(SIDE, top + 21 + number * LINE, width, LINE)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, line)


def broken(text: str, face: QFont, width: int, most: int) -> list[str]:
    """``text`` in lines of at most ``width`` px; the last of ``most`` is cut where more follows."""
    laid = QTextLayout(text, face)
    laid.setTextOption(QTextOption(Qt.AlignmentFlag.AlignLeft))
    laid.beginLayout()
    starts = []
    while len(starts) < most and (line := laid.createLine()).isValid():
        line.setLineWidth(width)
        starts.append(line.textStart())
    laid.endLayout()
    lines = [text[a:b].rstrip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
    mode = Qt.TextElideMode.ElideRight
    return [*lines[:-1], QFontMetrics(face).elidedText(lines[-1], mode, width)] if lines else []


# ---- the flow -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flow:
    """Where headings and cards stand: rectangles (left, top, width, height) in px."""

    headings: tuple[tuple[int, int, int, int], ...]
    cards: tuple[tuple[int, int, int, int], ...]
    height: int


def flow(groups: tuple[int, ...], width: int) -> Flow:
    """Place groups of that many cards, each under a heading, in as many columns as fit."""
    columns = max(1, (width + GAP) // (NARROWEST + GAP))
    wide = (width - GAP * (columns - 1)) // columns
    headings, cards, top = [], [], 0
    for count in groups:
        headings.append((0, top, width, HEADING - 8))
        top += HEADING
        for number in range(count):
            row, column = divmod(number, columns)
            cards.append((column * (wide + GAP), top + row * (HEIGHT + GAP), wide, HEIGHT))
        top += -(-count // columns) * (HEIGHT + GAP) + 8
    return Flow(tuple(headings), tuple(cards), max(0, top - GAP))


def card_below(cards: tuple[tuple[int, int, int, int], ...], place: int, step: int) -> int:
    """The card in the next row (``step`` 1) or the one before (-1) that is nearest to ``place``;
    ``place`` itself where there is none."""
    left, top = cards[place][:2]
    tops = sorted({box[1] for box in cards if (box[1] - top) * step > 0}, reverse=step < 0)
    if not tops:
        return place
    return min(
        (k for k, box in enumerate(cards) if box[1] == tops[0]),
        key=lambda k: abs(cards[k][0] - left),
    )
