"""The Bench tab: a batch's time on every device that is installed, as a table with bars."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QStackedLayout,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.comparisons import Comparison
from app.document import Document
from app.panels.cells import Caption, sized
from app.panels.header import clock
from qdesigner.catalog.devices import DEVICES
from qdesigner.session.comparison import Compare, Measuring, Row, duration, to_csv

TUTORIAL, OWN = "The tutorial's model", "This project's circuit"
HINT = (
    "Press Compare to time a batch, forward and backward, on every device that is installed here. "
    "It takes about half a minute."
)
ROW = 22  # px
BAR = 6  # px high
SECONDS = 0.3  # for each row
Index = QModelIndex | QPersistentModelIndex


def column_name(depth: int, batch: int) -> str:
    """What a column of times is headed with; depth 0 is a circuit of the user's own."""
    return f"{depth} layers" if depth else f"batch of {batch}"


def row_name(row: Row) -> str:
    """The device's label, with its shots."""
    kind = DEVICES.get(row.engine)
    label = kind.label if kind is not None else row.engine
    return f"{label}, {row.shots} shots" if row.shots else label


class Results:
    """The rows by device, in the order they came, with a column for each depth."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.devices: dict[str, dict[int, Row]] = {}
        self.depths: list[int] = []

    def add(self, row: Row) -> None:
        """One more row."""
        self.rows.append(row)
        self.devices.setdefault(row_name(row), {})[row.depth] = row
        if row.depth not in self.depths:
            self.depths.append(row.depth)

    @property
    def decades(self) -> tuple[int, int]:
        """The powers of ten around all times, as exponents of seconds."""
        times = [row.seconds for row in self.rows if row.seconds]
        if not times:
            return -4, -1
        low = math.floor(math.log10(min(times)) - 0.15)  # so that the shortest bar shows
        return low, max(low + 1, math.ceil(math.log10(max(times))))

    def share(self, seconds: float) -> float:
        """Where a time lies between the decades, 0 to 1, on a logarithmic scale."""
        low, high = self.decades
        return (math.log10(seconds) - low) / (high - low)


class BenchPanel(QWidget):
    """What to compare, its progress, and the table."""

    def __init__(
        self,
        document: Document,
        comparison: Comparison,
        training: Callable[[], bool],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._comparison = comparison
        self._training = training
        self._begun, self._cancelled = 0.0, False
        self.results = Results()
        self.which = QComboBox()
        self.which.addItems([TUTORIAL, OWN])
        self.which.setItemData(0, "4 qubits, 2 and 6 layers, batch 4", Qt.ItemDataRole.ToolTipRole)
        self.which.setAccessibleName("What to run on each device")
        self.go = QPushButton("Compare")
        self.go.setProperty("kind", "primary")
        self.said = Caption()
        self.failed = Caption(colour="wrong")
        self.failed.setWordWrap(True)
        self.bar = QProgressBar(textVisible=False)
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Copy the table, as CSV")
        self.save = QPushButton("Save…")
        self.save.setToolTip("Save the table as a CSV file")
        self.table = _Table(self.results)
        self.hint = Caption(HINT)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self._lay_out()
        for button in (self.go, self.copy, self.save):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # after a click, Space trains
        self.go.clicked.connect(self._start_or_cancel)
        self.copy.clicked.connect(
            lambda: QGuiApplication.clipboard().setText(to_csv(self.results.rows))
        )
        self.save.clicked.connect(self._choose_file)
        comparison.measured.connect(self._take)
        comparison.measuring.connect(self._show_progress)
        comparison.ended.connect(self._ended)
        document.changed.connect(lambda _design: self._offer())
        self._offer()
        self.failed.hide()
        self._refresh("")

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.which)
        top.addWidget(self.go)
        top.addWidget(self.bar)
        top.addWidget(self.said, 1)
        top.addWidget(self.copy)
        top.addWidget(self.save)
        self.bar.setFixedWidth(120)
        self.said.setMinimumWidth(40)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.hint)
        self._stack.addWidget(self.table)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.setSpacing(8)
        box.addLayout(top)
        box.addWidget(self.failed)
        box.addLayout(self._stack, 1)

    # ---- starting and ending --------------------------------------------------------------------

    def wanted(self) -> Compare:
        """What the choice asks to be measured."""
        stage = self._document.circuit_stage()
        if self.which.currentText() == OWN and stage is not None:
            batch = self._document.design.training.batch_size
            return Compare(("device",), SECONDS, stage.circuit, batch)
        return Compare(("device",), SECONDS)

    def start(self) -> None:
        """Measure anew."""
        self.results = Results()
        self.table.show_results(self.results)
        self._begun, self._cancelled = time.monotonic(), False
        self.failed.hide()
        self._comparison.start(self.wanted())
        self.bar.setRange(0, 0)
        self._refresh("Starting …")

    def _start_or_cancel(self) -> None:
        if self._comparison.running:
            self._cancelled = True
            self._comparison.cancel()
        else:
            self.start()

    def _offer(self) -> None:
        """The project's own circuit can be chosen only while there is one."""
        there = self._document.circuit_stage() is not None
        self.which.model().item(1).setEnabled(there)
        if not there:
            self.which.setCurrentIndex(0)

    # ---- what comes -----------------------------------------------------------------------------

    def _take(self, row: Row) -> None:
        self.results.add(row)
        self.table.show_results(self.results)
        self._refresh(self.said.text())

    def _show_progress(self, next_is: Measuring) -> None:
        self.bar.setRange(0, next_is.total)
        self.bar.setValue(next_is.done)
        kind = DEVICES.get(next_is.engine)
        name = kind.label if kind is not None else next_is.engine
        text = f"{name} · {next_is.done + 1} of {next_is.total}"
        left = self._seconds_left(next_is)
        self._refresh(f"{text} · {clock(left)} left" if left else text)

    def _seconds_left(self, next_is: Measuring) -> float:
        gone = time.monotonic() - self._begun
        return gone / next_is.done * (next_is.total - next_is.done) if next_is.done > 2 else 0.0

    def _ended(self, why: str) -> None:
        timed = sum(row.seconds is not None for row in self.results.rows)
        text = f"{timed} time{'s'[: timed != 1]} in {time.monotonic() - self._begun:.0f} s"
        cancelled = f"{why} {text} so far" if timed else why
        self._refresh(cancelled if self._cancelled else text)
        self.failed.setText("" if self._cancelled else why)
        self.failed.setVisible(bool(self.failed.text()))

    def _refresh(self, text: str) -> None:
        running, some = self._comparison.running, bool(self.results.rows)
        self.go.setText("Cancel" if running else "Compare")
        self.bar.setVisible(running)
        self.which.setEnabled(not running)
        self.copy.setEnabled(some)
        self.save.setEnabled(some)
        if running and self._training() and "training" not in text:
            text += " · slower while training"
        self.said.setText(text)
        self.said.setToolTip(text)
        self._stack.setCurrentWidget(self.table if some else self.hint)

    # ---- the file -------------------------------------------------------------------------------

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save the table", "devices.csv", "CSV (*.csv)")
        if name:
            self.write(Path(name))

    def write(self, path: Path) -> None:
        """Write the table as CSV; what the system refuses is said."""
        try:
            path.write_text(to_csv(self.results.rows), encoding="utf-8")
        except OSError as error:
            self.failed.setText(f"{path.name} could not be written: {error.strerror}.")
            self.failed.show()
        else:
            self._refresh(f"Wrote {path.name}.")


# ---- the table ----------------------------------------------------------------------------------


class _Table(QTableWidget):
    """Device, a time for each depth, the ratio, and bars on a logarithmic scale."""

    def __init__(self, results: Results) -> None:
        super().__init__()
        self.results = results
        self.setAccessibleName("Batch time by device")
        self.setShowGrid(False)
        self.setFrameShape(self.Shape.NoFrame)
        self.setEditTriggers(self.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(self.SelectionBehavior.SelectRows)
        self.setSelectionMode(self.SelectionMode.NoSelection)
        self.setVerticalScrollMode(self.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.setHorizontalHeader(_Axis(self))
        self.setItemDelegate(_Cell(self))
        theme.changed.connect(self._restyle)
        self._restyle()

    @property
    def plot(self) -> int:
        """The column of the bars."""
        return len(self.results.depths) + 2

    def colours(self) -> list[QColor]:
        """One for each depth, the deepest strongest."""
        look = theme.current()
        accent, panel = QColor(look.accent), QColor(look.panel)
        count = len(self.results.depths)
        return [theme.blend(accent, panel, 0.45 ** (count - 1 - i)) for i in range(count)]

    def show_results(self, results: Results) -> None:
        """Fill in everything anew: it is a few rows."""
        self.results = results
        self.setColumnCount(self.plot + 1)
        self.setRowCount(len(results.devices))
        names = [column_name(depth, results.rows[0].batch) for depth in results.depths]
        self.setHorizontalHeaderLabels(["device", *names, "× built-in", ""])
        for place, (name, rows) in enumerate(results.devices.items()):
            self._fill(place, name, rows)
        self._size()

    def _fill(self, place: int, name: str, rows: dict[int, Row]) -> None:
        last = rows[max(rows)]
        why = "\n".join(dict.fromkeys(row.skipped for row in rows.values() if row.skipped))
        timed = any(row.seconds is not None for row in rows.values())
        texts = [
            name, *(_time(rows.get(depth)) for depth in self.results.depths), last.compared, "",
        ]  # fmt: skip
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            right = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            item.setTextAlignment(right | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(why)
            if not timed:
                item.setForeground(QColor(theme.current().muted))
            self.setItem(place, column, item)
        item.setData(Qt.ItemDataRole.UserRole, (rows, "" if timed else why))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, why)

    def _size(self) -> None:
        header = self.horizontalHeader()
        mode = QHeaderView.ResizeMode
        for column in range(self.plot):
            header.setSectionResizeMode(column, mode.ResizeToContents)
        header.setSectionResizeMode(self.plot, mode.Stretch)

    def _restyle(self) -> None:
        look = theme.current()
        self.setStyleSheet(
            f"QTableWidget {{ background: transparent; color: {look.text}; border: none; }}"
            "QTableWidget::item { padding: 0 4px; }"
            f"QHeaderView {{ background: transparent; }}"
            f"QToolTip {{ background: {look.panel}; color: {look.text}; }}"
        )
        if self.results.devices:
            self.show_results(self.results)
        self.viewport().update()


def _time(row: Row | None) -> str:
    if row is None:
        return ""
    return "–" if row.seconds is None else row.measured


class _Axis(QHeaderView):
    """Headings; above the bars the decades, and before a depth the colour of its bars."""

    def __init__(self, table: _Table) -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self._table = table
        self.setSectionsClickable(False)
        self.setHighlightSections(False)

    def sectionSizeFromContents(self, section: int) -> QSize:
        """Room for the text and the colour."""
        text = str(self.model().headerData(section, Qt.Orientation.Horizontal) or "")
        metrics = self.fontMetrics()
        colour = 16 if 0 < section <= len(self._table.results.depths) else 0
        return QSize(metrics.horizontalAdvance(text) + colour + 12, metrics.height() + 8)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        """One heading, or the axis."""
        look = theme.current()
        painter.save()
        painter.setFont(sized(self.font(), -1))
        painter.setPen(QColor(look.muted))
        if section == self._table.plot:
            self._paint_decades(painter, rect)
        else:
            text = str(self.model().headerData(section, Qt.Orientation.Horizontal) or "")
            inside = rect.adjusted(6, 0, -6, 0)
            side = Qt.AlignmentFlag.AlignRight if section else Qt.AlignmentFlag.AlignLeft
            painter.drawText(inside, side | Qt.AlignmentFlag.AlignVCenter, text)
            if 0 < section <= len(self._table.results.depths):
                width = painter.fontMetrics().horizontalAdvance(text)
                top = rect.center().y() - 3
                colour = self._table.colours()[section - 1]
                painter.fillRect(QRect(inside.right() - width - 13, top, 8, 8), colour)
        painter.restore()

    def _paint_decades(self, painter: QPainter, rect: QRect) -> None:
        low, high = self._table.results.decades
        lines = decade_lines(rect, low, high)
        room = painter.fontMetrics().horizontalAdvance("100 ms") + 10
        each = max(1, math.ceil(room / (lines[1][1] - lines[0][1])))
        for decade, x in lines[::each]:
            text = duration(10.0**decade)
            wide = painter.fontMetrics().horizontalAdvance(text)
            left = min(max(x - wide / 2, rect.left() + 8.0), rect.right() - wide - 2.0)
            box = QRectF(left, rect.top(), wide + 2, rect.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)


PAD = 12  # px beside the bars


def decade_lines(rect: QRect, low: int, high: int) -> list[tuple[int, float]]:
    """Each decade with its place from left to right in ``rect``."""
    room = rect.width() - 2 * PAD
    return [
        (decade, rect.left() + PAD + room * (decade - low) / (high - low))
        for decade in range(low, high + 1)
    ]


class _Cell(QStyledItemDelegate):
    """Text; in the last column a bar for each depth, or why there is none."""

    def __init__(self, table: _Table) -> None:
        super().__init__(table)
        self._table = table

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        data = index.data(Qt.ItemDataRole.UserRole)
        if data is None:
            super().paint(painter, option, index)
            return
        rows, why = data
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if why:
            self._paint_reason(painter, option, why)
        else:
            self._paint_bars(painter, option.rect, rows)
        painter.restore()

    def _paint_reason(self, painter: QPainter, option: QStyleOptionViewItem, why: str) -> None:
        inside = option.rect.adjusted(PAD, 0, -4, 0)
        text = option.fontMetrics.elidedText(
            why.splitlines()[0], Qt.TextElideMode.ElideRight, inside.width()
        )
        painter.setPen(QColor(theme.current().muted))
        painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_bars(self, painter: QPainter, rect: QRect, rows: dict[int, Row]) -> None:
        results = self._table.results
        painter.setPen(QColor(theme.current().border))
        for _, x in decade_lines(rect, *results.decades):
            painter.drawLine(round(x), rect.top(), round(x), rect.bottom())
        painter.setPen(Qt.PenStyle.NoPen)
        room, count = rect.width() - 2 * PAD, len(results.depths)
        top = rect.center().y() + 1 - (BAR * count + (count - 1)) / 2
        colours = self._table.colours()
        for place, depth in enumerate(results.depths):
            row = rows.get(depth)
            if row is not None and row.seconds:
                painter.setBrush(colours[place])
                wide = max(2.0, room * results.share(row.seconds))
                bar = QRectF(rect.left() + PAD, top + place * (BAR + 1), wide, BAR)
                painter.drawRoundedRect(bar, 2, 2)
