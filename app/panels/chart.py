"""What every plot shares: the look of its axes, and a label that tells what is pointed at.

Import it late: pyqtgraph takes a third of a second, and the window paints before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QLabel, QWidget

from app import theme
from app.panels.cells import sized

ROOM_OF_TICK = 18  # px


class Left(pg.AxisItem):  # type: ignore[misc]
    """A vertical axis that also writes the labels at its very ends."""

    def __init__(self) -> None:
        super().__init__("left")

    def boundingRect(self) -> QRectF:
        """Half a label more than pyqtgraph allows for when there is a grid."""
        return QRectF(super().boundingRect()).adjusted(0, -10, 0, 10)

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Of a logarithmic axis 1, 2, 5, 10, … or as many of them as there is room for."""
        if not self.logMode:
            return list(super().tickValues(low, high, size))
        first, last = int(np.floor(low)), int(np.ceil(high))
        every = [d + m for d in range(first, last + 1) for m in (0.0, np.log10(2), np.log10(5))]
        most = max(2, size / ROOM_OF_TICK)
        for some in (every, every[::3]):
            inside = [value for value in some if low <= value <= high]
            if len(inside) <= most:
                return [(1.0, inside)]
        return [(1.0, inside[:: int(np.ceil(len(inside) / most))])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Of a logarithmic axis what the ticks stand for."""
        if not self.logMode:
            return list(super().tickStrings(values, scale, spacing))
        return [f"{10**value:.3g}" for value in values]


class Chart(pg.PlotWidget):  # type: ignore[misc]
    """A plot in the theme's look, with a label that tells what is pointed at.

    It shows everything until the user zooms or drags; a double click shows everything again.
    """

    def __init__(
        self, name: str, left: int = 38, padding: float = 0.03, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, axisItems={"left": Left()})
        self._left_width = left
        self._follows = True
        self.setAccessibleName(name)
        self.setFrameShape(self.Shape.NoFrame)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMinimumSize(120, 60)
        self.getPlotItem().layout.setContentsMargins(0, 8, 10, 0)
        view = self.getViewBox()
        view.setDefaultPadding(padding)
        view.sigRangeChangedManually.connect(self._zoomed)
        self.values = QLabel(self)
        self.values.setTextFormat(Qt.TextFormat.PlainText)
        self.values.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.values.hide()
        self.scene().sigMouseMoved.connect(self._moved)
        theme.changed.connect(self.restyle)
        self.restyle()

    def sizeHint(self) -> QSize:
        """Small: it takes what room there is."""
        return QSize(200, 120)

    def restyle(self) -> None:
        """Take up the theme's colours."""
        look = theme.current()
        self.setBackground(look.panel)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(QColor(0, 0, 0, 0))
            axis.setTickPen(QColor(look.border))
            axis.setTextPen(QColor(look.muted))
            axis.setTickFont(sized(QFont(self.font()), -2))
            axis.setStyle(tickTextOffset=6, maxTickLevel=0, hideOverlappingLabels=False)
        self.getAxis("left").setGrid(255)
        self.getAxis("left").setWidth(self._left_width)
        self.getAxis("bottom").setHeight(22)
        self.values.setStyleSheet(
            f"background: {look.raised}; color: {look.text}; border: 1px solid {look.border};"
            "border-radius: 4px; padding: 3px 6px;"
        )
        self.draw()

    def draw(self) -> None:
        """Draw what there is; for those who know what that is."""

    def fit(self) -> None:
        """Show everything, now and as it changes."""
        self._follows = True
        self.autoRange()

    def refit(self) -> None:
        """Show everything, unless the user has zoomed."""
        if self._follows:
            self.fit()

    def told_at(self, position: QPointF) -> str:
        """What there is to say of a point of the view, "" where nothing is."""
        return ""

    @property
    def follows(self) -> bool:
        """Whether it shows everything, rather than what the user zoomed to."""
        return self._follows

    def _zoomed(self) -> None:
        self._follows = False

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Show everything again."""
        event.accept()
        self.fit()

    def _moved(self, position: QPointF) -> None:
        view = self.getViewBox()
        inside = view.sceneBoundingRect().contains(position)
        text = self.told_at(view.mapSceneToView(position)) if inside else ""
        self.values.setVisible(bool(text))
        if not text:
            return
        self.values.setText(text)
        self.values.adjustSize()
        self.place_values(position)
        self.values.raise_()

    def place_values(self, position: QPointF) -> None:
        """Into an upper corner, away from the pointer at ``position``."""
        room = self.getViewBox().sceneBoundingRect().toRect()
        right = position.x() < room.center().x()
        left = room.right() - self.values.width() - 4 if right else room.left() + 4
        self.values.move(max(0, int(left)), room.top() + 4)

    def leaveEvent(self, event: QEvent) -> None:
        """The pointer is gone."""
        super().leaveEvent(event)
        self.values.hide()
