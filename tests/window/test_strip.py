"""The strip: what the cards say, and every way to change the model with them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDrag, QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from shells import quickstart, spin, wait_until

from app.checked import Checked
from app.document import DATA, LOSS, Document
from app.panels.strip import MIME, Strip, fill_with_kinds, remove_selected
from qdesigner.design import edits


@pytest.fixture
def strip(qapp: QApplication) -> Strip:
    document = Document(quickstart())
    made = Strip(document, Checked(document))
    made.document = document
    made.resize(1000, made.height())
    made.show()
    return made


def kinds(strip: Strip) -> list[str]:
    return [stage.kind for stage in strip.document.design.stages]


def card(strip: Strip, name: str):
    return next(card for card in strip.cards() if card.name == name)


def test_cards_say_what_flows_from_the_images_to_the_classes(strip: Strip) -> None:
    faces = [card.face for card in strip.cards()]
    assert [face.title for face in faces] == [
        "Data", "Embedded CNN ❄", "Linear", "Batch norm", "tanh · π/2", "Quantum circuit",
        "Linear", "Cross-entropy",
    ]  # fmt: skip
    assert faces[0].lines == ("671 train · 225 val", "1 × 8 × 8")
    assert faces[6].lines == ("4 → 5", "25 params")
    assert faces[4].lines == ("squash", "→ 4 angles")
    assert faces[5].lines == ("4 qubits · depth 8", "8 params")
    assert faces[7].lines[0] == "5 · 6 · 7 · 8 · 9"


def test_a_click_selects_the_card(strip: Strip) -> None:
    QTest.mouseClick(card(strip, "linear-1"), Qt.MouseButton.LeftButton)
    assert strip.document.selected_stage == "linear-1"
    QTest.mouseClick(card(strip, DATA), Qt.MouseButton.LeftButton)
    assert strip.document.selected_stage == DATA


def test_the_arrow_keys_walk_along_the_cards(strip: Strip) -> None:
    strip.document.select_stage(DATA)
    for _ in range(3):
        name = strip.document.selected_stage
        QTest.keyClick(card(strip, name), Qt.Key.Key_Right)
    assert strip.document.selected_stage == strip.document.design.stages[2].id
    QTest.keyClick(card(strip, LOSS), Qt.Key.Key_Right)
    assert strip.document.selected_stage == strip.document.design.stages[2].id


def test_a_problem_marks_its_card_and_its_sentence_is_the_tip(strip: Strip) -> None:
    document = strip.document
    document.apply("x", edits.set_stage_settings(document.design, "linear-1", outputs=3))
    face = card(strip, "quantum-1").face
    assert face.severity == "error" and "embeds 4 features but 3 come in" in face.tip
    document.undo()
    assert card(strip, "quantum-1").face.severity == ""


def _events(strip: Strip, name: str, x: float) -> tuple[bool, bool]:
    """Drag a card over the row to ``x`` and drop it; whether the move and the drop were taken."""
    data = QMimeData()
    data.setData(MIME, name.encode())
    inside = strip.widget()
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    place = QPoint(int(x), 30)
    enter = QDragEnterEvent(place, Qt.DropAction.MoveAction, data, button, keys)
    QApplication.sendEvent(inside, enter)
    move = QDragMoveEvent(place, Qt.DropAction.MoveAction, data, button, keys)
    move.setAccepted(False)
    QApplication.sendEvent(inside, move)
    drop = QDropEvent(QPointF(place), Qt.DropAction.MoveAction, data, button, keys)
    drop.setAccepted(False)
    QApplication.sendEvent(inside, drop)
    return move.isAccepted(), drop.isAccepted()


def test_dropping_a_card_into_a_gap_moves_its_stage_as_one_undo_step(strip: Strip) -> None:
    spin(20)
    before = kinds(strip)
    x = strip.gaps()[1].geometry().center().x()
    assert _events(strip, "squash-1", x) == (True, True)
    assert kinds(strip) == ["backbone", "squash", "linear", "batch_norm", "quantum", "linear"]
    assert strip.document.undo_label == "Move tanh · π/2"
    strip.document.undo()
    assert kinds(strip) == before


def test_nothing_can_be_dropped_before_a_backbone(strip: Strip) -> None:
    spin(20)
    assert _events(strip, "linear-1", 0) == (False, False)
    assert _events(strip, "no-such-stage", 400) == (False, False)
    assert strip.document.undo_label == ""


def test_a_drag_carries_the_stage_and_a_cancelled_one_changes_nothing(
    strip: Strip, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried = []

    def execute(drag: QDrag, *_: object) -> Qt.DropAction:
        carried.append(bytes(drag.mimeData().data(MIME).data()))
        return Qt.DropAction.IgnoreAction

    monkeypatch.setattr(QDrag, "exec", execute)
    one = card(strip, "squash-1")
    QTest.mousePress(one, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    QTest.mouseMove(one, QPoint(60, 20))
    assert carried == [b"squash-1"] and strip.document.undo_label == ""


def test_the_plus_offers_every_kind_and_greys_what_cannot_stand_there(strip: Strip) -> None:
    menu = QMenu()
    fill_with_kinds(menu, strip.document, 2)
    entries = {action.text(): action for action in menu.actions()}
    assert not entries["Backbone"].isEnabled()
    assert "only be the first" in entries["Backbone"].toolTip()
    entries["Dropout"].trigger()
    assert kinds(strip)[2] == "dropout"
    assert strip.document.selected_stage == "dropout-1"


def test_removing_a_stage_selects_its_neighbour(strip: Strip) -> None:
    strip.document.select_stage("squash-1")
    remove_selected(strip.document)
    assert "squash" not in kinds(strip)
    assert strip.document.selected_stage == "quantum-1"


def test_a_long_model_scrolls_instead_of_cutting_text(strip: Strip) -> None:
    for _ in range(8):
        strip.document.apply("x", edits.insert_stage_kind(strip.document.design, "dropout", ""))
    wait_until(lambda: strip.horizontalScrollBar().maximum() > 0)
    assert all(one.width() >= one.sizeHint().width() for one in strip.cards())
