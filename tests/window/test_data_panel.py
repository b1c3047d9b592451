"""The Data tab: what is in the data, which of it is used, how it is split and varied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shells import FakeChild, FakeOnlooking, FakeSession, end, heard, spin, wait_until

import app.attended
from app.document import DATA
from app.panels.classtable import NAME
from app.panels.data import DataPanel, progress_words
from app.panels.found import PICTURES, SKIPPED, TWICE, VARIED
from app.surveying import Surveying
from app.window import Window
from qdesigner.catalog import sources
from qdesigner.design import edits
from qdesigner.design.spec import DataSpec
from qdesigner.session.events import Progress
from qdesigner.session.survey import (
    ClassSample,
    Points,
    Skip,
    Survey,
    Surveyed,
    SurveyFailed,
    Twins,
    Varied,
    Vary,
)

CHECK = Qt.ItemDataRole.CheckStateRole


class Surveyor(FakeChild):
    """A surveying child; tests say what it finds."""

    def surveys(self) -> list[Survey]:
        return [each for each in self.sent if isinstance(each, Survey)]

    def answer(self, **found: Any) -> None:
        """What was found of the data asked about last."""
        last = self.surveys()[-1]
        self.said.append(Surveyed(last.serial, last.spec, **found))


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(app.attended, "Child", Surveyor)
    monkeypatch.setattr("app.panels.data.WAIT", 0)
    Surveyor.made.clear()
    made = Window(FakeSession(), FakeOnlooking())
    made.begin(template="quickstart")
    made.resize(1440, 900)
    made.show()
    wait_until(lambda: made.tabs.count() > 0)
    yield made
    end(made)
    qapp.setStyleSheet("")


@pytest.fixture
def panel(window: Window) -> DataPanel:
    """Shown; the digits are about to be looked through."""
    window.actions_table.actions["data"].trigger()
    wait_until(lambda: bool(Surveyor.made and Surveyor.made[-1].surveys()))
    return window.data


def child() -> Surveyor:
    return Surveyor.made[-1]


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (count, 64, 64, 3), np.uint8)


CLASSES = (
    ClassSample("ants", 6, 2, 0, tuple(f"/pets/ants/{k}.jpg" for k in range(3)), pictures(3)),
    ClassSample("bees", 9, 3, 0, tuple(f"/pets/bees/{k}.jpg" for k in range(3)), pictures(3)),
    ClassSample("wasps", 3, 1, 0, ("/pets/wasps/0.jpg",), pictures(1)),
)
TWINS = (
    Twins((("train", "/pets/ants/0.jpg"), ("validation", "/pets/bees/7.jpg"))),
    Twins((("train", "/pets/ants/1.jpg"), ("train", "/pets/ants/2.jpg"))),
)


@pytest.fixture
def pets(panel: DataPanel, window: Window, tmp_path: Path) -> DataPanel:
    """A folder of three classes has been looked through."""
    for name in ("ants", "bees", "wasps"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for k in range(20):
            QImage(8, 8, QImage.Format.Format_RGB32).save(
                str(tmp_path / "pets" / name / f"{k}.png")
            )
    window.project.use_data(str(tmp_path / "pets"))
    wait_until(lambda: child().surveys()[-1].spec.source == sources.FOLDER)
    child().answer(
        classes=CLASSES, twins=TWINS, bytes=2_500_000,
        skipped=(Skip("/pets/ants/notes.txt", ".txt is not an image type we read"),),
    )  # fmt: skip
    wait_until(lambda: not window.surveying.busy)
    return panel


def counts(panel: DataPanel) -> list[list[str]]:
    rows = panel.classes.rows
    return [
        [rows.data(rows.index(place, column)) for column in range(rows.columnCount())]
        for place in range(rows.rowCount())
    ]


def test_data_is_looked_through_only_once_somebody_looks_at_it(window: Window) -> None:
    spin(100)
    assert not Surveyor.made, "the child takes half a gigabyte"
    window.show_data()
    wait_until(lambda: bool(Surveyor.made))
    asked = child().surveys()
    assert [each.spec.source for each in asked] == ["digits"]
    window.document.apply("x", edits.set_data(window.document.design, classes=("1", "2"), limit=5))
    spin(60)
    assert child().surveys() == asked, "what is chosen of it changes nothing that was found"
    window.document.apply("x", edits.set_data(window.document.design, seed=3))
    wait_until(lambda: len(child().surveys()) == 2)


def test_counts_are_of_the_files_that_can_be_used(pets: DataPanel, window: Window) -> None:
    assert counts(pets) == [
        ["ants", "8", "6", "2", "0"],
        ["bees", "12", "9", "3", "0"],
        ["wasps", "4", "3", "1", "0"],
    ]
    design = edits.set_data(
        window.document.design, classes=("ants", "bees"), limit=8, balanced=True
    )
    window.document.apply("x", design)
    wait_until(lambda: counts(pets)[2][2] == "–")
    assert counts(pets)[:2] == [["ants", "8", "6", "2", "0"], ["bees", "12", "6", "3", "0"]]
    assert pets.words.text() == "24 images · 3 classes · 2.5 MB · 1 in more than one split"


def test_classes_are_ticked_and_two_stay(pets: DataPanel, window: Window) -> None:
    rows = pets.classes.rows
    rows.setData(rows.index(2, NAME), Qt.CheckState.Unchecked.value, CHECK)
    assert window.document.design.data.classes == ("ants", "bees")
    assert window.document.undo_label == "Change classes"
    wait_until(lambda: pets.classes.about.text() == "2 of 3 classes")
    rows.setData(rows.index(0, NAME), Qt.CheckState.Unchecked.value, CHECK)
    assert window.document.design.data.classes == ("ants", "bees")
    assert "at least two" in window.notices.texts()["edit"]
    pets.classes.every.click()
    assert window.document.design.data.classes == ()
    pets.classes.view.selectRow(1)
    QTest.keyClick(pets.classes.view, Qt.Key.Key_Return)
    assert window.document.design.data.classes == ("ants", "wasps")


def test_files_that_are_skipped_and_leaks_are_named(pets: DataPanel) -> None:
    found = pets.found
    assert found.buttons[SKIPPED].text() == "Skipped 1" and found.offers(TWICE)
    assert found.skipped.rows == [("ants/notes.txt", ".txt is not an image type we read")]
    assert found.twice.rows == [
        ("⚠ training", "ants/0.jpg", "validation", "bees/7.jpg"),
        ("training", "ants/1.jpg", "training", "ants/2.jpg"),
    ]
    assert "/pets/ants/0.jpg" in found.twice.tips[0] and "/pets/bees/7.jpg" in found.twice.tips[0]


def test_a_class_brings_its_pictures_into_view_and_a_picture_its_variants(
    pets: DataPanel, window: Window
) -> None:
    samples = pets.found.samples
    assert samples.isVisible() and samples.model().rowCount() == 3
    pets.classes.view.selectRow(2)
    assert samples.currentIndex().row() == 2
    line = samples.visualRect(samples.currentIndex())
    spot = line.topLeft() + line.topLeft().__class__(20, 40)
    assert samples.at(spot) == (CLASSES[2], 0)
    QTest.mouseDClick(samples.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert pets.found.shown == VARIED
    wait_until(lambda: isinstance(child().sent[-1], Vary))
    assert child().sent[-1].path == "/pets/wasps/0.jpg"


def test_augmentation_is_a_setting_with_pictures_of_what_it_makes(
    pets: DataPanel, window: Window
) -> None:
    pets.found.go(VARIED)
    fields = pets.found.variants.fields.editors()
    assert "variants" not in fields
    fields["flip"].click()
    assert window.document.design.data.augmentation.flip
    assert window.document.undo_label == "Change augmentation: flip"
    wait_until(lambda: "variants" in pets.found.variants.fields.editors())
    wait_until(lambda: getattr(child().sent[-1], "augmentation", None) is not None
               and child().sent[-1].augmentation.flip)  # fmt: skip
    asked = child().sent[-1]
    child().said.append(Varied(asked.serial - 1, pictures(2)))
    child().said.append(Varied(asked.serial, pictures(asked.count)))
    wait_until(lambda: pets.found.variants.pictures.count() == asked.count)
    assert "computed anew in every epoch" in pets.found.variants.cost.text()


def test_progress_is_shown_and_a_look_can_be_cancelled_and_begun_again(
    panel: DataPanel, window: Window
) -> None:
    first = child()
    first.said.append(Progress("checking images", 120, 397))
    wait_until(lambda: panel.words.text() == "120 of 397 · checking images")
    assert panel.bar.isVisible() and panel.button.text() == "Cancel"
    panel.button.click()
    wait_until(lambda: first.stopped.is_set())
    assert panel.button.text() == "Look through it" and not panel.bar.isVisible()
    spin(60)
    assert child() is first, "what was cancelled is not begun by itself"
    panel.button.click()
    wait_until(lambda: child() is not first and len(child().surveys()) == 1)
    assert progress_words(Progress("downloading a.zip", 5_000_000, 47_286_322)) == (
        "5.0 MB of 47.3 MB · downloading a.zip"
    )


def test_variants_given_up_with_a_cancel_are_asked_for_again(
    panel: DataPanel, window: Window
) -> None:
    heard: list[Varied] = []
    window.surveying.varied.connect(heard.append)
    data = window.document.design.data
    window.surveying.vary(data, data.augmentation, "", 4)
    window.surveying.cancel()
    assert [each.error for each in heard] == ["Cancelled."]


def test_why_data_cannot_be_looked_through_is_said_in_its_place(
    panel: DataPanel, window: Window
) -> None:
    child().said.append(SurveyFailed(child().sent[-1].serial, "The folder is gone."))
    wait_until(lambda: panel.found.hint.text() == "The folder is gone.")
    assert panel.button.text() == "Try again"
    panel.button.click()
    child().alive = False
    wait_until(lambda: "SIGKILL" in panel.found.hint.text())


def test_a_public_set_is_fetched_only_when_that_is_asked_for(
    panel: DataPanel, window: Window
) -> None:
    source = panel.source.editors()["source"]
    source.setCurrentIndex(source.findData(sources.MNIST))
    source.activated.emit(source.currentIndex())
    wait_until(lambda: panel.button.text() == "Download 11.6 MB")
    spin(60)
    assert child().surveys()[-1].spec.source == "digits"
    panel.button.click()
    assert child().surveys()[-1].spec == DataSpec(source="mnist")
    assert panel.button.text() == "Cancel"


def test_what_a_held_out_split_is_for_is_chosen_where_there_is_one(
    panel: DataPanel, window: Window, tmp_path: Path
) -> None:
    assert "held_out" not in panel.split.editors(), "the digits are not split"
    for number in range(24):
        folder = tmp_path / "pets" / ("train", "val")[number % 2] / "ab"[number // 12]
        folder.mkdir(parents=True, exist_ok=True)
        QImage(8, 8, QImage.Format.Format_RGB32).save(str(folder / f"{number}.png"))
    window.project.use_data(str(tmp_path / "pets"))
    wait_until(lambda: "held_out" in panel.split.editors())
    assert "validation" not in panel.split.editors()
    held = panel.split.editors()["held_out"]
    assert held.currentText() == "validates"
    held.setCurrentIndex(held.findData("test"))
    held.activated.emit(held.currentIndex())
    assert window.document.design.data.held_out == "test"
    wait_until(lambda: "validation" in panel.split.editors())
    assert "test" not in panel.split.editors()

    def counted() -> tuple[int, ...]:
        facts = window.checked.facts
        return (facts.train, facts.validation, facts.test) if facts is not None else ()

    wait_until(lambda: counted() == (8, 4, 12))
    wait_until(lambda: child().surveys()[-1].spec.held_out == "test")


def test_a_table_is_shown_as_points_with_its_columns_and_its_task(
    panel: DataPanel, window: Window, tmp_path: Path
) -> None:
    table = tmp_path / "iris.csv"
    rows = (f"{k % 7}.5,{k % 5},{k}.25,{'abc'[k % 3]}" for k in range(60))
    table.write_text("\n".join(["long,wide,weight,kind", *rows]))
    window.project.use_data(str(table))
    wait_until(lambda: child().surveys()[-1].spec.source == sources.TABLE)
    points = Points(
        ("component 1", "component 2"), np.random.default_rng(0).normal(size=(60, 2)),
        np.arange(60) % 3, np.zeros(60, int),
    )  # fmt: skip
    child().answer(
        classes=tuple(ClassSample(name, 15, 5, 0) for name in "abc"), points=points,
        columns=("long", "wide", "weight"), labels=("long", "wide", "weight", "kind"),
    )  # fmt: skip
    wait_until(lambda: panel.found.scatter is not None and panel.found.scatter.isVisible())
    assert not panel.found.offers(VARIED) and panel.found.buttons[PICTURES].text() == "Points"
    ticks = panel.columns.ticks
    assert ticks.names == ("long", "wide", "weight")
    ticks.setData(ticks.index(0), Qt.CheckState.Unchecked.value, CHECK)
    assert window.document.design.data.columns == ("wide", "weight")
    assert window.document.undo_label == "Change features"
    label = panel.source.editors()["label"]
    label.setCurrentIndex(label.findData("weight"))
    label.activated.emit(label.currentIndex())
    data = window.document.design.data
    assert (data.task, data.columns) == ("regress", ("wide",))
    wait_until(lambda: not panel.left.offers("classes"))


def test_a_child_that_nobody_needs_is_ended(qapp: QApplication, window: Window) -> None:
    surveying = Surveying()
    surveying._idle.setInterval(10)
    surveying.survey(DataSpec())
    with heard(surveying.changed):
        child().answer(classes=CLASSES)
        wait_until(lambda: not surveying.busy)
    wait_until(lambda: child().stopped.is_set())
    assert surveying.found is not None


def test_ten_thousand_classes_and_skipped_files_are_shown_at_once(
    panel: DataPanel, window: Window
) -> None:
    many = tuple(ClassSample(f"class {k}", 8, 2, 0, ("",), pictures(1)) for k in range(1000))
    skipped = tuple(Skip(f"/many/{k}.txt", "no image") for k in range(10_000))
    everything = Twins(tuple(("train", f"/many/{k}.png") for k in range(100_000)))
    child().answer(classes=many, skipped=skipped, twins=(everything,))
    wait_until(lambda: not window.surveying.busy)
    panel.found.go(SKIPPED)
    panel.found.go(TWICE)
    assert panel.found.twice.tips[0].endswith("and 99\N{THIN SPACE}980 more")
    panel.found.go(PICTURES)
    panel.found.reveal("class 999")
    assert panel.found.samples.currentIndex().row() == 999


def test_the_inspector_leads_to_the_tab(window: Window) -> None:
    window.document.select_stage(DATA)
    wait_until(lambda: "data" in window.inspector.editors())
    assert window.tabs.currentWidget() is not window.data
    window.inspector.editors()["data"].click()
    assert window.tabs.currentWidget() is window.data
