"""The plot of a rehearsal: score against shots, with exact and each machine as lines across.

Import it late: pyqtgraph takes a third of a second, and the window paints before.
"""

from __future__ import annotations

import html
import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QSizePolicy

from app import theme
from app.panels.chart import Chart
from qdesigner.session.rehearsal import Measured, Rehearsal
from qdesigner.session.rehearsal_words import interval_words, percent, score_words, shots_words

# Machines differ by colour, by dash and by the sign before their name.
COLOURS = ("validation", "template", "classical", "warning", "right", "wrong")
DASHES = (Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
SIGNS = ("╍", "┉", "╸·")
NEAR = 12  # px from a line that is pointed at
LOWEST, ROOM = 0.02, 0.12  # the least height of the plot, and its margins as a share of it


def machine_colour(place: int) -> QColor:
    """That of the machine in this place."""
    return QColor(getattr(theme.current(), COLOURS[place % len(COLOURS)]))


class Key(QLabel):
    """Which line is which, as many lines as it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._found: Rehearsal | None = None
        theme.changed.connect(self._write)

    def show_rows(self, found: Rehearsal | None) -> None:
        """The lines of other rows."""
        self._found = found
        self._write()

    def _write(self) -> None:
        look, found = theme.current(), self._found
        parts: list[tuple[str, str, str]] = []
        if found is not None:
            if found.exact is not None:
                parts.append(("━", look.text, "exact"))
            if found.with_shots:
                parts.append(("●", look.accent, "with\N{NO-BREAK SPACE}shots"))
            parts += [
                (SIGNS[place % len(SIGNS)], machine_colour(place).name(), row.device)
                for place, row in enumerate(found.machines)
            ]
        score = "error" if found is not None and found.begun.errors else "accuracy, %"
        what = f'<span style="color:{look.muted}">{score}:</span> ' if parts else ""
        self.setText(what + "&nbsp;&nbsp; ".join(
            f'<span style="color:{colour}">{sign}</span>&nbsp;'
            f'<span style="color:{look.muted}">{html.escape(name)}</span>'
            for sign, colour, name in parts
        ))  # fmt: skip


class RehearsalPlot(Chart):
    """Scores with their intervals against the logarithm of the shots."""

    def __init__(self) -> None:
        self._found: Rehearsal | None = None
        super().__init__("Score against shots", 44)
        # An axis paints its grid over the plot, and would hide a score that lies on a line of it.
        self.getAxis("left").setZValue(-1)
        self.getViewBox().setMouseEnabled(True, True)

    def show_rows(self, found: Rehearsal | None) -> None:
        """Draw other rows."""
        self._found = found
        self.draw()
        self.refit()

    def draw(self) -> None:
        """Everything anew: there are few points."""
        self.clear()
        found = self._found
        if found is None:
            return
        look = theme.current()
        for place, row in enumerate(found.machines):
            self._draw_machine(place, row)
        if found.exact is not None:
            pen = pg.mkPen(look.text, width=1.4)
            self.addItem(pg.InfiniteLine(self._scaled(found.exact.score), 0, pen))
        rows = found.with_shots
        if rows:
            self._draw_shots(rows)
        ticks = [(math.log10(row.shots), _short(row.shots)) for row in rows]
        self.getAxis("bottom").setTicks([ticks])

    def _draw_machine(self, place: int, row: Measured) -> None:
        tone = machine_colour(place)
        faint = QColor(tone)
        faint.setAlphaF(0.12)
        ends = (self._scaled(row.low), self._scaled(row.high))
        band = pg.LinearRegionItem(
            ends, orientation="horizontal", movable=False, brush=faint,
            pen=pg.mkPen(QColor(0, 0, 0, 0)),
        )  # fmt: skip
        band.setZValue(-2)
        self.addItem(band)
        dash = DASHES[place % len(DASHES)]
        line = pg.InfiniteLine(self._scaled(row.score), 0, pg.mkPen(tone, width=2, style=dash))
        line.setZValue(1)
        self.addItem(line)

    def _draw_shots(self, rows: tuple[Measured, ...]) -> None:
        look = theme.current()
        x = np.log10([row.shots for row in rows])
        y = np.array([self._scaled(row.score) for row in rows])
        above = np.array([self._scaled(row.high) for row in rows]) - y
        below = y - np.array([self._scaled(row.low) for row in rows])
        bars = pg.ErrorBarItem(
            x=x, y=y, top=above, bottom=below, beam=0.04, pen=pg.mkPen(look.accent, width=1.4)
        )
        bars.setZValue(2)
        self.addItem(bars)
        line = pg.PlotDataItem(
            x, y, pen=pg.mkPen(look.accent, width=2), symbol="o", symbolSize=7,
            symbolBrush=QColor(look.accent), symbolPen=pg.mkPen(look.panel, width=1),
            antialias=True,
        )  # fmt: skip
        line.setZValue(3)
        self.addItem(line)

    def fit(self) -> None:
        """All rows with their intervals; the exact one's is about other samples, and left out."""
        self._follows = True
        found = self._found
        if found is None or not found.rows:
            return
        ends = [self._scaled(end) for r in found.rows if r is not found.exact
                for end in (r.low, r.high, r.score)]  # fmt: skip
        if found.exact is not None:
            ends.append(self._scaled(found.exact.score))
        low, high = min(ends), max(ends)
        least = LOWEST * (100.0 if not found.begun.errors else max(high, 1e-9))
        if high - low < least:
            low, high = (low + high - least) / 2, (low + high + least) / 2
        room = ROOM * (high - low)
        x = [math.log10(row.shots) for row in found.with_shots] or [0.0, 1.0]
        wide = max(0.15, 0.06 * (max(x) - min(x)))
        self.setRange(
            xRange=(min(x) - wide, max(x) + wide), yRange=(low - room, high + room), padding=0
        )

    def _scaled(self, score: float) -> float:
        errors = self._found is not None and self._found.begun.errors
        return score if errors else 100 * score

    def told_at(self, position: QPointF) -> str:
        """The row whose point or line is nearest."""
        found = self._found
        if found is None:
            return ""
        wide, high = self.getViewBox().viewPixelSize()
        nearest: tuple[float, Measured] | None = None
        for row in found.rows:
            off = abs(self._scaled(row.score) - position.y()) / high
            if row.shots and not row.snapshot:
                off = math.hypot(off, (math.log10(row.shots) - position.x()) / wide) - 4
            if off <= NEAR and (nearest is None or off < nearest[0]):
                nearest = (off, row)
        return "" if nearest is None else told(nearest[1], found.begun.errors)


def told(row: Measured, errors: bool) -> str:
    """A row in a few lines."""
    shots = shots_words(row)
    about = "other shots" if row.scatter == "shots" else "other samples"
    lines = [
        f"{row.device}, {shots if shots == 'exact' else f'{shots} shots'}",
        f"{score_words(row.score, errors)} ({interval_words(row, errors)} for {about})",
    ]
    if row.changed is not None and (row.shots or row.snapshot):
        lines.append(f"{percent(row.changed)} of the answers change")
    if row.depth is not None:
        lines.append(f"depth {row.depth:,}, {row.two_qubit:,} two-qubit gates")
    return "\n".join(lines)


def _short(shots: int) -> str:
    """A number of shots as a tick: 316, 3.2k, 10k."""
    if shots < 1000:
        return str(shots)
    number, unit = (shots / 1e6, "M") if shots >= 1_000_000 else (shots / 1e3, "k")
    return f"{number:.2g}{unit}" if number < 10 else f"{number:.0f}{unit}"
