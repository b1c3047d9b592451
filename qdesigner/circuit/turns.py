"""The gates that turn by an angle, each with where it stands: to point at one of them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from qdesigner.circuit.circuit import Circuit, expand, operations_of, walk
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Operation


class Turn(NamedTuple):
    """A rotation of the expanded circuit: operation number ``at``, which is operation ``place``
    of its block. A block inside repeats runs ``passes`` times, and this is pass ``number`` of
    them, from 1."""

    at: int
    operation: Operation
    block: str
    place: int
    number: int
    passes: int


@lru_cache(maxsize=32)
def turns(circuit: Circuit) -> tuple[Turn, ...]:
    """Every rotation in order of time."""
    lengths = {
        block.id: len(operations_of(block, circuit.wires))
        for block, _ in walk(circuit.blocks)
        if not block.row.container
    }
    operations = expand(circuit).operations
    seen: dict[str, int] = dict.fromkeys(lengths, 0)
    places = []
    for operation in operations:
        places.append(seen[operation.block])
        seen[operation.block] += 1
    found = []
    for at, (operation, place) in enumerate(zip(operations, places, strict=True)):
        if GATES[operation.gate].angle:
            block, length = operation.block, lengths[operation.block]
            passes = seen[block] // length
            found.append(
                Turn(at, operation, block, place % length, place // length + 1, passes)
            )  # fmt: skip
    return tuple(found)


def turn_at(circuit: Circuit, block: str, place: int, number: int = 1) -> Turn | None:
    """The rotation at a place of a block on one of its passes; None where there is none."""
    wanted = (block, place, number)
    found = (turn for turn in turns(circuit) if (turn.block, turn.place, turn.number) == wanted)
    return next(found, None)
