"""The cache of features can be looked at, limited and cleared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from qdesigner.data.dataset import open_dataset
from qdesigner.design import edits
from qdesigner.design.spec import DataSpec, Design
from qdesigner.errors import UserError
from qdesigner.model.build import Split
from qdesigner.session import cache
from qdesigner.training.inputs import prepare


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path))
    monkeypatch.delenv("QDESIGNER_CACHE_GB", raising=False)
    return tmp_path


def fill(cut: str = "") -> torch.Tensor:
    """The features of a few digits, from the embedded backbone cut somewhere."""
    design = edits.small_model(Design(data=DataSpec(classes=("5", "6"), limit=20)))
    design = edits.set_stage_settings(design, "backbone-1", cut=cut)
    data = open_dataset(design.data)
    inputs = prepare(
        design, Split(design, 2), data, data.train, lambda what: lambda *now: None, lambda: False
    )
    return inputs.batch(torch.arange(len(data.train)))[0]


def test_an_entry_says_what_it_is_and_clearing_it_frees_what_it_took() -> None:
    assert cache.entries() == ()
    whole = fill()
    fill("conv2")
    newer, older = cache.entries()
    assert newer.what == "Embedded (digits 0–4) up to conv2"
    assert older.what == "Embedded (digits 0–4)"
    assert (older.images, older.shape) == (len(whole), (64,))
    on_disk = sum(file.stat().st_size for file in older.folder.iterdir())
    assert older.bytes == on_disk > 4 * whole.numel()
    assert cache.clear([older]) == on_disk
    assert cache.entries() == (newer,)
    assert cache.clear() == newer.bytes
    assert cache.entries() == ()
    assert torch.equal(fill(), whole)


def test_a_lower_limit_drops_what_was_not_used_for_longest_and_is_remembered() -> None:
    fill()
    fill("conv2")
    newer, older = cache.entries()
    os.utime(newer.folder, (1_000_000, 1_000_000))
    assert cache.cap() == 4 * cache.GB
    cache.set_cap(1.5 * older.bytes / cache.GB)
    assert [entry.folder for entry in cache.entries()] == [older.folder]
    assert cache.cap() == pytest.approx(1.5 * older.bytes)
    fill("conv1")
    assert [entry.what for entry in cache.entries()] == ["Embedded (digits 0–4) up to conv1"]


@pytest.mark.parametrize("size", [-1.0, float("nan"), float("inf")])
def test_what_is_no_size_is_refused(size: float) -> None:
    with pytest.raises(UserError, match="cannot be limited"):
        cache.set_cap(size)
    assert cache.cap() == 4 * cache.GB


def test_the_environment_comes_before_what_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.set_cap(2.0)
    monkeypatch.setenv("QDESIGNER_CACHE_GB", "1.5")
    assert cache.cap() == 1.5 * cache.GB
    assert cache.cap_is_fixed()


@pytest.mark.parametrize(
    "about",
    ["", "[]", '{"shape": [3], "key": {"prefix": {"stages": []}}}', '{"key": 3}', "[" * 9999],
)
def test_an_entry_that_cannot_be_read_is_shown_and_can_be_cleared(about: str) -> None:
    fill()
    [entry] = cache.entries()
    (entry.folder / "about.json").write_text(about, encoding="utf-8")
    [broken] = cache.entries()
    assert broken.what == "Features of an unknown front"
    assert broken.bytes > 0
    assert cache.clear() == broken.bytes
    assert cache.entries() == ()
