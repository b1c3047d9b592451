"""A study as a table: scores, and the differences to the baseline painted with their intervals."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QStyledItemDelegate, QStyleOptionViewItem

from app import theme
from app.panels.tables import Index, PlainTable, Role, Rows
from app.studytally import Line, Tally

DATA, VARIANT, RUNS, SCORE, PLOT, DIFFERENCE, WEIGHTS = range(7)
COLUMNS = ("data", "variant", "runs", "test", "", "difference (95 %)", "weights")
ROOMY, WIDE = 620, 780  # px: narrower than these, columns are left out
DOT = 2.5  # px
LINE = 24  # px, a row's height


class StudyLines(Rows):
    """The tally's lines as rows."""

    def __init__(self) -> None:
        super().__init__(COLUMNS)
        self.tally: Tally | None = None

    def show(self, tally: Tally | None) -> None:
        """Show another study, or how far this one is."""
        same = tally is self.tally and tally is not None
        self.tally = tally
        self.put(list(tally.lines.values()) if tally else [], same)

    def data(self, index: Index, role: int = Role.DisplayRole) -> object:
        line: Line = self.rows[index.row()]
        if role == Role.ToolTipRole:
            return line.comparison.sentence if line.comparison is not None else line.about
        if role in (Role.DisplayRole, Role.AccessibleTextRole):
            return self._text(line, index.column())
        return None

    def headerData(self, section: int, way: Qt.Orientation, role: int = Role.DisplayRole) -> object:
        if way == Qt.Orientation.Horizontal and role == Role.DisplayRole and self.tally:
            first = next(iter(self.tally.lines.values()))
            if section == SCORE:
                return "test error (95 %)" if first.errors else "test accuracy (95 %)"
            if section == PLOT:
                reach = self.tally.reach
                unit = "" if first.errors else " points"
                return f"± {reach:.3g}{unit}"
        if section == PLOT and role == Role.ToolTipRole:
            return "A dot for each seed's difference; above them the mean with its 95 % interval"
        return super().headerData(section, way, role)

    def _text(self, line: Line, column: int) -> str:
        assert self.tally is not None
        if column == DIFFERENCE:
            if line.comparison is not None:
                return line.comparison.text
            return "" if line.baseline else "baseline"
        texts = {
            DATA: line.data,
            VARIANT: line.variant,
            RUNS: f"{len(line.results)} of {len(self.tally.study.seeds)}",
            SCORE: line.scored,
            WEIGHTS: line.weights,
        }
        return texts.get(column, "")


class _Intervals(QStyledItemDelegate):
    """Paints the differences of a row: a dot for each seed, and the interval of their mean."""

    def __init__(self, lines: StudyLines) -> None:
        super().__init__()
        self._lines = lines

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Room enough to see a sign."""
        return QSize(120, 20)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """The row's plot, on an axis that all rows share."""
        super().paint(painter, option, index)
        tally = self._lines.tally
        if tally is None:
            return
        line: Line = self._lines.rows[index.row()]
        room = QRectF(option.rect).adjusted(10, 3, -10, -3)
        look, reach = theme.current(), 1.05 * tally.reach

        def at(value: float) -> float:
            return room.center().x() + value / reach * room.width() / 2

        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(look.border), 1))
        middle = room.center()
        painter.drawLine(
            QPointF(middle.x(), room.top() - 3), QPointF(middle.x(), room.bottom() + 3)
        )
        painter.setPen(Qt.PenStyle.NoPen)
        faint = QColor(look.muted)
        faint.setAlphaF(0.55)
        painter.setBrush(faint)
        for value in tally.differences(line):
            painter.drawEllipse(QPointF(at(value), middle.y() + 5), DOT, DOT)
        found = line.comparison
        if found is not None and found.seeds and not math.isnan(found.difference):
            scale = 1.0 if found.errors else 100.0
            tone = {"better": look.right, "worse": look.wrong}.get(found.shown, look.text)
            high = middle.y() - 4
            painter.setPen(QPen(QColor(tone), 2))
            if not math.isnan(found.low):
                low, top = at(scale * found.low), at(scale * found.high)
                painter.drawLine(QPointF(low, high), QPointF(top, high))
                for end in (low, top):
                    painter.drawLine(QPointF(end, high - 3), QPointF(end, high + 3))
            painter.setBrush(QColor(tone))
            painter.drawEllipse(QPointF(at(scale * found.difference), high), 3.5, 3.5)
        painter.restore()


class StudyTable(PlainTable):
    """The table; in little room it shows what matters most."""

    def __init__(self) -> None:
        self.lines = StudyLines()
        super().__init__(self.lines, "What each variant reaches", PLOT)
        self._painter = _Intervals(self.lines)
        self.setItemDelegateForColumn(PLOT, self._painter)
        self.verticalHeader().setDefaultSectionSize(LINE)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.horizontalHeader().setMinimumSectionSize(40)
        self.horizontalHeader().setSectionResizeMode(VARIANT, QHeaderView.ResizeMode.Interactive)

    def show_tally(self, tally: Tally | None) -> None:
        """Show a study, or how far it is."""
        self.lines.show(tally)
        self._fit()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out columns where there is little room."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        tally = self.lines.tally
        count = len(tally.lines) if tally is not None else 0
        self.setFixedHeight(count * LINE + self.horizontalHeader().height() + 4)
        self.setColumnHidden(DATA, tally is None or not tally.several)
        self.setColumnHidden(WEIGHTS, self.width() < WIDE)
        self.setColumnHidden(DIFFERENCE, self.width() < ROOMY)
        if tally is not None:
            widest = max(
                self.fontMetrics().horizontalAdvance(line.variant) for line in tally.lines.values()
            )
            self.setColumnWidth(VARIANT, min(widest + 20, max(90, self.width() // 4)))
