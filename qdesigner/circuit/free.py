"""A circuit with its angles set free: what a device runs, given nothing but numbers.

Every rotation whose angle depends on a weight or a feature becomes a slot of its own, so that one
circuit serves all samples, and a parameter-shift moves one gate at a time however often its weight
occurs.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Amplitudes, Angle, Fixed, Input, Operation
from qdesigner.circuit.readout import Readout

Rule = tuple[tuple[float, float], ...]


class Free(NamedTuple):
    """``operations`` where ``Input(k)`` is slot k; ``angles[k]`` is its formula over the circuit's
    own ``inputs`` features and ``weights`` weights. An AMPLITUDE operation stays as it is."""

    wires: int
    operations: tuple[Operation, ...]
    angles: tuple[Angle, ...]
    readout: Readout
    inputs: int
    weights: int

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The parameter-shift rule of each slot."""
        gates = [op.gate for op in self.operations if isinstance(op.angle, Input)]
        return tuple(shift_rule(GATES[gate].frequencies) for gate in gates)

    @property
    def outputs(self) -> int:
        """How many numbers come out for one sample."""
        return self.readout.outputs(self.wires)

    @property
    def prepared(self) -> Operation | None:
        """The AMPLITUDE operation, when the circuit begins with one."""
        first = self.operations[0] if self.operations else None
        return first if first is not None and isinstance(first.angle, Amplitudes) else None


@lru_cache(maxsize=128)
def free(circuit: Circuit) -> Free:
    """The circuit with a slot for every angle that is not a constant, in order of time."""
    expanded = expand(circuit)
    operations: list[Operation] = []
    angles: list[Angle] = []
    for operation in expanded.operations:
        angle = operation.angle
        if angle is not None and not isinstance(angle, Fixed | Amplitudes):
            operation = replace(operation, angle=Input(len(angles)))
            angles.append(angle)
        operations.append(operation)
    return Free(
        circuit.wires, tuple(operations), tuple(angles), circuit.readout,
        expanded.inputs, len(expanded.weight_keys),
    )  # fmt: skip


def shift_rule(frequencies: tuple[float, ...]) -> Rule:
    """(coefficient, shift) of each evaluation: f'(θ) = Σ coefficient · f(θ + shift).

    Frequency 1 alone gives f'(θ) = (f(θ + π/2) - f(θ - π/2)) / 2; frequencies 1/2 and 1 the rule of
    four terms (Wierichs et al., arXiv 2107.12390; Anselmetti et al., arXiv 2104.05695).
    Raises ValueError for other frequencies.
    """
    if frequencies == (1.0,):
        return ((0.5, math.pi / 2), (-0.5, -math.pi / 2))
    if frequencies == (0.5, 1.0):
        near, far = (math.sqrt(2) + 1) / (4 * math.sqrt(2)), (math.sqrt(2) - 1) / (4 * math.sqrt(2))
        return (
            (near, math.pi / 2), (-near, -math.pi / 2),
            (-far, 3 * math.pi / 2), (far, -3 * math.pi / 2),
        )  # fmt: skip
    raise ValueError(f"there is no shift rule for the frequencies {frequencies}")
