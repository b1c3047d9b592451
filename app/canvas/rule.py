"""Which gate the parameter-shift rule is told of: under the resting mouse, or held by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QTimer
from PySide6.QtWidgets import QWidget

from app.canvas.rulecard import RuleCard, Subject
from qdesigner.circuit.circuit import Circuit, walk
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Input
from qdesigner.circuit.labels import text
from qdesigner.circuit.layout import Frame, Mark
from qdesigner.circuit.measured import output_text
from qdesigner.circuit.turns import Turn, turn_at, turns
from qdesigner.design.edits import EditError

if TYPE_CHECKING:
    from app.canvas.view import Board
    from qdesigner.session.events import ShiftAnswer

REST = 400  # ms that the mouse rests on a gate
AWAY = 12  # px between a gate and its card


class Rule(QObject):
    """Shows a card beside one rotation of the board's circuit and asks for what it says.

    ``held``: opened by a command, and there until it is closed; else it goes with the mouse.
    """

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self._board = board
        self.card = RuleCard()
        self.turn: Turn | None = None
        self.held = False
        self._over: tuple[str, int] | None = None
        self._answer: ShiftAnswer | None = None
        self._resting = QTimer(self, singleShot=True, interval=REST)
        self._resting.timeout.connect(self._rested)
        board.destroyed.connect(self.card.deleteLater)

    @property
    def told(self) -> tuple[str, int] | None:
        """The gate on the card, as its block and its place there."""
        return (self.turn.block, self.turn.place) if self.turn is not None else None

    # ---- the mouse ------------------------------------------------------------------------------

    def hover(self, over: tuple[str, int] | None) -> None:
        """The mouse is over this rotation, or over none."""
        if self.held or over == self._over:
            return
        self.close()
        self._over = over
        if over is not None:
            self._resting.start()

    def _rested(self) -> None:
        circuit = self._circuit()
        if circuit is not None and self._over is not None:
            self._open(turn_at(circuit, *self._over))

    # ---- the keyboard ---------------------------------------------------------------------------

    def hold(self) -> None:
        """Open the card for the selected block's first rotation, else the circuit's; or close it.

        Raises EditError where there is no rotation.
        """
        if self.held:
            self.close()
            return
        circuit = self._circuit()
        if circuit is None:
            raise EditError("The model has no quantum circuit; insert one in the strip.")
        turn = _first(circuit, self._board.document.selected_blocks)
        if turn is None:
            raise EditError("no rotation to differentiate here; select a gate that has an angle")
        self.close()
        self.held = True
        self._open(turn)

    def step(self, by: int) -> None:
        """The next rotation in time (1) or the one before (-1)."""
        circuit = self._circuit()
        if circuit is None or self.turn is None:
            return
        order = turns(circuit)
        place = order.index(self.turn) + by
        if 0 <= place < len(order):
            self._open(order[place])
            self._board.document.select_blocks({order[place].block})

    def choose_output(self, by: int) -> None:
        """The next output (1) or the one before (-1)."""
        circuit = self._circuit()
        if circuit is not None and self.turn is not None:
            self._board.choose_output((self._board.output + by) % circuit.outputs)
            self._open(self.turn)

    # ---- the card -------------------------------------------------------------------------------

    def close(self) -> None:
        """No card any more."""
        self._resting.stop()
        self._over, self.turn, self.held, self._answer = None, None, False, None
        self.card.hide()
        self._board.viewport().update()

    def follow(self) -> None:
        """Another circuit or selection: a held card goes with it, any other is over."""
        circuit, turn = self._circuit(), self.turn
        names = self._board.document.selected_blocks
        if circuit is None or turn is None or not self.held:
            self.close()
        elif names and turn.block not in names:
            self._reopen(_first(circuit, names))
        else:
            self._reopen(turn_at(circuit, turn.block, turn.place, turn.number))

    def _reopen(self, turn: Turn | None) -> None:
        if turn is None:
            self.close()
        else:
            self._open(turn)

    def again(self) -> None:
        """Ask anew: weights or angles are others."""
        circuit = self._circuit()
        if circuit is not None and self.turn is not None:
            self._board.shift_wanted.emit(circuit, self.turn.at, self._board.output)

    def take(self, answer: ShiftAnswer) -> None:
        """Show what came of the newest question."""
        if self.turn is not None:
            self._answer = answer
            self._show()

    def _open(self, turn: Turn | None) -> None:
        if turn is None:
            return
        if turn != self.turn:
            self._answer = None
        self.turn = turn
        self._show()
        self.again()

    def _show(self) -> None:
        circuit, turn = self._circuit(), self.turn
        if circuit is None or turn is None:
            return
        where = "on " + " ".join(f"q{wire}" for wire in turn.operation.wires)
        if turn.passes > 1:
            where += f", pass {turn.number} of {turn.passes}"
        if self._answer is not None and not self._answer.error:
            unit = "(example)" if self._board.example else "rad"
            where += f", θ = {self._answer.angle:.3f} {unit}"
        output = self._board.output
        f = f"f = {output_text(circuit.readout, circuit.wires, output)}"
        if circuit.outputs > 1:
            f += f", output {output + 1} of {circuit.outputs}"
        terms = 2 * len(GATES[turn.operation.gate].frequencies)
        through, into = self._before(turn)
        subject = Subject(text(turn.operation), where, f, terms, through, into)
        self.card.show_rule(subject, self._answer, self.held)
        self.place()
        self.card.show()
        self._board.viewport().update()

    def _before(self, turn: Turn) -> tuple[tuple[str, ...], str]:
        """The stages that the gradient passes on its way out of the circuit's front, and the one
        whose weights it reaches; "" for none."""
        document = self._board.document
        stage = document.circuit_stage()
        if stage is None or not isinstance(turn.operation.angle, Input):
            return (), ""
        through: list[str] = []
        stages = document.design.stages
        for before in reversed(stages[: stages.index(stage)]):
            if before.frozen:
                break
            if before.kind == "linear":
                return tuple(through), before.row.label
            through.append(before.row.label)
        return (), ""

    def place(self) -> None:
        """Put the card near its gate, inside the window."""
        board, turn = self._board, self.turn
        frame = board.base.by_id.get(turn.block) if board.base is not None and turn else None
        if frame is None or turn is None or board.base is None:
            return
        window = board.window()
        if self.card.parentWidget() is not window:
            self.card.setParent(window)
        mark = next(mark for mark in frame.marks if mark.place == turn.place)
        self.card.move(self._corner(board, window, mark, frame))
        self.card.raise_()

    def _corner(self, board: Board, window: QWidget, mark: Mark, frame: Frame) -> QPoint:
        """Where the card covers least: below the circuit where there is room, else beside."""
        layout, view = board.base, board.view()
        assert layout is not None
        width, height = self.card.width(), self.card.height()

        def at(x: float, y: float) -> QPoint:
            return board.viewport().mapTo(window, QPoint(round(x), round(y)))

        x = view.x(frame.left + mark.x)
        half = mark.width * view.scale / 2
        furthest = QPoint(window.width() - width - 4, window.height() - height - 4)
        corner = at(x - width / 2, view.y(max(layout.bottom, frame.bottom)) + AWAY)
        if corner.y() > furthest.y():
            y = view.y(layout.wire_y(min(mark.operation.wires))) - 40
            corner = at(x + half + AWAY, y)
            if corner.x() > furthest.x():
                corner = at(x - half - AWAY - width, y)
        return QPoint(
            max(4, min(corner.x(), furthest.x())), max(4, min(corner.y(), furthest.y()))
        )  # fmt: skip

    def _circuit(self) -> Circuit | None:
        return self._board.base.circuit if self._board.base is not None else None


def _first(circuit: Circuit, names: frozenset[str]) -> Turn | None:
    """The first rotation of these blocks, repeats' content included; of the circuit for none."""
    inside = {
        inner.id
        for block, _ in walk(circuit.blocks) if block.id in names
        for inner, _ in walk((block,))
    }  # fmt: skip
    return next((turn for turn in turns(circuit) if not names or turn.block in inside), None)
