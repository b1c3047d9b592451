"""The built-in simulator gives what PennyLane and Qiskit give.

The random cases are a plain seeded loop: every case is one seed, so a failure is repeated by its
test id, and the block kind it must hold goes round the whole table of blocks.
Many more cases: ``QDESIGNER_CASES=2000 python -m pytest tests/core/test_engine.py -k referee``.
"""

from __future__ import annotations

import os

import numpy as np
import pennylane as qml
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector
from referee import RandomCircuits, state, verdict

from qdesigner.circuit import blocks as table
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.gates import GATES, Gate
from qdesigner.circuit.kinds import BlockKind, Fixed, Group, Input, Operation, Weight
from qdesigner.engine import kernels, simulate, threads
from qdesigner.engine.compile import KIND, PERMUTE, TURN, Program, compile
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
        rng.normal(size=(batch, program.wires)) / 2,
    )


@pytest.mark.parametrize("seed", range(CASES))
def test_values_and_gradients_are_the_referee_s(seed: int) -> None:
    circuit = RandomCircuits(seed).circuit(must=KINDS[seed % len(KINDS)])
    program = compile(circuit)
    x, w, g = sample(program, 3, seed)
    expected = verdict(circuit, x, w, g)
    exact = (evaluate(program, x, w), *gradients(program, x, w, g))
    single = [array.astype(np.float32) for array in (x, w, g)]
    rounded = [array.astype(np.float64) for array in single]
    reference = (evaluate(program, *rounded[:2]), *gradients(program, *rounded))
    coarse = (evaluate(program, *single[:2]), *gradients(program, *single))
    for ours, theirs in zip(exact, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)
    for ours, theirs in zip(coarse, reference, strict=True):
        assert ours.dtype == np.float32
        # A gradient summed over many turns may be well above one, where float32 is coarser.
        largest = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * largest)


@pytest.mark.parametrize("seed", range(0, 100))
def test_single_precision_alone_keeps_five_digits(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The float32 kernels, which larger circuits run on, by themselves."""
    circuit = RandomCircuits(seed).circuit(must=KINDS[seed % len(KINDS)])
    program = compile(circuit)
    x, w, g = (array.astype(np.float32) for array in sample(program, 3, seed))
    reference = (evaluate(program, x, w), *gradients(program, x, w, g))
    monkeypatch.setattr(simulate, "SMALL_ENTRIES", 0)
    coarse = (evaluate(program, x, w), *gradients(program, x, w, g))
    for ours, theirs in zip(coarse, reference, strict=True):
        largest = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-6 * largest)


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_the_state_is_the_referee_s_with_its_phase(seed: int) -> None:
    circuit = RandomCircuits(seed + 10_000).circuit(must=KINDS[seed % len(KINDS)])
    program = compile(circuit)
    x, w, _ = sample(program, 1, seed)
    np.testing.assert_allclose(
        statevector(program, x[0], w), state(circuit, x[0], w), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("kind", KINDS)
def test_qiskit_reads_the_same_state_from_the_expansion(kind: str) -> None:
    circuit = RandomCircuits(len(kind)).circuit(must=kind)
    program = compile(circuit)
    x, w, _ = sample(program, 1, 5)
    drawn = QuantumCircuit(circuit.wires)
    for operation in expand(circuit).operations:
        angle = operation.angle
        if angle is None:
            values = []
        elif isinstance(angle, Fixed):
            values = [angle.value]
        else:
            values = [(x[0] if isinstance(angle, Input) else w)[angle.index]]
        getattr(drawn, GATES[operation.gate].qasm)(*values, *operation.wires)
    # Qiskit's qubit 0 is the rightmost bit, ours the leftmost.
    theirs = Statevector(drawn.reverse_bits()).data
    np.testing.assert_allclose(statevector(program, x[0], w), theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("gate", GATES.values(), ids=lambda gate: gate.name)
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
    program = compile(tutorial(4, layer="rot_layer"))
    x, w, g = sample(program, 7, 4)
    kept = gradients(program, x, w, g)
    monkeypatch.setattr(simulate, "KEPT_BYTES", 3 * program.entries * 8)
    assert simulate.forward(program, x, w, keep=True)[1] is None
    for once, parts in zip(kept, gradients(program, x, w, g), strict=True):
        np.testing.assert_allclose(once, parts, rtol=0, atol=1e-13)


def test_samples_of_many_wires_do_not_go_side_by_side() -> None:
    turns = (Block(id="in", kind="angle_embedding"),)
    assert simulate.chunk_size(compile(Circuit(wires=4, blocks=turns)), 16) == 16
    large = compile(Circuit(wires=24, blocks=turns))
    assert simulate.chunk_size(large, 16) * large.entries * 8 <= simulate.KEPT_BYTES


def test_a_gate_it_does_not_know_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def expand_odd(wires: object, settings: object) -> tuple[Operation, ...]:
        return (Operation("TOFFOLI", (0, 1, 2)),)

    row = BlockKind("odd", "Odd", Group.GATE, "", expand_odd)
    monkeypatch.setitem(table.BLOCKS, "odd", row)
    with pytest.raises(UserError, match=r"TOFFOLI.*'o1'"):
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
        assert len(kernel.signatures) <= 2, "one for float32, one for float64"


def test_a_diverged_number_shows_in_the_result() -> None:
    program = compile(tutorial(4, depth=1))
    x, w, _ = sample(program, 2, 0)
    x[1, 2] = np.nan
    out = evaluate(program, x, w)
    assert np.isfinite(out[0]).all() and np.isnan(out[1]).any()
