"""A template as a small picture: its stages as chips, and its circuits as the board paints them.

Pictures are painted one a turn of Qt's loop, for the cards that are in sight, so that the gallery
opens at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPen, QPixmap

from app import theme
from app.canvas.geometry import PITCHES
from app.canvas.items import paint_scene
from app.canvas.pens import font
from app.canvas.scene import Scene
from app.panels.cards import stage_face
from qdesigner.circuit.circuit import Circuit
from qdesigner.circuit.layout import LABEL, Layout, layout
from qdesigner.design.shapes import trace
from qdesigner.design.spec import Design

PAD = 12  # px round everything
BAR = 6  # width of a chip without a word
GAP = 9  # between chips, with a chevron in it
LINE_GAP = 5
FADE = 36
SMALLEST, LARGEST = 0.34, 0.62  # scale of a circuit; what is then too wide fades at its end


@dataclass(frozen=True, slots=True)
class Chip:
    """A stage: its words, "" for one that is only a bar, and the colour's category."""

    text: str
    category: str


@dataclass(frozen=True, slots=True)
class Size:
    """How chips are drawn: the letters and the height, in px."""

    letters: int
    height: int


SMALL, LARGE = Size(9, 17), Size(11, 24)


def chips(design: Design) -> tuple[tuple[Chip, bool], ...]:
    """The design's stages, and of each whether it can do without its word."""
    found = []
    for step in trace(design, max(2, len(design.data.classes))):
        face, row = stage_face(step), step.stage.row
        found.append((Chip(face.title, face.category), not (row.trainable or row.quantum)))
    return tuple(found)


def in_lines(
    shown: tuple[Chip, ...], size: Size, width: float
) -> tuple[tuple[tuple[Chip, float], ...], ...]:
    """Chips with their widths, broken into lines of at most ``width``."""
    metrics = QFontMetricsF(font(size.letters))
    lines: list[list[tuple[Chip, float]]] = [[]]
    for chip in shown:
        wide = metrics.horizontalAdvance(chip.text) + 12 if chip.text else BAR
        taken = sum(other + GAP for _, other in lines[-1])
        if lines[-1] and taken + wide > width:
            lines.append([])
        lines[-1].append((chip, wide))
    return tuple(tuple(line) for line in lines)


def picture(design: Design, width: int, height: int, ratio: float) -> QPixmap:
    """The picture, ``width`` × ``height`` px, sharp on a screen with that pixel ratio."""
    pixmap = QPixmap(QSize(round(width * ratio), round(height * ratio)))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(QColor(theme.current().raised))
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    room = QRectF(PAD, PAD, width - 2 * PAD, height - 2 * PAD)
    circuits = [stage.circuit for stage in design.stages if stage.circuit is not None]
    every = chips(design)
    whole = tuple(chip for chip, _ in every)
    if not circuits:
        _paint_lines(painter, in_lines(whole, LARGE, room.width()), LARGE, room, middle=True)
        painter.end()
        return pixmap
    lines = in_lines(whole, SMALL, room.width())
    if len(lines) > 1:
        short = tuple(Chip("" if minor else chip.text, chip.category) for chip, minor in every)
        lines = in_lines(short, SMALL, room.width())
    taken = _paint_lines(painter, lines, SMALL, room, middle=False)
    _paint_circuits(painter, circuits, room.adjusted(0, taken + 8, 0, 0))
    painter.end()
    return pixmap


# ---- stages -------------------------------------------------------------------------------------


def _paint_lines(
    painter: QPainter,
    lines: tuple[tuple[tuple[Chip, float], ...], ...],
    size: Size,
    room: QRectF,
    middle: bool,
) -> float:
    """Lines of chips, each centred; the height that they take."""
    gap = LINE_GAP + (4 if middle else 0)
    taken = len(lines) * (size.height + gap) - gap
    top = room.top() + (max(0.0, room.height() - taken) / 2 if middle else 0)
    for number, line in enumerate(lines):
        wide = sum(width + GAP for _, width in line) - GAP
        x = room.center().x() - wide / 2
        y = top + number * (size.height + gap)
        for place, (chip, width) in enumerate(line):
            if place or number:
                _chevron(painter, x - GAP / 2, y + size.height / 2)
            _paint_chip(painter, chip, QRectF(x, y, width, size.height), size)
            x += width + GAP
    return taken


def _paint_chip(painter: QPainter, chip: Chip, box: QRectF, size: Size) -> None:
    now = theme.current()
    colour = now.group(chip.category)
    if not chip.text:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.blend(colour, QColor(now.raised), 0.45))
        painter.drawRoundedRect(box.adjusted(0, 2, 0, -2), 2, 2)
        return
    painter.setPen(QPen(theme.blend(colour, QColor(now.panel), 0.55), 1))
    painter.setBrush(now.tint(chip.category))
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(now.ink(colour))
    painter.setFont(font(size.letters, bold=chip.category == "Quantum"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, chip.text)


def _chevron(painter: QPainter, x: float, y: float) -> None:
    painter.setPen(QPen(QColor(theme.current().faint), 1.1))
    tip = QPointF(x + 1.5, y)
    painter.drawLine(tip, tip + QPointF(-2.5, -2.5))
    painter.drawLine(tip, tip + QPointF(-2.5, 2.5))


# ---- circuits -----------------------------------------------------------------------------------


def _paint_circuits(painter: QPainter, circuits: list[Circuit], room: QRectF) -> None:
    """One beside the other, each in its share of the room."""
    share = (room.width() - 16 * (len(circuits) - 1)) / len(circuits)
    for number, circuit in enumerate(circuits):
        left = room.left() + number * (share + 16)
        box = QRectF(left, room.top(), share, room.height())
        _paint_circuit(painter, circuit, box)
        if number:
            _chevron(painter, left - 8, room.center().y())


def _paint_circuit(painter: QPainter, circuit: Circuit, room: QRectF) -> None:
    placed, scale = _fitted(circuit, room)
    top, bottom = _reach(placed)
    width, height = placed.width * scale, (bottom - top) * scale
    painter.save()
    painter.setClipRect(room)
    painter.translate(
        room.left() + max(0.0, room.width() - width) / 2,
        room.top() + max(0.0, room.height() - height) / 2,
    )
    painter.scale(scale, scale)
    painter.translate(0, -top)
    paint_scene(painter, Scene(placed), 0, placed.width)
    painter.restore()
    if width > room.width() + 1:
        under = QColor(theme.current().raised)
        clear = QColor(under)
        clear.setAlpha(0)
        fade = QLinearGradient(room.right() - FADE, 0, room.right(), 0)
        fade.setColorAt(0, clear)
        fade.setColorAt(1, under)
        painter.fillRect(QRectF(room.right() - FADE, room.top(), FADE, room.height()), fade)


def _fitted(circuit: Circuit, room: QRectF) -> tuple[Layout, float]:
    """The spacing of wires at which the circuit shows largest, and its scale."""
    found: list[tuple[float, Layout]] = []
    for pitch in PITCHES:
        placed = layout(circuit, pitch)
        top, bottom = _reach(placed)
        across = max(SMALLEST, room.width() / placed.width)
        found.append((min(LARGEST, across, room.height() / (bottom - top)), placed))
    scale, placed = max(found, key=lambda each: each[0])  # the widest spacing of the best
    return placed, scale


def _reach(placed: Layout) -> tuple[float, float]:
    """The upper and the lower end of what is drawn, names included."""
    tops = [frame.top for frame in placed.frames] + [placed.top]
    bottoms = [frame.bottom for frame in placed.frames] + [placed.bottom]
    return min(tops) - LABEL - 2, max(bottoms) + 4


# ---- one after the other ------------------------------------------------------------------------


class Pictures(QObject):
    """The pictures that were asked for, painted one a turn of Qt's loop."""

    painted = Signal(str)  # a template's name: its picture is there now

    def __init__(self, height: int) -> None:
        super().__init__()
        self._height = height
        self._there: dict[tuple[str, int, float], QPixmap] = {}
        self._waiting: deque[tuple[str, Design, int, float]] = deque()
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._next)
        theme.changed.connect(self._there.clear)

    def of(self, name: str, design: Design, width: int, ratio: float) -> QPixmap | None:
        """The picture that wide; None when it is still to be painted, which `painted` tells."""
        there = self._there.get((name, width, ratio))
        if there is None:
            wanted = (name, design, width, ratio)
            if wanted not in self._waiting:
                self._waiting.append(wanted)
                self._turn.start()
        return there

    def _next(self) -> None:
        name, design, width, ratio = self._waiting.popleft()
        self._there[name, width, ratio] = picture(design, width, self._height, ratio)
        self.painted.emit(name)
        if self._waiting:
            self._turn.start()
