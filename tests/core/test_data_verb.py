"""`qdesigner data`, the options of `train` that choose data, and what is said of data that does not
fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from qdesigner.catalog import sets
from qdesigner.catalog.sets import ImageSet
from qdesigner.cli import cli
from qdesigner.cli.data import augmentation
from qdesigner.design import codec, edits
from qdesigner.design.checks import problems
from qdesigner.design.spec import Augmentation, DataSpec, Design
from qdesigner.errors import UserError
from qdesigner.paths import resource

QUICKSTART = codec.load(resource("templates/quickstart.qdesign"))


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def said(*arguments: str) -> str:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Eight cats and eight dogs, a broken file, and the first dog among the cats of val/ too."""
    root = tmp_path / "pets"
    for number in range(16):
        path = root / ("train", "val")[number % 2] / ("cat", "dog")[number // 8] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), (12 * number, 0, 90)).save(path)
    (root / "val/cat/again.png").write_bytes((root / "train/dog/8.png").read_bytes())
    (root / "train/cat/torn.png").write_bytes(b"torn")
    return root


def flowers(path: Path) -> Path:
    rows = [f"{k % 7 + 9 * (k % 2)},{k},{('rose', 'lily')[k % 2]},{k / 3}" for k in range(40)]
    path.write_text("\n".join(["length,width,kind,height", *rows, "x,1,rose,1"]))
    return path


# ---- the verb ------------------------------------------------------------------------------------


def test_a_folder_is_told_by_class_and_split_with_skipped_files_and_leaks(pets: Path) -> None:
    text = said("data", str(pets))
    rows = {cells[0]: cells[1:5] for cells in map(_cells, text.splitlines()) if len(cells) == 5}
    assert rows["cat"] == ["4", "5", "0", "9"] and rows["all"] == ["8", "9", "0", "17"]
    assert "train/cat/torn.png: its content is not an image" in text
    assert "1 images are in more than one split (leakage):" in text
    assert "train/dog/8.png (train) = val/cat/again.png (validation)" in text


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]


def test_a_held_out_split_is_told_as_the_test_it_serves_as(pets: Path) -> None:
    asked = ("data", str(pets), "--held-out", "test", "--validation", "0.4", "--json")
    found = json.loads(said(*asked).splitlines()[-1])
    assert [[c["train"], c["validation"], c["test"]] for c in found["classes"]] == [
        [3, 1, 5], [2, 2, 4]
    ]  # fmt: skip
    assert "held_out" in call("data", str(pets), "--held-out", "train").output


def test_json_holds_all_of_it(pets: Path) -> None:
    found = json.loads(said("data", str(pets), "--json").splitlines()[-1])
    assert (found["event"], found["source"], found["path"]) == ("surveyed", "folder", str(pets))
    assert found["classes"][0] == {"name": "cat", "train": 4, "validation": 5, "test": 0}
    assert [each["leaks"] for each in found["twins"]] == [True]
    assert len(found["skipped"]) == 1 and found["bytes"] > 0


def test_a_table_is_told_with_its_columns_and_its_label_can_be_chosen(tmp_path: Path) -> None:
    path = str(flowers(tmp_path / "flowers.csv"))
    text = said("data", path, "--label", "kind", "--columns", "length, height", "--test", "0.2")
    assert "Number columns: length, width, height." in text and "Other columns: kind." in text
    assert "The label is 'kind', from length, height." in text
    assert "flowers.csv, row 41: 'length': 'x' is not a number" in text
    assert ["lily", "11", "5", "4", "20"] in [_cells(line) for line in text.splitlines()]
    wrong = call("data", path, "--label", "size")
    assert wrong.exit_code == 2 and "has no column 'size'" in wrong.stderr


def test_a_public_set_that_is_not_here_is_told_and_fetched_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "--fetch downloads its 11.6 MB" in said("data", "mnist")
    row = sets.SETS["mnist"]
    nowhere = tuple(sets.Remote("http://127.0.0.1:1/x.gz", "", 1) for _ in row.files)
    offline = ImageSet(row.label, row.size, row.channels, row.train, row.held, nowhere)
    monkeypatch.setitem(sets.SETS, "mnist", offline)
    asked = call("data", "mnist", "--fetch")
    assert asked.exit_code == 2
    assert "MNIST could not be downloaded, no connection" in asked.stderr


def test_the_data_of_a_project_is_told() -> None:
    found = json.loads(said("data", "quickstart", "--json").splitlines()[-1])
    assert (found["source"], len(found["classes"])) == ("digits", 10)


# ---- options of train ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("flip", Augmentation(flip=True)),
        ("flip, crop=0.8,rotation=10,color=0.2,variants=8",
         Augmentation(flip=True, crop=0.8, rotation=10, colour=0.2, variants=8)),
        ("none", Augmentation()),
    ],
)  # fmt: skip
def test_augmentation_is_said_in_a_few_words(text: str, how: Augmentation) -> None:
    assert augmentation(text) == how


@pytest.mark.parametrize("text", ["flop", "flip=1", "crop", "crop=2", "rotation=far"])
def test_an_augmentation_that_cannot_be_meant_is_one_sentence(text: str) -> None:
    with pytest.raises(UserError, match=r"^--augment .*\.$"):
        augmentation(text)


def trained(tmp_path: Path, *options: str) -> tuple[DataSpec, dict[str, object]]:
    """The data that a run began with, and its first event."""
    out = tmp_path / "run"
    lines = said("train", "quickstart", "--epochs", "1", "--out", str(out), "--json", *options)
    rows = [json.loads(line) for line in lines.splitlines()]
    started = next(row for row in rows if row["event"] == "started")
    return codec.load(out / "design.json").data, started


def test_a_folder_is_trained_on_with_the_options_that_choose_of_it(
    pets: Path, tmp_path: Path
) -> None:
    spec, started = trained(
        tmp_path, "--data", str(pets), "--limit", "3", "--balanced", "--augment",
        "flip,variants=2", "--split-seed", "4", "--held-out", "test",
    )  # fmt: skip
    assert spec == DataSpec(
        source="folder", path=str(pets), limit=3, balanced=True, seed=4, held_out="test",
        augmentation=Augmentation(flip=True, variants=2),
    )  # fmt: skip
    assert (started["train"], started["validation"], started["test"]) == (6, 2, 6)


def test_a_table_is_trained_on_without_the_backbone(tmp_path: Path) -> None:
    path = flowers(tmp_path / "flowers.csv")
    spec, started = trained(
        tmp_path, "--data", str(path), "--label", "kind", "--columns", "length,width",
        "--as-it-is", "--validation", "0.2", "--test", "0.1",
    )  # fmt: skip
    assert (spec.columns, spec.label, spec.standardise) == (("length", "width"), "kind", False)
    assert (started["train"], started["validation"], started["test"]) == (28, 8, 4)


def test_points_are_trained_on(tmp_path: Path) -> None:
    spec, started = trained(
        tmp_path, "--data", "spirals", "--samples", "60", "--spread", "0.05"
    )  # fmt: skip
    assert (spec.source, spec.samples, spec.noise) == ("spirals", 60, 0.05)
    assert (started["train"], started["validation"]) == (44, 16)


def test_options_of_a_table_need_a_table() -> None:
    refused = call("train", "quickstart", "--label", "kind")
    assert refused.exit_code == 2 and "Only a table has columns" in refused.stderr


# ---- problems ------------------------------------------------------------------------------------


def only(design: Design) -> tuple[str, str, Design | None]:
    """The one problem of a design: severity, text, and the design once it is mended."""
    (problem,) = problems(design)
    return problem.severity, problem.text, problem.fix and problem.fix.apply(design)


def test_a_backbone_on_rows_of_numbers_is_named_and_removed() -> None:
    severity, text, mended = only(edits.use_data(QUICKSTART, "moons"))
    assert severity == "error" and "takes images, but the data is rows of numbers" in text
    assert mended is not None and problems(mended) == ()


def test_a_number_to_predict_needs_a_loss_of_numbers_and_one_output(tmp_path: Path) -> None:
    path = flowers(tmp_path / "t.csv")
    design = edits.small_model(edits.use_table(Design(), str(path), "height"))
    assert design.training.loss == "mse" and problems(design) == ()
    severity, text, mended = only(edits.set_training(design, loss="cross_entropy"))
    assert severity == "error" and "label is a number to predict" in text and mended == design
    wide = edits.set_stage_settings(design, design.stages[-1].id, outputs=3)
    severity, text, mended = only(wide)
    assert severity == "error" and "there is one to predict" in text and mended == design


def test_a_class_that_a_split_lacks_is_named_and_left_out(tmp_path: Path) -> None:
    path = flowers(tmp_path / "t.csv")
    path.write_text(path.read_text() + "\n3,3,tulip,1")
    design = edits.small_model(edits.use_table(Design(), str(path), "kind"))
    blocking, doubt = problems(design)
    assert "The class 'tulip' has no validation row" in blocking.text
    assert blocking.fix is not None and problems(blocking.fix.apply(design)) == ()
    assert (doubt.severity, doubt.where) == ("warning", "data")
    assert "15 times as many training samples as 'tulip'" in doubt.text
    assert doubt.fix is not None and doubt.fix.apply(design).data.balanced
