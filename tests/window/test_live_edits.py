"""What the window does with a run that goes on, was stopped, or is looked back at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import made_run
import pytest
from made_run import STAGE
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shells import FakeOnlooking, FakeSession, end, wait_until

from app.panels.timebar import TimeBar
from app.runview import FRAME
from app.window import Window
from qdesigner.design import edits
from qdesigner.session import events


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))
    made = Window(FakeSession(), FakeOnlooking())
    made.begin(template="quickstart")
    made.show()
    wait_until(lambda: made.tabs.count() > 0)
    yield made
    QTest.qWait(2 * FRAME)  # what the run view still wants to tell
    end(made)
    qapp.setStyleSheet("")


def training(window: Window, folder: Path) -> None:
    """A run of the design on screen goes on, two epochs far."""
    made_run.write_run(folder, epochs=2)
    made_run.keep_epochs(folder, 1, 2)
    window.runs.train_anew()
    for event in made_run.history(folder, 2):
        window.session.event.emit(event)


def change(window: Window, **values: object) -> None:
    design = edits.set_training(window.document.design, **values)
    window.document.apply("Change training", design)


def insert_layer(window: Window) -> None:
    window.document.change_circuit(
        "Add RX layer",
        lambda c: edits.insert_block(c, edits.Slot("", 1), edits.new_block(c, "rx_layer")),
    )


def sent(window: Window, verb: str) -> list[tuple[object, ...]]:
    return [said for said in window.session.said if said[0] == verb]


def test_learning_rate_batch_size_and_epochs_reach_the_run_as_they_are_changed(
    window: Window, tmp_path: Path
) -> None:
    training(window, tmp_path / "run")
    change(window, learning_rate=0.002)
    change(window, batch_size=8, epochs=40)
    window.document.undo()
    before = window.document.design.training
    assert [said[1] for said in sent(window, "change")] == [
        {"learning_rate": 0.002}, {"batch_size": 8, "epochs": 40},
        {"batch_size": before.batch_size, "epochs": before.epochs},
    ]  # fmt: skip
    assert "live-edit" not in window.notices.texts()


def test_a_change_before_the_run_has_begun_is_sent_when_it_has(
    window: Window, tmp_path: Path
) -> None:
    folder = made_run.write_run(tmp_path / "run", epochs=0)
    window.runs.train_anew()
    change(window, learning_rate=0.003)
    assert not sent(window, "change")
    window.session.event.emit(made_run.started(folder))
    assert sent(window, "change") == [("change", {"learning_rate": 0.003})]


def test_an_edit_of_the_circuit_offers_to_continue_with_these_weights(
    window: Window, tmp_path: Path
) -> None:
    training(window, tmp_path / "run")
    insert_layer(window)
    change(window, seed=7)
    assert "Changes of seed wait for the next run" in window.notices.texts()["live-edit"]
    window.notices.press("live-edit", "Continue with these weights")
    ((_, edited),) = sent(window, "edit")
    assert edited.stages == window.document.design.stages
    assert edited.training == made_run.design().training, "the seed stays the run's"
    window.document.undo()
    window.document.undo()
    assert "edited" in window.notices.texts()["live-edit"], "undoing is an edit of the run too"


def test_training_anew_while_a_run_goes_on_stops_it_and_then_begins(
    window: Window, tmp_path: Path
) -> None:
    training(window, tmp_path / "run")
    insert_layer(window)
    window.notices.press("live-edit", "Train anew")
    assert window.session.verbs()[-1] == "stop"
    window.session.end(events.Stopped(2, str(tmp_path / "run")))
    assert window.session.said[-1] == ("train", window.document.design, "")


def test_what_waits_for_the_next_run_is_said_until_it_is_undone(
    window: Window, tmp_path: Path
) -> None:
    training(window, tmp_path / "run")
    change(window, optimizer="sgd")
    assert window.notices.texts()["live-edit"] == "Optimizer waits for the next run."
    window.document.undo()
    assert "live-edit" not in window.notices.texts()
    change(window, optimizer="sgd")
    window.session.end(events.Stopped(2, str(tmp_path / "run")))
    assert "live-edit" not in window.notices.texts()


def test_a_stopped_run_is_resumed_by_the_button_that_trains(window: Window, tmp_path: Path) -> None:
    training(window, tmp_path / "run")
    (tmp_path / "run" / "last.pt").write_bytes(b"")
    window.session.end(events.Stopped(2, str(tmp_path / "run")))
    button = window.header._buttons["train"]
    wait_until(lambda: button.text() == "Resume")
    assert window.header._more.isVisible()
    button.click()
    assert window.session.said[-1] == ("train", window.document.design, str(tmp_path / "run"))
    change(window, epochs=50)
    window.session.end(events.Stopped(2, str(tmp_path / "run")))
    wait_until(lambda: button.text() == "Resume")
    insert_layer(window)
    wait_until(lambda: button.text() == "Train")
    assert not window.header._more.isVisible()
    button.click()
    assert window.session.said[-1] == ("train", window.document.design, "")


# ---- looking back ---------------------------------------------------------------------------


@pytest.fixture
def looked(window: Window, tmp_path: Path) -> Window:
    folder = made_run.write_run(tmp_path / "run")
    made_run.keep_epochs(folder, 2, 4, 6)
    window.document.set_run(str(folder))
    window.runs.show_last()
    wait_until(lambda: window.runview.kept == (2, 4, 6))
    return window


def bar(window: Window):

    return window.findChild(TimeBar)


def test_there_is_no_slider_before_there_is_something_to_go_back_to(window: Window) -> None:
    assert not bar(window).isVisible()


def test_the_slider_goes_back_and_the_whole_window_follows(looked: Window) -> None:
    slider = bar(looked).slider
    assert slider.isVisible() and (slider.maximum(), slider.value()) == (2, 2)
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_Left)
    run = looked.runview
    wait_until(lambda: run.predictions is not None and run.predictions.epoch == 4)
    assert "epoch 4 of 6 (looking back)" in looked.statusBar()._left.text()
    assert looked.header._text.text() == "looking back at epoch 4"
    circuit = made_run.quantum_stage().circuit
    assert circuit is not None
    weights = run.weights_for(STAGE, circuit)
    assert weights is not None and weights[0] == 41
    bar(looked).live.click()
    assert run.at_epoch is None and slider.value() == 2


def test_keys_go_back_and_on_and_the_last_step_follows_the_run_again(looked: Window) -> None:
    actions = looked.actions_table.actions
    for name, epoch in (
        ("epoch_back", 4), ("epoch_back", 2), ("epoch_back", 2), ("epoch_on", 4), ("epoch_on", 6),
        ("epoch_on", None),
    ):  # fmt: skip
        actions[name].trigger()
        assert looked.runview.at_epoch == epoch, name


def test_a_branch_begins_a_new_run_with_the_weights_of_the_epoch_looked_at(looked: Window) -> None:
    looked.runview.travel(4)
    looked.actions_table.refresh()
    assert looked.actions_table.actions["branch"].text() == "Branch from epoch 4"
    bar(looked).branch.click()
    assert looked.session.said[-1] == (
        "branch", looked.document.design, looked.runview.path, 4
    )  # fmt: skip


def test_a_run_ended_by_early_stopping_says_so(window: Window, tmp_path: Path) -> None:
    training(window, tmp_path / "run")
    run = str(tmp_path / "run")
    window.session.end(events.Finished(0.9, 0.1, 0.8, 0.2, 2, 0, 1, run, early=True))
    assert "Early stopping ended the run after epoch 2" in window.notices.texts()["run"]
    assert window.header._text.text().startswith("stopped early")
