"""The angles that one sample's features become, a bar a feature."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from app import theme
from app.panels.cells import sized
from app.runcurves import Floats
from app.saturation import END
from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.circuit.kinds import inputs_of

ROW, BAR = 20, 8  # px
MOST = 64  # features that are drawn


def wires_of(circuit: Circuit | None) -> dict[int, tuple[int, ...]]:
    """The wires on which each feature is embedded first, by the feature's place."""
    found: dict[int, tuple[int, ...]] = {}
    for operation in expand(circuit).operations if circuit is not None else ():
        for place in inputs_of(operation.angle):
            found.setdefault(place, operation.wires)
    return found


class Angles(QWidget):
    """Angles in radians from -π to π, or as far as they reach; those that stand at the ends of
    tanh · π/2 are drawn in the colour of a warning."""

    def __init__(self) -> None:
        super().__init__()
        self._values: Floats = np.zeros(0)
        self._names: list[str] = []
        self._squashed = False
        theme.changed.connect(self.update)

    def show_angles(self, values: Floats, circuit: Circuit | None, squashed: bool) -> None:
        """Show ``values`` [features]; ``squashed`` ones come from tanh · π/2."""
        self._values = np.asarray(values, dtype=float).ravel()[:MOST]
        wires = wires_of(circuit)
        self._names = []
        for place in range(len(self._values)):
            on = wires.get(place, ())
            self._names.append(f"x{place} → q{on[0]}" if len(on) == 1 else f"x{place}")
        self._squashed = squashed
        said = ", ".join(f"{n} {v:+.2f}" for n, v in zip(self._names, self._values, strict=True))
        self.setAccessibleName(f"Angles in radians: {said}")
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    @property
    def reach(self) -> float:
        """The angle at a bar's end."""
        most = float(np.abs(self._values).max(initial=0.0))
        return math.pi / 2 if most <= math.pi / 2 + 1e-6 else math.pi if most <= math.pi else most

    def sizeHint(self) -> QSize:
        """A line a feature."""
        return QSize(180, ROW * max(1, len(self._values)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Names, bars from the middle, numbers."""
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(sized(self.font(), -1))
        metrics = painter.fontMetrics()
        left = max((metrics.horizontalAdvance(name) for name in self._names), default=0) + 8
        right = metrics.horizontalAdvance("−3.14") + 4
        centre = Qt.AlignmentFlag.AlignVCenter
        for place, value in enumerate(self._values.tolist()):
            line = QRectF(0, place * ROW, self.width(), ROW)
            painter.setPen(QColor(look.muted))
            painter.drawText(line, centre, self._names[place])
            painter.setPen(QColor(look.text))
            text = f"{value:+.2f}".replace("-", "−")
            painter.drawText(line, centre | Qt.AlignmentFlag.AlignRight, text)
            track = QRectF(left, line.center().y() - BAR / 2, line.width() - left - right, BAR)
            at_end = self._squashed and abs(value) > END
            paint_signed(
                painter, track, value / self.reach, look.warning if at_end else look.accent
            )

    def event(self, event: QEvent) -> bool:
        """The angle in degrees."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = event.pos().y() // ROW
            text = ""
            if 0 <= place < len(self._values):
                value = float(self._values[place])
                text = f"{self._names[place]}: {value:+.4f} rad = {math.degrees(value):+.1f}°"
                if self._squashed and abs(value) > END:
                    text += "\nIt stands at the end of tanh · π/2: only its sign is left."
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)


def paint_signed(painter: QPainter, track: QRectF, share: float, colour: str) -> None:
    """A bar from the middle of ``track``: to its right end at 1, to its left one at -1."""
    look = theme.current()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(look.border))
    painter.drawRoundedRect(track, 3, 3)
    zero = track.center().x()
    reach = max(-1.0, min(1.0, share)) * track.width() / 2
    if abs(reach) > 0.25:
        painter.setBrush(QColor(colour))
        bar = QRectF(min(zero, zero + reach), track.top(), max(1.5, abs(reach)), track.height())
        painter.drawRoundedRect(bar, 2, 2)
    painter.setPen(QPen(QColor(look.faint), 1))
    painter.drawLine(QPointF(zero, track.top() - 1), QPointF(zero, track.bottom() + 1))
