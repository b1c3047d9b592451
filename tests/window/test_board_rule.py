"""The parameter-shift rule on the board: by resting the mouse on a gate, and by keyboard."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from boards import Bench
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from shells import FakeSession, wait_until

from app import theme
from app.canvas.rulecard import results, rows
from app.livestate import LiveState
from app.runview import RunView
from qdesigner.design import edits
from qdesigner.session.events import ShiftAnswer

pytestmark = pytest.mark.usefixtures("qapp")
Key = Qt.Key

ANSWER = ShiftAnswer(
    1, angle=0.4, value=-0.3894,
    terms=((0.5, math.pi / 2, -0.9211), (-0.5, -math.pi / 2, 0.9211)),
    by_rule=-0.9211, exact=-0.9211, curve=-np.sin(np.linspace(-2.7, 3.5, 61)), reach=math.pi,
)  # fmt: skip


class RuleBench(Bench):
    """A board that writes down which rules it asks for, as (operation, output)."""

    def __init__(self, text: str, wires: int = 4) -> None:
        super().__init__(text, wires)
        self.rules: list[tuple[int, int]] = []
        self.board.shift_wanted.connect(lambda _, at, output: self.rules.append((at, output)))
        self.rule = self.board.rule
        self.card = self.board.rule.card

    def over(self, name: str, wire: int, column: int = -1) -> QPointF:
        """The middle of a gate of a block: the last, or another, of a wire."""
        frame = self.board.base.by_id[name]
        mark = [mark for mark in frame.marks if wire in mark.operation.wires][column]
        return self._at(frame.left + mark.x, self.board.base.wire_y(wire))

    def rest(self, at: QPointF) -> None:
        """Hover until the mouse has rested."""
        self.rule._resting.setInterval(1)
        self.hover(at)
        wait_until(lambda: not self.rule._resting.isActive())


def test_resting_on_a_rotation_asks_for_its_rule_and_shows_it() -> None:
    bench = RuleBench("H + RY embedding | CNOT brick | RY layer")
    bench.hover(bench.over("ry_layer-1", 2))
    assert bench.rules == [] and not bench.card.isVisible(), "not before the mouse has rested"
    bench.rest(bench.over("ry_layer-1", 1))
    assert bench.rules == [(12, 0)] and bench.card.isVisible()
    assert bench.card.text() == "RY θ₁\non q1\nf = ⟨Z⟩ of q0, output 1 of 4"
    bench.board.show_shift(ANSWER)
    assert bench.card.text().splitlines()[1:] == [
        "on q1, θ = 0.400 (example)", "f = ⟨Z⟩ of q0, output 1 of 4", "θ = 0.4000 rad",
        "f(θ) −0.3894", "f(θ + π/2) −0.9211 × ½", "f(θ − π/2) +0.9211 × −½",
        "half the difference −0.9211", "exact gradient −0.9211",
    ]  # fmt: skip
    assert bench.rule.told == ("ry_layer-1", 1) == bench.board.scene().told


def test_the_card_goes_with_the_mouse_and_with_every_gesture() -> None:
    bench = RuleBench("RY layer | RX layer")
    for away in (
        lambda: bench.hover(bench.over("rx_layer-1", 0)),
        lambda: bench.hover(bench.end()),
        lambda: bench.press(bench.over("ry_layer-1", 0)),
        lambda: QApplication.sendEvent(bench.board.viewport(), QEvent(QEvent.Type.Leave)),
        lambda: bench.board.document.change_circuit("x", edits.add_wire),
    ):
        bench.rest(bench.over("ry_layer-1", 0))
        assert bench.card.isVisible()
        away()
        assert not bench.card.isVisible()
        bench.release(bench.end())
        bench.hover(bench.end())


@pytest.mark.parametrize("name", ["h-1", "cnot-1"])
def test_a_gate_without_an_angle_has_no_rule(name: str) -> None:
    bench = RuleBench("H 0 | CNOT 0→1", wires=2)
    bench.rest(bench.over(name, 0))
    assert bench.rules == [] and not bench.card.isVisible()


def test_a_gate_with_a_card_has_no_tip() -> None:
    bench = RuleBench("RY layer")
    at = bench.over("ry_layer-1", 0)

    def tip() -> None:
        point = at.toPoint()
        event = QHelpEvent(QEvent.Type.ToolTip, point, bench.board.viewport().mapToGlobal(point))
        QApplication.sendEvent(bench.board.viewport(), event)

    bench.rest(at)
    tip()
    assert not QToolTip.isVisible()


def test_ctrl_g_holds_the_selected_blocks_first_rotation_and_keys_go_on_from_there() -> None:
    bench = RuleBench("RX 1 | 2 × [CNOT brick | RY layer]", wires=2)
    bench.select("repeat-1")
    bench.board.show_rule()
    assert bench.rule.told == ("ry_layer-1", 0) and bench.card.isVisible()
    assert "on q0, pass 1 of 2" in bench.card.text()
    bench.hover(bench.over("rx-1", 1))
    assert bench.rule.told == ("ry_layer-1", 0), "the mouse does not take it away"
    seen = []
    for _ in range(4):
        bench.key(Key.Key_Right)
        seen.append(bench.card.text().splitlines()[:2])
    assert seen == [
        ["RY θ₂", "on q1, pass 1 of 2"], ["RY θ₃", "on q0, pass 2 of 2"],
        ["RY θ₄", "on q1, pass 2 of 2"], ["RY θ₄", "on q1, pass 2 of 2"],
    ]  # fmt: skip
    assert bench.document.selected_blocks == {"ry_layer-1"}
    bench.key(Key.Key_Down)
    assert bench.card.text().endswith("f = ⟨Z⟩ of q1, output 2 of 2")
    assert bench.rules[-1][1] == 1
    bench.key(Key.Key_Up)
    assert bench.rules[-1][1] == 0
    bench.key(Key.Key_Escape)
    assert not bench.card.isVisible() and bench.document.selected_blocks == {"ry_layer-1"}


def test_a_held_card_follows_the_selection_and_edits_of_the_circuit() -> None:
    bench = RuleBench("RX 0 | RY layer | CNOT brick", wires=2)
    bench.board.show_rule()
    assert bench.rule.told == ("rx-1", 0)
    bench.select("ry_layer-1")
    assert bench.rule.told == ("ry_layer-1", 0)
    asked = len(bench.rules)
    bench.document.change_circuit("x", lambda c: edits.remove_blocks(c, {"rx-1"}))
    assert bench.card.isVisible() and bench.rules[asked:] == [(0, 0)]
    bench.document.change_circuit("x", lambda c: edits.remove_blocks(c, {"ry_layer-1"}))
    assert not bench.card.isVisible()


def test_where_nothing_turns_it_says_what_to_do() -> None:
    bench = RuleBench("RY layer | CNOT brick")
    bench.select("cnot_brick-1")
    bench.board.show_rule()
    assert not bench.card.isVisible()
    assert bench.board.message == (
        "No rotation to differentiate here; select a gate that has an angle."
    )


def test_the_output_is_the_one_clicked_in_the_measurement() -> None:
    bench = RuleBench("RY layer", wires=3)
    base = bench.board.base
    bench.click(bench._at(sum(base.measure) / 2, base.wire_y(2)))
    bench.rest(bench.over("ry_layer-1", 0))
    assert bench.rules == [(0, 2)] and bench.card.text().endswith("output 3 of 3")


def test_the_session_is_asked_and_asked_again_when_the_run_changes() -> None:
    bench = RuleBench("RY layer")
    session, runview = FakeSession(), RunView()
    live = LiveState(bench.document, session, runview, bench.board)
    live.begin()
    bench.board.show_rule()
    assert session.said == [("shift", 0, 0)]
    session.shift.emit(ANSWER)
    assert "exact gradient" in bench.card.text()
    runview.predictions_changed.emit()
    assert session.said == [("shift", 0, 0)] * 2


def test_a_reason_why_there_is_no_rule_shows_in_its_place() -> None:
    bench = RuleBench("RY layer")
    bench.board.show_rule()
    bench.board.show_shift(ShiftAnswer(1, error="The circuit is too long."))
    assert bench.card.text().endswith("The circuit is too long.")
    assert not bench.card.grab().isNull()


def test_a_controlled_rotation_has_four_terms() -> None:
    terms = tuple((c, s * math.pi / 2, 0.1) for c, s in (
        (0.4268, 1), (-0.4268, -1), (-0.0732, 3), (0.0732, -3),
    ))  # fmt: skip
    answer = replace(ANSWER, terms=terms)
    assert [row[0] for row in rows(answer)] == [
        "f(θ)", "f(θ + π/2)", "f(θ − π/2)", "f(θ + 3π/2)", "f(θ − 3π/2)",
    ]  # fmt: skip
    assert [row[2] for row in rows(answer)[1:]] == ["× 0.427", "× −0.427", "× −0.073", "× 0.073"]
    assert results(answer)[0][0] == "sum of these"


def test_the_gradient_of_an_embedded_angle_flows_on_into_the_weights_before_the_circuit() -> None:
    bench = RuleBench("H + RY embedding | RY layer")
    design = bench.document.design
    while len(design.stages) > 1:
        design = edits.remove_stage(design, next(s.id for s in design.stages if not s.circuit))
    line = edits.new_stage(design, "linear", outputs=4)
    bench.document.apply("Linear before it", edits.insert_stage(design, 0, line))
    bench.board.show_rule()
    bench.board.show_shift(ANSWER)
    assert bench.card.text().splitlines()[-2:] == [
        "∂f/∂bias of Linear −0.9211", "∂f/∂weight −0.9211 × its input"
    ]  # fmt: skip
    squash = edits.new_stage(bench.document.design, "squash")
    bench.document.apply("tanh", edits.insert_stage(bench.document.design, 1, squash))
    bench.board.show_shift(ANSWER)
    last = bench.card.text().splitlines()[-1]
    assert last.startswith("flows through tanh") and last.endswith("into Linear")
    bench.select("ry_layer-1")
    bench.board.show_shift(ANSWER)
    assert bench.card.text().splitlines()[-1].startswith("exact gradient")


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["RX 0", "CRX 0→3", "RZZ 0,3", " | ".join(["RY layer"] * 12)])
def test_the_card_stays_inside_the_window(text: str, look: theme.Theme) -> None:
    bench = RuleBench(text)
    theme.use(look)
    bench.board.show_rule()
    bench.board.show_shift(ANSWER)
    for _ in range(60):
        assert bench.board.rect().contains(bench.card.geometry()), bench.card.geometry()
        bench.key(Key.Key_Right)
    assert not bench.card.grab().toImage().isNull()
    assert bench.card.mapTo(bench.board, QPoint()).y() >= 4
