"""A run rehearsed for hardware: accuracy against shots, and under the noise of real machines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from qdesigner.catalog.devices import DEVICES, missing
from qdesigner.cli import cli
from qdesigner.design import codec, edits
from qdesigner.design.spec import Design, DeviceSpec
from qdesigner.errors import UserError
from qdesigner.paths import resource
from qdesigner.session import events, rehearsal_plan
from qdesigner.session.rehearsal import (
    FILE,
    Begun,
    Measured,
    Reached,
    Rehearsal,
    Rehearse,
    read_rehearsal,
    write_rehearsal,
)
from qdesigner.session.rehearsal_words import said
from qdesigner.studies.rehearsal import PNG, REPORT, SVG, TABLE, rehearsed
from qdesigner.training.evaluate import evaluate
from qdesigner.training.loop import train
from qdesigner.training.rehearse import interval, rehearse

QUICKSTART = codec.load(resource("templates/quickstart.qdesign"))
SHORT = edits.set_training(edits.set_data(QUICKSTART, limit=12, test=0.3), epochs=3)


def trained(design: Design, out: Path) -> Path:
    train(design, lambda event: None, out=str(out))
    return out


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(SHORT, tmp_path_factory.mktemp("rehearse") / "run")


def needs_aer() -> None:
    absent = missing(DEVICES["qiskit.aer"])
    if absent:
        pytest.skip(absent)


def without_time(found: Rehearsal) -> list[Measured]:
    return [replace(row, seconds=0.0) for row in found.rows]


# ---- the values ----------------------------------------------------------------------------------


def test_a_row_of_one_repeat_is_what_evaluate_says(run: Path, tmp_path: Path) -> None:
    found = rehearse(run, shots=(20,), snapshots=(), repeats=1, out=tmp_path)
    exact, (few,) = found.exact, found.with_shots
    assert exact is not None and found.begun.split == "test"
    assert exact.score == evaluate(run, DeviceSpec(), split="test").accuracy
    told = evaluate(run, DeviceSpec(shots=20), split="test")
    assert (few.score, few.circuits, few.images) == (
        told.accuracy, told.circuits, len(told.keys)
    )  # fmt: skip
    assert read_rehearsal(tmp_path) == found


def test_a_machines_row_is_what_evaluate_says_with_what_transpiling_made(
    run: Path, tmp_path: Path
) -> None:
    needs_aer()
    found = rehearse(
        run, shots=(), snapshots=("Manila",), limit=8, repeats=1, on_machines=30, out=tmp_path
    )
    exact, (row,) = found.exact, found.machines
    spec = DeviceSpec(name="qiskit.aer", shots=30, noise="fake_manila")
    told = evaluate(run, spec, split="test", limit=8)
    same = evaluate(run, DeviceSpec(), split="test", limit=8)
    assert (row.device, row.score, row.images) == ("Manila", told.accuracy, 8)
    assert row.changed == pytest.approx((told.predictions != same.predictions).mean())
    assert exact is not None and (exact.depth, exact.two_qubit) == (None, None)
    # Three CNOTs in each of two bricks, on a line of couplings that has them all.
    assert row.two_qubit == 6 and row.depth is not None and row.depth > 6


def test_repeats_have_seeds_of_their_own_that_stay(run: Path, tmp_path: Path) -> None:
    first, second = (
        rehearse(run, shots=(10,), snapshots=(), repeats=3, out=tmp_path) for _ in range(2)
    )
    assert without_time(first) == without_time(second)
    one = rehearse(run, shots=(10,), snapshots=(), repeats=1, out=tmp_path)
    row = first.with_shots[0]
    assert row.circuits == 3 * one.with_shots[0].circuits
    assert row.low < row.high and row.scatter == "shots"  # the repeats do differ


def test_with_very_many_shots_the_answers_are_the_exact_ones(run: Path, tmp_path: Path) -> None:
    found = rehearse(run, shots=(1_000_000, 3), snapshots=(), repeats=2, out=tmp_path)
    few, many = found.with_shots  # in order of shots
    assert (few.shots, many.shots) == (3, 1_000_000)
    assert few.changed is not None and many.changed is not None
    assert many.changed <= 0.02 < few.changed
    assert abs(many.score - many.exact) <= 0.02


def test_a_frozen_circuit_that_is_computed_once_draws_its_shots_all_the_same(
    tmp_path: Path,
) -> None:
    design = SHORT
    for stage in design.stages[:-1]:
        if stage.row.trainable:
            design = edits.set_frozen(design, stage.id, True)
    out = trained(edits.set_training(design, epochs=1), tmp_path / "run")
    found = rehearse(out, shots=(3, 30), snapshots=(), repeats=2)
    assert found.exact is not None
    assert found.exact.score == evaluate(out, DeviceSpec(), split="test").accuracy
    assert [row.changed for row in found.with_shots] != [0.0, 0.0]
    one = rehearse(out, shots=(3,), snapshots=(), repeats=1).with_shots[0]
    assert one.score == evaluate(out, DeviceSpec(shots=3), split="test").accuracy


def test_of_a_regression_the_error_is_rehearsed(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(60, 3)).round(4)
    lines = [f"{a},{b},{a + b:.4f}" for a, b, _ in numbers]
    (tmp_path / "t.csv").write_text("a,b,y\n" + "\n".join(lines) + "\n")
    words = ["train", "quickstart", "--data", str(tmp_path / "t.csv"), "--label", "y"]
    words += ["--task", "regress", "--epochs", "1", "--out", str(tmp_path / "run"), "--json"]
    assert CliRunner().invoke(cli, words).exit_code == 0
    found = rehearse(tmp_path / "run", shots=(10,), snapshots=(), repeats=2)
    row = found.with_shots[0]
    assert found.begun.errors and found.begun.noun == "rows" and row.changed is None
    assert found.exact is not None
    assert found.exact.score == pytest.approx(evaluate(tmp_path / "run", DeviceSpec()).accuracy)
    assert "error" in said(found)[0]


def test_intervals_are_wilsons_for_samples_and_add_up_samples_for_shots() -> None:
    # Wilson's interval of 8 out of 10, as tables give it.
    low, high, about = interval(np.array([[1.0] * 8 + [0.0] * 2]), errors=False)
    assert (round(low, 4), round(high, 4), about) == (0.4902, 0.9433, "samples")
    # Nine of forty answers come and go: each has a variance of 1/3; 40² samples, 4 repeats.
    scores = np.ones((4, 40))
    scores[:, 39] = scores[:2, :9] = 0
    low, high, about = interval(scores, errors=False)
    half = 1.96 * (9 / 3 / 40**2 / 4) ** 0.5
    middle = (40 - 1 - 4.5) / 40
    assert (low, high, about) == (
        pytest.approx(middle - half), pytest.approx(middle + half), "shots"
    )  # fmt: skip
    assert interval(np.abs(scores), errors=True)[:2] == (low, high)


def test_that_no_answer_changed_in_a_few_repeats_does_not_mean_that_none_will() -> None:
    scores = np.ones((5, 20))
    scores[:, :10] = 0
    assert interval(scores, errors=False)[:2] == (0.5 - 3 / 100, 0.5 + 3 / 100)


# ---- what is said --------------------------------------------------------------------------------


def test_progress_rows_and_the_expected_time_are_told(run: Path, tmp_path: Path) -> None:
    heard: list[events.Event] = []
    found = rehearse(run, (10, 100), (), limit=20, repeats=2, tell=heard.append, out=tmp_path)
    begun = next(event for event in heard if isinstance(event, Begun))
    assert (begun.images, begun.rows) == (20, 3) and begun.expected > 0
    assert [event for event in heard if isinstance(event, Measured)] == list(found.rows)
    shares = [event.share for event in heard if isinstance(event, Reached)]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)


def test_without_a_test_split_validation_samples_are_taken_and_it_is_said(tmp_path: Path) -> None:
    design = edits.set_training(edits.set_data(SHORT, test=0.0), epochs=1)
    out = trained(design, tmp_path / "run")
    found = rehearse(out, shots=(10,), snapshots=(), limit=5, repeats=1)
    assert found.begun.split == "validation" and "no test split" in found.begun.note
    with pytest.raises(UserError, match="no images to test on"):
        rehearse(out, shots=(10,), snapshots=(), split="test")


def made(*rows: tuple[str, int, float], exact: float = 0.9, spread: float = 0.002) -> Rehearsal:
    begun = Begun("test", 200, 200, 5, len(rows) + 1, 0, 3, 1.0)
    first = Measured("Built-in simulator", "", 0, 200, 1, exact, 0.8, 0.95, exact, 0.0, 200, 0.1)
    others = [
        Measured(
            device, f"fake_{device.lower()}" if device else "", shots, 200, 5, score,
            score - spread, score + spread, exact, 0.05, 1000, 0.1, "shots",
        )
        for device, shots, score in rows
    ]  # fmt: skip
    return Rehearsal(begun, (first, *others), True)


def test_it_is_said_from_how_many_shots_on_it_is_as_good_as_exact() -> None:
    # 10 shots are lucky: 32 are not as good.
    found = made(("", 10, 0.9), ("", 32, 0.85), ("", 100, 0.895), ("", 316, 0.9))
    assert said(found)[0].startswith(
        "From 100 shots on the accuracy is within 1 % of exact (90.0 %); with so many, 5.0 %"
    )
    never = made(("", 10, 0.9), ("", 10_000, 0.85))
    assert said(never) == (
        "Even with 10,000 shots the accuracy is not within 1 % of exact: 85.0 % instead of 90.0 %.",
    )


def test_it_is_said_what_a_machine_takes_and_what_cannot_be_shown() -> None:
    found = made(("Manila", 1000, 0.85), ("Fez", 0, 0.899), ("Lima", 1000, 0.92))
    assert said(found) == (
        "On Manila with 1,000 shots the accuracy falls by 5.0 points to 85.0 %; 5.0 % of the "
        "answers change.",
        "On Fez with any number of shots the accuracy stays as it is (89.9 %) as far as 5 repeats "
        "show; 5.0 % of the answers change.",
        "On Lima with 1,000 shots the accuracy rises by 2.0 points to 92.0 %; 5.0 % of the "
        "answers change.",
    )


def test_what_takes_long_is_rehearsed_on_fewer_samples() -> None:
    ask = Rehearse("", snapshots=("fake_manila",))
    assert rehearsal_plan.images_of(QUICKSTART, ask, 5000) == 200
    slow = replace(ask, repeats=1000)
    assert 20 <= rehearsal_plan.images_of(QUICKSTART, slow, 5000) < 200
    assert rehearsal_plan.images_of(QUICKSTART, replace(slow, limit=3000), 5000) == 3000
    assert rehearsal_plan.images_of(QUICKSTART, ask, 7) == 7


# ---- the files -----------------------------------------------------------------------------------


def test_rows_so_far_stay_when_it_is_stopped(run: Path, tmp_path: Path) -> None:
    rows: list[events.Event] = []

    def hear(event: events.Event) -> None:
        if isinstance(event, Measured):
            assert read_rehearsal(tmp_path) is not None  # it is kept before it is told
            rows.append(event)

    found = rehearse(
        run, (10, 20, 30), (), repeats=1, tell=hear, out=tmp_path, stopped=lambda: len(rows) == 2
    )
    assert len(found.rows) == 2 and not found.whole
    assert read_rehearsal(tmp_path) == found
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = made(("", 10, 0.9))
    write_rehearsal(tmp_path, old)

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match=r"No space left.*--out"):
        write_rehearsal(tmp_path, made(("", 32, 0.8)))
    monkeypatch.undo()
    assert read_rehearsal(tmp_path) == old
    assert len(list(tmp_path.iterdir())) == 1


def broken(change: dict[str, Any]) -> str:
    begun = Begun("test", 1, 1, 1, 1, 0, 1, 1.0)
    raw = {
        "format": "qdesigner-rehearsal", "version": 1, "rows": [], "whole": True,
        "begun": {"split": begun.split, "images": 1, "available": 1, "repeats": 1, "rows": 1,
                  "seed": 0, "epoch": 1, "expected": 1.0},
    }  # fmt: skip
    return json.dumps({**raw, **change})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be used"),
        ("[" * 100_000, "cannot be used"),
        ("[]", "it is no rehearsal"),
        (broken({"version": 2}), "newer version"),
        (broken({"rows": [{"device": "x"}]}), r"rows\.0"),
        (broken({"whole": "yes"}), "whole"),
        (broken({"begun": 3}), "begun"),
    ],
)
def test_a_strangers_file_is_refused_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UserError, match=says):
        read_rehearsal(tmp_path)


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    write_rehearsal(tmp_path, made(("", 10, 0.9)))
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace('"score": 0.9', '"score": NaN', 1))
    with pytest.raises(UserError, match="score"):
        read_rehearsal(tmp_path)
    assert read_rehearsal(tmp_path / "nowhere") is None


def test_table_report_and_plot_lie_beside_it(run: Path, tmp_path: Path) -> None:
    ask = Rehearse(str(run), shots=(10, 100), limit=10, repeats=2)
    found = rehearsed(ask, out=tmp_path)
    text = (tmp_path / REPORT).read_text()
    assert all(sentence.split(";")[0] in text for sentence in said(found))
    assert "--split test --limit 10 --repeats 2" in text and str(run.parent) not in text
    lines = (tmp_path / TABLE).read_text().splitlines()
    assert len(lines) == 1 + len(found.rows) and lines[0].startswith("device,snapshot,shots")
    assert (tmp_path / PNG).read_bytes()[:4] == b"\x89PNG" and b"<svg" in (
        tmp_path / SVG
    ).read_bytes()


# ---- bad input and the verb ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"shots": (0,)}, "0 is no number of shots"),
        ({"shots": (10**7,)}, "choose 1 to 1,000,000"),
        ({"shots": (), "snapshots": ()}, "nothing to rehearse"),
        ({"snapshots": ("mannila",)}, "did you mean fake_manila"),
        ({"snapshots": ("fake_armonk",)}, "the circuit has 4 wires"),
        ({"repeats": 0}, "choose 1 to"),
        ({"limit": -1}, "cannot be taken"),
        ({"split": "exam"}, "no split 'exam'"),
        ({"on_machines": -5}, "for a snapshot"),
    ],
)
def test_what_cannot_be_rehearsed_is_refused_in_a_sentence(
    run: Path, tmp_path: Path, asked: dict[str, Any], says: str
) -> None:
    needs_aer()
    with pytest.raises(UserError, match=says):
        rehearse(run, **{"shots": (10,), "snapshots": (), "out": tmp_path, **asked})
    assert not list(tmp_path.iterdir())


def test_snapshots_without_aer_are_refused_and_none_are_taken(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "Qiskit Aer needs qiskit_aer, which is not installed: pip install x"
    monkeypatch.setattr(rehearsal_plan, "missing", lambda kind: words)
    with pytest.raises(UserError, match=r"not installed.*Or rehearse without snapshots"):
        rehearse(run, snapshots=("manila",), out=tmp_path)
    found = rehearse(run, shots=(10,), repeats=1, limit=5, out=tmp_path)
    assert not found.machines


def test_a_run_without_a_circuit_is_refused(tmp_path: Path) -> None:
    design = SHORT
    for stage in design.stages:
        if stage.circuit is not None:
            design = edits.remove_stage(design, stage.id)
    out = trained(edits.set_training(design, epochs=1), tmp_path / "run")
    with pytest.raises(UserError, match="no quantum circuit"):
        rehearse(out)


def test_the_verb_tells_rows_as_json_and_shows_a_table(run: Path, tmp_path: Path) -> None:
    words = ["rehearse", str(run), "--shots", "10,100", "--snapshots", "none", "--limit", "6"]
    words += ["--repeats", "2", "--out", str(tmp_path)]
    result = CliRunner().invoke(cli, [*words, "--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["shots"] for row in rows if row["event"] == "measured"] == [0, 10, 100]
    assert rows[-1]["event"] == "rehearsaldone" and FILE in rows[-1]["files"]
    shown = CliRunner().invoke(cli, words)
    assert shown.exit_code == 0 and "accuracy, % (95 %)" in shown.stdout
    assert "shots on the accuracy is within" in shown.stdout or "Even with" in shown.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--shots", "1e3"], "no number of shots"),
        (["--snapshots", "atlantis"], "no snapshot"),
        (["--split", "exam"], "no split"),
    ],
)
def test_the_verb_refuses_in_a_sentence(run: Path, words: list[str], says: str) -> None:
    result = CliRunner().invoke(cli, ["rehearse", str(run), *words])
    assert result.exit_code == 2 and says in result.output
