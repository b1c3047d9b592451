"""Compile a circuit into a program: integer arrays that the kernels interpret, no gate names left.

The state is a vector of real numbers, ``parts`` × 2**wires of them (real parts, then imaginary
parts when the circuit needs any). On it, every rotation exp(-iθP/2) turns pairs of entries (a, b)
in their plane by θ/2, and every other gate moves entries about and flips signs. So a program has
two kinds of steps only: turns and permutations.

What is folded: runs of CNOT, CZ, SWAP, X, Y, Z become one signed permutation, also across
rotations of other wires; H = RY(π/2)·Z = X·RY(π/2) and fixed angles become an offset of the
neighbouring rotation; the first rotation of each wire acts on the few rows that are not zero yet.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.circuit.kinds import Fixed, Input, Operation, Weight
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Steps = NDArray[np.uint64]

# Columns of a step. A turn: its angle's index, length of one run of rows, rows in use, the column
# of its last pair, and the first rows (a, b) of its one or two pairs of runs; a complex state has
# two. A permutation: its table's index.
KIND, WHICH, RUN, LIMIT, SECOND, A1, B1, A2, B2, COLUMNS = range(10)
TURN, PERMUTE = 0, 1

_PHASES = {"S": math.pi / 2, "T": math.pi / 4}
_MONOMIAL = frozenset({"X", "Y", "Z", "CNOT", "CZ", "SWAP"})


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled circuit.

    ``steps`` [steps, 9] is what to do (columns above); ``tables`` [permutations, 2**wires] says
    from which row each row is taken and ``signs`` with which sign. Angle k of the program is
    ``offset[k]`` plus weight ``weight_of[k]`` or input ``input_of[k]`` (-1 for none).
    ``phase`` is the state's global phase, which no expectation value feels.
    """

    wires: int
    inputs: int
    weights: int
    parts: int
    phase: complex
    steps: Steps
    tables: NDArray[np.uint32]
    signs: NDArray[np.int8]
    offset: NDArray[np.float64]
    weight_of: NDArray[np.int64]
    input_of: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """Entries of one part of the state: 2**wires."""
        return 1 << self.wires

    @property
    def entries(self) -> int:
        """Real numbers that hold the state of one sample: parts × 2**wires."""
        return self.parts << self.wires

    @cached_property
    def arrays(self) -> tuple[Any, ...]:
        """What the kernels take first, in their order."""
        return (
            self.steps, self.tables, self.signs, self.offset, self.weight_of, self.input_of,
            self.parts,
        )  # fmt: skip

    @cached_property
    def first_weight(self) -> int:
        """The first step with a weight: an adjoint pass that wants weights only ends there."""
        return self._first(self.weight_of)

    @cached_property
    def first_input(self) -> int:
        """The first step with an input."""
        return self._first(self.input_of)

    def _first(self, source: NDArray[np.int64]) -> int:
        steps = self.steps
        wanted = steps[:, KIND] == TURN
        wanted[wanted] = source[steps[wanted, WHICH]] >= 0
        return int(wanted.argmax()) if wanted.any() else len(steps)


@dataclass
class _Turn:
    """A rotation about ``axis``; its angle is ``offset`` plus at most one source."""

    axis: str
    wire: int
    offset: float
    source: Input | Weight | None
    first: bool


@dataclass
class _Moves:
    """A run of gates that only move entries and flip signs, in order of time."""

    gates: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)


class _Peephole:
    """Takes operations one by one and keeps a short equivalent list of turns and moves."""

    def __init__(self, wires: int) -> None:
        self.items: list[_Turn | _Moves] = []
        self.phase = 1 + 0j
        self._last = [-1] * wires  # the last item that touched each wire
        self._moves = -1  # the last run of moves

    def add(self, operation: Operation) -> None:
        """Append one operation. Raises UserError for a gate or angle this simulator lacks."""
        gate, wires = operation.gate, operation.wires
        if gate in _MONOMIAL:
            self._move(gate, wires)
        elif gate == "H":
            self._hadamard(wires[0])
        elif gate in _PHASES:
            self.phase *= cmath.exp(0.5j * _PHASES[gate])
            self._turn("Z", wires[0], _PHASES[gate], None)
        elif gate in ("RX", "RY", "RZ"):
            self._rotation(gate[1], wires[0], operation)
        else:
            raise UserError(
                f"The built-in simulator does not know the gate {gate!r} "
                f"(block {operation.block!r}); choose another device for this circuit."
            )

    def _rotation(self, axis: str, wire: int, operation: Operation) -> None:
        angle = operation.angle
        if isinstance(angle, Fixed):
            self._turn(axis, wire, angle.value, None)
        elif isinstance(angle, Input | Weight):
            self._turn(axis, wire, 0.0, angle)
        else:
            raise UserError(
                f"The built-in simulator cannot read the angle {angle!r} of {operation.gate} "
                f"(block {operation.block!r}); choose another device for this circuit."
            )

    def _before(self, wire: int) -> _Turn | None:
        """The turn that was the last thing to happen on this wire, if it was one."""
        item = self.items[self._last[wire]] if self._last[wire] >= 0 else None
        return item if isinstance(item, _Turn) else None

    def _turn(self, axis: str, wire: int, offset: float, source: Input | Weight | None) -> None:
        before = self._before(wire)
        if before and before.axis == axis and (before.source is None or source is None):
            before.offset += offset
            before.source = before.source or source
            return
        self.items.append(_Turn(axis, wire, offset, source, self._last[wire] < 0))
        self._last[wire] = len(self.items) - 1

    def _hadamard(self, wire: int) -> None:
        before = self._before(wire)
        if before and before.axis == "Y":
            before.offset += math.pi / 2
            self._move("X", (wire,))
        else:
            self._move("Z", (wire,))
            self._turn("Y", wire, math.pi / 2, None)

    def _move(self, gate: str, wires: tuple[int, ...]) -> None:
        if gate == "Y":
            self.phase *= 1j
            self._move("Z", wires)
            self._move("X", wires)
            return
        if gate in ("Z", "CZ", "CNOT") and self._last[wires[0]] < 0:
            return  # the wire is still |0⟩: nothing happens
        if self._moves < 0 or any(self._last[wire] > self._moves for wire in wires):
            self._moves = len(self.items)
            self.items.append(_Moves())
        moves = self.items[self._moves]
        assert isinstance(moves, _Moves)
        moves.gates.append((gate, wires))
        for wire in wires:
            self._last[wire] = self._moves


@lru_cache(maxsize=8)  # the tables of many wires are large
def compile(circuit: Circuit) -> Program:
    """The program of a circuit. Raises UserError for a gate the simulator does not know."""
    expanded = expand(circuit)
    peephole = _Peephole(circuit.wires)
    for operation in expanded.operations:
        peephole.add(operation)
    first = [item for item in peephole.items if isinstance(item, _Turn) and item.first]
    rest = [item for item in peephole.items if not (isinstance(item, _Turn) and item.first)]
    first.sort(key=lambda turn: -turn.wire)
    turns = [item for item in (*first, *rest) if isinstance(item, _Turn)]
    parts = 2 if any(turn.axis != "Y" for turn in turns) else 1
    steps, tables, signs = _steps((*first, *rest), circuit.wires, parts)
    return Program(
        wires=circuit.wires,
        inputs=expanded.inputs,
        weights=len(expanded.weight_keys),
        parts=parts,
        phase=peephole.phase,
        steps=steps,
        tables=tables,
        signs=signs,
        offset=np.array([turn.offset for turn in turns], dtype=np.float64),
        weight_of=_indices(turns, Weight),
        input_of=_indices(turns, Input),
    )


def _indices(turns: list[_Turn], source: type[Input] | type[Weight]) -> NDArray[np.int64]:
    found = [turn.source.index if isinstance(turn.source, source) else -1 for turn in turns]
    return np.array(found, dtype=np.int64)


def _steps(
    items: tuple[_Turn | _Moves, ...], wires: int, parts: int
) -> tuple[Steps, NDArray[np.uint32], NDArray[np.int8]]:
    rows = 1 << wires
    numbers: dict[tuple[Any, ...], int] = {}
    steps = np.zeros((len(items), COLUMNS), dtype=np.uint64)
    turns = 0
    for step, item in zip(steps, items, strict=True):
        if isinstance(item, _Turn):
            run = rows >> (item.wire + 1)
            limit = 2 * run if item.first else rows
            pairs = _pairs(item.axis, run, rows) if parts == 2 else (0, run)
            step[: A1 + len(pairs)] = (TURN, turns, run, limit, A1 + len(pairs) - 2, *pairs)
            turns += 1
        else:
            number = numbers.setdefault(tuple(item.gates), len(numbers))
            step[:2] = PERMUTE, number
    tables = np.empty((len(numbers), rows), dtype=np.uint32)
    signs = np.empty((len(numbers), rows), dtype=np.int8)
    for gates, number in numbers.items():
        tables[number], signs[number] = _table(gates, wires)
    return steps, tables, signs


def _pairs(axis: str, run: int, rows: int) -> tuple[int, int, int, int]:
    """First rows of the two runs of pairs (a, b) with a' = c·a - s·b, b' = s·a + c·b.

    The imaginary part of row r lies at ``rows + r``.
    """
    if axis == "Y":
        return 0, run, rows, rows + run
    if axis == "X":
        return rows + run, 0, rows, run
    return rows, 0, run, rows + run


def _table(gates: tuple[Any, ...], wires: int) -> tuple[NDArray[np.uint32], NDArray[np.int8]]:
    """From which row each row comes, and with which sign: gates are followed back in time."""
    source = np.arange(1 << wires, dtype=np.int32)
    odd = np.zeros(1 << wires, dtype=np.int32)
    for gate, on in reversed(gates):
        shifts = [wires - 1 - wire for wire in on]
        bits = [(source >> shift) & 1 for shift in shifts]
        if gate == "X":
            source ^= 1 << shifts[0]
        elif gate == "CNOT":
            source ^= bits[0] << shifts[1]
        elif gate == "SWAP":
            different = bits[0] ^ bits[1]
            source ^= (different << shifts[0]) | (different << shifts[1])
        else:  # Z, CZ
            odd ^= bits[0] if gate == "Z" else bits[0] & bits[1]
    return source.astype(np.uint32), (1 - 2 * odd).astype(np.int8)
