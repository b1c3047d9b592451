"""Painting single gates and what is measured, as physicists draw them: boxes, a filled dot for a
control, ⊕ for a target. Paint only, no decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from app import theme
from app.canvas.pens import centred, font
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.labels import lines
from qdesigner.circuit.layout import Frame, Layout, Mark, boxed
from qdesigner.circuit.measured import Probe

CONTROL = 5.0
TARGET = 11.0
CROSS = 7.0
LINE = 15.0  # between two lines of text in a box


def paint_mark(
    painter: QPainter, frame: Frame, mark: Mark, layout: Layout, colour: QColor, told: bool = False
) -> None:
    """One operation of a block; ``told``: something is being said of it, so it stands out."""
    operation = mark.operation
    gate = GATES[operation.gate]
    x = frame.left + mark.x
    wires = operation.wires
    pen = QPen(QColor(theme.current().accent) if told else colour, 2.6 if told else 1.6)
    if len(wires) > 1:
        _line(painter, x, layout, wires, colour)
    for wire in wires[: gate.controls]:
        _dot(painter, x, layout.wire_y(wire), colour)
    if boxed(operation):
        shown = lines(operation, frame.first_weight)
        over = wires[gate.controls :]
        for first, last in runs(over):
            top, bottom = layout.wire_y(first), layout.wire_y(last)
            height = bottom - top + layout.box
            _box(painter, x, (top + bottom) / 2, mark.width, height, shown, pen)
    elif operation.gate == "SWAP":
        for wire in wires:
            _cross(painter, x, layout.wire_y(wire), colour)
    elif gate.controls:
        _target(painter, x, layout.wire_y(wires[-1]), colour)
    else:
        for wire in wires:
            _dot(painter, x, layout.wire_y(wire), colour)


def paint_probe(painter: QPainter, probe: Probe, layout: Layout, colour: QColor) -> None:
    """What is read together, in boxes; wires side by side that are read alike share one."""
    x = layout.measure[0] + probe.x
    if len(probe.wires) > 1:
        _line(painter, x, layout, probe.wires, colour)
    text = dict(zip(probe.wires, probe.texts, strict=True))
    alike = len(set(probe.texts)) == 1 and probe.texts[0] == "P"
    spans = runs(probe.wires) if alike else ((wire, wire) for wire in probe.wires)
    for first, last in spans:
        top, bottom = layout.wire_y(first), layout.wire_y(last)
        height = bottom - top + layout.box
        _box(painter, x, (top + bottom) / 2, probe.width, height, (text[first],), QPen(colour, 1.6))


def runs(wires: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last wire of each group of neighbours among ``wires``, from the top."""
    ordered = sorted(wires)
    first = last = ordered[0]
    for wire in ordered[1:]:
        if wire != last + 1:
            yield first, last
            first = wire
        last = wire
    yield first, last


def _line(
    painter: QPainter, x: float, layout: Layout, wires: Sequence[int], colour: QColor
) -> None:
    painter.setPen(QPen(colour, 2.0))
    painter.drawLine(QPointF(x, layout.wire_y(min(wires))), QPointF(x, layout.wire_y(max(wires))))


def _dot(painter: QPainter, x: float, y: float, colour: QColor) -> None:
    painter.setPen(QPen(colour, 2.0))
    painter.setBrush(colour)
    painter.drawEllipse(QPointF(x, y), CONTROL, CONTROL)


def _target(painter: QPainter, x: float, y: float, colour: QColor) -> None:
    painter.setBrush(QColor(theme.current().panel))
    painter.setPen(QPen(colour, 2.0))
    painter.drawEllipse(QPointF(x, y), TARGET, TARGET)
    painter.drawLine(QPointF(x - TARGET, y), QPointF(x + TARGET, y))
    painter.drawLine(QPointF(x, y - TARGET), QPointF(x, y + TARGET))


def _cross(painter: QPainter, x: float, y: float, colour: QColor) -> None:
    painter.setPen(QPen(colour, 2.2))
    painter.drawLine(QPointF(x - CROSS, y - CROSS), QPointF(x + CROSS, y + CROSS))
    painter.drawLine(QPointF(x - CROSS, y + CROSS), QPointF(x + CROSS, y - CROSS))


def _box(
    painter: QPainter,
    x: float,
    y: float,
    width: float,
    height: float,
    shown: Sequence[str],
    pen: QPen,
) -> None:
    """A gate as a box with its name, on one or two lines, centred on a point."""
    colours = theme.current()
    painter.setBrush(QColor(colours.panel))
    painter.setPen(pen)
    painter.drawRoundedRect(QRectF(x - width / 2, y - height / 2, width, height), 5, 5)
    painter.setPen(QColor(colours.text))
    painter.setFont(font(13 if len(shown) == 1 else 12))
    for number, line in enumerate(shown):
        centred(painter, x, y + LINE * (number - (len(shown) - 1) / 2), line)
