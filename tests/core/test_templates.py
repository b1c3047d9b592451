"""Template blocks are what their libraries call by that name, gate for gate or state for state."""

from __future__ import annotations

import numpy as np
import pennylane as qml
import pytest
import referee
import torch
from qiskit.circuit.library import efficient_su2, real_amplitudes
from qiskit.quantum_info import Statevector

from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.fields import Scalar


def circuit(kind: str, wires: int, **settings: Scalar) -> Circuit:
    return Circuit(wires=wires, blocks=(Block(id="t", kind=kind, settings=settings),))


def state(of: Circuit, weights: np.ndarray) -> np.ndarray:
    return referee.state(of, np.zeros(0), weights)


def weights_of(of: Circuit, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=len(expand(of).weight_keys))


def pennylane_state(wires: int, operation: qml.operation.Operation) -> np.ndarray:
    @qml.qnode(qml.device("default.qubit", wires=wires), interface="torch")
    def node() -> qml.measurements.StateMP:
        qml.apply(operation)
        return qml.state()

    return node().numpy()


@pytest.mark.parametrize("wires", [1, 2, 3, 5])
@pytest.mark.parametrize("layers", [1, 3, 6])
def test_strongly_entangling_is_pennylanes(wires: int, layers: int) -> None:
    ours = circuit("strongly_entangling", wires, layers=layers)
    weights = weights_of(ours)
    shaped = torch.tensor(weights.reshape(layers, wires, 3))
    theirs = qml.StronglyEntanglingLayers(shaped, wires=range(wires))
    assert np.allclose(state(ours, weights), pennylane_state(wires, theirs), atol=1e-12)


@pytest.mark.parametrize("wires", [1, 2, 3, 5])
@pytest.mark.parametrize("axis", ["X", "Y", "Z"])
def test_basic_entangler_is_pennylanes(wires: int, axis: str) -> None:
    ours = circuit("basic_entangler", wires, layers=3, axis=axis)
    weights = weights_of(ours)
    shaped = torch.tensor(weights.reshape(3, wires))
    rotation = getattr(qml, f"R{axis}")
    theirs = qml.BasicEntanglerLayers(shaped, wires=range(wires), rotation=rotation)
    assert np.allclose(state(ours, weights), pennylane_state(wires, theirs), atol=1e-12)


@pytest.mark.parametrize("wires", [1, 2, 4, 5])
def test_simplified_two_design_is_pennylanes(wires: int) -> None:
    ours = circuit("two_design", wires, layers=2)
    weights = weights_of(ours)
    first = torch.tensor(weights[:wires])
    rest = torch.tensor(weights[wires:].reshape(2, wires - 1, 2))
    theirs = qml.SimplifiedTwoDesign(first, rest, wires=range(wires))
    assert np.allclose(state(ours, weights), pennylane_state(wires, theirs), atol=1e-12)


@pytest.mark.parametrize("entanglement", ["reverse_linear", "linear", "circular", "full"])
@pytest.mark.parametrize("wires", [2, 3, 4])
@pytest.mark.parametrize(
    ("kind", "library"), [("real_amplitudes", real_amplitudes), ("efficient_su2", efficient_su2)]
)
def test_the_qiskit_ansatze_are_qiskits(
    kind: str, library: object, wires: int, entanglement: str
) -> None:
    ours = circuit(kind, wires, reps=2, entanglement=entanglement)
    weights = weights_of(ours)
    theirs = library(wires, reps=2, entanglement=entanglement)
    bound = theirs.assign_parameters(weights)
    # Qiskit's wire 0 is the rightmost bit, ours the leftmost.
    reversed_wires = Statevector(bound).reverse_qargs().data
    assert np.allclose(state(ours, weights), reversed_wires, atol=1e-12)


def test_random_layers_follow_their_seed() -> None:
    one, same, other = (
        expand(circuit("random_layers", 4, layers=3, seed=seed)).operations for seed in (1, 1, 2)
    )
    assert one == same and one != other
    rotations = [operation for operation in one if operation.angle is not None]
    assert len(rotations) == 12
