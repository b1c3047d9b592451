"""Painting the live state: per wire a Bloch vector and the bar of its ⟨Z⟩. Paint only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app import theme
from app.canvas import geometry
from app.canvas.pens import centred, font
from qdesigner.circuit.layout import Layout

if TYPE_CHECKING:
    from qdesigner.session.events import Floats, PreviewAnswer

AZIMUTH, ELEVATION = math.radians(-20), math.radians(18)
BAR_WIDTH, TIGHT_WIDTH, BAR_HEIGHT = 96.0, 40.0, 12.0
SMALLEST_SPHERE, LARGEST_SPHERE = 10.0, 24.0


def projected(x: float, y: float, z: float) -> tuple[float, float]:
    """A point of the unit ball on the screen, x to the right, z up, seen from a little above."""
    right = x * math.cos(AZIMUTH) - y * math.sin(AZIMUTH)
    depth = x * math.sin(AZIMUTH) + y * math.cos(AZIMUTH)
    return right, -(z * math.cos(ELEVATION) + depth * math.sin(ELEVATION))


def paint_live(
    painter: QPainter, layout: Layout, view: geometry.View, answer: PreviewAnswer | None
) -> None:
    """The column at the right: one sphere and one bar a wire, at the wire's height."""
    bloch = answer.bloch if answer is not None else None
    if bloch is not None and len(bloch) != layout.circuit.wires:
        bloch = None
    left = view.width - view.live
    narrow = view.live < geometry.LIVE
    largest = 16.0 if narrow else LARGEST_SPHERE
    radius = max(SMALLEST_SPHERE, min(largest, 0.36 * layout.pitch * view.scale))
    for wire in range(layout.circuit.wires):
        y = view.y(layout.wire_y(wire))
        vector = None if bloch is None else bloch[wire]
        paint_sphere(painter, left + 12 + largest, y, radius, vector)
        z = None if vector is None else float(vector[2])
        _bar(painter, left + (52 if narrow else 88), y, z, narrow or radius < 20)
    if answer is not None and answer.error:
        painter.setPen(QColor(theme.current().wrong))
        painter.setFont(font(11))
        box = QRectF(left + 12, geometry.HEADER, view.live - 24, view.content_height)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.fillRect(box, QColor(theme.current().panel))
        painter.drawText(box, flags, answer.error)


def paint_sphere(
    painter: QPainter, x: float, y: float, radius: float, vector: Floats | None
) -> None:
    """A Bloch sphere around (x, y) with its vector, None for an empty one."""
    colours = theme.current()
    middle = QPointF(x, y)
    painter.setBrush(QColor(colours.raised))
    painter.setPen(QPen(QColor(colours.border), 1.2))
    painter.drawEllipse(middle, radius, radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(middle, radius, radius * math.sin(ELEVATION))
    if vector is None:
        return
    across, down = projected(*(float(v) for v in vector))
    tip = QPointF(x + radius * across, y + radius * down)
    accent = QColor(colours.accent)
    painter.setPen(QPen(accent, 2.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(middle, tip)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(accent)
    painter.drawEllipse(tip, 2.6, 2.6)


def _bar(painter: QPainter, x: float, y: float, z: float | None, tight: bool) -> None:
    """⟨Z⟩ from -1 at the left to +1 at the right, with its number below, or beside when tight."""
    colours = theme.current()
    width = TIGHT_WIDTH if tight else BAR_WIDTH
    top = y - BAR_HEIGHT / 2 if tight else y - BAR_HEIGHT + 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.border))
    painter.drawRoundedRect(QRectF(x, top, width, BAR_HEIGHT), 3, 3)
    zero = x + width / 2
    if z is not None:
        reach = max(-1.0, min(1.0, z)) * width / 2
        painter.setBrush(QColor(colours.accent))
        painter.drawRoundedRect(
            QRectF(min(zero, zero + reach), top, max(1.5, abs(reach)), BAR_HEIGHT), 2, 2
        )
    painter.setPen(QPen(QColor(colours.faint), 1.0))
    painter.drawLine(QPointF(zero, top), QPointF(zero, top + BAR_HEIGHT))
    painter.setPen(QColor(colours.muted))
    painter.setFont(font(11))
    number = "–" if z is None else f"{z:+.2f}".replace("-", "−")
    if tight:
        painter.drawText(QRectF(x + width + 8, y - 10, 48, 20), Qt.AlignmentFlag.AlignVCenter,
                         number)  # fmt: skip
    else:
        centred(painter, zero, y + 14, f"⟨Z⟩ {number}", BAR_WIDTH)
