"""The preview child answers every drag: the newest request, quickly, whatever is thrown at it."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import numpy as np
import pennylane as qml
import pytest
from referee import RandomCircuits, state

from qdesigner import preview
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.engine.compile import compile
from qdesigner.session.events import PreviewAnswer, PreviewRequest, ShiftRequest

PLUS = Circuit(wires=1, blocks=(Block(id="h", kind="h", wires=(0,)),))


@pytest.fixture
def child() -> Iterator[Connection]:
    """The window's end of a pipe whose other end the preview serves, on a thread."""
    ours, theirs = multiprocessing.Pipe()
    thread = threading.Thread(target=preview.main, args=(theirs,))
    thread.start()
    yield ours
    ours.close()
    thread.join(10)
    assert not thread.is_alive(), "the child must end when its pipe closes"
    theirs.close()


def ask(child: Connection, request: object) -> PreviewAnswer:
    child.send(request)
    assert child.poll(10), "no answer"
    answer = child.recv()
    assert isinstance(answer, PreviewAnswer)
    return answer


@pytest.mark.parametrize("seed", range(25))
def test_bloch_vectors_are_those_of_the_reduced_states(seed: int) -> None:
    kinds = tuple(BLOCKS)
    circuit = RandomCircuits(seed).circuit(must=kinds[seed % len(kinds)])
    program = compile(circuit)
    rng = np.random.default_rng(seed)
    angles, weights = rng.uniform(-3, 3, program.inputs), rng.uniform(-3, 3, program.weights)
    full = state(circuit, angles, weights)
    expected = [
        [
            np.trace(rho @ pauli).real
            for pauli in (qml.X.compute_matrix(), qml.Y.compute_matrix(), qml.Z.compute_matrix())
        ]
        for rho in (qml.math.reduce_statevector(full, [wire]) for wire in range(circuit.wires))
    ]
    answer = preview.answer(PreviewRequest(7, circuit, angles, weights))
    assert answer.error is None and answer.serial == 7
    np.testing.assert_allclose(answer.bloch, expected, atol=1e-12)
    np.testing.assert_allclose(answer.z, np.array(expected)[:, 2], atol=1e-12)
    np.testing.assert_allclose(answer.probabilities, np.abs(full) ** 2, atol=1e-12)


def test_a_hadamard_points_the_arrow_along_x(child: Connection) -> None:
    answer = ask(child, PreviewRequest(1, PLUS))
    np.testing.assert_allclose(answer.bloch, [[1, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(answer.probabilities, [0.5, 0.5], atol=1e-12)


def test_only_the_newest_of_waiting_requests_is_answered() -> None:
    ours, theirs = multiprocessing.Pipe()
    for serial in range(50):
        ours.send(PreviewRequest(serial, PLUS))
    thread = threading.Thread(target=preview.main, args=(theirs,))
    thread.start()
    assert ours.poll(10)
    assert ours.recv().serial == 49
    ours.send(None)
    thread.join(10)
    assert not thread.is_alive()
    assert not ours.poll(0)


def test_the_newest_of_each_kind_is_answered() -> None:
    turned = Circuit(wires=1, blocks=(Block(id="a", kind="ry", wires=(0,)),))
    ours, theirs = multiprocessing.Pipe()
    for serial in range(6):
        ours.send(PreviewRequest(serial, PLUS))
        ours.send(ShiftRequest(100 + serial, turned, 0))
    thread = threading.Thread(target=preview.main, args=(theirs,))
    thread.start()
    assert ours.poll(10)
    assert {ours.recv().serial, ours.recv().serial} == {5, 105}
    ours.send(None)
    thread.join(10)
    assert not thread.is_alive() and not ours.poll(0)


def test_example_weights_are_small_and_scales_are_one() -> None:
    scaled = Block(id="in", kind="angle_embedding", settings={"scale": "trainable"})
    circuit = Circuit(wires=2, blocks=(scaled, Block(id="turn", kind="ry_layer")))
    np.testing.assert_allclose(preview.sample_weights(circuit, None), [1, 1, 0.3, 0.3])


def test_an_amplitude_embedding_shows_an_example_state() -> None:
    circuit = Circuit(wires=3, blocks=(Block(id="in", kind="amplitude_embedding"),))
    answer = preview.answer(PreviewRequest(1, circuit))
    assert answer.error is None
    ramp = np.arange(1, 9) ** 2
    np.testing.assert_allclose(answer.probabilities, ramp / ramp.sum())


def test_an_order_to_end_is_not_passed_over() -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.send(PreviewRequest(1, PLUS))
    ours.send(None)
    ours.send(PreviewRequest(2, PLUS))
    preview.main(theirs)
    assert not ours.poll(0)


class _Bomb:
    """Pickles well and cannot be read."""

    def __reduce__(self) -> tuple[object, ...]:
        return (int, ("not a number",))


@pytest.mark.parametrize("bad", [_Bomb(), "hello", 5, PreviewRequest(3, None)])  # type: ignore[arg-type]
def test_a_malformed_request_is_answered_and_the_next_one_served(
    child: Connection, bad: object
) -> None:
    assert ask(child, bad).error
    assert ask(child, PreviewRequest(4, PLUS)).error is None


def test_angles_and_weights_of_a_wrong_length_are_made_to_fit() -> None:
    circuit = Circuit(
        wires=3,
        blocks=(Block(id="in", kind="angle_embedding"), Block(id="turn", kind="ry_layer")),
    )
    full = preview.answer(PreviewRequest(1, circuit, np.array([0.1, 0.2, 0.3]), np.full(3, 0.3)))
    long = preview.answer(PreviewRequest(2, circuit, np.array([0.1, 0.2, 0.3, 9]), np.zeros(8)))
    np.testing.assert_allclose(full.bloch, long.bloch, atol=1e-12)
    short = preview.answer(PreviewRequest(3, circuit, np.array([0.1])))
    assert short.error is None
    np.testing.assert_allclose(short.bloch[0], full.bloch[0], atol=1e-12)
    ramp = preview.answer(PreviewRequest(4, circuit))
    assert len({round(float(z), 6) for z in ramp.z}) == 3, "each wire shows an angle of its own"


def test_angles_that_are_no_numbers_are_named() -> None:
    circuit = Circuit(wires=1, blocks=(Block(id="in", kind="angle_embedding"),))
    answer = preview.answer(PreviewRequest(1, circuit, np.array([np.nan])))
    assert answer.bloch is None and "angles" in str(answer.error)


def test_a_circuit_too_large_is_answered_with_a_sentence() -> None:
    wide = preview.answer(PreviewRequest(1, Circuit(wires=15)))
    assert wide.bloch is None and "14 wires" in str(wide.error)
    turns = Block(id="turns", kind="rot_layer")
    pairs = Block(id="pairs", kind="cnot_chain")
    settings = {"count": 900}
    long = Circuit(
        wires=14, blocks=(Block(id="r", kind="repeat", settings=settings, body=(turns, pairs)),)
    )
    start = time.perf_counter()
    answer = preview.answer(PreviewRequest(2, long))
    assert "14 wires" in str(answer.error) and "repeat" in str(answer.error)
    assert time.perf_counter() - start < 10


def test_the_probabilities_are_left_out_beyond_six_wires() -> None:
    answer = preview.answer(PreviewRequest(1, Circuit(wires=7)))
    assert answer.probabilities is None
    np.testing.assert_allclose(answer.bloch, [[0, 0, 1]] * 7)


def test_the_child_loads_neither_torch_nor_numba() -> None:
    code = """
import sys
from qdesigner import preview
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.session.events import PreviewRequest
kinds = ("h_ry_embedding", "cnot_ring", "rot_layer")
circuit = Circuit(wires=2, blocks=tuple(Block(id=kind, kind=kind) for kind in kinds))
assert preview.answer(PreviewRequest(1, circuit)).error is None
print(sorted({"torch", "numba", "pennylane", "qiskit"} & set(sys.modules)))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
