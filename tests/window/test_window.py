"""The window as a whole: what is on screen, what runs say, and that quitting loses nothing."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import made_run
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton
from shells import FakeOnlooking, FakeSession, end, heard, quickstart, spin, wait_until

from app import theme
from app.document import Document
from app.panels.header import left, number
from app.panels.problems import ProblemBar
from app.window import Window
from qdesigner.design import codec, edits
from qdesigner.session import events
from qdesigner.session.onlook import Predict


@pytest.fixture
def make(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Windows with a home of their own; all are closed after the test."""
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))
    made: list[Window] = []

    def make(file: Path | None = None, template: str = "", train: bool = False) -> Window:
        window = Window(FakeSession(), FakeOnlooking())
        made.append(window)
        window.begin(file, template, train)
        window.resize(1100, 700)
        window.show()
        wait_until(lambda: window.tabs.count() > 0)
        window.activateWindow()
        wait_until(window.isActiveWindow)
        return window

    yield make
    for window in made:
        end(window)
    qapp.setStyleSheet("")


@pytest.fixture
def window(make) -> Window:
    return make(template="quickstart")


STARTED = events.Started("", ("5", "6"), 8, 4, 0, 30, 10)


def test_space_trains_pauses_and_goes_on(window: Window) -> None:
    window.board.setFocus()
    actions = window.actions_table.actions
    for name, verb in (("train", "train"), ("pause", "pause"), ("train", "resume")):
        wait_until(actions[name].isEnabled)
        QTest.keyClick(window.board, Qt.Key.Key_Space)
        assert window.session.verbs()[-1] == verb


def test_space_trains_after_a_fix_was_pressed_and_never_overwrites_the_name(
    window: Window,
) -> None:
    window.document.apply("Empty", window.document.design.but(stages=()))
    fix = window.findChild(ProblemBar).findChildren(QPushButton)[0]
    fix.setFocus()
    QTest.keyClick(fix, Qt.Key.Key_Space)
    assert window.document.design.stages
    wait_until(window.actions_table.actions["train"].isEnabled)
    QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Space)
    assert window.session.verbs()[-1] == "train"
    assert window.document.design.name == "Digits quickstart"


def test_space_trains_when_the_window_comes_to_the_front_and_nobody_has_the_keyboard(
    window: Window,
) -> None:
    for _ in range(2):  # at the start, and after another window
        assert not isinstance(QApplication.focusWidget(), QLineEdit)
        if window.focusWidget() is not None:
            window.focusWidget().clearFocus()
        other = QLineEdit()
        other.show()
        other.activateWindow()
        wait_until(other.isActiveWindow)
        window.activateWindow()
        wait_until(window.isActiveWindow)
        end(other)
    QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Space)
    assert window.session.verbs()[-1] == "train"
    assert window.document.design.name == "Digits quickstart"


def test_space_in_a_field_is_a_space(window: Window) -> None:
    field = window.palette_panel.findChild(QLineEdit)
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Space)
    assert field.text() == " " and "train" not in window.session.verbs()


def test_space_on_a_button_reached_by_tab_presses_the_button(window: Window) -> None:
    button = window.header._buttons["undo"]
    window.document.apply("x", edits.rename(window.document.design, "Other"))
    wait_until(button.isEnabled)
    button.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert window.document.design == quickstart() and "train" not in window.session.verbs()


def test_progress_says_epoch_rate_and_expected_end(window: Window) -> None:
    session = window.session
    window.runs.train_or_pause()
    session.event.emit(events.Progress("computing features", 100, 397, 50.0))
    features = "computing features 100 / 397 · 50 img/s · a few seconds left"
    assert window.header._text.text() == features
    session.event.emit(STARTED)
    session.event.emit(events.Steps(20, 199, (0.5,), (0.9,), 1840.0, 241.0))
    rate = number(1840)
    assert window.header._text.text() == f"epoch 20 / 30 · {rate} img/s · about 4 min left"
    assert window.header._bar.value() == round(1000 * 200 / 300)
    session.event.emit(events.Steps(20, 200, (0.5,), (0.9,), 1840.0, math.nan, (19.5,)))
    assert window.header._text.text() == f"epoch 20 / 30 · {rate} img/s", "no end is known"
    assert window.header._bar.value() == round(1000 * 19.5 / 30)
    assert [left(s) for s in (0, 8, 41, 59, 3599, 7800)] == [
        "", "a few seconds left", "about 40 s left", "about 1 min left", "about 1 h left",
        "about 2 h 10 min left",
    ]  # fmt: skip


def test_a_run_becomes_the_projects_last_run(window: Window, tmp_path: Path) -> None:
    window.session.event.emit(events.Started(str(tmp_path), ("5", "6"), 8, 4, 0, 3, 2))
    assert window.document.design.run == str(tmp_path)
    assert window.document.modified and window.document.undo_label == ""


def test_train_is_refused_with_the_problem_until_its_fix_is_clicked(window: Window) -> None:
    document = window.document
    document.apply("x", edits.set_stage_settings(document.design, "linear-1", outputs=3))
    spin(5)
    action = window.actions_table.actions["train"]
    assert not action.isEnabled() and "embeds 4 features" in action.toolTip()
    window.runs.train_or_pause()
    assert "train" not in window.session.verbs()
    assert "cannot be trained yet" in window.notices.texts()["run"]
    problem = window.checked.problems[0]
    document.apply(problem.fix.label, problem.fix.apply(document.design))
    spin(5)
    assert action.isEnabled() and document.design.stage("linear-1").settings["outputs"] == 4


def test_a_failed_run_says_why_and_resumes_from_its_checkpoint(
    window: Window, tmp_path: Path
) -> None:
    window.runs.train_or_pause()
    window.session.end(events.Failed("It was ended by SIGKILL.", str(tmp_path), True))
    assert "SIGKILL" in window.notices.texts()["run"]
    window.notices.press("run", "Resume from checkpoint")
    assert window.session.said[-1][0] == "train" and window.session.said[-1][2] == str(tmp_path)
    window.session.end(events.Failed("Broken.", "", False))
    with pytest.raises(KeyError):
        window.notices.press("run", "Resume from checkpoint")


def test_diagnostics_hold_versions_design_and_the_last_words(window: Window) -> None:
    window.session.end(events.Failed("The disk is full.", "", False, "details of it"))
    window.notices.press("run", "Copy diagnostics")
    text = QGuiApplication.clipboard().text()
    for part in ("versions: qdesigner", '"format": "qdesigner"', "The disk is full.", "platform:"):
        assert part in text


def test_export_uses_the_run_only_while_it_trained_this_very_model(
    window: Window, tmp_path: Path
) -> None:
    window.runview.design, window.runview.path = window.document.design, "/runs/one"
    window.runview.on_event(events.Epoch(1, 0.1, 0.9, 0.1, 0.9, 0.01, 1, True, {}))
    window.runs.export_to(tmp_path / "m.py")
    assert window.session.said[-1] == ("export", str(tmp_path / "m.py"), "/runs/one")
    window.document.apply("x", edits.set_training(window.document.design, epochs=3))
    assert window.runs.matching_run() == "/runs/one"
    window.document.apply("x", edits.remove_stage(window.document.design, "batch_norm-1"))
    window.runs.export_to(tmp_path / "m.py")
    assert window.session.said[-1][2] == ""
    assert "untrained weights" in window.notices.texts()["export"]
    window.session.event.emit(events.Exported(str(tmp_path / "m.py")))
    assert str(tmp_path / "m.py") in window.notices.texts()["export"]


def test_quitting_loses_nothing_and_the_last_session_reopens(make, tmp_path: Path) -> None:
    first = make(template="quickstart")
    path = tmp_path / "mine.qdesign"
    first.document.save(path)
    first.document.apply("x", edits.rename(first.document.design, "Not saved"))
    first.close()
    second = make()
    assert second.document.design.name == "Not saved"
    assert second.document.path == path and second.document.modified
    second.document.save()
    second.close()
    third = make()
    assert third.document.path == path and not third.document.modified


def test_opening_another_project_keeps_unsaved_work_within_reach(make, tmp_path: Path) -> None:
    window = make(template="quickstart")
    window.document.apply("x", edits.rename(window.document.design, "Half done"))
    window.project.new("quantum-transfer-learning")
    (kept,) = window.project.kept()
    assert kept.design.name == "Half done"
    window.project.reopen(kept)
    assert window.document.design.name == "Half done"
    assert [other.design.name for other in window.project.kept()] == []


def test_unsaved_changes_to_the_file_being_opened_are_offered(make, tmp_path: Path) -> None:
    path = tmp_path / "a.qdesign"
    codec.save(quickstart(), path)
    first = make(path)
    first.document.apply("x", edits.rename(first.document.design, "Crashed"))
    first.close()
    second = make(path)
    assert second.document.design.name == quickstart().name
    assert "unsaved changes to a.qdesign" in second.notices.texts()["kept"]
    second.notices.press("kept", "Take them up")
    assert second.document.design.name == "Crashed" and second.document.path == path


def test_a_second_window_on_a_file_says_so_and_offers_a_copy(make, tmp_path: Path) -> None:
    path = tmp_path / "a.qdesign"
    codec.save(quickstart(), path)
    holder = Document()
    holder.open(path)
    window = make(path)
    assert "open in another window" in window.notices.texts()["open"]
    window.notices.press("open", "Open a copy")
    assert window.document.design == quickstart() and window.document.path is None
    window.project.open(path)
    window.notices.press("open", "Open anyway")
    assert window.document.path == path
    holder.close()


@pytest.mark.parametrize("text", ["", "{}", '{"format": "qdesigner", "schema": 99}', "\x00"])
def test_a_broken_project_is_a_banner_and_the_window_works_on(
    make, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "broken.qdesign"
    path.write_text(text, encoding="utf-8")
    window = make(path)
    assert "broken.qdesign" in window.notices.texts()["open"]
    assert window.document.design.stages


def test_a_changed_file_is_overwritten_only_when_told_to(make, tmp_path: Path) -> None:
    path = tmp_path / "a.qdesign"
    codec.save(quickstart(), path)
    window = make(path)
    codec.save(edits.rename(quickstart(), "Theirs"), path)
    window.document.apply("x", edits.rename(window.document.design, "Mine"))
    window.project.save(window)
    assert "changed on disk" in window.notices.texts()["save"]
    assert codec.load(path).name == "Theirs"
    window.notices.press("save", "Overwrite it")
    assert codec.load(path).name == "Mine" and "save" not in window.notices.texts()


def test_a_run_that_is_gone_is_a_named_problem_with_a_fix(make, tmp_path: Path) -> None:
    path = tmp_path / "a.qdesign"
    codec.save(quickstart().model_copy(update={"run": str(tmp_path / "gone")}), path)
    window = make(path)
    (problem,) = window.checked.at("run")
    assert problem.text == f"The last run of this project is not at {tmp_path / 'gone'} any more."
    ways = [button.text() for button in window.findChild(ProblemBar).findChildren(QPushButton)]
    assert ways == ["Forget the run", "Train again", "Open run…"]
    window.document.apply(problem.fix.label, problem.fix.apply(window.document.design))
    assert not window.checked.at("run") and window.document.design.run == ""


def _drop(window: Window, *paths: Path) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, button, keys)
    enter.setAccepted(False)
    QApplication.sendEvent(window, enter)
    drop = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, button, keys)
    QApplication.sendEvent(window, drop)
    return enter.isAccepted()


def test_a_folder_dropped_on_the_window_becomes_the_data(window: Window, tmp_path: Path) -> None:
    assert _drop(window, tmp_path)
    wait_until(lambda: window.document.design.data.source == "folder")
    assert Path(window.document.design.data.path) == tmp_path
    with heard(window.checked.changed):
        wait_until(lambda: "holds no images" in window.checked.error)
    window.document.undo()
    assert window.document.design == quickstart()


def test_a_project_dropped_on_the_window_opens(window: Window, tmp_path: Path) -> None:
    codec.save(edits.rename(quickstart(), "Dropped"), tmp_path / "d.qdesign")
    assert _drop(window, tmp_path / "d.qdesign")
    assert window.document.design.name == "Dropped"
    (tmp_path / "notes.pdf").write_text("", encoding="utf-8")
    assert not _drop(window, tmp_path / "notes.pdf")


def test_the_name_is_changed_in_the_header_as_one_undo_step(window: Window) -> None:
    name = window.header._name
    name.setFocus()
    name.selectAll()
    QTest.keyClicks(name, "Ants vs bees")
    QTest.keyClick(name, Qt.Key.Key_Return)
    assert window.document.design.name == "Ants vs bees"
    assert window.document.undo_label == "Rename project"


@pytest.mark.parametrize("width", [1100, 1440])
def test_no_text_of_the_shell_is_cut(window: Window, width: int) -> None:
    window.resize(width, 700 if width == 1100 else 900)
    window.header._text.setText("epoch 20 / 30 · 1 840 img/s · 00:04 left")
    window.document.select_stage("backbone-1")
    spin(60)
    for label in (window.header._text, window.header._saved, *window.inspector.editors().values()):
        if hasattr(label, "text") and label.isVisible():
            needed = label.fontMetrics().horizontalAdvance(label.text())
            assert label.width() >= needed, label.text()
    inside = window.inspector.widget()
    assert inside.width() <= window.inspector.viewport().width()


def test_light_and_dark_dress_everything_and_are_remembered(make) -> None:
    window = make(template="quickstart")
    window.actions_table.actions["theme_dark"].trigger()
    assert theme.current() is theme.DARK
    window.close()
    again = make(template="quickstart")
    assert theme.current() is theme.DARK and again.settings.theme == "dark"


def test_hidden_panels_stay_hidden(make) -> None:
    window = make(template="quickstart")
    window.actions_table.actions["panel_palette"].trigger()
    assert not window.palette_panel.isVisible()
    window.close()
    again = make(template="quickstart")
    assert not again.palette_panel.isVisible()
    again.actions_table.actions["find_block"].trigger()
    assert again.palette_panel.isVisible()


def test_a_run_of_a_project_left_behind_does_not_show_in_the_next(window: Window) -> None:
    window.runs.train_or_pause()
    window.project.new("")
    assert window.session.verbs()[-1] == "stop"
    window.session.event.emit(events.Steps(1, 0, (0.5,), (0.9,), 1.0, 1.0))
    assert len(window.runview.steps) == 0
    window.session.end(events.Stopped(1, "/runs/one"))
    assert window.document.design.run == ""


def test_the_quickstart_window_trains_by_itself(make) -> None:
    assert make(template="quickstart", train=True).session.verbs() == ["start", "train"]


def test_opening_the_window_loads_no_heavy_library_and_no_plots(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from PySide6.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "from app.window import Window\n"
        "Window().begin()\n"
        "heavy = {'torch', 'torchvision', 'pennylane', 'qiskit', 'numba', 'sklearn', 'PIL',"
        " 'matplotlib', 'pyqtgraph'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    environment = {
        **os.environ, "QT_QPA_PLATFORM": "offscreen", "QDESIGNER_HOME": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True,
        env=environment, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_the_status_line_says_when_the_model_is_no_longer_the_one_of_the_run(
    window: Window, tmp_path: Path
) -> None:
    codec.save(window.document.design, tmp_path / "design.json")
    window.session.event.emit(replace(STARTED, run=str(tmp_path)))
    assert "features cached" in status(window) and "edited" not in status(window)
    window.document.apply("x", edits.set_data(window.document.design, classes=("5", "6")))
    assert "features cached" not in status(window)
    assert "edited since this run began" in status(window)


def status(window: Window) -> str:
    return window.statusBar()._left.text()


def test_skipped_files_are_announced_once_and_not_at_every_run(window: Window) -> None:
    started = replace(STARTED, skipped=(("a/broken.png", "it is broken"),))
    window.session.event.emit(started)
    window.notices.press("skipped", "Dismiss")
    window.session.event.emit(started)
    assert "skipped" not in window.notices.texts()


def test_angles_at_the_ends_of_the_squash_are_said_with_a_batch_norm_at_hand(
    window: Window,
) -> None:
    design = edits.remove_stage(window.document.design, "batch_norm-1")
    window.document.apply("Without batch norm", design)
    window.session.event.emit(STARTED)

    def predicted(epoch: int, angle: float) -> events.Predictions:
        angles = {"quantum-1": np.full((4, 4), angle)}
        chances = np.full((4, 2), 0.5)
        return events.Predictions(epoch, chances, np.arange(4) % 2, angles, {})

    window.session.event.emit(predicted(1, 1.57))
    window.session.event.emit(predicted(4, 0.4))
    assert "saturation" not in window.notices.texts()
    window.session.event.emit(predicted(5, -1.57))
    assert window.notices.texts()["saturation"].startswith("100 % of the angles")
    window.notices.press("saturation", "Insert batch norm")
    kinds = [stage.kind for stage in window.document.design.stages]
    assert kinds[kinds.index("squash") - 1] == "batch_norm"
    assert window.document.undo_label == "Insert batch norm"


def test_what_is_said_of_one_projects_angles_goes_with_it(window: Window) -> None:
    design = edits.remove_stage(window.document.design, "batch_norm-1")
    window.document.apply("Without batch norm", design)
    window.session.event.emit(STARTED)
    angles = {"quantum-1": np.full((4, 4), 1.57)}
    said = events.Predictions(5, np.full((4, 2), 0.5), np.arange(4) % 2, angles, {})
    window.session.event.emit(said)
    window.document.apply("By hand", edits.insert_stage_kind(design, "batch_norm", "squash-1"))
    window.notices.press("saturation", "Insert batch norm")
    assert window.document.undo_label == "By hand", "a second batch norm is not inserted"
    window.document.undo()
    window.session.event.emit(STARTED)
    window.session.event.emit(said)
    window.project.new("quickstart")
    assert "saturation" not in window.notices.texts()


def test_a_folder_that_vanished_is_a_named_problem_once_training_has_failed(
    window: Window, tmp_path: Path
) -> None:
    for name in ("ants", "bees"):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for file in "abcd":
            QImage(8, 8, QImage.Format.Format_RGB32).save(str(folder / f"{file}.png"))
    window.project.use_data(str(tmp_path / "data"))
    wait_until(lambda: window.document.design.data.source == "folder")
    wait_until(lambda: window.checked.facts is not None)
    shutil.rmtree(tmp_path / "data")
    window.runs.train_or_pause()
    window.session.end(events.Failed("The image folder does not exist."))
    wait_until(lambda: bool(window.checked.at("data")))
    ways = [button.text() for button in window.findChild(ProblemBar).findChildren(QPushButton)]
    assert "Choose folder…" in ways


@pytest.mark.parametrize("kind", ["folder", "files", "table"])
def test_what_is_dropped_on_the_window_opens_as_data(
    window: Window, tmp_path: Path, kind: str
) -> None:
    for name in ("ants", "bees"):
        (tmp_path / "data" / name).mkdir(parents=True)
        QImage(8, 8, QImage.Format.Format_RGB32).save(str(tmp_path / "data" / name / "a.png"))
    listed = tmp_path / "listed.csv"
    listed.write_text("path,label\ndata/ants/a.png,ant\ndata/bees/a.png,bee\n")
    table = tmp_path / "table.csv"
    table.write_text("long,wide,kind\n1,2,a\n2,3,b\n")
    path = {"folder": tmp_path / "data", "files": listed, "table": table}[kind]
    assert _drop(window, path)
    wait_until(lambda: window.document.design.data.path == str(path))
    assert window.document.design.data.source == kind
    assert window.document.undo_label == f"Use the data in {path.name}"
    window.document.undo()
    assert window.document.design.data.source == "digits"


def test_a_dropped_table_that_is_none_says_why(window: Window, tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.write_text("")
    before = window.document.design
    assert _drop(window, file)
    wait_until(lambda: "data" in window.notices.texts())
    assert "empty.csv" in window.notices.texts()["data"] and window.document.design == before
    assert not _drop(window, tmp_path / "song.mp3")
    assert not _drop(window, tmp_path / "a.png", tmp_path), "of a mix, something would be lost"


def test_images_dropped_on_the_window_are_asked_about(window: Window, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        QImage(8, 8, QImage.Format.Format_RGB32).save(str(tmp_path / name))
    assert _drop(window, tmp_path / "a.png")
    assert "train (Space)" in window.notices.texts()["predict"]
    window.runview.open(made_run.write_run(tmp_path / "run"))
    wait_until(window.actions_table.actions["predict"].isEnabled)
    before = window.document.design
    assert _drop(window, tmp_path / "a.png", tmp_path / "b.png")
    asked = window.onlooking.of(Predict)[-1]  # type: ignore[attr-defined]
    assert [Path(path).name for path in asked.paths] == ["a.png", "b.png"]
    assert window.tabs.currentWidget() is window.image and window.document.design == before
    assert "predict" not in window.notices.texts()


def test_a_click_on_an_image_opens_it_and_keys_go_on(window: Window, tmp_path: Path) -> None:
    window.runview.open(made_run.write_run(tmp_path / "run"))
    window.training.most_wrong.grid.setFocus()
    QTest.keyClick(window.training.most_wrong.grid, Qt.Key.Key_Return)
    assert window.tabs.currentWidget() is window.image
    order = window.predictions.in_order()
    assert order == window.runview.most_wrong().tolist()
    place = order.index(window.runview.chosen_image)
    wait_until(window.actions_table.actions["image_next"].isEnabled)
    window.actions_table.actions["image_next"].trigger()
    assert window.runview.chosen_image == order[(place + 1) % len(order)]
    QTest.keyClick(window.image, Qt.Key.Key_Escape)
    assert window.tabs.currentWidget() is window.training
