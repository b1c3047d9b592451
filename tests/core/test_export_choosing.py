"""A script chooses the very samples that the program chooses, in the same order, of any source; and
its text is one that a linter likes."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_data_sources import cifar_files, small
from test_export_files import text_module
from test_export_script import ruff

from qdesigner.catalog import sets
from qdesigner.catalog.sets import CIFAR_FOLDER
from qdesigner.data.dataset import Dataset, open_dataset
from qdesigner.design import edits
from qdesigner.design.spec import Augmentation, DataSpec, Design, Stage
from qdesigner.export.script import script

FLAT = (Stage(id="f-1", kind="flatten"), Stage(id="l-1", kind="linear"))
CHOICES = (
    {}, {"limit": 3}, {"balanced": True}, {"limit": 4, "balanced": True, "test": 0.2},
    {"held_out": "test", "validation": 0.3},
)  # fmt: skip


def picture(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 5), (value, 90, 0)).save(path)


def ours(data: Dataset) -> list[list[tuple[Any, float]]]:
    """Training and validation samples of the program: paths, pixels or numbers, and labels."""

    def thing(item: Any) -> Any:
        if item.path is not None:
            return item.path
        if data.pictures is not None:
            return data.pictures.array(item.index).tobytes()
        assert data.rows is not None
        return data.rows[item.index].tolist()

    return [[(thing(i), i.label) for i in part] for part in (data.train, data.validation)]


def theirs(found: Any) -> list[list[tuple[Any, float]]]:
    """The same of a script."""

    def thing(value: Any) -> Any:
        if isinstance(value, Image.Image):
            return value.tobytes()
        return np.array(value, np.float32).tolist() if isinstance(value, list) else value

    return [[(thing(value), label) for value, label in part] for part in found]


def agree(spec: DataSpec, folder: Path, reader: str, *arguments: Path) -> None:
    data = open_dataset(spec)
    exported = text_module(Design(data=spec, stages=FLAT), data.classes, folder)
    with contextlib.redirect_stderr(io.StringIO()):
        found = getattr(exported, reader)(*arguments)
    assert theirs(found) == ours(data)


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize(
    "below",
    [("{}",), ("train/{}",), ("train/{}", "val/{}"), ("train/{}", "Val/{}", "test/{}")],
)
def test_a_folder_of_classes_of_different_sizes(
    below: tuple[str, ...], choice: dict[str, Any], tmp_path: Path
) -> None:
    for number in range(40):
        folder = below[number % len(below)].format("few" if number % 7 < 2 else "many")
        picture(tmp_path / "data" / folder / f"{number}.png", number)
    spec = DataSpec(source="folder", path=str(tmp_path / "data"), seed=3).but(**choice)
    agree(spec, tmp_path, "read_folder", tmp_path / "data")


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("header", ["", "Split;Class;Filename"])
@pytest.mark.parametrize("unsplit", ["", "test"])
def test_a_list_with_splits_and_lines_that_cannot_be_used(
    unsplit: str, header: str, choice: dict[str, Any], tmp_path: Path
) -> None:
    lines = [header] if header else []
    for number in range(36):
        picture(tmp_path / "in" / f"{number}.png", 5 * number)
        part = (unsplit, "val", "train")[number // 3 % 3]
        cells = [f"in/{number}.png", "cat" if number % 3 else "dog", part]
        lines.append(";".join(cells[::-1] if header else cells))
    bad = ["in/0.png;cat;train", "in/1.txt;cat;train", ";cat;train", "in/99.png;cat;train"]
    lines += [";".join(line.split(";")[::-1]) if header else line for line in bad]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    spec = DataSpec(source="files", path=str(tmp_path / "list.csv"), seed=1).but(**choice)
    agree(spec, tmp_path, "read_list", tmp_path / "list.csv")


def test_cifar_from_its_binary_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sets.SETS, "cifar10", small("cifar10", 5, 1))
    (tmp_path / "copy" / CIFAR_FOLDER).mkdir(parents=True)
    for name, content in cifar_files().items():
        (tmp_path / "copy" / CIFAR_FOLDER / name).write_bytes(content)
    spec = DataSpec(source="cifar10", path=str(tmp_path / "copy"), classes=("cat", "truck"))
    agree(spec, tmp_path, "read_set", tmp_path / "copy")


@pytest.mark.parametrize("held_out", ["validation", "test"])
def test_hymenoptera_from_its_archives_folder(held_out: str, tmp_path: Path) -> None:
    for number in range(20):
        place = f"{('train', 'val')[number % 2]}/{('ants', 'bees')[number // 10]}"
        picture(tmp_path / "copy" / "hymenoptera_data" / place / f"{number}.png", number)
    spec = DataSpec(source="hymenoptera", path=str(tmp_path / "copy"), limit=4)
    spec = spec.but(held_out=held_out)
    agree(spec, tmp_path, "read_set", tmp_path / "copy")


def test_a_parquet_file(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, an extra")
    from pyarrow import parquet

    numbers = np.random.default_rng(2).normal(size=(30, 2)).round(3)
    a: list[float | None] = [*numbers[:29, 0].tolist(), None]
    kinds = [k % 3 for k in range(30)]
    table = pyarrow.table({"a": a, "b": numbers[:, 1].tolist(), "kind": kinds})
    parquet.write_table(table, tmp_path / "t.parquet")
    design = edits.use_table(Design(), str(tmp_path / "t.parquet"), "kind")
    agree(design.data.but(balanced=True), tmp_path, "read_table", tmp_path / "t.parquet")


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize(
    ("source", "reader"),
    [("digits", "read_digits"), ("moons", "read_points"), ("spirals", "read_points")],
)
def test_what_needs_no_file(
    source: str, reader: str, choice: dict[str, Any], tmp_path: Path
) -> None:
    agree(DataSpec(source=source, seed=5).but(**choice), tmp_path, reader)  # type: ignore[arg-type]


def test_every_source_gives_a_script_that_a_linter_likes(tmp_path: Path) -> None:
    many = tuple(f"a column with quite a long name {k}" for k in range(9))
    table = {"source": "table", "columns": many, "label": "kind"}
    vary = Augmentation(flip=True, crop=0.5, rotation=3, colour=0.1, variants=2)
    specs = [
        *(DataSpec(source=s, path="p", augmentation=a, limit=n)  # type: ignore[arg-type]
          for s in ("digits", "folder", "files", "mnist", "fashion_mnist", "cifar10", "hymenoptera")
          for a in (vary, vary.but(variants=0), Augmentation()) for n in (0, 5)),
        *(DataSpec(source=s, path="p", held_out="test")  # type: ignore[arg-type]
          for s in ("folder", "files", "hymenoptera")),
        *(DataSpec(source=s, balanced=b) for s in ("moons", "spirals") for b in (True, False)),
        *(DataSpec(**table, path=p, standardise=s)  # type: ignore[arg-type]
          for p in ("t.csv", "t.parquet") for s in (True, False)),
        *(DataSpec(**table, path=p, task="regress") for p in ("t.csv", "t.pq")),  # type: ignore
    ]  # fmt: skip
    for number, spec in enumerate(specs):
        design = Design(data=spec, stages=FLAT)
        if spec.task == "regress":
            design = edits.set_training(design, loss="mse")
        text = script(design, () if spec.task == "regress" else ("0", "1"), "model_files")
        (tmp_path / f"source{number}.py").write_text(text, encoding="utf-8")
    assert ruff(tmp_path) == ""
