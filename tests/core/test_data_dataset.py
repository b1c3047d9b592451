"""Where images come from: the embedded digits, and folders in either layout."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qdesigner.data import verify as verify_module
from qdesigner.data.dataset import Dataset, Item, open_dataset
from qdesigner.design.facts import data_facts
from qdesigner.design.spec import DataSpec
from qdesigner.errors import UserError

SPLITS = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "cache"


def draw(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (12, 12, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def flat(root: Path, counts: dict[str, int]) -> DataSpec:
    seed = 0
    for name, count in counts.items():
        for number in range(count):
            seed += 1
            draw(root / name / f"{number:03}.png", seed)
    return DataSpec(source="folder", path=str(root))


def split(root: Path, **counts: dict[str, int]) -> DataSpec:
    for part, classes in counts.items():
        flat(root / part, classes)
    return DataSpec(source="folder", path=str(root))


def keys(data: Dataset, part: str) -> set[str]:
    return {item.key for item in getattr(data, part)}


def counted(data: Dataset) -> tuple[int, int, int]:
    return len(data.train), len(data.validation), len(data.test)


def test_the_quickstarts_digits_are_split_as_the_window_says_before_any_is_read() -> None:
    spec = DataSpec(classes=("5", "6", "7", "8", "9"), test=0.1)
    data, facts = open_dataset(spec), data_facts(spec)
    assert data.classes == facts.classes == ("5", "6", "7", "8", "9")
    assert counted(data) == (facts.train, facts.validation, facts.test)
    assert not keys(data, "train") & keys(data, "validation")
    assert sum(counted(data)) == 182 + 181 + 179 + 174 + 180


def test_a_digit_is_an_8_by_8_picture_of_its_class() -> None:
    from sklearn.datasets import load_digits

    data, table = open_dataset(DataSpec(classes=("3", "8"))), load_digits()
    item = data.validation[0]
    assert item.key == f"digits/{item.index}"
    assert data.classes[item.label] == str(table.target[item.index])
    picture = data.image(item, 1)
    assert (picture.mode, picture.size) == ("L", (8, 8))
    assert np.array_equal(np.asarray(picture), np.rint(table.images[item.index] * 255 / 16))
    assert data.image(item, 3).mode == "RGB"


def test_a_seed_gives_the_same_split_and_another_seed_another() -> None:
    one, again, other = (open_dataset(DataSpec(seed=seed)) for seed in (1, 1, 2))
    assert one.train == again.train
    assert keys(one, "train") != keys(other, "train")


def test_leaving_out_a_class_moves_no_other_image(tmp_path: Path) -> None:
    spec = flat(tmp_path / "pets", {"cat": 8, "dog": 8, "emu": 8})
    whole = open_dataset(spec)
    fewer = open_dataset(spec.model_copy(update={"classes": ("cat", "emu")}))
    assert fewer.classes == ("cat", "emu")
    assert keys(fewer, "train") == {k for k in keys(whole, "train") if not k.startswith("dog/")}


def test_a_flat_folder_is_split_class_by_class(tmp_path: Path) -> None:
    spec = flat(tmp_path / "pets", {"cat": 8, "dog": 12}).model_copy(update={"test": 0.25})
    data = open_dataset(spec)
    assert [sum(i.label == 0 for i in getattr(data, s)) for s in SPLITS] == [4, 2, 2]
    assert [sum(i.label == 1 for i in getattr(data, s)) for s in SPLITS] == [6, 3, 3]
    facts = data_facts(spec)
    assert counted(data) == (facts.train, facts.validation, facts.test)


def test_train_and_val_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    spec = split(tmp_path / "d", train={"a": 3, "b": 2}, val={"a": 1, "b": 1}, test={"a": 2})
    data = open_dataset(spec)
    assert counted(data) == (5, 2, 2)
    assert keys(data, "validation") == {"val/a/000.png", "val/b/000.png"}


def test_a_train_folder_alone_gives_its_share_to_validation(tmp_path: Path) -> None:
    spec = split(tmp_path / "d", train={"a": 8, "b": 8}, test={"a": 1, "b": 1})
    assert counted(open_dataset(spec)) == (12, 4, 2)
    facts = data_facts(spec)
    assert (facts.train, facts.validation, facts.test) == (12, 4, 2)


def test_a_limit_counts_usable_images_of_a_class_in_each_split(tmp_path: Path) -> None:
    spec = split(tmp_path / "d", train={"a": 9, "b": 9}, val={"a": 9, "b": 9})
    for number in range(5):
        (tmp_path / "d" / "train" / "a" / f"{number:03}.png").write_bytes(b"broken")
    data = open_dataset(spec.model_copy(update={"limit": 4}))
    assert counted(data) == (8, 8, 0)
    assert len(data.skipped) <= 5


def test_with_a_limit_only_as_many_files_are_opened_as_it_takes(tmp_path: Path) -> None:
    spec = split(tmp_path / "d", train={"a": 30, "b": 30}, val={"a": 30, "b": 30})
    looked: list[tuple[int, int]] = []
    open_dataset(spec.model_copy(update={"limit": 2}), lambda *now: looked.append(now))
    assert looked[-1] == (8, 8)


def test_files_that_are_no_images_are_skipped_and_listed_with_their_reason(tmp_path: Path) -> None:
    spec = flat(tmp_path / "pets", {"cat": 8, "dog": 8})
    cat = tmp_path / "pets" / "cat"
    whole = draw(tmp_path / "whole.png", 99).read_bytes()
    bad = {
        "page.php": b"<?php", "gone.gif": b"GIF89a", "empty.jpg": b"",
        "page.jpg": b"<html>", "torn.png": whole[:200],
    }  # fmt: skip
    for name, content in bad.items():
        (cat / name).write_bytes(content)
    data = open_dataset(spec)
    reasons = {Path(file.path).name: file.reason for file in data.skipped}
    assert reasons.keys() == bad.keys()
    assert ".php" in reasons["page.php"]
    assert "empty" in reasons["empty.jpg"]
    assert "not an image" in reasons["page.jpg"]
    assert "broken" in reasons["torn.png"]
    assert sum(counted(data)) == 16


def linux_only() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux lets a file's name be any bytes")


def test_names_that_are_not_text_are_skipped_and_listed(tmp_path: Path) -> None:
    linux_only()
    spec = flat(tmp_path / "pets", {"cat": 8, "dog": 8})
    image = (tmp_path / "pets" / "cat" / "000.png").read_bytes()
    stray = os.fsencode(tmp_path / "pets" / "cat") + b"/\xff\xfe.png"
    Path(os.fsdecode(stray)).write_bytes(image)
    Path(os.fsdecode(os.fsencode(tmp_path / "pets") + b"/\xff")).mkdir()
    data = open_dataset(spec)
    assert data.classes == ("cat", "dog") and sum(counted(data)) == 16
    assert [file.reason for file in data.skipped] == [
        "its name is not text; rename it",
        "its name is not text; rename it",
    ]
    assert all(file.path.isprintable() for file in data.skipped)


@pytest.mark.parametrize("name", ["new\nline", "emoji 🐜", "sp ace", "quo'te", "100%", "[bold]"])
def test_any_name_that_is_text_is_a_fine_name(tmp_path: Path, name: str) -> None:
    if sys.platform == "win32" and "\n" in name:
        pytest.skip("Windows has no such names")
    data = open_dataset(flat(tmp_path / name, {name: 4, "dog": 4}))
    assert sum(counted(data)) == 8 and name in data.classes


def test_links_that_lead_nowhere_or_in_a_circle_do_no_harm(tmp_path: Path) -> None:
    spec = flat(tmp_path / "pets", {"cat": 4, "dog": 4})
    cat = tmp_path / "pets" / "cat"
    try:
        (cat / "gone.png").symlink_to(tmp_path / "nowhere.png")
        (cat / "circle.png").symlink_to("circle.png")
        (cat / "up").symlink_to("..", target_is_directory=True)
    except OSError:
        pytest.skip("links may not be made here")
    (cat / "folder.png").mkdir()
    data = open_dataset(spec)
    assert sum(counted(data)) == 8
    assert {Path(file.path).name for file in data.skipped} == {"gone.png", "circle.png"}


def test_a_class_called_train_is_no_split(tmp_path: Path) -> None:
    data = open_dataset(flat(tmp_path / "d", {"plane": 4, "train": 4}))
    assert data.classes == ("plane", "train") and sum(counted(data)) == 8


def test_capital_letters_name_a_split_too(tmp_path: Path) -> None:
    data = open_dataset(split(tmp_path / "d", Train={"a": 2, "b": 2}, VALID={"a": 1, "b": 1}))
    assert counted(data) == (4, 2, 0)


def test_two_folders_for_one_split_are_refused_and_no_image_is_lost_unseen(tmp_path: Path) -> None:
    classes = {"a": 2, "b": 2}
    with pytest.raises(UserError, match="both 'val' and 'valid'; keep one"):
        open_dataset(split(tmp_path / "d", train=classes, val=classes, valid=classes))


def test_a_class_folder_that_cannot_be_read_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = flat(tmp_path / "pets", {"cat": 4, "dog": 4})
    (tmp_path / "pets" / "cat" / "locked").mkdir()
    real = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    skipped = open_dataset(spec).skipped
    assert [file.reason for file in skipped] == ["the folder cannot be read: Permission denied"]


def test_equal_images_have_equal_digests_whatever_their_names(tmp_path: Path) -> None:
    spec = flat(tmp_path / "pets", {"cat": 3, "dog": 3})
    twin = tmp_path / "pets" / "dog" / "twin.png"
    twin.write_bytes((tmp_path / "pets" / "cat" / "000.png").read_bytes())
    data = open_dataset(spec)
    digests = {item.key: data.digest(item) for item in (*data.train, *data.validation)}
    assert digests["dog/twin.png"] == digests["cat/000.png"]
    assert len(set(digests.values())) == 6
    assert {len(digest) for digest in digests.values()} == {32}


def test_an_image_that_vanished_after_opening_is_named(tmp_path: Path) -> None:
    data = open_dataset(flat(tmp_path / "pets", {"cat": 3, "dog": 3}))
    item = data.train[0]
    assert item.path is not None
    item.path.unlink()
    with pytest.raises(UserError, match="lost meanwhile"):
        data.image(item, 3)


def nothing(root: Path) -> DataSpec:
    return DataSpec(source="folder", path=str(root / "none"))


def one_class(root: Path) -> DataSpec:
    return flat(root / "d", {"cat": 4})


def broken_class(root: Path) -> DataSpec:
    spec = flat(root / "d", {"cat": 4, "dog": 4})
    for path in (root / "d" / "dog").iterdir():
        path.write_bytes(b"no image")
    return spec


def no_validation(root: Path) -> DataSpec:
    return flat(root / "d", {"cat": 4, "dog": 4}).model_copy(update={"validation": 0.0})


def class_without_validation(root: Path) -> DataSpec:
    return split(root / "d", train={"a": 2, "b": 2}, val={"a": 2})


def absurd_path(root: Path) -> DataSpec:
    return DataSpec(source="folder", path=str(root / ("x" * 3000)))


def no_images(root: Path) -> DataSpec:
    (root / "d" / "cat").mkdir(parents=True)
    (root / "d" / "dog").mkdir()
    return DataSpec(source="folder", path=str(root / "d"))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (nothing, "does not exist"),
        (absurd_path, r"cannot be read|does not exist"),
        (one_class, "at least two classes"),
        (broken_class, "'dog' has no usable training image"),
        (no_validation, "No images are left to validate on"),
        (class_without_validation, "'b' has no usable validation image"),
        (no_images, "holds no images"),
        (lambda root: DataSpec(source="folder"), "No image folder is chosen"),
        (lambda root: DataSpec(classes=("5", "ten")), "no class 'ten'"),
    ],
)
def test_data_that_cannot_be_trained_on_is_refused_in_one_sentence(
    tmp_path: Path, make: Callable[[Path], DataSpec], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence) as refused:
        open_dataset(make(tmp_path))
    assert str(refused.value).endswith(".")


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one for each image that is decoded while verifying."""
    seen: list[int] = []
    real = verify_module.decode

    def counting(content: bytes, channels: int) -> Image.Image:
        seen.append(1)
        return real(content, channels)

    monkeypatch.setattr(verify_module, "decode", counting)
    return seen


def test_a_second_opening_decodes_nothing_and_a_changed_file_is_looked_at_again(
    tmp_path: Path, decodes: list[int]
) -> None:
    spec = flat(tmp_path / "pets", {"cat": 6, "dog": 6})
    (tmp_path / "pets" / "cat" / "bad.jpg").write_bytes(b"no image")
    first = open_dataset(spec)
    assert len(decodes) == 13
    second = open_dataset(spec)
    assert len(decodes) == 13
    assert (second, second.digests) == (first, first.digests)
    changed = draw(tmp_path / "pets" / "cat" / "000.png", 1234)
    os.utime(changed, ns=(1, 1))
    third = open_dataset(spec)
    assert len(decodes) == 14
    assert third.digests[changed] != first.digests[changed]


@pytest.mark.parametrize("damage", ["a file is in the way", "no database", "cut short"])
def test_a_damaged_or_unwritable_memo_costs_time_and_nothing_else(
    tmp_path: Path, own_cache: Path, decodes: list[int], damage: str
) -> None:
    spec = flat(tmp_path / "pets", {"cat": 6, "dog": 6})
    memo = own_cache / "files.sqlite3"
    if damage == "a file is in the way":
        own_cache.parent.mkdir(parents=True)
        own_cache.write_bytes(b"")
    else:
        open_dataset(spec)
        content = b"not a database, but long enough " * 200
        memo.write_bytes(content if damage == "no database" else memo.read_bytes()[:5000])
    decodes.clear()
    assert sum(counted(open_dataset(spec))) == 12
    assert len(decodes) == 12
    if damage == "no database":  # it heals: opening it anew may take one more round
        open_dataset(spec)
        decodes.clear()
        open_dataset(spec)
        assert not decodes


def test_an_item_of_a_folder_names_its_place_in_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    draw(root / "cat" / "deep" / "x.png", 1)
    data = open_dataset(flat(root, {"cat": 2, "dog": 3}))
    item = next(i for i in (*data.train, *data.validation) if "deep" in i.key)
    assert item == Item("cat/deep/x.png", 0, root / "cat" / "deep" / "x.png")


@pytest.mark.shared
def test_hymenoptera_has_its_397_photos_and_one_file_that_is_none(shared_data: Path) -> None:
    spec = DataSpec(source="folder", path=str(shared_data / "data" / "hymenoptera"))
    data = open_dataset(spec)
    assert counted(data) == (244, 153, 0)
    assert [Path(file.path).name for file in data.skipped] == ["imageNotFound.gif"]


@pytest.mark.shared
def test_every_slice_of_the_brain_scans_is_usable_whatever_its_mode(shared_data: Path) -> None:
    spec = DataSpec(source="folder", path=str(shared_data / "data" / "brain_mri_yes_no"))
    data = open_dataset(spec)
    assert sum(counted(data)) == 253
    assert data.skipped == ()
    assert {data.image(item, 3).mode for item in data.train} == {"RGB"}
