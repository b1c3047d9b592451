"""CONTRIBUTING's worked example, run as it stands there: one row, and everything follows."""

from __future__ import annotations

import builtins
import re
from pathlib import Path

import numpy as np
import pytest
import referee

from qdesigner.circuit import blocks
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.kinds import Group
from qdesigner.engine.compile import compile
from qdesigner.engine.simulate import evaluate

CONTRIBUTING = Path(__file__).resolve().parents[2] / "CONTRIBUTING.md"


def example(name: str) -> str:
    found = re.search(
        rf"<!-- example: {name} -->\n```python\n(.*?)```", CONTRIBUTING.read_text("utf-8"), re.S
    )
    assert found, f"CONTRIBUTING has no example {name!r}"
    return found.group(1)


@pytest.fixture
def star(monkeypatch: pytest.MonkeyPatch) -> blocks.BlockKind:
    """The example's row, in the table for the length of a test."""
    room = dict(vars(blocks))
    exec(compile_text(example("row")), room)
    monkeypatch.setitem(BLOCKS, room["STAR"].kind, room["STAR"])
    return room["STAR"]


def compile_text(text: str) -> object:
    return builtins.compile(text, "CONTRIBUTING.md", "exec")


def test_the_examples_own_test_passes(star: blocks.BlockKind) -> None:
    room: dict = {"Circuit": Circuit, "Block": Block, "expand": expand}
    exec(compile_text(example("test")), room)
    (name,) = (name for name in room if name.startswith("test_"))
    room[name]()


def test_the_new_block_is_simulated_drawn_and_exported_without_another_line(
    star: blocks.BlockKind,
) -> None:
    from qdesigner.circuit.text import diagram
    from qdesigner.export.circuit_text import circuit_lines

    circuit = Circuit(
        wires=3,
        blocks=(
            Block(id="e", kind="h_ry_embedding"),
            Block(id="s", kind=star.kind),
            Block(id="y", kind="ry_layer"),
        ),
    )
    rng = np.random.default_rng(0)
    inputs, weights = rng.normal(size=(4, 3)), rng.normal(size=3)
    expected, _, _ = referee.verdict(circuit, inputs, weights, np.ones((4, 3)))
    assert np.abs(evaluate(compile(circuit), inputs, weights) - expected).max() < 1e-10
    assert "CNOT star" in diagram(circuit)
    assert any("CNOT" in line for line in circuit_lines(circuit))
    assert star.group == Group.ENTANGLING
