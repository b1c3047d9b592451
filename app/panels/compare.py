"""Several runs on the same axes. Import it late: it loads pyqtgraph."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QLabel

from app import theme
from app.panels import series
from app.panels.cells import sized
from app.panels.curves import MOST_EPOCHS, thinned
from app.panels.series import TRAIN, VALIDATION, colour
from app.runcurves import Curves

MOST_SYMBOLS = 12
SYMBOLS = ("o", "d", "s", "t", "p", "star", "+", "x")  # runs differ by colour and by symbol


class Comparison(pg.PlotWidget):  # type: ignore[misc]
    """A colour a run: validation as a solid line with symbols, training thin."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Runs compared by epoch")
        self.setFrameShape(self.Shape.NoFrame)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMinimumSize(120, 80)
        self.getPlotItem().layout.setContentsMargins(0, 8, 10, 0)
        self.getViewBox().setDefaultPadding(0.02)
        self._shown: list[tuple[int, str, Curves]] = []
        self._quantity = "loss"
        self.values = QLabel(self)
        self.values.setTextFormat(Qt.TextFormat.PlainText)
        self.values.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.values.hide()
        self.scene().sigMouseMoved.connect(self._hover)
        theme.changed.connect(self._draw)
        self._draw()

    def sizeHint(self) -> QSize:
        """Small: it takes what room there is."""
        return QSize(240, 120)

    def show_runs(self, shown: list[tuple[int, str, Curves]], quantity: str) -> None:
        """Draw ``quantity`` ("loss" or "score") of runs: (place of the colour, name, curves)."""
        again = quantity != self._quantity or len(shown) != len(self._shown)
        self._shown, self._quantity = shown, quantity
        self._draw()
        if again:
            self.autoRange()

    def _of(self, curves: Curves) -> str:
        return curves.score if self._quantity == "score" else self._quantity

    def _draw(self) -> None:
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
        self.getAxis("left").setWidth(34)
        self.getAxis("bottom").setHeight(22)
        self.values.setStyleSheet(
            f"background: {look.raised}; color: {look.text}; border: 1px solid {look.border};"
            "border-radius: 4px; padding: 3px 6px;"
        )
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

    def _hover(self, position: QPointF) -> None:
        view = self.getViewBox()
        if not self._shown or not view.sceneBoundingRect().contains(position):
            self.values.hide()
            return
        here = round(view.mapSceneToView(position).x())
        text = [f"epoch {here}"]
        for _, name, curves in self._shown:
            row = curves.row_of(here)
            if row is not None:
                known = series.lines(curves, self._of(curves))
                train, validation = known[TRAIN][row], known[VALIDATION][row]
                text.append(f"{name[:40]}: {validation:.3f} (train {train:.3f})")
        self.values.setVisible(len(text) > 1)
        self.values.setText("\n".join(text))
        self.values.adjustSize()
        room = view.sceneBoundingRect().toRect()
        self.values.move(max(0, room.right() - self.values.width() - 4), room.top() + 4)
