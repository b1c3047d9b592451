"""Compile a circuit into a program: integer arrays that the kernels interpret, no gate names left.

The state is a vector of real numbers, ``parts`` × 2**wires of them (real parts, then imaginary
parts when the circuit needs any). On it, every rotation exp(-iθP/2) turns pairs of entries (a, b)
in their plane by θ/2, and every other gate moves entries about and flips signs. So a program has
two kinds of steps only: turns and permutations.

What is folded: runs of CNOT, CZ, SWAP, X, Y, Z become one signed permutation, also across
rotations of other wires; H = RY(π/2)·Z = X·RY(π/2) and fixed angles become an offset of the
neighbouring rotation; the first rotation of each wire acts on the few rows that are not zero yet;
what a wire in |0⟩ controls is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.circuit.cost import table_bytes
from qdesigner.circuit.free import Free
from qdesigner.circuit.kinds import Amplitudes, Angle, Bit, Input, Operation, Product, Weight
from qdesigner.circuit.readout import Readout
from qdesigner.engine.memory import require
from qdesigner.engine.peephole import Moves, Peephole, Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Steps = NDArray[np.uint32]
    Forms = NDArray[np.uint64]

# Columns of a step: a turn with the index of its angle and of its form, or a permutation with the
# index of its table.
KIND, WHICH, FORM = range(3)
TURN, PERMUTE = 0, 1

# Columns of a form: which rows a turn takes. From each of the first rows (a, b), named in pairs up
# to column LAST, it takes RUN rows on end, at every second run within SPAN, at every OUTER below
# LIMIT.
RUN, SPAN, OUTER, LIMIT, LAST, PAIRS = range(6)
COLUMNS = PAIRS + 8

# Columns of a turn's numbers and of its sources. Its angle is OFFSET + FACTOR · weight · Π (input +
# SHIFT) over inputs ``features[FIRST:END]``; or, for a BIT, OFFSET + π where the input is above
# SHIFT. WEIGHT -1 counts as 1; with neither a weight nor inputs it is OFFSET.
OFFSET, FACTOR, SHIFT = range(3)
WEIGHT, FIRST, END, BIT = range(4)

# Columns of a Pauli word of the readout: the output it adds to, the bits it flips, the bits that
# give its sign, and whether it holds an odd number of Y.
OUTPUT, FLIP, PARITY, ODD = range(4)


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled circuit.

    ``steps`` [steps, 3] is what to do (columns above); ``forms`` [forms, 13] says which rows a turn
    takes, ``tables`` [permutations, 2**wires] from which row each row is taken and ``signs`` with
    which sign. Angle k of the program follows from ``numbers[k]`` and ``sources[k]``. With
    ``places`` the state begins as amplitudes in those rows: made of the features ``amplitudes``, or
    given by the caller where that is None.
    The readout is one number for each Pauli word's output, ``words`` times ``factors``; or, with
    ``bits``, the probabilities of these bits of the row, the first as the leftmost; or, with
    neither, ⟨Z⟩ of every wire. ``phase`` is the state's global phase, but for that of a basis
    embedding, which depends on the sample; no readout feels it.
    """

    wires: int
    inputs: int
    weights: int
    outputs: int
    parts: int
    phase: complex
    steps: Steps
    forms: Forms
    tables: NDArray[np.uint32]
    signs: NDArray[np.int8]
    numbers: Floats
    sources: NDArray[np.int64]
    features: NDArray[np.int64]
    amplitudes: Amplitudes | None
    places: NDArray[np.uint64]
    words: NDArray[np.uint64]
    factors: Floats
    bits: NDArray[np.uint64]

    @property
    def rows(self) -> int:
        """Entries of one part of the state: 2**wires."""
        return 1 << self.wires

    @property
    def entries(self) -> int:
        """Real numbers that hold the state of one sample: parts × 2**wires."""
        return self.parts << self.wires

    @cached_property
    def where(self) -> NDArray[np.int64]:
        """What the kernels take for the program: a few sizes, then the address and the length of
        each array in the order of `kernels.read`. Good for as long as the program lives."""
        arrays = (
            self.steps, self.forms, self.tables, self.signs, self.numbers, self.sources,
            self.features, self.places, self.words, self.factors, self.bits,
        )  # fmt: skip
        sizes = (self.rows, self.parts, self.inputs, self.weights, self.outputs)
        found = [number for array in arrays for number in (array.ctypes.data, len(array))]
        return np.array([*sizes, *found], dtype=np.int64)

    def __getstate__(self) -> dict[str, Any]:
        """All but the addresses, which a copy has to find anew."""
        return {name: value for name, value in self.__dict__.items() if name != "where"}

    @cached_property
    def plans(self) -> dict[tuple[int, bool], Any]:
        """Where `simulate.plan` keeps what it has worked out for a batch."""
        return {}

    @cached_property
    def first_weight(self) -> int:
        """The first step with a weight: an adjoint pass that wants weights only ends there."""
        return self._first(self.sources[:, WEIGHT] >= 0)

    @cached_property
    def first_input(self) -> int:
        """The first step with a gradient for inputs; 0 when they make the first state."""
        if self.amplitudes is not None:
            return 0
        own = self.sources[:, END] > self.sources[:, FIRST]
        return self._first(own & (self.sources[:, BIT] == 0))

    def _first(self, of_turn: NDArray[np.bool_]) -> int:
        steps = self.steps
        wanted = steps[:, KIND] == TURN
        wanted[wanted] = of_turn[steps[wanted, WHICH]]
        return int(wanted.argmax()) if wanted.any() else len(steps)


@lru_cache(maxsize=8)  # the tables of many wires are large
def compile(circuit: Circuit) -> Program:
    """The program of a circuit.

    Raises UserError for a gate that the simulator does not know, and for tables too large.
    """
    expanded = expand(circuit)
    return _program(
        circuit.wires, expanded.operations, circuit.readout, expanded.inputs,
        len(expanded.weight_keys), apart=False,
    )  # fmt: skip


@lru_cache(maxsize=8)
def compile_free(free: Free) -> Program:
    """The program of a circuit whose angles are free.

    Its inputs are the angles [batch, slots], and it has no weights (an array of none). When the
    circuit begins with an AMPLITUDE operation, the first states are given apart:
    ``evaluate(program, angles, np.empty(0), amplitudes)`` with ``amplitudes`` [batch, 2**k], of
    norm one. Raises UserError as `compile` does.
    """
    return _program(free.wires, free.operations, free.readout, len(free.angles), 0, apart=True)


def _program(
    wires: int, operations: tuple[Operation, ...], readout: Readout, inputs: int, weights: int,
    apart: bool,
) -> Program:  # fmt: skip
    prepared: tuple[int, ...] = ()
    amplitudes = None
    if operations and isinstance(operations[0].angle, Amplitudes):
        prepared = operations[0].wires
        amplitudes = None if apart else operations[0].angle
        operations = operations[1:]
    peephole = Peephole(wires, prepared)
    for operation in operations:
        peephole.add(operation)
    items = peephole.ordered()
    turns = [item for item in items if isinstance(item, Turn)]
    parts = 2 if any(turn.gate not in ("RY", "CRY") for turn in turns) else 1
    steps, forms, tables, signs = _steps(items, wires, parts)
    numbers, sources, features = _angles(turns)
    words, factors = _words(readout, wires)
    measured = readout.on(wires) if readout.kind == "probabilities" else ()
    return Program(
        wires=wires,
        inputs=inputs,
        weights=weights,
        outputs=readout.outputs(wires),
        parts=parts,
        phase=peephole.phase,
        steps=steps,
        forms=forms,
        tables=tables,
        signs=signs,
        numbers=numbers,
        sources=sources,
        features=features,
        amplitudes=amplitudes,
        places=_places(prepared, wires),
        words=words,
        factors=factors,
        bits=np.array([wires - 1 - wire for wire in measured], dtype=np.uint64),
    )


def _angles(turns: list[Turn]) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """The numbers [turns, 3] and sources [turns, 4] of all turns, and the inputs they name."""
    numbers = np.zeros((len(turns), 3))
    sources = np.zeros((len(turns), 4), dtype=np.int64)
    features: list[int] = []
    for number, source, turn in zip(numbers, sources, turns, strict=True):
        factor, shift, weight, inputs = _formula(turn.source)
        number[:] = turn.offset, factor, shift
        first = len(features)
        features += inputs
        source[:] = weight, first, len(features), isinstance(turn.source, Bit)
    return numbers, sources, np.array(features, dtype=np.int64)


def _formula(source: Angle | None) -> tuple[float, float, int, tuple[int, ...]]:
    """Factor, shift, weight (-1 for none) and inputs of an angle."""
    match source:
        case Input(index):
            return 1.0, 0.0, -1, (index,)
        case Weight(index):
            return 1.0, 0.0, index, ()
        case Product(scale, inputs, weight, shift):
            return scale, shift, -1 if weight is None else weight, inputs
        case Bit(index, threshold):
            return 0.0, threshold, -1, (index,)
        case _:
            return 0.0, 0.0, -1, ()


def _words(readout: Readout, wires: int) -> tuple[NDArray[np.uint64], Floats]:
    """The Pauli words [words, 4] of a readout and their factors; none for ⟨Z⟩ of every wire.

    A word is i**y · (flips) · (signs), with y the number of its Y. Its expectation value is the
    sum over rows r of sign · (re·re' + im·im') for even y and of sign · (re'·im - im'·re) for odd
    y, where r' is r with the bits flipped.
    """
    words, factors = [], []
    observables = () if readout.plain else readout.observables(wires)
    for output, observable in enumerate(observables):
        for coefficient, word in observable:
            flip = sum(1 << (wires - 1 - wire) for wire, pauli in word if pauli != "Z")
            parity = sum(1 << (wires - 1 - wire) for wire, pauli in word if pauli != "X")
            ys = sum(pauli == "Y" for _, pauli in word)
            words.append((output, flip, parity, ys % 2))
            factors.append(coefficient * (1, -1, -1, 1)[ys % 4])
    return np.array(words, dtype=np.uint64).reshape(-1, 4), np.array(factors, dtype=np.float64)


def _places(prepared: tuple[int, ...], wires: int) -> NDArray[np.uint64]:
    """The row of each amplitude of these wires, the first of them as the leftmost bit."""
    places = np.zeros(1, dtype=np.uint64)
    for wire in prepared:
        places = (places[:, None] + np.array([0, 1 << (wires - 1 - wire)], np.uint64)).reshape(-1)
    return places if prepared else places[:0]


def _steps(
    items: list[Turn | Moves], wires: int, parts: int
) -> tuple[Steps, Forms, NDArray[np.uint32], NDArray[np.int8]]:
    """Steps and forms, and the tables and signs of the permutations; equal ones are kept once."""
    rows = 1 << wires
    numbers: dict[tuple[Any, ...], int] = {}
    found: dict[tuple[int, ...], int] = {}
    steps = np.zeros((len(items), 3), dtype=np.uint32)
    turns = 0
    for step, item in zip(steps, items, strict=True):
        if isinstance(item, Turn):
            form = _form(item, rows, parts)
            step[:] = TURN, turns, found.setdefault(form, len(found))
            turns += 1
        else:
            number = numbers.setdefault(tuple(item.gates), len(numbers))
            step[:] = PERMUTE, number, 0
    forms = np.zeros((len(found), COLUMNS), dtype=np.uint64)
    for form, number in found.items():
        forms[number, : len(form)] = form
    require(table_bytes(wires, len(numbers)), f"A circuit on {wires} wires with these gates")
    tables = np.empty((len(numbers), rows), dtype=np.uint32)
    signs = np.empty((len(numbers), rows), dtype=np.int8)
    for gates, number in numbers.items():
        tables[number], signs[number] = _table(gates, wires)
    return steps, forms, tables, signs


def _form(turn: Turn, rows: int, parts: int) -> tuple[int, ...]:
    """The columns of a turn's form."""
    runs = [rows >> (wire + 1) for wire in turn.wires]
    if len(runs) == 1:
        limit = 2 * runs[0] if turn.first else rows
        pairs = _pairs(turn.gate[1], 0, runs[0], rows)
        span, outer = limit, limit
    else:
        p, q = runs
        span, outer, limit = max(runs), 2 * max(runs), rows
        match turn.gate:
            case "CRX" | "CRY" | "CRZ":
                pairs = _pairs(turn.gate[2], p, p + q, rows)
            case "RXX":
                pairs = _pairs("X", 0, p + q, rows) + _pairs("X", p, q, rows)
            case "RYY":  # -XX on |00⟩ and |11⟩, XX on the others
                pairs = _pairs("X", 0, p + q, rows)[::-1] + _pairs("X", p, q, rows)
            case _:
                pairs = _pairs("Z", 0, p, rows) + _pairs("Z", p + q, q, rows)
    if parts == 1:
        pairs = pairs[:2]
    return min(runs), span, outer, limit, PAIRS + len(pairs) - 2, *pairs


def _pairs(axis: str, zero: int, one: int, rows: int) -> tuple[int, ...]:
    """First rows of the two runs of pairs (a, b) with a' = c·a - s·b, b' = s·a + c·b, for a turn of
    the rows from ``zero`` on, which stand for |0⟩, against those from ``one`` on.

    The imaginary part of row r lies at ``rows + r``.
    """
    if axis == "Y":
        return zero, one, rows + zero, rows + one
    if axis == "X":
        return rows + one, zero, rows + zero, one
    return rows + zero, zero, one, rows + one


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
        elif gate == "TOFFOLI":
            source ^= (bits[0] & bits[1]) << shifts[2]
        elif gate == "SWAP":
            different = bits[0] ^ bits[1]
            source ^= (different << shifts[0]) | (different << shifts[1])
        else:  # Z, CZ
            odd ^= bits[0] if gate == "Z" else bits[0] & bits[1]
    return source.astype(np.uint32), (1 - 2 * odd).astype(np.int8)
