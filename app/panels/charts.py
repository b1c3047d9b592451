"""Samples as points that tell who they are, and the colours of classes.

Import it late: it loads pyqtgraph.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from app import theme
from app.panels.chart import Chart
from app.panels.series import COLOURS, colour
from app.theme import blend

SYMBOLS = ("o", "d", "s", "t", "p", "star", "t1", "h")  # groups differ by colour and by symbol
MOST_POINTS = 4000  # drawn at once; of more, evenly some
NEAR = 10  # px from a point that is pointed at

Floats = NDArray[np.floating[Any]]
Colouring = Callable[[int, int], QColor]


def group_colour(place: int, groups: int) -> QColor:
    """A class's colour: the theme's own for a few, else evenly around the circle of hues."""
    if groups <= len(COLOURS):
        return colour(place)
    light = theme.current().name == "light"
    return QColor.fromHsvF((place / groups) % 1.0, 0.75 if light else 0.55, 0.75 if light else 0.95)


def ramp_colour(place: int, groups: int) -> QColor:
    """A number's colour, as one of so many groups from the smallest numbers to the largest."""
    look = theme.current()
    share = place / max(1, groups - 1)
    return blend(QColor(look.validation), QColor(look.train), share)


class Groups(QLabel):
    """Which colour is which class: a dot before each name, as many as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._shown: tuple[tuple[str, ...], tuple[int, ...]] = ((), ())
        theme.changed.connect(self._write)

    def show_groups(self, names: tuple[str, ...], places: Sequence[int] | None = None) -> None:
        """Those of ``names`` at ``places``, or all of them."""
        shown = (names, tuple(range(len(names)) if places is None else places))
        if shown != self._shown:
            self._shown = shown
            self._write()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many names as there is room for."""
        super().resizeEvent(event)
        self._write()

    def _write(self) -> None:
        names, places = self._shown
        metrics, room = self.fontMetrics(), self.width()
        muted = theme.current().muted
        parts: list[str] = []
        for done, place in enumerate(places):
            name = metrics.elidedText(names[place], Qt.TextElideMode.ElideMiddle, 96)
            wide = metrics.horizontalAdvance(f"● {name}  ")
            more = metrics.horizontalAdvance(f"+ {len(places)}") if done < len(places) - 1 else 0
            if wide + more > room:
                parts.append(f'<span style="color:{muted}">+ {len(places) - done}</span>')
                break
            room -= wide
            tone = group_colour(place, len(names)).name()
            parts.append(
                f'<span style="color:{tone}">●</span> '
                f'<span style="color:{muted}">{html.escape(name)}</span>'
            )
        self.setText("&nbsp; ".join(parts))
        self.setToolTip(", ".join(names[place] for place in places[:40]))


def evenly(count: int, most: int) -> NDArray[np.intp]:
    """At most ``most`` of ``count`` places, evenly spread."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.intp)


class Points(Chart):
    """Samples as points of a plane, a colour and a symbol a group; one can be pointed at, and
    clicked."""

    clicked = Signal(int)

    def __init__(self, name: str, say: Callable[[int], str], left: int = 38) -> None:
        self._xy = np.zeros((0, 2))
        self._groups, self._count = np.zeros(0, dtype=np.intp), 1
        self._ringed = np.zeros(0, dtype=bool)
        self._chosen = -1
        self._colour: Colouring = group_colour
        self._drawn = np.zeros(0, dtype=np.intp)
        self._say = say
        self._scatters: list[pg.ScatterPlotItem] = []
        self._here: pg.ScatterPlotItem | None = None
        super().__init__(name, left)
        self.scene().sigMouseClicked.connect(self._click)

    def show_points(
        self,
        xy: Floats,
        groups: NDArray[Any] | Sequence[int] | None = None,
        count: int = 1,
        ringed: NDArray[np.bool_] | None = None,
        colour: Colouring = group_colour,
    ) -> None:
        """Draw samples at ``xy`` [samples, 2], each of one of ``count`` groups; ``ringed`` ones
        stand out. ``colour`` gives the colour of a group, of so many."""
        self._colour = colour
        self._xy = np.asarray(xy, dtype=float)
        none = np.zeros(len(self._xy), dtype=np.intp)
        self._groups = none if groups is None else np.asarray(groups, dtype=np.intp)
        self._count = max(1, count)
        self._ringed = none.astype(bool) if ringed is None else ringed
        self._drawn = evenly(len(self._xy), MOST_POINTS)
        self.draw()
        self.refit()

    @property
    def points(self) -> Floats:
        """What is drawn, [samples, 2]."""
        return self._xy

    def choose(self, sample: int) -> None:
        """Mark a sample."""
        self._chosen = sample
        self._draw_chosen()

    def draw(self) -> None:
        """A scatter a group and ring; they are kept and given other data."""
        look = theme.current()
        keys = [(group, ring) for group in range(self._count) for ring in (False, True)]
        while len(self._scatters) < len(keys):
            item = pg.ScatterPlotItem(antialias=True)
            self.addItem(item)
            self._scatters.append(item)
        size = 8 if len(self._drawn) <= 400 else 6 if len(self._drawn) <= 1500 else 4
        groups, ringed = self._groups[self._drawn], self._ringed[self._drawn]
        for place, item in enumerate(self._scatters):
            if place >= len(keys):
                item.setData([], [])
                continue
            group, ring = keys[place]
            some = self._xy[self._drawn[(groups == group) & (ringed == ring)]]
            pen = pg.mkPen(look.wrong, width=1.6) if ring else pg.mkPen(look.panel, width=0.7)
            item.setZValue(1 if ring else 0)
            item.setData(
                some[:, 0], some[:, 1], symbol=SYMBOLS[group % len(SYMBOLS)],
                size=size + 2 if ring else size, brush=self._colour(group, self._count), pen=pen,
            )  # fmt: skip
        self._draw_chosen()

    def _draw_chosen(self) -> None:
        if self._here is None:
            self._here = pg.ScatterPlotItem(antialias=True)
            self._here.setZValue(2)
            self.addItem(self._here)
        there = 0 <= self._chosen < len(self._xy)
        some = self._xy[self._chosen : self._chosen + 1] if there else np.zeros((0, 2))
        look = theme.current()
        self._here.setData(
            some[:, 0], some[:, 1], symbol="o", size=16, brush=None,
            pen=pg.mkPen(look.text, width=2),
        )  # fmt: skip

    def sample_at(self, position: QPointF) -> int | None:
        """The sample drawn next to a point of the view."""
        if not len(self._drawn):
            return None
        wide, high = self.getViewBox().viewPixelSize()
        off = self._xy[self._drawn] - (position.x(), position.y())
        distance = np.hypot(off[:, 0] / wide, off[:, 1] / high)
        nearest = int(np.nanargmin(distance)) if np.isfinite(distance).any() else 0
        return int(self._drawn[nearest]) if distance[nearest] <= NEAR else None

    def told_at(self, position: QPointF) -> str:
        """What is to be said of the sample there."""
        sample = self.sample_at(position)
        return "" if sample is None else self._say(sample)

    def _click(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton or event.double():
            return
        sample = self.sample_at(self.getViewBox().mapSceneToView(event.scenePos()))
        if sample is not None:
            event.accept()
            self.clicked.emit(sample)


class Fitted(Points):
    """Predicted numbers against the true ones, with the line on which they would be equal."""

    def __init__(self, say: Callable[[int], str]) -> None:
        self._line: pg.PlotCurveItem | None = None
        super().__init__("Predicted against true values", say, 48)

    def draw(self) -> None:
        """The points, and the line below them."""
        if self._line is None:
            self._line = pg.PlotCurveItem(antialias=True)
            self._line.setZValue(-1)
            self.addItem(self._line)
        dash = Qt.PenStyle.DashLine
        self._line.setPen(pg.mkPen(theme.current().faint, width=1.5, style=dash))
        known = self._xy[np.isfinite(self._xy).all(axis=1)]
        ends = [float(known.min()), float(known.max())] if len(known) else []
        self._line.setData(ends, ends)
        super().draw()
