"""Rows of numbers as points of a plane. Import it late: it loads pyqtgraph."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFont

from app import theme
from app.panels.cells import sized
from app.panels.series import colour
from qdesigner.session.survey import Points

SYMBOLS = ("o", "t", "s")  # training, validation, test
TONES = 24  # of numbers to predict, from the lowest to the highest


class Scatter(pg.PlotWidget):  # type: ignore[misc]
    """A colour a class, or from blue to orange for numbers; a symbol a split."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(self.Shape.NoFrame)
        self.setAccessibleName("Rows as points")
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMinimumSize(160, 100)
        self.getPlotItem().layout.setContentsMargins(0, 8, 10, 0)
        self._points: Points | None = None
        self._classes: tuple[str, ...] = ()
        theme.changed.connect(self._draw)
        self._draw()

    def sizeHint(self) -> QSize:
        """Small: it takes what room there is."""
        return QSize(240, 120)

    def show_points(self, points: Points, classes: tuple[str, ...]) -> None:
        """Show other points."""
        again = points is not self._points
        self._points, self._classes = points, classes
        self._draw()
        if again:
            self.autoRange()

    def _draw(self) -> None:
        look = theme.current()
        self.setBackground(look.panel)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(QColor(look.border))
            axis.setTickPen(QColor(look.border))
            axis.setTextPen(QColor(look.muted))
            axis.setTickFont(sized(QFont(self.font()), -2))
            axis.setStyle(tickTextOffset=6, maxTickLevel=0, hideOverlappingLabels=True)
        self.clear()
        if self._points is None:
            return
        names = self._points.names
        self.setLabel("bottom", names[0], color=look.muted)
        self.setLabel("left", names[1], color=look.muted)
        for tone, chosen in self._tones():
            brush = QColor(tone)
            brush.setAlphaF(0.75)
            for split, symbol in enumerate(SYMBOLS):
                some = chosen & (np.asarray(self._points.splits) == split)
                if some.any():
                    xy = np.asarray(self._points.xy)[some]
                    self.addItem(pg.ScatterPlotItem(
                        xy[:, 0], xy[:, 1], symbol=symbol, size=6 if split == 0 else 7,
                        brush=brush, pen=pg.mkPen(look.panel, width=0.5),
                    ))  # fmt: skip

    def _tones(self) -> list[tuple[QColor, np.ndarray]]:
        """Each colour with the points that have it."""
        assert self._points is not None
        labels = np.asarray(self._points.labels)
        if self._classes:
            return [(colour(k), labels == k) for k in range(len(self._classes))]
        look = theme.current()
        low, high = float(labels.min()), float(labels.max())
        share = (labels - low) / ((high - low) or 1)
        steps = np.minimum((share * TONES).astype(int), TONES - 1)
        return [
            (theme.blend(QColor(look.validation), QColor(look.train), k / (TONES - 1)), steps == k)
            for k in range(TONES)
        ]
