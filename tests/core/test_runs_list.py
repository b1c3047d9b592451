"""The list of runs: what each says of itself, its name, and its end."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path

import made_run
import pytest

from qdesigner.errors import UserError
from qdesigner.session.runs import (
    delete_run,
    empty_bin,
    list_runs,
    rename_run,
    restore_run,
    run_row,
)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    made_run.write_run(folder / "first", epochs=6)
    made_run.write_run(folder / "second", epochs=3)
    for place, name in enumerate(("first", "second")):
        about = json.loads((folder / name / "run.json").read_text())
        about["started"] = f"2026-01-0{place + 1}T10:00:00+00:00"
        (folder / name / "run.json").write_text(json.dumps(about))
    (folder / "no-run").mkdir()
    return folder


def long_ago(run: Path) -> None:
    os.utime(run / "events.jsonl", (time.time() - 100, time.time() - 100))


def test_the_newest_run_stands_first_and_each_says_how_far_and_how_good_it_is(runs: Path) -> None:
    long_ago(runs / "second")
    (runs / "second" / "last.pt").write_bytes(b"")
    second, first = list_runs(runs)
    assert (first.path.name, first.state, first.epochs, first.total) == ("first", "finished", 6, 6)
    assert first.best == first.last == pytest.approx(0.78) and first.best_epoch == 6
    assert (second.state, second.epochs, second.resumable) == ("interrupted", 3, True)
    assert not first.resumable and first.data == "digits" and first.bytes > 1000


def test_epochs_run_again_after_a_resume_count_once(runs: Path) -> None:
    more = [made_run.started(runs, first_epoch=2), made_run.epoch(2, best=False)]
    with (runs / "second" / "events.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(event.to_json()) + "\n" for event in more)
    assert run_row(runs / "second").epochs == 2


def test_a_run_outside_is_listed_too_and_a_broken_one_says_why(runs: Path, tmp_path: Path) -> None:
    elsewhere = made_run.write_run(tmp_path / "elsewhere", epochs=0)
    (runs / "first" / "design.json").write_text("{")
    rows = {row.path.name: row for row in list_runs(runs, [elsewhere, runs / "second"])}
    assert len(rows) == 3 and math.isnan(rows["elsewhere"].best)
    assert rows["first"].error and not rows["second"].error


def test_a_run_can_be_named(runs: Path) -> None:
    rename_run(runs / "first", "  Four wires,\n deep ")
    assert run_row(runs / "first").name == "Four wires, deep"
    rename_run(runs / "first", "")
    assert run_row(runs / "first").name == made_run.design().name
    with pytest.raises(UserError):
        rename_run(runs / "first", "\x1b[31m")


def test_a_deleted_run_can_be_had_back_until_the_bin_is_emptied(runs: Path) -> None:
    before = run_row(runs / "first")
    aside = delete_run(runs / "first")
    assert [row.path.name for row in list_runs(runs)] == ["second"]
    restore_run(aside, runs / "first")
    assert run_row(runs / "first") == before
    aside = delete_run(runs / "first")
    empty_bin(runs)
    assert not aside.exists()
    with pytest.raises(UserError):
        restore_run(aside, runs / "first")


def test_what_is_no_run_or_goes_on_is_not_deleted(runs: Path) -> None:
    with pytest.raises(UserError, match="not a run"):
        delete_run(runs / "no-run")
    with pytest.raises(UserError, match="stop it first"):
        delete_run(runs / "second")
    long_ago(runs / "second")
    delete_run(runs / "second")
