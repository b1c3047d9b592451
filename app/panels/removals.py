"""What each gate does for an image: taken away in turn, how the answer changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.panels.angles import paint_signed
from app.panels.cells import Caption, number, sized
from qdesigner.session.onlook import Removed, Traced

ROW, BAR = 24, 8  # px
ROOM_FOR_MOST = 190  # px
NUMBER = 48  # px of a change's number
NAMES = 0.72  # of a row's width besides the number
LITTLE = 0.0005  # a change of a probability that is none to speak of
GATES, BLOCKS, ALL = "Entanglers", "Blocks", "Every gate"

Index = QModelIndex | QPersistentModelIndex


def signed(value: float, digits: int = 2) -> str:
    """ "+0.12"; a change too small for that shows as 0."""
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text if float(f"{value:.{digits}f}") else f"{0:.{digits}f}"


def change_words(value: float, regression: bool, digits: int = 2) -> str:
    """A change of a probability, or of a number to predict in its own unit."""
    if not regression:
        return signed(value, digits)
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{number(abs(value))}"


def gate_words(removed: Removed) -> str:
    """The gate with its wires: "CNOT q0→q1", or the block that it stands for."""
    if removed.label == removed.within:
        return removed.label
    if len(removed.wires) == 2 and removed.entangling:
        return f"{removed.label} q{removed.wires[0]}→q{removed.wires[1]}"
    return f"{removed.label} {' '.join(f'q{wire}' for wire in removed.wires)}"


def sentence_of(removed: Removed, of: str, regression: bool) -> str:
    """What taking it away does to the probability of the class ``of``, as a sentence."""
    whole = removed.label == removed.within
    what = f"the {removed.label}" if whole else f"this {removed.label}"
    if regression:
        change = removed.probability
        moved = f"{'falls' if change < 0 else 'rises'} by {number(abs(change))}"
        verb = moved if change else "stays the same"
        closer = "further from" if removed.margin < 0 else "closer to"
        tail = f", {closer} the true one." if removed.margin else "."
        return f"Without {what} the predicted number {verb}{tail}"
    margin = f"(margin {signed(removed.margin)})"
    if abs(removed.probability) < LITTLE:
        helped = (
            "it only keeps others at a distance"
            if removed.margin < 0
            else ("it did not contribute")
        )
        return f"Without {what} the probability of {of} stays the same {margin}: {helped}."
    verb = "falls" if removed.probability < 0 else "rises"
    helped = "it contributed" if removed.probability < 0 else "it did not contribute"
    by = (
        f"{abs(removed.probability):.2g}"
        if abs(removed.probability) < 0.01
        else (f"{abs(removed.probability):.2f}")
    )
    return f"Without {what} the probability of {of} {verb} by {by} {margin}: {helped}."


def strongest(traced: Traced) -> Removed | None:
    """The gate without which the margin changes most."""
    return max(traced.removed, key=lambda each: abs(each.margin), default=None)


class _Rows(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Removed] = []
        self.largest = 0.0
        self.regression = False

    def show(self, rows: list[Removed], regression: bool) -> None:
        self.beginResetModel()
        self.rows, self.regression = rows, regression
        self.largest = max((abs(row.probability) for row in rows), default=0.0)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{gate_words(row)}: {change_words(row.probability, self.regression, 3)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            within = "" if row.label == row.within else f" in {row.within}"
            return (
                f"{gate_words(row)}{within}\n"
                f"without it: {change_words(row.probability, self.regression, 4)}, "
                f"margin {change_words(row.margin, self.regression, 3)}\n"
                "Click to select its block on the board"
            )
        return None


class _Row(QStyledItemDelegate):
    def __init__(self, rows: _Rows, parent: QListView) -> None:
        super().__init__(parent)
        self._rows = rows

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(160, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look, row = theme.current(), self._rows.rows[index.row()]
        rect = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.blend(QColor(look.accent), QColor(look.panel), 0.12))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 4, 4)
        names = NAMES * (rect.width() - NUMBER)
        box = QRectF(rect.left() + 4, rect.top(), names - 8, rect.height())
        painter.setFont(sized(option.font, -1))
        painter.setPen(QColor(look.text))
        words = gate_words(row)
        metrics = painter.fontMetrics()
        cut = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, int(box.width()))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, cut)
        left = box.left() + metrics.horizontalAdvance(cut) + 8
        if row.label != row.within and left < box.right() - 24:
            painter.setFont(sized(option.font, -2))
            painter.setPen(QColor(look.faint))
            rest = QRectF(left, box.top(), box.right() - left, box.height())
            turn = row.within.partition(", ")[2] or row.within
            cut = painter.fontMetrics().elidedText(
                turn, Qt.TextElideMode.ElideRight, int(rest.width())
            )
            painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, cut)
        wide = rect.width() - NUMBER - names - 4
        track = QRectF(rect.left() + names, rect.center().y() - BAR / 2, wide, BAR)
        share = row.probability / self._rows.largest if self._rows.largest else 0.0
        helped = row.margin < 0 if self._rows.regression else row.probability < 0
        paint_signed(painter, track, share, look.right if helped else look.wrong)
        painter.setFont(sized(option.font, -1))
        painter.setPen(QColor(look.muted))
        room = rect.adjusted(rect.width() - NUMBER, 0, -4, 0)
        side = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(room, side, change_words(row.probability, self._rows.regression))
        painter.restore()


class Removals(QWidget):
    """What is taken away, a row each with its change, and the chosen one as a sentence."""

    block_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._traced: Traced | None = None
        self._of, self._regression = "", False
        self.which = QComboBox()
        self.which.addItems((GATES, BLOCKS, ALL))
        self.which.setAccessibleName("What is taken away")
        self.order = QComboBox()
        self.order.addItems(("By size", "In order"))
        self.order.setAccessibleName("Order of what is taken away")
        for box in (self.which, self.order):
            box.setMinimumContentsLength(6)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
        self.sentence = Caption(colour="text")
        self.sentence.setWordWrap(True)
        self.most = Caption()
        self.most.setWordWrap(True)
        self.rows = _Rows()
        self.view = QListView()
        self.view.setModel(self.rows)
        self.view.setItemDelegate(_Row(self.rows, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setFrameShape(QListView.Shape.NoFrame)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName("Gates taken away in turn")
        self.view.setStyleSheet("QListView { background: transparent; border: none; }")
        self._lay_out()
        for box in (self.which, self.order):
            box.currentIndexChanged.connect(self._refresh)
        self.view.selectionModel().currentChanged.connect(lambda *_: self._say())
        self.view.clicked.connect(self._choose)
        self.view.activated.connect(self._choose)
        theme.changed.connect(self.view.viewport().update)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.which, 4)
        head.addWidget(self.order, 3)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addLayout(head)
        box.addWidget(self.sentence)
        box.addWidget(self.view, 1)
        box.addWidget(self.most)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is low, the list comes first."""
        super().resizeEvent(event)
        self.most.setVisible(self.height() >= ROOM_FOR_MOST)

    def show_trace(self, traced: Traced, of: str, regression: bool) -> None:
        """Show what is taken away in a trace of the class ``of``."""
        self._traced, self._of, self._regression = traced, of, regression
        self._refresh()
        most = strongest(traced)
        text = ""
        if most is not None:
            within = "" if most.label == most.within else f" ({most.within})"
            what = "the error" if regression else "the margin"
            moved = -most.margin if regression else most.margin  # closeness is the error, negative
            text = f"{gate_words(most)}{within} moves {what} most: "
            text += f"{change_words(moved, regression)} without it."
        self.most.setText(text)

    def _some(self) -> list[Removed]:
        if self._traced is None:
            return []
        which = self.which.currentText()
        some: Sequence[Removed] = self._traced.removed
        if which == BLOCKS:
            some = self._traced.entanglers
        elif which == GATES:
            some = [each for each in some if each.entangling]
        if self.order.currentIndex() == 0:
            return sorted(some, key=lambda each: (-abs(each.probability), -abs(each.margin)))
        return list(some)

    def _refresh(self) -> None:
        chosen = self._chosen()
        rows = self._some()
        self.rows.show(rows, self._regression)
        keys = [(row.operation, row.label) for row in rows]
        key = (chosen.operation, chosen.label) if chosen is not None else None
        place = keys.index(key) if key in keys else 0
        self.view.setCurrentIndex(self.rows.index(place, 0))
        self._say()

    def _chosen(self) -> Removed | None:
        place = self.view.currentIndex().row()
        return self.rows.rows[place] if 0 <= place < len(self.rows.rows) else None

    def _say(self) -> None:
        chosen = self._chosen()
        if chosen is None:
            self.sentence.setText("No gate of this circuit entangles.")
            return
        self.sentence.setText(sentence_of(chosen, self._of, self._regression))

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid():
            self.block_chosen.emit(self.rows.rows[index.row()].block)
