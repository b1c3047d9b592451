"""Which line is which: "train" and "validation", each with its line and its symbol."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app import theme
from app.panels.cells import sized
from app.panels.series import TRAIN, VALIDATION

DASH = {TRAIN: Qt.PenStyle.SolidLine, VALIDATION: Qt.PenStyle.DashLine}
SYMBOLS = {TRAIN: "o", VALIDATION: "d"}
_LABELS = ((TRAIN, "train"), (VALIDATION, "validation"))
SAMPLE = 20  # px: how long the legend's lines are


class Legend(QWidget):
    """A sample of each line before its name, beside each other or below."""

    def __init__(self, upright: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._upright = upright
        self.setAccessibleName("train: solid line, round; validation: dashed line, diamond")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Room for both names."""
        metrics = QFontMetricsF(sized(self.font(), -2))
        words = [metrics.horizontalAdvance(label) for _, label in _LABELS]
        high = int(metrics.height()) + 2
        if self._upright:
            return QSize(int(max(words)) + SAMPLE + 12, 2 * high)
        return QSize(int(sum(words)) + 2 * (SAMPLE + 4) + 12, high)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        """A sample of each line before its name."""
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(sized(self.font(), -2))
        high = self.height() / 2 if self._upright else self.height()
        x = y = 0.0
        for (name, label), colour in zip(_LABELS, (look.train, look.validation), strict=True):
            middle = y + high / 2
            painter.setPen(QPen(QColor(colour), 2, DASH[name]))
            painter.drawLine(QPointF(x, middle), QPointF(x + SAMPLE, middle))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            _draw_symbol(painter, name, QPointF(x + SAMPLE / 2, middle))
            painter.setPen(QColor(look.muted))
            width = painter.fontMetrics().horizontalAdvance(label)
            box = QRectF(x + SAMPLE + 4, y, width + 2, high)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, label)
            if self._upright:
                y += high
            else:
                x += SAMPLE + 4 + width + 8


def _draw_symbol(painter: QPainter, name: str, centre: QPointF) -> None:
    if name == TRAIN:
        painter.drawEllipse(centre, 3, 3)
        return
    corners = [QPointF(0, -4), QPointF(4, 0), QPointF(0, 4), QPointF(-4, 0)]
    painter.drawPolygon([centre + corner for corner in corners])
