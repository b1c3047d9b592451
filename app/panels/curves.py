"""One plot of a run: train and validation over the epochs, with its steps and marks.

Import it late: pyqtgraph takes a third of a second, and the window paints before.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QResizeEvent
from PySide6.QtWidgets import QPushButton, QWidget

from app import theme
from app.panels import series
from app.panels.cells import sized
from app.panels.chart import Chart
from app.panels.legend import DASH, SYMBOLS, Legend
from app.panels.series import TRAIN, VALIDATION
from app.runcurves import Floats
from app.runview import RunView
from qdesigner.session.events import Mark

MOST_SYMBOLS = 16
MOST_STEPS = 240  # points of the faint line; more steps than that are averaged, zooming shows them
MOST_EPOCHS = 2000
MOST_LETTERS = 22  # of a mark's label
ROOM_OF_MARKS = 150  # px: in a lower plot, marks are told only where one points at them
NEAR = 8  # px from a mark that is pointed at
TINY = 1e-12  # what a logarithm takes for 0


def stride(count: int, most: int) -> int:
    """How many neighbours (1, 2, 4, 8, …) are averaged so that at most ``most`` points remain."""
    each = 1
    while count > each * most:
        each *= 2
    return each


def thinned(x: Floats, y: Floats, start: int, most: int) -> tuple[Floats, Floats]:
    """At most about ``most`` points: the mean of each 2, 4, 8, … neighbours.

    ``start`` is the first one's number in the whole run: what is averaged depends on it alone, so
    that a growing line does not flicker.
    """
    each = stride(len(x), most)
    if each == 1:
        return x, y
    edges = np.arange(-start % each, len(x), each)
    if len(edges) == 0 or edges[0] != 0:
        edges = np.insert(edges, 0, 0)
    sizes = np.diff(np.append(edges, len(x)))
    return np.add.reduceat(x, edges) / sizes, np.add.reduceat(y, edges) / sizes


def smoothed(y: Floats, decay: float) -> Floats:
    """The exponential moving average of ``y``, without the pull towards zero at its start."""
    out = np.empty(len(y))
    total = weight = 0.0
    for place, value in enumerate(y.tolist()):
        if np.isfinite(value):
            total, weight = decay * total + value, decay * weight + 1
        out[place] = total / weight if weight else value
    return out


class Plot(Chart):
    """The curves of a ``quantity`` (see `series`) of a run."""

    def __init__(self, runview: RunView, quantity: str, parent: QWidget | None = None) -> None:
        self._marks: list[pg.InfiniteLine] = []
        self._marked: list[Mark] = []
        self._runview = runview
        self.quantity = quantity
        self._log, self._decay = False, 0.0
        self._make_items()
        super().__init__(f"{quantity} by epoch", 34, 0, parent)
        for item in (
            self._steps, self._smooth, *self._lines.values(), *self._points.values(), self._here
        ):  # fmt: skip
            self.addItem(item)
        self.getViewBox().sigXRangeChanged.connect(self._draw_steps)
        self.show_all = QPushButton("Show all", self)
        self.show_all.setToolTip("Show the whole run again (double click)")
        self.show_all.setCursor(Qt.CursorShape.ArrowCursor)
        self.show_all.clicked.connect(self.fit)
        self.show_all.hide()

    def _make_items(self) -> None:
        self._steps = pg.PlotCurveItem(skipFiniteCheck=True)
        self._smooth = pg.PlotCurveItem(antialias=True)
        both = (TRAIN, VALIDATION)
        self._lines = {name: pg.PlotCurveItem(antialias=True, connect="finite") for name in both}
        self._points = {name: pg.ScatterPlotItem(antialias=True) for name in both}
        self._here = pg.InfiniteLine(angle=90)
        self._here.setZValue(-1)
        self._here.hide()

    # ---- how it is drawn ------------------------------------------------------------------------

    def show_quantity(self, quantity: str) -> None:
        """Draw another quantity."""
        self.quantity, self._marked = quantity, []
        self.setAccessibleName(f"{series.name(quantity)} by epoch")
        self.fit()
        self.refresh()

    def use_log(self, log: bool) -> None:
        """A logarithmic scale, or a plain one."""
        self._log = log
        self.getAxis("left").setLogMode(log)
        self.fit()
        self.refresh()

    def smooth(self, decay: float) -> None:
        """Draw the steps' moving average too, in which a step weighs ``decay`` (0 … 1) times what
        the next one weighs; 0 draws none."""
        self._decay = decay
        self._draw_steps()

    # ---- drawing --------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Draw the run as it is now."""
        curves = self._runview.curves
        x = curves.epochs["epoch"]
        known = series.lines(curves, self.quantity)
        for name, line in self._lines.items():
            y = known.get(name)
            some = (x, self._scaled(y)) if y is not None else (np.zeros(0), np.zeros(0))
            line.setData(*thinned(*some, 0, MOST_EPOCHS))
            self._points[name].setData(*_some(*some))
        self.refit()
        self._draw_steps()
        self._draw_marks()
        self.look_at(self._runview.at_epoch)

    def look_at(self, epoch: int | None) -> None:
        """A line stands at the epoch that is looked at."""
        self._here.setVisible(epoch is not None)
        if epoch is not None:
            self._here.setValue(epoch)

    def fit(self) -> None:
        """Show everything, now and as it grows."""
        self._follows = True
        self.show_all.hide()
        run = self._runview
        last = max(run.total_epochs, run.epochs["epoch"][-1] if len(run.epochs) else 0, 1)
        self.setRange(xRange=(0, last * 1.02), yRange=self._whole(), padding=0)

    def _scaled(self, y: Floats) -> Floats:
        return np.log10(np.maximum(y, TINY)) if self._log else y

    def _whole(self) -> tuple[float, float]:
        """From where to where all values lie; single wild steps do not press the rest flat."""
        if self.quantity in series.SHARES:
            return (0.0, 1.04)
        curves = self._runview.curves
        steps = series.steps(curves, self.quantity)
        values = list(series.lines(curves, self.quantity).values())
        if steps is not None and len(steps):
            some = steps[:: 1 + len(steps) // 2000]
            some = some[np.isfinite(some)]
            values.append(np.percentile(some, (2, 98) if self._log else 98) if len(some) else some)
        all_values = np.concatenate([np.atleast_1d(v) for v in values]) if values else np.zeros(0)
        all_values = all_values[np.isfinite(all_values)]
        if not len(all_values):
            return (0.0, 1.04)
        if not self._log:
            return (0.0, 1.04 * max(float(all_values.max()), 1e-6))
        low, high = np.log10(np.maximum((all_values.min(), all_values.max()), TINY))
        room = max(0.05, 0.04 * (high - low))
        return (float(low - room), float(high + room))

    def _draw_steps(self) -> None:
        """The steps in view, thinned to what the screen can show."""
        curves = self._runview.curves
        x, y = curves.steps["x"], series.steps(curves, self.quantity)
        if y is None:
            self._steps.setData([], [])
            self._smooth.setData([], [])
            return
        low, high = self.getViewBox().viewRange()[0]
        first, last = np.searchsorted(x, (low, high))
        part = slice(max(0, int(first) - 1), int(last) + 1)
        few_x, few_y = thinned(x[part], y[part], part.start, MOST_STEPS)
        self._steps.setData(few_x, self._scaled(few_y))
        if not self._decay:
            self._smooth.setData([], [])
            return
        # The average of what is in view begins before it; points that stand for several steps
        # pass on as much as these together.
        before = max(0, part.start - round(5 / (1 - self._decay)))
        each = stride(part.stop - before, 2 * MOST_STEPS)
        few_x, few_y = thinned(x[before : part.stop], y[before : part.stop], before, 2 * MOST_STEPS)
        self._smooth.setData(few_x, self._scaled(smoothed(few_y, self._decay**each)))

    def _draw_marks(self) -> None:
        marks = self._runview.marks
        if marks == self._marked:
            return
        for line in self._marks:
            self.removeItem(line)
        self._marked = list(marks)
        self._marks = [self._mark(mark) for mark in marks]

    def _mark(self, mark: Mark) -> pg.InfiniteLine:
        text = mark.text
        if len(text) > MOST_LETTERS:
            text = text[: MOST_LETTERS - 1] + "…"
        # Where the curves leave room: losses fall away from the top, accuracies from the bottom.
        low = self.quantity in series.SHARES
        place, anchor = (0.02, (0, 0)) if low else (0.98, (1, 0))
        options = {"position": place, "rotateAxis": (1, 0), "anchors": [anchor, anchor],
                   "color": theme.current().muted}  # fmt: skip
        line = pg.InfiniteLine(mark.at, angle=90, label=text, labelOpts=options)
        line.setPen(pg.mkPen(theme.current().faint, width=1, style=Qt.PenStyle.DotLine))
        line.label.setFont(sized(QFont(self.font()), -3))
        line.label.setVisible(self.height() >= ROOM_OF_MARKS)
        line.setZValue(-2)
        self.addItem(line)
        return line

    def draw(self) -> None:
        """Take up the theme's colours; what is drawn stays."""
        look = theme.current()
        colours = {TRAIN: QColor(look.train), VALIDATION: QColor(look.validation)}
        for item, share in ((self._steps, 0.28), (self._smooth, 0.7)):
            faint = QColor(look.train)
            faint.setAlphaF(share)
            item.setPen(pg.mkPen(faint, width=1))
        self._here.setPen(pg.mkPen(QColor(look.accent), width=1.5))
        for name, colour in colours.items():
            self._lines[name].setPen(pg.mkPen(colour, width=2, style=DASH[name]))
            self._points[name].setSymbol(SYMBOLS[name])
            self._points[name].setSize(6 if name == TRAIN else 7)
            self._points[name].setBrush(colour)
            self._points[name].setPen(pg.mkPen(look.panel, width=1))
        self._marked = []
        self._draw_marks()

    # ---- the pointer ----------------------------------------------------------------------------

    def _zoomed(self) -> None:
        super()._zoomed()
        self.show_all.adjustSize()
        self._place(self.show_all, at_top=self.quantity in series.SHARES)
        self.show_all.show()

    def told_at(self, position: QPointF) -> str:
        """The values of the nearest epoch, and what happened there."""
        curves = self._runview.curves
        if not len(curves.epochs):
            return ""
        row = int(np.abs(curves.epochs["epoch"] - position.x()).argmin())
        text = series.values_at(curves, self.quantity, row)
        reach = NEAR * self.getViewBox().viewPixelSize()[0]
        near = [mark.text for mark in self._marked if abs(mark.at - position.x()) <= reach]
        return "\n".join([*text, *near])

    def place_values(self, position: QPointF) -> None:
        """Where the curves leave room."""
        self._place(self.values, at_top=self.quantity not in series.SHARES)

    def _place(self, widget: QWidget, at_top: bool) -> None:
        """Into a right corner: losses fall away from the upper one, accuracies from the lower."""
        room = self.getViewBox().sceneBoundingRect().toRect()
        left = room.right() - widget.width() - 4
        top = room.top() + 4 if at_top else room.bottom() - widget.height() - 4
        widget.move(max(0, left), max(0, top))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """What stands in the upper right corner stays there."""
        super().resizeEvent(event)
        for legend in self.findChildren(Legend):
            legend.resize(legend.sizeHint())
            legend.move(self.width() - legend.width() - 8, 10)
        for line in self._marks:
            line.label.setVisible(self.height() >= ROOM_OF_MARKS)


def _some(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A few points to mark with symbols, the last one among them."""
    if len(x) <= MOST_SYMBOLS:
        return x, y
    every = -(-len(x) // MOST_SYMBOLS)
    return x[::-every], y[::-every]
