"""Lines over the epochs, one a stage. Import it late: it loads pyqtgraph."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt

from app import theme
from app.panels.chart import Chart
from app.panels.charts import group_colour
from app.panels.curves import MOST_EPOCHS, TINY, thinned
from app.runcurves import Floats

MOST_SYMBOLS = 24


class EpochLines(Chart):
    """Named values an epoch, on a plain scale from 0 to 1 or on a logarithmic one."""

    def __init__(self, name: str, log: bool, limit: float | None = None) -> None:
        self._epochs: Floats = np.zeros(0)
        self._lines: dict[str, Floats] = {}
        self._log, self._limit = log, limit
        self._last, self._at = 1, None
        super().__init__(name, 44)
        self.getAxis("left").setLogMode(log)
        self.getViewBox().setMouseEnabled(True, log)

    def show_lines(
        self, epochs: Floats, lines: dict[str, Floats], last: int, at: int | None
    ) -> None:
        """Draw ``lines`` [epochs] by name over a run of ``last`` epochs; a line stands at the epoch
        ``at`` that is looked at."""
        self._epochs, self._lines, self._last, self._at = epochs, lines, last, at
        self.draw()
        self.refit()

    @property
    def lines(self) -> dict[str, Floats]:
        """What is drawn."""
        return self._lines

    def draw(self) -> None:
        """Everything anew: there are few points."""
        look = theme.current()
        self.clear()
        for place, values in enumerate(self._lines.values()):
            tone = group_colour(place, len(self._lines))
            x, y = thinned(self._epochs, self._scaled(values), 0, MOST_EPOCHS)
            self.addItem(
                pg.PlotCurveItem(
                    x, y, pen=pg.mkPen(tone, width=2), antialias=True, connect="finite"
                )
            )
            every = max(1, -(-len(x) // MOST_SYMBOLS))
            self.addItem(
                pg.ScatterPlotItem(
                    x[::-every],
                    y[::-every],
                    symbol="o",
                    size=5,
                    brush=tone,
                    pen=pg.mkPen(look.panel, width=1),
                )
            )
        if self._limit is not None:
            dash = pg.mkPen(look.faint, width=1.5, style=Qt.PenStyle.DashLine)
            self.addItem(pg.InfiniteLine(self._scaled(np.array([self._limit]))[0], 0, dash))
        if self._at is not None:
            here = pg.InfiniteLine(self._at, angle=90, pen=pg.mkPen(look.accent, width=1.5))
            here.setZValue(-1)
            self.addItem(here)

    def fit(self) -> None:
        """All epochs; shares from 0 to 1, of a logarithmic scale all values."""
        self._follows = True
        low, high = 0.0, 1.04
        if self._log:
            values = [self._scaled(v)[np.isfinite(v)] for v in self._lines.values()]
            known = np.concatenate(values) if values else np.zeros(0)
            low, high = (known.min(), known.max()) if len(known) else (-3.0, 0.0)
            room = max(0.15, 0.06 * (high - low))
            low, high = float(low - room), float(high + room)
        self.setRange(xRange=(0, max(1, self._last) * 1.02), yRange=(low, high), padding=0)

    def _scaled(self, values: Floats) -> Floats:
        return np.log10(np.maximum(values, TINY)) if self._log else values

    def told_at(self, position: QPointF) -> str:
        """The values of the nearest epoch."""
        if not len(self._epochs):
            return ""
        row = int(np.abs(self._epochs - position.x()).argmin())
        text = [f"epoch {int(self._epochs[row])}"]
        for name, values in self._lines.items():
            value = float(values[row])
            words = f"{value:.1e}" if self._log else f"{value:.0%}".replace("%", " %")
            text.append(f"{name} {words if value == value else '–'}")
        return "\n".join(text)
