"""The templates that come with the program: each says where it comes from, trains and exports."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from qdesigner.artifacts.export import export
from qdesigner.catalog.sources import PHOTOGRAPHS
from qdesigner.cli import cli, open_design
from qdesigner.cli.common import template_names
from qdesigner.design import edits
from qdesigner.design.checks import problems
from qdesigner.design.origins import on_own_data
from qdesigner.design.spec import Design, Goal
from qdesigner.session import events
from qdesigner.training.loop import train
from qdesigner.training.runs import Run

NAMES = template_names()
PAPER = {"quantum-transfer-learning", "cc", "qc", "qq"}
DECK = {
    "quantum-classifier", "quantum-activation", "lenet", "lenet-q", "lenet-q-ent", "resnet18",
    "resnet18-q", "resnet18-q-ent",
}  # fmt: skip
OTHERS = {"qiskit-hybrid", "strongly-entangling", "data-reuploading", "spiral", "parameter-shift"}


def test_every_system_of_the_documents_is_there() -> None:
    assert set(NAMES) >= PAPER | DECK | OTHERS


@pytest.mark.parametrize("name", NAMES)
def test_each_says_where_it_comes_from_and_starts_offline_without_an_error(name: str) -> None:
    design = open_design(name)
    origin = design.origin
    assert origin is not None and origin.family and origin.source and origin.goal is not None
    assert len(design.about) > 100
    assert name == "quickstart" or origin.differs
    assert design.data.source in ("digits", "moons", "spirals") and not design.data.path
    assert [p.text for p in problems(design) if p.severity == "error"] == []
    assert edits.stands_in(design) == bool(origin.backbone)
    own = on_own_data(design)
    assert (own != design) == (origin.data is not None)
    if origin.backbone:
        assert own.backbone is not None and own.backbone.settings["model"] == origin.backbone
        assert own.data.source in PHOTOGRAPHS and own.origin.goal == origin.own_goal


def short(design: Design) -> Design:
    """Two epochs of few samples."""
    design = edits.set_training(design, epochs=2, batch_size=8)
    if design.data.rows:
        return edits.set_data(design, samples=80)
    return edits.set_data(design, limit=12)


@pytest.mark.parametrize("name", NAMES)
def test_each_trains_and_its_script_verifies_itself(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[events.Event] = []
    run = train(short(open_design(name)), heard.append, out=str(tmp_path / "run"))
    assert run is not None and isinstance(heard[-1], events.Finished)
    script = export(Run.open(run.path), tmp_path / "script.py")
    monkeypatch.setattr(sys, "argv", [str(script), "--verify"])
    threads = torch.get_num_threads()
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(script), run_name="__main__")
    torch.set_num_threads(threads)
    assert not end.value.code
    assert capsys.readouterr().out.endswith("verified\n")


def test_a_template_is_checked_against_its_own_goal(tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    words = ["templates", "--check", "dense-features", "--table", str(table), "--json"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    row = json.loads(done.stdout.splitlines()[-1])
    goal = open_design("dense-features").origin.goal
    assert row["goal"]["threshold"] == goal.threshold and row["value"] >= goal.threshold
    assert row["reached"] and row["export"] == "verified"
    assert f"{row['value']:.4f}" in table.read_text()


def test_a_goal_that_is_missed_is_said_and_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    from qdesigner.cli import proving

    design = open_design("dense-features")
    beyond = design.origin.but(goal=Goal(metric="loss", threshold=0.0))
    short_of = edits.set_training(design, epochs=1).but(origin=beyond)
    monkeypatch.setattr(proving, "open_design", lambda name: short_of)
    done = CliRunner().invoke(cli, ["templates", "--check", "dense-features"])
    assert done.exit_code == 1
    assert "MISSED" in done.output and "its goal is 0." in done.output


def test_the_documents_own_data_can_be_a_local_copy(shared_data: Path, tmp_path: Path) -> None:
    design = on_own_data(open_design("qiskit-hybrid"), str(shared_data / "data"))
    assert design.data.path == str(shared_data / "data" / "mnist")
    assert design.data.classes == ("0", "1") and design.data.limit == 100
    assert problems(design) == ()
