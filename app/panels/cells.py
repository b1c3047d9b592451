"""One validation image as a cell: its picture, what it is and was taken for, and how likely.

Painted the same in the grid of all images and in the small one beside the curves. Right and wrong
differ by colour, by the sign in the corner and by the word below.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QLabel, QWidget

from app import theme
from app.panels.images import draw_picture
from app.runview import RunView

PICTURE = 72  # px
PAD = 4
WORD = 20
BAR = 6
PERCENT = 18
HEIGHT = PAD + PICTURE + WORD + BAR + PERCENT + PAD
NARROWEST, WIDEST = 84, 168


class Caption(QLabel):
    """A line of text in one of the theme's colours, following a change of theme."""

    def __init__(
        self,
        text: str = "",
        colour: str = "muted",
        bold: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._colour, self._bold = colour, bold
        self.setTextFormat(Qt.TextFormat.PlainText)
        theme.changed.connect(self._restyle)
        self._restyle()

    def set_colour(self, colour: str) -> None:
        """Another of the theme's colours, by name."""
        self._colour = colour
        self._restyle()

    def _restyle(self) -> None:
        weight = 600 if self._bold else 400
        colour = getattr(theme.current(), self._colour)
        self.setStyleSheet(f"color: {colour}; font-weight: {weight}; background: transparent;")


def sized(font: QFont, change: int, bold: bool = False) -> QFont:
    """``font`` a few points larger or smaller."""
    copy = QFont(font)
    if font.pixelSize() > 0:
        copy.setPixelSize(max(8, font.pixelSize() + change))
    else:
        copy.setPointSizeF(max(6.0, font.pointSizeF() + 0.75 * change))
    copy.setBold(bold)
    return copy


def verdict(runview: RunView, image: int) -> str:
    """ "ants", or "ants → bees" for ants taken for bees."""
    true = runview.class_name(int(runview.labels[image]))
    if runview.right[image]:
        return true
    return f"{true} → {runview.class_name(int(runview.predicted[image]))}"


def short_verdict(runview: RunView, image: int, metrics: QFontMetrics, room: int) -> str:
    """The verdict in ``room`` px: long names are cut each, so that both classes show."""
    whole = verdict(runview, image)
    if runview.right[image] or metrics.horizontalAdvance(whole) <= room:
        return metrics.elidedText(whole, Qt.TextElideMode.ElideMiddle, room)
    each = (room - metrics.horizontalAdvance(" → ")) // 2
    return " → ".join(
        metrics.elidedText(runview.class_name(int(label)), Qt.TextElideMode.ElideMiddle, each)
        for label in (runview.labels[image], runview.predicted[image])
    )


def cell_width(runview: RunView, font: QFont) -> int:
    """How wide cells are, so that most verdicts of this run can be read."""
    metrics = QFontMetricsF(sized(font, -1, bold=True))
    longest = sorted((metrics.horizontalAdvance(name) for name in runview.classes), reverse=True)
    word = sum(longest[:2]) + metrics.horizontalAdvance(" → ") if longest else 0
    return int(min(WIDEST, max(NARROWEST, word + 4 * PAD)))


def tooltip(runview: RunView, image: int) -> str:
    """What a cell says in words."""
    true = runview.class_name(int(runview.labels[image]))
    said = runview.class_name(int(runview.predicted[image]))
    sure = f"{runview.confidence[image]:.1%}"
    if runview.right[image]:
        text = f"✓ {true}, recognised with {sure}"
    else:
        share = f"{runview.true_probability[image]:.1%}"
        text = f"✗ {true}, taken for {said} with {sure} ({true}: {share})"
    name = runview.items[image].key if image < len(runview.items) else ""
    return f"{text}\nimage {image}" + (f" · {name}" if name else "")


def paint_cell(
    painter: QPainter,
    rect: QRectF,
    runview: RunView,
    image: int,
    pixmap: QPixmap,
    font: QFont,
    chosen: bool = False,
) -> None:
    """Paint one image into ``rect`` (`cell_width` × HEIGHT px)."""
    look = theme.current()
    right = bool(runview.right[image])
    colour = QColor(look.right if right else look.wrong)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if chosen:
        painter.setPen(QPen(QColor(look.accent), 1.5))
        painter.setBrush(theme.blend(QColor(look.accent), QColor(look.panel), 0.10))
        painter.drawRoundedRect(rect.adjusted(1, 0.75, -1, -0.75), 6, 6)
    picture = QRectF(rect.center().x() - PICTURE / 2, rect.top() + PAD, PICTURE, PICTURE)
    _paint_picture(painter, picture, pixmap, colour)
    _paint_sign(painter, picture, right, colour)
    small = sized(font, -1)
    word = QRectF(rect.left() + PAD, picture.bottom(), rect.width() - 2 * PAD, WORD)
    painter.setFont(sized(font, -1, bold=True))
    painter.setPen(QColor(look.text) if right else colour)
    text = short_verdict(runview, image, painter.fontMetrics(), int(word.width()))
    painter.drawText(word, Qt.AlignmentFlag.AlignCenter, text)
    share = float(runview.true_probability[image])
    bar = QRectF(picture.left(), word.bottom(), PICTURE, BAR)
    paint_bar(painter, bar, share, colour)
    painter.setFont(small)
    painter.setPen(QColor(look.muted))
    below = QRectF(word.left(), bar.bottom(), word.width(), PERCENT)
    painter.drawText(below, Qt.AlignmentFlag.AlignCenter, f"{share:.0%}".replace("%", " %"))
    painter.restore()


def paint_bar(painter: QPainter, bar: QRectF, share: float, colour: QColor) -> None:
    """A track filled to ``share`` (0 … 1)."""
    look = theme.current()
    radius = bar.height() / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(look.border))
    painter.drawRoundedRect(bar, radius, radius)
    filled = QRectF(bar)
    filled.setWidth(bar.width() * min(1.0, max(0.0, share)))
    if filled.width() > 0.5:
        painter.save()
        track = QPainterPath()
        track.addRoundedRect(bar, radius, radius)
        painter.setClipPath(track)
        painter.setBrush(colour)
        painter.drawRoundedRect(filled, radius, radius)
        painter.restore()


def _paint_picture(painter: QPainter, picture: QRectF, pixmap: QPixmap, colour: QColor) -> None:
    edge = QPainterPath()
    edge.addRoundedRect(picture.adjusted(1, 1, -1, -1), 5, 5)
    painter.save()
    painter.setClipPath(edge)
    if pixmap.isNull():
        painter.fillRect(picture, QColor(theme.current().raised))
    else:
        draw_picture(painter, picture, pixmap)
    painter.restore()
    painter.setPen(QPen(colour, 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(edge)


def _paint_sign(painter: QPainter, picture: QRectF, right: bool, colour: QColor) -> None:
    """✓ or ✗ in the corner, drawn so that it looks the same in every font."""
    look = theme.current()
    centre = picture.topRight() + QPointF(-5, 5)
    painter.setPen(QPen(QColor(look.panel), 1.5))
    painter.setBrush(colour)
    painter.drawEllipse(centre, 7.5, 7.5)
    sign = QPainterPath()
    if right:
        for place, (x, y) in enumerate(((-3, 0.2), (-0.9, 2.4), (3.2, -2.3))):
            (sign.lineTo if place else sign.moveTo)(centre + QPointF(x, y))
    else:
        for x, y in ((1, 1), (1, -1)):
            sign.moveTo(centre + QPointF(-2.4 * x, -2.4 * y))
            sign.lineTo(centre + QPointF(2.4 * x, 2.4 * y))
    pen = QPen(QColor(look.panel), 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(sign)
