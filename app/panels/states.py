"""The quantum trace: every wire's Bloch vector after each block, from the top down in time."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from app import theme
from app.canvas.live import paint_sphere
from app.panels.cells import sized
from qdesigner.circuit.circuit import Block, Circuit, walk
from qdesigner.session.onlook import Layer, Traced

ROW, HEAD = 36, 20  # px
COLUMN, RADIUS = 36, 13
NAMES = 96  # px of the blocks' names


class States(QWidget):
    """A row a block (and pass), a Bloch sphere a wire; a click selects the block."""

    block_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._layers: tuple[Layer, ...] = ()
        self._blocks: dict[str, Block] = {}
        self._cursor = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Bloch vectors after each block")
        theme.changed.connect(self.update)

    def show_trace(self, traced: Traced, circuit: Circuit) -> None:
        """Show the states of a trace through ``circuit``."""
        self._layers = traced.layers
        self._blocks = {block.id: block for block, _ in walk(circuit.blocks)}
        self._cursor = min(self._cursor, max(0, len(self._layers) - 1))
        self.setFixedSize(self.sizeHint())
        self.update()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What is shown."""
        return self._layers

    def sizeHint(self) -> QSize:
        """All of it: it stands in a scroll area."""
        wires = len(self._layers[0].bloch) if self._layers else 0
        return QSize(NAMES + COLUMN * wires + 8, HEAD + ROW * len(self._layers))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Wires above, blocks at the left, spheres."""
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(sized(self.font(), -1))
        painter.setPen(QColor(look.muted))
        wires = len(self._layers[0].bloch) if self._layers else 0
        for wire in range(wires):
            box = QRectF(NAMES + wire * COLUMN, 0, COLUMN, HEAD)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"q{wire}")
        seen = event.rect()
        first = max(0, (seen.top() - HEAD) // ROW)
        for place in range(first, min(len(self._layers), (seen.bottom() - HEAD) // ROW + 1)):
            self._paint_row(painter, place)

    def _paint_row(self, painter: QPainter, place: int) -> None:
        look, layer = theme.current(), self._layers[place]
        top = HEAD + place * ROW
        block = self._blocks.get(layer.block)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.hasFocus() and place == self._cursor:
            painter.setBrush(QColor(look.raised))
            painter.drawRoundedRect(QRectF(0, top, self.width(), ROW), 4, 4)
        colour = look.group(block.row.group.value) if block is not None else QColor(look.faint)
        painter.setBrush(colour)
        painter.drawRoundedRect(QRectF(0, top + 6, 3, ROW - 12), 1.5, 1.5)
        title, _, turn = layer.label.partition(", ")
        room = QRectF(10, top + 2, NAMES - 14, ROW - 4)
        self._word(painter, room.adjusted(0, 0, 0, -14 if turn else 0), title, -1, look.text)
        if turn:
            self._word(painter, room.adjusted(0, 16, 0, 0), turn, -2, look.muted)
        for wire, vector in enumerate(layer.bloch):
            x = NAMES + (wire + 0.5) * COLUMN
            paint_sphere(painter, x, top + ROW / 2, RADIUS, vector)
        if place < len(self._layers) - 1:
            painter.setPen(QPen(QColor(look.border), 1))
            painter.drawLine(10, top + ROW, self.width() - 8, top + ROW)

    def _word(self, painter: QPainter, room: QRectF, words: str, size: int, tone: str) -> None:
        """Words in two lines where there is room for them."""
        painter.setFont(sized(self.font(), size))
        painter.setPen(QColor(tone))
        metrics = painter.fontMetrics()
        flags = int(Qt.AlignmentFlag.AlignVCenter)
        if room.height() >= 2 * metrics.lineSpacing() - 2:
            flags |= int(Qt.TextFlag.TextWordWrap)
        else:
            words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, flags, words)

    # ---- mouse and keys -------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select the block of the row."""
        place = int((event.position().y() - HEAD) // ROW)
        if 0 <= place < len(self._layers):
            self._cursor = place
            self.block_chosen.emit(self._layers[place].block)
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down go from block to block; Enter selects it on the board."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._layers:
            step = 1 if key == Qt.Key.Key_Down else -1
            self._cursor = min(len(self._layers) - 1, max(0, self._cursor + step))
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._layers:
            self.block_chosen.emit(self._layers[self._cursor].block)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """A tip tells the numbers of a sphere."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos()), self)
            return True
        return super().event(event)

    def tip_at(self, position: QPoint) -> str:
        """What is said of a place, "" where nothing is."""
        place, wire = (position.y() - HEAD) // ROW, (position.x() - NAMES) // COLUMN
        if not 0 <= place < len(self._layers):
            return ""
        layer = self._layers[place]
        if not 0 <= wire < len(layer.bloch):
            return layer.label
        x, y, z = (float(value) for value in layer.bloch[wire])
        length = float(np.linalg.norm(layer.bloch[wire]))
        pure = "pure" if length > 0.999 else "entangled with other wires"
        return (
            f"q{wire} after {layer.label}\n⟨X⟩ {x:+.3f}  ⟨Y⟩ {y:+.3f}  ⟨Z⟩ {z:+.3f}\n"
            f"length {length:.3f}: {pure}"
        )
