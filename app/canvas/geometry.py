"""Pixels to places on the board and back: pure functions, no Qt.

The viewport holds a header, the wires' names at the left, the live state at the right, a footer,
and between them the content, scaled and scrolled. *Scene* coordinates are the layout's.
"""

from __future__ import annotations

from dataclasses import dataclass

from qdesigner.circuit.circuit import Circuit
from qdesigner.circuit.layout import (
    BADGE_HEIGHT,
    BADGE_WIDTH,
    LABEL,
    PITCH,
    SMALLEST_PITCH,
    Frame,
    Layout,
    Mark,
    drawn_height,
    layout,
)
from qdesigner.design.edits import Slot

HEADER = 24
FOOTER = 24
GUTTER = 72  # the wires' names
LIVE, NARROW_LIVE = 200, 140  # the live state, with much room and with little
NARROW = 760  # width of a viewport with little room
SMALLEST_SCALE = 0.66  # by itself; zooming goes further
ZOOM_RANGE = (0.4, 3.0)
REACH = 14  # how near a control or a gap counts as on it
EDGE = 6  # inside a repeat's sides, where the pointer means the place beside it
PITCHES = range(PITCH, SMALLEST_PITCH - 1, -4)


@dataclass(frozen=True, slots=True)
class View:
    """Which part of the scene shows where."""

    width: float
    height: float
    scale: float = 1.0
    scroll_x: float = 0.0
    scroll_y: float = 0.0

    @property
    def live(self) -> float:
        """What the live state takes."""
        return NARROW_LIVE if self.width < NARROW else LIVE

    @property
    def content_width(self) -> float:
        """What is left for the circuit."""
        return max(1.0, self.width - GUTTER - self.live)

    @property
    def content_height(self) -> float:
        """What is left for the circuit."""
        return max(1.0, self.height - HEADER - FOOTER)

    def to_scene(self, x: float, y: float) -> tuple[float, float]:
        """A viewport point in scene coordinates."""
        return (
            (x - GUTTER + self.scroll_x) / self.scale,
            (y - HEADER + self.scroll_y) / self.scale,
        )

    def x(self, scene_x: float) -> float:
        """A scene x in the viewport."""
        return scene_x * self.scale - self.scroll_x + GUTTER

    def y(self, scene_y: float) -> float:
        """A scene y in the viewport."""
        return scene_y * self.scale - self.scroll_y + HEADER

    def inside(self, x: float, y: float) -> bool:
        """Whether a viewport point lies in the viewport at all."""
        return 0 <= x < self.width and 0 <= y < self.height


def pitch_for(circuit: Circuit, height: float) -> float:
    """The widest spacing of wires at which all of them show in ``height`` pixels."""
    fitting = (pitch for pitch in PITCHES if drawn_height(circuit, pitch) <= height)
    return next(fitting, PITCHES[-1])


def fit(circuit: Circuit, width: float, height: float) -> tuple[float, float]:
    """The spacing of wires and the scale at which the circuit shows in that much room.

    The scale is never above 1 nor too small to read; what does not fit then scrolls.
    """
    across = max(SMALLEST_SCALE, min(1.0, width / layout(circuit).width))
    pitch = pitch_for(circuit, height / across)
    down = height / drawn_height(circuit, pitch)
    return pitch, max(SMALLEST_SCALE, min(across, down))


def wire_at(layout: Layout, y: float) -> int:
    """The nearest wire; one more than there are, just below the last, is the wire to be added."""
    wires = layout.circuit.wires
    if on_add_wire(layout, y):
        return wires
    return max(0, min(wires - 1, round((y - layout.first_wire) / layout.pitch)))


def slot_at(layout: Layout, x: float, y: float) -> Slot:
    """Where a block dropped at a scene point goes: into the innermost repeat under it, before the
    first frame whose middle lies to the right."""
    parent = ""
    while True:
        inner = _repeat_under(layout.children[parent], x, y)
        if inner is None:
            break
        parent = inner.block.id
    return Slot(parent, sum(frame.middle < x for frame in layout.children[parent]))


def _repeat_under(frames: tuple[Frame, ...], x: float, y: float) -> Frame | None:
    for frame in frames:
        if frame.block.row.container and frame.contains(x, y, EDGE):
            return frame
    return None


@dataclass(frozen=True, slots=True)
class Hit:
    """What is under the pointer.

    ``part`` is one of: "badge" (a repeat's × n), "end" (a control, target or cross; ``place``
    counts in the gate's wires), "block", "gap" (its ``slot``), "measure" (``place`` is the output
    that is read there, -1 beside the boxes), "wire" (``place`` is its number), "remove wire",
    "add wire", "empty".
    """

    part: str
    block: str = ""
    place: int = 0
    slot: Slot | None = None


EMPTY = Hit("empty")


def hit(layout: Layout, view: View, x: float, y: float) -> Hit:
    """What lies under a viewport point."""
    if not (HEADER <= y < view.height - FOOTER) or x >= view.width - view.live:
        return EMPTY
    sx, sy = view.to_scene(x, y)
    wire = wire_at(layout, sy)
    near_wire = abs(sy - layout.wire_y(wire)) < 16 and wire < layout.circuit.wires
    if x < GUTTER:
        if on_add_wire(layout, sy):
            return Hit("add wire")
        if not near_wire:
            return EMPTY
        return Hit("remove wire" if x < 22 else "wire", place=wire)
    return _in_content(layout, sx, sy)


def on_add_wire(layout: Layout, y: float) -> bool:
    """Whether a scene height is that of the wire still to be added."""
    return abs(y - ghost_y(layout)) <= 14


def ghost_y(layout: Layout) -> float:
    """Where the wire still to be added shows: nearer than a whole pitch, to save room."""
    return layout.bottom + 16


def badge_at(frame: Frame) -> tuple[float, float, float, float]:
    """A repeat's badge astride the right end of its upper edge: left, top, width, height."""
    return (
        frame.right - BADGE_WIDTH - 4,
        frame.top - BADGE_HEIGHT / 2,
        BADGE_WIDTH,
        BADGE_HEIGHT,
    )


def _in_content(layout: Layout, x: float, y: float) -> Hit:
    for frame in reversed(layout.frames):
        name = frame.block.id
        if frame.block.row.container:
            left, top, width, height = badge_at(frame)
            if left <= x <= left + width and top <= y <= top + height:
                return Hit("badge", name)
            continue
        if frame.left <= x <= frame.right and frame.top - 20 <= y <= frame.bottom:
            if not frame.bare and y < frame.top - 2:
                return Hit("block", name)
            if frame.contains(x, y):
                return _end(layout, frame, y) or Hit("block", name)
    return _gap(layout, x, y) or _border(layout, x, y) or _measure(layout, x, y) or EMPTY


def _measure(layout: Layout, x: float, y: float) -> Hit | None:
    left, right = layout.measure
    if not (left <= x <= right and layout.top - LABEL <= y <= layout.bottom):
        return None
    for probe in layout.probes:
        high = layout.wire_y(min(probe.wires)) - layout.box / 2
        low = layout.wire_y(max(probe.wires)) + layout.box / 2
        if abs(x - left - probe.x) <= probe.width / 2 and high <= y <= low:
            return Hit("measure", place=probe.output)
    return Hit("measure", place=-1)


def mark_at(layout: Layout, block_id: str, x: float, y: float) -> Mark | None:
    """The operation of a block under a scene point; its lines count as much as its boxes."""
    frame = layout.by_id[block_id]
    for mark in frame.marks:
        high = layout.wire_y(min(mark.operation.wires)) - layout.box / 2
        low = layout.wire_y(max(mark.operation.wires)) + layout.box / 2
        if abs(x - frame.left - mark.x) <= mark.width / 2 and high <= y <= low:
            return mark
    return None


def _end(layout: Layout, frame: Frame, y: float) -> Hit | None:
    if not frame.bare or len(frame.block.on(layout.circuit.wires)) < 2:
        return None
    for place, wire in enumerate(frame.block.on(layout.circuit.wires)):
        if abs(y - layout.wire_y(wire)) <= REACH:
            return Hit("end", frame.block.id, place)
    return None


def _gap(layout: Layout, x: float, y: float) -> Hit | None:
    """The gap between frames; only over the wires, so that a repeat's border can be grabbed."""
    if not layout.top <= y <= layout.bottom or x > layout.measure[0]:
        return None
    for gap in layout.gaps():
        if abs(gap.x - x) <= 6:
            return Hit("gap", slot=Slot(gap.parent, gap.place))
    return None


def _border(layout: Layout, x: float, y: float) -> Hit | None:
    """The repeat whose frame, or empty inside, is under the point."""
    for frame in reversed(layout.frames):
        if frame.block.row.container and frame.contains(x, y):
            return Hit("block", frame.block.id)
    return None


def gap_x(layout: Layout, slot: Slot) -> float:
    """Where the middle of a slot's gap lies."""
    for gap in layout.gaps():
        if (gap.parent, gap.place) == (slot.parent, slot.index):
            return gap.x
    return layout.measure[0]
