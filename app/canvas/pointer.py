"""Mouse and keys of the board: which gesture or command an event means.

An event filter of the board and of its viewport, so that the board itself only draws and applies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QToolTip

from app.canvas import commands, geometry, menus
from app.canvas.geometry import EMPTY, Hit
from app.canvas.gestures import Point, gesture_for
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.labels import text, title
from qdesigner.circuit.layout import Layout, Mark
from qdesigner.circuit.measured import output_text, outputs_text

if TYPE_CHECKING:
    from app.canvas.view import Board

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
CURSORS = {
    "block": Qt.CursorShape.OpenHandCursor,
    "end": Qt.CursorShape.SizeVerCursor,
    "badge": Qt.CursorShape.SizeHorCursor,
    "gap": Qt.CursorShape.PointingHandCursor,
    "measure": Qt.CursorShape.PointingHandCursor,
    "add wire": Qt.CursorShape.PointingHandCursor,
    "remove wire": Qt.CursorShape.PointingHandCursor,
}
TIPS = {
    "badge": "Drag, or double-click to type, how many times",
    "end": "Drag to another wire",
    "gap": "Insert a block here",
    "add wire": "Add a wire",
    "remove wire": "Remove this wire and the gates on it",
}
WHEEL = 1.0015  # magnification for each eighth of a degree


class Pointer(QObject):
    """Where the mouse is, what it pressed, and what lies under it."""

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self.board = board
        self.at = QPointF()
        self.hover = EMPTY
        self.inside = False
        self.by_keyboard = False
        self._press: tuple[Hit, Point] | None = None
        self._pressed_at = QPointF()
        self._pan: QPointF | None = None

    def forget(self) -> None:
        """The circuit has changed: nothing is pressed or hovered any more."""
        self._press = None
        self.hover = EMPTY

    def point(
        self, at: QPointF, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    ) -> Point:
        """A viewport position as gestures want it."""
        view = self.board.view()
        x, y = view.to_scene(at.x(), at.y())
        return Point(x, y, view.inside(at.x(), at.y()), bool(keys & (CONTROL | SHIFT)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys and focus from the board, the mouse from its viewport."""
        if watched is self.board:
            if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
                return self._key(event)
            if isinstance(event, QFocusEvent):
                self.by_keyboard = event.reason() in (
                    Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
                )  # fmt: skip
                self.board.viewport().update()
            return False
        return self.board.base is not None and self._mouse(event)

    def _mouse(self, event: QEvent) -> bool:
        match event.type():
            case QEvent.Type.MouseButtonPress:
                self._pressed(event)
            case QEvent.Type.MouseMove:
                self._moved(event)
            case QEvent.Type.MouseButtonRelease:
                self._released(event)
            case QEvent.Type.MouseButtonDblClick:
                self._double_clicked(event)
            case QEvent.Type.Wheel:
                self._wheeled(event)
            case QEvent.Type.ContextMenu:
                self._menu(event)
            case QEvent.Type.ToolTip:
                self._tip(event)
            case QEvent.Type.Leave:
                self.inside = False
                self._set_hover(EMPTY)
                self.board.rule.hover(None)
                return False
            case _:
                return False
        return True

    # ---- the mouse ------------------------------------------------------------------------------

    def _hit(self, at: QPointF) -> Hit:
        base = self.board.base
        if base is None:
            return EMPTY
        return geometry.hit(base, self.board.view(), at.x(), at.y())

    def _pressed(self, event: QMouseEvent) -> None:
        self.at = event.position()
        self.board.rule.hover(None)
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pan = event.position()
            self.board.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton:
            self.board.setFocus(Qt.FocusReason.MouseFocusReason)
            self._pressed_at = event.position()
            self._press = (
                self._hit(event.position()), self.point(event.position(), event.modifiers())
            )  # fmt: skip

    def _moved(self, event: QMouseEvent) -> None:
        here = event.position()
        if self._pan is not None:
            moved = self._pan - here
            self._pan = here
            self.board.scroll_by(moved.x(), moved.y())
            return
        self.at = here
        if self.board.gesture is None and self._press is None:
            self.inside = True
            self._set_hover(self._hit(here))
            self.board.rule.hover(self._rotation(here))
            return
        if self.board.gesture is None and self._press is not None:
            distance = (here - self._pressed_at).manhattanLength()
            if distance < QApplication.startDragDistance():
                return
            self._begin(*self._press)
        self.board.follow(self.point(here, event.modifiers()))

    def _begin(self, hit: Hit, start: Point) -> None:
        base = self.board.base
        if base is None:
            return
        gesture = gesture_for(base, hit, start, self.board.document.selected_blocks)
        if gesture is not None:
            self.board.begin(gesture)
            if hit.part in ("block", "end"):
                self.board.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)

    def _released(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pan = None
        elif event.button() == Qt.MouseButton.LeftButton:
            press, self._press = self._press, None
            if self.board.gesture is not None:
                self.board.follow(self.point(event.position(), event.modifiers()))
                self.board.finish()
            elif press is not None and press[0] == self._hit(event.position()):
                self._clicked(press[0], event)
        self._set_hover(self._hit(event.position()))

    def _clicked(self, hit: Hit, event: QMouseEvent) -> None:
        document = self.board.document
        match hit.part:
            case "block" | "end" | "badge":
                names = {hit.block}
                if event.modifiers() & (SHIFT | CONTROL):
                    document.select_blocks(document.selected_blocks ^ names)
                else:
                    document.select_blocks(names)
            case "gap" if hit.slot is not None:
                menus.gap_menu(self.board, document, hit.slot, self.board.run).popup(
                    event.globalPosition().toPoint()
                )
            case "measure":
                self.board.choose_output(hit.place)
                document.select_readout()
            case "add wire":
                self.board.run(lambda: commands.add_wire(document))
            case "remove wire":
                self.board.run(lambda: commands.remove_wire(document, hit.place))
            case _:
                document.select_blocks(())

    def _double_clicked(self, event: QMouseEvent) -> None:
        hit = self._hit(event.position())
        if hit.part == "badge" and event.button() == Qt.MouseButton.LeftButton:
            self._press = None
            self.board.edit_count(hit.block)
        else:
            self._pressed(event)

    def _wheeled(self, event: QWheelEvent) -> None:
        turn = event.angleDelta()
        if event.modifiers() & SHIFT or abs(turn.x()) > abs(turn.y()):
            self.board.scroll_by(-(turn.x() or turn.y()), 0)
        else:
            self.board.zoom(WHEEL ** turn.y(), event.position())

    def _menu(self, event: QContextMenuEvent) -> None:
        document, run = self.board.document, self.board.run
        hit = self._hit(QPointF(event.pos()))
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        if hit.block and not by_key and hit.block not in document.selected_blocks:
            document.select_blocks({hit.block})
        if hit.block or (by_key and document.selected_blocks):
            menu = menus.blocks_menu(self.board, document, run)
        elif hit.part == "gap" and hit.slot is not None:
            menu = menus.gap_menu(self.board, document, hit.slot, run)
        else:
            wire = hit.place if hit.part in ("wire", "remove wire") else None
            menu = menus.board_menu(self.board, document, wire, run)
        menu.popup(event.globalPos())

    def _set_hover(self, hit: Hit) -> None:
        if self.board.gesture is None:
            self.board.viewport().setCursor(CURSORS.get(hit.part, Qt.CursorShape.ArrowCursor))
        if hit != self.hover or not self.inside:
            self.hover = hit
            self.board.viewport().update()

    def _mark(self, hit: Hit, at: QPointF) -> Mark | None:
        """The operation of a block under a viewport position."""
        base = self.board.base
        if base is None or hit.part not in ("block", "end"):
            return None
        return geometry.mark_at(base, hit.block, *self.board.view().to_scene(at.x(), at.y()))

    def _rotation(self, at: QPointF) -> tuple[str, int] | None:
        """The gate under a viewport position, if it turns by an angle: its block, its place."""
        hit = self._hit(at)
        mark = self._mark(hit, at)
        if mark is None or not GATES[mark.operation.gate].angle:
            return None
        return hit.block, mark.place

    def _tip(self, event: QHelpEvent) -> None:
        if self.board.rule.turn is not None:
            return  # its card says more
        QToolTip.showText(event.globalPos(), self.tip(QPointF(event.pos())), self.board)

    def tip(self, at: QPointF) -> str:
        """What can be said about the thing under a viewport position."""
        hit = self._hit(at)
        base = self.board.base
        if base is not None and hit.part == "measure":
            return _read(base, hit.place)
        if hit.part != "block" or base is None:
            return TIPS.get(hit.part, "")
        block = base.circuit.find(hit.block)
        about = f"{title(block)}: {block.row.hint}"
        mark = self._mark(hit, at)
        if mark is None or mark.operation.angle is None:
            return about
        first = base.by_id[hit.block].first_weight
        return f"{text(mark.operation, first)}\n{about}"

    # ---- keys -----------------------------------------------------------------------------------

    def _key(self, event: QKeyEvent) -> bool:
        """One key, one command; what is not ours goes on."""
        document = self.board.document
        key, keys = event.key(), event.modifiers() & (CONTROL | SHIFT)
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(key), 0)
        if self.board.rule.held and not keys and self._rule_key(key):
            return True
        if key == Qt.Key.Key_Escape:
            if self.board.gesture is not None:
                self._press = None
                self.board.cancel()
            else:
                document.select_blocks(())
        elif step and keys == CONTROL:
            self.board.run(lambda: commands.move_selected(document, step))
        elif step:
            commands.select_beside(document, step, extend=keys == SHIFT)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and not keys:
            self.board.run(lambda: commands.remove_selected(document))
        elif key == Qt.Key.Key_D and keys == CONTROL:
            self.board.run(lambda: commands.duplicate_selected(document))
        elif key == Qt.Key.Key_A and keys == CONTROL:
            commands.select_all(document)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2):
            return self._edit_selected_count()
        else:
            return False
        return True

    def _rule_key(self, key: int) -> bool:
        """A key while the parameter-shift rule is held open."""
        rule = self.board.rule
        match key:
            case Qt.Key.Key_Escape:
                rule.close()
            case Qt.Key.Key_Left | Qt.Key.Key_Right:
                rule.step(1 if key == Qt.Key.Key_Right else -1)
            case Qt.Key.Key_Up | Qt.Key.Key_Down:
                rule.choose_output(1 if key == Qt.Key.Key_Down else -1)
            case _:
                return False
        return True

    def _edit_selected_count(self) -> bool:
        base, names = self.board.base, self.board.document.selected_blocks
        if base is None or len(names) != 1:
            return False
        name = next(iter(names))
        if base.circuit.find(name).row.container:
            self.board.edit_count(name)
            return True
        return False


def _read(base: Layout, output: int) -> str:
    """What is said of the measurement: one output's place and meaning."""
    circuit = base.circuit
    count = circuit.outputs
    if output < 0 or circuit.readout.kind == "probabilities":
        return f"What is measured: {circuit.readout.label}, {outputs_text(count)}"
    meaning = output_text(circuit.readout, circuit.wires, output)
    return f"Output {output + 1} of {count}: {meaning}"
