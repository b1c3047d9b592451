"""One validation sample as a cell: its picture, what it is and was taken for, and how likely.

Painted the same in the grid of all images and in the small one beside the curves. Right and wrong
differ by colour, by the sign in the corner and by the word below. A row of a table has no picture
but its name; of a number to predict the cell tells how far off the prediction is.
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
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app import theme
from app.panels.images import draw_picture
from app.runview import RunView

PICTURE = 72  # px
PAD = 4
WORD = 20
BAR = 6
PERCENT = 18
HEIGHT = PAD + PICTURE + WORD + BAR + PERCENT + PAD
NAME = 18  # px of the name that stands where there is no picture
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


class Elided(Caption):
    """A caption that takes what room is left and is cut there; the whole is in its tip."""

    def __init__(self, colour: str = "muted") -> None:
        super().__init__(colour=colour)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def setText(self, text: str) -> None:
        """Say something else."""
        super().setText(text)
        self.setToolTip(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        """As much of it as there is room for."""
        painter = QPainter(self)
        painter.setPen(QColor(getattr(theme.current(), self._colour)))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), self.alignment(), text)


def sized(font: QFont, change: int, bold: bool = False) -> QFont:
    """``font`` a few points larger or smaller."""
    copy = QFont(font)
    if font.pixelSize() > 0:
        copy.setPixelSize(max(8, font.pixelSize() + change))
    else:
        copy.setPointSizeF(max(6.0, font.pointSizeF() + 0.75 * change))
    copy.setBold(bold)
    return copy


def number(value: float) -> str:
    """A number to predict: three digits, or all of a large one's."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def percent(share: float) -> str:
    """ "87 %"."""
    return f"{100 * share:.0f} %"


def has_pictures(runview: RunView) -> bool:
    """Whether the run's samples are images."""
    pictures = runview.thumbnails is not None and len(runview.thumbnails) > 0
    return pictures or not runview.items or bool(runview.items[0].path)


def cell_height(runview: RunView) -> int:
    """How high the cells of this run are."""
    return HEIGHT if has_pictures(runview) else HEIGHT - PICTURE + NAME


def sample_name(runview: RunView, image: int) -> str:
    """What the data calls it."""
    return runview.items[image].key if image < len(runview.items) else f"image {image}"


def verdict(runview: RunView, image: int) -> str:
    """ "ants", or "ants → bees" for ants taken for bees; of a number "3.1 → 2.9"."""
    if runview.regression:
        true, said = runview.labels[image], runview.predicted[image]
        return f"{number(float(true))} → {number(float(said))}"
    true = runview.class_name(int(runview.labels[image]))
    if runview.right[image]:
        return true
    return f"{true} → {runview.class_name(int(runview.predicted[image]))}"


def short_verdict(runview: RunView, image: int, metrics: QFontMetrics, room: int) -> str:
    """The verdict in ``room`` px: long names are cut each, so that both classes show."""
    whole = verdict(runview, image)
    one = runview.right[image] or runview.regression
    if one or metrics.horizontalAdvance(whole) <= room:
        return metrics.elidedText(whole, Qt.TextElideMode.ElideMiddle, room)
    each = (room - metrics.horizontalAdvance(" → ")) // 2
    return " → ".join(
        metrics.elidedText(runview.class_name(int(label)), Qt.TextElideMode.ElideMiddle, each)
        for label in (runview.labels[image], runview.predicted[image])
    )


def cell_width(runview: RunView, font: QFont) -> int:
    """How wide cells are, so that most verdicts of this run can be read."""
    metrics = QFontMetricsF(sized(font, -1, bold=True))
    if runview.regression and len(runview.labels):
        ends = (runview.labels.min(), runview.labels.max())
        widest = max(metrics.horizontalAdvance(number(float(end))) for end in ends)
        arrow = metrics.horizontalAdvance(" → ")
        return int(min(WIDEST, max(NARROWEST, 2 * widest + arrow + 4 * PAD)))
    longest = sorted((metrics.horizontalAdvance(name) for name in runview.classes), reverse=True)
    word = sum(longest[:2]) + metrics.horizontalAdvance(" → ") if longest else 0
    return int(min(WIDEST, max(NARROWEST, word + 4 * PAD)))


def tooltip(runview: RunView, image: int) -> str:
    """What a cell says in words."""
    name = runview.items[image].key if image < len(runview.items) else ""
    name = f"\nimage {image}" + (f" · {name}" if name else "")
    if runview.regression:
        true, said = number(float(runview.labels[image])), number(float(runview.predicted[image]))
        return f"{said} predicted for {true}, off by {number(float(runview.errors[image]))}{name}"
    true = runview.class_name(int(runview.labels[image]))
    said = runview.class_name(int(runview.predicted[image]))
    sure = f"{runview.confidence[image]:.1%}"
    if runview.right[image]:
        text = f"✓ {true}, recognised with {sure}"
    else:
        share = f"{runview.true_probability[image]:.1%}"
        text = f"✗ {true}, taken for {said} with {sure} ({true}: {share})"
    return f"{text}{name}"


def paint_cell(
    painter: QPainter,
    rect: QRectF,
    runview: RunView,
    image: int,
    pixmap: QPixmap,
    font: QFont,
    chosen: bool = False,
) -> None:
    """Paint one sample into ``rect`` (`cell_width` × `cell_height` px)."""
    look = theme.current()
    right = bool(runview.right[image])
    colour = QColor(look.accent if runview.regression else look.right if right else look.wrong)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if chosen:
        painter.setPen(QPen(QColor(look.accent), 1.5))
        painter.setBrush(theme.blend(QColor(look.accent), QColor(look.panel), 0.10))
        painter.drawRoundedRect(rect.adjusted(1, 0.75, -1, -0.75), 6, 6)
    high = PICTURE if has_pictures(runview) else NAME
    top = QRectF(rect.center().x() - PICTURE / 2, rect.top() + PAD, PICTURE, high)
    if high == PICTURE:
        _paint_picture(painter, top, pixmap, colour)
        if not runview.regression:
            _paint_sign(painter, top.topRight() + QPointF(-5, 5), right, colour)
    else:
        _paint_name(painter, rect, sample_name(runview, image), font, right or runview.regression)
    word = QRectF(rect.left() + PAD, top.bottom(), rect.width() - 2 * PAD, WORD)
    painter.setFont(sized(font, -1, bold=True))
    painter.setPen(QColor(look.text) if right else colour)
    text = short_verdict(runview, image, painter.fontMetrics(), int(word.width()))
    painter.drawText(word, Qt.AlignmentFlag.AlignCenter, text)
    share, below_words = _measure(runview, image)
    bar = QRectF(top.left(), word.bottom(), PICTURE, BAR)
    paint_bar(painter, bar, share, colour)
    painter.setFont(sized(font, -1))
    painter.setPen(QColor(look.muted))
    below = QRectF(word.left(), bar.bottom(), word.width(), PERCENT)
    painter.drawText(below, Qt.AlignmentFlag.AlignCenter, below_words)
    painter.restore()


def _measure(runview: RunView, image: int) -> tuple[float, str]:
    """How long the bar is and what stands below it: the true class's probability, or of a number
    the error beside the largest one."""
    if runview.regression:
        error, largest = float(runview.errors[image]), float(runview.errors.max(initial=0.0))
        return (error / largest if largest > 0 else 0.0), f"off by {number(error)}"
    share = float(runview.true_probability[image])
    return share, percent(share)


def _paint_name(painter: QPainter, rect: QRectF, name: str, font: QFont, right: bool) -> None:
    """The sample's name; before a wrong one's a sign."""
    line = QRectF(rect.left() + PAD, rect.top() + PAD, rect.width() - 2 * PAD, NAME)
    painter.setFont(sized(font, -1))
    painter.setPen(QColor(theme.current().muted))
    room = int(line.width())
    words = name if right else f"✗ {name}"
    text = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideMiddle, room)
    painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)


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


def _paint_sign(painter: QPainter, centre: QPointF, right: bool, colour: QColor) -> None:
    """✓ or ✗ in the corner, drawn so that it looks the same in every font."""
    look = theme.current()
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
