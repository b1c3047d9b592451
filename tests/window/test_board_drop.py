"""Dragging from the palette: the board shows the result before the drop, and drops just that."""

from __future__ import annotations

import pytest
from boards import Bench
from PySide6.QtWidgets import QApplication

TUTORIAL = "H + RY embedding | 6 × [CNOT brick | RY layer]"

pytestmark = pytest.mark.usefixtures("qapp")


def test_a_block_dropped_between_two_others_stands_between_them() -> None:
    bench = Bench("H + RY embedding | RY layer")
    assert bench.drop("cnot_ring", bench.before("ry_layer-1"))
    assert bench.text == "H + RY embedding | CNOT ring | RY layer"
    assert bench.undo == "Add CNOT ring"


def test_a_drop_is_one_undo_step_and_selects_what_was_dropped() -> None:
    bench = Bench(TUTORIAL)
    bench.drop("rx_layer", bench.end())
    assert bench.text == f"{TUTORIAL} | RX layer"
    assert bench.document.selected_blocks == {"rx_layer-1"}
    bench.document.undo()
    assert bench.text == TUTORIAL
    assert bench.undo == ""


def test_the_result_and_its_live_state_come_before_the_release() -> None:
    bench = Bench("RY layer")
    assert bench.enter("cnot_chain", bench.after("ry_layer-1"))
    assert bench.shown == "RY layer | CNOT chain"
    assert bench.asked[-1] == "RY layer | CNOT chain | ⟨Z⟩"
    bench.move(bench.before("ry_layer-1"))
    assert bench.shown == "CNOT chain | RY layer"
    assert bench.asked[-1] == "CNOT chain | RY layer | ⟨Z⟩"
    assert bench.text == "RY layer"


def test_a_drag_that_leaves_changes_nothing_and_asks_for_the_old_state_again() -> None:
    bench = Bench("RY layer")
    bench.enter("cnot_chain", bench.end())
    bench.leave()
    assert bench.shown == bench.text == "RY layer"
    assert bench.asked[-1] == "RY layer | ⟨Z⟩"
    assert bench.undo == ""


def test_a_block_goes_into_the_repeat_it_is_dropped_in() -> None:
    bench = Bench(TUTORIAL)
    bench.drop("rot_layer", bench.before("ry_layer-1"))
    assert bench.text == "H + RY embedding | 6 × [CNOT brick | Rot layer | RY layer]"


def test_a_block_goes_beside_a_repeat_when_dropped_at_its_edge() -> None:
    bench = Bench(TUTORIAL)
    bench.drop("rot_layer", bench.before("repeat-1"))
    assert bench.text == "H + RY embedding | Rot layer | 6 × [CNOT brick | RY layer]"


def test_an_empty_repeat_is_dropped_on_the_board_and_then_filled() -> None:
    bench = Bench("H + RY embedding")
    bench.drop("repeat", bench.end())
    assert bench.text == "H + RY embedding | 2 × []"
    bench.drop("ry_layer", bench.on("repeat-1"))
    assert bench.text == "H + RY embedding | 2 × [RY layer]"


def test_a_repeat_dropped_on_selected_blocks_wraps_them() -> None:
    bench = Bench("H + RY embedding | CNOT brick | RY layer")
    bench.select("cnot_brick-1", "ry_layer-1")
    bench.drop("repeat", bench.on("ry_layer-1"))
    assert bench.text == "H + RY embedding | 2 × [CNOT brick | RY layer]"
    assert bench.undo == "Repeat 2 blocks"


@pytest.mark.parametrize(("wire", "text"), [(0, "H 0"), (2, "H 2"), (3, "H 3")])
def test_a_single_gate_lands_on_the_wire_under_the_pointer(wire: int, text: str) -> None:
    bench = Bench("")
    bench.drop("h", bench.end(wire))
    assert bench.text == text


@pytest.mark.parametrize(("wire", "text"), [(0, "CNOT 0→1"), (2, "CNOT 2→3"), (3, "CNOT 2→3")])
def test_a_two_wire_gate_lands_on_the_wire_under_the_pointer_and_the_next(
    wire: int, text: str
) -> None:
    bench = Bench("")
    bench.drop("cnot", bench.end(wire))
    assert bench.text == text


def test_a_gate_dropped_below_the_last_wire_adds_a_wire() -> None:
    bench = Bench("RY layer", wires=2)
    bench.enter("x", bench.end())
    bench.drop("x", bench.new_wire())
    assert bench.text == "RY layer | X 2"
    assert bench.circuit.wires == 3
    bench.document.undo()
    assert (bench.text, bench.circuit.wires) == ("RY layer", 2)


def test_an_impossible_drop_is_refused_with_its_reason_and_changes_nothing() -> None:
    bench = Bench("RY layer", wires=1)
    assert not bench.enter("cnot_ring", bench.end())
    scene = bench.board.scene()
    assert scene is not None
    assert scene.refusal == "CNOT ring needs 2 wires; add a wire first."
    assert not bench.drop("cnot_ring", bench.end())
    assert (bench.text, bench.undo) == ("RY layer", "")


@pytest.mark.parametrize("kind", ["", "no_such_block", "\x00\xff", "ry_layer\n"])
def test_a_drag_of_something_else_is_not_taken(kind: str) -> None:
    bench = Bench("RY layer")
    assert not bench.enter(kind, bench.end())
    assert bench.board.gesture is None


def test_the_drop_applies_exactly_what_was_drawn_at_every_place() -> None:
    bench = Bench("H + RY embedding | 2 × [CNOT brick | 3 × [RY layer] | CZ 0,2]")
    right = int(bench.end().x())
    for x in range(80, right, 37):
        for y in (40, 120, 240, 400):
            at = bench.end()
            at.setX(x)
            at.setY(y)
            bench.enter("rx", at)
            shown = bench.shown
            bench.drop("rx", at)
            assert bench.text == shown
            bench.document.undo()


def test_without_a_quantum_stage_nothing_can_be_dropped() -> None:
    bench = Bench("RY layer")
    at = bench.end()
    bench.document.apply("Empty", bench.document.design.but(stages=()))
    assert not bench.enter("ry_layer", at)
    assert bench.board.scene() is None


def test_the_scroll_bars_that_a_drag_brought_up_go_when_the_circuit_fits_after_the_drop() -> None:
    bench = Bench(" | ".join(["RY layer"] * 4), size=(1000, 360))
    QApplication.processEvents()
    bench.enter("ry_layer", bench.end())
    QApplication.processEvents()
    assert bench.board.horizontalScrollBar().isVisible()
    bench.drop("ry_layer", bench.end())
    QApplication.processEvents()
    assert not bench.board.horizontalScrollBar().isVisible()
    assert not bench.board.verticalScrollBar().isVisible()


def test_nothing_else_moves_down_or_up_while_a_drag_makes_the_circuit_too_long() -> None:
    bench = Bench(" | ".join(["RY layer"] * 6))
    QApplication.processEvents()
    assert not bench.board.horizontalScrollBar().isVisible()
    y = bench.on("ry_layer-1").y()
    bench.enter("cnot_all", bench.end())
    QApplication.processEvents()
    assert bench.board.horizontalScrollBar().isVisible()
    assert bench.on("ry_layer-1").y() == y


def test_an_amplitude_embedding_is_taken_at_the_start_and_red_elsewhere() -> None:
    bench = Bench("RY layer")
    assert not bench.enter("amplitude_embedding", bench.after("ry_layer-1", 2))
    assert bench.board.outcome.refusal == (
        "An amplitude embedding prepares the state, so it can only be the first block."
    )
    assert bench.move(bench.before("ry_layer-1", 2))
    bench.leave()
    assert bench.drop("amplitude_embedding", bench.before("ry_layer-1", 2))
    assert bench.text == "Amplitude embedding | RY layer"
    assert not bench.enter("rx_layer", bench.before("amplitude_embedding-1", 2))
    assert "can only be the first block" in bench.board.outcome.refusal
