"""Small painted figures of the inspector: weights as a heat map, gradient norms as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from app import theme

CELL = 16  # px, height of a heat map's row
GAP = 3
DECADES = 4  # a bar's length is the logarithm of the norm, over this many powers of ten


@dataclass(frozen=True, slots=True)
class Heat:
    """Rows of weights in radians, each with a name for the tip."""

    rows: tuple[tuple[str, tuple[float, ...]], ...]


class HeatMap(QWidget):
    """Weights by block and place: negative ones blue, positive ones orange, zero the panel's own
    colour; the number is in the tip."""

    def __init__(self) -> None:
        super().__init__()
        self._heat = Heat(())
        self.setAccessibleName("Weights")

    def show_heat(self, heat: Heat) -> None:
        """Show other weights."""
        if heat != self._heat:
            self._heat = heat
            self.setFixedHeight(self.sizeHint().height())
            self.update()

    def sizeHint(self) -> QSize:
        """A line a row, thinner ones where there are many."""
        rows = len(self._heat.rows)
        return QSize(180, max(1, rows) * self._step())

    def _step(self) -> int:
        rows = len(self._heat.rows)
        return CELL + GAP if rows <= 12 else (8 if rows <= 40 else 3)

    def _cell(self, row: int, place: int) -> QRectF:
        step = self._step()
        gap = GAP if step > 8 else 1
        width = (self.width() + gap) / max(len(values) for _, values in self._heat.rows)
        return QRectF(place * width, row * step, max(1.0, width - gap), step - gap)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Every weight as one cell."""
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        largest = max((abs(v) for _, values in self._heat.rows for v in values), default=0) or 1
        under = QColor(theme.blend(QColor(now.muted), QColor(now.panel), 0.08))
        for row, (_, values) in enumerate(self._heat.rows):
            for place, value in enumerate(values):
                colour = QColor(now.validation if value > 0 else now.train)
                painter.setBrush(theme.blend(colour, under, abs(value) / largest))
                painter.drawRoundedRect(self._cell(row, place), 2, 2)

    def event(self, event: QEvent) -> bool:
        """The tip names the weight under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos().x(), event.pos().y()))
            return True
        return super().event(event)

    def tip_at(self, x: float, y: float) -> str:
        """What is said of the cell at a place, "" between cells."""
        for row, (name, values) in enumerate(self._heat.rows):
            for place, value in enumerate(values):
                if self._cell(row, place).contains(x, y):
                    return f"{name}, weight {place}: {value:+.4f} rad"
        return ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One named norm, with its colour's category."""

    name: str
    value: float
    category: str


class Bars(QWidget):
    """Gradient norms, one bar a layer, on a logarithmic scale below the largest."""

    ROW = 20

    def __init__(self) -> None:
        super().__init__()
        self._bars: tuple[Bar, ...] = ()

    def show_bars(self, bars: Sequence[Bar]) -> None:
        """Show other norms."""
        self._bars = tuple(bars)
        self.setFixedHeight(max(1, len(self._bars)) * self.ROW)
        self.setToolTip(
            "Gradient norm in the last epoch, on a logarithmic scale\n"
            + "\n".join(f"{bar.name}: {bar.value:.2e}" for bar in self._bars)
        )
        self.setAccessibleName(", ".join(f"{bar.name} {bar.value:.2e}" for bar in self._bars))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Name and bar, line by line."""
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(painter.font())
        left = min(84, self.width() // 2)
        track = theme.blend(QColor(now.muted), QColor(now.panel), 0.18)
        largest = max((bar.value for bar in self._bars), default=0.0)
        for line, bar in enumerate(self._bars):
            top = line * self.ROW
            painter.setPen(QColor(now.muted))
            name = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, left - 6)
            box = QRectF(0, top, left, self.ROW)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, name)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(track)
            room = QRectF(left, top + self.ROW / 2 - 3, self.width() - left, 6)
            painter.drawRoundedRect(room, 3, 3)
            room.setWidth(room.width() * length(bar.value, largest))
            painter.setBrush(now.group(bar.category))
            painter.drawRoundedRect(room, 3, 3)


def length(value: float, largest: float) -> float:
    """A bar's share of its track: 1 for the largest norm, 0 for four powers of ten below it."""
    if not (value > 0 and largest > 0):
        return 0.0
    return max(0.02, 1 + math.log10(value / largest) / DECADES)
