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
from qdesigner.circuit.kinds import angle_value
from qdesigner.engine.columns import derived, observed, run, turned, zero
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

MAX_WIRES = 14
MAX_WORK = 25_000_000  # operations × (amplitudes of all runs + what one costs anyway): a second
POINTS = 61  # of the curve


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

    state = zero(circuit.wires, 1)
    for before in operations[:operation]:
        state = run(state, before, inputs, weights)
    angle = angle_value(gate.angle, inputs, weights)
    shifts = (0.0, *(shift for _, shift in rule))
    columns = [turned(state, gate, angle + shift) for shift in shifts]
    states = np.concatenate([*columns, derived(columns[0], gate)], axis=-1)
    for after in operations[operation + 1 :]:
        states = run(states, after, inputs, weights)

    seen = observed(circuit, output, states[..., :-1])
    values = (states[..., :-1].conj() * seen).reshape(-1, len(shifts)).sum(axis=0).real
    exact = 2 * np.vdot(seen[..., 0], states[..., -1]).real
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
