"""The kernels' cache only saves time: without it, or with a damaged one, results are the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import os, numpy as np
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.engine.compile import compile
from qdesigner.engine.simulate import evaluate
program = compile(Circuit(wires=1, blocks=(Block(id="x", kind="x", wires=(0,)),)))
print(evaluate(program, np.zeros((1, 0), np.float32), np.zeros(0, np.float32)).tolist())
print(os.environ["NUMBA_CACHE_DIR"])
"""


def run(**environment: str) -> list[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        capture_output=True, text=True, env={**kept, **environment}, timeout=300, check=False,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    assert "Error" not in out.stderr
    return out.stdout.splitlines()


def test_it_lies_in_the_user_s_cache_folder_and_a_damaged_one_is_no_failure(tmp_path: Path) -> None:
    result, folder = run(QDESIGNER_HOME=str(tmp_path))
    assert result == "[[-1.0]]"
    assert Path(folder) == tmp_path / "cache" / "kernels"
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    assert files, "the compiled kernel was kept"
    for path in files:
        path.write_bytes(b"\x80damaged")
    assert run(QDESIGNER_HOME=str(tmp_path))[0] == "[[-1.0]]"


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert run(NUMBA_CACHE_DIR=str(tmp_path / "file" / "kernels"))[0] == "[[-1.0]]"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_that_is_read_only_is_no_failure(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert run(QDESIGNER_HOME=str(tmp_path))[0] == "[[-1.0]]"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_may_use_threads_of_its_own() -> None:
    code = """
import os, sys
from qdesigner.engine import threads
threads.COUNT = 3
def total():
    seen = []
    threads.spread(lambda start, end: seen.append(start), 20)
    return sorted(seen) == list(range(20))
assert total()
child = os.fork()
if child == 0:
    os._exit(0 if total() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60, check=True)
