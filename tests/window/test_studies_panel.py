"""The Compare tab: a study's results as they come, and what they show in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from shells import FakeTask, end, quickstart, wait_until

from app.document import Document
from app.panels.studies import StudiesPanel
from app.panels.studytable import DIFFERENCE, PLOT, RUNS, SCORE, VARIANT
from app.studying import STOPPED, studying
from qdesigner.design import edits, grid
from qdesigner.design.studies import of_screen
from qdesigner.session import events
from qdesigner.session.studying import Conduct, Result, RunDone, RunFailed, StudyBegun, StudyEnded
from qdesigner.session.verdict import Reported, judge

SMALL = edits.set_data(edits.set_training(quickstart(), epochs=1), limit=12, test=0.2)
RIGHT = {"as drawn": 9, "without entanglers": 9, "MLP": 2, "linear head": 10}


@pytest.fixture
def panel(qapp: object) -> Iterator[StudiesPanel]:
    made = StudiesPanel(Document(SMALL), FakeTask(), lambda: False)
    made.resize(980, 340)
    made.show()
    yield made
    end(made)


def result(task: object) -> Result:
    right = RIGHT.get(task.variant, 9)
    values = tuple(float(k < right) for k in range(10))
    return Result(
        key=task.key, variant=task.variant, data=task.data, seed=task.seed, epoch=1,
        validation=0.5, test=right / 10, loss=1.0, parameters=297, quantum=8,
        samples=tuple(map(str, range(10))), values=values,
    )  # fmt: skip


def cells(panel: StudiesPanel, column: int) -> list[str]:
    model = panel.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def test_what_is_on_screen_is_asked_whether_it_helps(panel: StudiesPanel) -> None:
    panel.form.seeds.setValue(2)
    assert "10 runs: 5 variants × 2 seeds" in panel.said.text()
    panel.ask_whether_it_helps()
    study = of_screen("controls", SMALL, (0, 1))
    (asked,) = panel._task.asked
    assert asked == Conduct(study, "", 0, "")
    assert panel.go.text() == "Stop" and not panel.form.which.isEnabled()
    say = panel._task.said.emit
    say(StudyBegun("/nowhere/study", 10, 0, "2 local processes"))
    assert panel.said.text() == "10 runs to do, by 2 local processes"
    found = [result(task) for task in study.tasks()]
    for number, one in enumerate(found[:6], start=1):
        say(RunDone(one.but(samples=(), values=()), number, 10, 40.0))
    assert panel.said.text() == "6 of 10 runs, about 40 s left" and panel.bar.value() == 6
    assert cells(panel, RUNS) == ["2 of 2", "1 of 2", "1 of 2", "1 of 2", "1 of 2"]
    assert cells(panel, SCORE) == ["90.0 %", "90.0 %", "90.0 %", "20.0 %", "100.0 %"]
    mlp = panel.tally.lines["", "MLP"]
    assert panel.tally.differences(mlp) == pytest.approx([-70.0])

    for number, one in enumerate(found[6:], start=7):
        say(RunDone(one.but(samples=(), values=()), number, 10))
    say(RunFailed(study.tasks()[3], "The folder is gone.", 9, 10))
    verdict = judge(study, found)
    say(Reported("/nowhere/study/report.md", verdict))
    panel._task.finish()
    assert panel.shown.text() == "\n".join(verdict.whole) and panel.shown.isVisible()
    assert "MLP, seed 0): The folder is gone." in panel.failed.text() and panel.failed.isVisible()
    assert cells(panel, DIFFERENCE) == ["baseline", *(c.text for c in verdict.comparisons)]
    assert cells(panel, VARIANT)[0] == "as drawn"
    assert panel.report.isVisible() and panel.folder.isVisible() and panel.go.text() == "Start"
    assert panel.go.focusPolicy() == Qt.FocusPolicy.TabFocus  # after a click, Space trains


def test_the_painted_difference_lies_where_it_is(panel: StudiesPanel) -> None:
    panel.form.seeds.setValue(2)
    panel.go.click()
    study = of_screen("controls", SMALL, (0, 1))
    found = [result(task) for task in study.tasks()]
    for number, one in enumerate(found, start=1):
        panel._task.said.emit(RunDone(one, number, 10))
    plain = panel.table.grab().toImage()
    panel._task.said.emit(Reported("r", judge(study, found)))
    panel._task.finish()
    table = panel.table
    judged = table.grab().toImage()
    for variant, share in (("MLP", -0.9), ("linear head", 0.1)):
        row = cells(panel, VARIANT).index(variant)
        room = table.visualRect(table.model().index(row, PLOT))
        top = table.horizontalHeader().height() + room.top()
        changed = [
            x
            for x in range(room.left(), room.right())
            for y in range(top, top + room.height())
            if plain.pixel(x, y) != judged.pixel(x, y)
        ]
        middle = (min(changed) + max(changed)) / 2 - room.center().x()
        assert (middle < 0) == (share < 0), f"{variant} at {middle}"


def test_a_study_is_stopped_and_says_that_start_goes_on(panel: StudiesPanel) -> None:
    panel.go.click()
    panel.go.click()
    assert panel._task.answers == [events.Stop()] and not panel.go.isEnabled()
    panel._task.finish(STOPPED)
    assert "what is done is kept" in panel.said.text() and panel.go.isEnabled()


def test_what_cannot_be_studied_is_said_before_it_is_started(panel: StudiesPanel) -> None:
    panel.form.which.setCurrentIndex(panel.form.which.findData("activations"))
    assert not panel.go.isEnabled()
    assert "has no quantum activation" in panel.failed.text()
    panel.form.which.setCurrentIndex(panel.form.which.findData("controls"))
    assert panel.go.isEnabled() and panel.failed.isHidden()


def test_a_study_file_and_an_earlier_studys_folder_open(
    panel: StudiesPanel, tmp_path: Path
) -> None:
    axis = grid.Axis(path="training.learning_rate", values=(0.01, 0.02))
    made = grid.Grid(name="rates", design=SMALL, axes=(axis,), seeds=(0, 1, 2))
    grid.save(made, tmp_path / "rates.qstudy")
    panel.form.open_file(tmp_path / "rates.qstudy")
    assert panel.form.which.currentText() == "rates" and panel.form.seeds.value() == 3
    assert "6 runs: 2 variants × 3 seeds" in panel.said.text()
    (tmp_path / "study.json").write_text(made.study().model_dump_json())
    panel.form.open_folder(tmp_path)
    assert panel._task.asked == [Conduct(made.study(), str(tmp_path), 0, "")]
    panel._task.finish()
    (tmp_path / "study.json").write_text("[]")
    panel.form.open_folder(tmp_path)
    assert "no study that can be read" in panel.failed.text()
    (tmp_path / "rates.qstudy").write_text("{")
    panel.form.open_file(tmp_path / "rates.qstudy")
    assert "rates.qstudy" in panel.failed.text()


def test_a_real_child_conducts_the_study_and_its_report_can_be_opened(qapp: object) -> None:
    task = studying()
    made = StudiesPanel(Document(SMALL), task, lambda: False)
    told: list[object] = []
    task.said.connect(told.append)
    try:
        made.form.seeds.setValue(1)
        made.go.click()
        wait_until(lambda: not task.running, 60)
        assert isinstance(told[-1], StudyEnded) and told[-1].done == 5, told[-1]
        assert Path(made._report).is_file() and made.said.text() == "Done."
        assert "it takes two seeds at least" in made.shown.text()
        assert set(cells(made, RUNS)) == {"1 of 1"}
    finally:
        task.close()
        end(made)
