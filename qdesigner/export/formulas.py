"""Operations as source: their calls in PennyLane or Qiskit, and their angles as formulas.

A formula keeps its indices apart, so that a loop can count them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import (
    Amplitudes,
    Angle,
    Bit,
    Fixed,
    Input,
    Operation,
    Product,
    Weight,
)
from qdesigner.export.source import bracketed, width, wrapped

Terms = tuple[tuple[int, str], ...]  # summands of an index: (factor, loop variable)
INPUTS, WEIGHTS = "inputs", "weights"


@dataclass(frozen=True, slots=True)
class Index:
    """Which entry of ``array`` a formula takes: ``number``, moved by the loops around it."""

    array: str
    number: int
    terms: Terms = ()

    def text(self, term: tuple[int, str] = (0, ""), offset: int = 0) -> str:
        """The entry: ``weights[4 * layer + wire]`` or ``inputs[:, wire]``."""
        summands = [
            name if factor == 1 else f"{factor} * {name}"
            for factor, name in (*self.terms, term)
            if factor
        ]
        if offset or not summands:
            summands.append(str(offset))
        total = " + ".join(summands).replace("+ -", "- ")
        return f"{self.array}[:, {total}]" if self.array == INPUTS else f"{self.array}[{total}]"


@dataclass(frozen=True, slots=True)
class Step:
    """An operation to be written: its angle's ``formula`` holds ``{}`` for each of ``indices``."""

    gate: str
    wires: tuple[int, ...]
    formula: str = ""
    indices: tuple[Index, ...] = ()

    @property
    def shape(self) -> tuple[object, ...]:
        """What steps of one loop have in common."""
        arrays = tuple((index.array, index.terms) for index in self.indices)
        return self.gate, len(self.wires), self.formula, arrays

    def inside(self, *term: tuple[int, str]) -> Step:
        """The step within a loop whose passes move its weights by ``term``, if one is given."""
        indices = tuple(
            replace(index, terms=(*index.terms, *term)) if index.array == WEIGHTS else index
            for index in self.indices
        )
        return replace(self, indices=indices)


def step(operation: Operation, first: int = 0, terms: Terms = ()) -> Step:
    """The operation as a step; its weights are counted from ``first``, moved by ``terms``."""

    def weight(index: int) -> Index:
        return Index(WEIGHTS, first + index, terms)

    formula, indices = _formula(operation.angle, weight)
    return Step(operation.gate, operation.wires, formula, indices)


def _formula(angle: Angle | None, weight: Callable[[int], Index]) -> tuple[str, tuple[Index, ...]]:
    """An angle's formula and what stands in its places."""
    match angle:
        case None:
            return "", ()
        case Fixed(value):
            return _number(value, whole=False), ()
        case Input(index):
            return "{}", (Index(INPUTS, index),)
        case Weight(index):
            return "{}", (weight(index),)
        case Bit(index, threshold):
            return f"math.pi * ({{}} > {_number(threshold)}).double()", (Index(INPUTS, index),)
        case Product():
            indices = [] if angle.weight is None else [weight(angle.weight)]
            return _product(angle), (*indices, *(Index(INPUTS, i) for i in angle.inputs))
        case Amplitudes():
            return "", ()


def _product(angle: Product) -> str:
    factor = "{}"
    if angle.shift == -math.pi and len(angle.inputs) % 2 == 0:
        factor = "(math.pi - {})"
    elif angle.shift:
        factor = f"({{}} {'-' if angle.shift < 0 else '+'} {_number(abs(angle.shift))})"
    factors = [] if angle.weight is None else ["{}"]
    factors += [factor] * len(angle.inputs)
    scale = [] if angle.scale == 1.0 and factors else [_number(angle.scale)]
    return " * ".join(scale + factors)


def _number(value: float, whole: bool = True) -> str:
    """A number as a person writes it: ``2``, ``0.5``, ``math.pi / 2``."""
    for over in (1, 2, 4):
        if abs(value) == math.pi / over:
            sign = "-" if value < 0 else ""
            return f"{sign}math.pi" + (f" / {over}" if over > 1 else "")
    return str(int(value)) if whole and value == int(value) else repr(value)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a library's circuits are written.

    ``names`` are the gates' names, behind ``prefix``; ``functions`` are gates that the script
    defines itself. ``several`` is how a gate takes its wires if not one by one. ``free`` is an
    angle that depends on weights or features, ``controlled`` such an angle of CRX, CRY or CRZ.
    ``ordered``: gates on different wires keep their order too. ``constant_state``: no gradient
    passes to amplitudes.
    """

    name: str
    names: Mapping[str, str]
    prefix: str
    several: str = ""
    free: str = "angle({})"
    controlled: str = "angle({}, FOUR_TERMS)"
    wires_first: bool = False
    functions: frozenset[str] = frozenset()
    ordered: bool = False
    constant_state: bool = True

    def call(
        self, what: Step, wires: Sequence[str], indices: Sequence[str], room: int
    ) -> list[str]:
        """The lines that apply the step's gate to wires and at entries of these texts."""
        on = list(wires)
        if self.several:
            joined = ", ".join(wires)
            on = [self.several.format(f"[{joined}]" if len(wires) > 1 else joined)]
        arguments = on
        if what.formula:
            formula = what.formula.format(*indices)
            template = self.controlled if what.gate in CONTROLLED else self.free
            angle = template.format(formula) if indices else formula
            arguments = [*on, angle] if self.wires_first else [angle, *on]
        name = self.prefix + self.names[what.gate]
        if what.gate in self.functions:
            name, arguments = self.names[what.gate], ["circuit", *arguments]
        flat = f"{name}({', '.join(arguments)})"
        if width(flat) <= room:
            return [flat]
        lines = [line for text in arguments for line in wrapped(f"{text},", room - 4)]
        return [f"{name}(", *(f"    {line}" for line in lines), ")"]


CONTROLLED = frozenset(name for name, gate in GATES.items() if len(gate.frequencies) > 1)
PENNYLANE = Dialect(
    "pennylane", {name: gate.pennylane for name, gate in GATES.items()}, "qml.",
    several="wires={}", free="{}", controlled="{}", constant_state=False,
)  # fmt: skip
SHIFTED_PENNYLANE = replace(PENNYLANE, name="shifted pennylane", constant_state=True)
QISKIT = Dialect("qiskit", {name: gate.qasm for name, gate in GATES.items()}, "circuit.")
# Where noise follows the transpiled gates, their order decides what the transpiler makes of them.
NOISY_QISKIT = replace(QISKIT, name="noisy qiskit", ordered=True)
BRAKET = Dialect(
    "braket",
    {name: name.lower() for name in GATES}
    | {"TOFFOLI": "ccnot", "RXX": "xx", "RYY": "yy", "RZZ": "zz"},
    "circuit.", wires_first=True, functions=CONTROLLED,
)  # fmt: skip
DIALECTS = {
    dialect.name: dialect
    for dialect in (PENNYLANE, SHIFTED_PENNYLANE, QISKIT, NOISY_QISKIT, BRAKET)
}


def prepared(operation: Operation, inputs: int, dialect: Dialect, room: int) -> list[str]:
    """The lines that make features the amplitudes of a state; the circuit reads ``inputs`` features
    in all."""
    angle = operation.angle
    assert isinstance(angle, Amplitudes)
    size = 1 << len(operation.wires)
    features, lines = INPUTS, []
    if (angle.first, angle.count) != (0, inputs):
        features = "features"
        lines.append(f"features = inputs[:, {angle.first}:{angle.first + angle.count}]")
    if angle.count == size or not angle.pad:
        lines += [
            f"blank = ~{features}.any(dim=1, keepdim=True)  # all 0: they leave |0…0⟩",
            f"amplitudes = {features} + blank * torch.eye(1, {angle.count})",
        ]
        features = "amplitudes"
    if dialect.constant_state:
        features += ".detach()"
    ordered = list(operation.wires) == list(range(len(operation.wires)))
    wires = f"range({len(operation.wires)})" if ordered else str(list(operation.wires))
    if dialect is PENNYLANE or dialect is SHIFTED_PENNYLANE:
        pad = [f"pad_with={angle.pad!r}"] if angle.count < size else []
        arguments = [features, f"wires={wires}", *pad, "normalize=True"]
        return lines + bracketed("qml.AmplitudeEmbedding(", arguments, ")", room)
    if angle.count < size:
        missing = f"(0, {size - angle.count}), value={angle.pad!r}"
        lines.append(f"amplitudes = nn.functional.pad({features}, {missing})")
        features = "amplitudes"
    return [*lines, f"prepare(circuit, {wires}, {features}, angle)"]
