"""The built-in simulator gives what PennyLane and Qiskit give.

Random circuits hold any rows of the table of blocks and any readout; hypothesis draws them, the
same on every machine, and shrinks a failing one to a few blocks.
Many more cases: ``QDESIGNER_CASES=2000 python -m pytest tests/core/test_engine.py -k referee``.
"""

from __future__ import annotations

import os
from random import Random

import numpy as np
import pennylane as qml
import pytest
import torch
from hypothesis import given, settings
from hypothesis.strategies import integers, randoms, sampled_from
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector
from referee import RandomCircuits, amplitudes, state, value, verdict

from qdesigner.circuit import blocks as table
from qdesigner.circuit import cost
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.free import free
from qdesigner.circuit.gates import GATES, Gate
from qdesigner.circuit.kinds import Amplitudes, Bit, BlockKind, Group, Input, Operation, Weight
from qdesigner.circuit.readout import Readout
from qdesigner.engine import kernels, simulate, threads
from qdesigner.engine.compile import KIND, PERMUTE, TURN, Program, compile, compile_free
from qdesigner.engine.simulate import evaluate, gradients
from qdesigner.engine.state import statevector
from qdesigner.errors import UserError

CASES = int(os.environ.get("QDESIGNER_CASES", "200"))
KINDS = tuple(BLOCKS)


def tutorial(wires: int, depth: int = 6, layer: str = "ry_layer") -> Circuit:
    """The circuit of the transfer-learning tutorial."""
    body = (Block(id="pairs", kind="cnot_brick"), Block(id="turns", kind=layer))
    return Circuit(
        wires=wires,
        blocks=(
            Block(id="in", kind="h_ry_embedding"),
            Block(id="layers", kind="repeat", settings={"count": depth}, body=body),
        ),
    )


def sample(program: Program, batch: int, seed: int) -> tuple[np.ndarray, ...]:
    """Random inputs, weights, and output gradients of order one."""
    rng = np.random.default_rng(seed)
    return (
        rng.uniform(-3, 3, (batch, program.inputs)),
        rng.uniform(-3, 3, program.weights),
        rng.normal(size=(batch, program.outputs)) / 2,
    )


def agrees_with_the_referee(circuit: Circuit, seed: int) -> None:
    """Values and gradients of three samples, in both precisions."""
    program = compile(circuit)
    x, w, g = sample(program, 3, seed)
    expected = verdict(circuit, x, w, g)
    exact = (evaluate(program, x, w), *gradients(program, x, w, g))
    single = [array.astype(np.float32) for array in (x, w, g)]
    rounded = [array.astype(np.float64) for array in single]
    reference = (evaluate(program, *rounded[:2]), *gradients(program, *rounded))
    coarse = (evaluate(program, *single[:2]), *gradients(program, *single))
    for ours, theirs in zip(exact, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * size(theirs))
    for ours, theirs in zip(coarse, reference, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * size(theirs))


def size(values: np.ndarray) -> float:
    """One, or the largest: sums over many turns may be well above one, and coarser for it."""
    return max(1.0, float(np.abs(values).max(initial=0)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_block_gives_what_the_referee_gives(kind: str) -> None:
    for seed in range(3):
        agrees_with_the_referee(RandomCircuits(len(kind) + 100 * seed).circuit(must=kind), seed)


@settings(max_examples=CASES, derandomize=True, deadline=None, database=None)
@given(draw=randoms(use_true_random=False), kind=sampled_from(KINDS), blocks=integers(1, 30))
def test_any_circuit_gives_what_the_referee_gives(draw: Random, kind: str, blocks: int) -> None:
    agrees_with_the_referee(RandomCircuits(draw).circuit(must=kind, blocks=blocks), blocks)


@pytest.mark.parametrize("seed", range(0, 100))
def test_single_precision_alone_keeps_five_digits(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The float32 kernels, which larger circuits run on, by themselves."""
    circuit = RandomCircuits(seed).circuit(must=KINDS[seed % len(KINDS)])
    program = compile(circuit)
    x, w, g = (array.astype(np.float32) for array in sample(program, 3, seed))
    reference = (evaluate(program, x, w), *gradients(program, x, w, g))
    monkeypatch.setattr(cost, "SMALL_ENTRIES", 0)
    program = compile.__wrapped__(circuit)  # which has no plans yet
    coarse = (evaluate(program, x, w), *gradients(program, x, w, g))
    for ours, theirs in zip(coarse, reference, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-6 * size(theirs))


@pytest.mark.parametrize("seed", range(0, 120, 3))
def test_the_state_is_the_referee_s_with_its_phase(seed: int) -> None:
    circuit = RandomCircuits(seed + 10_000).circuit(must=KINDS[seed % len(KINDS)])
    program = compile(circuit)
    x, w, _ = sample(program, 1, seed)
    ours, theirs = statevector(program, x[0], w), state(circuit, x[0], w)
    if any(isinstance(operation.angle, Bit) for operation in expand(circuit).operations):
        ours *= np.vdot(ours, theirs)  # only here its phase is left out
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_qiskit_reads_the_same_state_from_the_expansion(kind: str) -> None:
    circuit = RandomCircuits(len(kind)).circuit(must=kind)
    program = compile(circuit)
    x, w, _ = sample(program, 1, 5)
    drawn = QuantumCircuit(circuit.wires)
    inputs, weights = torch.tensor(x), torch.tensor(w)
    for operation in expand(circuit).operations:
        angle, gate = operation.angle, getattr(drawn, GATES[operation.gate].qasm)
        if isinstance(angle, Amplitudes):  # Qiskit's first qubit is the rightmost bit
            start = amplitudes(angle, len(operation.wires), inputs)
            gate(start.numpy()[0], operation.wires[::-1])
        elif angle is None:
            gate(*operation.wires)
        else:
            gate(float(value(angle, inputs, weights)), *operation.wires)
    # Qiskit's qubit 0 is the rightmost bit, ours the leftmost.
    theirs = Statevector(drawn.reverse_bits()).data
    ours = statevector(program, x[0], w)
    ours *= np.vdot(ours, theirs)  # the phase is held against PennyLane
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "gate", [gate for gate in GATES.values() if gate.wires], ids=lambda gate: gate.name
)
def test_the_table_knows_which_gates_are_diagonal(gate: Gate) -> None:
    angles = (0.3,) if gate.angle else ()
    matrix = getattr(qml, gate.pennylane).compute_matrix(*angles)
    assert gate.diagonal == np.array_equal(matrix, np.diag(np.diag(matrix)))


@pytest.mark.parametrize("layer", ["ry_layer", "rot_layer"])
def test_ten_wires_and_many_samples_agree_with_the_referee(layer: str) -> None:
    circuit = tutorial(10, depth=2, layer=layer)
    program = compile(circuit)
    x, w, g = sample(program, 64, 1)
    expected = verdict(circuit, x, w, g)
    exact = (evaluate(program, x, w), *gradients(program, x, w, g))
    for ours, theirs in zip(exact, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("batch", [0, 1, 5, 31, 33, 65, 100])
def test_a_batch_gives_what_its_samples_give_alone(batch: int) -> None:
    program = compile(tutorial(3, depth=2, layer="rot_layer"))
    x, w, g = sample(program, batch, 2)
    alone = [gradients(program, x[k : k + 1], w, g[k : k + 1]) for k in range(batch)]
    of_x, of_w = gradients(program, x, w, g)
    assert of_x.shape == x.shape
    for k, (alone_x, _) in enumerate(alone):
        np.testing.assert_allclose(of_x[k], alone_x[0], rtol=0, atol=1e-13)
    total = sum((each for _, each in alone), np.zeros_like(w))
    np.testing.assert_allclose(of_w, total, rtol=0, atol=1e-12)


def test_the_same_batch_gives_the_same_bits_on_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = compile(tutorial(10, layer="rot_layer"))
    arrays = [array.astype(np.float32) for array in sample(program, 60, 3)]
    x, w, _ = arrays

    def run() -> list[bytes]:
        return [
            evaluate(program, x, w).tobytes(),
            *(a.tobytes() for a in gradients(program, *arrays)),
        ]

    monkeypatch.setattr(threads, "COUNT", 1)
    serial = run()
    monkeypatch.setattr(threads, "COUNT", 3)
    assert all(run() == serial for _ in range(3))
    assert np.frombuffer(serial[2], np.float32).any()


def test_states_too_large_to_keep_are_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = tutorial(4, layer="rot_layer")
    program = compile(circuit)
    x, w, g = sample(program, 7, 4)
    kept = gradients(program, x, w, g)
    monkeypatch.setattr(cost, "KEPT_BYTES", 3 * program.entries * 8)
    program = compile.__wrapped__(circuit)  # which has no plans yet
    assert simulate.forward(program, x, w, keep=True)[1] is None
    for once, parts in zip(kept, gradients(program, x, w, g), strict=True):
        np.testing.assert_allclose(once, parts, rtol=0, atol=1e-13)


def test_a_gate_it_does_not_know_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def expand_odd(wires: object, settings: object) -> tuple[Operation, ...]:
        return (Operation("FREDKIN", (0, 1, 2)),)

    row = BlockKind("odd", "Odd", Group.GATE, "", expand_odd)
    monkeypatch.setitem(table.BLOCKS, "odd", row)
    with pytest.raises(UserError, match=r"FREDKIN.*'o1'"):
        compile(Circuit(wires=3, blocks=(Block(id="o1", kind="odd"),)))


def test_a_new_row_of_the_block_table_needs_no_change_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def expand_twice(wires: tuple[int, ...], settings: object) -> tuple[Operation, ...]:
        return tuple(
            Operation(gate, (wire,), angle)
            for wire in wires
            for gate, angle in (("RX", Input(0)), ("RZ", Weight(0)), ("RX", Input(0)), ("H", None))
        )

    fields = BLOCKS["ry_layer"].fields
    row = BlockKind("twice", "Twice", Group.EMBEDDING, "", expand_twice, fields)
    monkeypatch.setitem(table.BLOCKS, "twice", row)
    circuit = RandomCircuits(1).circuit(must="twice")
    program = compile(circuit)
    x, w, g = sample(program, 3, 6)
    ours = (evaluate(program, x, w), *gradients(program, x, w, g))
    for mine, theirs in zip(ours, verdict(circuit, x, w, g), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-10)


def test_the_tutorial_s_circuit_compiles_to_one_permutation_a_layer() -> None:
    program = compile(tutorial(4, depth=6))
    kinds = program.steps[:, KIND].tolist()
    assert kinds.count(PERMUTE) == 6 and kinds.count(TURN) == 4 + 6 * 4
    assert len(program.tables) == 1, "the layers share one table"
    assert program.parts == 1, "real arithmetic suffices"
    assert compile(tutorial(4, depth=6)) is program


def test_a_hadamard_beside_a_turn_about_y_costs_nothing() -> None:
    def blocks(*kinds: str) -> Circuit:
        placed = tuple(
            Block(id=f"{kind}-{k}", kind=kind, wires=(0,)) for k, kind in enumerate(kinds)
        )
        return Circuit(wires=1, blocks=placed)

    assert len(compile(blocks("h", "ry")).steps) == 1
    assert len(compile(blocks("ry", "h")).steps) == 2  # the turn, and a flip


def test_wrong_shapes_are_refused_with_the_right_ones() -> None:
    program = compile(tutorial(4, depth=1))
    x, w, g = sample(program, 2, 0)
    with pytest.raises(ValueError, match=r"inputs must have the shape \(batch, 4\)"):
        evaluate(program, x[:, :3], w)
    with pytest.raises(ValueError, match=r"weights must have the shape \(4,\)"):
        evaluate(program, x, w[:3])
    with pytest.raises(ValueError, match="grad_outputs"):
        gradients(program, x, w, g[:1])


def test_nothing_is_compiled_for_a_circuit_or_for_the_form_of_an_array() -> None:
    simulate.warm()
    for circuit in (tutorial(4), tutorial(3, layer="rot_layer"), Circuit(wires=2)):
        program = compile(circuit)
        x, w, g = sample(program, 3, 0)
        expected = gradients(program, x, w, g)
        odd = [np.asfortranarray(x), w.copy(), np.repeat(g, 2, axis=1)[:, ::2]]
        for array in odd:
            array.flags.writeable = False
        for ours, theirs in zip(gradients(program, *odd), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        gradients(program, *(array.astype(np.float32) for array in odd))
    for kernel in (kernels.forward, kernels.backward, kernels.collect):
        assert len(kernel.signatures) <= 3, "float32, float64, and float32 computed in float64"


def test_a_diverged_number_shows_in_the_result() -> None:
    program = compile(tutorial(4, depth=1))
    x, w, _ = sample(program, 2, 0)
    x[1, 2] = np.nan
    out = evaluate(program, x, w)
    assert np.isfinite(out[0]).all() and np.isnan(out[1]).any()


@pytest.mark.parametrize("seed", range(0, 100))
def test_a_free_circuit_given_its_angles_is_the_same_circuit(seed: int) -> None:
    circuit = RandomCircuits(seed).circuit(must=KINDS[seed % len(KINDS)])
    program, loose = compile(circuit), free(circuit)
    x, w, _ = sample(program, 3, seed)
    inputs, weights = torch.tensor(x), torch.tensor(w)
    columns = [torch.as_tensor(value(a, inputs, weights)).expand(3) for a in loose.angles]
    slots = torch.stack(columns, 1).numpy() if columns else np.empty((3, 0))
    first = loose.prepared
    given = None
    if first is not None:
        assert isinstance(first.angle, Amplitudes)
        given = amplitudes(first.angle, len(first.wires), inputs).numpy()
    ours = evaluate(compile_free(loose), slots, np.empty(0), given)
    np.testing.assert_allclose(ours, evaluate(program, x, w), rtol=0, atol=1e-12)
    alone = None if given is None else given[0]
    apart = statevector(compile_free(loose), slots[0], np.empty(0), alone)
    overlap = np.vdot(apart, statevector(program, x[0], w))
    assert abs(overlap) == pytest.approx(1, abs=1e-12)


def test_features_that_are_all_zero_prepare_nothing_and_get_no_gradient() -> None:
    circuit = Circuit(wires=2, blocks=(Block(id="a", kind="amplitude_embedding"),))
    program = compile(circuit)
    x = np.array([[0.0, 0, 0, 0], [0, 3, 0, 4]])
    np.testing.assert_allclose(evaluate(program, x, np.empty(0)), [[1, 1], [-0.28, -1]], atol=1e-15)
    of_x, _ = gradients(program, x, np.empty(0), np.ones((2, 2)))
    assert not of_x[0].any() and of_x[1].any()
    assert np.abs(of_x[1] @ x[1]) < 1e-15, "the length of the features does not count"


def test_amplitudes_that_are_missing_or_of_the_wrong_shape_are_refused() -> None:
    circuit = Circuit(wires=2, blocks=(Block(id="a", kind="amplitude_embedding"),))
    program = compile_free(free(circuit))
    for wrong in (None, np.ones((1, 2))):
        with pytest.raises(ValueError, match=r"amplitudes must have the shape \(1, 4\)"):
            evaluate(program, np.empty((1, 0)), np.empty(0), wrong)


def test_a_real_circuit_stays_real_whatever_is_read() -> None:
    """⟨Y⟩ of a real state is 0, and bits are flips: neither takes complex arithmetic."""
    blocks = (Block(id="bits", kind="basis_embedding"), Block(id="turn", kind="ry_layer"))
    program = compile(Circuit(wires=2, blocks=blocks, readout=Readout(observable="Y")))
    assert program.parts == 1
    assert not evaluate(program, np.ones((1, 2)), np.ones(2)).any()


def test_what_a_wire_in_zero_controls_is_left_out() -> None:
    kinds = ("toffoli", "cnot", "cz", "crx")
    blocks = tuple(Block(id=k, kind=k, wires=tuple(range(BLOCKS[k].wires or 0))) for k in kinds)
    assert len(compile(Circuit(wires=3, blocks=blocks)).steps) == 0
