"""What the board's keys and menus do to the document: one edit and one undo step each.

Every command raises EditError with a sentence when it cannot be done.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.canvas.gestures import Outcome, add_block, named, wrap
from app.document import Document
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, ids, walk
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.circuit.labels import title
from qdesigner.design import edits
from qdesigner.design.edits import EditError, Slot


def circuit_of(document: Document) -> Circuit | None:
    """The circuit on the board, if the model holds one."""
    stage = document.circuit_stage()
    return stage.circuit if stage is not None else None


def keep(document: Document, outcome: Outcome) -> None:
    """Apply what a gesture or a command arrived at, and select what it held."""
    if outcome.refusal:
        raise EditError(outcome.refusal)
    if outcome.label:
        document.change_circuit(outcome.label, lambda _: outcome.circuit)
        document.select_blocks(outcome.held)


def _circuit(document: Document) -> Circuit:
    circuit = circuit_of(document)
    if circuit is None:
        raise EditError("The model has no quantum circuit; insert one in the strip.")
    return circuit


def _selected(document: Document) -> frozenset[str]:
    names = document.selected_blocks
    if not names:
        raise EditError("Select a block of the circuit first.")
    return names


def append(document: Document, kind: str) -> None:
    """A new block after the selected one, or before the measurement; an amplitude embedding at
    the start."""
    circuit = _circuit(document)
    slot, wire = Slot("", len(circuit.blocks)), 0
    if document.selected_blocks:
        last = [b for b, _ in walk(circuit.blocks) if b.id in document.selected_blocks][-1]
        place = edits.slot_of(circuit, last.id)
        slot = Slot(place.parent, place.index + 1)
        if last.row.container and not last.body:
            slot = Slot(last.id, 0)
        wire = min(last.wires) if last.wires and BLOCKS[kind].wires is not None else 0
    if kind == AMPLITUDE:
        slot = Slot("", 0)  # it stands nowhere else
    keep(document, add_block(circuit, kind, slot, wire))


def insert(document: Document, kind: str, slot: Slot) -> None:
    """A new block in a slot."""
    keep(document, add_block(_circuit(document), kind, slot))


def remove_selected(document: Document) -> None:
    """Without the selected blocks."""
    circuit, names = _circuit(document), _selected(document)
    rest = edits.remove_blocks(circuit, names)
    keep(document, Outcome(rest, f"Remove {named(circuit, names)}"))


def duplicate_selected(document: Document) -> None:
    """Copies of the selected blocks right after them."""
    circuit, names = _circuit(document), _selected(document)
    result = edits.duplicate_blocks(circuit, names)
    fresh = frozenset(ids(result) - ids(circuit))
    keep(document, Outcome(result, f"Duplicate {named(circuit, names)}", fresh))


def repeat_selected(document: Document) -> None:
    """The selected blocks inside a new repeat."""
    keep(document, wrap(_circuit(document), _selected(document)))


def select_all(document: Document) -> None:
    """Every block."""
    circuit = circuit_of(document)
    document.select_blocks(ids(circuit) if circuit is not None else ())


def select_beside(document: Document, step: int, extend: bool = False) -> None:
    """The next block (1) or the one before (-1), in order of time; on top of the others or not.
    After the last block comes the readout."""
    circuit = circuit_of(document)
    order = [block.id for block, _ in walk(circuit.blocks)] if circuit is not None else []
    if not order:
        document.select_readout()
        return
    chosen = [place for place, name in enumerate(order) if name in document.selected_blocks]
    if chosen:
        place = (chosen[-1] if step > 0 else chosen[0]) + step
    else:
        place = 0 if step > 0 and not document.selected_readout else len(order) - 1
    if (step > 0 and document.selected_readout) or (place == len(order) and not extend):
        document.select_readout()
        return
    name = order[max(0, min(place, len(order) - 1))]
    document.select_blocks({*(document.selected_blocks if extend else ()), name})


def move_selected(document: Document, step: int) -> None:
    """The selected blocks one place later (1) or earlier (-1), into and out of repeats."""
    circuit, names = _circuit(document), _selected(document)
    order = [block.id for block, _ in walk(circuit.blocks) if block.id in names]
    place = edits.slot_of(circuit, order[-1] if step > 0 else order[0])
    slots = list(_slots(circuit.blocks, "", names))
    here = slots.index(Slot(place.parent, place.index + (step > 0))) + step
    if 0 <= here < len(slots):
        result = edits.move_blocks(circuit, names, slots[here])
        keep(document, Outcome(result, f"Move {named(circuit, names)}", names))


def _slots(blocks: tuple[Block, ...], parent: str, closed: frozenset[str]) -> Iterator[Slot]:
    """Every slot in order of time, without those inside the ``closed`` blocks."""
    for index, block in enumerate(blocks):
        yield Slot(parent, index)
        if block.row.container and block.id not in closed:
            yield from _slots(block.body, block.id, closed)
    yield Slot(parent, len(blocks))


def add_wire(document: Document) -> None:
    """One more wire at the bottom."""
    document.change_circuit("Add wire", edits.add_wire)


def remove_wire(document: Document, wire: int) -> None:
    """Without one wire and the gates on it."""
    document.change_circuit(f"Remove wire q{wire}", lambda c: edits.remove_wire(c, wire))


def set_wires(document: Document, block_id: str, wires: tuple[int, ...] | None) -> None:
    """A block on other wires; None for all."""
    what = title(_circuit(document).find(block_id))
    document.change_circuit(
        f"Change wires of {what}", lambda c: edits.set_block_wires(c, block_id, wires)
    )
