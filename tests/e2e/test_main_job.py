"""The real program, its real children, end to end: draw, train, an accident, resume, export."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DRIVE = Path(__file__).with_name("drive.py")


def drive(scenario: str, folder: Path, *more: str, seconds: float = 400) -> dict:
    """What a scenario reports of the program it drove, in a home that is this folder's own: a
    window begins with what the last one left there."""
    settings = {"QDESIGNER_HOME": str(folder / "home"), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, str(DRIVE), scenario, str(folder), *more],
        capture_output=True, text=True, encoding="utf-8", timeout=seconds,
        env={**os.environ, **settings, "PYTHONUTF8": "1"},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    report = json.loads(lines[-1])
    assert not report["error"], (report, done.stderr[-3000:])
    return report


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("main job")


@pytest.fixture(scope="module")
def report(folder: Path) -> dict:
    return drive("main_job", folder)


def test_a_dropped_block_is_one_undo_step_and_its_state_shows_before_the_drop(report: dict) -> None:
    assert report["over"] and report["dropped"]
    assert report["design while dragging"] == report["start"], "a drag alone changes nothing"
    assert report["after drop"] == report["start"].replace(" | ⟨Z⟩", " | RX layer | ⟨Z⟩")
    assert report["after undo"] == report["start"]


def test_training_shows_curves_and_predictions_of_real_images(report: dict) -> None:
    assert report["curve"][0] > report["curve"][2] > 0
    assert report["predictions"] == [225, 5] and report["thumbnails"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_worker_says_why_and_its_run_goes_on_from_the_checkpoint(report: dict) -> None:
    assert "SIGKILL" in report["reason"]
    assert report["worker is another"] and report["same run"]
    assert report["resumed at"] >= 4 and report["epochs in order"]


def test_the_window_never_loaded_the_heavy_libraries(report: dict) -> None:
    assert report["loaded"] == []


def test_the_exported_script_verifies_itself_without_the_program(
    report: dict, folder: Path
) -> None:
    assert "model.py" in report["exported"]
    script = folder / "model.py"
    assert "import qdesigner" not in script.read_text("utf-8")
    done = subprocess.run(
        [sys.executable, str(script), "--verify"], capture_output=True, text=True, timeout=200,
        encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified" in done.stdout


def test_a_saved_project_comes_back_with_its_run(report: dict, folder: Path) -> None:
    again = drive("reopened", folder)
    assert again["epochs"] >= report["resumed at"]
    assert again["predictions"] == [225, 5]
    assert len(again["weights"]) == 8 and any(abs(w) > 1e-3 for w in again["weights"])


@pytest.mark.shared
def test_the_window_stays_live_while_photographs_train(shared_data: Path, tmp_path: Path) -> None:
    """The gaps are reported, not asserted as times: what is asserted is that it worked."""
    report = drive("gaps", tmp_path, str(shared_data))
    print("\nwindow event gaps:", json.dumps(report))
    assert report["epochs"] == 60 and not report["reason"]
    assert report["moves"] > 20 and report["training"]["ticks"] > 20
