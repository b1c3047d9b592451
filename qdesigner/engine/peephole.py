"""A circuit's operations as a short list of turns and moves, with all that folds folded."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field

from qdesigner.circuit.kinds import Amplitudes, Angle, Bit, Fixed, Operation
from qdesigner.errors import UserError

_PHASES = {"S": math.pi / 2, "T": math.pi / 4}
_MONOMIAL = frozenset({"X", "Y", "Z", "CNOT", "CZ", "SWAP", "TOFFOLI"})
_CONTROLLED = frozenset({"CRX", "CRY", "CRZ"})
_ROTATIONS = _CONTROLLED | {"RX", "RY", "RZ", "RXX", "RYY", "RZZ"}


@dataclass
class Turn:
    """A rotation; its angle is ``offset`` plus ``source``, unless that is None. ``first``: it
    meets only the rows in which the wires above it are 0."""

    gate: str
    wires: tuple[int, ...]
    offset: float
    source: Angle | None
    first: bool


@dataclass
class Moves:
    """A run of gates that only move entries and flip signs, in order of time."""

    gates: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)


class Peephole:
    """Takes operations one by one and keeps a short equivalent list of turns and moves.

    ``prepared`` are the wires that do not begin in |0⟩.
    """

    def __init__(self, wires: int, prepared: tuple[int, ...]) -> None:
        self.items: list[Turn | Moves] = []
        self.phase = 1 + 0j
        self._last = [-1] * wires  # the last item that touched each wire
        self._moves = -1  # the last run of moves
        self._zero = set(range(wires)).difference(prepared)  # the wires still in |0⟩
        self._above = min(prepared, default=wires)

    def add(self, operation: Operation) -> None:
        """Append one operation. Raises UserError for a gate or angle this simulator lacks."""
        gate, wires, angle = operation.gate, operation.wires, operation.angle
        if gate in _MONOMIAL:
            self._move(gate, wires)
        elif gate == "H":
            self._hadamard(wires[0])
        elif gate in _PHASES:
            self.phase *= cmath.exp(0.5j * _PHASES[gate])
            self._turn("RZ", wires, _PHASES[gate], None)
        elif gate not in _ROTATIONS:
            raise UserError(
                f"The built-in simulator does not know the gate {gate!r} "
                f"(block {operation.block!r}); choose another device for this circuit."
            )
        elif angle is None or isinstance(angle, Amplitudes):
            raise UserError(
                f"The built-in simulator cannot read the angle {angle!r} of {gate} "
                f"(block {operation.block!r}); choose another device for this circuit."
            )
        elif gate in _CONTROLLED and wires[0] in self._zero:
            return
        elif isinstance(angle, Fixed):
            self._turn(gate, wires, angle.value, None)
        elif gate == "RX" and isinstance(angle, Bit) and wires[0] in self._zero:
            self._turn("RY", wires, 0.0, angle)  # the same but for a phase, and real
        else:
            self._turn(gate, wires, 0.0, angle)

    def ordered(self) -> list[Turn | Moves]:
        """What to do in order of time: first the turns that meet few rows, those of the lowest
        wires, the last in number, before all."""
        first = [item for item in self.items if isinstance(item, Turn) and item.first]
        rest = [item for item in self.items if not (isinstance(item, Turn) and item.first)]
        first.sort(key=lambda turn: -turn.wires[0])
        return [*first, *rest]

    def _before(self, wires: tuple[int, ...]) -> Turn | None:
        """The turn that was the last thing to happen on just these wires, if it was one."""
        last = {self._last[wire] for wire in wires}
        item = self.items[last.pop()] if len(last) == 1 and -1 not in last else None
        return item if isinstance(item, Turn) and item.wires == wires else None

    def _turn(self, gate: str, wires: tuple[int, ...], offset: float, source: Angle | None) -> None:
        before = self._before(wires)
        if before and before.gate == gate and (before.source is None or source is None):
            before.offset += offset
            before.source = before.source or source
            return
        first = len(wires) == 1 and wires[0] in self._zero and wires[0] < self._above
        self._touch(wires, len(self.items))
        self.items.append(Turn(gate, wires, offset, source, first))

    def _touch(self, wires: tuple[int, ...], item: int) -> None:
        for wire in wires:
            self._last[wire] = item
        self._zero.difference_update(wires)

    def _hadamard(self, wire: int) -> None:
        before = self._before((wire,))
        if before and before.gate == "RY":
            before.offset += math.pi / 2
            self._move("X", (wire,))
        else:
            self._move("Z", (wire,))
            self._turn("RY", (wire,), math.pi / 2, None)

    def _move(self, gate: str, wires: tuple[int, ...]) -> None:
        if gate == "Y":
            self.phase *= 1j
            self._move("Z", wires)
            self._move("X", wires)
            return
        deciding = {"Z": 1, "CZ": 2, "CNOT": 1, "TOFFOLI": 2}.get(gate, 0)
        if not self._zero.isdisjoint(wires[:deciding]):
            return  # a wire is still |0⟩: nothing happens
        if self._moves < 0 or any(self._last[wire] > self._moves for wire in wires):
            self._moves = len(self.items)
            self.items.append(Moves())
        moves = self.items[self._moves]
        assert isinstance(moves, Moves)
        moves.gates.append((gate, wires))
        self._touch(wires, self._moves)
