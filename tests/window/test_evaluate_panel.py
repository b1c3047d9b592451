"""The Evaluate tab: a trained run on another device, with consent before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from shells import FakeTask, end, heard, quickstart, wait_until

from app.document import Document
from app.panels.evaluate import EvaluatePanel, evaluation, spec_text
from app.runview import RunView
from app.tasks import Task
from qdesigner.design import edits
from qdesigner.design.spec import DeviceSpec
from qdesigner.session import events
from qdesigner.session.evaluation import Asked, Evaluate, Evaluated, EvaluateFailed
from qdesigner.training import loop


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluated") / "run"
    design = edits.set_training(edits.set_data(quickstart(), limit=12), epochs=2)
    loop.train(design, lambda event: None, out=str(out))
    return out


@pytest.fixture
def panel(qapp: object, run: Path) -> Iterator[EvaluatePanel]:
    runview = RunView()
    made = EvaluatePanel(Document(quickstart()), runview, FakeTask())
    assert not made.go.isEnabled() and "Train the model first" in made.said.text()
    runview.open(str(run))
    made.resize(900, 300)
    made.show()
    yield made
    end(made)


def cells(panel: EvaluatePanel) -> list[list[str]]:
    table = panel.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_a_run_is_asked_on_the_device_chosen_here_and_the_design_stays(
    panel: EvaluatePanel, run: Path
) -> None:
    panel.choose(edits.set_device(panel._design, shots=100))
    panel.limit.setValue(30)
    panel.go.click()
    spec = DeviceSpec(shots=100)
    assert panel._task.asked == [Evaluate(str(run), spec, "validation", 30)]
    assert panel._document.design.device == DeviceSpec()
    assert panel.go.text() == "Cancel" and not panel.split.isEnabled()
    panel._task.said.emit(events.Progress("running on Built-in simulator", 16, 30))
    assert "16 / 30" in panel.said.text() and panel.bar.value() == 533
    panel._task.said.emit(Evaluated(spec, "validation", 30, 27, 0.25, 30, 0.012))
    panel._task.finish()
    assert cells(panel) == [
        ["Built-in simulator · 100 shots", "30 validation", "0.9000", "0.2500", "30", "12 ms"]
    ]
    assert panel.go.text() == "Evaluate"
    assert panel.go.focusPolicy() == Qt.FocusPolicy.TabFocus  # after a click, Space trains


def test_nothing_is_sent_before_it_is_confirmed(panel: EvaluatePanel) -> None:
    design = edits.set_device(panel._design, name="ibm", target="ibm_somewhere")
    panel.choose(design)
    panel.go.click()
    assert not panel.send.isVisible()
    panel._task.said.emit(Asked("Sends 1 job of 30 circuits: about 3.00 USD."))
    assert panel.send.isVisible() and panel.refuse.isVisible() and not panel.go.isVisible()
    assert "3.00 USD" in panel.said.text() and panel._task.answers == []
    panel.refuse.click()
    assert panel._task.answers == [False]
    panel._task.finish("Nothing was sent.")
    assert panel.said.text() == "Nothing was sent." and panel.go.isVisible()


def test_a_question_and_an_outcome_stay_while_the_training_run_goes_on(
    panel: EvaluatePanel,
) -> None:
    panel.go.click()
    panel._runview.state_changed.emit()
    assert panel.said.text() == "Starting …"
    panel._task.said.emit(Asked("Sends 1 job of 30 circuits: about 3.00 USD."))
    panel._runview.state_changed.emit()
    assert panel.send.isVisible() and "3.00 USD" in panel.said.text()
    panel._task.finish("The key is not valid.")
    panel._runview.state_changed.emit()
    assert panel.said.text() == "The key is not valid."
    panel.split.setCurrentText("test")
    assert panel.said.text() == ""


def test_a_device_is_named_with_its_noise() -> None:
    snapshot = DeviceSpec(name="qiskit.aer", shots=100, noise="fake_manila")
    assert spec_text(snapshot) == "Qiskit Aer · 100 shots · noise of Manila"
    channel = DeviceSpec(name="default.mixed", noise="bit_flip", noise_level=0.02)
    assert spec_text(channel) == "PennyLane default.mixed · exact · bit flip 0.02"


def test_what_cannot_run_is_said_before_it_is_tried(panel: EvaluatePanel) -> None:
    panel.choose(edits.set_device(panel._design, name="braket.aws", target=""))
    assert not panel.go.isEnabled() and "name it" in panel.said.text()


def test_the_real_child_evaluates(qapp: object, run: Path) -> None:
    task = evaluation()
    with heard(task.said) as said, heard(task.ended) as ends:
        task.start(Evaluate(str(run), DeviceSpec(shots=50), limit=8))
        wait_until(lambda: bool(ends), 90)
    assert ends == [""]
    found = said[-1]
    assert isinstance(found, Evaluated)
    assert found.images == 8 and 0 <= found.right <= 8 and found.circuits == 8
    assert found.device.shots == 50


def test_a_run_that_is_not_there_is_said_in_a_sentence(qapp: object, tmp_path: Path) -> None:
    task = evaluation()
    with heard(task.said) as said, heard(task.ended) as ends:
        task.start(Evaluate(str(tmp_path / "nothing"), DeviceSpec()))
        wait_until(lambda: bool(ends), 90)
    assert isinstance(said[-1], EvaluateFailed) and "nothing" in str(ends[0])


def test_a_child_that_dies_is_noticed(qapp: object) -> None:
    task = Task("qdesigner.errors", "evaluation", lambda message: None)  # which has no main
    with heard(task.ended) as ends:
        task.start("die")
        wait_until(lambda: bool(ends), 30)
    assert str(ends[0]).startswith("The evaluation broke off")
