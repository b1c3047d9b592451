"""A script trains on the program's own samples, whatever the source and however they are varied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_export_files import HEAD, Call, call  # noqa: F401
from test_export_training import FLAT, figures, told_epochs

from qdesigner.artifacts.export import export
from qdesigner.design import edits
from qdesigner.design.spec import Augmentation, DataSpec, Design, Stage
from qdesigner.training.runs import Run

VARIED = Augmentation(flip=True, crop=0.7, rotation=10, colour=0.2)
FRONT = Stage(id="conv-1", kind="conv", settings={"channels": 2, "kernel": 3}, frozen=True)


def agree(design: Design, folder: Path, call: Call, *data: str) -> str:  # noqa: F811
    """Train in the program and by its script; what the script printed."""
    design = edits.set_training(design, epochs=3, learning_rate=0.02)
    told = told_epochs(design, folder / "run")
    path = export(Run.open(folder / "run"), folder / "model.py")
    code, said = call(path, "--train", *data)
    assert code == 0, said
    ours = [[e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy] for e in told]
    np.testing.assert_allclose(figures(said), ours, atol=1e-3)
    code, checked = call(path, "--verify")
    assert code == 0, checked
    return said


@pytest.mark.parametrize("source", ["moons", "spirals"])
def test_generated_points(source: str, tmp_path: Path, call: Call) -> None:  # noqa: F811
    design = Design(data=DataSpec(source=source, samples=60, noise=0.2, seed=4), stages=HEAD)
    agree(design, tmp_path, call)


@pytest.mark.parametrize("standardise", [True, False])
def test_a_table_of_classes(standardise: bool, tmp_path: Path, call: Call) -> None:  # noqa: F811
    random = np.random.default_rng(3)
    rows = random.normal(5, 2, (70, 2))
    lines = [f"{a:.4f};{b:.4f};{'over' if a > b else 'under'}" for a, b in rows]
    lines[7] = "x;1;over"
    table = tmp_path / "t.csv"
    table.write_text("a;b;side\n" + "\n".join(lines) + "\n", encoding="utf-8")
    design = edits.use_table(Design(stages=HEAD), str(table), "side")
    said = agree(edits.set_data(design, standardise=standardise), tmp_path, call, str(table))
    assert "skipped 1" in said
    code, said = call(tmp_path / "model.py", str(table))
    assert code == 1 and said.count("over (") + said.count("under (") == 69


@pytest.mark.parametrize("variants", [0, 2])
@pytest.mark.parametrize("front", [(), (FRONT,)], ids=["all trained", "behind a frozen front"])
def test_augmented_images(
    front: tuple[Stage, ...],
    variants: int,
    tmp_path: Path,
    call: Call,  # noqa: F811
) -> None:
    data = DataSpec(classes=("1", "7"), limit=20, augmentation=VARIED.but(variants=variants))
    agree(Design(data=data, stages=(*front, *FLAT)), tmp_path, call)


def test_a_list_of_files(tmp_path: Path, call: Call) -> None:  # noqa: F811
    random = np.random.default_rng(5)
    lines = ["path,label"]
    for number in range(24):
        pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'ab'[number % 2]}")
    file = tmp_path / "files.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    data = DataSpec(source="files", path=str(file), size=8)
    agree(Design(data=data, stages=FLAT), tmp_path, call, str(file))


@pytest.mark.shared
def test_a_local_copy_of_mnist(shared_data: Path, tmp_path: Path, call: Call) -> None:  # noqa: F811
    folder = str(shared_data / "data" / "mnist")
    data = DataSpec(source="mnist", path=folder, classes=("3", "8"), limit=20, validation=0.05)
    agree(Design(data=data, stages=FLAT), tmp_path, call, folder)
