"""A quantum activation: a circuit of one wire applied to each feature, with shared weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from qdesigner.artifacts.golden import Golden
from qdesigner.circuit.circuit import Block
from qdesigner.design import edits
from qdesigner.design.checks import problems
from qdesigner.design.plan import step_cost
from qdesigner.design.spec import DataSpec, Design, DeviceSpec, Stage, TrainingSpec
from qdesigner.model.build import build, build_stages
from qdesigner.session import events
from qdesigner.training.loop import train

DEVICES = [
    DeviceSpec(),
    DeviceSpec(gradient="parameter-shift"),
    DeviceSpec(name="default.qubit"),
    DeviceSpec(name="qiskit.basic"),
]


def activated(device: DeviceSpec = DEVICES[0], trained: bool = False, outputs: int = 3) -> Design:
    circuit = edits.activation_circuit(trained)
    return Design(
        data=DataSpec(classes=("0", "1"), limit=20),
        stages=(
            Stage(id="flatten-1", kind="flatten"),
            Stage(id="linear-1", kind="linear", settings={"outputs": outputs}),
            Stage(id="quantum_activation-1", kind="quantum_activation", circuit=circuit),
            Stage(id="linear-2", kind="linear"),
        ),
        training=TrainingSpec(epochs=3, learning_rate=0.1),
        device=device,
    )


@pytest.mark.parametrize("device", DEVICES, ids=lambda d: f"{d.name} {d.gradient}")
@pytest.mark.parametrize("shape", [(2, 5), (2, 3, 4, 2)])
def test_the_usual_one_is_minus_the_sine_of_every_number_and_so_is_its_gradient(
    device: DeviceSpec, shape: tuple[int, ...]
) -> None:
    layer = build_stages(activated(device), 2)["quantum_activation-1"]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1), requires_grad=True)
    out = layer(x)
    torch.testing.assert_close(out, -torch.sin(x), rtol=0, atol=1e-6)
    out.sum().backward()
    torch.testing.assert_close(x.grad, -torch.cos(x), rtol=0, atol=1e-5)


def test_its_weight_is_one_for_all_features_and_learns(tmp_path: Path) -> None:
    design = activated(trained=True)
    assert edits.new_stage(design, "quantum_activation").circuit == edits.activation_circuit()
    model = build(design, 2)
    assert model.get_submodule("quantum_activation-1").weights.shape == (1,)
    said: list[events.Event] = []
    run = train(design, said.append, out=str(tmp_path / "run"))
    assert run is not None
    first, last = (
        [e for e in said if isinstance(e, events.Epoch)][place].train_loss for place in (0, -1)
    )
    assert last < first
    moved = run.load_checkpoint("last")["model"]["quantum_activation-1.weights"]
    assert not torch.equal(moved, model.state_dict()["quantum_activation-1.weights"])
    frozen = edits.set_frozen(design, "quantum_activation-1", True)
    kept = train(frozen, said.append, out=str(tmp_path / "frozen"))
    assert kept is not None
    still = kept.load_checkpoint("last")["model"]["quantum_activation-1.weights"]
    assert torch.equal(still, model.state_dict()["quantum_activation-1.weights"])


def test_it_costs_a_circuit_for_each_feature() -> None:
    few, many = activated(outputs=3), activated(outputs=30)
    batch = few.training.batch_size
    assert (step_cost(few).circuits, step_cost(many).circuits) == (3 * batch, 30 * batch)


def test_what_is_no_function_of_one_number_is_named_and_mended() -> None:
    good = activated()
    name = "quantum_activation-1"
    with pytest.raises(edits.EditError, match="has one wire"):
        edits.on_circuit(good, name, edits.add_wire)
    wide = good.model_copy(update={"stages": (
        *good.stages[:2], good.stages[2].but(circuit=edits.starting_circuit()), good.stages[3],
    )})  # fmt: skip
    bare = edits.on_circuit(good, name, lambda c: edits.remove_blocks(c, {"h_ry_embedding-1"}))
    both = edits.on_circuit(good, name, lambda c: edits.set_readout(c, kind="probabilities"))
    for design, sentence in ((wide, "has one wire"), (bare, "no embedding"), (both, "gives 2")):
        found = next(p for p in problems(design) if p.where == name)
        assert found.severity == "error" and sentence in found.text
        assert found.fix is not None
        assert not [p for p in problems(found.fix.apply(design)) if p.severity == "error"]
    assert (
        edits.on_circuit(wide, name, lambda c: edits.remove_wire(c, 3)).stages[2].circuit.wires == 3
    )  # type: ignore[union-attr]
    doubled = edits.on_circuit(
        good, name,
        lambda c: edits.insert_block(c, edits.Slot("", 1), Block(id="rx-1", kind="rx", wires=(0,))),
    )  # fmt: skip
    assert not [p for p in problems(doubled) if p.severity == "error"]


def test_what_shots_may_do_to_a_logit_counts_every_feature() -> None:
    design = activated(DeviceSpec(shots=100), outputs=6)
    image = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    found = Golden(design, build(design, 2))(image)
    weights = build(design, 2).get_submodule("linear-2").weight.detach().double()
    expected = 2 * weights.abs().sum(dim=1)
    torch.testing.assert_close(torch.tensor(found["shot"], dtype=torch.float64), expected)
