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
    """How a library's circuits are written: what stands before a call, the gates' names, an angle
    that depends on weights or features, one wire, several wires."""

    name: str
    prefix: str
    names: Mapping[str, str]
    angle: str
    wire: str
    wires: str

    def call(
        self, what: Step, wires: Sequence[str], indices: Sequence[str], room: int
    ) -> list[str]:
        """The lines that apply the step's gate to wires and at entries of these texts."""
        arguments = []
        if what.formula:
            formula = what.formula.format(*indices)
            arguments.append(self.angle.format(formula) if indices else formula)
        arguments.append((self.wires if len(wires) > 1 else self.wire).format(", ".join(wires)))
        name = self.prefix + self.names[what.gate]
        flat = f"{name}({', '.join(arguments)})"
        if width(flat) <= room:
            return [flat]
        lines = [line for text in arguments for line in wrapped(f"{text},", room - 4)]
        return [f"{name}(", *(f"    {line}" for line in lines), ")"]


PENNYLANE = Dialect(
    "pennylane", "qml.", {name: gate.pennylane for name, gate in GATES.items()},
    "{}", "wires={}", "wires=[{}]",
)  # fmt: skip
QISKIT = Dialect(
    "qiskit", "circuit.", {name: gate.qasm for name, gate in GATES.items()},
    "angle({})", "{}", "{}",
)  # fmt: skip
DIALECTS = {dialect.name: dialect for dialect in (PENNYLANE, QISKIT)}


def prepared(operation: Operation, inputs: int, room: int) -> list[str]:
    """The lines that make features the amplitudes of a state, in PennyLane; the circuit reads
    ``inputs`` features in all."""
    angle = operation.angle
    assert isinstance(angle, Amplitudes)
    size = 1 << len(operation.wires)
    lines = []
    features = INPUTS
    if (angle.first, angle.count) != (0, inputs):
        features = "features"
        lines.append(f"features = inputs[:, {angle.first}:{angle.first + angle.count}]")
    if angle.count == size or not angle.pad:
        lines += [
            f"blank = ~{features}.any(dim=1, keepdim=True)  # all 0: they leave |0…0⟩",
            f"amplitudes = {features} + blank * torch.eye(1, {angle.count})",
        ]
        features = "amplitudes"
    ordered = list(operation.wires) == list(range(len(operation.wires)))
    wires = f"range({len(operation.wires)})" if ordered else str(list(operation.wires))
    arguments = [features, f"wires={wires}"]
    arguments += [f"pad_with={angle.pad!r}"] if angle.count < size else []
    return lines + bracketed("qml.AmplitudeEmbedding(", [*arguments, "normalize=True"], ")", room)
