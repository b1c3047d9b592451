"""A new run that begins with another one's weights, and the runs as the command line names them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from qdesigner.cli import cli
from qdesigner.design import codec, edits
from qdesigner.design.spec import DataSpec, Design
from qdesigner.errors import UserError
from qdesigner.paths import resource
from qdesigner.session import events, record
from qdesigner.session.runs import runs_folder
from qdesigner.training.loop import train
from qdesigner.training.runs import Run

SHORT = edits.set_data(
    edits.set_training(codec.load(resource("templates/quickstart.qdesign")), epochs=4), limit=30
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("branch") / "source"
    train(SHORT, lambda event: None, out=str(out))
    return out


def branched(design: Design, source: Path, epoch: int, out: Path) -> list[events.Event]:
    heard: list[events.Event] = []
    train(design, heard.append, out=str(out), branch=str(source), epoch=epoch)
    return heard


def of(heard: object, kind: type) -> list:
    return [event for event in heard if isinstance(event, kind)]  # type: ignore[attr-defined]


def test_a_branch_goes_on_from_an_epochs_weights_with_the_curve_up_to_there(
    source: Path, tmp_path: Path
) -> None:
    other = edits.set_training(SHORT, epochs=5, learning_rate=1e-30)  # by which no weight moves
    heard = branched(other, source, 2, tmp_path / "new")
    (started,), (mark,) = of(heard, events.Started), of(heard, events.Mark)
    assert (started.first_epoch, started.at) == (3, 2.0)
    assert (mark.at, mark.kind, mark.text) == (2.0, "branch", "from epoch 2 of source")
    assert mark.kept == mark.trainable > 0
    learned = Run.open(source).weights_at(2)
    for name, value in Run.open(tmp_path / "new").weights_at(5).items():
        if "running" not in name and "num_batches" not in name:  # batch norm's own statistics
            assert torch.equal(value, learned[name]), name
    said = {e.epoch: e for e in of(record.read_events(tmp_path / "new"), events.Epoch)}
    theirs = {e.epoch: e for e in of(record.read_events(source), events.Epoch)}
    assert list(said) == [1, 2, 3, 4, 5]
    assert [said[n].val_loss for n in (1, 2)] == [theirs[n].val_loss for n in (1, 2)]
    assert record.kept_epochs(tmp_path / "new") == (1, 2, 3, 4, 5)
    assert record.read_record(tmp_path / "new").state == "finished"


def test_a_branch_of_a_finished_run_has_as_many_epochs_more(source: Path, tmp_path: Path) -> None:
    heard = branched(edits.set_training(SHORT, epochs=2), source, 0, tmp_path / "new")
    assert [event.epoch for event in of(heard, events.Epoch)] == [5, 6]
    assert Run.open(tmp_path / "new").design.training.epochs == 6


def test_a_branch_may_be_of_an_edited_model(source: Path, tmp_path: Path) -> None:
    edited = edits.insert_stage_kind(SHORT, "dropout", "squash-1")
    heard = branched(edited, source, 3, tmp_path / "new")
    assert isinstance(heard[-1], events.Finished)
    assert record.design_at(tmp_path / "new", 3).stages == SHORT.stages
    assert record.design_at(tmp_path / "new", 4).stages == edited.stages
    assert Run.open(tmp_path / "new").model_at(2) is not None


def test_a_branch_that_cannot_be_says_why(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"epoch 9 .* not kept"):
        branched(SHORT, source, 9, tmp_path / "new")
    with pytest.raises(UserError, match="is not a run folder"):
        branched(SHORT, tmp_path, 1, tmp_path / "new")
    table = DataSpec(source="table", path="t.csv", label="y", task="regress", columns=("a", "b"))
    with pytest.raises(UserError, match="do not branch from one another"):
        branched(SHORT.but(data=table), source, 1, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_command_line_branches_lists_names_and_deletes_runs(source: Path) -> None:
    say = CliRunner()

    def told(*words: str) -> str:
        result = say.invoke(cli, list(words), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    lines = told("train", "--branch", str(source), "--epoch", "3", "--json").splitlines()
    run = Path(json.loads(lines[-1])["run"])
    assert run.parent == runs_folder() and json.loads(lines[-1])["epochs"] == 4
    told("runs", "rename", run.name, "my branch")
    rows = [json.loads(line) for line in told("runs", "--json").splitlines()]
    assert [row["path"] for row in rows if row["name"] == "my branch"] == [str(run)]
    shown = json.loads(told("runs", "show", "my branch", "--json"))
    assert shown["kept"] == [1, 2, 3, 4] and shown["state"] == "finished"
    told("runs", "delete", "my branch", "--yes")
    assert not run.exists() and not (runs_folder() / ".deleted").exists()
    again = say.invoke(cli, ["runs", "show", "my branch"])
    assert again.exit_code == 2 and "There is no run 'my branch'" in again.output
    both = say.invoke(cli, ["train", "quickstart", "--epoch", "3"])
    assert both.exit_code == 2 and "--branch" in both.output
