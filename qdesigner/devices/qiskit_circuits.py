"""A free circuit as one parametrised Qiskit circuit, and the numbers that its parameters take.

Wire i is qubit i. Qiskit writes qubit 0 as the rightmost bit of a result and we as the leftmost:
`measured` turns that round, so the bits that come back are in our order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qdesigner.circuit.free import Free
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.groups import Group
from qdesigner.circuit.kinds import Fixed, Input, Operation
from qdesigner.devices.base import Floats
from qdesigner.devices.preparation import gates, turns


class Built(NamedTuple):
    """A Qiskit circuit without measurements, and each parameter's column in `columns`."""

    circuit: Any
    column: dict[Any, int]


def build(free: Free) -> Built:
    """The circuit's gates: slot k is parameter ``a[k]``.

    Amplitudes become rotations of their own, ``p[k]``: Qiskit's `initialize` takes numbers only, so
    that each row would need a circuit of its own.
    """
    slots = ParameterVector("a", len(free.angles))
    turned = ParameterVector("p", (1 << len(free.prepared.wires)) - 1 if free.prepared else 0)
    circuit = QuantumCircuit(free.wires)
    for operation in free.operations:
        if operation is free.prepared:
            for step in gates(operation.wires):
                _append(circuit, step, turned)
        else:
            _append(circuit, operation, slots)
    return Built(circuit, {name: k for k, name in enumerate((*slots, *turned))})


def columns(free: Free, angles: Floats, amplitudes: Floats | None) -> Floats:
    """The values [rows, parameters] of `build`'s parameters."""
    if free.prepared is None or amplitudes is None:
        return angles
    return np.hstack([angles, turns(amplitudes)])


def measured(circuit: Any, group: Group) -> Any:
    """A copy of the circuit that ends by measuring the group, its first wire as the leftmost bit
    of the result."""
    last = len(group.axes) - 1
    copy = QuantumCircuit(circuit.num_qubits, last + 1)
    copy.compose(circuit, inplace=True)
    for operation in group.turns:
        _append(copy, operation, ())
    for place, wire in enumerate(group.wires):
        copy.measure(wire, last - place)
    return copy


def operators(free: Free) -> list[Any]:
    """The readout's observables as Qiskit's sums of Paulis; none for probabilities."""
    return [
        SparsePauliOp.from_sparse_list(
            [
                ("".join(pauli for _, pauli in word), [wire for wire, _ in word], coefficient)
                for coefficient, word in observable
            ],
            num_qubits=free.wires,
        )
        for observable in free.readout.observables(free.wires)
    ]


def _append(circuit: Any, operation: Operation, slots: Sequence[Any]) -> None:
    # QuantumCircuit's methods bear the names of OpenQASM 2.
    gate = getattr(circuit, GATES[operation.gate].qasm)
    match operation.angle:
        case Input(index):
            gate(slots[index], *operation.wires)
        case Fixed(value):
            gate(value, *operation.wires)
        case _:
            gate(*operation.wires)
