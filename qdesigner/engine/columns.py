"""The states of several runs side by side, operation by operation, in plain NumPy: what the
shift rule and the trace are worked out on. Nothing is folded, so any operation can be left out or
turned otherwise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.circuit.circuit import Circuit
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Amplitudes, Operation, angle_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    States = NDArray[np.complex128]  # [2, …, 2, columns]: an axis a wire, a column a run

_X = np.array([[0, 1], [1, 0]])
_Y, _Z = np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
PAULIS = {"X": _X, "Y": _Y, "Z": _Z}
_PLAIN = {
    "H": (_X + _Z) / math.sqrt(2), "X": _X, "Y": _Y, "Z": _Z,
    "S": np.diag([1, 1j]), "T": np.diag([1, np.exp(0.25j * math.pi)]),
    "CNOT": _X, "TOFFOLI": _X, "CZ": _Z, "SWAP": np.eye(4)[[0, 2, 1, 3]],
}  # fmt: skip


def zero(wires: int, columns: int) -> States:
    """So many columns of |0…0⟩."""
    state = np.zeros((2,) * wires + (columns,), dtype=np.complex128)
    state[(0,) * wires] = 1.0
    return state


def run(state: States, operation: Operation, inputs: Floats, weights: Floats) -> States:
    """The states after an operation; may change them in place."""
    if isinstance(operation.angle, Amplitudes):
        return _prepared(state, operation, operation.angle, inputs)
    if operation.angle is not None:
        return turned(state, operation, angle_value(operation.angle, inputs, weights))
    _apply(state, operation, _PLAIN[operation.gate])
    return state


def turned(state: States, operation: Operation, angle: float) -> States:
    """A copy of the states after a rotation by ``angle``."""
    turned = state.copy()
    generator = _pauli(operation)
    one = np.eye(len(generator))
    matrix = math.cos(angle / 2) * one - 1j * math.sin(angle / 2) * generator
    _apply(turned, operation, matrix)
    return turned


def derived(state: States, operation: Operation) -> States:
    """-iG on the states after a rotation: nothing where a control is |0⟩."""
    derived = np.zeros_like(state)
    on = _controlled(state, operation)
    derived[on] = state[on]
    _apply(derived, operation, -0.5j * _pauli(operation))
    return derived


def _pauli(operation: Operation) -> NDArray[np.complex128]:
    """What a rotation turns about: a Pauli matrix, or P ⊗ P."""
    matrix: NDArray[np.complex128] = PAULIS[operation.gate[-1]].astype(np.complex128)
    if len(operation.wires) > 1 and not GATES[operation.gate].controls:
        matrix = np.kron(matrix, matrix).astype(np.complex128)
    return matrix


def _controls(operation: Operation) -> int:
    """How many of its wires control: CZ is drawn without a target, but has one like any other."""
    return 1 if operation.gate == "CZ" else GATES[operation.gate].controls


def _controlled(state: States, operation: Operation) -> tuple[slice, ...]:
    """The part of the states whose controls are |1⟩."""
    on = [slice(None)] * state.ndim
    for wire in operation.wires[: _controls(operation)]:
        on[wire] = slice(1, 2)
    return tuple(on)


def _apply(state: States, operation: Operation, matrix: NDArray[Any]) -> None:
    """A matrix on the target wires, in place, where the controls are |1⟩."""
    part = state[_controlled(state, operation)]
    targets = operation.wires[_controls(operation) :]
    front = np.moveaxis(part, targets, range(len(targets)))
    turned = (matrix @ front.reshape(len(matrix), -1)).reshape(front.shape)
    part[...] = np.moveaxis(turned, range(len(targets)), targets)


def _prepared(state: States, operation: Operation, used: Amplitudes, inputs: Floats) -> States:
    """The states with features as the amplitudes of the operation's wires."""
    values = np.full(1 << len(operation.wires), used.pad)
    values[: used.count] = inputs[used.first : used.first + used.count]
    norm = np.linalg.norm(values)
    if norm == 0:
        return state
    shaped = (values / norm).reshape((2,) * len(operation.wires))
    order = np.argsort(operation.wires)
    at = [0] * (state.ndim - 1) + [slice(None)]
    for wire in operation.wires:
        at[wire] = slice(None)
    state[tuple(at)] = shaped.transpose(order)[..., None]
    return state


# ---- what is measured ---------------------------------------------------------------------------


def observed(circuit: Circuit, output: int, states: States) -> States:
    """The observable of one output, applied to the states."""
    readout = circuit.readout
    on = readout.on(circuit.wires)
    if readout.kind == "probabilities":
        at: list[Any] = [slice(None)] * states.ndim
        for place, wire in enumerate(on):
            at[wire] = output >> (len(on) - 1 - place) & 1
        kept = np.zeros_like(states)
        kept[tuple(at)] = states[tuple(at)]
        return kept
    total = np.zeros_like(states)
    for coefficient, word in readout.observables(circuit.wires)[output]:
        part = states.copy()
        for wire, pauli in word:
            _apply(part, Operation(pauli, (wire,)), PAULIS[pauli])
        total += coefficient * part
    return total


def measured(circuit: Circuit, states: States) -> Floats:
    """The readout [columns, outputs] of the states."""
    count, readout = states.shape[-1], circuit.readout
    if readout.kind == "probabilities":
        on = readout.on(circuit.wires)
        others = tuple(wire for wire in range(circuit.wires) if wire not in on)
        chances = (np.abs(states) ** 2).sum(axis=others)  # axes in the order of the wires
        order = [sorted(on).index(wire) for wire in on]
        shares: Floats = chances.transpose(*order, len(on)).reshape(-1, count).T
        return shares
    values = [
        (states.conj() * observed(circuit, output, states)).reshape(-1, count).sum(axis=0).real
        for output in range(circuit.outputs)
    ]
    return np.stack(values, axis=1)
