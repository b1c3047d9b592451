"""The real Data tab on a real folder: dropped, looked through by the real child, varied, undone."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image
from test_main_job import drive

DIFFERENT, LINKS = 40, 1000  # of each class: images, and names for them


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Two classes of a thousand files each, one of them no image, some under several names."""
    folder = tmp_path_factory.mktemp("data tab")
    dice = np.random.default_rng(0)
    for name in ("ants", "bees"):
        (folder / "pets" / name).mkdir(parents=True)
        files = [folder / f"{name}-{k}.png" for k in range(DIFFERENT)]
        for file in files:
            Image.fromarray(dice.integers(0, 255, (24, 24, 3), np.uint8)).save(file)
        for k in range(LINKS):
            os.link(files[k % DIFFERENT], folder / "pets" / name / f"{k:04d}.png")
    (folder / "pets" / "ants" / "notes.txt").write_text("", encoding="utf-8")
    (folder / "pets" / "bees" / "broken.png").write_bytes(b"\x89PNG")
    return drive("data_tab", folder, str(folder / "pets"))


def test_the_folder_is_counted_split_and_what_cannot_be_used_is_named(report: dict) -> None:
    assert report["classes"] == [["ants", 1000, [750, 250, 0]], ["bees", 1000, [750, 250, 0]]]
    names = [name for name, _ in report["skipped"]]
    assert sorted(names) == ["ants/notes.txt", "bees/broken.png"]
    assert report["words"].startswith("2\N{THIN SPACE}000 images · 2 classes")


def test_the_same_image_in_training_and_validation_is_found(report: dict) -> None:
    assert "80 in more than one split" in report["words"]
    first = report["twice"][0]
    assert {first[0], first[2]} == {"⚠ training", "validation"} and first[1] != first[3]


def test_variants_and_points_are_shown_and_every_edit_can_be_undone(report: dict) -> None:
    assert report["variants"] > 1 and report["points"] == 400
    assert report["undone"] == "digits" and report["loaded"] == []


def test_the_window_stays_awake_and_small_meanwhile(report: dict) -> None:
    assert report["p99 ms"] <= 50 and report["window MB"] < 500, report
