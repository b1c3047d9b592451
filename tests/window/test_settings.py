"""Settings that are broken, old or unwritable never stop the start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.settings import SCHEMA, Settings, load, save


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    kept = Settings(theme="dark", splitters={"columns": [1, 2, 3]}, hidden=["palette"])
    kept.remember(tmp_path / "a.qdesign")
    save(kept, tmp_path / "deep" / "settings.json")
    assert load(tmp_path / "deep" / "settings.json") == kept


def test_recent_files_are_newest_first_without_doubles() -> None:
    kept = Settings()
    for name in ("a", "b", "a", *"cdefghijkl"):
        kept.remember(Path(f"/p/{name}.qdesign"))
    names = [Path(path).stem for path in kept.recent]
    assert names[:2] == ["l", "k"] and len(names) == len(set(names)) == 10


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[1]", '{"schema": 99}', "\x00\x01", "[" * 100_000]
)
def test_a_broken_file_gives_the_defaults(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text, encoding="utf-8")
    assert load(tmp_path / "s.json") == Settings()


def test_only_the_values_that_cannot_be_used_are_left_out(tmp_path: Path) -> None:
    body = {
        "schema": SCHEMA, "theme": "pink", "recent": ["/a", 3], "last": "/a", "hidden": ["x"],
        "splitters": {"columns": [-1]}, "unknown": 1,
    }  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps(body), encoding="utf-8")
    assert load(tmp_path / "s.json") == Settings(last="/a", hidden=["x"])


def test_a_folder_that_cannot_be_written_costs_only_the_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    save(Settings(), tmp_path / "file" / "settings.json")
    assert load(tmp_path / "file" / "settings.json") == Settings()
