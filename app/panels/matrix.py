"""The confusion matrix: which class was taken for which, with precision, recall and F1 beside it.

Rows are true classes, columns what they were taken for. A click on a cell, a row's or a column's
name chooses those images. Names and measures stay in view when a matrix of many classes scrolls.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip

from app import theme
from app.confusion import Confusion
from app.panels.cells import percent, sized

LOWEST, HIGHEST, WIDEST = 18, 30, 72  # px of a cell, at its own size
MANY, SMALLEST = 20, 12  # classes from which cells are smaller, and how small in px
MEAN = 22  # px of the line of means
NAMES = (40, 96)  # px of the classes' names, at least and at most
TURNED, TURNED_MANY = 84, 64  # px of turned names at most
MEASURES = (("Precision", 56), ("Recall", 48), ("F1", 44), ("Images", 48))
FEWER = MEASURES[2:]  # where there is little room
ROOM_FOR_ALL = 330
ZOOMS = (0.5, 0.7, 1.0, 1.4, 2.0)

Cell = tuple[int | None, int | None]  # (true, taken for); None: all of them
NO_CELL: Cell = (None, None)


class Matrix(QAbstractScrollArea):
    """Painted counts; scrolls and zooms where they do not fit."""

    chosen = Signal(object, object)  # true, taken for: a place, or None for all

    def __init__(self) -> None:
        super().__init__()
        self._confusion: Confusion | None = None
        self._classes: tuple[str, ...] = ()
        self._marked: Cell = NO_CELL
        self._cursor = (0, 0)
        self._zoom = ZOOMS.index(1.0)
        self._left = NAMES[0]
        self.setFrameShape(self.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAutoFillBackground(False)
        self.setStyleSheet(
            "QAbstractScrollArea, QAbstractScrollArea::corner"
            " { background: transparent; border: none; }"
        )
        self.setMinimumWidth(200)
        theme.changed.connect(self.viewport().update)

    def show_confusion(self, confusion: Confusion, classes: tuple[str, ...], marked: Cell) -> None:
        """Show these counts, with the cell, row or column ``marked`` that is chosen."""
        if len(classes) != len(self._classes):
            self._cursor = (0, 0)
        self._confusion, self._classes, self._marked = confusion, classes, marked
        means = (percent(value) if value == value else "–" for value in confusion.means)
        self.setAccessibleName(
            f"Confusion matrix of {len(classes)} classes. Mean precision, recall and F1: "
            + ", ".join(means)
        )
        self._measure()
        self.viewport().update()

    def zoom(self, steps: int) -> None:
        """Larger cells, or smaller ones."""
        self._zoom = min(len(ZOOMS) - 1, max(0, self._zoom + steps))
        self._measure()
        self.viewport().update()

    @property
    def widest(self) -> int:
        """More room than this, in px, it has no use for."""
        words = self._measures_of(MEASURES)
        return self._left + int(len(self._classes) * WIDEST * ZOOMS[self._zoom]) + words

    @property
    def scrolls(self) -> bool:
        """Whether there are more cells than there is room for."""
        return self.verticalScrollBar().maximum() > 0 or self.horizontalScrollBar().maximum() > 0

    def cell_rect(self, true: int, predicted: int) -> QRectF:
        """Where a cell stands in the viewport."""
        wide, high = self._cell
        x = self._left + predicted * wide - self.horizontalScrollBar().value()
        y = self._top + true * high - self.verticalScrollBar().value()
        return QRectF(x, y, wide, high)

    def sizeHint(self) -> QSize:
        """Room for a few classes."""
        return QSize(360, 220)

    # ---- measures -------------------------------------------------------------------------------

    def _metrics(self) -> QFontMetrics:
        return QFontMetrics(sized(self.font(), -1))

    @property
    def _measures(self) -> tuple[tuple[str, int], ...]:
        roomy = self.viewport().width() >= ROOM_FOR_ALL and len(self._classes) < MANY
        return MEASURES if roomy else FEWER

    def _measures_of(self, measures: tuple[tuple[str, int], ...]) -> int:
        return sum(wide for _, wide in measures) + 8

    def _measure(self) -> None:
        """Sizes of everything, from the room there is."""
        count = max(1, len(self._classes))
        words = max((self._metrics().horizontalAdvance(name) for name in self._classes), default=0)
        self._left = min(NAMES[1], max(NAMES[0], words + 12))
        self._right = self._measures_of(self._measures)
        zoom = ZOOMS[self._zoom]
        room_x = self.viewport().width() - self._left - self._right
        largest = int(self._confusion.counts.max()) if self._confusion is not None else 0
        digits = self._metrics().horizontalAdvance(f"{largest:,}") + 8
        many = count >= MANY  # then colours show the whole, and zooming shows the counts
        lowest = SMALLEST if many else LOWEST
        least = lowest if many else max(lowest, min(digits, 44))
        wide = max(zoom * least, min(room_x / count, WIDEST * zoom))
        self._upright = wide >= min(words, WIDEST - 8) + 8
        self._top = 20 + (
            0 if self._upright else min(TURNED_MANY if many else TURNED, words + 8) - 4
        )
        room_y = self.viewport().height() - self._top - MEAN
        high = zoom * min(HIGHEST, max(lowest, room_y / count))
        self._cell = (wide, high)
        for bar, whole, room in (
            (self.horizontalScrollBar(), wide * count, room_x),
            (self.verticalScrollBar(), high * count, room_y),
        ):
            bar.setRange(0, max(0, math.ceil(whole - room)))
            bar.setPageStep(max(1, int(room)))
            bar.setSingleStep(LOWEST)

    def _body(self) -> QRectF:
        """The part of the viewport in which cells are seen."""
        wide, high = self._cell
        count, room = len(self._classes), self.viewport().rect()
        right = min(self._left + wide * count, room.width() - self._right)
        bottom = min(self._top + high * count, room.height() - MEAN)
        return QRectF(self._left, self._top, right - self._left, bottom - self._top)

    def _at(self, position: QPointF) -> Cell | None:
        """The cell there; with a None for a row's or a column's name."""
        body, (wide, high) = self._body(), self._cell
        true = int((position.y() - self._top + self.verticalScrollBar().value()) // high)
        said = int((position.x() - self._left + self.horizontalScrollBar().value()) // wide)
        within_y = body.top() <= position.y() < body.bottom() and true < len(self._classes)
        within_x = body.left() <= position.x() < body.right() and said < len(self._classes)
        if within_x and within_y:
            return true, said
        if within_y and (position.x() < body.left() or position.x() >= body.right()):
            return true, None
        if within_x and position.y() < body.top():
            return None, said
        return None

    # ---- painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cells, names and measures, each in its own part."""
        if self._confusion is None or not self._classes:
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        body = self._body()
        count, (wide, high) = len(self._classes), self._cell
        first_row = int(self.verticalScrollBar().value() // high)
        rows = range(first_row, min(count, first_row + int(body.height() // high) + 2))
        first = int(self.horizontalScrollBar().value() // wide)
        columns = range(first, min(count, first + int(body.width() // wide) + 2))
        painter.setClipRect(body)
        for true in rows:
            for said in columns:
                self._paint_cell(painter, true, said)
        self._paint_marks(painter)
        painter.setClipRect(QRectF(0, body.top(), self.viewport().width(), body.height()))
        for true in rows:
            self._paint_row(painter, true, body.right())
        painter.setClipRect(QRectF(body.left(), 0, body.width() + 8, body.top()))
        for said in columns:
            self._paint_column(painter, said)
        painter.setClipping(False)
        self._paint_frame(painter, body)

    def _paint_cell(self, painter: QPainter, true: int, said: int) -> None:
        assert self._confusion is not None
        look = theme.current()
        rect = self.cell_rect(true, said)
        value, support = int(self._confusion.counts[true, said]), self._confusion.support[true]
        share = value / support if support else 0.0
        tone = QColor(look.right if true == said else look.wrong)
        least = 0.35 if len(self._classes) >= MANY else 0.10  # a single one is to be found
        fill = theme.blend(tone, QColor(look.panel), least + 0.45 * share) if value else look.raised
        gap = 1.0 if rect.height() >= 12 else 0.5
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(fill))
        painter.drawRoundedRect(rect.adjusted(gap, gap, -gap, -gap), 3, 3)
        if rect.height() < 14:
            return
        painter.setFont(sized(self.font(), -1, bold=value > 0 and true == said))
        painter.setPen(QColor(look.text if value else look.faint))
        text = f"{value:,}"
        if painter.fontMetrics().horizontalAdvance(text) <= rect.width() - 2:
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_marks(self, painter: QPainter) -> None:
        """A frame around what is chosen, and where the keyboard is."""
        look = theme.current()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        true, said = self._marked
        if self._marked != NO_CELL:
            last = len(self._classes) - 1
            one = self.cell_rect(true or 0, said or 0)
            other = self.cell_rect(last if true is None else true, last if said is None else said)
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.drawRoundedRect(one.united(other).adjusted(1, 1, -1, -1), 3, 3)
        if self.hasFocus():
            painter.setPen(QPen(QColor(look.text), 1, Qt.PenStyle.DotLine))
            rect = self.cell_rect(*self._cursor).adjusted(2.5, 2.5, -2.5, -2.5)
            painter.drawRoundedRect(rect, 3, 3)

    def _paint_row(self, painter: QPainter, true: int, right: float) -> None:
        assert self._confusion is not None
        rect = self.cell_rect(true, 0)
        if rect.height() < 11 and true % 2:
            return
        line = QRectF(0, rect.top(), self._left - 6, rect.height())
        self._word(painter, line, self._classes[true], self._marked == (true, None))
        found = self._confusion
        values = {
            "Precision": found.precision[true], "Recall": found.recall[true], "F1": found.f1[true],
            "Images": found.support[true],
        }  # fmt: skip
        self._paint_measures(painter, values, rect.top(), rect.height(), right, "text")

    def _paint_measures(
        self, painter: QPainter, values: dict[str, float], top: float, high: float, x: float,
        tone: str,
    ) -> None:  # fmt: skip
        painter.setFont(sized(self.font(), -1))
        painter.setPen(QColor(getattr(theme.current(), tone)))
        for name, wide in self._measures:
            value = values[name]
            text = f"{int(value):,}" if name == "Images" else percent(value)
            text = text if value == value else "–"
            box = QRectF(x, top, wide, high)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
            x += wide

    def _paint_column(self, painter: QPainter, said: int) -> None:
        rect = self.cell_rect(0, said)
        name, marked = self._classes[said], self._marked == (None, said)
        if self._upright:
            line = QRectF(rect.left() + 2, 0, rect.width() - 4, self._top - 4)
            self._word(painter, line, name, marked, Qt.AlignmentFlag.AlignCenter)
            return
        if rect.width() < 11 and said % 2:
            return
        painter.save()
        painter.translate(rect.center().x(), self._top - 4)
        painter.rotate(-90)
        line = QRectF(0, -9, self._top - 6, 18)
        self._word(painter, line, name, marked, Qt.AlignmentFlag.AlignLeft)
        painter.restore()

    def _word(
        self, painter: QPainter, line: QRectF, word: str, marked: bool,
        side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignRight,
    ) -> None:  # fmt: skip
        look = theme.current()
        painter.setFont(sized(self.font(), -1, bold=marked))
        painter.setPen(QColor(look.accent if marked else look.text))
        cut = painter.fontMetrics().elidedText(
            word, Qt.TextElideMode.ElideMiddle, int(line.width())
        )
        painter.drawText(line, side | Qt.AlignmentFlag.AlignVCenter, cut)

    def _paint_frame(self, painter: QPainter, body: QRectF) -> None:
        """Heads of the measures, and the line of means."""
        assert self._confusion is not None
        look = theme.current()
        painter.setFont(sized(self.font(), -2))
        painter.setPen(QColor(look.muted))
        side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
        x = body.right()
        for name, wide in self._measures:
            painter.drawText(QRectF(x, 0, wide, self._top - 4), side, name)
            x += wide
        line = QRectF(0, body.bottom(), self._left - 6, MEAN)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "mean")
        precision, recall, f1 = self._confusion.means
        values = {"Precision": precision, "Recall": recall, "F1": f1,
                  "Images": float(self._confusion.support.sum())}  # fmt: skip
        self._paint_measures(painter, values, body.bottom(), MEAN, body.right(), "muted")

    # ---- mouse and keys -------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cells take the room there is."""
        super().resizeEvent(event)
        self._measure()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a cell, a row or a column; what is chosen already is let go."""
        cell = self._at(event.position())
        if cell is None or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        if cell[0] is not None and cell[1] is not None:
            self._cursor = (cell[0], cell[1])
        self._choose(cell)

    def _choose(self, cell: Cell) -> None:
        self.chosen.emit(*(NO_CELL if cell == self._marked else cell))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go from cell to cell, Enter chooses, plus and minus zoom."""
        key = Qt.Key
        moves = {key.Key_Left: (0, -1), key.Key_Right: (0, 1), key.Key_Up: (-1, 0),
                 key.Key_Down: (1, 0)}  # fmt: skip
        pressed = key(event.key())
        if pressed in moves and self._classes:
            last = len(self._classes) - 1
            self._cursor = tuple(  # type: ignore[assignment]
                min(last, max(0, place + step))
                for place, step in zip(self._cursor, moves[pressed], strict=True)
            )
            self._bring_into_view()
        elif pressed in (key.Key_Return, key.Key_Enter) and self._classes:
            self._choose(self._cursor)
        elif pressed == key.Key_Escape and self._marked != NO_CELL:
            self.chosen.emit(None, None)
        elif pressed in (key.Key_Plus, key.Key_Minus) and not event.modifiers():
            self.zoom(1 if pressed == key.Key_Plus else -1)
        else:
            super().keyPressEvent(event)
            return
        self.viewport().update()

    def _bring_into_view(self) -> None:
        rect, body = self.cell_rect(*self._cursor), self._body()
        for bar, near, far, low, high in (
            (self.horizontalScrollBar(), rect.left(), rect.right(), body.left(), body.right()),
            (self.verticalScrollBar(), rect.top(), rect.bottom(), body.top(), body.bottom()),
        ):
            bar.setValue(bar.value() + math.floor(min(0, near - low) + max(0, far - high)))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll, or with Ctrl zoom."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """A tip for each cell and name."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos()), self)
            return True
        return super().viewportEvent(event)

    def tip_at(self, position: QPoint) -> str:
        """What is said of a place, "" where nothing is."""
        cell = self._at(QPointF(position)) if self._classes else None
        if cell is None or self._confusion is None:
            return ""
        true, said = cell
        counts = self._confusion.counts
        if true is None:
            assert said is not None
            return f"{counts[:, said].sum():,} images are taken for {self._classes[said]}"
        own, name = int(self._confusion.support[true]), self._classes[true]
        if said is None:
            return f"{own:,} images are {name}, {counts[true, true]:,} of them recognised"
        value = int(counts[true, said])
        share = f" ({percent(value / own)} of {own:,})" if own else ""
        if true == said:
            return f"{name} recognised: {value:,}{share}"
        return f"{name} taken for {self._classes[said]}: {value:,}{share}"
