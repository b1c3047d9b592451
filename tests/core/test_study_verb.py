"""The study verb: what it compares, and what it refuses before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qdesigner.cli import cli
from qdesigner.cli.studies import asked
from qdesigner.design import edits, grid
from qdesigner.design.studies import template

SMALL = edits.set_data(edits.set_training(template("quickstart"), epochs=2), limit=12, test=0.2)


def test_what_is_asked_is_what_is_compared(tmp_path: Path) -> None:
    study = asked("controls", ("digits", "digits"), "quickstart", limit=20, seeds=3, epochs=4)
    assert [named.name for named in study.data] == ["digits", "digits 2"]
    assert {t.design.training.epochs for t in study.tasks()} == {4}
    assert {t.design.data.limit for t in study.tasks()} == {20}
    assert len(study.tasks()) == 5 * 2 * 3
    assert asked("activations").variants[0].design.name == template("quantum-activation").name
    photographs = asked("entanglement", ("hymenoptera",), seeds=1)
    models = [t.design.backbone.settings["model"] for t in photographs.tasks()[3:]]
    assert models == ["resnet18"] * 3, "the embedded backbone knows digits alone"
    other = asked("entanglement", ("hymenoptera",), backbone="mobilenet_v2", weights="random")
    assert [v.name for v in other.variants[3:]] == [
        "mobilenet_v2", "mobilenet_v2-q", "mobilenet_v2-q-ent"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["controlls"], "There is no study 'controlls', and no such file (studies: controls"),
        (["entanglement", "--design", "quickstart"], "compares templates of its own: no --design"),
        (["activations", "--design", "quickstart"], "has no quantum activation"),
        (["rates.qstudy", "--design", "quickstart"], "rates.qstudy says which design it compares"),
        (["controls", "--data", "digits", "--data", "moons"], "give --data of one kind"),
        (["controls", "--workers", "2", "--scheduler", "tcp://x:1"], "--workers or --scheduler"),
        (["controls", "--out", "taken"], "already holds something that is no study"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grid.save(
        grid.Grid(name="rates", design=SMALL, axes=(grid.Axis("training.seed", (1, 2)),)),
        tmp_path / "rates.qstudy",
    )
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("keep me")
    done = CliRunner().invoke(cli, ["study", *words])
    assert done.exit_code == 2 and said in " ".join(done.output.split()), done.output


def test_a_study_ends_with_its_table_its_sentence_and_its_report(tmp_path: Path) -> None:
    words = ["study", "controls", "--epochs", "1", "--limit", "12", "--seeds", "2", "--out"]
    done = CliRunner().invoke(cli, [*words, str(tmp_path / "s")])
    assert done.exit_code == 0, done.output
    assert "without entanglers" in done.stdout and "8 quantum" in done.stdout
    assert "2 seeds show" in done.stdout or "quantum part" in done.stdout
    report = (tmp_path / "s" / "report.md").read_text()
    assert f"qdesigner study controls --limit 12 --seeds 2 --epochs 1 --out {tmp_path}" in report
    again = CliRunner().invoke(cli, [*words, str(tmp_path / "s"), "--json"])
    told = [json.loads(line) for line in again.stdout.splitlines()]
    assert told[0]["event"] == "studybegun" and told[0]["done"] == 10
    (reported,) = [event for event in told if event["event"] == "reported"]
    assert len(reported["scores"]) == 5 and len(reported["comparisons"]) == 4
    assert told[-1] == told[-1] | {"event": "studyended", "done": 10, "failed": 0, "why": ""}
