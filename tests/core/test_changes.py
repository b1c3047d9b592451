"""A run changed on its way: other training values, and an edited model that takes the weights."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from same_runs import assert_same

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.design import codec, edits
from qdesigner.design.spec import Design
from qdesigner.model.build import Split
from qdesigner.paths import resource
from qdesigner.session import events, record
from qdesigner.training.loop import train
from qdesigner.training.runs import Run
from qdesigner.training.transplant import Grown, transplant

SHORT = edits.set_data(
    edits.set_training(codec.load(resource("templates/quickstart.qdesign")), epochs=4), limit=30
)
STAGE = next(stage.id for stage in SHORT.stages if stage.circuit is not None)


class Asking:
    """A control that asks for something before given steps of the run; "stop" stops."""

    def __init__(self, **asked: Any) -> None:
        self.asked = {int(name.removeprefix("at_")): what for name, what in asked.items()}
        self.due: list[Any] = []
        self.step = -1
        self.begun = False
        self.after_first_epoch: list[Any] = []

    def hear(self, event: events.Event) -> None:
        if isinstance(event, events.Epoch) and self.after_first_epoch:
            self.due, self.after_first_epoch = self.after_first_epoch, []
        self.begun = self.begun or isinstance(event, events.Started)

    def wish(self) -> str:
        if self.begun and not self.due:
            self.step += 1
            what = self.asked.pop(self.step, None)
            if what == "stop":
                self.begun = False
                self.asked[-1] = what
            elif what is not None:
                self.due = what if isinstance(what, list) else [what]
        if -1 in self.asked:
            return "stop"
        return "change" if self.due else "run"

    def wait(self) -> None:
        pass

    def changes(self) -> list[Any]:
        self.step -= 2  # the loop asks twice more before the next step
        due, self.due = self.due, []
        return due


def trained(design: Design, out: Path, control: Asking) -> list[events.Event]:
    heard: list[events.Event] = []

    def hear(event: events.Event) -> None:
        control.hear(event)
        heard.append(event)

    train(design, hear, control, out=str(out))
    return heard


def of(heard: list[events.Event], kind: type) -> list:
    return [event for event in heard if isinstance(event, kind)]


def test_learning_rate_batch_size_and_epochs_change_without_a_reset(tmp_path: Path) -> None:
    out = tmp_path / "run"
    change = events.Change(learning_rate=0.002, batch_size=10, epochs=3)
    heard = trained(SHORT, out, Asking(at_13=change))
    (mark,) = of(heard, events.Mark)
    assert mark.kind == "change" and "learning rate 0.02 → 0.002" in mark.text
    assert "batch size 16 → 10" in mark.text and "epochs 4 → 3" in mark.text
    x = [at for event in of(heard, events.Steps) for at in event.at]
    assert x == sorted(x) and x[-1] == 3.0 and x[12] == mark.at
    count = of(heard, events.Started)[0].train
    assert x[13] - x[12] == pytest.approx(10 / count)
    assert [event.learning_rate for event in of(heard, events.Epoch)] == [0.02, 0.002, 0.002]
    design = Run.open(out).design
    assert (design.training.batch_size, design.training.epochs) == (10, 3)
    same = trained(SHORT, tmp_path / "same", Asking())
    assert of(heard, events.Epoch)[0].train_loss == of(same, events.Epoch)[0].train_loss


def test_a_value_that_cannot_be_is_refused_and_the_run_goes_on(tmp_path: Path) -> None:
    heard = trained(SHORT, tmp_path / "run", Asking(at_5=events.Change(batch_size=-1)))
    assert len(of(heard, events.Refused)) == 1 and not of(heard, events.Mark)
    assert isinstance(heard[-1], events.Finished)


def with_blocks(*kinds: str) -> Design:
    """The design with these blocks at the end of its circuit."""

    def change(circuit: Circuit) -> Circuit:
        for kind in kinds:
            slot = edits.Slot("", len(circuit.blocks))
            circuit = edits.insert_block(circuit, slot, edits.new_block(circuit, kind))
        return circuit

    return edits.on_circuit(SHORT, STAGE, change)


def grown(design: Design, outputs: int = 5) -> Grown:
    return Grown(design, Split(design, outputs).tail)


def moved(old: Grown) -> Grown:
    """With weights that are no longer the first ones."""
    torch.manual_seed(5)
    for weight in old.tail.parameters():
        weight.data.add_(torch.randn_like(weight))
    return old


def circuit_weights(model: Grown) -> dict[Any, float]:
    layer = model.tail.get_submodule(STAGE)
    return dict(zip(expand(layer.circuit).weight_keys, layer.flat().tolist(), strict=True))


def test_new_blocks_leave_the_others_weights_to_the_bit_and_hardly_change_the_state() -> None:
    old = moved(grown(SHORT))
    new = grown(with_blocks("controlled_layer", "ry_layer"))
    done = transplant(old, new)
    before, after = circuit_weights(old), circuit_weights(new)
    assert {key: after[key] for key in before} == before
    fresh = {key: value for key, value in after.items() if key not in before}
    for key, value in fresh.items():
        assert value == 0.0 if key.block.startswith("controlled") else 0 < abs(value) < 0.05
    for name, value in old.tail.state_dict().items():
        if not name.startswith(STAGE):
            assert torch.equal(new.tail.state_dict()[name], value), name
    x = torch.randn(20, 4)
    found = [model.tail.get_submodule(STAGE)(x) for model in (old, new)]
    assert found[1].detach() == pytest.approx(found[0].detach().numpy(), abs=0.1)
    count = sum(weight.numel() for weight in new.tail.parameters())
    assert (done.kept, done.trainable) == (count - len(fresh), count)


def test_a_new_square_linear_stage_begins_as_the_identity() -> None:
    old = moved(grown(SHORT))
    new = grown(edits.insert_stage_kind(SHORT, "linear", "squash-1", outputs=4))
    transplant(old, new)
    x = torch.randn(20, 64)
    found = [model.tail[:2](x) if model is old else model.tail[:3](x) for model in (old, new)]
    assert torch.equal(*found)


def test_a_wire_more_keeps_what_the_others_have_learned() -> None:
    old = moved(grown(SHORT))
    design = edits.on_circuit(SHORT, STAGE, edits.add_wire)
    design = edits.set_stage_settings(design, "linear-1", outputs=5)
    new = grown(design)
    transplant(old, new)
    was, now = old.tail.get_submodule("linear-1"), new.tail.get_submodule("linear-1")
    assert torch.equal(now.weight[:4], was.weight) and now.weight[4].abs().max() < 0.01


def test_a_run_goes_on_with_an_edited_model_from_where_it_was(tmp_path: Path) -> None:
    out = tmp_path / "run"
    edited = with_blocks("ry_layer")
    heard = trained(SHORT, out, Asking(at_24=events.Edit(edited)))
    (mark,) = of(heard, events.Mark)
    assert (mark.kind, mark.text) == ("edit", "Quantum circuit changed")
    assert mark.kept == mark.trainable - 4
    at = [
        (x, loss) for e in of(heard, events.Steps) for x, loss in zip(e.at, e.losses, strict=True)
    ]
    before = [loss for x, loss in at if mark.at - 0.5 < x <= mark.at]
    after = [loss for x, loss in at if mark.at < x < mark.at + 0.5]
    assert max(after) < max(before) * 1.5 and sum(after) / len(after) < at[0][1]
    run = Run.open(out)
    assert run.design.stages == edited.stages
    done = int(mark.at)
    assert record.design_at(out, done).stages == SHORT.stages
    assert record.design_at(out, done + 1).stages == edited.stages
    blocks = [len(run.model_at(n).get_submodule(STAGE).circuit.blocks) for n in (done, done + 1)]
    assert blocks[1] == blocks[0] + 1
    assert run.model(best=True) is not None and isinstance(heard[-1], events.Finished)


def test_what_the_optimizer_knows_of_a_weight_outlives_an_edit(tmp_path: Path) -> None:
    """Taking a block in and out again between two steps leaves the run as it would have been."""
    trained(SHORT, tmp_path / "plain", Asking())
    twice = Asking(at_24=[events.Edit(with_blocks("ry_layer")), events.Edit(SHORT)])
    trained(SHORT, tmp_path / "twice", twice)
    ours, theirs = (
        Run.open(tmp_path / name).load_checkpoint("last") for name in ("plain", "twice")
    )
    for name, value in ours["model"].items():
        assert torch.equal(theirs["model"][name], value), name


def test_a_stage_frozen_on_its_way_keeps_what_it_has_learned(tmp_path: Path) -> None:
    """Its weights are not those of the document, so it never counts to the frozen front."""
    out = tmp_path / "run"
    frozen = edits.set_frozen(SHORT, "linear-1", True)
    trained(SHORT, out, Asking(at_24=events.Edit(frozen)))
    run = Run.open(out)
    learned = run.weights_at(1)["linear-1.weight"]
    last = run.model(best=False).get_submodule("linear-1").weight
    assert not torch.equal(learned, Split(SHORT, 5).tail.get_submodule("linear-1").weight)
    assert torch.equal(run.weights_at(3)["linear-1.weight"], last)
    assert torch.equal(run.weights_at(4)["linear-1.weight"], last)
    said = record.read_epoch(out, 4, 5)
    assert said is not None


def test_an_edit_that_cannot_be_trained_is_refused_and_the_run_goes_on(tmp_path: Path) -> None:
    impossible = edits.set_device(SHORT, name="ibm")
    heard = trained(SHORT, tmp_path / "run", Asking(at_5=events.Edit(impossible)))
    assert of(heard, events.Refused)[0].reason.endswith(".")
    assert isinstance(heard[-1], events.Finished)


CHANGES: dict[str, dict[str, Any]] = {
    "a change": {"at_13": events.Change(learning_rate=0.004, batch_size=10, epochs=3)},
    "an edit": {"at_13": events.Edit(with_blocks("ry_layer", "controlled_layer"))},
    "a stage more": {
        "at_13": events.Edit(edits.insert_stage_kind(SHORT, "dropout", "squash-1")),
    },
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_resumed_after_a_change_equals_the_uninterrupted_one(
    name: str, tmp_path: Path
) -> None:
    trained(SHORT, tmp_path / "whole", Asking(**CHANGES[name]))
    heard = trained(SHORT, tmp_path / "cut", Asking(**CHANGES[name], at_20="stop"))
    assert isinstance(heard[-1], events.Stopped)
    train(SHORT, heard.append, resume=str(tmp_path / "cut"))
    assert_same(tmp_path / "cut", tmp_path / "whole")


def test_the_curve_goes_on_within_a_second_of_an_edit(tmp_path: Path) -> None:
    begun: list[float] = []

    class Timed(Asking):
        def changes(self) -> list[Any]:
            begun.append(time.perf_counter())
            return super().changes()

    control = Timed(at_24=events.Edit(with_blocks("ry_layer")))

    def listen(event: events.Event) -> None:
        control.hear(event)
        if begun and isinstance(event, events.Steps) and len(begun) < 2:
            begun.append(time.perf_counter())

    train(SHORT, listen, control, out=str(tmp_path / "run"))
    assert begun[1] - begun[0] < 1.0


def test_a_backbone_is_trained_in_more_parts_then_in_fewer_and_nothing_learned_is_lost(
    tmp_path: Path,
) -> None:
    name = SHORT.stages[0].id
    one, two = (
        edits.set_stage_settings(edits.set_frozen(SHORT, name, False), name, trained=count)
        for count in (1, 2)
    )
    control = Asking(at_5=events.Edit(two))
    control.after_first_epoch = [events.Edit(one)]
    heard = trained(one, tmp_path / "run", control)
    assert not of(heard, events.Refused)
    assert isinstance(heard[-1], events.Finished)
    more, fewer = of(heard, events.Mark)
    assert more.at < fewer.at
    assert "Backbone" in more.text and more.kept < more.trainable
    assert fewer.kept == fewer.trainable
    first = Split(one, 10).whole().state_dict()
    now = Run.open(tmp_path / "run").model(best=False).state_dict()
    same = {key for key in first if key.startswith(name) and torch.equal(first[key], now[key])}
    assert same == {f"{name}.conv1.weight", f"{name}.conv1.bias"}  # conv2 learned in between
