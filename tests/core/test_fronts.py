"""Trained first, then frozen before another model: each half classical or quantum."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from qdesigner.artifacts.export import export
from qdesigner.design import codec, edits, fronts
from qdesigner.design.checks import problems
from qdesigner.design.plan import trained_prefix
from qdesigner.design.spec import DataSpec, Design
from qdesigner.errors import UserError
from qdesigner.model.build import build
from qdesigner.session import events
from qdesigner.session.record import DESIGN
from qdesigner.training.loop import train
from qdesigner.training.runs import Run

FIRST = DataSpec(classes=("0", "1", "2"), limit=60)  # what the front learns from
THEN = DataSpec(classes=("3", "4"), limit=60)  # what the whole is for


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))


def of(data: DataSpec, *kinds: str, **outputs: int) -> Design:
    """A model of these kinds of stages on digits; ``outputs`` of the linear ones by number."""
    design = edits.set_training(Design(data=data), epochs=4, learning_rate=0.02, batch_size=8)
    for number, kind in enumerate(kinds):
        settings = {"outputs": outputs.get(f"at{number}", 0)} if kind == "linear" else {}
        design = edits.insert_stage_kind(design, kind, "", **settings)
    return design


CLASSICAL = ("flatten", "linear", "batch_norm", "activation", "linear")
QUANTUM = ("flatten", "linear", "batch_norm", "squash", "quantum", "linear")
FRONTS = {"classical": of(FIRST, *CLASSICAL, at1=4), "quantum": of(FIRST, *QUANTUM, at1=4)}
HEADS = {
    "classical": of(THEN, "linear", "activation", "linear", at0=6),
    "quantum": of(THEN, "squash", "quantum", "linear"),
}


def trained(design: Design, out: Path) -> tuple[Run, list[events.Epoch]]:
    told: list[events.Epoch] = []
    run = train(
        design, lambda e: told.append(e) if isinstance(e, events.Epoch) else None, out=str(out)
    )
    assert run is not None
    return run, told


@pytest.fixture(scope="module")
def front_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("fronts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QDESIGNER_HOME", str(folder / "home"))
        return {name: trained(design, folder / name)[0] for name, design in FRONTS.items()}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("front", FRONTS)
def test_each_half_classical_or_quantum_the_frozen_one_is_unchanged_to_the_bit(
    front: str, head: str, front_runs: dict[str, Run], tmp_path: Path
) -> None:
    """CC, CQ, QC and QQ on handwritten digits (after Mari et al., arXiv:1912.08278)."""
    source = front_runs[front]
    design = fronts.use_front(HEADS[head], str(source.path))
    taken = design.stages[: len(FRONTS[front].stages) - 1]
    assert [stage.kind for stage in taken] == [stage.kind for stage in source.design.stages[:-1]]
    assert all(stage.frozen for stage in taken if stage.row.trainable)
    assert trained_prefix(design) >= len(taken)
    assert ("quantum" in [stage.kind for stage in taken]) == (front == "quantum")
    run, told = trained(design, tmp_path / "run")
    before, after = source.model().state_dict(), run.model().state_dict()
    frozen = [f"{stage.id}." for stage in taken if stage.row.trainable]
    checked = 0
    for stage in taken:
        for key, value in after.items():
            if key.startswith(f"{stage.id}."):
                there = key.replace(stage.id, stage.weights.stage, 1)
                assert torch.equal(value, before[there]), key
                checked += 1
    assert checked >= 7 and frozen
    # The checkpoint holds what was trained, and nothing of the front.
    kept = run.load_checkpoint("best")["model"]
    assert not any(key.startswith(tuple(frozen)) for key in kept)
    assert max(epoch.val_accuracy for epoch in told) >= 0.8


def test_a_front_is_taken_up_to_a_stage_and_gives_way_to_the_models_own_ids(
    front_runs: dict[str, Run],
) -> None:
    path = str(front_runs["quantum"].path)
    design = fronts.use_front(HEADS["classical"], path, upto="linear-1")
    assert [stage.kind for stage in design.stages] == [
        "flatten", "linear", "linear", "activation", "linear",
    ]  # fmt: skip
    assert len({stage.id for stage in design.stages}) == 5
    assert design.stages[1].weights.stage == "linear-1"
    # Once more: what is the run's own is taken again, not put before itself.
    again = fronts.use_front(front_runs["quantum"].design, path)
    assert [s.id for s in again.stages] == [s.id for s in front_runs["quantum"].design.stages]
    with pytest.raises(UserError, match="has no stage 'conv-7'; it has flatten-1"):
        fronts.use_front(design, path, upto="conv-7")
    with pytest.raises(UserError, match="nothing to take"):
        fronts.use_front(design, path, upto="flatten-1")
    with pytest.raises(UserError, match="not the folder of a run"):
        fronts.use_front(design, path + "-gone")


def test_a_run_that_is_gone_or_does_not_fit_is_said_in_one_sentence(
    front_runs: dict[str, Run], tmp_path: Path
) -> None:
    place = tmp_path / "first"
    shutil.copytree(front_runs["classical"].path, place)
    design = fronts.use_front(HEADS["classical"], str(place))
    assert not [p for p in problems(design) if p.severity == "error"]
    wider = edits.set_stage_settings(design, design.stages[1].id, outputs=5)
    assert "has 260 weights there and 325 here" in problems(wider)[0].text
    with pytest.raises(UserError, match=r"is \[4, 64\] instead of \[5, 64\]"):
        build(wider, 2)
    shutil.rmtree(place)
    [first, *_] = problems(design)
    assert "is not there any more" in first.text and first.fix is not None
    assert first.fix.apply(design).stages[1].weights.origin == "random"
    with pytest.raises(UserError, match="is not there any more"):
        build(design, 2)


def test_a_broken_checkpoint_and_a_circle_of_runs_are_refused(
    front_runs: dict[str, Run], tmp_path: Path
) -> None:
    place = tmp_path / "first"
    shutil.copytree(front_runs["classical"].path, place)
    design = fronts.use_front(HEADS["classical"], str(place))
    (place / "best.pt").write_bytes(b"PK no weights")
    with pytest.raises(UserError, match=r"'best.pt' of the run 'first'.* is broken"):
        build(design, 2)
    # A run whose stages stand frozen with weights from itself.
    torch.save({"model": {}, "design": codec.dumps(design)}, place / "best.pt")
    (place / DESIGN).write_text(codec.dumps(design), encoding="utf-8")
    with pytest.raises(UserError, match="from itself"):
        build(design, 2)


def test_a_front_of_a_front_is_found_through_both_runs(
    front_runs: dict[str, Run], tmp_path: Path
) -> None:
    first = front_runs["quantum"]
    second, _ = trained(fronts.use_front(HEADS["classical"], str(first.path)), tmp_path / "second")
    third = fronts.use_front(HEADS["quantum"], str(second.path), upto=second.design.stages[4].id)
    linear = third.stages[1]
    assert linear.weights.path == str(first.path)  # where they were trained
    through = edits.set_weights(
        third, linear.id, "run", str(second.path), second.design.stages[1].id
    )
    for design in (third, through):
        ours = build(design, 2).state_dict()[f"{linear.id}.weight"]
        assert torch.equal(ours, first.model().state_dict()["linear-1.weight"])


@pytest.mark.parametrize("freeze", [True, False])
def test_a_model_on_a_runs_front_exports_verifies_and_trains_again(
    front_runs: dict[str, Run],
    tmp_path: Path,
    freeze: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    design = fronts.use_front(HEADS["classical"], str(front_runs["quantum"].path))
    if not freeze:
        for stage in design.stages[:3]:
            design = edits.set_frozen(design, stage.id, False) if stage.frozen else design
    run, told = trained(design, tmp_path / "run")
    script = export(run, tmp_path / "model.py")

    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [str(script), *arguments])
        threads = torch.get_num_threads()
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(script), run_name="__main__")
        torch.set_num_threads(threads)
        assert not end.value.code
        return capsys.readouterr().out

    assert call("--verify").endswith("verified\n")
    said = [line for line in call("--train").splitlines() if line.startswith("epoch")]
    losses = [float(line.split("train loss ")[1].split()[0]) for line in said]
    assert losses == pytest.approx([epoch.train_loss for epoch in told], abs=1e-4)


def test_lenet_is_put_before_a_head_and_its_trained_front_before_another() -> None:
    head = of(
        DataSpec(classes=("0", "1")), "flatten", "linear", "squash", "quantum", "linear", at1=4
    )
    design = fronts.lenet(head)
    assert [stage.kind for stage in design.stages] == [
        "conv", "activation", "pool", "conv", "activation", "pool", "flatten", "linear",
        "activation", "linear", "squash", "quantum", "linear",
    ]  # fmt: skip
    assert design.data.size == 28
    assert not [problem for problem in problems(design) if problem.severity == "error"]
    weights = sum(
        w.numel() for key, w in build(design, 2).state_dict().items() if key.startswith("conv")
    )
    assert weights == 10 * 26 + 20 * 251
    assert fronts.lenet(design) == design
    with pytest.raises(UserError, match="rows of numbers"):
        fronts.lenet(Design(data=DataSpec(source="moons")))


def test_train_takes_a_front_from_the_command_line(
    front_runs: dict[str, Run], tmp_path: Path
) -> None:
    file = tmp_path / "head.qdesign"
    codec.save(HEADS["classical"], file)
    done = subprocess.run(
        [sys.executable, "-m", "app", "train", str(file), "--front",
         str(front_runs["classical"].path), "--upto", "activation-1", "--epochs", "1", "--out",
         str(tmp_path / "run"), "--json"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "finished"
    design = codec.load(tmp_path / "run" / DESIGN)
    assert [s.weights.origin for s in design.stages[:4]] == ["random", "run", "run", "random"]
