"""The trace of one sample: Bloch vectors block by block, and what each operation contributes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import referee
import torch
from referee import RandomCircuits

from qdesigner.analysis import trace
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.kinds import Group
from qdesigner.engine.compile import compile
from qdesigner.engine.state import bloch_vectors, statevector
from qdesigner.errors import UserError

# A quarter turn in by the feature, then on by the weight: ⟨Z⟩ = cos(x + θ).
ONE_WIRE = Circuit(
    wires=1,
    blocks=(
        Block(id="in", kind="angle_embedding", settings={"axis": "Y"}),
        Block(id="ry", kind="ry_layer"),
    ),
)


def brick(count: int, wires: int = 4) -> Circuit:
    """An embedding, and so many times a CNOT brick with an RY layer."""
    body = (Block(id="brick", kind="cnot_brick"), Block(id="ry", kind="ry_layer"))
    repeat = Block(id="repeat", kind="repeat", settings={"count": count}, body=body)
    return Circuit(wires=wires, blocks=(Block(id="in", kind="angle_embedding"), repeat))


def sample(circuit: Circuit, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    expanded = expand(circuit)
    return rng.normal(size=expanded.inputs), rng.normal(size=len(expanded.weight_keys))


def test_one_wire_by_hand() -> None:
    x, theta = np.array([0.4]), np.array([0.7])
    (rotation,) = trace.single_removals(ONE_WIRE)
    assert (rotation.gate, rotation.of.label, rotation.entangling) == ("RY", "RY layer", False)
    with_it, without = trace.readouts(ONE_WIRE, x, theta, [rotation.operations])[:, 0]
    assert with_it == pytest.approx(math.cos(1.1)) and without == pytest.approx(math.cos(0.4))
    after = {each.block.id: bloch[0] for each, bloch in trace.layers(ONE_WIRE, x, theta)}
    assert after["in"] == pytest.approx((math.sin(0.4), 0, math.cos(0.4)))
    assert after["ry"] == pytest.approx((math.sin(1.1), 0, math.cos(1.1)))


@pytest.mark.parametrize("kind", [k for k in BLOCKS if k != "repeat"])
def test_pennylane_without_the_operation_says_the_same(kind: str) -> None:
    made = RandomCircuits(sum(map(ord, kind)))
    circuit = made.circuit(kind, max_wires=4, blocks=3)
    x, theta = sample(circuit, 1)
    removals = [*trace.single_removals(circuit), *trace.entanglers(circuit)]
    found = trace.readouts(circuit, x, theta, [each.operations for each in removals])
    some = made.rng.sample(range(len(removals)), min(5, len(removals)))
    for row, without in ((0, ()), *((1 + n, removals[n].operations) for n in some)):
        expected = referee.outputs(circuit, torch.tensor(x)[None], torch.tensor(theta), without)
        np.testing.assert_allclose(found[row], expected[0].numpy(), atol=1e-10)


def test_removals_are_all_operations_but_the_embedding_and_every_pass_of_an_entangler() -> None:
    circuit = brick(count=3)
    operations = expand(circuit).operations
    taken = [each.operations for each in trace.single_removals(circuit)]
    embedded = [n for n, op in enumerate(operations) if circuit.find(op.block).row.group
                is Group.EMBEDDING]  # fmt: skip
    assert sorted([*embedded, *(n for (n,) in taken)]) == list(range(len(operations)))
    whole = trace.entanglers(circuit)
    assert [each.label for each in whole] == [f"CNOT brick, pass {n}" for n in (1, 2, 3)]
    for each in whole:
        assert {operations[n].gate for n in each.operations} == {"CNOT"}
    assert sum(len(each.operations) for each in whole) == sum(
        op.gate == "CNOT" for op in operations
    )


def test_layers_end_in_the_state_that_the_simulator_finds() -> None:
    circuit = brick(count=2)
    x, theta = sample(circuit, 2)
    found = trace.layers(circuit, x, theta)
    assert [each.label for each, _ in found] == [
        "Angle", "CNOT brick, pass 1", "RY layer, pass 1",
        "CNOT brick, pass 2", "RY layer, pass 2",
    ]  # fmt: skip
    state = statevector(compile(circuit), x, theta)
    np.testing.assert_allclose(found[-1][1], bloch_vectors(state, 4), atol=1e-12)


def test_many_removals_in_parts_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = brick(count=2)
    x, theta = sample(circuit, 3)
    removals = [each.operations for each in trace.single_removals(circuit)][::-1]
    at_once = trace.readouts(circuit, x, theta, removals)
    monkeypatch.setattr(trace, "MAX_STATES", 4 << circuit.wires)
    np.testing.assert_array_equal(trace.readouts(circuit, x, theta, removals), at_once)


@pytest.mark.parametrize(("circuit", "why"), [
    (brick(count=1, wires=15), "up to 14 wires"), (brick(count=400), "2,804 operations"),
    (brick(count=12, wires=14), "Lower a repeat's count"),
])  # fmt: skip
def test_too_large_a_circuit_is_refused_in_a_sentence(circuit: Circuit, why: str) -> None:
    with pytest.raises(UserError, match=why):
        trace.layers(circuit, *sample(circuit, 4))
    with pytest.raises(UserError, match=why):
        trace.readouts(circuit, *sample(circuit, 4), [])
