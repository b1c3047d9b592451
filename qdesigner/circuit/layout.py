"""Where everything of a circuit is drawn, in pixels at scale 1; pure, so that tests read it.

Time runs to the right and wires downwards. Each block is a frame; its operations are marks in
columns. A repeat is a frame round its body, drawn once. Between frames lie the gaps, where a
block can be put.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from qdesigner.circuit.circuit import Block, Circuit, expand, operations_of, weights_of
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Amplitudes, Operation, weight_of
from qdesigner.circuit.labels import lines, title
from qdesigner.circuit.measured import Probe, probes

PITCH = 72  # between wires, when there is room
SMALLEST_PITCH = 44
GATE = 40  # height of a gate's box, and its least width
NODE = 24  # width of a control, a target or a cross
PAD = 20  # between a frame and its marks
GAP = 20  # between frames
START = 16
LABEL = 20  # above a frame
REPEAT_TOP, REPEAT_BOTTOM, REPEAT_SIDE = 28, 24, 16
NESTED_TOP, NESTED_BOTTOM = 24, 12  # more, for each repeat inside
EMPTY_REPEAT = 128
BADGE_WIDTH, BADGE_HEIGHT = 56, 20
MARGIN = 12
INVITATION = 240  # where an empty circuit's first block goes
GHOST_WIRE = 28  # below the last wire's frames: where one more wire shows
MANY_COLUMNS = 6  # beyond which columns move together


class Mark(NamedTuple):
    """One operation of a block: its centre from the frame's left edge, and its width. ``place``
    counts in the block's operations, in order of time."""

    operation: Operation
    x: float
    width: float
    place: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """A placed block. ``first_weight`` is where its weights begin on the first pass;
    ``level`` is how many repeats lie within it, itself included."""

    block: Block
    parent: str
    left: float
    right: float
    top: float
    bottom: float
    marks: tuple[Mark, ...] = ()
    first_weight: int = 0
    level: int = 0

    @property
    def middle(self) -> float:
        """Half way through it, in time."""
        return (self.left + self.right) / 2

    @property
    def bare(self) -> bool:
        """Whether it is a single gate, which is drawn without frame and label."""
        return self.block.row.wires is not None

    def contains(self, x: float, y: float, inset: float = 0) -> bool:
        """Whether a point lies inside, ``inset`` pixels from its sides."""
        return self.left + inset <= x <= self.right - inset and self.top <= y <= self.bottom


class Gap(NamedTuple):
    """Between two frames of ``parent``, or at an end: before its child number ``place``."""

    parent: str
    place: int
    x: float


@dataclass(frozen=True)
class Layout:
    """A circuit with its frames placed, each repeat before its content."""

    circuit: Circuit
    pitch: float
    first_wire: float
    frames: tuple[Frame, ...]
    measure: tuple[float, float]
    height: float
    probes: tuple[Probe, ...] = ()

    @property
    def width(self) -> float:
        """Up to the end of the measurement, with a margin."""
        return self.measure[1] + START

    @property
    def box(self) -> float:
        """The height of a gate's box."""
        return _box(self.pitch)

    @property
    def half(self) -> float:
        """How far a layer's frame reaches beyond its outer wires."""
        return _half(self.pitch)

    def wire_y(self, wire: float) -> float:
        """The height of a wire; of one below the last for a wire still to be added."""
        return self.first_wire + wire * self.pitch

    @property
    def top(self) -> float:
        """The upper edge of a frame over all wires."""
        return self.wire_y(0) - self.half

    @property
    def bottom(self) -> float:
        """The lower edge of a frame over all wires."""
        return self.wire_y(self.circuit.wires - 1) + self.half

    @cached_property
    def by_id(self) -> dict[str, Frame]:
        """Every frame by its block's id."""
        return {frame.block.id: frame for frame in self.frames}

    @cached_property
    def children(self) -> dict[str, tuple[Frame, ...]]:
        """Frames in order of time by what holds them: "" for the circuit, else a repeat's id."""
        held: dict[str, list[Frame]] = {"": []}
        for frame in self.frames:
            if frame.block.row.container:
                held[frame.block.id] = []
            held[frame.parent].append(frame)
        return {parent: tuple(frames) for parent, frames in held.items()}

    def gaps(self) -> Iterator[Gap]:
        """Every place where a block can go."""
        for parent, frames in self.children.items():
            holder = self.by_id.get(parent)
            left = holder.left if holder else START - GAP / 2
            right = holder.right if holder else self.measure[0]
            edges = [left, *(edge for f in frames for edge in (f.left, f.right)), right]
            for index in range(len(frames) + 1):
                x = (edges[2 * index] + edges[2 * index + 1]) / 2
                yield Gap(parent, index, x)


def _box(pitch: float) -> float:
    return min(GATE, pitch - 8)


def _half(pitch: float) -> float:
    return pitch / 2 + 4


def drawn_height(circuit: Circuit, pitch: float) -> float:
    """The height that `layout` will need, with all margins."""
    nested = _nested(circuit)
    above = MARGIN + REPEAT_TOP + nested * NESTED_TOP
    below = max(GHOST_WIRE, REPEAT_BOTTOM + nested * NESTED_BOTTOM) + MARGIN
    return above + (circuit.wires - 1) * pitch + 2 * _half(pitch) + below


def layout(circuit: Circuit, pitch: float = PITCH) -> Layout:
    """``circuit`` with its wires ``pitch`` pixels apart."""
    first = MARGIN + REPEAT_TOP + _nested(circuit) * NESTED_TOP + _half(pitch)
    placing = _Placing(circuit, pitch, first)
    end = placing.row(circuit.blocks, START, "")
    if not circuit.blocks:
        end = START + INVITATION + GAP
    read, width = probes(circuit.readout, circuit.wires)
    height = drawn_height(circuit, pitch)
    return Layout(
        circuit, pitch, first, tuple(placing.frames), (end, end + width), height, read
    )  # fmt: skip


def _nested(circuit: Circuit) -> int:
    """How many repeats stand inside the outermost one, where they are nested deepest."""
    return max(0, max((_level(block) for block in circuit.blocks), default=0) - 1)


class _Placing:
    """One pass over the blocks, from left to right."""

    def __init__(self, circuit: Circuit, pitch: float, first: float) -> None:
        self.wires, self.pitch, self.first = circuit.wires, pitch, first
        self.frames: list[Frame] = []
        keys = expand(circuit).weight_keys
        self._first_weight = {key.block: k for k, key in reversed(list(enumerate(keys)))}

    def row(self, blocks: tuple[Block, ...], x: float, parent: str) -> float:
        """Place blocks side by side; returns where the next would stand."""
        for block in blocks:
            place = self._repeat if block.row.container else self._plain
            x = place(block, x, parent) + GAP
        return x

    def _plain(self, block: Block, x: float, parent: str) -> float:
        weight = self._first_weight.get(block.id, 0)
        digits = len(str(weight + weights_of(block, self.wires)))
        marks, width = _columns(block, self.wires, digits)
        on = block.on(self.wires)
        half = _half(self.pitch)
        if block.row.wires is not None:
            half = _half(_box(self.pitch))
        top = self.first + min(on) * self.pitch - half
        bottom = self.first + max(on) * self.pitch + half
        self.frames.append(Frame(block, parent, x, x + width, top, bottom, marks, weight))
        return x + width

    def _repeat(self, block: Block, x: float, parent: str) -> float:
        number = len(self.frames)
        inside = self.row(block.body, x + REPEAT_SIDE, block.id)
        right = inside - GAP + REPEAT_SIDE if block.body else x + EMPTY_REPEAT
        right = max(right, x + BADGE_WIDTH + 2 * REPEAT_SIDE)
        level = _level(block)
        half = _half(self.pitch)
        top = self.first - half - REPEAT_TOP - (level - 1) * NESTED_TOP
        bottom = self.first + (self.wires - 1) * self.pitch + half
        bottom += REPEAT_BOTTOM + (level - 1) * NESTED_BOTTOM
        frame = Frame(block, parent, x, right, top, bottom, (), level=level)
        self.frames.insert(number, frame)
        return right


def _level(block: Block) -> int:
    """How many repeats are nested in a block, itself included."""
    if not block.row.container:
        return 0
    return 1 + max((_level(inner) for inner in block.body), default=0)


@lru_cache(maxsize=4096)
def _columns(block: Block, wires: int, digits: int) -> tuple[tuple[Mark, ...], float]:
    """A block's marks and its frame's width, with room for weights' numbers of ``digits``."""
    operations = operations_of(block, wires)
    place = {id(operation): number for number, operation in enumerate(operations)}
    columns = packed(operations)
    bare = block.row.wires is not None
    gap = 4 if bare else 8 if len(columns) > MANY_COLUMNS else 24
    if any(boxed(op) for column in columns for op in column):
        gap = 16
    marks: list[Mark] = []
    x = float(4 if bare else PAD)
    for column in columns:
        width = max(_width(operation, digits) for operation in column)
        marks.extend(Mark(op, x + width / 2, width, place[id(op)]) for op in column)
        x += width + gap
    content = x - gap if columns else PAD
    width = content + (4 if bare else PAD)
    if not bare:
        needed = _grid(7.2 * len(title(block)) + 4)
        shift = max(0.0, needed - width) / 2
        marks = [mark._replace(x=mark.x + shift) for mark in marks]
        width += 2 * shift
    return tuple(marks), width


def packed(operations: tuple[Operation, ...]) -> list[list[Operation]]:
    """Operations in as few columns as they go without changing what they do.

    An operation comes after those that share one of its wires, unless both are diagonal and
    commute; and no column holds two whose lines would cross.
    """
    columns: list[list[Operation]] = []
    taken: list[set[int]] = []
    last: dict[int, int] = {}  # wire -> the last column with an operation on it
    last_other: dict[int, int] = {}  # the same, of those that are not diagonal
    for operation in operations:
        diagonal = GATES[operation.gate].diagonal
        before = last_other if diagonal else last
        column = 1 + max(before.get(wire, -1) for wire in operation.wires)
        span = set(range(min(operation.wires), max(operation.wires) + 1))
        while column < len(columns) and taken[column] & span:
            column += 1
        if column == len(columns):
            columns.append([])
            taken.append(set())
        columns[column].append(operation)
        taken[column] |= span
        for wire in operation.wires:
            last[wire] = max(column, last.get(wire, -1))
            if not diagonal:
                last_other[wire] = max(column, last_other.get(wire, -1))
    return columns


def boxed(operation: Operation) -> bool:
    """Whether it is drawn as a box, on one wire or on more, and not as dots and crosses alone."""
    return len(operation.wires) == 1 or operation.angle is not None


def _width(operation: Operation, digits: int) -> float:
    if not boxed(operation):
        return NODE
    number = weight_of(operation.angle)
    shown = lines(operation, 0 if number is None else 10**digits - 1 - number)
    if isinstance(operation.angle, Amplitudes):
        return GATE + 16
    longest = max(len(line) for line in shown)
    return max(GATE, _grid(8 * longest + 22)) if longest > 2 else GATE


def _grid(size: float) -> float:
    """Rounded up to the 4-pixel grid."""
    return -(-size // 4) * 4
