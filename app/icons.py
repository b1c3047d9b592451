"""The few icons, painted: they follow the theme's colours and are sharp at any scale."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

SIZE = 16  # px


def icon(name: str, colour: str, faint: str = "") -> QIcon:
    """The icon ``name`` in ``colour``, and in ``faint`` where it is disabled."""
    made = QIcon(_pixmap(name, colour))
    if faint:
        made.addPixmap(_pixmap(name, faint), QIcon.Mode.Disabled)
    return made


def _pixmap(name: str, colour: str) -> QPixmap:
    pixmap = QPixmap(3 * SIZE, 3 * SIZE)
    pixmap.setDevicePixelRatio(3)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _PAINT[name](painter, QColor(colour))
    painter.end()
    return pixmap


def _fill(painter: QPainter, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)


def _play(painter: QPainter, colour: QColor) -> None:
    _fill(painter, colour)
    painter.drawPolygon(QPolygonF([QPointF(4, 2.5), QPointF(13.5, 8), QPointF(4, 13.5)]))


def _pause(painter: QPainter, colour: QColor) -> None:
    _fill(painter, colour)
    for x in (4, 9.2):
        painter.drawRoundedRect(QRectF(x, 3, 2.8, 10), 0.8, 0.8)


def _stop(painter: QPainter, colour: QColor) -> None:
    _fill(painter, colour)
    painter.drawRoundedRect(QRectF(3.5, 3.5, 9, 9), 1, 1)


def _undo(painter: QPainter, colour: QColor) -> None:
    pen = QPen(colour, 1.5)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    path = QPainterPath(QPointF(3, 6))
    path.lineTo(10, 6)
    path.arcTo(QRectF(6.5, 6, 7, 7), 90, -180)
    path.lineTo(6, 13)
    painter.drawPath(path)
    painter.drawPolyline(QPolygonF([QPointF(6, 3), QPointF(3, 6), QPointF(6, 9)]))


def _redo(painter: QPainter, colour: QColor) -> None:
    painter.translate(SIZE, 0)
    painter.scale(-1, 1)
    _undo(painter, colour)


_PAINT: dict[str, Callable[[QPainter, QColor], None]] = {
    "play": _play, "pause": _pause, "stop": _stop, "undo": _undo, "redo": _redo,
}  # fmt: skip
