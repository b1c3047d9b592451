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
from shells import heard, wait_until

from app.runcurves import Columns, Curves, Named
from app.runview import FRAME, RunView
from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.design import codec, edits
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


def test_epochs_that_a_killed_worker_wrote_but_could_not_say_are_read_from_its_folder(
    qapp: QApplication, tmp_path: Path
) -> None:
    view = live(tmp_path, 2)
    folder = made_run.write_run(tmp_path, epochs=3)
    view.on_event(made_run.started(folder, first_epoch=4))
    assert view.epochs["epoch"].tolist() == [1, 2, 3]


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


def test_what_is_named_late_is_unknown_before(qapp: QApplication) -> None:
    named = Named()
    for row in ({"a": 1.0}, {"a": 2.0, "b": 3.0}, {"b": 4.0}):
        named.append(row)
    assert np.array_equal(named.arrays()["a"], [1, 2, np.nan], equal_nan=True)
    assert np.array_equal(named.arrays()["b"], [np.nan, 3, 4], equal_nan=True)
    named.shorten(1)
    named.append({"a": 9.0})
    assert named.arrays()["a"].tolist() == [1, 9] and np.isnan(named.arrays()["b"]).all()


def test_metrics_norms_and_saturation_stand_beside_the_epochs(run: RunView) -> None:
    assert np.allclose(run.metrics["f1"], run.epochs["train_accuracy"] - 0.1)
    assert run.norms[STAGE].tolist() == [0.25] * 6
    assert run.saturation["squash-1"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


def test_steps_lie_where_they_say_whatever_the_batch_size_was() -> None:
    steps = events.Steps(3, 8, (1.0, 1.0), (0.5, 0.5), 1.0, 1.0, (2.1, 2.2))
    said = [made_run.started(Path("run")), steps]
    assert Curves.of(said).steps["x"].tolist() == [2.1, 2.2]


def test_marks_after_the_checkpoint_go_with_what_is_run_again() -> None:
    marks = [events.Mark(at, "change", "learning rate 0.001") for at in (1.5, 3.0, 3.5)]
    said = [made_run.started(Path("run")), *marks, made_run.started(Path("run"), first_epoch=4)]
    assert [mark.at for mark in Curves.of(said).marks] == [1.5, 3.0]


def test_a_change_while_running_is_read_back_from_the_folder(
    qapp: QApplication, tmp_path: Path
) -> None:
    view = RunView()
    folder = made_run.write_run(tmp_path / "run", epochs=2)
    for event in made_run.history(folder, 2):
        view.on_event(event)
    changed = edits.set_training(made_run.design(), epochs=9)
    codec.save(changed, folder / "design.json")
    view.on_event(events.Mark(2.0, "change", "9 epochs"))
    assert view.total_epochs == 9 and view.design == changed and len(view.marks) == 1


def test_of_a_regression_the_furthest_off_come_first(qapp: QApplication) -> None:
    view = RunView()
    view.on_event(events.Started("/run", (), 9, 3, 0, 4, 2, score="mae"))
    for number, error, best in ((1, 0.5, True), (2, 0.2, True), (3, 0.3, False)):
        view.on_event(events.Epoch(number, 1, error, 1, error, 0.01, 0.1, best, {}))
    numbers = np.array([[1.0], [2.0], [3.0]], dtype=np.float32)
    view.on_event(events.Predictions(3, numbers, np.array([1.5, 2.0, 0.0]), {}, {}))
    assert view.regression and view.labels.tolist() == [1.5, 2, 0]
    assert view.predicted.tolist() == [1, 2, 3] and view.errors.tolist() == [0.5, 0, 3]
    assert view.most_wrong().tolist() == [2, 0, 1]
    assert view.summary == "epoch 3 of 4 · validation MAE 0.300 · best 0.200 in epoch 2"


# ---- looking back ---------------------------------------------------------------------------


@pytest.fixture
def kept(qapp: QApplication, tmp_path: Path) -> RunView:
    folder = made_run.write_run(tmp_path / "run")
    made_run.keep_epochs(folder, 2, 4, 6)
    view = RunView()
    view.open(folder)
    return view


def test_one_can_go_back_to_an_epoch_and_return(kept: RunView) -> None:
    assert kept.kept == (2, 4, 6)
    newest = kept.predictions
    with heard(kept.predictions_changed) as told:
        kept.travel(4)
        assert kept.at_epoch == 4 and kept.summary.startswith("epoch 4 of 6 (looking back) · ")
        wait_until(lambda: bool(told))
    then = made_run.predictions(4, seed=4)
    assert kept.predictions is not None and kept.predictions.epoch == 4
    assert np.array_equal(kept.predicted, then.probabilities.argmax(axis=1))
    weights = kept.weights_for(STAGE, circuit())
    assert weights is not None and weights.tolist() == [41, 42, 43, 44, 45, 46, 47, 48]
    kept.travel(None)
    assert kept.predictions is newest and kept.at_epoch is None


def test_what_comes_meanwhile_does_not_throw_one_back(kept: RunView) -> None:
    kept.travel(2)
    wait_until(lambda: kept.predictions is not None and kept.predictions.epoch == 2)
    kept.on_event(made_run.epoch(7))
    kept.on_event(made_run.predictions(7, seed=7))
    made_run.keep_epochs(Path(kept.path), 7)
    QTest.qWait(3 * FRAME)
    assert kept.predictions is not None and kept.predictions.epoch == 2
    assert kept.kept == (2, 4, 6, 7) and len(kept.epochs) == 7
    kept.travel(None)
    assert kept.predictions.epoch == 7


def test_of_epochs_gone_through_quickly_the_last_is_shown(kept: RunView) -> None:
    for epoch in (2, 4, 6, 4, 2):
        kept.travel(epoch)
    wait_until(lambda: kept.predictions is not None and kept.predictions.weights[STAGE][0] == 21)
    QTest.qWait(50)
    assert kept.predictions is not None and kept.predictions.epoch == 2


def test_an_epoch_that_is_gone_says_so_and_the_newest_stays(kept: RunView) -> None:
    newest = kept.predictions
    (Path(kept.path) / "epochs" / "000004.npz").unlink()
    with heard(kept.travel_failed) as told:
        kept.travel(4)
        wait_until(lambda: bool(told))
    assert "Epoch 4" in str(told[0]) and kept.at_epoch is None and kept.predictions is newest


def test_before_an_edit_the_weights_are_those_of_the_circuit_of_then(
    kept: RunView, tmp_path: Path
) -> None:
    folder = Path(kept.path)
    (folder / "designs").mkdir()
    codec.save(made_run.design(), folder / "designs" / "000004.json")
    edited = edits.on_circuit(made_run.design(), STAGE, edits.add_wire)
    codec.save(edited, folder / "design.json")
    kept.open(folder)
    assert kept.weights_for(STAGE, circuit()) is None
    kept.travel(4)
    wait_until(lambda: kept.predictions is not None and kept.predictions.epoch == 4)
    weights = kept.weights_for(STAGE, circuit())
    assert weights is not None and weights[0] == 41


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
