"""A board to try gestures on: circuits written as text, the mouse and drags as events."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QApplication

from app.canvas.gestures import BLOCK_MIME
from app.canvas.view import Board
from app.document import Document
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, fresh_id
from qdesigner.circuit.fields import Settings
from qdesigner.circuit.text import diagram
from qdesigner.design.spec import Design, Stage

KINDS = {row.label.split(" (")[0]: kind for kind, row in BLOCKS.items()}
NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier


def circuit(text: str, wires: int = 4) -> Circuit:
    """The circuit that `diagram` writes as ``text``; ids are kind-1, kind-2, … in order."""
    taken: set[str] = set()
    blocks = _blocks(text.removesuffix("⟨Z⟩").rstrip(" |"), taken)
    return Circuit(wires=wires, blocks=blocks)


def _blocks(text: str, taken: set[str]) -> tuple[Block, ...]:
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign == "[") - (sign == "]")
        if sign == "|" and not depth:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return tuple(_block(part.strip(), taken) for part in parts if part.strip())


def _block(text: str, taken: set[str]) -> Block:
    if "[" in text:
        name = fresh_id(taken, "repeat")
        taken.add(name)
        count = Settings({"count": int(text.split("×")[0])})
        body = _blocks(text[text.index("[") + 1 : -1], taken)
        return Block(id=name, kind="repeat", settings=count, body=body)
    label, _, last = text.rpartition(" ")
    wires = None
    if last[:1].isdigit():
        text, wires = label, tuple(int(w) for w in last.replace("→", ",").split(","))
    name = fresh_id(taken, KINDS[text])
    taken.add(name)
    return Block(id=name, kind=KINDS[text], wires=wires)


class Bench:
    """A shown board over a document that holds one circuit."""

    def __init__(self, text: str, wires: int = 4, size: tuple[int, int] = (1280, 480)) -> None:
        stage = Stage(id="quantum-1", kind="quantum", circuit=circuit(text, wires))
        self.document = Document(Design(stages=(stage,)))
        self.board = Board(self.document)
        self.asked: list[str] = []
        self.board.preview_wanted.connect(lambda c: self.asked.append(diagram(c)))
        self.board.resize(*size)
        self.board.show()
        self._data = QMimeData()  # Qt keeps no reference of its own

    @property
    def circuit(self) -> Circuit:
        stage = self.document.circuit_stage()
        assert stage is not None and stage.circuit is not None
        return stage.circuit

    @property
    def text(self) -> str:
        """The document's circuit, without its readout."""
        return diagram(self.circuit).removesuffix("⟨Z⟩").rstrip(" |")

    @property
    def shown(self) -> str:
        """The circuit on screen, a gesture's result included."""
        assert self.board.circuit is not None
        return diagram(self.board.circuit).removesuffix("⟨Z⟩").rstrip(" |")

    @property
    def undo(self) -> str:
        return self.document.undo_label

    # ---- places, in pixels of the viewport ------------------------------------------------------

    def _at(self, x: float, y: float) -> QPointF:
        view = self.board.view()
        return QPointF(round(view.x(x)), round(view.y(y)))

    def on(self, name: str, wire: int | None = None) -> QPointF:
        """The middle of a block; on a wire, or at its upper edge where no gate stands."""
        frame = self.board.base.by_id[name]
        y = frame.top + 4 if wire is None else self.board.base.wire_y(wire)
        return self._at(frame.middle, y)

    def between(self, name: str) -> QPointF:
        """A two-wire gate's line, half way down."""
        frame = self.board.base.by_id[name]
        return self._at(frame.middle, (frame.top + frame.bottom) / 2)

    def before(self, name: str, wire: float = 0) -> QPointF:
        frame = self.board.base.by_id[name]
        return self._at(frame.left + 2, self.board.base.wire_y(wire))

    def after(self, name: str, wire: float = 0) -> QPointF:
        frame = self.board.base.by_id[name]
        return self._at(frame.right - 2, self.board.base.wire_y(wire))

    def end(self, wire: float = 0) -> QPointF:
        """Beyond the measurement."""
        return self._at(self.board.base.measure[1] + 20, self.board.base.wire_y(wire))

    def badge(self, name: str) -> QPointF:
        frame = self.board.base.by_id[name]
        return self._at(frame.right - 32, frame.top)

    def new_wire(self) -> QPointF:
        """In the wire still to be added, far to the right."""
        return self._at(self.board.base.measure[1] + 20, self.board.base.bottom + 16)

    # ---- events ---------------------------------------------------------------------------------

    def _send(self, event: QEvent) -> None:
        event.setAccepted(False)
        QApplication.sendEvent(self.board.viewport(), event)

    def enter(self, kind: str, at: QPointF) -> bool:
        """A palette drag comes in and moves to ``at``; whether it may be dropped there."""
        self._data = QMimeData()
        self._data.setData(BLOCK_MIME, kind.encode())
        event = QDragEnterEvent(at.toPoint(), *self._drag())
        self._send(event)
        return event.isAccepted() and self.move(at)

    def move(self, at: QPointF) -> bool:
        event = QDragMoveEvent(at.toPoint(), *self._drag())
        self._send(event)
        return event.isAccepted()

    def leave(self) -> None:
        self._send(QDragLeaveEvent())

    def drop(self, kind: str, at: QPointF) -> bool:
        """A whole palette drag; whether it was taken."""
        self.enter(kind, at)
        event = QDropEvent(at, *self._drag())
        self._send(event)
        return event.isAccepted()

    def _drag(self) -> tuple:
        return Qt.DropAction.CopyAction, self._data, Qt.MouseButton.LeftButton, NONE

    def mouse(self, kind: QEvent.Type, at: QPointF, keys=NONE, button=Qt.MouseButton.LeftButton):
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
        if kind == QEvent.Type.MouseMove:
            button = Qt.MouseButton.NoButton
        self._send(QMouseEvent(kind, at, self.board.mapToGlobal(at), button, held, keys))

    def press(self, at: QPointF, keys=NONE, button=Qt.MouseButton.LeftButton) -> None:
        self.mouse(QEvent.Type.MouseButtonPress, at, keys, button)

    def drag_to(self, at: QPointF, keys=NONE, button=Qt.MouseButton.LeftButton) -> None:
        self.mouse(QEvent.Type.MouseMove, at + QPointF(0, 1), keys, button)
        self.mouse(QEvent.Type.MouseMove, at, keys, button)

    def release(self, at: QPointF, keys=NONE, button=Qt.MouseButton.LeftButton) -> None:
        self.mouse(QEvent.Type.MouseButtonRelease, at, keys, button)

    def click(self, at: QPointF, keys=NONE) -> None:
        self.press(at, keys)
        self.release(at, keys)

    def drag(self, start: QPointF, end: QPointF, keys=NONE) -> None:
        """Press, go there, release."""
        self.press(start, keys)
        self.drag_to(end, keys)
        self.release(end, keys)

    def hover(self, at: QPointF) -> None:
        self.mouse(QEvent.Type.MouseMove, at, button=Qt.MouseButton.NoButton)

    def key(self, key: Qt.Key, keys=NONE) -> bool:
        event = QKeyEvent(QEvent.Type.KeyPress, key, keys)
        QApplication.sendEvent(self.board, event)
        return event.isAccepted()

    def select(self, *names: str) -> None:
        self.document.select_blocks(names)


OFF_THE_BOARD = QPointF(300, -80)
