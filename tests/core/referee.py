"""The referee of the simulator: the same operations on PennyLane's default.qubit, in complex128."""

from __future__ import annotations

import numpy as np
import pennylane as qml
import torch
from numpy.typing import NDArray

from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.fields import Field, Scalar
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Angle, BlockKind, Fixed, Input, Weight

Floats = NDArray[np.float64]


def apply(circuit: Circuit, inputs: torch.Tensor, weights: torch.Tensor) -> None:
    """Queue the circuit's operations on PennyLane; inputs are [batch, inputs]."""

    def value(angle: Angle) -> torch.Tensor | float:
        if isinstance(angle, Input):
            return inputs[:, angle.index]
        if isinstance(angle, Weight):
            return weights[angle.index]
        assert isinstance(angle, Fixed)
        return angle.value

    for operation in expand(circuit).operations:
        gate = getattr(qml, GATES[operation.gate].pennylane)
        if operation.angle is None:
            gate(wires=operation.wires)
        else:
            gate(value(operation.angle), wires=operation.wires)


def verdict(
    circuit: Circuit, inputs: Floats, weights: Floats, grad: Floats
) -> tuple[Floats, Floats, Floats]:
    """PennyLane's ⟨Z⟩ [batch, wires] and the gradients of Σ grad·⟨Z⟩ for inputs and weights."""
    x = torch.tensor(inputs, dtype=torch.float64, requires_grad=True)
    w = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    device = qml.device("default.qubit", wires=circuit.wires)

    @qml.qnode(device, interface="torch", diff_method="backprop")
    def node() -> list[qml.measurements.ExpectationMP]:
        apply(circuit, x, w)
        return [qml.expval(qml.PauliZ(wire)) for wire in range(circuit.wires)]

    # A circuit that reads no input gives one value per wire: the same for every sample.
    columns = [torch.as_tensor(column).expand(len(inputs)) for column in node()]
    out = torch.stack(columns, dim=1)
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
    """Random circuits over every row of the block table, a new row included without a change."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.made = 0

    def circuit(self, must: str, max_wires: int = 6) -> Circuit:
        """A circuit of up to five blocks, one of kind ``must``; repeats nest two deep."""
        row = BLOCKS[must]
        wires = int(self.rng.integers(max(row.wires or row.min_wires, 1), max_wires + 1))
        blocks = [self._block(BLOCKS[must], wires, 0)]
        for _ in range(int(self.rng.integers(0, 5))):
            blocks.insert(int(self.rng.integers(len(blocks) + 1)), self._any(wires, 0))
        return Circuit(wires=wires, blocks=tuple(blocks))

    def _any(self, wires: int, depth: int) -> Block:
        fitting = [
            row
            for row in BLOCKS.values()
            if max(row.wires or 1, row.min_wires) <= wires and not (row.container and depth >= 2)
        ]
        return self._block(fitting[int(self.rng.integers(len(fitting)))], wires, depth)

    def _block(self, row: BlockKind, wires: int, depth: int) -> Block:
        self.made += 1
        name = f"b{self.made}"
        settings = {field.name: self._value(row, field) for field in row.fields}
        on, body = None, ()
        if row.container:
            body = tuple(self._any(wires, depth + 1) for _ in range(int(self.rng.integers(1, 4))))
        elif row.wires is not None or self.rng.random() < 0.4:
            count = row.wires or int(self.rng.integers(row.min_wires, wires + 1))
            on = tuple(int(wire) for wire in self.rng.permutation(wires)[:count])
        return Block(id=name, kind=row.kind, wires=on, settings=settings, body=body)

    def _value(self, row: BlockKind, field: Field) -> Scalar:
        if field.type == "choice":
            return field.choices[int(self.rng.integers(len(field.choices)))]
        if field.type == "bool":
            return bool(self.rng.random() < 0.6)
        low, high = max(field.minimum, -3.0), min(field.maximum, 3.0)
        value = float(self.rng.uniform(low, high))
        return (
            int(np.clip(round(value), field.minimum, field.maximum))
            if field.type == "int"
            else value
        )
