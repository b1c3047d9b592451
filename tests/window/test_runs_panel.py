"""The Runs tab: what is kept, named, compared, opened, deleted and had back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import made_run
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shells import FakeOnlooking, FakeSession, end, wait_until

from app import theme
from app.panels.runs import BEST, EPOCHS, NAME, STATE, RunsPanel
from app.runview import FRAME
from app.window import Window
from qdesigner.design import codec, edits
from qdesigner.session import events


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path))
    for place, (name, epochs) in enumerate((("first", 6), ("second", 3))):
        folder = made_run.write_run(tmp_path / "data" / "runs" / name, epochs)
        made_run.keep_epochs(folder, epochs)
        (folder / "last.pt").write_bytes(b"")
        old = time.time() - 1000 + place
        for file in ("events.jsonl", "run.json"):
            os.utime(folder / file, (old, old))
    made = Window(FakeSession(), FakeOnlooking())
    made.begin(template="quickstart")
    made.show()
    wait_until(lambda: made.tabs.count() > 0)
    made.show_runs()
    wait_until(lambda: len(made.runlist.rows) == 2)
    yield made
    QTest.qWait(2 * FRAME)
    end(made)
    qapp.setStyleSheet("")


def panel(window: Window) -> RunsPanel:
    return window.kept_runs


def select(window: Window, name: str) -> str:
    """Select the run in a folder of this name; the folder."""
    rows = panel(window).rows.rows
    place = next(place for place, row in enumerate(rows) if row.path.name == name)
    panel(window).view.selectRow(place)
    return str(rows[place].path)


def cell(window: Window, place: int, column: int) -> str:
    rows = panel(window).rows
    return rows.data(rows.index(place, column))


def test_runs_are_listed_with_how_far_and_how_good_they_are(window: Window) -> None:
    assert [row.path.name for row in panel(window).rows.rows] == ["second", "first"]
    columns = (NAME, STATE, EPOCHS, BEST)
    assert [[cell(window, place, column) for column in columns] for place in (0, 1)] == [
        ["Digits quickstart", "interrupted", "3 / 6", "63.0 %"],
        ["Digits quickstart", "finished", "6 / 6", "78.0 %"],
    ]  # fmt: skip


def test_with_no_run_it_says_what_to_do(qapp: QApplication, tmp_path: Path) -> None:
    from app.runlist import RunList
    from app.runview import RunView

    empty = RunsPanel(RunList(), None, RunView(), FakeSession())
    empty.show()
    assert empty.hint.isVisible() and "press Train" in empty.hint.text()
    empty.close()


def test_a_run_is_named_where_it_stands(window: Window) -> None:
    rows = panel(window).rows
    rows.setData(rows.index(0, NAME), "Four wires")
    wait_until(lambda: cell(window, 0, NAME) == "Four wires")
    assert panel(window).rows.rows[0].path.name == "second"


def test_ticked_runs_are_drawn_on_the_same_axes_in_colours_of_their_own(window: Window) -> None:
    rows = panel(window).rows
    rows.setData(rows.index(1, NAME), "Four wires")
    wait_until(lambda: cell(window, 1, NAME) == "Four wires")
    for place in (0, 1):
        index = rows.index(place, NAME)
        rows.setData(index, Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    wait_until(lambda: len(window.runlist.curves) == 2)
    plot = panel(window).plot
    assert plot is not None and plot.isVisible()
    solid = [item for item in plot.listDataItems() if item.name()]
    assert [item.name() for item in solid] == ["Digits quickstart", "Four wires"]
    assert [item.opts["pen"].color() for item in solid] == [
        QColor(theme.LIGHT.train), QColor(theme.LIGHT.validation)
    ]  # fmt: skip
    lengths = [len(item.getData()[0]) for item in solid]
    scores = solid[1].getData()[1].tolist()
    assert lengths == [3, 6] and scores[-1] == pytest.approx(0.78)
    panel(window).quantity.setCurrentIndex(0)
    assert [i for i in plot.listDataItems() if i.name()][1].getData()[1][-1] > 0.2
    rows.tick(str(rows.rows[0].path), False)
    assert [item.name() for item in plot.listDataItems() if item.name()] == ["Four wires"]


def test_an_opened_run_is_shown_everywhere_and_its_design_offered(window: Window) -> None:
    path = select(window, "first")
    other = edits.remove_stage(made_run.design(), "batch_norm-1")
    codec.save(other, Path(path) / "design.json")
    panel(window).buttons["Open"].click()
    wait_until(lambda: window.document.design.run == path)
    assert window.runview.path == path
    assert len(window.runview.epochs) == 6
    window.notices.press("run", "Take its design")
    assert window.document.design.stages == other.stages and window.document.design.run == path
    window.document.undo()
    assert window.document.design.stages == made_run.design().stages


def test_a_run_is_resumed_or_branched_from_the_list(window: Window) -> None:
    path = select(window, "second")
    panel(window).buttons["Branch"].click()
    assert window.session.said[-1] == ("branch", window.document.design, path, 0)
    window.session.end(events.Stopped(3, path))
    panel(window).buttons["Resume"].click()
    assert window.session.said[-1] == ("train", window.document.design, path)
    window.session.end(events.Stopped(3, path))
    select(window, "first")
    assert not panel(window).buttons["Resume"].isEnabled(), "all its epochs are done"


def test_a_deleted_run_leaves_the_screen_and_can_be_had_back(window: Window) -> None:
    path = select(window, "first")
    panel(window).buttons["Open"].click()
    wait_until(lambda: window.document.design.run == path)
    panel(window).buttons["Delete"].click()
    wait_until(lambda: len(window.runlist.rows) == 1)
    assert not Path(path).exists() and window.document.design.run == ""
    assert window.runview.phase == "empty"
    window.notices.press("deleted", "Undo")
    wait_until(lambda: len(window.runlist.rows) == 2)
    wait_until(lambda: window.runview.path == path)
    assert Path(path).is_dir() and window.document.design.run == path


def test_a_run_that_goes_on_is_not_deleted(window: Window) -> None:
    path = select(window, "second")
    panel(window).buttons["Resume"].click()
    window.session.run = path
    window.session.become("paused")
    assert not panel(window).buttons["Delete"].isEnabled()
    os.utime(Path(path) / "events.jsonl")
    window.runlist.delete(Path(path))
    wait_until(lambda: "runs" in window.notices.texts())
    assert "stop it first" in window.notices.texts()["runs"] and Path(path).is_dir()
