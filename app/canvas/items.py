"""Painting the circuit: frames, gates, wires and what the hand holds. Paint only, no decisions."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app import theme
from app.canvas import geometry
from app.canvas.gates import paint_mark, paint_probe
from app.canvas.pens import centred, font, wire_colour
from app.canvas.scene import Scene
from qdesigner.circuit.labels import title
from qdesigner.circuit.layout import INVITATION, LABEL, NODE, START, Frame, Layout

RADIUS = 6.0
HELD_OPACITY = 0.72


def paint_scene(painter: QPainter, scene: Scene, left: float, right: float) -> None:
    """Everything in scene coordinates whose frame reaches into left … right."""
    layout = scene.layout
    _wires(painter, layout, left, right)
    if scene.ghost_wire:
        _ghost_wire(painter, layout, left, right)
    for frame in layout.frames:
        if frame.right < left - 40 or frame.left > right + 40:
            continue
        held = frame.block.id in scene.held
        painter.setOpacity(HELD_OPACITY if held else 1.0)
        chosen = frame.block.id in scene.selected or held
        if frame.block.row.container:
            _repeat(painter, frame, layout, chosen, scene)
        else:
            _block(painter, frame, layout, chosen, scene)
    painter.setOpacity(1.0)
    _measure(painter, layout, scene)
    if not layout.circuit.blocks:
        _invitation(painter, layout)
    _hand(painter, scene)


def _wires(painter: QPainter, layout: Layout, left: float, right: float) -> None:
    painter.setPen(QPen(wire_colour(), 1.5))
    for wire in range(layout.circuit.wires):
        y = layout.wire_y(wire)
        painter.drawLine(QPointF(left, y), QPointF(right, y))


def _ghost_wire(painter: QPainter, layout: Layout, left: float, right: float) -> None:
    painter.setPen(QPen(QColor(theme.current().faint), 1.2, Qt.PenStyle.DashLine))
    y = geometry.ghost_y(layout)
    painter.drawLine(QPointF(left, y), QPointF(right, y))


def _block(painter: QPainter, frame: Frame, layout: Layout, chosen: bool, scene: Scene) -> None:
    colours = theme.current()
    group = frame.block.row.group.value
    colour = colours.group(group)
    box = QRectF(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top)
    if not frame.bare:
        painter.setBrush(colours.tint(group))
        painter.setPen(QPen(colour if chosen else theme.blend(colour, QColor(colours.panel), 0.4),
                            2.0 if chosen else 1.2))  # fmt: skip
        painter.drawRoundedRect(box, RADIUS, RADIUS)
        painter.setPen(colours.ink(colour))
        painter.setFont(font(12, bold=True))
        centred(painter, frame.middle, frame.top - LABEL / 2 - 1, title(frame.block))
        _wires_through(painter, frame, layout)
    elif chosen:
        painter.setBrush(colours.tint(group))
        painter.setPen(QPen(colour, 2.0))
        painter.drawRoundedRect(box, RADIUS, RADIUS)
        _wires_through(painter, frame, layout)
    for mark in frame.marks:
        told = scene.told == (frame.block.id, mark.place)
        paint_mark(painter, frame, mark, layout, colour, told)
    if not frame.marks:
        painter.setFont(font(11))
        painter.setPen(QColor(colours.wrong))
        centred(painter, frame.middle, frame.top + 12, f"needs {frame.block.row.min_wires} wires")
    hover = scene.hover
    if hover.part == "end" and hover.block == frame.block.id:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 1.5, Qt.PenStyle.DotLine))
        y = layout.wire_y(frame.block.on(layout.circuit.wires)[hover.place])
        painter.drawEllipse(QPointF(frame.middle, y), 15, 15)


def _wires_through(painter: QPainter, frame: Frame, layout: Layout) -> None:
    """The frame's fill covers the wires; draw them again on top of it."""
    painter.setPen(QPen(wire_colour(), 1.5))
    for wire in range(layout.circuit.wires):
        y = layout.wire_y(wire)
        if frame.top < y < frame.bottom:
            painter.drawLine(QPointF(frame.left + 1, y), QPointF(frame.right - 1, y))


def _repeat(painter: QPainter, frame: Frame, layout: Layout, chosen: bool, scene: Scene) -> None:
    colours = theme.current()
    violet = QColor(colours.template)
    box = QRectF(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    pen = QPen(violet, 2.4 if chosen else 1.7)
    pen.setDashPattern([3.5, 2.5])
    painter.setPen(pen)
    painter.drawRoundedRect(box, RADIUS + 2, RADIUS + 2)
    if not frame.block.body:
        painter.setFont(font(12))
        painter.setPen(violet)
        middle = (layout.wire_y(0) + layout.wire_y(layout.circuit.wires - 1)) / 2
        offset = layout.pitch / 2 if layout.circuit.wires % 2 else 0
        centred(painter, frame.middle, middle - offset, "drop blocks here")
    badge = QRectF(*geometry.badge_at(frame))
    hovered = scene.hover.part == "badge" and scene.hover.block == frame.block.id
    painter.setBrush(violet.lighter(112) if hovered else violet)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(badge, badge.height() / 2, badge.height() / 2)
    painter.setFont(font(13, bold=True))
    painter.setPen(QColor(colours.accent_text))
    painter.drawText(
        badge, Qt.AlignmentFlag.AlignCenter, f"× {frame.block.settings.integer('count')}"
    )


def _measure(painter: QPainter, layout: Layout, scene: Scene) -> None:
    chosen = scene.readout
    colours = theme.current()
    grey = colours.group("Readout")
    left, right = layout.measure
    box = QRectF(left, layout.top, right - left, layout.bottom - layout.top)
    painter.setBrush(colours.tint("Readout"))
    quiet = theme.blend(grey, QColor(colours.panel), 0.45)
    painter.setPen(QPen(grey if chosen else quiet, 2.0 if chosen else 1.2))
    painter.drawRoundedRect(box, RADIUS, RADIUS)
    painter.setPen(grey)
    painter.setFont(font(12, bold=True))
    centred(painter, (left + right) / 2, layout.top - LABEL / 2 - 1, "Measure")
    painter.setPen(QPen(wire_colour(), 1.5))
    for wire in range(layout.circuit.wires):
        y = layout.wire_y(wire)
        painter.drawLine(QPointF(left + 1, y), QPointF(right - 1, y))
    together = layout.circuit.readout.kind == "probabilities"  # one box for all outputs
    for probe in layout.probes:
        told = scene.output >= 0 and (together or probe.output == scene.output)
        paint_probe(painter, probe, layout, QColor(colours.accent) if told else grey)


def _invitation(painter: QPainter, layout: Layout) -> None:
    """An empty circuit says what to do, where its first block will stand."""
    colours = theme.current()
    box = QRectF(START, layout.top, INVITATION, layout.bottom - layout.top)
    painter.setBrush(colours.tint("Embedding"))
    painter.setPen(QPen(colours.group("Embedding"), 1.5, Qt.PenStyle.DashLine))
    painter.drawRoundedRect(box, RADIUS, RADIUS)
    painter.setPen(colours.ink(colours.group("Embedding")))
    painter.setFont(font(13, bold=True))
    centred(painter, box.center().x(), box.center().y(), "Drag an embedding here")


def _hand(painter: QPainter, scene: Scene) -> None:
    """The bar where the drop goes, the + of a gap, the rubber band, the red ghost."""
    colours = theme.current()
    layout = scene.layout
    accent = QColor(colours.accent)
    held = [layout.by_id[name] for name in scene.held if name in layout.by_id]
    if scene.slot is not None and held:
        x = min(frame.left for frame in held) - 8
        painter.setPen(QPen(accent, 3.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(x, layout.top), QPointF(x, layout.bottom))
        painter.setFont(font(11))
        painter.setPen(accent)
        shown = QRectF(x - 2, layout.bottom + 4, 64, 16)
        painter.fillRect(shown, QColor(colours.panel))
        painter.drawText(shown, Qt.AlignmentFlag.AlignCenter, "drop here")
    if scene.outcome is not None and scene.outcome.band is not None:
        left, top, right, bottom = scene.outcome.band
        fill = QColor(accent)
        fill.setAlphaF(0.08)
        painter.setBrush(fill)
        painter.setPen(QPen(accent, 1.0))
        painter.drawRect(QRectF(left, top, right - left, bottom - top))
    if scene.hover.part == "gap" and scene.hover.slot is not None:
        _plus(painter, layout, geometry.gap_x(layout, scene.hover.slot))


def _plus(painter: QPainter, layout: Layout, x: float) -> None:
    colours = theme.current()
    accent = QColor(colours.accent)
    painter.setPen(QPen(accent, 1.5))
    painter.drawLine(QPointF(x, layout.top), QPointF(x, layout.bottom))
    y = (layout.top + layout.bottom) / 2
    painter.setBrush(accent)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(QPointF(x, y), 9, 9)
    painter.setPen(QPen(QColor(colours.accent_text), 1.8))
    painter.drawLine(QPointF(x - 4, y), QPointF(x + 4, y))
    painter.drawLine(QPointF(x, y - 4), QPointF(x, y + 4))


def note_box(
    at: tuple[float, float], width: float, room: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Left, top, width and height of a note beside the pointer. It stays in ``room`` (width,
    height) when the pointer does not, as with what is dragged off the board."""
    x, y = at
    top = y + NODE + 8 if y < 200 else y - NODE - 36
    left = max(4.0, min(x - width / 2, room[0] - width - 4))
    return left, max(4.0, min(top, room[1] - 32)), width, 28.0


def note(
    painter: QPainter, at: tuple[float, float], shown: str, refused: bool, room: tuple[float, float]
) -> None:
    """A note by the pointer, in viewport coordinates; where something is refused, with a red
    gate's outline under the pointer."""
    colours = theme.current()
    colour = QColor(colours.wrong) if refused else QColor(colours.text)
    x, y = at
    if refused:
        painter.setPen(QPen(colour, 2.0, Qt.PenStyle.DashLine))
        fill = QColor(colour)
        fill.setAlphaF(0.12)
        painter.setBrush(fill)
        painter.drawRoundedRect(QRectF(x - NODE, y - NODE, 2 * NODE, 2 * NODE), RADIUS, RADIUS)
    painter.setFont(font(12, bold=True))
    box = QRectF(*note_box(at, painter.fontMetrics().horizontalAdvance(shown) + 24, room))
    painter.setBrush(QColor(colours.panel))
    painter.setPen(QPen(colour, 1.2))
    painter.drawRoundedRect(box, RADIUS, RADIUS)
    painter.setPen(colour)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)
