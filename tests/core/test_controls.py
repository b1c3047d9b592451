"""The controls of a design: the same features with something simpler in the circuit's place."""

from __future__ import annotations

import math

import pytest

from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand, operations_of
from qdesigner.circuit.fields import Settings
from qdesigner.circuit.readout import Readout
from qdesigner.circuit.unentangled import entangled, entangles, unentangled
from qdesigner.design import codec, controls, edits
from qdesigner.design.checks import problems
from qdesigner.design.shapes import trace
from qdesigner.design.spec import DataSpec, Design, Stage
from qdesigner.design.study import Variant
from qdesigner.errors import UserError
from qdesigner.paths import resource

QUICKSTART = codec.load(resource("templates/quickstart.qdesign"))
TUTORIAL = codec.load(resource("templates/quantum-transfer-learning.qdesign"))


def words(circuit: Circuit) -> str:
    """``ry_layer 3(rz ry_layer:01)``: kinds in order, a repeat's count before its content, the
    wires of what is not on all."""

    def one(block: Block) -> str:
        if block.row.container:
            return f"{block.settings['count']}({' '.join(map(one, block.body))})"
        return block.kind + (":" + "".join(map(str, block.wires)) if block.wires else "")

    return " ".join(map(one, circuit.blocks))


def of(kind: str, wires: int = 3, on: tuple[int, ...] | None = None, **settings: object) -> Circuit:
    block = Block(id="b", kind=kind, wires=on, settings=Settings(settings))  # type: ignore[arg-type]
    return Circuit(wires=wires, blocks=(block,))


@pytest.mark.parametrize(
    ("circuit", "left"),
    [
        (of("strongly_entangling", layers=4), "4(rz_layer ry_layer rz_layer)"),
        (of("basic_entangler", layers=2, axis="Y"), "2(ry_layer)"),
        (of("basic_entangler", layers=1), "rx_layer"),
        (of("real_amplitudes", reps=2), "3(ry_layer)"),
        (of("efficient_su2", reps=1, on=(0, 2)), "2(ry_layer:02 rz_layer:02)"),
        (of("two_design", layers=1), "ry_layer ry_layer:01 ry_layer:12"),
        (of("zz_feature_map"), "2(h:0 h:1 h:2 angle_embedding)"),
        (of("cnot_ring"), ""),
        (of("ising_layer"), ""),
        (of("swap", on=(0, 2)), "swap:02"),
        (of("rot_layer"), "rot_layer"),
    ],
)
def test_a_block_is_left_with_what_turns_each_wire_by_itself(circuit: Circuit, left: str) -> None:
    assert words(unentangled(circuit)) == left


@pytest.mark.parametrize("kind", list(BLOCKS))
def test_no_block_entangles_afterwards_and_all_its_one_wire_operations_are_there(kind: str) -> None:
    row = BLOCKS[kind]
    on = tuple(range(row.wires)) if row.wires else None
    circuit = of(kind, wires=5, on=on)
    left = unentangled(circuit)
    assert not entangled(left)
    block = circuit.blocks[0]
    before = [op for op in operations_of(block, 5) if not entangles(op)] if not block.body else []
    after = expand(left).operations
    for wire in range(5):  # in each wire's own order; weights are numbered anew
        assert [(op.gate, type(op.angle)) for op in after if op.wires == (wire,)] == [
            (op.gate, type(op.angle)) for op in before if op.wires == (wire,)
        ]


def test_weights_keep_how_they_begin_and_which_passes_share_them() -> None:
    inner = Block(
        id="s", kind="strongly_entangling",
        settings=Settings({"same_passes": True, "spread": 0.7, "trainable": False, "layers": 2}),
    )  # fmt: skip
    before = Circuit(wires=2, blocks=(Block(id="r", kind="repeat", body=(inner,)),))
    after = unentangled(before)
    assert len(expand(after).weight_keys) == len(expand(before).weight_keys) == 12
    assert {start.spread for start in expand(after).starts} == {0.7}
    assert not any(expand(after).trainable)


def test_a_repeat_of_entanglers_goes_with_them() -> None:
    entangler = Block(id="c", kind="cnot_chain")
    embedding = Block(id="e", kind="angle_embedding")
    before = Circuit(wires=2, blocks=(embedding, Block(id="r", kind="repeat", body=(entangler,))))
    assert words(unentangled(before)) == "angle_embedding"


def by_name(design: Design) -> dict[str, Variant]:
    return {variant.name: variant for variant in controls.controls(design)}


def kinds(design: Design) -> list[str]:
    return [stage.kind for stage in design.stages]


def small(*kinds: str, **settings: object) -> Design:
    """Points through these stages."""
    design = Design(data=DataSpec(source="moons"))
    for kind in kinds:
        design = edits.insert_stage_kind(design, kind, "")
    return edits.set_training(design, **settings)


def activations() -> Design:
    design = small("linear", "quantum_activation", "linear")
    return edits.set_stage_settings(design, design.stages[0].id, outputs=8)


def measured() -> Design:
    """A circuit whose probabilities are the model's."""
    design = small("linear", "quantum", loss="nll")
    design = edits.set_stage_settings(design, design.stages[0].id, outputs=4)
    read = Readout(kind="probabilities", wires=(0,))
    return edits.on_circuit(design, "quantum-1", lambda c: c.but(readout=read))


@pytest.mark.parametrize(
    "design", [QUICKSTART, activations(), measured()], ids=["quickstart", "activation", "measured"]
)
def test_every_control_can_be_trained(design: Design) -> None:
    assert not [p for p in problems(design) if p.severity == "error"]
    for variant in controls.controls(design):
        errors = [p.text for p in problems(variant.design) if p.severity == "error"]
        assert not errors, variant.name


def test_the_controls_of_the_tutorial() -> None:
    found = by_name(TUTORIAL)
    assert list(found) == [
        "as drawn", "without entanglers", "frozen random circuit", "MLP", "linear head",
    ]  # fmt: skip
    assert kinds(found["linear head"].design) == ["backbone", "linear"]
    assert kinds(found["MLP"].design) == [
        "backbone", "linear", "squash", "linear", "activation", "linear", "linear",
    ]  # fmt: skip
    assert all(v.design.data == TUTORIAL.data and v.design.run == "" for v in found.values())


def test_a_frozen_random_circuit_is_drawn_from_the_whole_turn() -> None:
    stage = by_name(TUTORIAL)["frozen random circuit"].design.stage("quantum-1")
    assert stage.frozen and stage.circuit is not None
    starts = set(expand(stage.circuit).starts)
    assert {(s.distribution, s.mean, s.spread) for s in starts} == {("uniform", math.pi, math.pi)}


@pytest.mark.parametrize(
    ("inputs", "outputs", "weights", "hidden", "bias", "made"),
    [
        (4, 4, 24, 2, True, 22),
        (4, 4, 27, 3, True, 31),
        (4, 4, 26, 2, True, 22),
        (4, 4, 13, 1, True, 13),
        (4, 4, 12, 1, True, 13),
        (4, 4, 8, 1, False, 8),
        (4, 4, 2, 1, False, 8),
    ],
)
def test_an_mlp_is_as_wide_as_its_weights_allow(
    inputs: int, outputs: int, weights: int, hidden: int, bias: bool, made: int
) -> None:
    assert controls.nearest_width(inputs, outputs, weights) == (hidden, bias, made)


def test_an_mlp_has_the_weights_that_it_is_said_to_have() -> None:
    made, ((weights, width, narrow),) = controls.with_mlp(QUICKSTART)
    new = [step for step in trace(made, 5) if step.stage not in QUICKSTART.stages]
    assert sum(step.parameters for step in new) == width.weights
    assert abs(width.weights - weights) <= 4
    assert narrow and controls.BOTTLENECK in by_name(QUICKSTART)["MLP"].about
    wide = edits.on_circuit(
        QUICKSTART, "quantum-1", lambda c: edits.set_block(c, "repeat-1", count=10)
    )
    assert controls.BOTTLENECK not in by_name(wide)["MLP"].about, "4 hidden, 4 features"


def test_an_mlp_that_cannot_be_small_enough_says_so() -> None:
    circuit = Circuit(
        wires=4,
        blocks=(Block(id="e", kind="angle_embedding"), Block(id="t", kind="ry", wires=(0,))),
    )
    design = edits.on_circuit(QUICKSTART, "quantum-1", lambda _: circuit)
    assert "Even a hidden width of 1 has more weights" in by_name(design)["MLP"].about


def test_a_quantum_activation_gives_way_to_tanh() -> None:
    found = by_name(activations())
    assert list(found) == ["as drawn", "MLP", "linear head"]  # it has no weights and one wire
    assert kinds(found["MLP"].design) == ["linear", "activation", "linear"]
    assert kinds(found["linear head"].design) == ["linear"]


def test_a_linear_head_stands_on_what_came_before_the_linear_that_feeds_the_circuit() -> None:
    design = Design(data=DataSpec(size=28))
    for kind, settings in (
        ("conv", {}), ("pool", {}), ("flatten", {}), ("linear", {"outputs": 50}),
        ("activation", {}), ("linear", {"outputs": 4}), ("batch_norm", {}), ("squash", {}),
        ("quantum", {}), ("linear", {}),
    ):  # fmt: skip
        design = edits.insert_stage_kind(design, kind, "", **settings)  # type: ignore[arg-type]
    assert kinds(controls.linear_head(design)) == [
        "conv", "pool", "flatten", "linear", "activation", "linear",
    ]  # fmt: skip
    pixels = Design(stages=(Stage(id="f-1", kind="flatten"), *design.stages[-5:]))
    assert kinds(controls.linear_head(pixels)) == ["flatten", "linear"]


def test_a_loss_of_probabilities_gives_way_where_there_are_none() -> None:
    found = by_name(measured())
    assert found["without entanglers"].design.training.loss == "nll"
    assert found["MLP"].design.training.loss == "cross_entropy"


def test_a_design_without_a_circuit_has_no_controls() -> None:
    with pytest.raises(UserError, match="has no quantum circuit"):
        controls.controls(small("linear"))
