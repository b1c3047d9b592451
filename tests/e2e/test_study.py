"""Studies as the command line conducts them: a cluster loses a worker, the program is killed."""

from __future__ import annotations

import collections
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qdesigner.design import edits, grid
from qdesigner.design.studies import template
from qdesigner.studies.store import Store

ROOT = Path(__file__).resolve().parents[2]
BARE = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
SMALL = edits.set_data(
    edits.set_training(template("quickstart"), epochs=2), limit=12, test=0.2
)  # a run takes a fraction of a second


def grid_file(folder: Path, seeds: int, epochs: int = 2) -> Path:
    """Four learning rates × seeds."""
    design = edits.set_training(SMALL, epochs=epochs)
    rates = grid.Axis(path="training.learning_rate", values=(0.01, 0.02, 0.03, 0.04))
    found = grid.Grid(name="rates", design=design, axes=(rates,), seeds=tuple(range(seeds)))
    grid.save(found, folder / "rates.qstudy")
    return folder / "rates.qstudy"


def program(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        encoding="utf-8", cwd=folder, env=BARE,
    )  # fmt: skip


def lines(study: subprocess.Popen[str]) -> Iterator[dict]:
    assert study.stdout is not None
    for line in study.stdout:
        yield json.loads(line)


def test_forty_runs_on_a_cluster_that_loses_a_worker_are_all_done_once(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason='a cluster needs pip install "qdesigner[cluster]"')
    dask = ("-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard")
    scheduler = program(tmp_path, *dask, "--host", "127.0.0.1", "--scheduler-file", "dask.json")
    workers = []
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "dask.json").is_file() and time.monotonic() < end:
            time.sleep(0.05)
        address = json.loads((tmp_path / "dask.json").read_text())["address"]
        for name in ("a", "b"):
            worker = ("-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--name")
            workers.append(
                program(tmp_path, *worker, name, "--no-nanny", "--no-dashboard",
                        "--local-directory", f"scratch-{name}")
            )  # fmt: skip
        file = grid_file(tmp_path, seeds=10)
        study = program(
            tmp_path, "-m", "app", "study", str(file), "--out", "there", "--scheduler", address,
            "--json",
        )  # fmt: skip
        heard, done = [], 0
        for event in lines(study):
            heard.append(event)
            done += event["event"] == "rundone"
            if event["event"] == "rundone" and done == 12:
                workers[0].send_signal(signal.SIGKILL)
        assert study.wait(60) == 0, study.stderr.read()
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
    assert workers[0].returncode == -signal.SIGKILL
    counts = collections.Counter(e["result"]["key"] for e in heard if e["event"] == "rundone")
    store = Store.open(tmp_path / "there")
    assert len(store.tasks) == 40
    assert counts == dict.fromkeys(store.tasks, 1)
    assert set(store.results()) == set(store.tasks)
    assert heard[-1]["event"] == "studyended" and heard[-1]["failed"] == 0
    assert (tmp_path / "there" / "report.md").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_study_that_is_killed_does_only_what_is_missing_when_it_is_started_again(
    tmp_path: Path,
) -> None:
    file = grid_file(tmp_path, seeds=3)
    words = ("-m", "app", "study", str(file), "--out", "there", "--workers", "2", "--json")
    killed = program(tmp_path, *words)
    for event in lines(killed):
        if event["event"] == "rundone" and event["done"] == 4:
            killed.send_signal(signal.SIGKILL)
    assert killed.wait(60) == -signal.SIGKILL
    store = Store.open(tmp_path / "there")
    before = {key: _stamp(store, key) for key in store.results()}
    assert 4 <= len(before) < 12

    again = program(tmp_path, *words)
    heard = list(lines(again))
    assert again.wait(60) == 0, again.stderr.read()
    assert next(e for e in heard if e["event"] == "studybegun")["done"] == len(before)
    after = store.results()
    assert len(after) == 12
    assert {key: _stamp(store, key) for key in before} == before, "what was done is left alone"

    other = tmp_path / "whole"
    whole = program(tmp_path, *(str(other) if word == "there" else word for word in words))
    list(lines(whole))
    assert whole.wait(60) == 0
    scores = {key: result.values for key, result in Store.open(other).results().items()}
    assert scores == {key: result.values for key, result in after.items()}, "fixed seeds reproduce"


def _stamp(store: Store, key: str) -> int:
    return (store.run_folder(key) / "result.json").stat().st_mtime_ns
