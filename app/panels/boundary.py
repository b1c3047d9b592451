"""The decision boundary of two-feature data with its samples. Import it late: it loads
pyqtgraph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from app import theme
from app.panels.charts import Colouring, Floats, Points, group_colour

FINER = 4  # points drawn between two that were asked, so that the boundary is a line
FAINTEST, FULLEST = (
    0.10,
    0.45,
)  # how much of a class's colour stands where it is just, or surely, it


class Boundary(Points):
    """What the model says everywhere in the plane, under the validation samples; training samples
    are small and faint."""

    def __init__(self, say: Callable[[int], str]) -> None:
        self._plane: NDArray[Any] | None = None
        self._rect = QRectF()
        self._range: tuple[float, float] | None = None
        self._train: tuple[Floats, NDArray[np.intp]] = (np.zeros((0, 2)), np.zeros(0, np.intp))
        self._image: pg.ImageItem | None = None
        self._faint: list[pg.ScatterPlotItem] = []
        super().__init__("Decision boundary", say, 44)

    def show_plane(
        self, values: NDArray[Any], low: Floats, high: Floats,
        span: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        """``values`` [rows, columns, classes] are probabilities between the corners ``low`` and
        ``high`` [2]; of a number to predict the numbers, coloured within ``span``."""
        self._plane, self._range = values, span
        self._rect = QRectF(float(low[0]), float(low[1]), *(float(v) for v in high - low))

    def show_train(self, xy: Floats, groups: NDArray[Any]) -> None:
        """The training samples [samples, 2], each of one of the groups."""
        self._train = np.asarray(xy, dtype=float), np.asarray(groups, dtype=np.intp)

    def draw(self) -> None:
        """The plane, the training samples, and the others on top."""
        if self._image is None:
            self._image = pg.ImageItem(axisOrder="row-major")
            self._image.setZValue(-3)
            self.addItem(self._image)
        self._image.setVisible(self._plane is not None)
        if self._plane is not None:
            shown = picture(self._plane, self._colour, self._range)
            self._image.setImage(shown, levels=(0, 255))
            self._image.setRect(self._rect)
        while len(self._faint) < self._count:
            item = pg.ScatterPlotItem(antialias=True)
            item.setZValue(-1)
            self.addItem(item)
            self._faint.append(item)
        xy, groups = self._train
        for group, item in enumerate(self._faint):
            some = xy[groups == group] if group < self._count else xy[:0]
            colour = QColor(self._colour(group, self._count))
            colour.setAlphaF(0.55)
            item.setData(some[:, 0], some[:, 1], size=4, pen=None, brush=colour)
        super().draw()

    def fit(self) -> None:
        """The whole plane."""
        self._follows = True
        if self._plane is not None:
            self.setRange(self._rect, padding=0)
        else:
            self.autoRange()


def picture(
    values: NDArray[Any], colour: Colouring = group_colour,
    span: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:  # fmt: skip
    """Colours [rows, columns, 3] of a plane of probabilities [rows, columns, classes]: that of the
    likeliest class, fuller where it is surer; of numbers [rows, columns, 1], from one end of
    ``span`` to the other."""
    fine = finer(np.nan_to_num(np.asarray(values, dtype=float)))
    panel = _rgb(QColor(theme.current().panel))
    if span is not None:
        low, high = span
        share = np.clip((fine[..., 0] - low) / max(high - low, 1e-12), 0, 1)
        ends = [_rgb(colour(place, 2)) for place in (0, 1)]
        full = ends[0] + share[..., None] * (ends[1] - ends[0])
        sure: NDArray[Any] = np.full(share.shape, 0.5)
    else:
        classes = fine.shape[2]
        tones = np.array([_rgb(colour(place, classes)) for place in range(classes)])
        full = tones[fine.argmax(axis=2)]
        best = np.sort(fine, axis=2)[..., ::-1]
        sure = best[..., 0] - best[..., 1] if classes > 1 else best[..., 0]
    weight = (FAINTEST + (FULLEST - FAINTEST) * sure)[..., None]
    out: NDArray[np.uint8] = np.rint(weight * full + (1 - weight) * panel).astype(np.uint8)
    return out


def finer(values: NDArray[Any]) -> NDArray[Any]:
    """``values`` [rows, columns, …] with points between, bilinearly."""
    rows, columns = (_between(count) for count in values.shape[:2])
    out: NDArray[Any] = np.einsum("ar,rc...,bc->ab...", rows, values, columns, optimize=True)
    return out


def _between(count: int) -> NDArray[np.float64]:
    """Weights [finer, count] of the points that were asked."""
    at = np.linspace(0, count - 1, max(1, (count - 1) * FINER + 1))
    weights: NDArray[np.float64] = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(count)))
    return weights


def _rgb(colour: QColor) -> NDArray[np.float64]:
    return np.array([colour.red(), colour.green(), colour.blue()], dtype=float)
