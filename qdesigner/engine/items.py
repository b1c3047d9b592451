"""Operations sorted into few items for the tensor engine: rotations, moves, diagonal runs.

An operation joins the last item of its kind unless something since has touched its wires. What has
no kind of its own is made of those that have: a controlled rotation is two halves of a rotation
around CZ, RXX and RYY are RX between permutations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from qdesigner.circuit.kinds import Fixed, Input, Operation
from qdesigner.circuit.readout import Word

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIXED = {
    "H": np.array([[1, 1], [1, -1]]) / math.sqrt(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
    "S": np.diag([1, 1j]),
    "T": np.diag([1, np.exp(0.25j * math.pi)]),
}
NAMES = ("", *FIXED)  # "" is the identity
REAL = frozenset({"", "H", "X", "Z"})
AXES = {
    "X": np.array([[0, -1j], [-1j, 0]]),
    "Y": np.array([[0, -1], [1, 0]]),
    "Z": np.array([[-1j, 0], [0, 1j]]),
}
_CONTROLLED = {"Z": 1, "CNOT": 1, "CZ": 1, "TOFFOLI": 2, "CRX": 1, "CRY": 1, "CRZ": 1}


@dataclass(frozen=True, slots=True)
class Turn:
    """exp(-iφP/2): φ is ``offset`` plus ``factor`` times slot ``slot`` (-1 for none). P is the
    Pauli ``axis``, or, in a diagonal run, Z on each of some wires."""

    axis: str
    slot: int
    factor: float
    offset: float


@dataclass
class Moves:
    """Gates that only move entries and flip signs, in order of time."""

    gates: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)


@dataclass
class Turns:
    """One-wire gates, for each wire in order of time: numbers of turns, or names of gates."""

    wires: dict[int, list[int | str]] = field(default_factory=dict)


@dataclass
class Diagonal:
    """Turns about products of Z."""

    terms: list[tuple[Word, int]] = field(default_factory=list)


Item = Moves | Turns | Diagonal


class Sorting:
    """Takes operations in order of time and sorts them into few items."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.items: list[Item] = []
        self.last: dict[int, int] = {}  # the last item that touched each wire
        self.open: dict[type, int] = {}  # the last item of each type

    def add(self, operation: Operation) -> None:
        """Append one operation."""
        gate, wires = operation.gate, operation.wires
        if gate == "AMPLITUDE":
            self.last.update(dict.fromkeys(wires, -1))
        elif any(wire not in self.last for wire in wires[: _CONTROLLED.get(gate, 0)]):
            pass  # a control is still |0⟩: nothing happens
        elif gate in ("CNOT", "CZ", "SWAP", "TOFFOLI"):
            self._move(gate, wires)
        elif gate in FIXED:
            self._single(gate, wires[0])
        elif gate in ("RX", "RY", "RZ"):
            self._rotation(gate[1], wires[0], operation)
        elif gate == "RZZ":
            self._diagonal(wires, self.turn("Z", operation))
        elif gate == "CRZ":  # half of it always, and half of it, or its opposite, by the control
            self._rotation("Z", wires[1], operation, 0.5)
            self._diagonal(wires, self.turn("Z", operation, -0.5))
        elif gate in ("CRX", "CRY"):  # Z on both sides turns a rotation round
            self._rotation(gate[2], wires[1], operation, 0.5)
            self._move("CZ", wires)
            self._rotation(gate[2], wires[1], operation, -0.5)
            self._move("CZ", wires)
        else:
            self._pair(gate, wires, operation)

    def _pair(self, gate: str, wires: tuple[int, ...], operation: Operation) -> None:
        """RXX and RYY: X of the first wire, made X ⊗ X or Y ⊗ Y by what is around it."""
        if gate not in ("RXX", "RYY"):
            raise ValueError(f"the tensor engine does not know the gate {gate!r}")
        around = ("CNOT",) if gate == "RXX" else ("CZ", "CNOT")
        for name in around:
            self._move(name, wires)
        self._rotation("X", wires[0], operation)
        for name in reversed(around):
            self._move(name, wires)

    def turn(self, axis: str, operation: Operation, factor: float = 1.0) -> int:
        """The number of a new turn, by ``factor`` times the operation's angle."""
        angle = operation.angle
        if isinstance(angle, Fixed):
            self.turns.append(Turn(axis, -1, 0.0, factor * angle.value))
        else:
            assert isinstance(angle, Input)
            self.turns.append(Turn(axis, angle.index, factor, 0.0))
        return len(self.turns) - 1

    def _rotation(self, axis: str, wire: int, operation: Operation, factor: float = 1.0) -> None:
        number = self.turn(axis, operation, factor)
        if axis == "Z" and self.last.get(wire) == self.open.get(Diagonal, -2):
            self._diagonal((wire,), number)
        else:
            self._single(number, wire)

    def _single(self, what: int | str, wire: int) -> None:
        fresh = wire not in self.last and self.items and isinstance(self.items[0], Turns)
        if what in ("X", "Z") and not fresh and self._fits(Moves, (wire,)):
            self._move(str(what), (wire,))
            return
        place = 0 if fresh else self._place(Turns, (wire,))
        item = self.items[place]
        assert isinstance(item, Turns)
        item.wires.setdefault(wire, []).append(what)
        self.last[wire] = place

    def _move(self, gate: str, wires: tuple[int, ...]) -> None:
        item = self.items[self._place(Moves, wires)]
        assert isinstance(item, Moves)
        item.gates.append((gate, wires))

    def _diagonal(self, wires: tuple[int, ...], number: int) -> None:
        item = self.items[self._place(Diagonal, wires)]
        assert isinstance(item, Diagonal)
        item.terms.append((tuple((wire, "Z") for wire in sorted(wires)), number))

    def _fits(self, kind: type[Item], wires: tuple[int, ...]) -> bool:
        """Whether the last item of this kind can still take a gate on ``wires``."""
        place = self.open.get(kind, -2)
        return all(self.last.get(wire, -1) <= place for wire in wires)

    def _place(self, kind: type[Item], wires: tuple[int, ...]) -> int:
        """The item of this kind that takes a gate on ``wires``, a new one if it must."""
        if not self._fits(kind, wires):
            self.open[kind] = len(self.items)
            self.items.append(kind())
        place = self.open[kind]
        for wire in wires:
            self.last[wire] = max(place, self.last.get(wire, -1))
        return place


def permutation(
    gates: Sequence[tuple[str, tuple[int, ...]]], wires: int
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """From which row each row comes, and with which sign: gates are followed back in time."""
    source = np.arange(1 << wires, dtype=np.int64)
    odd = np.zeros(1 << wires, dtype=np.int64)
    for gate, on in reversed(gates):
        shifts = [wires - 1 - wire for wire in on]
        bits = [(source >> shift) & 1 for shift in shifts]
        if gate == "SWAP":
            different = bits[0] ^ bits[1]
            source ^= (different << shifts[0]) | (different << shifts[1])
        elif gate in ("Z", "CZ"):
            odd ^= np.bitwise_and.reduce(bits)
        else:  # X, CNOT, TOFFOLI: the last wire turns when all before it are one
            source ^= np.bitwise_and.reduce([*bits[:-1], np.ones_like(odd)]) << shifts[-1]
    return source, np.asarray(1.0 - 2.0 * odd) if odd.any() else None
