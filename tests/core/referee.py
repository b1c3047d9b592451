"""The referee of the simulator: the same operations on PennyLane's default.qubit, in complex128."""

from __future__ import annotations

import math
from collections.abc import Container
from random import Random

import numpy as np
import pennylane as qml
import torch
from numpy.typing import NDArray

from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.circuit.fields import Field, Scalar
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import (
    Amplitudes,
    Angle,
    Bit,
    BlockKind,
    Fixed,
    Input,
    Product,
    Weight,
)
from qdesigner.circuit.readout import Readout

Floats = NDArray[np.float64]


def apply(
    circuit: Circuit, inputs: torch.Tensor, weights: torch.Tensor, without: Container[int] = ()
) -> None:
    """Queue the circuit's operations on PennyLane but for those numbered in ``without``; inputs
    are [batch, inputs]."""
    for number, operation in enumerate(expand(circuit).operations):
        if number in without:
            continue
        gate = getattr(qml, GATES[operation.gate].pennylane)
        angle = operation.angle
        if isinstance(angle, Amplitudes):
            qml.StatePrep(amplitudes(angle, len(operation.wires), inputs), wires=operation.wires)
        elif angle is None:
            gate(wires=operation.wires)
        else:
            gate(value(angle, inputs, weights), wires=operation.wires)


def value(angle: Angle, inputs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor | float:
    """An angle in radians, of each sample [batch] or of all."""
    match angle:
        case Input(index):
            return inputs[:, index]
        case Weight(index):
            return weights[index]
        case Product(scale, features, weight, shift):
            product = scale if weight is None else scale * weights[weight]
            for feature in features:
                product = product * (inputs[:, feature] + shift)
            return product
        case Bit(index, threshold):
            return math.pi * (inputs[:, index] > threshold).double()
        case Fixed(value):
            return value
    raise AssertionError(angle)


def amplitudes(angle: Amplitudes, wires: int, inputs: torch.Tensor) -> torch.Tensor:
    """The state [batch, 2**wires] that the features become."""
    features = inputs[:, angle.first : angle.first + angle.count]
    missing = (1 << wires) - angle.count
    features = torch.nn.functional.pad(features, (0, missing), value=angle.pad)
    zero = (features == 0).all(dim=1, keepdim=True)
    start = torch.eye(1, 1 << wires, dtype=features.dtype)
    safe = torch.where(zero, torch.ones_like(features), features)
    return torch.where(zero, start, safe / safe.norm(dim=1, keepdim=True))


def _measured(circuit: Circuit) -> list[qml.measurements.MeasurementProcess]:
    """The probabilities, or the expectation value of every term of every observable."""
    readout = circuit.readout
    if readout.kind == "probabilities":
        return [qml.probs(wires=readout.on(circuit.wires))]
    pauli = {"X": qml.PauliX, "Y": qml.PauliY, "Z": qml.PauliZ}
    return [
        qml.expval(qml.prod(*(pauli[name](wire) for wire, name in term.word), qml.Identity(0)))
        for observable in readout.observables(circuit.wires)
        for term in observable
    ]


def outputs(
    circuit: Circuit, inputs: torch.Tensor, weights: torch.Tensor, without: Container[int] = ()
) -> torch.Tensor:
    """PennyLane's readout [batch, outputs] of inputs [batch, inputs] and weights [weights], without
    the operations of these numbers."""

    @qml.qnode(qml.device("default.qubit", wires=circuit.wires), interface="torch")
    def node() -> list[qml.measurements.MeasurementProcess]:
        apply(circuit, inputs, weights, without)
        return _measured(circuit)

    # A circuit that reads no input gives one value: the same for every sample.
    if circuit.readout.kind == "probabilities":
        return torch.as_tensor(node()[0]).expand(len(inputs), circuit.outputs)
    terms = iter([torch.as_tensor(value).real.expand(len(inputs)) for value in node()])
    columns = [
        sum(term.coefficient * next(terms) for term in observable)
        for observable in circuit.readout.observables(circuit.wires)
    ]
    return torch.stack(columns, dim=1)


def verdict(
    circuit: Circuit, inputs: Floats, weights: Floats, grad: Floats
) -> tuple[Floats, Floats, Floats]:
    """PennyLane's readout [batch, outputs] and the gradients of Σ grad·readout for inputs and
    weights."""
    x = torch.tensor(inputs, dtype=torch.float64, requires_grad=True)
    w = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    out = outputs(circuit, x, w)
    total = (out * torch.tensor(grad)).sum()
    if total.requires_grad:
        total.backward()
    return (
        out.detach().numpy(),
        np.zeros_like(inputs) if x.grad is None else x.grad.numpy(),
        np.zeros_like(weights) if w.grad is None else w.grad.numpy(),
    )


def state(circuit: Circuit, inputs: Floats, weights: Floats) -> NDArray[np.complex128]:
    """PennyLane's state [2**wires] for one sample."""
    device = qml.device("default.qubit", wires=circuit.wires)

    @qml.qnode(device, interface="torch")
    def node() -> qml.measurements.StateMP:
        apply(circuit, torch.tensor(inputs)[None, :], torch.tensor(weights))
        return qml.state()

    return node().numpy().reshape(-1)


class RandomCircuits:
    """Random circuits over every row of the block table, a new row included without a change.

    ``draw`` is a seed, or a source of random numbers such as hypothesis gives.
    """

    def __init__(self, draw: int | Random) -> None:
        self.rng = Random(draw) if isinstance(draw, int) else draw
        self.made = 0

    def circuit(self, must: str, max_wires: int = 6, blocks: int = 5) -> Circuit:
        """A circuit of up to so many blocks, one of kind ``must``; repeats nest two deep."""
        row = BLOCKS[must]
        wires = self.rng.randint(max(row.wires or row.min_wires, 1), max_wires)
        placed: list[Block] = []
        for _ in range(self.rng.randint(0, blocks - 1)):
            placed.append(self._any(wires, 0))
        first = must == AMPLITUDE
        place = 0 if first else self.rng.randint(0, len(placed))
        placed.insert(place, self._block(row, wires, 0))
        if not first and self.rng.random() < 0.1:  # it stands at the start or nowhere
            placed.insert(0, self._block(BLOCKS[AMPLITUDE], wires, 0))
        return Circuit(wires=wires, blocks=tuple(placed), readout=self.readout(wires))

    def readout(self, wires: int) -> Readout:
        """Any readout of up to four outputs, or of all wires."""
        kind = self.rng.choice(("plain", "expectation", "pauli_sum", "probabilities"))
        on = tuple(self._some(wires, self.rng.randint(1, min(wires, 4))))
        if kind == "pauli_sum":
            sums = [self._sum(wires) for _ in range(self.rng.randint(1, 3))]
            return Readout(kind="pauli_sum", sums=tuple(sums))
        if kind == "probabilities":
            return Readout(kind="probabilities", wires=on)
        if kind == "expectation":
            return Readout(observable=self.rng.choice("XYZ"), wires=on)
        return Readout()

    def _sum(self, wires: int) -> str:
        terms = []
        for _ in range(self.rng.randint(1, 3)):
            on = self._some(wires, self.rng.randint(0, min(wires, 3)))
            word = " ".join(f"{self.rng.choice('XYZ')}{wire}" for wire in on)
            terms.append(f"{self.rng.choice('+-')} {self.rng.randint(1, 30) / 10} {word}")
        return " ".join(terms)

    def _some(self, wires: int, count: int) -> list[int]:
        return self.rng.sample(range(wires), count)

    def _any(self, wires: int, depth: int) -> Block:
        fitting = [
            row
            for row in BLOCKS.values()
            if max(row.wires or 1, row.min_wires) <= wires
            and not (row.container and depth >= 2)
            and row.kind != AMPLITUDE
        ]
        return self._block(self.rng.choice(fitting), wires, depth)

    def _block(self, row: BlockKind, wires: int, depth: int) -> Block:
        self.made += 1
        name = f"b{self.made}"
        settings = {field.name: self._value(field) for field in row.fields}
        on, body = None, ()
        if row.container:
            count = self.rng.randint(1, 3)
            body = tuple(self._any(wires, depth + 1) for _ in range(count))
        elif row.wires is not None or self.rng.random() < 0.4:
            on = tuple(self._some(wires, row.wires or self.rng.randint(row.min_wires, wires)))
        return Block(id=name, kind=row.kind, wires=on, settings=settings, body=body)

    def _value(self, field: Field) -> Scalar:
        if field.type == "choice":
            return self.rng.choice(field.choices)
        if field.type == "bool":
            return self.rng.random() < 0.6
        low, high = max(field.minimum, -3), min(field.maximum, 3)
        if field.type == "int":
            return self.rng.randint(int(low), int(high))
        return self.rng.uniform(low, high)
