"""The mouse on the board: moving, copying, removing, rewiring, selecting."""

from __future__ import annotations

import pytest
from boards import CTRL, OFF_THE_BOARD, SHIFT, Bench
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from app.canvas import items
from app.canvas.count import CountBox
from qdesigner.circuit.text import diagram
from qdesigner.design import edits

pytestmark = pytest.mark.usefixtures("qapp")


def test_a_dragged_block_moves() -> None:
    bench = Bench("H + RY embedding | CNOT brick | RY layer")
    bench.drag(bench.on("ry_layer-1"), bench.before("cnot_brick-1"))
    assert bench.text == "H + RY embedding | RY layer | CNOT brick"
    assert bench.undo == "Move RY layer"
    bench.document.undo()
    assert bench.undo == ""


def test_a_moving_block_shows_where_it_would_stand_and_its_live_state() -> None:
    bench = Bench("CNOT brick | RY layer")
    bench.press(bench.on("ry_layer-1"))
    bench.drag_to(bench.before("cnot_brick-1"))
    assert bench.shown == "RY layer | CNOT brick"
    assert bench.asked[-1] == "RY layer | CNOT brick | ⟨Z⟩"
    assert bench.text == "CNOT brick | RY layer"


def test_a_press_that_hardly_moves_is_a_click() -> None:
    bench = Bench("CNOT brick | RY layer")
    at = bench.on("ry_layer-1")
    bench.drag(at, at + QPointF(2, 1))
    assert bench.document.selected_blocks == {"ry_layer-1"}
    assert bench.undo == ""


@pytest.mark.parametrize("keys", [SHIFT, CTRL])
def test_dragging_with_shift_or_ctrl_copies(keys: Qt.KeyboardModifier) -> None:
    bench = Bench("CNOT brick | RY layer")
    bench.drag(bench.on("ry_layer-1"), bench.before("cnot_brick-1"), keys)
    assert bench.text == "RY layer | CNOT brick | RY layer"
    assert bench.undo == "Copy RY layer"
    assert bench.document.selected_blocks == {"ry_layer-2"}


def test_a_block_dragged_off_the_board_is_removed() -> None:
    bench = Bench("CNOT brick | RY layer")
    bench.press(bench.on("cnot_brick-1"))
    bench.drag_to(OFF_THE_BOARD)
    scene = bench.board.scene()
    assert scene is not None and scene.note == "Release to remove CNOT brick"
    bench.release(OFF_THE_BOARD)
    assert bench.text == "RY layer"
    assert bench.undo == "Remove CNOT brick"


@pytest.mark.parametrize("at", [(300, -80), (-90, 100), (600, 900), (2000, 100), (300, 150)])
def test_what_a_release_off_the_board_would_do_is_said_on_the_board(at: tuple[int, int]) -> None:
    left, top, width, height = items.note_box(at, 180, (1000, 350))
    assert left >= 0 and left + width <= 1000
    assert top >= 0 and top + height <= 350


def test_dragging_one_of_the_selected_blocks_takes_all_along() -> None:
    bench = Bench("H + RY embedding | CNOT brick | RY layer")
    bench.select("cnot_brick-1", "ry_layer-1")
    bench.drag(bench.on("ry_layer-1"), bench.before("h_ry_embedding-1"))
    assert bench.text == "CNOT brick | RY layer | H + RY embedding"
    assert bench.undo == "Move 2 blocks"


def test_a_block_is_dragged_into_a_repeat_and_out_again() -> None:
    bench = Bench("RX layer | 2 × [RY layer]")
    bench.drag(bench.on("rx_layer-1"), bench.after("ry_layer-1"))
    assert bench.text == "2 × [RY layer | RX layer]"
    bench.drag(bench.on("rx_layer-1"), bench.end())
    assert bench.text == "2 × [RY layer] | RX layer"


def test_a_repeat_is_dragged_by_its_border_with_all_it_holds() -> None:
    bench = Bench("RX layer | 2 × [RY layer]")
    frame = bench.board.base.by_id["repeat-1"]
    border = bench._at(frame.left + 4, frame.top + 6)
    bench.drag(border, bench.before("rx_layer-1"))
    assert bench.text == "2 × [RY layer] | RX layer"


def test_a_repeat_cannot_be_dragged_into_itself() -> None:
    bench = Bench("2 × [2 × [RY layer]]")
    frame = bench.board.base.by_id["repeat-1"]
    bench.press(bench._at(frame.left + 3, frame.top + 8))
    bench.drag_to(bench.before("ry_layer-1"))
    scene = bench.board.scene()
    assert scene is not None and scene.refusal == "A repeat cannot be moved into itself."
    bench.release(bench.before("ry_layer-1"))
    assert (bench.text, bench.undo) == ("2 × [2 × [RY layer]]", "")


def test_escape_cancels_a_drag_without_a_trace() -> None:
    bench = Bench("CNOT brick | RY layer")
    bench.press(bench.on("ry_layer-1"))
    bench.drag_to(bench.before("cnot_brick-1"))
    bench.key(Qt.Key.Key_Escape)
    assert bench.shown == "CNOT brick | RY layer"
    bench.release(bench.before("cnot_brick-1"))
    assert (bench.text, bench.undo) == ("CNOT brick | RY layer", "")


def test_an_undo_during_a_drag_ends_the_drag() -> None:
    bench = Bench("CNOT brick")
    bench.drop("ry_layer", bench.end())
    bench.press(bench.on("ry_layer-1"))
    bench.drag_to(bench.before("cnot_brick-1"))
    bench.document.undo()
    bench.release(bench.end())
    assert (bench.text, bench.undo) == ("CNOT brick", "")


def test_a_single_gate_dragged_down_changes_its_wire() -> None:
    bench = Bench("RY layer | H 0")
    bench.drag(bench.on("h-1", 0), bench.on("h-1", 2))
    assert bench.text == "RY layer | H 2"


def test_a_gate_dragged_below_the_last_wire_adds_a_wire() -> None:
    bench = Bench("H 1", wires=2)
    bench.drag(bench.on("h-1", 1), bench.new_wire())
    assert (bench.text, bench.circuit.wires) == ("H 2", 3)


@pytest.mark.parametrize(
    ("before", "grab", "to", "after"),
    [
        ("CNOT 0→1", 1, 3, "CNOT 0→3"),
        ("CNOT 0→1", 0, 2, "CNOT 2→1"),
        ("CNOT 0→1", 0, 1, "CNOT 1→0"),
        ("CZ 0,1", 1, 2, "CZ 0,2"),
        ("SWAP 1,2", 1, 0, "SWAP 0,2"),
    ],
)
def test_an_end_of_a_gate_is_dragged_to_another_wire(
    before: str, grab: int, to: int, after: str
) -> None:
    bench = Bench(before)
    name = bench.circuit.blocks[0].id
    bench.drag(bench.on(name, grab), bench.on(name, to))
    assert bench.text == after


def test_a_control_dragged_to_another_column_takes_its_gate_along() -> None:
    bench = Bench("RY layer | CNOT 0→1")
    bench.drag(bench.on("cnot-1", 0), bench.before("ry_layer-1", 3))
    assert bench.text == "CNOT 3→1 | RY layer"


def test_a_two_wire_gate_dragged_by_its_line_keeps_its_shape() -> None:
    bench = Bench("RY layer | CNOT 0→1")
    start = bench.between("cnot-1")
    frame = bench.board.base
    bench.drag(start, start + QPointF(0, 2 * frame.pitch * bench.board.scale))
    assert bench.text == "RY layer | CNOT 2→3"


def test_the_badge_is_dragged_for_more_or_fewer_times() -> None:
    bench = Bench("2 × [RY layer]")
    at = bench.badge("repeat-1")
    bench.drag(at, at + QPointF(48, 0))
    assert bench.text == "6 × [RY layer]"
    assert bench.undo == "Repeat 6 times"
    bench.drag(at, at - QPointF(400, 0))
    assert bench.text == "1 × [RY layer]"


def test_a_double_click_on_the_badge_edits_the_count_in_place() -> None:
    bench = Bench("2 × [RY layer]")
    at = bench.badge("repeat-1")
    bench.press(at)
    bench.release(at)
    bench.mouse(QEvent.Type.MouseButtonDblClick, at)
    box = bench.board.findChild(CountBox)
    assert box is not None and box.isVisible()
    box.setValue(12)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert bench.text == "12 × [RY layer]"


def test_escape_leaves_the_count_as_it_was() -> None:
    bench = Bench("2 × [RY layer]")
    bench.board.edit_count("repeat-1")
    box = bench.board.findChild(CountBox)
    assert box is not None
    box.setValue(12)
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert (bench.text, bench.undo) == ("2 × [RY layer]", "")


def test_a_click_selects_and_a_click_with_shift_selects_more() -> None:
    bench = Bench("CNOT brick | RY layer | RX layer")
    bench.click(bench.on("cnot_brick-1"))
    assert bench.document.selected_blocks == {"cnot_brick-1"}
    bench.click(bench.on("rx_layer-1"), SHIFT)
    assert bench.document.selected_blocks == {"cnot_brick-1", "rx_layer-1"}
    bench.click(bench.end())
    assert bench.document.selected_blocks == frozenset()


def test_a_rubber_band_selects_what_it_touches() -> None:
    bench = Bench("CNOT brick | RY layer | RX layer")
    start = bench.end(3.4)
    bench.press(start)
    bench.drag_to(bench.on("ry_layer-1"))
    scene = bench.board.scene()
    assert scene is not None and scene.selected == {"ry_layer-1", "rx_layer-1"}
    bench.release(bench.on("ry_layer-1"))
    assert bench.document.selected_blocks == {"ry_layer-1", "rx_layer-1"}
    assert bench.undo == ""


def test_a_plus_shows_between_columns_and_offers_every_block() -> None:
    bench = Bench("CNOT brick | RY layer")
    frames = bench.board.base.by_id
    x = (frames["cnot_brick-1"].right + frames["ry_layer-1"].left) / 2
    at = bench._at(x, bench.board.base.wire_y(1) + 20)
    bench.hover(at)
    scene = bench.board.scene()
    assert scene is not None and scene.hover.part == "gap"
    bench.click(at)
    menu = bench.board.findChild(QMenu)
    groups = {action.text(): action.menu() for action in menu.actions()}
    rotations = {action.text(): action for action in groups["Rotation"].actions()}
    rotations["RX layer"].trigger()
    menu.close()
    assert bench.text == "CNOT brick | RX layer | RY layer"


def test_wires_are_added_and_removed_at_the_left() -> None:
    bench = Bench("H 0 | H 1 | RY layer", wires=2)
    view = bench.board.view()
    bench.click(QPointF(40, view.y(bench.board.base.bottom + 16)))
    assert (bench.circuit.wires, bench.undo) == (3, "Add wire")
    view = bench.board.view()
    bench.click(QPointF(12, round(view.y(bench.board.base.wire_y(0)))))
    assert (bench.text, bench.undo) == ("H 0 | RY layer", "Remove wire q0")


def test_the_last_wire_stays_and_the_board_says_why() -> None:
    bench = Bench("H 0", wires=1)
    bench.click(QPointF(12, round(bench.board.view().y(bench.board.base.wire_y(0)))))
    assert bench.circuit.wires == 1
    assert bench.board.message == "A circuit has at least one wire."


def test_the_wheel_zooms_about_the_pointer_and_fit_takes_it_back() -> None:
    bench = Bench(" | ".join(["CNOT brick"] * 12))
    at = bench.on("cnot_brick-5")
    fitted, before = bench.board.scale, bench.board.view().to_scene(at.x(), at.y())
    event = QWheelEvent(
        at, bench.board.mapToGlobal(at), QPoint(), QPoint(0, 480), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(bench.board.viewport(), event)
    assert bench.board.scale > 1.5 * fitted
    assert bench.board.view().to_scene(at.x(), at.y())[0] == pytest.approx(before[0], abs=2)
    bench.board.fit()
    assert bench.board.scale == fitted


def test_dragging_with_the_middle_button_pans() -> None:
    bench = Bench(" | ".join(["CNOT all-to-all"] * 8))
    bar = bench.board.horizontalScrollBar()
    assert bar.maximum() > 0
    bench.press(QPointF(600, 200), button=Qt.MouseButton.MiddleButton)
    bench.drag_to(QPointF(450, 200), button=Qt.MouseButton.MiddleButton)
    bench.release(QPointF(450, 200), button=Qt.MouseButton.MiddleButton)
    assert bar.value() == 150


def test_the_summary_counts_what_is_drawn() -> None:
    bench = Bench("H + RY embedding | 6 × [CNOT brick | RY layer]")
    bench.board._count()
    assert bench.board._summary == "depth 20 · 18 CNOT · 24 weights"
    assert bench.board.accessibleDescription() == diagram(bench.circuit)


# ---- what is measured ---------------------------------------------------------------------------


def _measure(bench: Bench, wire: int) -> QPointF:
    """The middle of a wire's box in the measurement."""
    base = bench.board.base
    return bench._at(sum(base.measure) / 2, base.wire_y(wire))


def test_a_click_on_the_measurement_selects_the_readout_and_a_block_lets_go_of_it() -> None:
    bench = Bench("RY layer", wires=3)
    bench.click(_measure(bench, 2))
    assert bench.document.selected_readout and not bench.document.selected_blocks
    assert bench.board.output == 2
    bench.click(bench.on("ry_layer-1"))
    assert not bench.document.selected_readout
    bench.click(_measure(bench, 0))
    bench.click(bench.end())
    assert not bench.document.selected_readout


def test_the_measurement_tells_each_output() -> None:
    bench = Bench("RY layer", wires=3)
    bench.document.change_circuit("x", lambda c: edits.set_readout(c, wires=(2, 0)))
    assert bench.board._pointer.tip(_measure(bench, 0)) == "Output 2 of 2: ⟨Z⟩ of q0"
    assert bench.board._pointer.tip(_measure(bench, 1)) == "What is measured: ⟨Z⟩ 2,0, 2 outputs"
    bench.document.change_circuit("x", lambda c: edits.set_readout(c, kind="probabilities"))
    assert bench.board._pointer.tip(_measure(bench, 0)).endswith("P(2,0), 4 outputs")


def test_what_is_read_for_one_output_stands_out_under_the_mouse() -> None:
    bench = Bench("RY layer", wires=3)
    bench.document.change_circuit(
        "x", lambda c: edits.set_readout(c, kind="pauli_sum", sums=("Z0 - X2", "Y1"))
    )
    assert bench.board.scene().output == -1
    bench.hover(_measure(bench, 1))
    assert bench.board.scene().output == 1
    bench.hover(_measure(bench, 2))
    assert bench.board.scene().output == 0


def test_an_output_that_is_gone_gives_way_to_the_first() -> None:
    bench = Bench("RY layer", wires=3)
    bench.click(_measure(bench, 2))
    bench.document.change_circuit("x", lambda c: edits.set_readout(c, wires=(1,)))
    assert bench.board.output == 0


def test_a_shortened_angle_is_whole_in_its_tip() -> None:
    bench = Bench("ZZ feature map", wires=2)
    frame = bench.board.base.by_id["zz_feature_map-1"]
    mark = frame.marks[4]
    at = bench._at(frame.left + mark.x, bench.board.base.wire_y(1))
    assert bench.board._pointer.tip(at).startswith("RZZ 2·(x₀-π)·(x₁-π)\nZZ feature map: ")


@pytest.mark.parametrize(
    ("text", "wire", "to", "after", "undo"),
    [
        ("CRX 0→1", 0, 2, "CRX 2→1", "Move control of CRX"),
        ("CRX 0→1", 1, 3, "CRX 0→3", "Move target of CRX"),
        ("RZZ 0,1", 1, 3, "RZZ 0,3", "Move end of RZZ"),
        ("Toffoli 0,1→2", 2, 3, "Toffoli 0,1→3", "Move target of Toffoli"),
        ("Toffoli 0,1→2", 2, 0, "Toffoli 2,1→0", "Move target of Toffoli"),
    ],
)
def test_every_end_of_a_gate_of_several_wires_is_dragged_like_a_gate(
    text: str, wire: int, to: int, after: str, undo: str
) -> None:
    bench = Bench(text)
    name = next(iter(bench.board.base.by_id))
    bench.drag(bench.on(name, wire), bench.on(name, to))
    assert (bench.text, bench.undo) == (after, undo)
