"""The built-in simulator gives what PennyLane and Qiskit give.

The random cases are a plain seeded loop: every case is one seed, so a failure is repeated by its
test id, and the block kind it must hold goes round the whole table of blocks.
Many more cases: ``QDESIGNER_CASES=2000 python -m pytest tests/core/test_engine.py -k referee``.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from qdesigner.circuit import blocks as block_table
from qdesigner.circuit.blocks import BLOCKS, Operation
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.engine import compile as compiler
from qdesigner.engine.compile import PERMUTE, TURN, Program, compile
from qdesigner.engine.simulate import chunk_size, evaluate, gradients
from qdesigner.engine.state import statevector
from qdesigner.errors import UserError
from referee import RandomCircuits, state, verdict

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
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_the_state_is_the_referee_s_with_its_phase(seed: int) -> None:
    circuit = RandomCircuits(seed + 10_000).circuit(must=KINDS[seed % len(KINDS)])
    program = compile(circuit)
    x, w, _ = sample(program, 1, seed)
    np.testing.assert_allclose(
        statevector(program, x[0], w), state(circuit, x[0], w), rtol=0, atol=1e-12
    )
