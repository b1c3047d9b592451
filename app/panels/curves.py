"""One plot of a run: train and validation over the epochs, with its steps and marks.

Import it late: pyqtgraph takes a third of a second, and the window paints before.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from app import theme
from app.panels import series
from app.panels.cells import sized
from app.panels.legend import DASH, SYMBOLS, Legend
from app.panels.series import TRAIN, VALIDATION
from app.runcurves import Floats
from app.runview import RunView
from qdesigner.session.events import Mark

MOST_SYMBOLS = 16
MOST_STEPS = 240  # points of the faint line; more steps than that are averaged, zooming shows them
MOST_EPOCHS = 2000
MOST_LETTERS = 22  # of a mark's label
ROOM_OF_TICK = 18  # px
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


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """The curves of a ``quantity`` (see `series`) of a run.

    It shows everything until the user zooms or drags; a double click shows everything again.
    """

    def __init__(self, runview: RunView, quantity: str, parent: QWidget | None = None) -> None:
        self._marks: list[pg.InfiniteLine] = []
        super().__init__(parent, axisItems={"left": Left()})
        self._runview = runview
        self.quantity = quantity
        self._follow, self._log, self._decay = True, False, 0.0
        self.setAccessibleName(f"{quantity} by epoch")
        self.setFrameShape(self.Shape.NoFrame)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMinimumSize(120, 60)
        self.getPlotItem().layout.setContentsMargins(0, 8, 10, 0)
        view = self.getViewBox()
        view.setDefaultPadding(0)
        view.sigRangeChangedManually.connect(self._zoomed)
        view.sigXRangeChanged.connect(self._draw_steps)
        self._add_items()
        self.values = self._make_values()
        self.show_all = QPushButton("Show all", self)
        self.show_all.setToolTip("Show the whole run again (double click)")
        self.show_all.setCursor(Qt.CursorShape.ArrowCursor)
        self.show_all.clicked.connect(self.fit)
        self.show_all.hide()
        self.scene().sigMouseMoved.connect(self._hover)
        theme.changed.connect(self.restyle)
        self.restyle()

    def _add_items(self) -> None:
        self._steps = pg.PlotCurveItem(skipFiniteCheck=True)
        self._smooth = pg.PlotCurveItem(antialias=True)
        self.addItem(self._steps)
        self.addItem(self._smooth)
        both = (TRAIN, VALIDATION)
        self._lines = {name: pg.PlotCurveItem(antialias=True, connect="finite") for name in both}
        self._points = {name: pg.ScatterPlotItem(antialias=True) for name in both}
        for name in both:
            self.addItem(self._lines[name])
            self.addItem(self._points[name])
        self._here = pg.InfiniteLine(angle=90)
        self._here.setZValue(-1)
        self._here.hide()
        self.addItem(self._here)
        self._marked: list[Mark] = []

    def sizeHint(self) -> QSize:
        """Small: a plot takes what room there is, and none from others."""
        return QSize(160, 120)

    def _make_values(self) -> QLabel:
        """The label that tells the values of the nearest epoch."""
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        label.hide()
        return label

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
        if self._follow:
            self.fit()
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
        self._follow = True
        self.show_all.hide()
        run = self._runview
        last = max(run.total_epochs, run.epochs["epoch"][-1] if len(run.epochs) else 0, 1)
        self.setRange(xRange=(0, last * 1.02), yRange=self._whole(), padding=0)

    @property
    def follows(self) -> bool:
        """Whether it shows everything, rather than what the user zoomed to."""
        return self._follow

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

    def restyle(self) -> None:
        """Take up the theme's colours."""
        look = theme.current()
        self.setBackground(look.panel)
        self.values.setStyleSheet(
            f"background: {look.raised}; color: {look.text}; border: 1px solid {look.border};"
            "border-radius: 4px; padding: 3px 6px;"
        )
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
        self._follow = False
        self.show_all.adjustSize()
        self._place(self.show_all, at_top=self.quantity in series.SHARES)
        self.show_all.show()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show everything again."""
        event.accept()
        self.fit()

    def _hover(self, position: QPointF) -> None:
        curves = self._runview.curves
        view = self.getViewBox()
        if not len(curves.epochs) or not view.sceneBoundingRect().contains(position):
            self.values.hide()
            return
        here = view.mapSceneToView(position).x()
        row = int(np.abs(curves.epochs["epoch"] - here).argmin())
        text = series.values_at(curves, self.quantity, row)
        reach = NEAR * view.viewPixelSize()[0]
        text += [mark.text for mark in self._marked if abs(mark.at - here) <= reach]
        self.values.setText("\n".join(text))
        self.values.adjustSize()
        self._place(self.values, at_top=self.quantity not in series.SHARES)
        self.values.raise_()
        self.values.show()

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

    def leaveEvent(self, event: QEvent) -> None:
        """The pointer is gone."""
        super().leaveEvent(event)
        self.values.hide()


def _some(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A few points to mark with symbols, the last one among them."""
    if len(x) <= MOST_SYMBOLS:
        return x, y
    every = -(-len(x) // MOST_SYMBOLS)
    return x[::-every], y[::-every]
