"""Gates spelled out in simpler ones, for machines that do not know them all.

Nielsen & Chuang, *Quantum Computation and Quantum Information*, section 4.3; up to a global phase.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from qdesigner.circuit.kinds import Fixed, Operation


class Part(NamedTuple):
    """A gate of a spelling: on which of the spelled gate's wires, and its angle, which is ``turn``
    plus ``share`` of the spelled gate's."""

    gate: str
    on: tuple[int, ...]
    share: float = 0.0
    turn: float = 0.0


def _eighth(wire: int, sign: int = 1) -> Part:
    return Part("RZ", (wire,), turn=sign * math.pi / 4)


_FLIP = Part("CNOT", (0, 1))
_HS = (Part("H", (0,)), Part("H", (1,)))
_TARGET_H = Part("H", (1,))
_RZZ = Part("RZZ", (0, 1), 1.0)

# In order of time.
SPELLINGS: dict[str, tuple[Part, ...]] = {
    "CZ": (_TARGET_H, _FLIP, _TARGET_H),
    "SWAP": (_FLIP, Part("CNOT", (1, 0)), _FLIP),
    "CRX": (_TARGET_H, Part("CRZ", (0, 1), 1.0), _TARGET_H),
    "CRY": (Part("RY", (1,), 0.5), _FLIP, Part("RY", (1,), -0.5), _FLIP),
    "CRZ": (Part("RZ", (1,), 0.5), _FLIP, Part("RZ", (1,), -0.5), _FLIP),
    "RXX": (*_HS, _RZZ, *_HS),
    "RYY": (
        Part("RX", (0,), turn=math.pi / 2), Part("RX", (1,), turn=math.pi / 2),
        _RZZ,
        Part("RX", (0,), turn=-math.pi / 2), Part("RX", (1,), turn=-math.pi / 2),
    ),
    "RZZ": (_FLIP, Part("RZ", (1,), 1.0), _FLIP),
    "TOFFOLI": (
        Part("H", (2,)),
        Part("CNOT", (1, 2)), _eighth(2, -1), Part("CNOT", (0, 2)), _eighth(2),
        Part("CNOT", (1, 2)), _eighth(2, -1), Part("CNOT", (0, 2)), _eighth(1), _eighth(2),
        Part("H", (2,)),
        _FLIP, _eighth(0), _eighth(1, -1), _FLIP,
    ),
}  # fmt: skip


def spelled_out(
    operations: Iterable[Operation], known: Callable[[str], bool]
) -> Iterator[Operation]:
    """The operations, whose angles are numbers, in gates that are ``known`` where there is a
    spelling."""
    for operation in operations:
        if known(operation.gate) or operation.gate not in SPELLINGS:
            yield operation
            continue
        angle = operation.angle.value if isinstance(operation.angle, Fixed) else 0.0
        yield from spelled_out(
            (_spelled(part, operation.wires, angle) for part in SPELLINGS[operation.gate]), known
        )


def _spelled(part: Part, wires: tuple[int, ...], angle: float) -> Operation:
    turns = part.share or part.turn
    value = Fixed(part.share * angle + part.turn) if turns else None
    return Operation(part.gate, tuple(wires[k] for k in part.on), value)
