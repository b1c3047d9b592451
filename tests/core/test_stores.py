"""Backbones and the cache of features on the command line."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from weights_site import Site

from qdesigner.catalog.backbones import BACKBONES
from qdesigner.cli import stores


def call(tmp_path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    there = {"QDESIGNER_HOME": str(tmp_path / "home"), "TORCH_HOME": str(tmp_path / "torch")}
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments], capture_output=True, text=True, timeout=120,
        env={**os.environ, "no_proxy": "127.0.0.1", "COLUMNS": "160", **there, **more},
    )  # fmt: skip


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_backbones_are_found_by_any_words() -> None:
    assert len(stores.found("")) == 81
    assert [row.name for row in stores.found("resnet-18")] == ["resnet18"]
    assert {row.name for row in stores.found("regnet BY-NC")} == {"regnet_y_128gf"}


def test_the_table_says_what_one_needs_to_choose(tmp_path: Path) -> None:
    done = call(tmp_path, "backbones", "resnet18")
    assert done.returncode == 0, done.stderr
    for part in ("512", "11.2 M", "69.8 %", "224 px", "45 MB", "layer3, layer2, layer1"):
        assert part in done.stdout
    [row] = lines(call(tmp_path, "backbones", "mobilenet_v2", "--json"))
    assert row["cuts"] == {"features[13]": 96, "features[6]": 32, "features[3]": 24}
    assert row["here"] is False
    none = call(tmp_path, "backbones", "resnet19")
    assert (none.returncode, none.stderr.count("\n")) == (2, 1)


def test_weights_are_fetched_ahead_and_a_fetch_that_broke_off_goes_on(tmp_path: Path) -> None:
    site = Site()
    site.content = b"weights " * 100_000
    mirror = f"{site.base}/models"
    try:
        site.cut = 300_000
        broken = call(
            tmp_path, "backbones", "--fetch", "resnet18", "--json", QDESIGNER_WEIGHTS_URL=mirror
        )
        assert broken.returncode == 2
        assert "broke off after 300000 of 800000 bytes" in broken.stderr
        # Its rest is not what the name promises: a damaged file is not kept.
        wrong = call(
            tmp_path, "backbones", "--fetch", "resnet18", "--json", QDESIGNER_WEIGHTS_URL=mirror
        )
        found = hashlib.sha256(site.content).hexdigest()[:8]
        assert f"its checksum is {found}… where f37072fd… was promised" in wrong.stderr
        assert site.ranges == [None, "bytes=300000-"]
        assert not list((tmp_path / "torch").rglob("*.pth"))
    finally:
        site.close()
    path = tmp_path / "torch" / "hub" / "checkpoints" / BACKBONES["resnet18"].file
    path.write_bytes(b"")
    said = lines(call(tmp_path, "backbones", "--fetch", "resnet18", "--json"))
    assert said[-1] == {"event": "fetched", "name": "resnet18", "path": str(path)}


@pytest.mark.parametrize("name", ["resnet19", "-"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    done = call(tmp_path, "backbones", "--fetch", name)
    assert done.returncode == 2
    assert "There is no backbone" in done.stderr


def test_the_cache_is_shown_limited_and_cleared(tmp_path: Path) -> None:
    trained = call(
        tmp_path, "train", "quickstart", "--epochs", "1", "--out", str(tmp_path / "run"), "--json"
    )
    assert trained.returncode == 0, trained.stderr
    shown = call(tmp_path, "cache")
    assert "Embedded (digits 0–4): 64 features of" in shown.stdout
    assert "of at most 4 GB" in shown.stdout
    entry, whole = lines(call(tmp_path, "cache", "--json"))
    assert entry["bytes"] == whole["bytes"] > 0
    [whole] = lines(call(tmp_path, "cache", "--cap", "0", "--json"))
    assert whole == {"bytes": 0, "cap": 0.0, "freed": 0}
    refused = call(tmp_path, "cache", "--cap", "-1")
    assert refused.returncode == 2
