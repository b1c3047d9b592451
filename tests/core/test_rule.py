"""The parameter-shift rule of one gate: shifted values, their sum, and the gradient beside it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from referee import RandomCircuits

from qdesigner import preview
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.readout import Readout
from qdesigner.circuit.turns import turn_at, turns
from qdesigner.design import edits
from qdesigner.engine.columns import PAULIS
from qdesigner.engine.compile import compile
from qdesigner.engine.state import statevector
from qdesigner.errors import UserError
from qdesigner.rule import worked_out
from qdesigner.session.events import ShiftAnswer, ShiftRequest

TEXTBOOK = Circuit(
    wires=1,
    blocks=(Block(id="h", kind="h", wires=(0,)), Block(id="ry", kind="ry", wires=(0,))),
)


def outputs(circuit: Circuit, inputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What the simulator's state gives for each output."""
    state = statevector(compile(circuit), inputs, weights)
    readout = circuit.readout
    if readout.kind == "probabilities":
        shaped = (np.abs(state) ** 2).reshape((2,) * circuit.wires)
        on = readout.on(circuit.wires)
        others = tuple(set(range(circuit.wires)) - set(on))
        kept = shaped.sum(axis=others)  # axes in the order of the wires, to be that of ``on``
        return kept.transpose(np.argsort(np.argsort(on))).reshape(-1)
    values = []
    for terms in readout.observables(circuit.wires):
        total = 0.0
        for coefficient, word in terms:
            matrix = np.eye(1)
            letters = dict(word)
            for wire in range(circuit.wires):
                matrix = np.kron(matrix, PAULIS.get(letters.get(wire, ""), np.eye(2)))
            total += coefficient * (state.conj() @ matrix @ state).real
        values.append(total)
    return np.array(values)


@pytest.mark.parametrize("readout", [
    {"observable": "X"}, {"kind": "pauli_sum", "sums": ("0.5 Z0 - X0 + 1",)},
    {"kind": "probabilities"},
])  # fmt: skip
@pytest.mark.parametrize("seed", range(16))
def test_the_rule_gives_the_gradient_and_the_simulators_values(
    seed: int, readout: dict[str, object]
) -> None:
    kinds = ("crx", "ising_layer", "controlled_layer", "u3", "zz_feature_map", "rot_layer")
    circuit = RandomCircuits(seed).circuit(must=kinds[seed % len(kinds)], max_wires=4)
    circuit = edits.set_readout(circuit, **readout)
    expanded = expand(circuit)
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(-3, 3, expanded.inputs)
    weights = rng.uniform(-3, 3, len(expanded.weight_keys))
    values = outputs(circuit, inputs, weights)
    chosen = rng.permutation(len(turns(circuit)))[:6]
    for turn in (turns(circuit)[k] for k in chosen):
        output = int(rng.integers(circuit.outputs))
        worked = worked_out(circuit, turn.at, output, inputs, weights)
        assert worked.value == pytest.approx(values[output], abs=1e-10)
        assert worked.by_rule == pytest.approx(worked.exact, abs=1e-10)
        assert len(worked.terms) == (4 if turn.operation.gate.startswith("C") else 2)


def test_the_gradient_is_that_of_small_steps() -> None:
    circuit = Circuit(
        wires=3,
        blocks=tuple(
            edits.new_block(Circuit(wires=3), kind)
            for kind in ("amplitude_embedding", "rot_layer", "cry", "ryy", "toffoli", "rx_layer")
        ),
    )
    expanded = expand(circuit)
    inputs, weights = np.arange(1.0, 9.0), np.linspace(-2, 2, len(expanded.weight_keys))
    for turn in turns(circuit):
        step = np.zeros_like(weights)
        step[turn.operation.angle.index] = 1e-5
        slope = outputs(circuit, inputs, weights + step) - outputs(circuit, inputs, weights - step)
        for output in range(3):
            worked = worked_out(circuit, turn.at, output, inputs, weights)
            assert worked.exact == pytest.approx(slope[output] / 2e-5, abs=1e-8)


def test_the_textbooks_gate_shows_minus_the_cosine() -> None:
    worked = worked_out(TEXTBOOK, 1, 0, np.zeros(0), np.array([0.4]))
    assert worked.value == pytest.approx(-math.sin(0.4))
    assert worked.exact == pytest.approx(-math.cos(0.4))
    np.testing.assert_allclose(
        worked.terms, [(0.5, math.pi / 2, -math.cos(0.4)), (-0.5, -math.pi / 2, math.cos(0.4))]
    )
    shifts = np.linspace(-worked.reach, worked.reach, len(worked.curve))
    np.testing.assert_allclose(worked.curve, -np.sin(0.4 + shifts), atol=1e-12)


def test_a_controlled_rotation_shows_four_terms_on_a_curve_twice_as_long() -> None:
    blocks = (Block(id="h", kind="h", wires=(0,)), Block(id="c", kind="cry", wires=(0, 1)))
    circuit = Circuit(wires=2, blocks=blocks, readout=Readout(wires=(1,)))
    worked = worked_out(circuit, 1, 0, np.zeros(0), np.array([0.4]))
    assert [shift / math.pi for _, shift, _ in worked.terms] == [0.5, -0.5, 1.5, -1.5]
    assert worked.reach == 2 * math.pi
    shifts = np.linspace(-worked.reach, worked.reach, len(worked.curve))
    np.testing.assert_allclose(worked.curve, (1 + np.cos(0.4 + shifts)) / 2, atol=1e-12)


def test_gates_in_repeats_are_told_apart_by_their_pass() -> None:
    body = (Block(id="e", kind="angle_embedding"), Block(id="r", kind="ry_layer"))
    repeat = Block(id="n", kind="repeat", settings={"count": 3}, body=body)
    circuit = Circuit(wires=2, blocks=(repeat, Block(id="x", kind="cnot", wires=(0, 1))))
    told = [(t.at, t.block, t.place, t.number, t.passes) for t in turns(circuit)]
    assert told[:4] == [(0, "e", 0, 1, 3), (1, "e", 1, 1, 3), (2, "r", 0, 1, 3), (3, "r", 1, 1, 3)]
    assert told[-1] == (11, "r", 1, 3, 3)
    assert turn_at(circuit, "r", 1, 2) == turns(circuit)[7]
    assert turn_at(circuit, "x", 0) is None


def test_the_child_answers_with_the_rule_at_the_given_angles() -> None:
    asked = ShiftRequest(5, TEXTBOOK, 1, 0, None, np.array([0.4]))
    answer = preview.answer(asked)
    assert isinstance(answer, ShiftAnswer) and answer.serial == 5 and answer.error is None
    assert answer.by_rule == pytest.approx(answer.exact)
    assert answer.angle == 0.4


@pytest.mark.parametrize(
    ("circuit", "operation", "output", "reason"),
    [
        (TEXTBOOK, 0, 0, "does not turn by an angle"),
        (TEXTBOOK, 9, 0, "does not turn by an angle"),
        (TEXTBOOK, 1, 3, "no output 3"),
        (Circuit(wires=15, blocks=(Block(id="a", kind="ry_layer"),)), 0, 0, "15"),
    ],
)
def test_what_has_no_rule_is_answered_with_a_sentence(
    circuit: Circuit, operation: int, output: int, reason: str
) -> None:
    answer = preview.answer(ShiftRequest(1, circuit, operation, output))
    assert isinstance(answer, ShiftAnswer) and reason in str(answer.error)


def test_a_circuit_too_long_is_refused_before_it_is_computed() -> None:
    layer = Block(id="r", kind="rot_layer")
    circuit = Circuit(
        wires=12, blocks=(Block(id="n", kind="repeat", settings={"count": 900}, body=(layer,)),)
    )
    with pytest.raises(UserError, match="Lower a repeat's count"):
        worked_out(circuit, 0, 0, np.zeros(0), np.zeros(len(expand(circuit).weight_keys)))


def test_every_rotation_of_the_palette_has_a_rule() -> None:
    for kind, row in BLOCKS.items():
        circuit = Circuit(wires=3)
        if row.container:
            continue
        circuit = edits.insert_block(circuit, edits.Slot("", 0), edits.new_block(circuit, kind))
        for turn in turns(circuit):
            answer = preview.answer(ShiftRequest(1, circuit, turn.at))
            assert answer.error is None, kind
            assert answer.by_rule == pytest.approx(answer.exact, abs=1e-10)
