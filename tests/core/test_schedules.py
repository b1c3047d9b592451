"""Learning rates, clipping, early stopping and half precision: as told, and resumed to the bit."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from test_resume import SHORT, assert_same, resume, run_to_end, stop_in_the_second_epoch

from qdesigner.design import edits
from qdesigner.design.schedule import learning_rate
from qdesigner.design.spec import Design, Stage, TrainingSpec
from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.session.record import read_record
from qdesigner.training import loop
from qdesigner.training.compute import choose
from qdesigner.training.loop import train
from qdesigner.training.optimizer import Descent, Patience
from qdesigner.training.runs import Run

CPU = torch.device("cpu")


def rates(spec: TrainingSpec, losses: tuple[float, ...] = ()) -> list[float]:
    """The learning rate of each epoch, whose validation losses are ``losses``."""
    descent = Descent(spec, torch.nn.Linear(1, 1), CPU)
    found = []
    for epoch in range(1, spec.epochs + 1):
        descent.begin_epoch(epoch)
        found.append(descent.rate)
        descent.end_epoch(epoch, losses[epoch - 1] if losses else 1 / epoch)
    return found


def of_torch(make: type, epochs: int, **settings: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    schedule, found = make(optimizer, **settings), []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_schedules_are_torchs_own() -> None:
    spec = TrainingSpec(epochs=9, learning_rate=0.5, gamma=0.3, step_size=2)
    schedulers = torch.optim.lr_scheduler
    assert rates(spec) == [0.5] * 9
    ours, theirs = (
        rates(spec.but(schedule="step")),
        of_torch(schedulers.StepLR, 9, step_size=2, gamma=0.3),
    )
    assert ours == theirs
    cosine = of_torch(schedulers.CosineAnnealingLR, 9, T_max=9)
    assert rates(spec.but(schedule="cosine")) == pytest.approx(cosine)
    losses = (1.0, 0.9, 0.95, 0.9, 0.91, 0.92, 0.93, 0.5, 0.6)
    plateau = rates(spec.but(schedule="plateau", patience=2), losses)
    assert plateau == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.15, 0.15, 0.045, 0.045, 0.045])


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "plateau"])
def test_the_rate_rises_before_any_schedule(schedule: str) -> None:
    spec = TrainingSpec(
        epochs=8, learning_rate=0.6, schedule=schedule, warmup=2, step_size=3, gamma=0.5, patience=1
    )
    found = rates(spec, (9.0, 9.0, 9.0, 8.0, 8.0, 8.0, 8.0, 8.0))
    assert found[:3] == pytest.approx([0.2, 0.4, 0.6])
    assert found[3:] == pytest.approx({
        "constant": [0.6] * 5,
        "step": [0.6, 0.6, 0.3, 0.3, 0.3],
        "cosine": [0.3 * (1 + math.cos(math.pi * k / 6)) for k in range(1, 6)],
        "plateau": [0.6, 0.6, 0.3, 0.15, 0.075],
    }[schedule])  # fmt: skip


def test_a_rate_may_change_and_epochs_be_added_while_a_run_goes_on() -> None:
    spec = TrainingSpec(epochs=10, learning_rate=1.0, schedule="cosine")
    assert learning_rate(spec.but(epochs=20), 11) == pytest.approx(0.5)
    assert learning_rate(spec.but(epochs=4), 9) > 0
    step = spec.but(schedule="step", step_size=1, gamma=0.1)
    assert learning_rate(step.but(learning_rate=2.0), 3) == pytest.approx(0.02)


def test_patience_counts_epochs_since_the_lowest_loss() -> None:
    patience = Patience()
    assert [patience.see(loss) for loss in (3, 2, 2, 4, 1, 1.5)] == [0, 0, 1, 2, 0, 1]


EVERYTHING = {
    "a cosine with warm-up, clipped": edits.set_training(
        SHORT, schedule="cosine", warmup=1, clip=0.05
    ),
    "a plateau that lowers the rate at once": edits.set_training(
        SHORT, schedule="plateau", patience=1, gamma=0.5, learning_rate=0.3, epochs=5
    ),
    "balanced class weights and smoothing": edits.set_training(
        SHORT, class_weights="balanced", label_smoothing=0.1, loss="cross_entropy"
    ),
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_resumed_run_keeps_its_schedule_to_the_bit(name: str, tmp_path: Path) -> None:
    run_to_end(EVERYTHING[name], tmp_path / "whole")
    stop_in_the_second_epoch(EVERYTHING[name], tmp_path / "cut")
    resume(tmp_path / "cut")
    assert_same(tmp_path / "cut", tmp_path / "whole")


def test_a_clipped_gradient_is_no_longer_than_that(tmp_path: Path) -> None:
    design = edits.set_training(SHORT, clip=0.01, epochs=2)
    told = [e for e in run_to_end(design, tmp_path / "run") if isinstance(e, events.Epoch)]
    for epoch in told:
        assert 0 < math.hypot(*epoch.gradient_norms.values()) <= 0.01 * (1 + 1e-5)


def test_early_stopping_ends_a_run_that_does_not_get_better_and_a_resume_agrees(
    tmp_path: Path,
) -> None:
    design = edits.set_training(SHORT, early_stopping=2, epochs=40, learning_rate=0.2)
    heard = run_to_end(design, tmp_path / "run")
    end, told = heard[-1], [e for e in heard if isinstance(e, events.Epoch)]
    assert isinstance(end, events.Finished) and end.early and end.epochs == len(told) < 40
    lowest = min(told, key=lambda epoch: epoch.val_loss)
    assert told[-1].epoch == lowest.epoch + 2
    assert isinstance(heard[-2], events.Predictions), "the last epoch's predictions are shown"
    stop_in_the_second_epoch(design, tmp_path / "cut")
    resumed = resume(tmp_path / "cut")
    assert isinstance(resumed[-1], events.Finished) and resumed[-1].epochs == end.epochs
    # Killed between its last checkpoint and its end, it has nothing left to do but to say so.
    Run.open(tmp_path / "run").set_state("running")
    assert [type(e) for e in resume(tmp_path / "run") if not isinstance(e, events.Progress)] == [
        events.Started, events.Finished,
    ]  # fmt: skip
    whole = edits.set_training(design, epochs=end.epochs)
    finished = run_to_end(whole, tmp_path / "whole")[-1]
    assert isinstance(finished, events.Finished) and not finished.early


def test_a_loss_that_explodes_or_is_no_number_is_explained_and_the_run_goes_on_from_before(
    tmp_path: Path,
) -> None:
    stages = tuple(s for s in SHORT.stages if s.kind not in ("quantum", "squash", "batch_norm"))
    wild = edits.set_training(
        SHORT.but(stages=stages), optimizer="sgd", learning_rate=100.0, momentum=0.99, epochs=60,
        schedule="constant", warmup=0,
    )  # fmt: skip
    heard: list[events.Event] = []
    words = r"in epoch \d+.*training has diverged. Try a learning rate below 100, clipped gradients"
    with pytest.raises(UserError, match=words) as ended:
        train(wild, heard.append, out=str(tmp_path / "run"))
    told = [e.epoch for e in heard if isinstance(e, events.Epoch)]
    record = read_record(tmp_path / "run")
    assert record.state == "failed"
    failed = record.events[-1]
    assert isinstance(failed, events.Failed) and failed.reason == str(ended.value)
    if told:
        checkpoint = Run.open(tmp_path / "run").load_checkpoint("last")
        assert checkpoint["epoch"] == told[-1] and failed.resumable
        assert all(bool(torch.isfinite(w).all()) for w in checkpoint["model"].values())


def test_weights_that_are_no_numbers_are_never_saved_over_good_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step whose loss is a number may leave weights that are none; a save may follow."""
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(loop, "SAVE_SHARE", 0)
    monkeypatch.setattr(loop, "OFTEN", 0.0)
    real, steps = Descent.step, [0]

    def spoiling(self: Descent, loss: torch.Tensor) -> None:
        real(self, loss)
        steps[0] += 1
        if steps[0] == 15:
            with torch.no_grad():
                self.weights[0].fill_(math.nan)

    monkeypatch.setattr(Descent, "step", spoiling)
    with pytest.raises(UserError, match="diverged"):
        run_to_end(SHORT, tmp_path / "run")
    checkpoint = Run.open(tmp_path / "run").load_checkpoint("last")
    assert checkpoint["steps"] == 14
    assert all(bool(torch.isfinite(weight).all()) for weight in checkpoint["model"].values())
    monkeypatch.undo()
    resume(tmp_path / "run")


def test_where_torch_computes_is_said_when_it_is_not_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    cuda = edits.set_training(SHORT, compute="cuda", mixed=True, epochs=1)
    started = next(e for e in run_to_end(cuda, tmp_path / "a") if isinstance(e, events.Started))
    assert started.compute == "cpu"
    assert "no CUDA card" in started.note and "no effect on the CPU" in started.note
    plain = edits.set_training(SHORT, epochs=1)
    started = next(e for e in run_to_end(plain, tmp_path / "b") if isinstance(e, events.Started))
    assert (started.compute, started.note) == ("cpu", "")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose(SHORT)[0].type == "cpu", "a small head is faster on the CPU"
    conv = Design(stages=(Stage(id="conv-1", kind="conv"), *SHORT.stages[1:]))
    assert choose(conv)[0].type == "cuda"
    assert choose(edits.set_device(conv, name="default.qubit"))[0].type == "cpu"
    assert choose(edits.set_training(conv, compute="cpu"))[0].type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA card")
@pytest.mark.parametrize("mixed", [False, True])
def test_a_hybrid_network_trains_on_cuda_and_resumes_there(mixed: bool, tmp_path: Path) -> None:
    conv = Stage(id="conv-1", kind="conv", settings={"channels": 8, "kernel": 3})
    flat = Stage(id="flat-1", kind="flatten")
    relu = Stage(id="relu-1", kind="activation")
    design = SHORT.but(stages=(conv, relu, flat, *SHORT.stages[1:]))
    design = edits.set_training(design, compute="cuda", mixed=mixed, epochs=6, clip=1.0)
    heard = run_to_end(design, tmp_path / "whole")
    started = next(e for e in heard if isinstance(e, events.Started))
    told = [e for e in heard if isinstance(e, events.Epoch)]
    assert (started.compute, started.note) == ("cuda", "")
    assert told[-1].val_loss < 0.7 * told[0].val_loss
    stop_in_the_second_epoch(design, tmp_path / "cut")
    scale = Run.open(tmp_path / "cut").load_checkpoint("last")["schedule"]["scaler"]
    assert bool(scale) == mixed
    end = resume(tmp_path / "cut")[-1]
    assert isinstance(end, events.Finished) and end.val_loss == pytest.approx(
        told[-1].val_loss, rel=0.1
    )
    on_cpu = run_to_end(edits.set_training(design, compute="cpu", mixed=False), tmp_path / "cpu")
    first = next(e for e in on_cpu if isinstance(e, events.Epoch))
    assert first.train_loss == pytest.approx(told[0].train_loss, rel=0.02)
