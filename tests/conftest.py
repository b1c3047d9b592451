"""Fixtures for every test: a private home for caches and runs, and the shared photographs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# Compiling the simulator's kernels takes seconds: once a checkout, not once a child process.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / "kernels"))


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Caches, runs and settings of the tests lie apart from the user's own."""
    kept = os.environ.get("QDESIGNER_HOME")
    if kept is None:
        os.environ["QDESIGNER_HOME"] = str(tmp_path_factory.mktemp("home"))
    yield
    if kept is None:
        del os.environ["QDESIGNER_HOME"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real photographs and pretrained weights; skips where it is absent."""
    if not (SHARED / "data" / "hymenoptera").is_dir():
        pytest.skip("needs the shared folder with real photographs and weights beside the checkout")
    return SHARED
