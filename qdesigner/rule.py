"""The parameter-shift rule of one gate, worked out on the state itself, in plain NumPy.

The shifted values come of as many runs of the circuit; the exact gradient beside them comes
another way, of the generator: f'(θ) = 2 Re ⟨ψ|O|∂ψ⟩ with ∂ψ = U (-iG) … |0⟩.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.circuit.free import shift_rule
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Amplitudes, Operation, angle_value
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    States = NDArray[np.complex128]  # [2, …, 2, columns]: an axis a wire, a column a run

MAX_WIRES = 14
MAX_WORK = 25_000_000  # operations × (amplitudes of all runs + what one costs anyway): a second
POINTS = 61  # of the curve

_X = np.array([[0, 1], [1, 0]])
_Y, _Z = np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
PAULIS = {"X": _X, "Y": _Y, "Z": _Z}
_PLAIN = {
    "H": (_X + _Z) / math.sqrt(2), "X": _X, "Y": _Y, "Z": _Z,
    "S": np.diag([1, 1j]), "T": np.diag([1, np.exp(0.25j * math.pi)]),
    "CNOT": _X, "TOFFOLI": _X, "CZ": _Z, "SWAP": np.eye(4)[[0, 2, 1, 3]],
}  # fmt: skip


class Worked(NamedTuple):
    """What the rule gives for one gate and one output.

    ``angle`` in radians; ``value`` is f there; ``terms`` are (coefficient, shift, f(angle +
    shift)), whose products add up to ``by_rule``; ``exact`` is the gradient found otherwise.
    ``curve`` [61] is f over shifts from -``reach`` to ``reach``.
    """

    angle: float
    value: float
    terms: tuple[tuple[float, float, float], ...]
    by_rule: float
    exact: float
    curve: Floats
    reach: float


def worked_out(
    circuit: Circuit, operation: int, output: int, inputs: Floats, weights: Floats
) -> Worked:
    """The rule for operation number ``operation`` of the expanded circuit and one of its outputs,
    at ``inputs`` [inputs] and ``weights`` [weights].

    Raises UserError when that operation has no angle, or where it would take too long.
    """
    operations = expand(circuit).operations
    if not 0 <= operation < len(operations) or not GATES[operations[operation].gate].angle:
        raise UserError("This gate does not turn by an angle, so it has no derivative.")
    if not 0 <= output < circuit.outputs:
        raise UserError(f"The circuit has no output {output}; it has {circuit.outputs}.")
    gate = operations[operation]
    rule = shift_rule(GATES[gate.gate].frequencies)
    _check(circuit, len(operations), len(rule) + 2)

    state = _zero(circuit.wires, 1)
    for before in operations[:operation]:
        state = _run(state, before, inputs, weights)
    angle = angle_value(gate.angle, inputs, weights)
    shifts = (0.0, *(shift for _, shift in rule))
    columns = [_turned(state, gate, angle + shift) for shift in shifts]
    states = np.concatenate([*columns, _derived(columns[0], gate)], axis=-1)
    for after in operations[operation + 1 :]:
        states = _run(states, after, inputs, weights)

    observed = _observed(circuit, output, states[..., :-1])
    values = (states[..., :-1].conj() * observed).reshape(-1, len(shifts)).sum(axis=0).real
    exact = 2 * np.vdot(observed[..., 0], states[..., -1]).real
    terms = tuple(
        (coefficient, shift, float(value))
        for (coefficient, shift), value in zip(rule, values[1:], strict=True)
    )
    by_rule = sum(coefficient * value for coefficient, _, value in terms)
    reach = math.pi if len(rule) == 2 else 2 * math.pi
    curve = _curve(GATES[gate.gate].frequencies, shifts, values, reach)
    return Worked(angle, float(values[0]), terms, by_rule, float(exact), curve, reach)


def _check(circuit: Circuit, operations: int, columns: int) -> None:
    if circuit.wires > MAX_WIRES:
        raise UserError(
            f"The rule is worked out for up to {MAX_WIRES} wires; this circuit has {circuit.wires}."
        )
    if operations * ((columns << circuit.wires) + 2000) > MAX_WORK:
        raise UserError(
            f"The rule is not worked out for a circuit this long: {operations:,} gates on "
            f"{circuit.wires} wires. Lower a repeat's count to see it."
        )


def _curve(
    frequencies: Sequence[float], shifts: Sequence[float], values: Floats, reach: float
) -> Floats:
    """f over the shifts: the one function of these frequencies through all values."""
    at = np.linspace(-reach, reach, POINTS)

    def waves(x: Floats) -> Floats:
        parts = [np.ones_like(x)]
        for frequency in frequencies:
            parts += [np.cos(frequency * x), np.sin(frequency * x)]
        return np.stack(parts, axis=1)

    return np.asarray(waves(at) @ np.linalg.solve(waves(np.asarray(shifts)), values))


# ---- one operation ------------------------------------------------------------------------------


def _zero(wires: int, columns: int) -> States:
    state = np.zeros((2,) * wires + (columns,), dtype=np.complex128)
    state[(0,) * wires] = 1.0
    return state


def _run(state: States, operation: Operation, inputs: Floats, weights: Floats) -> States:
    """The states after an operation; may change them in place."""
    if isinstance(operation.angle, Amplitudes):
        return _prepared(state, operation, operation.angle, inputs)
    if operation.angle is not None:
        return _turned(state, operation, angle_value(operation.angle, inputs, weights))
    _apply(state, operation, _PLAIN[operation.gate])
    return state


def _turned(state: States, operation: Operation, angle: float) -> States:
    """A copy of the states after a rotation by ``angle``."""
    turned = state.copy()
    generator = _pauli(operation)
    one = np.eye(len(generator))
    matrix = math.cos(angle / 2) * one - 1j * math.sin(angle / 2) * generator
    _apply(turned, operation, matrix)
    return turned


def _derived(state: States, operation: Operation) -> States:
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


def _observed(circuit: Circuit, output: int, states: States) -> States:
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
