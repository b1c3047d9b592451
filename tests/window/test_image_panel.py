"""The Image tab: an image whole, and how it passes through the circuit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import made_run
import numpy as np
import pytest
from made_run import STAGE
from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAction, QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shells import FakeChild, FakeOnlooking, quickstart, wait_until

import app.attended
from app.document import Document
from app.imagehistory import ImageHistory
from app.looked import Looked
from app.onlooking import Onlooking
from app.panels.angles import Angles
from app.panels.image import ImagePanel
from app.panels.removals import ALL, BLOCKS, change_words, sentence_of
from app.runview import RunView
from qdesigner.circuit.circuit import walk
from qdesigner.session.events import Predictions
from qdesigner.session.onlook import (
    Layer,
    Predict,
    Predicted,
    Removed,
    Said,
    Trace,
    Traced,
)

ENTANGLER = "cnot_brick-1"


def removed(number: int, change: float, margin: float = 0.0, entangling: bool = True) -> Removed:
    label, wires = ("CNOT", (0, 1)) if entangling else ("RY θ₀", (2,))
    return Removed(number, ENTANGLER, label, label, wires, entangling, change, margin,
                   "CNOT brick, pass 2")  # fmt: skip


def trace(truth: int = 0, error: str = "") -> Traced:
    """A trace of three blocks, two entangling gates and one other."""
    if error:
        return Traced(0, error=error)
    rng = np.random.default_rng(0)
    layers = tuple(
        Layer(block, label, rng.uniform(-0.5, 0.5, (4, 3)))
        for block, label in (("h_ry_embedding-1", "H + RY embedding"),
                             (ENTANGLER, "CNOT brick, pass 1"), (ENTANGLER, "CNOT brick, pass 2"))
    )  # fmt: skip
    some = (removed(8, -0.12, -0.5), removed(9, 0.3, 1.5), removed(12, 0.01, -2.0, False))
    whole = (Removed(8, ENTANGLER, "CNOT brick, pass 2", "CNOT", (0, 1), True, -0.2, -0.7,
                     "CNOT brick, pass 2"),)  # fmt: skip
    return Traced(0, STAGE, 6, truth, 0.75, 1.0, np.zeros(4), layers, some, whole)


class Bench:
    """A panel on a made run, with an onlooker that only writes down."""

    def __init__(self, folder: Path) -> None:
        self.run = RunView()
        self.folder = made_run.write_run(folder / "run", images=12)
        made_run.keep_epochs(self.folder, 1, 2, 6)
        self.onlooking = FakeOnlooking()
        self.document = Document(quickstart())
        self.looked = Looked(self.run, self.onlooking)  # type: ignore[arg-type]
        self.panel = ImagePanel(
            self.document, self.run, self.looked, lambda: [5, 3, 8], QAction("Predict an image…")
        )
        self.panel.resize(1000, 320)

    def open(self) -> Bench:
        self.run.open(self.folder)
        self.panel.show()
        wait_until(self.panel.isVisible)
        return self

    def traces(self) -> list[Trace]:
        return self.onlooking.of(Trace)  # type: ignore[return-value]


@pytest.fixture
def bench(qapp: QApplication, tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_before_a_run_it_says_what_to_do(bench: Bench) -> None:
    bench.panel.show()
    assert bench.panel.hint.isVisible() and "drop any image file" in bench.panel.hint.text()
    assert not bench.panel.one.isVisible() and bench.onlooking.asked == []


def test_the_chosen_image_is_shown_large_with_its_classes(bench: Bench) -> None:
    run, one = bench.open().run, bench.panel.one
    image = int(run.most_wrong()[0])
    run.chosen_image = image
    assert (
        one.word.text()
        == f"✗ {made_run.CLASSES[run.labels[image]]} → " + (made_run.CLASSES[run.predicted[image]])
    )
    assert f"image {image} · digits/{image}" in one.name.text()
    assert run.predictions is not None
    row = np.asarray(run.predictions.probabilities[image], dtype=float)
    assert [(name, share) for name, share, _, _ in one.bars.rows] == [
        (name, pytest.approx(share)) for name, share in zip(made_run.CLASSES, row, strict=True)
    ]


def test_a_trace_is_asked_for_once_and_only_while_it_is_shown(bench: Bench) -> None:
    bench.run.open(bench.folder)
    bench.run.chosen_image = 3
    assert bench.onlooking.asked == []
    bench.panel.show()
    wait_until(lambda: len(bench.traces()) == 1)
    asked = bench.traces()[0]
    assert (asked.run, asked.stage, asked.image, asked.epoch) == (str(bench.folder), STAGE, 3, 6)
    bench.panel.hide()
    bench.panel.show()
    bench.run.chosen_image = 4
    assert [each.image for each in bench.traces()] == [3, 4]


def test_looking_back_traces_the_weights_of_then(bench: Bench) -> None:
    bench.open().run.travel(2)
    wait_until(lambda: bench.traces()[-1].epoch == 2)


def test_a_trace_shows_states_gates_and_sentences(bench: Bench) -> None:
    bench.open().onlooking.answer(trace())
    panel = bench.panel
    assert [layer.label for layer in panel.states.layers][1:] == [
        "CNOT brick, pass 1", "CNOT brick, pass 2",
    ]  # fmt: skip
    assert panel.why.text() == "ants: 75 % after epoch 6."
    rows = panel.removals.rows
    assert [row.probability for row in rows.rows] == [0.3, -0.12]  # entangling gates, largest first
    assert panel.removals.sentence.text() == (
        "Without this CNOT the probability of ants rises by 0.30 (margin +1.50): "
        "it did not contribute."
    )
    QTest.keyClick(panel.removals.view, Qt.Key.Key_Down)
    assert panel.removals.sentence.text() == (
        "Without this CNOT the probability of ants falls by 0.12 (margin −0.50): it contributed."
    )
    assert panel.removals.most.text() == (
        "RY θ₀ q2 (CNOT brick, pass 2) moves the margin most: −2.00 without it."
    )
    panel.removals.which.setCurrentText(BLOCKS)
    assert panel.removals.sentence.text().startswith("Without the CNOT brick, pass 2 ")
    panel.removals.which.setCurrentText(ALL)
    assert len(rows.rows) == 3 and panel.grab().width() == 1000


def test_what_changes_nothing_or_a_number_is_said_so() -> None:
    assert "stays the same" in sentence_of(removed(1, 0.0), "ants", False)
    assert "it only keeps others at a distance" in sentence_of(
        removed(1, -0.0001, -1.0), "ants", False
    )
    assert sentence_of(removed(1, -0.25, -0.25), "", True) == (
        "Without this CNOT the predicted number falls by 0.25, further from the true one."
    )


def test_changes_of_a_number_are_in_its_own_unit() -> None:
    assert change_words(-12594.78, True) == "−12,595" and change_words(0.25, True) == "+0.25"
    assert change_words(-0.123, False) == "−0.12" and change_words(-0.001, False) == "0.00"


def test_a_gate_or_state_that_is_clicked_selects_its_block_on_the_board(bench: Bench) -> None:
    bench.open().onlooking.answer(trace())
    stage = bench.document.circuit_stage()
    assert stage is not None and stage.circuit is not None
    assert ENTANGLER in {block.id for block, _ in walk(stage.circuit.blocks)}
    QTest.keyClick(bench.panel.removals.view, Qt.Key.Key_Return)
    assert bench.document.selected_blocks == {ENTANGLER}
    bench.document.select_blocks(())
    QTest.mouseClick(bench.panel.states, Qt.MouseButton.LeftButton, pos=QPoint(20, 20 + 36 + 9))
    assert bench.document.selected_blocks == {ENTANGLER}


def test_a_sphere_tells_its_numbers(bench: Bench) -> None:
    bench.open().onlooking.answer(trace())
    x, y, z = bench.panel.states.layers[0].bloch[1]
    text = bench.panel.states.tip_at(QPoint(96 + 36 + 5, 30))
    assert text.startswith("q1 after H + RY embedding")
    assert f"⟨X⟩ {x:+.3f}  ⟨Y⟩ {y:+.3f}  ⟨Z⟩ {z:+.3f}" in text and "entangled" in text


def test_the_trace_of_another_image_is_not_shown(bench: Bench) -> None:
    bench.open().onlooking.answer(trace())
    assert bench.panel.states.isVisible()
    bench.run.chosen_image = 4
    assert not bench.panel.states.isVisible() and "Tracing" in bench.panel.why.text()
    bench.onlooking.answer(trace(error="This run has no weights any more."))
    assert bench.panel.why.text() == "This run has no weights any more."


def test_left_and_right_go_through_the_images_in_order(bench: Bench) -> None:
    bench.open().run.chosen_image = 3
    bench.panel.setFocus()
    assert bench.panel.where.text() == "2 of 3"
    for key, image in ((Qt.Key.Key_Right, 8), (Qt.Key.Key_Right, 5), (Qt.Key.Key_Left, 8)):
        QTest.keyClick(bench.panel, key)
        assert bench.run.chosen_image == image
    bench.run.chosen_image = 0  # not among those that are shown: then through all of them
    assert bench.panel.where.text() == "1 of 12"


def test_classes_are_followed_over_the_kept_epochs_and_the_newest(bench: Bench) -> None:
    bench.open().run.chosen_image = 7
    wait_until(lambda: bench.panel.curves is not None and bench.panel.curves.isVisible())
    epochs, rows = bench.panel.history.of(7)
    assert epochs.tolist() == [1, 2, 6] and bench.run.predictions is not None
    said = made_run.predictions(2, 12, seed=2).probabilities[7]
    assert rows[1].tolist() == said.tolist()
    bench.run.on_event(made_run.epoch(7))
    bench.run.on_event(made_run.predictions(7, 12, seed=9))
    wait_until(lambda: bench.panel.history.of(7)[0].tolist() == [1, 2, 6, 7])


def test_a_run_taken_up_again_forgets_what_it_said_of_later_epochs(
    qapp: QApplication, tmp_path: Path
) -> None:
    run = RunView()
    history = ImageHistory(run)
    for event in made_run.history(tmp_path, 4):
        run.on_event(event)
        if isinstance(event, Predictions):
            wait_until(lambda epoch=event.epoch: epoch in history.of(0)[0])
    assert history.of(0)[0].tolist() == [1, 2, 3, 4]
    run.on_event(made_run.started(tmp_path, first_epoch=3))
    run.on_event(made_run.steps(3))
    run.on_event(made_run.epoch(3))
    run.on_event(made_run.predictions(3))
    wait_until(lambda: history.of(0)[0].tolist() == [1, 2, 3])


# ---- files --------------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    made = []
    for name, colour in (("cat.png", "#c04020"), ("dog.png", "#2040c0")):
        picture = QImage(90, 60, QImage.Format.Format_RGB32)
        picture.fill(QColor(colour))
        picture.save(str(tmp_path / name))
        made.append(str(tmp_path / name))
    return made


def answered(paths: list[str]) -> Predicted:
    angles = {STAGE: np.array([0.1, -0.2, 1.56, 0.0])}
    return Predicted(0, 6, made_run.CLASSES, (
        Said(paths[0], np.array([0.1, 0.7, 0.2]), angles),
        Said(paths[1], error="dog.png: it cannot be read."),
    ))  # fmt: skip


def test_files_are_asked_about_and_answered_for(bench: Bench, photos: list[str]) -> None:
    bench.open().looked.show_files(photos)
    asked = bench.onlooking.of(Predict)[-1]
    assert asked.paths == tuple(photos) and asked.run == str(bench.folder)  # type: ignore[union-attr]
    one = bench.panel.one
    assert "Asking the run" in one.word.text()
    bench.onlooking.answer(answered(photos))
    assert one.word.text() == "bees, 70 %" and one.name.text() == "cat.png"
    assert [round(share, 2) for _, share, _, _ in one.bars.rows] == [0.1, 0.7, 0.2]
    assert bench.panel.angles.isVisible()
    assert bench.traces()[-1].path == photos[0]
    wait_until(one.picture.isVisible)
    assert one.picture.grab().toImage().pixelColor(30, 20) == QColor("#c04020")


def test_several_files_are_a_list_and_a_broken_one_says_why(
    bench: Bench, photos: list[str]
) -> None:
    bench.open().looked.show_files(photos)
    bench.onlooking.answer(answered(photos))
    files = bench.panel.one.files
    assert [files.item(place).text() for place in range(files.count())] == [
        "bees, 70 % · cat.png", "cannot be read · dog.png",
    ]  # fmt: skip
    QTest.keyClick(bench.panel, Qt.Key.Key_Right)
    assert bench.panel.one.word.text() == "dog.png: it cannot be read."
    assert bench.panel.where.text() == "2 of 2"
    QTest.mouseClick(bench.panel.own, Qt.MouseButton.LeftButton)
    assert bench.looked.path == "" and not files.isVisible()
    assert bench.panel.one.name.text().startswith("image 0")


def test_a_run_that_cannot_be_asked_says_why(bench: Bench, photos: list[str]) -> None:
    bench.open().looked.show_files(photos)
    bench.onlooking.answer(Predicted(0, error="The run can be asked after its first epoch."))
    assert bench.panel.one.word.text() == "The run can be asked after its first epoch."


def test_newer_weights_wait_until_the_last_ones_have_answered(
    bench: Bench, photos: list[str]
) -> None:
    bench.open().looked._again.setInterval(1)
    bench.run.on_event(made_run.steps(7))  # it goes on
    bench.looked.show_files(photos)
    assert bench.onlooking.of(Predict)[-1].epoch == 0  # the newest checkpoint
    bench.onlooking.answer(trace())
    bench.run.on_event(made_run.predictions(7, 12, seed=9))
    fired: list[int] = []
    bench.looked._again.timeout.connect(lambda: fired.append(1))
    wait_until(lambda: bool(fired))
    assert len(bench.onlooking.of(Predict)) == 1
    bench.onlooking.answer(answered(photos))
    wait_until(lambda: len(bench.onlooking.of(Predict)) == 2)


def test_what_one_run_says_of_a_file_is_not_shown_of_another(
    bench: Bench, photos: list[str], tmp_path: Path
) -> None:
    bench.open().looked.show_files(photos)
    bench.panel.hide()
    bench.run.open(made_run.write_run(tmp_path / "other", images=12))
    bench.onlooking.answer(answered(photos))  # of the first run, and late
    assert bench.looked.said_of(photos[0]) is None


def test_the_curves_of_another_run_are_not_drawn_of_the_image(bench: Bench, tmp_path: Path) -> None:
    history = bench.open().panel.history
    wait_until(lambda: len(history.of(3)[0]) == 3)
    seen: list[int] = []
    bench.run.path = "another"  # before the history has heard of it
    seen.append(len(history.of(3)[0]))
    assert seen == [0]


# ---- angles -------------------------------------------------------------------------------------


def test_angles_name_their_wires_and_warn_at_the_squashs_ends(qapp: QApplication) -> None:
    circuit = made_run.quantum_stage().circuit
    angles = Angles()
    angles.show_angles(np.array([0.3, -1.57, 0.0, 1.0]), circuit, squashed=True)
    assert angles.reach == pytest.approx(math.pi / 2)
    assert "x1 → q1 -1.57" in angles.accessibleName()
    angles.show_angles(np.array([3.0, 0, 0, 0]), None, squashed=False)
    assert angles.reach == pytest.approx(math.pi) and angles.grab().height() == 80


# ---- the child ----------------------------------------------------------------------------------


@pytest.fixture
def onlooking(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Onlooking]:
    FakeChild.made.clear()
    monkeypatch.setattr(app.attended, "Child", FakeChild)
    made = Onlooking()
    yield made
    made.close()


class Ears(QObject):
    def __init__(self, onlooking: Onlooking) -> None:
        super().__init__()
        self.heard: list[object] = []
        onlooking.traced.connect(self.heard.append)
        onlooking.predicted.connect(self.heard.append)


def test_only_the_newest_question_of_a_kind_is_answered(onlooking: Onlooking) -> None:
    ears = Ears(onlooking)
    assert FakeChild.made == []  # nothing is started before it is asked
    for image in range(3):
        onlooking.ask(Trace(0, "run", image=image))
    onlooking.ask(Predict(0, "run", ("a.png",)))
    child = FakeChild.made[0]
    first, _, newest, predict = (question.serial for question in child.sent)
    child.said = [Traced(first), Traced(newest), Predicted(predict), Traced(newest)]
    wait_until(lambda: len(ears.heard) == 2)
    assert ears.heard == [Traced(newest), Predicted(predict)]
    assert not onlooking.waits_for(Trace)


def test_a_dead_child_is_asked_again_once_and_then_given_up_with_a_sentence(
    onlooking: Onlooking,
) -> None:
    ears = Ears(onlooking)
    onlooking.ask(Trace(0, "run"))
    FakeChild.made[0].alive = False
    wait_until(lambda: len(FakeChild.made) == 2)
    assert [question.run for question in FakeChild.made[1].sent] == ["run"]
    FakeChild.made[1].alive = False
    wait_until(lambda: bool(ears.heard))
    assert "ended from outside by SIGKILL" in ears.heard[0].error  # type: ignore[attr-defined]
    onlooking.ask(Trace(0, "run"))
    assert len(FakeChild.made) == 3
