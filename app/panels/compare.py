"""Several runs on the same axes. Import it late: it loads pyqtgraph."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor

from app import theme
from app.panels import series
from app.panels.chart import Chart
from app.panels.curves import MOST_EPOCHS, thinned
from app.panels.series import TRAIN, VALIDATION, colour
from app.runcurves import Curves

MOST_SYMBOLS = 12
SYMBOLS = ("o", "d", "s", "t", "p", "star", "+", "x")  # runs differ by colour and by symbol


class Comparison(Chart):
    """A colour a run: validation as a solid line with symbols, training thin."""

    def __init__(self) -> None:
        self._shown: list[tuple[int, str, Curves]] = []
        self._quantity = "loss"
        super().__init__("Runs compared by epoch", 34, 0.02)

    def show_runs(self, shown: list[tuple[int, str, Curves]], quantity: str) -> None:
        """Draw ``quantity`` ("loss" or "score") of runs: (place of the colour, name, curves)."""
        again = quantity != self._quantity or len(shown) != len(self._shown)
        self._shown, self._quantity = shown, quantity
        self.draw()
        if again:
            self.fit()

    def _of(self, curves: Curves) -> str:
        return curves.score if self._quantity == "score" else self._quantity

    def draw(self) -> None:
        """Every run anew."""
        self.clear()
        for place, name, curves in self._shown:
            self._draw_run(place, name, curves)

    def _draw_run(self, place: int, name: str, curves: Curves) -> None:
        x, tone = curves.epochs["epoch"], colour(place)
        known = series.lines(curves, self._of(curves))
        thin = QColor(tone)
        thin.setAlphaF(0.55)
        self.addItem(pg.PlotCurveItem(
            *thinned(x, known[TRAIN], 0, MOST_EPOCHS), pen=pg.mkPen(thin, width=1), antialias=True,
            connect="finite",
        ))  # fmt: skip
        few_x, few_y = thinned(x, known[VALIDATION], 0, MOST_EPOCHS)
        self.addItem(pg.PlotCurveItem(
            few_x, few_y, pen=pg.mkPen(tone, width=2), antialias=True, connect="finite", name=name
        ))  # fmt: skip
        every = max(1, -(-len(few_x) // MOST_SYMBOLS))
        self.addItem(pg.ScatterPlotItem(
            few_x[::-every], few_y[::-every], symbol=SYMBOLS[place % len(SYMBOLS)], size=7,
            brush=tone, pen=pg.mkPen(theme.current().panel, width=1),
        ))  # fmt: skip

    def told_at(self, position: QPointF) -> str:
        """What each run has at the nearest epoch."""
        here = round(position.x())
        text = []
        for _, name, curves in self._shown:
            row = curves.row_of(here)
            if row is not None:
                known = series.lines(curves, self._of(curves))
                train, validation = known[TRAIN][row], known[VALIDATION][row]
                text.append(f"{name[:40]}: {validation:.3f} (train {train:.3f})")
        return "\n".join([f"epoch {here}", *text]) if text else ""
