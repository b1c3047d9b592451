"""How one sample passes through a circuit, on the exact state: every wire's Bloch vector block by
block, and the readout with operations taken away.

All ways of taking something away run side by side, each branching off the whole circuit where its
first missing operation would stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qdesigner.circuit import labels
from qdesigner.circuit.circuit import Block, Circuit, expand, operations_of
from qdesigner.circuit.kinds import Group, Operation
from qdesigner.engine.columns import measured, run, zero
from qdesigner.engine.state import bloch_vectors
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

MAX_WIRES = 14
MAX_OPERATIONS = 2000
MAX_WORK = 250_000_000  # amplitudes turned in all: some five seconds
MAX_STATES = 1 << 22  # amplitudes held at once: 64 MB


class Pass(NamedTuple):
    """One pass through a block: its operations are ``first`` to ``end - 1`` of the expanded
    circuit. ``turns`` are the passes through the repeats around it, from 0."""

    block: Block
    turns: tuple[int, ...]
    first: int
    end: int

    @property
    def label(self) -> str:
        """The block's title; inside a repeat with the number of the pass, from 1."""
        title = labels.title(self.block)
        number = ".".join(str(turn + 1) for turn in self.turns)
        return f"{title}, pass {number}" if number else title


class Removal(NamedTuple):
    """Operations ``first``, … of one pass that are taken away together."""

    operations: tuple[int, ...]
    of: Pass
    label: str
    gate: str
    wires: tuple[int, ...]
    entangling: bool


def passes(circuit: Circuit) -> list[Pass]:
    """Every pass through a block with operations, in order of time."""
    found: list[Pass] = []

    def walk(blocks: tuple[Block, ...], turns: tuple[int, ...]) -> None:
        for block in blocks:
            if block.row.container:
                for turn in range(block.settings.integer("count")):
                    walk(block.body, (*turns, turn))
                continue
            count = len(operations_of(block, circuit.wires))
            first = found[-1].end if found else 0
            if count:
                found.append(Pass(block, turns, first, first + count))

    require_small(circuit)
    walk(circuit.blocks, ())
    return found


def require_small(circuit: Circuit) -> None:
    """Raises UserError for a circuit whose trace would take too long."""
    operations = len(expand(circuit).operations)
    # Half of them on average are still to come when one is taken away.
    work = (operations * operations // 2) << circuit.wires
    if circuit.wires > MAX_WIRES:
        raise UserError(
            f"A trace is worked out for up to {MAX_WIRES} wires; this circuit has {circuit.wires}."
        )
    if operations > MAX_OPERATIONS or work > MAX_WORK:
        raise UserError(
            f"No trace is worked out for a circuit this long: {operations:,} operations on "
            f"{circuit.wires} wires. Lower a repeat's count to see one."
        )


def layers(circuit: Circuit, inputs: Floats, weights: Floats) -> list[tuple[Pass, Floats]]:
    """Bloch vectors [wires, 3] of all wires after each pass through a block, for one sample's
    ``inputs`` [inputs] in radians and the flat ``weights`` [weights].

    Raises UserError for a circuit that is too large.
    """
    found = []
    operations = expand(circuit).operations
    state = zero(circuit.wires, 1)
    for each in passes(circuit):
        for operation in operations[each.first : each.end]:
            state = run(state, operation, inputs, weights)
        found.append((each, bloch_vectors(state.reshape(-1), circuit.wires)))
    return found


def single_removals(circuit: Circuit) -> list[Removal]:
    """Every operation by itself, but for those of embeddings."""
    return [
        Removal((number,), each, labels.text(operation), operation.gate,
                operation.wires, len(operation.wires) > 1)
        for each, operations in _variational(circuit)
        for number, operation in operations
    ]  # fmt: skip


def entanglers(circuit: Circuit) -> list[Removal]:
    """What entangles in each pass through a block, but for embeddings: all its operations on two
    wires or more."""
    found = []
    for each, operations in _variational(circuit):
        entangling = [(n, operation) for n, operation in operations if len(operation.wires) > 1]
        if entangling:
            numbers, some = zip(*entangling, strict=True)
            gates = sorted({operation.gate for operation in some})
            wires = sorted({wire for operation in some for wire in operation.wires})
            found.append(
                Removal(numbers, each, each.label, ", ".join(gates), tuple(wires), True)
            )  # fmt: skip
    return found


def _variational(circuit: Circuit) -> Iterator[tuple[Pass, list[tuple[int, Operation]]]]:
    """The passes that are no embedding's, with their numbered operations."""
    operations = expand(circuit).operations
    for each in passes(circuit):
        if each.block.row.group is not Group.EMBEDDING:
            numbers = range(each.first, each.end)
            yield each, [(number, operations[number]) for number in numbers]


def readouts(
    circuit: Circuit, inputs: Floats, weights: Floats, removals: Sequence[tuple[int, ...]]
) -> Floats:
    """The readout [1 + removals, outputs] for one sample: first of the whole circuit, then without
    the operations of each removal, which are numbers of the expanded circuit.

    Raises UserError for a circuit that is too large.
    """
    require_small(circuit)
    most = max(1, (MAX_STATES >> circuit.wires) - 1)
    parts = [removals[start : start + most] for start in range(0, len(removals), most)] or [()]
    rows = [_side_by_side(circuit, inputs, weights, part) for part in parts]
    return np.concatenate([rows[0][:1], *(part[1:] for part in rows)])


def _side_by_side(
    circuit: Circuit, inputs: Floats, weights: Floats, removals: Sequence[tuple[int, ...]]
) -> Floats:
    """`readouts` of removals whose states fit in memory together."""
    order = sorted(range(len(removals)), key=lambda place: removals[place][0])
    without = [frozenset(removals[place]) for place in order]
    states = zero(circuit.wires, 1 + len(removals))
    live = 1  # columns that have branched off already, the whole circuit's included
    for number, operation in enumerate(expand(circuit).operations):
        begun = live
        while live <= len(order) and removals[order[live - 1]][0] == number:
            live += 1
        states[..., begun:live] = states[..., :1]
        skips = [column for column in range(1, live) if number in without[column - 1]]
        kept = states[..., skips]
        states[..., :live] = run(states[..., :live], operation, inputs, weights)
        states[..., skips] = kept
    out = measured(circuit, states)
    back = np.empty_like(out)
    back[0] = out[0]
    back[1 + np.array(order, dtype=int)] = out[1:]
    return back
