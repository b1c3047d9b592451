"""The run on screen: curves, predictions and what the live state takes from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import made_run
import numpy as np
import pytest
from made_run import STAGE
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.runview import FRAME, Columns, RunView
from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.design import edits
from qdesigner.errors import UserError
from qdesigner.session import events

Change = Callable[[Circuit], Circuit]


def circuit() -> Circuit:
    found = made_run.quantum_stage().circuit
    assert found is not None
    return found


@pytest.fixture
def run(qapp: QApplication, tmp_path: Path) -> RunView:
    view = RunView()
    view.open(made_run.write_run(tmp_path / "run"))
    return view


def live(folder: Path, epochs: int = 6) -> RunView:
    view = RunView()
    for event in made_run.history(folder, epochs):
        view.on_event(event)
    return view


def test_columns_hold_every_row_however_many_come() -> None:
    columns = Columns("x", "y")
    for start in range(0, 5000, 7):
        columns.extend(np.arange(start, start + 7), np.arange(start, start + 7) ** 2)
    assert np.array_equal(columns["x"], np.arange(len(columns)))
    assert np.array_equal(columns["y"], np.arange(len(columns)) ** 2)
    columns.cut("x", 99)
    assert len(columns) == 100


def test_steps_lie_at_fractions_of_their_epoch(qapp: QApplication, tmp_path: Path) -> None:
    view = live(tmp_path, 2)
    assert view.steps["x"].tolist() == [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]
    assert view.steps["loss"].tolist() == [1.0] * 4 + [0.5] * 4
    assert view.epochs["epoch"].tolist() == [1, 2]
    assert view.epochs["val_accuracy"].tolist() == pytest.approx([0.53, 0.58])
    assert view.gradient_norms == {STAGE: 0.25}


def test_a_run_reopened_from_its_folder_is_as_it_was_live(run: RunView, tmp_path: Path) -> None:
    seen = live(tmp_path / "run")
    for name in run.epochs.names:
        assert np.array_equal(run.epochs[name], seen.epochs[name])
    for name in run.steps.names:
        assert np.array_equal(run.steps[name], seen.steps[name])
    assert np.array_equal(run.predicted, seen.predicted)
    assert (run.phase, run.classes, run.design) == (seen.phase, seen.classes, seen.design)
    assert run.items == seen.items and len(run.items) == 12
    assert run.summary == seen.summary == (
        "epoch 6 of 6 · validation accuracy 0.780 · best 0.780 in epoch 6"
    )  # fmt: skip


def test_a_new_run_clears_the_one_before(run: RunView, tmp_path: Path) -> None:
    run.on_event(made_run.started(tmp_path / "next"))
    assert len(run.steps) == len(run.epochs) == len(run.labels) == 0
    assert (run.phase, run.best_epoch, run.predictions) == ("running", 0, None)


def test_resuming_keeps_the_curve_up_to_the_checkpoint(qapp: QApplication, tmp_path: Path) -> None:
    view = live(tmp_path, 3)
    view.on_event(made_run.steps(4, loss=9.0))  # the worker dies in epoch 4
    view.on_event(events.Failed("It was killed.", str(tmp_path), True))
    assert (view.phase, view.reason) == ("failed", "It was killed.")
    view.on_event(made_run.started(tmp_path, first_epoch=4))
    assert view.epochs["epoch"].tolist() == [1, 2, 3]
    assert view.steps["x"][-1] == 3.0
    view.on_event(made_run.steps(4, loss=0.25))
    assert view.steps["loss"][-4:].tolist() == [0.25] * 4
    assert view.phase == "running" and view.reason == ""


def test_resuming_a_run_not_on_screen_shows_its_curve_before(
    qapp: QApplication, tmp_path: Path
) -> None:
    folder = made_run.write_run(tmp_path / "run", epochs=3)
    view = RunView()
    view.on_event(made_run.started(folder, first_epoch=4))
    assert view.epochs["epoch"].tolist() == [1, 2, 3]
    assert view.phase == "running" and view.predictions is not None


def test_a_resumed_run_reads_back_without_the_steps_run_twice(
    qapp: QApplication, tmp_path: Path
) -> None:
    folder = made_run.write_run(tmp_path / "run", epochs=3)
    again = [made_run.steps(4, 9.0), made_run.started(folder, first_epoch=4), made_run.steps(4)]
    import json

    with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(event.to_json()) + "\n" for event in again)
    view = RunView()
    view.open(folder)
    assert np.array_equal(view.steps["x"], np.arange(1, 17) / 4)
    assert 9.0 not in view.steps["loss"]
    assert view.phase == "interrupted"


def test_a_folder_that_cannot_be_read_leaves_the_run_on_screen(
    run: RunView, tmp_path: Path
) -> None:
    with pytest.raises(UserError):
        run.open(tmp_path / "nowhere")
    assert len(run.epochs) == 6 and run.path == str(tmp_path / "run")


def test_watchers_are_told_at_once_of_another_run_and_then_once_a_frame(
    qapp: QApplication, tmp_path: Path
) -> None:
    view = RunView()
    told: list[int] = []
    view.curves_changed.connect(lambda: told.append(len(view.steps)))
    view.on_event(made_run.started(tmp_path))
    for number in range(500):
        view.on_event(events.Steps(1, number, (0.5,), (0.5,), 1.0, 1.0))
    QTest.qWait(3 * FRAME)
    assert told == [0, 500]


def test_images_come_with_the_wrongest_first(run: RunView) -> None:
    order = run.most_wrong()
    wrong = int((~run.right).sum())
    assert 0 < wrong < 12
    assert not run.right[order[:wrong]].any() and run.right[order[wrong:]].all()
    assert (np.diff(run.true_probability[order[:wrong]]) >= 0).all()
    assert (np.diff(run.true_probability[order[wrong:]]) >= 0).all()


def test_a_model_that_says_nothing_is_not_taken_for_right(qapp: QApplication) -> None:
    view = RunView()
    nothing = np.full((2, 3), np.nan, dtype=np.float32)
    view.on_event(events.Predictions(1, nothing, np.array([1, 2]), {}, {}))
    assert not view.right.any() and view.true_probability.tolist() == [0, 0]


# ---- the live state -------------------------------------------------------------------------


def test_the_chosen_image_gives_the_live_state_its_angles(run: RunView) -> None:
    told: list[int] = []
    run.image_chosen.connect(told.append)
    run.chosen_image = 5
    run.chosen_image = 5
    assert told == [5]
    angles = run.angles_for(STAGE, circuit())
    assert angles is not None
    assert np.allclose(angles, made_run.predictions(6).angles[STAGE][5])


def test_angles_of_another_number_are_none(run: RunView) -> None:
    assert run.angles_for(STAGE, edits.add_wire(circuit())) is None
    assert run.angles_for("quantum-9", circuit()) is None
    assert RunView().angles_for(STAGE, circuit()) is None


def test_a_choice_beyond_the_images_goes_back_to_the_first(run: RunView) -> None:
    run.chosen_image = 11
    run.on_event(made_run.predictions(7, images=5))
    QTest.qWait(3 * FRAME)
    assert run.chosen_image == 0


def test_an_unedited_circuit_keeps_all_trained_weights(run: RunView) -> None:
    weights = run.weights_for(STAGE, circuit())
    assert weights is not None and weights.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def _surviving(change: Change, run: RunView) -> list[float] | None:
    weights = run.weights_for(STAGE, change(circuit()))
    return None if weights is None else weights.tolist()


def test_a_new_layer_starts_at_zero_beside_the_trained_ones(run: RunView) -> None:
    def layer_before(c: Circuit) -> Circuit:
        return edits.insert_block(c, edits.Slot("", 1), edits.new_block(c, "rx_layer"))

    assert _surviving(layer_before, run) == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_more_repeats_keep_the_trained_ones(run: RunView) -> None:
    assert _surviving(lambda c: edits.set_block(c, "repeat-1", count=3), run) == [
        *range(1, 9), 0, 0, 0, 0,
    ]  # fmt: skip
    assert _surviving(lambda c: edits.set_block(c, "repeat-1", count=1), run) == [1, 2, 3, 4]


def test_a_new_wire_gets_weights_of_zero(run: RunView) -> None:
    assert _surviving(edits.add_wire, run) == [1, 2, 3, 4, 0, 5, 6, 7, 8, 0]


def test_no_weights_are_given_when_none_survives(run: RunView) -> None:
    assert _surviving(lambda c: edits.remove_blocks(c, {"repeat-1"}), run) is None
    other = edits.starting_circuit(2)
    renamed = edits.remove_blocks(other, {"ry_layer-1"})
    renamed = edits.insert_block(renamed, edits.Slot("", 0), edits.new_block(renamed, "rz_layer"))
    assert expand(renamed).weight_keys and run.weights_for(STAGE, renamed) is None
    assert run.weights_for("quantum-9", circuit()) is None
