"""What a circuit takes in memory: known beforehand, kept to, and refused where it is not there."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import psutil
import pytest

from qdesigner.circuit import cost
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.engine import threads
from qdesigner.engine.compile import compile
from qdesigner.engine.simulate import evaluate
from qdesigner.errors import UserError

WIRES, BATCH = 13, 512

CODE = """
import sys
import numpy as np
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.engine import simulate, threads
from qdesigner.engine import threads
from qdesigner.engine.compile import compile

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024

wires, batch, depth = map(int, sys.argv[1:])
body = (Block(id="cnot", kind="cnot_ring"), Block(id="ry", kind="ry_layer"))
blocks = (
    Block(id="in", kind="angle_embedding", settings={"axis": "Y"}),
    Block(id="layers", kind="repeat", settings={"count": depth}, body=body),
)
program = compile(Circuit(wires=wires, blocks=blocks))
x = np.ones((batch, wires), np.float32)
w = np.ones(program.weights, np.float32)
simulate.warm()
before = peak()
out, states = simulate.forward(program, x, w, keep=True)
simulate.backward(program, x, w, states, out)
print(peak() - before, threads.COUNT)
"""


def measured(depth: int) -> tuple[int, int]:
    """Bytes that forward and backward added in a fresh process, and its threads."""
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, str(WIRES), str(BATCH), str(depth)],
        capture_output=True, text=True, timeout=300, check=True,
    ).stdout  # fmt: skip
    added, threads = map(int, out.split())
    return added, threads


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are read from /proc")
def test_it_does_not_grow_with_depth_and_is_what_was_foretold() -> None:
    (shallow, threads), (deep, _) = measured(5), measured(50)
    foretold = cost.bytes_needed(WIRES, 1, BATCH, threads)
    assert deep <= 1.2 * shallow
    assert 0.8 * foretold <= deep <= 1.2 * foretold


def test_samples_of_many_wires_do_not_go_side_by_side() -> None:
    assert cost.chunk_size(1 << 4, 16) == 16
    assert cost.chunk_size(2 << 24, 16) * (2 << 24) * 8 <= cost.KEPT_BYTES
    assert cost.bytes_needed(24, 2, 1000, 2) < 2e9, "and a batch takes no more than a part of it"


def test_what_cannot_fit_is_refused_with_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    class Little:
        available = 100_000_000

    monkeypatch.setattr(psutil, "virtual_memory", Little)
    monkeypatch.setattr(threads, "COUNT", 1)
    turn = Block(id="turn", kind="rx", wires=(0,), settings={"trainable": False})
    program = compile.__wrapped__(Circuit(wires=20, blocks=(turn,)))
    with pytest.raises(UserError, match=r"20 wires with a batch of 32 needs about 671 MB.*100 MB"):
        evaluate(program, np.empty((32, 0), np.float32), np.empty(0, np.float32))
    swap = Block(id="swap", kind="swap", wires=(0, 1))
    with pytest.raises(UserError, match=r"22 wires with these gates needs about 105 MB.*100 MB"):
        compile.__wrapped__(Circuit(wires=22, blocks=(swap,)))
