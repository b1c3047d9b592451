"""The board by keyboard and by menu."""

from __future__ import annotations

import pytest
from boards import CTRL, SHIFT, Bench
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu

from app.canvas import commands, edges, geometry
from app.canvas.count import CountBox

pytestmark = pytest.mark.usefixtures("qapp")
Key = Qt.Key


def test_arrows_move_the_selection_among_blocks_and_into_repeats() -> None:
    bench = Bench("CNOT brick | 2 × [RY layer] | RX layer")
    seen = []
    for _ in range(5):
        bench.key(Key.Key_Right)
        seen.append("".join(bench.document.selected_blocks))
    assert seen == ["cnot_brick-1", "repeat-1", "ry_layer-1", "rx_layer-1", ""]
    assert bench.document.selected_readout, "what is measured comes after the last block"
    bench.key(Key.Key_Right)
    assert bench.document.selected_readout
    for _ in range(2):
        bench.key(Key.Key_Left)
    assert bench.document.selected_blocks == {"ry_layer-1"}
    bench.key(Key.Key_Right, SHIFT)
    assert bench.document.selected_blocks == {"ry_layer-1", "rx_layer-1"}


def test_ctrl_and_arrows_move_the_block_through_repeats() -> None:
    bench = Bench("RX layer | 2 × [RY layer]")
    bench.select("rx_layer-1")
    steps = []
    for _ in range(4):
        bench.key(Key.Key_Right, CTRL)
        steps.append(bench.text)
    assert steps == [
        "2 × [RX layer | RY layer]",
        "2 × [RY layer | RX layer]",
        "2 × [RY layer] | RX layer",
        "2 × [RY layer] | RX layer",
    ]
    bench.key(Key.Key_Left, CTRL)
    assert bench.text == "2 × [RY layer | RX layer]"
    assert bench.undo == "Move RX layer"


def test_ctrl_and_arrows_move_a_whole_repeat_past_its_neighbour() -> None:
    bench = Bench("2 × [RY layer] | RX layer")
    bench.select("repeat-1")
    bench.key(Key.Key_Right, CTRL)
    assert bench.text == "RX layer | 2 × [RY layer]"


@pytest.mark.parametrize("key", [Key.Key_Delete, Key.Key_Backspace])
def test_delete_removes_the_selected_blocks_as_one_step(key: Qt.Key) -> None:
    bench = Bench("CNOT brick | RY layer | RX layer")
    bench.select("cnot_brick-1", "rx_layer-1")
    bench.key(key)
    assert (bench.text, bench.undo) == ("RY layer", "Remove 2 blocks")
    bench.document.undo()
    assert bench.text == "CNOT brick | RY layer | RX layer"


def test_delete_with_nothing_selected_says_what_to_do() -> None:
    bench = Bench("RY layer")
    bench.key(Key.Key_Delete)
    assert bench.board.message == "Select a block of the circuit first."
    assert bench.text == "RY layer"


def test_ctrl_d_duplicates_and_selects_the_copy() -> None:
    bench = Bench("2 × [CNOT brick | RY layer]")
    bench.select("ry_layer-1")
    bench.key(Key.Key_D, CTRL)
    assert bench.text == "2 × [CNOT brick | RY layer | RY layer]"
    assert bench.document.selected_blocks == {"ry_layer-2"}
    assert bench.undo == "Duplicate RY layer"


def test_escape_and_ctrl_a_clear_and_fill_the_selection() -> None:
    bench = Bench("CNOT brick | RY layer")
    bench.key(Key.Key_A, CTRL)
    assert bench.document.selected_blocks == {"cnot_brick-1", "ry_layer-1"}
    bench.key(Key.Key_Escape)
    assert bench.document.selected_blocks == frozenset()


def test_enter_on_a_selected_repeat_edits_its_count() -> None:
    bench = Bench("2 × [RY layer]")
    bench.select("repeat-1")
    bench.key(Key.Key_Return)
    box = bench.board.findChild(CountBox)
    assert box is not None and box.value() == 2


def test_space_is_left_to_the_window() -> None:
    bench = Bench("RY layer")
    assert not bench.key(Key.Key_Space)


def test_a_selected_block_is_brought_out_from_the_fading_edge() -> None:
    bench = Bench(" | ".join(["RX layer"] * 20))
    board = bench.board
    board.zoom(2)
    for _ in range(20):
        bench.key(Qt.Key.Key_Right)
        name = next(iter(bench.document.selected_blocks))
        view, frame = board.view(), board.base.by_id[name]
        bar = board.horizontalScrollBar()
        right = view.x(frame.right) - geometry.GUTTER
        assert bar.value() == bar.maximum() or right <= view.content_width - edges.FADE


def test_append_puts_a_block_after_the_selected_one() -> None:
    bench = Bench("CNOT brick | 2 × [RY layer]")
    commands.append(bench.document, "rx_layer")
    assert bench.text == "CNOT brick | 2 × [RY layer] | RX layer"
    bench.select("ry_layer-1")
    commands.append(bench.document, "rot_layer")
    assert bench.text == "CNOT brick | 2 × [RY layer | Rot layer] | RX layer"


def _actions(menu: QMenu) -> dict[str, QAction]:
    found: dict[str, QAction] = {}
    for action in menu.actions():
        found[action.text()] = action
        if action.menu() is not None:
            found |= _actions(action.menu())
    return found


def _menu(bench: Bench, at: QPoint) -> dict[str, QAction]:
    for menu in bench.board.findChildren(QMenu):
        menu.close()
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse, at, bench.board.viewport().mapToGlobal(at)
    )
    QApplication.sendEvent(bench.board.viewport(), event)
    menus = [menu for menu in bench.board.findChildren(QMenu) if menu.isVisible()]
    shown = next(menu for menu in menus if not isinstance(menu.parent(), QMenu))
    return _actions(shown)


def test_the_menu_over_a_block_selects_and_repeats_it() -> None:
    bench = Bench("CNOT brick | RY layer")
    actions = _menu(bench, bench.on("ry_layer-1").toPoint())
    assert {"Duplicate", "Delete", "Repeat selection", "Wires"} <= set(actions)
    actions["Repeat selection"].trigger()
    assert bench.text == "CNOT brick | 2 × [RY layer]"


def test_the_menu_takes_a_layer_off_a_wire_and_puts_it_back() -> None:
    bench = Bench("RY layer")
    _menu(bench, bench.on("ry_layer-1").toPoint())["q2"].trigger()
    assert (bench.text, bench.undo) == ("RY layer 0,1,3", "Change wires of RY layer")
    _menu(bench, bench.on("ry_layer-1").toPoint())["q2"].trigger()
    assert bench.text == "RY layer"


def test_the_menu_exchanges_control_and_target() -> None:
    bench = Bench("CNOT 0→2")
    _menu(bench, bench.between("cnot-1").toPoint())["Exchange its ends"].trigger()
    assert bench.text == "CNOT 2→0"


def test_the_menu_over_empty_space_leads_to_what_is_measured() -> None:
    bench = Bench("RY layer")
    _menu(bench, bench.end().toPoint())["What is measured"].trigger()
    assert bench.document.selected_readout


def test_the_menu_puts_a_toffolis_target_on_another_of_its_wires() -> None:
    bench = Bench("Toffoli 0,1→3")
    _menu(bench, bench.between("toffoli-1").toPoint())["Target on q1"].trigger()
    assert bench.text == "Toffoli 0,3→1"


def test_too_few_wires_are_refused_with_a_sentence() -> None:
    bench = Bench("CNOT chain", wires=2)
    _menu(bench, bench.on("cnot_chain-1").toPoint())["q0"].trigger()
    assert bench.text == "CNOT chain"
    assert bench.board.message == "A CNOT chain block takes at least 2 wires."
