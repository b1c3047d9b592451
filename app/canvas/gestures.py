"""One object per gesture. Each turns where the pointer is into what the circuit would become.

A gesture holds the circuit as it was at its start and never changes it: cancelling is dropping
the object. The same `move` gives the preview and, at the release, what is applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.canvas.geometry import Hit, slot_at, wire_at
from app.sentences import sentence
from qdesigner.circuit.blocks import BLOCKS, MAX_REPEAT
from qdesigner.circuit.circuit import Block, Circuit, ids
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.layout import Layout, title
from qdesigner.design import edits
from qdesigner.design.edits import EditError, Slot

BLOCK_MIME = "application/x-qdesigner-block"  # what a drag from the palette carries: a kind
COUNT_STEP = 12  # pixels of dragging for one more repetition


@dataclass(frozen=True, slots=True)
class Point:
    """The pointer in scene coordinates; ``inside``: on the board; ``copy``: Shift or Ctrl held."""

    x: float
    y: float
    inside: bool = True
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a gesture would do if it ended now.

    ``label`` names the undo step, "" when there is nothing to apply. ``held`` are the blocks in
    the hand, ``slot`` where they stand. ``refusal`` says why it cannot be done, ``note`` what the
    release will do where the picture does not show it. ``band`` is a rubber band's left, top,
    right, bottom, and ``selected`` what it selects.
    """

    circuit: Circuit
    label: str = ""
    held: frozenset[str] = frozenset()
    slot: Slot | None = None
    refusal: str = ""
    note: str = ""
    band: tuple[float, float, float, float] | None = None
    selected: frozenset[str] | None = None


class Gesture(Protocol):
    """What the board asks of a gesture."""

    def move(self, point: Point) -> Outcome:
        """What would happen if it ended at ``point``."""
        ...


def gesture_for(base: Layout, hit: Hit, start: Point, selected: frozenset[str]) -> Gesture | None:
    """The gesture that dragging from ``hit`` begins; a block of the selection takes all along."""
    match hit.part:
        case "badge":
            return Count(base, base.circuit.find(hit.block), start)
        case "end" if not start.copy and not (hit.block in selected and len(selected) > 1):
            return Rewire(base, base.circuit.find(hit.block), hit.place)
        case "end" | "block":
            names = selected if hit.block in selected else frozenset({hit.block})
            return Move(base, names, start)
        case "empty" | "gap":
            return Band(base, start, selected if start.copy else frozenset())
        case _:
            return None


def _refused(circuit: Circuit, error: EditError) -> Outcome:
    return Outcome(circuit, refusal=sentence(error))


def named(circuit: Circuit, names: frozenset[str]) -> str:
    """The blocks as an undo label says them: "RY layer", or "3 blocks"."""
    if len(names) == 1:
        return title(circuit.find(next(iter(names))))
    return f"{len(names)} blocks"


def add_block(circuit: Circuit, kind: str, slot: Slot, wire: int = 0) -> Outcome:
    """A new block in a slot; a gate on the wire below the last adds that wire."""
    row = BLOCKS[kind]
    try:
        grown = circuit
        if row.wires is not None and wire >= circuit.wires:
            grown = edits.add_wire(circuit)
        block = edits.new_block(grown, kind, wire)
        result = edits.insert_block(grown, slot, block)
    except EditError as error:
        return _refused(circuit, error)
    return Outcome(result, f"Add {title(block)}", frozenset({block.id}), slot)


@dataclass
class Insert:
    """A block dragged in from the palette. A repeat over selected blocks wraps them."""

    base: Layout
    kind: str
    selected: frozenset[str] = frozenset()

    def move(self, point: Point) -> Outcome:
        """The circuit with the block in the slot, and on the wire, under the pointer."""
        circuit = self.base.circuit
        if BLOCKS[self.kind].container and self._over_selected(point):
            return wrap(circuit, self.selected)
        slot = slot_at(self.base, point.x, point.y)
        return add_block(circuit, self.kind, slot, wire_at(self.base, point.y))

    def _over_selected(self, point: Point) -> bool:
        frames = (self.base.by_id.get(name) for name in self.selected)
        return any(frame is not None and frame.contains(point.x, point.y) for frame in frames)


def wrap(circuit: Circuit, selected: frozenset[str]) -> Outcome:
    """The selected blocks put into a new repeat."""
    try:
        result = edits.repeat_blocks(circuit, selected)
    except EditError as error:
        return _refused(circuit, error)
    return Outcome(
        result, f"Repeat {named(circuit, selected)}", frozenset(ids(result) - ids(circuit))
    )


@dataclass
class Move:
    """Blocks dragged on the board: elsewhere, copied, or off the board to remove them.

    A single gate dragged alone also follows the pointer to another wire.
    """

    base: Layout
    names: frozenset[str]
    start: Point

    def move(self, point: Point) -> Outcome:
        """The circuit with the blocks under the pointer."""
        circuit = self.base.circuit
        what = named(circuit, self.names)
        if not point.inside:
            rest = edits.remove_blocks(circuit, self.names)
            return Outcome(rest, f"Remove {what}", note=f"Release to remove {what}")
        slot = slot_at(self.base, point.x, point.y)
        change, verb = (edits.copy_blocks, "Copy") if point.copy else (edits.move_blocks, "Move")
        try:
            result = change(circuit, self.names, slot)
            held = frozenset(ids(result) - ids(circuit)) if point.copy else self.names
            result = self._on_wire(result, held, point)
        except EditError as error:
            return _refused(circuit, error)
        return Outcome(result, f"{verb} {what}", held, slot)

    def _on_wire(self, circuit: Circuit, held: frozenset[str], point: Point) -> Circuit:
        """A single gate moved by as many wires as the pointer was."""
        if len(self.names) != 1:
            return circuit
        block = self.base.circuit.find(next(iter(self.names)))
        if block.row.wires is None or block.wires is None:
            return circuit
        by = wire_at(self.base, point.y) - wire_at(self.base, self.start.y)
        if wire_at(self.base, point.y) == circuit.wires <= max(block.wires) + by:
            circuit = edits.add_wire(circuit)
        by = max(-min(block.wires), min(by, circuit.wires - 1 - max(block.wires)))
        wires = tuple(wire + by for wire in block.wires)
        return edits.set_block_wires(circuit, next(iter(held)), wires)


@dataclass
class Rewire:
    """The control, target or cross of a gate dragged to another wire, and the gate along in time.

    On the wire of the gate's other end the two ends change places.
    """

    base: Layout
    block: Block
    place: int

    def move(self, point: Point) -> Outcome:
        """The circuit with that end on the wire under the pointer."""
        circuit = self.base.circuit
        wire = wire_at(self.base, point.y)
        old = self.block.on(circuit.wires)
        wires = [old[self.place] if w == wire else w for w in old]
        wires[self.place] = wire
        name = self.block.id
        try:
            result = edits.add_wire(circuit) if wire >= circuit.wires else circuit
            result = edits.set_block_wires(result, name, tuple(wires))
            slot = self._slot(point)
            if slot is not None:
                result = edits.move_blocks(result, {name}, slot)
        except EditError as error:
            return _refused(circuit, error)
        end = end_name(self.block, self.place)
        return Outcome(result, f"Move {end} of {title(self.block)}", frozenset({name}), slot)

    def _slot(self, point: Point) -> Slot | None:
        """Where the gate goes when the pointer has left its column."""
        frame = self.base.by_id[self.block.id]
        if frame.left - 8 <= point.x <= frame.right + 8:
            return None
        return slot_at(self.base, point.x, point.y)


def end_name(block: Block, place: int) -> str:
    """What one wire of a gate is to it: its control, its target, or just an end."""
    gate = GATES.get(block.kind.upper())
    if gate is None or not gate.controls:
        return "end"
    return "control" if place < gate.controls else "target"


@dataclass
class Count:
    """A repeat's badge dragged right or up for more times, left or down for fewer."""

    base: Layout
    block: Block
    start: Point

    def move(self, point: Point) -> Outcome:
        """The circuit with the count that the pointer has reached."""
        steps = round(((point.x - self.start.x) - (point.y - self.start.y)) / COUNT_STEP)
        count = max(1, min(MAX_REPEAT, self.block.settings.integer("count") + steps))
        return set_count(self.base.circuit, self.block.id, count)


def set_count(circuit: Circuit, block_id: str, count: int) -> Outcome:
    """A repeat with another count."""
    try:
        result = edits.set_block(circuit, block_id, count=count)
    except EditError as error:
        return _refused(circuit, error)
    return Outcome(result, f"Repeat {count} times", frozenset({block_id}))


@dataclass
class Band:
    """A rubber band over empty space: selects what it touches, with Shift on top of ``kept``."""

    base: Layout
    start: Point
    kept: frozenset[str] = frozenset()

    def move(self, point: Point) -> Outcome:
        """The circuit as it is, with the band and what it touches."""
        left, right = sorted((self.start.x, point.x))
        top, bottom = sorted((self.start.y, point.y))
        touched = {
            frame.block.id
            for frame in self.base.frames
            if not frame.block.row.container
            and frame.left < right and frame.right > left
            and frame.top < bottom and frame.bottom > top
        }  # fmt: skip
        return Outcome(
            self.base.circuit, band=(left, top, right, bottom), selected=self.kept | touched
        )
