"""Malformed projects and folders: exit code 2 and one sentence each, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from qdesigner.cli import cli
from qdesigner.design import codec, edits
from qdesigner.design.spec import Design
from qdesigner.paths import resource

QUICKSTART = codec.load(resource("templates/quickstart.qdesign"))


def picture(path: Path, size: int = 24, shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(shade)
    Image.fromarray(rng.integers(0, 255, (size, size, 3), dtype=np.uint8)).save(path)


def folder(root: Path, **counts: int) -> Path:
    """An image folder: ``train__ants=3`` makes three pictures in train/ants."""
    root.mkdir(exist_ok=True)
    for name, count in counts.items():
        (root / name.replace("__", "/")).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture(root / name.replace("__", "/") / f"{number}.png", shade=number)
    return root


def project(tmp: Path, design: Design) -> str:
    codec.save(design, tmp / "p.qdesign")
    return str(tmp / "p.qdesign")


def raw_project(tmp: Path, change: Callable[[dict], object]) -> str:
    raw = json.loads(codec.dumps(QUICKSTART))
    change(raw)
    (tmp / "p.qdesign").write_text(json.dumps(raw), encoding="utf-8")
    return str(tmp / "p.qdesign")


def on_folder(tmp: Path, **counts: int) -> Design:
    path = folder(tmp / "images", **counts)
    return edits.set_data(QUICKSTART, source="folder", path=str(path), classes=())


def broken_class(tmp: Path) -> str:
    design = on_folder(tmp, ants=4, bees=4)
    for path in (tmp / "images" / "bees").iterdir():
        path.write_bytes(b"<html>404 not found</html>")
    return project(tmp, design)


def bad_weights(tmp: Path, content: object) -> str:
    path = tmp / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    design = edits.set_backbone(QUICKSTART, "squeezenet1_1", str(path))
    return project(tmp, design)


def circuit_edit(change: Callable) -> Design:
    return edits.on_circuit(QUICKSTART, "quantum-1", change)


# Name of the case -> (makes the project, a part of the sentence, found by `check` already)
CASES: dict[str, tuple[Callable[[Path], str], str, bool]] = {
    "no such file": (lambda tmp: str(tmp / "none.qdesign"), "There is no file", True),
    "a folder": (lambda tmp: str(tmp), "folder", True),
    "not json": (lambda tmp: _written(tmp, "hello"), "not a readable project", True),
    "cut short": (
        lambda tmp: _written(tmp, codec.dumps(QUICKSTART)[:300]), "not a readable project", True,
    ),
    "not ours": (lambda tmp: _written(tmp, '{"a": 1}'), "not a qdesigner project", True),
    "newer": (lambda tmp: raw_project(tmp, lambda r: r.update(schema=7)), "newer", True),
    "unknown block": (
        lambda tmp: raw_project(
            tmp, lambda r: r["stages"][4]["circuit"]["blocks"][0].update(kind="warp")
        ),
        "unknown block 'warp'", True,
    ),
    "unknown stage": (
        lambda tmp: raw_project(tmp, lambda r: r["stages"][0].update(kind="magic")),
        "unknown stage 'magic'", True,
    ),
    "unknown device": (
        lambda tmp: raw_project(tmp, lambda r: r.update(device="quantum-9000")), "device", True,
    ),
    "no stages": (lambda tmp: project(tmp, QUICKSTART.but(stages=())), "no stages yet", True),
    "qubits are not features": (
        lambda tmp: project(tmp, edits.set_stage_settings(QUICKSTART, "linear-1", outputs=6)),
        "embeds 4 features but 6 come in", True,
    ),
    "wrong shape between stages": (
        lambda tmp: project(tmp, edits.insert_stage_kind(QUICKSTART, "conv", "linear-1")),
        "takes images", True,
    ),
    "wrong number of classes": (
        lambda tmp: project(tmp, edits.set_stage_settings(QUICKSTART, "linear-2", outputs=3)),
        "3 numbers, but there are 5 classes", True,
    ),
    "no embedding": (
        lambda tmp: project(
            tmp, circuit_edit(lambda c: edits.remove_blocks(c, ["h_ry_embedding-1"]))
        ),
        "no embedding", True,
    ),
    "everything frozen": (
        lambda tmp: project(
            tmp,
            QUICKSTART.but(stages=tuple(s.but(frozen=s.row.trainable) for s in QUICKSTART.stages)),
        ),
        "nothing to train", True,
    ),
    "no folder chosen": (
        lambda tmp: project(tmp, edits.set_data(QUICKSTART, source="folder", classes=())),
        "No image folder is chosen", True,
    ),
    "folder away": (
        lambda tmp: project(
            tmp, edits.set_data(QUICKSTART, source="folder", path=str(tmp / "x"), classes=())
        ),
        "does not exist", True,
    ),
    "folder is a file": (
        lambda tmp: project(
            tmp, edits.set_data(QUICKSTART, source="folder", path=__file__, classes=())
        ),
        "is a file", True,
    ),
    "no images": (lambda tmp: project(tmp, on_folder(tmp)), "holds no images", True),
    "one class": (lambda tmp: project(tmp, on_folder(tmp, ants=4)), "at least two classes", True),
    "empty class": (
        lambda tmp: project(tmp, on_folder(tmp, train__ants=3, val__ants=2, train__bees=0,
                                           val__bees=2)),
        "bees", False,
    ),
    "unknown class": (
        lambda tmp: project(
            tmp, edits.set_data(on_folder(tmp, ants=4, bees=4), classes=("ants", "wasps"))
        ),
        "no class 'wasps'", True,
    ),
    "a class of broken files": (broken_class, "bees", False),
    "nothing to validate on": (
        lambda tmp: project(tmp, edits.set_data(on_folder(tmp, ants=4, bees=4), validation=0.0)),
        "no images to validate on", True,
    ),
    "missing weights": (
        lambda tmp: project(
            tmp, edits.set_backbone(QUICKSTART, "resnet18", str(tmp / "none.pth"))
        ),
        "none.pth", True,
    ),
    "weights that are no weights": (lambda tmp: bad_weights(tmp, b"nonsense"), "weights", False),
    "weights of another model": (
        lambda tmp: bad_weights(tmp, {"fc.weight": torch.zeros(2, 2)}), "weights", False,
    ),
}  # fmt: skip


def _written(tmp: Path, text: str) -> str:
    (tmp / "p.qdesign").write_text(text, encoding="utf-8")
    return str(tmp / "p.qdesign")


def one_sentence(result: object, says: str) -> None:
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    errors = [line for line in result.stderr.splitlines() if line.startswith("qdesigner: ")]
    assert errors and says in errors[0], result.stderr
    assert errors[0].endswith(".") and "Traceback" not in result.output


@pytest.mark.parametrize("case", [name for name, (_, _, early) in CASES.items() if early])
def test_check_names_what_is_wrong(case: str, tmp_path: Path) -> None:
    make, says, _ = CASES[case]
    one_sentence(CliRunner().invoke(cli, ["check", make(tmp_path)]), says)


@pytest.mark.parametrize("case", CASES)
def test_train_names_what_is_wrong_and_begins_no_run(case: str, tmp_path: Path) -> None:
    make, says, _ = CASES[case]
    out = tmp_path / "run"
    result = CliRunner().invoke(cli, ["train", make(tmp_path), "--out", str(out)])
    one_sentence(result, says)
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "quickstart", "--epochs", "0"], "greater than or equal to 1"),
        (["train", "quickstart", "--lr", "nan"], "finite"),
        (["train", "quickstart", "--backbone", "resnet9000"], "no backbone 'resnet9000'"),
        (["train", "quickstart", "--batch-size", "-4"], "greater than or equal"),
        (["train", "nothing-like-it"], "templates: "),
        (["new", "nothing-like-it", "-o", "x.qdesign"], "no template"),
        (["new", "quickstart", "-o", "no/such/folder/x.qdesign"], "cannot be saved"),
        (["export", "quickstart", "-o", "no/such/folder/x.py"], "no/such/folder"),
        (["predict", "no-run", "a.png"], "not a run folder"),
        (["train", "quickstart", "--resume", "no-run"], "no-run"),
    ],
)
def test_wrong_arguments_are_one_sentence(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one_sentence(CliRunner().invoke(cli, arguments), says)
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_that_holds_something_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    result = CliRunner().invoke(cli, ["train", "quickstart", "--out", str(tmp_path)])
    one_sentence(result, "already holds something")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
