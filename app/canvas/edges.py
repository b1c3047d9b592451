"""Painting what surrounds the circuit: header, wires' names, the last line. Paint only."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPen

from app import theme
from app.canvas import geometry
from app.canvas.geometry import FOOTER, GUTTER, HEADER, View
from app.canvas.pens import centred, font
from app.canvas.scene import Scene

MARGIN = 16
FADE = 20
# The widest that fits; until a run knows images, the state is that of made-up angles.
LIVE_TITLES = ("LIVE STATE",)
EXAMPLE_TITLES = ("LIVE STATE · EXAMPLE ANGLES", "LIVE STATE · EXAMPLE", "EXAMPLE")


def paint_names(painter: QPainter, scene: Scene, view: View) -> None:
    """The wires' names at the left, with a − to remove the hovered one and + wire to add one."""
    colours = theme.current()
    layout = scene.layout
    hover = scene.hover
    for wire in range(layout.circuit.wires):
        y = view.y(layout.wire_y(wire))
        painter.setPen(QColor(colours.muted))
        painter.setFont(font(13, mono=True))
        box = QRectF(MARGIN - 8, y - 12, GUTTER - MARGIN + 4, 24)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                         f"q{wire} |0⟩")  # fmt: skip
        over = hover.part in ("wire", "remove wire") and hover.place == wire
        if over and layout.circuit.wires > 1:
            _minus(painter, QPointF(12, y), hover.part == "remove wire")
    if scene.ghost_wire:
        y = view.y(geometry.ghost_y(layout))
        painter.setPen(QColor(colours.accent if hover.part == "add wire" else colours.muted))
        painter.setFont(font(11, bold=True))
        box = QRectF(MARGIN - 8, y - 10, GUTTER - MARGIN + 4, 20)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "+ wire")


def _minus(painter: QPainter, at: QPointF, strong: bool) -> None:
    colours = theme.current()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.wrong))
    painter.setOpacity(1.0 if strong else 0.7)
    painter.drawEllipse(at, 8, 8)
    painter.setOpacity(1.0)
    painter.setPen(QPen(QColor(colours.panel), 1.8))
    painter.drawLine(QPointF(at.x() - 4, at.y()), QPointF(at.x() + 4, at.y()))


def paint_header(painter: QPainter, view: View, room: float, example: bool) -> None:
    """The titles of the circuit and, where ``room`` pixels are enough, of the live state, which
    may be that of an ``example``."""
    painter.setPen(QColor(theme.current().muted))
    painter.setFont(font(10, bold=True))
    flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    painter.drawText(QRectF(MARGIN, 4, 300, 28), flags, "QUANTUM CIRCUIT")
    titles = EXAMPLE_TITLES if example else LIVE_TITLES
    fits = (t for t in titles if painter.fontMetrics().horizontalAdvance(t) < room)
    box = QRectF(view.width - view.live + 12, 4, room, 28)
    painter.drawText(box, flags, next(fits, ""))


def paint_footer(painter: QPainter, view: View, summary: str, message: str) -> None:
    """What the circuit costs, and what the last command was refused for, whole before all else."""
    colours = theme.current()
    top = view.height - FOOTER
    painter.setFont(font(12))
    metrics = painter.fontMetrics()
    flags = Qt.AlignmentFlag.AlignVCenter
    box = QRectF(MARGIN, top - 4, view.width - 2 * MARGIN, FOOTER)
    taken = metrics.horizontalAdvance(message) + MARGIN if message else 0
    if taken + metrics.horizontalAdvance(summary) <= box.width():
        painter.setPen(QColor(colours.muted))
        painter.drawText(box, flags | Qt.AlignmentFlag.AlignRight, summary)
    if message:
        painter.setPen(QColor(colours.wrong))
        painter.drawText(box, flags | Qt.AlignmentFlag.AlignLeft, message)


def paint_fades(painter: QPainter, view: View, before: bool, after: bool) -> None:
    """Where the circuit goes on beyond an edge of the content, it fades."""
    panel = QColor(theme.current().panel)
    clear = QColor(panel)
    clear.setAlpha(0)
    end = view.width - view.live
    sides = ((before, GUTTER, GUTTER + FADE), (after, end, end - FADE))
    for shown, edge, inner in sides:
        if shown:
            gradient = QLinearGradient(edge, 0, inner, 0)
            gradient.setColorAt(0, panel)
            gradient.setColorAt(1, clear)
            left = min(edge, inner)
            painter.fillRect(QRectF(left, HEADER, FADE, view.content_height), gradient)


def paint_no_circuit(painter: QPainter, width: float, height: float) -> None:
    """A model without a quantum stage says where to get one."""
    painter.setPen(QColor(theme.current().muted))
    painter.setFont(font(13))
    centred(
        painter, width / 2, height / 2,
        "This model holds no quantum circuit. Insert a Quantum stage in the strip above.", width,
    )  # fmt: skip
