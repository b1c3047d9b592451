"""The project file: what is saved comes back; what is wrong in it is named with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qdesigner.design import codec, edits
from qdesigner.design.spec import Design
from qdesigner.paths import resource

TEMPLATES = sorted(resource("templates").glob("*.qdesign"))


@pytest.fixture
def quickstart() -> Design:
    return codec.load(resource("templates/quickstart.qdesign"))


def changed(design: Design, *path: str | int, value: object) -> str:
    """The design's file with one value exchanged."""
    raw = json.loads(codec.dumps(design))
    here = raw
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return json.dumps(raw)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_template_comes_back_from_its_file_unchanged(path: Path, tmp_path: Path) -> None:
    design = codec.load(path)
    codec.save(design, tmp_path / "copy.qdesign")
    assert codec.load(tmp_path / "copy.qdesign") == design
    assert (tmp_path / "copy.qdesign").read_bytes() == path.read_bytes()


def test_a_failed_save_leaves_the_old_file_and_no_litter(
    quickstart: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.qdesign"
    codec.save(quickstart, path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(codec.DocumentError, match="No space left"):
        codec.save(edits.rename(quickstart, "other"), path)
    assert codec.load(path) == quickstart
    assert [p.name for p in tmp_path.iterdir()] == ["mine.qdesign"]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("schema",), 99, "newer qdesigner"),
        (("schema",), "1", 'no valid "schema"'),
        (("schema",), True, 'no valid "schema"'),
        (("format",), "other", "does not say"),
        (("surprise",), 1, "at surprise: Extra inputs"),
        (("stages", 0, "kind"), "telepathy", "unknown stage 'telepathy'"),
        (("stages", 4, "circuit", "blocks", 0, "kind"), "warp", "unknown block 'warp'"),
        (("stages", 4, "circuit", "wires"), 500, "less than or equal to 24"),
        (("stages", 4, "circuit", "wires"), "4; import os", "stages[4].circuit.wires"),
        (("stages", 4, "circuit", "blocks", 1, "settings", "count"), 10**9, "between 1 and"),
        (("stages", 4, "circuit", "blocks", 1, "settings", "count"), 2.5, "whole number"),
        (("stages", 4, "circuit", "blocks", 1, "body", 0, "wires"), [0, 9], "wire 9"),
        (("stages", 4, "circuit", "blocks", 1, "body", 0, "wires"), [1, 1], "different"),
        (("stages", 1, "settings", "outputs"), -3, "between 0 and"),
        (("stages", 1, "settings", "outputs"), 10**400, "between 0 and"),
        (("stages", 1, "kind"), "x" * 5000, "unknown stage"),
        (("stages", 1, "settings", "outputs"), {"a": 1}, "stages[1].settings"),
        (("stages", 1, "id"), "../../etc", "pattern"),
        (("stages", 2, "id"), "linear-1", "two stages have the id"),
        (("stages", 2, "circuit"), {"wires": 2}, "no other stage does"),
        (("training", "learning_rate"), 1e400, "JSON"),
        (("training", "epochs"), 0, "training.epochs"),
        (("data", "classes"), ["5", "5"], "named twice"),
        (("name",), "two\nlines", "one line"),
    ],
)
def test_a_hostile_value_is_named_with_its_place(
    quickstart: Design, path: tuple[str | int, ...], value: object, says: str
) -> None:
    text = changed(quickstart, *path, value=value)
    if value == 1e400:
        text, says = text.replace("Infinity", "1e400"), "training.learning_rate"
    with pytest.raises(codec.DocumentError) as caught:
        codec.loads(text, "mine.qdesign")
    sentence = str(caught.value)
    assert says in sentence
    assert sentence.startswith("mine.qdesign") and "\n" not in sentence and len(sentence) < 500


def test_a_truncated_file_says_that_it_is_cut_short(quickstart: Design) -> None:
    text = codec.dumps(quickstart)
    for cut in (1, 10, len(text) // 2, len(text) - 3):
        with pytest.raises(codec.DocumentError, match=r"not a readable project.*line \d+"):
            codec.loads(text[:cut])


def test_nan_deep_nesting_bytes_folders_and_absent_files_are_sentences(
    quickstart: Design, tmp_path: Path
) -> None:
    with pytest.raises(codec.DocumentError, match="NaN"):
        codec.loads('{"format": "qdesigner", "schema": 1, "name": NaN}')
    with pytest.raises(codec.DocumentError, match="nested too deeply"):
        codec.loads("[" * 100_000)
    block: dict[str, object] = {"id": "x", "kind": "repeat", "body": []}
    for number in range(40):
        block = {"id": f"r{number}", "kind": "repeat", "body": [block]}
    deep = changed(quickstart, "stages", 4, "circuit", "blocks", 0, value=block)
    with pytest.raises(codec.DocumentError, match="nested more than 8 deep"):
        codec.loads(deep)
    (tmp_path / "picture.qdesign").write_bytes(b"\x89PNG\xff\xfe\x00")
    with pytest.raises(codec.DocumentError, match="not text"):
        codec.load(tmp_path / "picture.qdesign")
    with pytest.raises(codec.DocumentError, match="is a folder"):
        codec.load(tmp_path)
    with pytest.raises(codec.DocumentError, match="There is no file"):
        codec.load(tmp_path / "absent.qdesign")


@pytest.mark.parametrize(
    "block", [{"id": "y", "kind": "ry_layer"}, {"id": "y", "kind": "repeat"}], ids=["full", "empty"]
)
def test_repeats_inside_repeats_cannot_blow_up_the_expansion(
    quickstart: Design, block: dict[str, object]
) -> None:
    for number in range(4):
        block = {"id": f"r{number}", "kind": "repeat", "settings": {"count": 1000}, "body": [block]}
    with pytest.raises(codec.DocumentError, match="more than 100,000 operations"):
        codec.loads(changed(quickstart, "stages", 4, "circuit", "blocks", 1, value=block))
