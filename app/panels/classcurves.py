"""One image's class probabilities over the epochs. Import it late: it loads pyqtgraph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt

from app import theme
from app.panels.cells import number, percent
from app.panels.chart import Chart
from app.panels.charts import group_colour

MOST = 6  # lines: the true class, the one said, and the likeliest others
MOST_SYMBOLS = 24


class ClassCurves(Chart):
    """A line a class, the true one thick; in a regression the number, and the true one dashed."""

    def __init__(self) -> None:
        self._epochs: NDArray[Any] = np.zeros(0)
        self._rows: NDArray[Any] = np.zeros((0, 0))
        self._label: float | None = None
        self._names: tuple[str, ...] = ()
        self._at: int | None = None
        super().__init__("Class probabilities by epoch", 52)
        self.getViewBox().setMouseEnabled(True, False)

    def show_history(
        self, epochs: NDArray[Any], rows: NDArray[Any], label: float | None,
        names: tuple[str, ...], at: int | None,
    ) -> None:  # fmt: skip
        """Draw ``rows`` [epochs, classes] of an image whose true class (or number) is ``label``;
        a line stands at the epoch ``at`` that is looked at."""
        self._epochs, self._rows = epochs, np.nan_to_num(rows)
        self._label, self._names, self._at = label, names, at
        self.draw()
        self.refit()

    @property
    def lines(self) -> list[int]:
        """The classes that are drawn."""
        if not self._names:
            return [0] if self._rows.shape[1:] == (1,) else []
        if not len(self._rows):
            return []
        likely = np.argsort(-self._rows.max(axis=0), kind="stable").tolist()
        first = [int(self._label)] if self._label is not None else []
        first.append(int(self._rows[-1].argmax()))
        return list(dict.fromkeys([*first, *likely]))[:MOST]

    def draw(self) -> None:
        """Everything anew: there are few points."""
        look = theme.current()
        self.clear()
        for place in reversed(self.lines):
            tone = group_colour(place, len(self._names))
            true = bool(self._names) and place == self._label
            y = self._rows[:, place]
            self.addItem(pg.PlotCurveItem(
                self._epochs, y, pen=pg.mkPen(tone, width=3 if true else 1.6), antialias=True,
            ))  # fmt: skip
            every = max(1, -(-len(y) // MOST_SYMBOLS))
            self.addItem(pg.ScatterPlotItem(
                self._epochs[::-every], y[::-every], symbol="o", size=6 if true else 4, brush=tone,
                pen=pg.mkPen(look.panel, width=1),
            ))  # fmt: skip
        dashed = pg.mkPen(look.faint, width=1.5, style=Qt.PenStyle.DashLine)
        if not self._names and self._label is not None:
            self.addItem(pg.InfiniteLine(self._label, angle=0, pen=dashed))
        if self._at is not None:
            here = pg.InfiniteLine(self._at, angle=90, pen=pg.mkPen(look.accent, width=1.5))
            here.setZValue(-1)
            self.addItem(here)

    def fit(self) -> None:
        """All epochs; probabilities from 0 to 1."""
        self._follows = True
        last = max(float(self._epochs[-1]) if len(self._epochs) else 1.0, 1.0)
        low, high = 0.0, 1.04
        if not self._names and len(self._rows):
            values = [
                *self._rows[:, 0].tolist(),
                *([self._label] if self._label is not None else []),
            ]
            room = 0.06 * (max(values) - min(values)) or 1.0
            low, high = min(values) - room, max(values) + room
        first = min(float(self._epochs[0]), 1.0) if len(self._epochs) else 0.0
        self.setRange(xRange=(first, last + 0.02 * (last - first)), yRange=(low, high), padding=0)

    def told_at(self, position: QPointF) -> str:
        """The probabilities of the nearest epoch."""
        if not len(self._epochs):
            return ""
        row = int(np.abs(self._epochs - position.x()).argmin())
        text = [f"epoch {int(self._epochs[row])}"]
        for place in self.lines:
            value = float(self._rows[row, place])
            name = self._names[place] if self._names else "predicted"
            text.append(f"{name} {percent(value) if self._names else number(value)}")
        return "\n".join(text)
