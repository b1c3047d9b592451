"""README's first command without a display: it trains, and leaves a script that verifies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def program(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program on a machine without a display, started in ``folder``."""
    bare = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, encoding="utf-8",
        cwd=folder, timeout=300, env={**bare, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_the_quickstart_without_a_display_leaves_script_run_and_picture(tmp_path: Path) -> None:
    done = program(tmp_path, "-m", "app", "quickstart")
    assert done.returncode == 0, done.stderr
    assert "no display" in done.stderr
    assert {p.name for p in tmp_path.iterdir()} == {
        "quickstart.py", "quickstart_files", "quickstart_run", "quickstart.png",
    }  # fmt: skip
    lines = (tmp_path / "quickstart_run" / "events.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[-1])["best_val_accuracy"] >= 0.95
    assert min(Image.open(tmp_path / "quickstart.png").size) > 500

    verified = program(tmp_path, "quickstart.py", "--verify")
    assert verified.returncode == 0 and "verified" in verified.stdout, verified.stdout
    worst = float(verified.stdout.split("=")[1].split()[0])
    assert worst <= 1e-5

    again = program(tmp_path, "-m", "app", "quickstart", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout.splitlines()[-1])["event"] == "exported"
    assert (tmp_path / "quickstart_run-2").is_dir(), "the first run is kept"
