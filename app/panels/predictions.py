"""The Predictions tab: every validation image, what it is and was taken for, most wrong first."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QListView,
    QScrollArea,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.panels.cells import HEIGHT, Caption, cell_width, paint_cell, tooltip, verdict
from app.panels.images import Thumbnails
from app.panels.oneimage import OneImage
from app.runview import RunView

ORDERS = ("Most wrong first", "Least confident first", "By class", "In the data's order")
ALL, WRONG = "All images", "Wrong only"
ROOM_FOR_ONE = 520  # px: narrower than this, the chosen image is not shown large

Index = QModelIndex | QPersistentModelIndex


def ordered(runview: RunView, order: str, show: str) -> list[int]:
    """The images that ``show`` (ALL, WRONG or a class's name) lets through, in ``order``."""
    if order == ORDERS[1]:
        images = np.argsort(runview.confidence, kind="stable")
    elif order == ORDERS[2]:
        images = np.lexsort((runview.true_probability, runview.right, runview.labels))
    elif order == ORDERS[3]:
        images = np.arange(len(runview.labels))
    else:
        images = runview.most_wrong()
    if show == WRONG:
        images = images[~runview.right[images]]
    elif show in runview.classes:
        images = images[runview.labels[images] == runview.classes.index(show)]
    return [int(image) for image in images]


class _Images(QAbstractListModel):
    """Rows are images in the chosen order."""

    def __init__(self, runview: RunView) -> None:
        super().__init__()
        self._runview = runview
        self.images: list[int] = []

    def show(self, images: list[int]) -> None:
        self.beginResetModel()
        self.images = images
        self.endResetModel()

    def row_of(self, image: int) -> QModelIndex:
        try:
            return self.index(self.images.index(image), 0)
        except ValueError:
            return QModelIndex()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.images)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        image = self.images[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return verdict(self._runview, image)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return tooltip(self._runview, image)
        return None


class _Cell(QStyledItemDelegate):
    def __init__(self, runview: RunView, view: QListView, images: _Images) -> None:
        super().__init__(view)
        self._runview = runview
        self._images = images
        self._pictures = Thumbnails(runview, self)
        self._pictures.loaded.connect(view.viewport().update)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        image = self._images.images[index.row()]
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        rect = QRectF(option.rect)
        font = option.font
        paint_cell(
            painter, rect, self._runview, image, self._pictures.small(image), font, chosen
        )  # fmt: skip

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(cell_width(self._runview, option.font), HEIGHT)


class PredictionsPanel(QWidget):
    """Header with counts, order and filter; the grid; the chosen image large at its side."""

    def __init__(self, runview: RunView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runview = runview
        self._stale = True
        self.counts = Caption(colour="text")
        self.order = QComboBox()
        self.order.addItems(ORDERS)
        self.order.setAccessibleName("Order of the images")
        self.show_only = QComboBox()
        self.show_only.addItems([ALL, WRONG])
        self.show_only.setAccessibleName("Which images to show")
        self.view = self._make_view()
        self.one = OneImage(runview)
        self._scrolled = _scrolled(self.one)
        self.hint = Caption(
            "Press Train (Space): after each epoch, every validation image is here."
        )
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self._lay_out()
        self.setFocusProxy(self.view)
        self.order.currentIndexChanged.connect(self._refresh)
        self.show_only.currentIndexChanged.connect(self._refresh)
        runview.predictions_changed.connect(self._refresh)
        runview.image_chosen.connect(self._follow_choice)
        theme.changed.connect(self.view.viewport().update)
        self._refresh()

    def _make_view(self) -> QListView:
        view = QListView()
        self.images = _Images(self._runview)
        view.setModel(self.images)
        view.setViewMode(QListView.ViewMode.IconMode)
        view.setItemDelegate(_Cell(self._runview, view, self.images))
        view.setMovement(QListView.Movement.Static)
        view.setResizeMode(QListView.ResizeMode.Adjust)
        view.setUniformItemSizes(True)
        view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        view.setFrameShape(QListView.Shape.NoFrame)
        view.setAccessibleName("Validation images")
        view.setStyleSheet("QListView { background: transparent; border: none; }")
        view.selectionModel().currentChanged.connect(self._choose)
        return view

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.counts, 1)
        for name, choice in (("Show", self.show_only), ("Order", self.order)):
            top.addWidget(Caption(name))
            top.addWidget(choice)
        body = QHBoxLayout()
        body.setSpacing(12)
        body.addWidget(self.view, 1)
        body.addWidget(self._scrolled)
        self._whole = QWidget()
        whole = QVBoxLayout(self._whole)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        whole.addLayout(top)
        whole.addLayout(body, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.addWidget(self.hint, 1)
        box.addWidget(self._whole, 1)

    # ---- following the run ----------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:
        """Catch up with what came while it was hidden."""
        super().showEvent(event)
        if self._stale:
            self._refresh()

    def resizeEvent(self, event: Any) -> None:
        """Decide whether there is room for the chosen image."""
        super().resizeEvent(event)
        self._scrolled.setVisible(self.width() >= ROOM_FOR_ONE)

    def _refresh(self) -> None:
        there = len(self._runview.labels) > 0
        self.hint.setVisible(not there)
        self._whole.setVisible(there)
        self._stale = not self.isVisible()
        if self._stale:
            return
        self._offer_classes()
        wide = cell_width(self._runview, self.view.font())
        self.view.setGridSize(QSize(wide, HEIGHT + 8))
        self._count()
        scrolled = self.view.verticalScrollBar().value()
        images = ordered(self._runview, self.order.currentText(), self.show_only.currentText())
        if images != self.images.images:
            self.images.show(images)
            self._select(self._runview.chosen_image)
            self.view.doItemsLayout()
            self.view.verticalScrollBar().setValue(scrolled)
        self.view.viewport().update()
        self.one.refresh()

    def _offer_classes(self) -> None:
        wanted = [ALL, WRONG, *self._runview.classes]
        if wanted == [self.show_only.itemText(i) for i in range(self.show_only.count())]:
            return
        kept = self.show_only.currentText()
        self.show_only.blockSignals(True)
        self.show_only.clear()
        self.show_only.addItems(wanted)
        self.show_only.setCurrentIndex(max(0, self.show_only.findText(kept)))
        self.show_only.blockSignals(False)

    def _count(self) -> None:
        run = self._runview
        total, right = len(run.labels), int(run.right.sum())
        text = f"{right / total:.1%} right".replace("%", " %") if total else ""
        if total:
            text += f" · ✗ {total - right:,} of {total:,}"
            self.counts.setToolTip(f"{right:,} of {total:,} validation images are right")
        if run.predictions is not None and run.predictions.epoch:
            text += f" · epoch {run.predictions.epoch}"
        self.counts.setText(text)

    # ---- the chosen image -----------------------------------------------------------------------

    def _choose(self, current: QModelIndex) -> None:
        if current.isValid():
            self._runview.chosen_image = self.images.images[current.row()]

    def _follow_choice(self, image: int) -> None:
        self.one.refresh()
        index = self.images.row_of(image)
        if index.isValid() and index != self.view.currentIndex():
            self._select(image)
            self.view.scrollTo(index)

    def _select(self, image: int) -> None:
        """Mark ``image`` in the grid, if it is there, without scrolling or choosing."""
        model = self.view.selectionModel()
        model.blockSignals(True)
        index = self.images.row_of(image)
        model.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        model.blockSignals(False)
        self.view.viewport().update()


def _scrolled(inside: QWidget) -> QScrollArea:
    """``inside`` at its own width, scrolling where the window is low."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setStyleSheet("QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; }")
    area.setFixedWidth(inside.width() + 16)  # and a scroll bar's
    area.setWidget(inside)
    return area
