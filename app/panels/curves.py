"""One plot of a run: train and validation over the epochs. The only place that knows pyqtgraph.

Import it late: the library takes a third of a second, and the window paints before.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from app import theme
from app.panels.cells import sized
from app.runview import RunView

DASH = {"train": Qt.PenStyle.SolidLine, "val": Qt.PenStyle.DashLine}
SYMBOLS = {"train": "o", "val": "d"}
MOST_SYMBOLS = 16
MOST_STEPS = 240  # points of the faint line; more steps than that are averaged, zooming shows them
MOST_EPOCHS = 2000

Floats = NDArray[np.float64]


def thinned(x: Floats, y: Floats, start: int, most: int) -> tuple[Floats, Floats]:
    """At most about ``most`` points: the mean of each 2, 4, 8, … neighbours.

    ``start`` is the first one's number in the whole run: what is averaged depends on it alone, so
    that a growing line does not flicker.
    """
    each = 1
    while len(x) > each * most:
        each *= 2
    if each == 1:
        return x, y
    edges = np.arange(-start % each, len(x), each)
    if len(edges) == 0 or edges[0] != 0:
        edges = np.insert(edges, 0, 0)
    sizes = np.diff(np.append(edges, len(x)))
    return np.add.reduceat(x, edges) / sizes, np.add.reduceat(y, edges) / sizes


class _Left(pg.AxisItem):  # type: ignore[misc]
    """A vertical axis that also writes the labels at its very ends."""

    def __init__(self) -> None:
        super().__init__("left")

    def boundingRect(self) -> QRectF:
        """Half a label more than pyqtgraph allows for when there is a grid."""
        return QRectF(super().boundingRect()).adjusted(0, -10, 0, 10)


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """The curves ``quantity`` ("loss" or "accuracy") of a run.

    It shows everything until the user zooms or drags; a double click shows everything again.
    """

    def __init__(self, runview: RunView, quantity: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, axisItems={"left": _Left()})
        self._runview = runview
        self._quantity = quantity
        self._follow = True
        self.setAccessibleName(f"{quantity} by epoch")
        self.setFrameShape(self.Shape.NoFrame)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMinimumSize(120, 80)
        self.getPlotItem().layout.setContentsMargins(0, 8, 10, 0)
        view = self.getViewBox()
        view.setDefaultPadding(0)
        view.sigRangeChangedManually.connect(self._zoomed)
        view.sigXRangeChanged.connect(self._draw_steps)
        self._steps = pg.PlotCurveItem(skipFiniteCheck=True)
        self.addItem(self._steps)
        self._lines = {name: pg.PlotCurveItem(antialias=True) for name in ("train", "val")}
        self._points = {name: pg.ScatterPlotItem(antialias=True) for name in ("train", "val")}
        for name in ("train", "val"):
            self.addItem(self._lines[name])
            self.addItem(self._points[name])
        self.values = self._make_values()
        self.show_all = QPushButton("Show all", self)
        self.show_all.setToolTip("Show the whole run again (double click)")
        self.show_all.setCursor(Qt.CursorShape.ArrowCursor)
        self.show_all.clicked.connect(self.fit)
        self.show_all.hide()
        self.scene().sigMouseMoved.connect(self._hover)
        theme.changed.connect(self.restyle)
        self.restyle()

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

    # ---- drawing --------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Draw the run as it is now."""
        epochs = self._runview.epochs
        x = epochs["epoch"]
        for name, line in self._lines.items():
            y = epochs[f"{name}_{self._quantity}"]
            line.setData(*thinned(x, y, 0, MOST_EPOCHS))
            self._points[name].setData(*_some(x, y))
        if self._follow:
            self.fit()
        self._draw_steps()

    def fit(self) -> None:
        """Show everything, now and as it grows."""
        self._follow = True
        self.show_all.hide()
        run = self._runview
        last = max(run.total_epochs, run.epochs["epoch"][-1] if len(run.epochs) else 0, 1)
        top = 1.0 if self._quantity == "accuracy" else self._top_loss()
        self.setRange(xRange=(0, last * 1.02), yRange=(0, top * 1.04), padding=0)

    @property
    def follows(self) -> bool:
        """Whether it shows everything, rather than what the user zoomed to."""
        return self._follow

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
        colours = {"train": QColor(look.train), "val": QColor(look.validation)}
        faint = QColor(look.train)
        faint.setAlphaF(0.28)
        self._steps.setPen(pg.mkPen(faint, width=1))
        for name, colour in colours.items():
            self._lines[name].setPen(pg.mkPen(colour, width=2, style=DASH[name]))
            self._points[name].setSymbol(SYMBOLS[name])
            self._points[name].setSize(6 if name == "train" else 7)
            self._points[name].setBrush(colour)
            self._points[name].setPen(pg.mkPen(look.panel, width=1))

    def _top_loss(self) -> float:
        """The largest loss worth showing: single wild steps do not press the rest flat."""
        run = self._runview
        steps = run.steps["loss"]
        some = steps[:: 1 + len(steps) // 2000]
        tops = [run.epochs[name] for name in ("train_loss", "val_loss")]
        values = np.concatenate([*tops, [np.percentile(some, 98)] if len(some) else []])
        values = values[np.isfinite(values)]
        return max(float(values.max()), 1e-6) if len(values) else 1.0

    def _draw_steps(self) -> None:
        """The steps in view, thinned to what the screen can show."""
        x, y = self._runview.steps["x"], self._runview.steps[self._quantity]
        low, high = self.getViewBox().viewRange()[0]
        first, last = np.searchsorted(x, (low, high))
        part = slice(max(0, int(first) - 1), int(last) + 1)
        self._steps.setData(*thinned(x[part], y[part], part.start, MOST_STEPS))

    # ---- the pointer ----------------------------------------------------------------------------

    def _zoomed(self) -> None:
        self._follow = False
        self.show_all.adjustSize()
        self._place(self.show_all, at_top=self._quantity == "accuracy")
        self.show_all.show()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show everything again."""
        event.accept()
        self.fit()

    def _hover(self, position: QPointF) -> None:
        epochs = self._runview.epochs
        view = self.getViewBox()
        if not len(epochs) or not view.sceneBoundingRect().contains(position):
            self.values.hide()
            return
        here = view.mapSceneToView(position).x()
        row = int(np.abs(epochs["epoch"] - here).argmin())
        train = epochs[f"train_{self._quantity}"][row]
        validation = epochs[f"val_{self._quantity}"][row]
        number = int(epochs["epoch"][row])
        self.values.setText(f"epoch {number}\ntrain {train:.3f}\nvalidation {validation:.3f}")
        self.values.adjustSize()
        self._place(self.values, at_top=self._quantity == "loss")
        self.values.show()

    def _place(self, widget: QWidget, at_top: bool) -> None:
        """Into a right corner: losses fall away from the upper one, accuracies from the lower."""
        room = self.getViewBox().sceneBoundingRect().toRect()
        left = room.right() - widget.width() - 4
        top = room.top() + 4 if at_top else room.bottom() - widget.height() - 4
        widget.move(max(0, left), max(0, top))

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


_LABELS = (("train", "train"), ("val", "validation"))
SAMPLE = 20  # px: how long the legend's lines are


class Legend(QWidget):
    """Which line is which: "train" and "validation", each with its line and its symbol."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("train: solid line, round; validation: dashed line, diamond")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Room for both names."""
        metrics = QFontMetricsF(sized(self.font(), -2))
        words = sum(metrics.horizontalAdvance(label) for _, label in _LABELS)
        return QSize(int(words) + 2 * (SAMPLE + 4) + 12, int(metrics.height()) + 2)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        """A sample of each line before its name."""
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(sized(self.font(), -2))
        middle, x = self.height() / 2, 0.0
        for (name, label), colour in zip(_LABELS, (look.train, look.validation), strict=True):
            painter.setPen(pg.mkPen(colour, width=2, style=DASH[name]))
            painter.drawLine(QPointF(x, middle), QPointF(x + SAMPLE, middle))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            _draw_symbol(painter, name, QPointF(x + SAMPLE / 2, middle))
            painter.setPen(QColor(look.muted))
            x += SAMPLE + 4
            width = painter.fontMetrics().horizontalAdvance(label)
            box = QRectF(x, 0, width + 2, self.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, label)
            x += width + 8


def _draw_symbol(painter: QPainter, name: str, centre: QPointF) -> None:
    if name == "train":
        painter.drawEllipse(centre, 3, 3)
        return
    corners = [QPointF(0, -4), QPointF(4, 0), QPointF(0, 4), QPointF(-4, 0)]
    painter.drawPolygon([centre + corner for corner in corners])
