"""Training on real handwritten digits: it learns, repeats, pauses, stops, and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from qdesigner.design import codec, edits
from qdesigner.design.spec import Design
from qdesigner.errors import UserError
from qdesigner.paths import resource
from qdesigner.session import events
from qdesigner.training.loop import batches, train
from qdesigner.training.predict import predict
from qdesigner.training.runs import Run

QUICKSTART = codec.load(resource("templates/quickstart.qdesign"))
SHORT = edits.set_data(edits.set_training(QUICKSTART, epochs=3), limit=40)


class Script:
    """A control that follows a list of wishes, one an asking; the last one stays."""

    def __init__(self, *wishes: str) -> None:
        self.wishes = list(wishes)

    def wish(self) -> str:
        return self.wishes.pop(0) if len(self.wishes) > 1 else self.wishes[0]

    def wait(self) -> None:
        pass


def trained(design: Design, out: Path, control: Script | None = None, **more: str) -> list:
    heard: list[events.Event] = []
    train(design, heard.append, control, out=str(out), **more)
    return heard


def epochs(heard: list) -> list[events.Epoch]:
    return [event for event in heard if isinstance(event, events.Epoch)]


def losses(heard: list) -> list[tuple[float, float]]:
    return [(event.train_loss, event.val_loss) for event in epochs(heard)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list, Path]:
    out = tmp_path_factory.mktemp("runs") / "whole"
    return trained(SHORT, out), out


def test_the_quickstart_learns_digits_it_has_never_seen(tmp_path: Path) -> None:
    heard = trained(QUICKSTART, tmp_path / "run")
    assert isinstance(heard[-1], events.Finished)
    assert heard[-1].best_val_accuracy >= 0.95
    assert epochs(heard)[0].val_loss > 1.5 * epochs(heard)[-1].val_loss


def test_a_run_tells_its_events_in_order(whole: tuple[list, Path]) -> None:
    heard, out = whole
    kinds = [type(event).__name__ for event in heard if not isinstance(event, events.Progress)]
    assert kinds[0] == "Started" and kinds[-1] == "Finished"
    assert kinds.count("Epoch") == 3
    steps = [event for event in heard if isinstance(event, events.Steps)]
    started = next(event for event in heard if isinstance(event, events.Started))
    assert sum(len(s.losses) for s in steps) == 3 * started.steps_per_epoch
    assert [s.first for s in steps] == list(np.cumsum([0] + [len(s.losses) for s in steps])[:-1])
    written = [json.loads(x) for x in (out / "events.jsonl").read_text("utf-8").splitlines()]
    assert [row["event"] for row in written if row["event"] == "epoch"] == ["epoch"] * 3
    assert written[-1]["event"] == "finished"


def test_the_same_seed_repeats_to_the_bit_and_another_does_not(
    whole: tuple[list, Path], tmp_path: Path
) -> None:
    assert losses(trained(SHORT, tmp_path / "again")) == losses(whole[0])
    other = edits.set_training(SHORT, seed=1)
    assert losses(trained(other, tmp_path / "other")) != losses(whole[0])


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(
    whole: tuple[list, Path], tmp_path: Path
) -> None:
    out = tmp_path / "stopped"
    steps = next(e for e in whole[0] if isinstance(e, events.Started)).steps_per_epoch
    heard = trained(SHORT, out, Script(*["run"] * (steps + 8), "stop"))
    assert isinstance(heard[-1], events.Stopped) and heard[-1].epochs == 1
    assert Run.open(out).about["state"] == "stopped"
    resumed = trained(SHORT, tmp_path / "unused", resume=str(out))
    assert losses(heard)[:1] + losses(resumed) == losses(whole[0])
    ours, theirs = Run.open(out), Run.open(whole[1])
    for name in ("last", "best"):
        left, right = ours.load_checkpoint(name), theirs.load_checkpoint(name)
        assert left["epoch"] == right["epoch"]
        for key in left["model"]:
            assert torch.equal(left["model"][key], right["model"][key]), key


def test_a_finished_run_cannot_be_resumed_but_says_so(whole: tuple[list, Path]) -> None:
    with pytest.raises(UserError, match="All epochs"):
        trained(SHORT, Path(), resume=str(whole[1]))


def test_a_pause_changes_nothing_but_the_clock(whole: tuple[list, Path], tmp_path: Path) -> None:
    pausing = Script(*["run"] * 9, *["pause"] * 5, "run")
    heard = trained(SHORT, tmp_path / "paused", pausing)
    names = [type(event).__name__ for event in heard]
    assert names.index("Paused") < names.index("Resumed")
    assert losses(heard) == losses(whole[0])


def test_a_stop_before_the_first_step_leaves_no_run(tmp_path: Path) -> None:
    heard = trained(SHORT, tmp_path / "run", Script("stop"))
    assert heard[-1] == events.Stopped(0, "")
    assert not (tmp_path / "run").exists()


def test_a_stop_while_features_are_computed_leaves_no_run(tmp_path: Path) -> None:
    # Random weights of a seed nobody used: nothing of it is in the cache yet.
    design = edits.set_weights(SHORT, "backbone-1", "random")
    heard = trained(edits.set_training(design, seed=77), tmp_path / "run", Script("run", "stop"))
    assert heard[-1] == events.Stopped(0, "")
    assert not (tmp_path / "run").exists()


def test_a_diverging_loss_is_stopped_and_explained(tmp_path: Path) -> None:
    wild = edits.set_training(SHORT, optimizer="sgd", learning_rate=100.0, momentum=0.99, epochs=50)
    wild = wild.but(stages=tuple(s for s in wild.stages if s.kind not in ("quantum", "squash")))
    with pytest.raises(UserError, match="diverged"):
        trained(wild, tmp_path / "run")
    assert Run.open(tmp_path / "run").about["state"] == "failed"


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_every_optimizer_learns(optimizer: str, tmp_path: Path) -> None:
    rate = 0.1 if optimizer == "sgd" else 0.02
    design = edits.set_training(SHORT, optimizer=optimizer, learning_rate=rate, epochs=4)
    heard = trained(design, tmp_path / "run")
    assert losses(heard)[-1][0] < 0.8 * losses(heard)[0][0]


def test_the_step_schedule_lowers_the_learning_rate(tmp_path: Path) -> None:
    design = edits.set_training(SHORT, schedule="step", step_size=1, gamma=0.5, learning_rate=0.02)
    rates = [event.learning_rate for event in epochs(trained(design, tmp_path / "run"))]
    assert rates == pytest.approx([0.02, 0.01, 0.005])


def test_a_network_without_a_backbone_trains_on_the_pixels(tmp_path: Path) -> None:
    design = Design(data=SHORT.data, training=edits.set_training(SHORT, epochs=4).training)
    for kind, settings in (
        ("conv", {"channels": 8, "kernel": 3}),
        ("activation", {}),
        ("pool", {}),
        ("flatten", {}),
        ("dropout", {"rate": 0.1}),
        ("linear", {"outputs": 4}),
        ("batch_norm", {}),
        ("squash", {}),
        ("quantum", {}),
        ("linear", {}),
    ):
        design = edits.insert_stage_kind(design, kind, "", **settings)
    heard = trained(design, tmp_path / "run")
    assert losses(heard)[-1][0] < losses(heard)[0][0]
    assert set(epochs(heard)[0].gradient_norms) == {
        "conv-1", "linear-1", "batch_norm-1", "quantum-1", "linear-2",
    }  # fmt: skip


def test_a_frozen_stage_keeps_its_weights(tmp_path: Path) -> None:
    design = edits.set_frozen(SHORT, "quantum-1", True)
    trained(design, tmp_path / "run")
    before = Run.open(tmp_path / "run").model(best=False).get_submodule("quantum-1").weights
    other = trained(edits.set_training(design, epochs=1), tmp_path / "short")
    assert isinstance(other[-1], events.Finished)
    after = Run.open(tmp_path / "short").model(best=False).get_submodule("quantum-1").weights
    assert torch.equal(before, after)


def test_a_last_batch_of_one_joins_the_one_before_it_for_batch_norm() -> None:
    order = torch.arange(9)
    assert [len(b) for b in batches(order, 4, at_least_two=True)] == [4, 5]
    assert [len(b) for b in batches(order, 4, at_least_two=False)] == [4, 4, 1]
    assert [len(b) for b in batches(torch.arange(1), 4, at_least_two=True)] == [1]


def test_a_run_predicts_what_it_said_of_its_validation_images(
    whole: tuple[list, Path], tmp_path: Path
) -> None:
    from qdesigner.data.dataset import open_dataset

    run = Run.open(whole[1])
    data = open_dataset(run.design.data)
    values = np.load(whole[1] / "best_predictions.npz", allow_pickle=False)
    for number in (0, 7):
        data.image(data.validation[number], 1).save(tmp_path / f"{number}.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    names = [tmp_path / "0.png", tmp_path / "broken.png", tmp_path / "7.png"]
    first, broken, last = predict(whole[1], names)
    for answer, number in ((first, 0), (last, 7)):
        assert answer.probabilities is not None
        assert list(answer.probabilities.values()) == pytest.approx(
            values["probabilities"][number].tolist(), abs=1e-5
        )
    assert broken.error and not broken.name


@pytest.mark.shared
def test_photographs_train_from_cached_features(shared_data: Path, tmp_path: Path) -> None:
    design = codec.load(resource("templates/quantum-transfer-learning.qdesign"))
    design = edits.use_data(design, str(shared_data / "data" / "hymenoptera"))
    design = edits.set_data(design, limit=30)
    weights = shared_data / "weights" / "squeezenet1_1_imagenet1k_rebuilt.pth"
    design = edits.set_backbone(design, "squeezenet1_1", str(weights))
    design = edits.set_training(design, epochs=8, learning_rate=0.002)
    first = trained(design, tmp_path / "first")
    assert first[-1].best_val_accuracy >= 0.7
    again = trained(design, tmp_path / "again")
    told = [e for e in again if isinstance(e, events.Progress) and e.what == "computing features"]
    assert not [e for e in told if e.rate and e.done < e.total], "nothing is computed twice"
    assert losses(again) == losses(first)
