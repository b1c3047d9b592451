"""The Predictions tab: every validation image, what it is and was taken for, and the confusion
matrix that chooses among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.confusion import confusion
from app.imagefilter import MOST_WRONG, NOTHING, Filter, orders, shown
from app.panels.cells import (
    Caption,
    cell_height,
    cell_width,
    number,
    paint_cell,
    tooltip,
    verdict,
)
from app.panels.chips import Chips
from app.panels.images import Thumbnails
from app.panels.matrix import Matrix
from app.runview import RunView

if TYPE_CHECKING:
    from app.panels.charts import Fitted

SHARE_OF_MATRIX = 0.44
NARROWEST_MATRIX, WIDEST_MATRIX = 240, 620  # px
MANY = 10  # classes from which a matrix is worth zooming
ROOM_FOR_AXES = 340  # px
ROOM_FOR_WORDS = 820  # px: narrower than this, the counts are short
RIGHTNESS = (("All images", None), ("Wrong only", False), ("Right only", True))

Index = QModelIndex | QPersistentModelIndex


class _Images(QAbstractListModel):
    """Rows are images in the chosen order."""

    def __init__(self, runview: RunView) -> None:
        super().__init__()
        self._runview = runview
        self.images: list[int] = []

    def show(self, images: list[int]) -> bool:
        """Show these instead; whether the view has to lay them out anew. As many others stand in
        the same places: laying out thousands at every epoch would hold up the window."""
        same = len(images) == len(self.images)
        if not same:
            self.beginResetModel()
        self.images = images
        if not same:
            self.endResetModel()
        return not same

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
        rect.setHeight(cell_height(self._runview))
        paint_cell(
            painter, rect, self._runview, image, self._pictures.small(image), option.font, chosen
        )

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(cell_width(self._runview, option.font), cell_height(self._runview))


class PredictionsPanel(QWidget):
    """Counts, search, filter and order; the grid; the confusion matrix, or of numbers to predict
    how they fit."""

    def __init__(self, runview: RunView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runview = runview
        self._stale = True
        self._run = ""
        self.only = NOTHING
        self.fitted: Fitted | None = None
        self._make_controls()
        self.view = self._make_view()
        self.matrix = Matrix()
        self.nothing = Caption("No image is like that.")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint = Caption(
            "Press Train (Space): after each epoch, every validation image is here."
        )
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self._lay_out()
        self.setFocusProxy(self.view)
        self._connect()
        self._refresh()

    # ---- building -------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.counts = Caption(colour="text")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search file names")
        self.search.setAccessibleName("Search file names")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(96)
        self.search.setMaximumWidth(200)
        self.show_only = QComboBox()
        for words, right in RIGHTNESS:
            self.show_only.addItem(words, right)
        self.show_only.setAccessibleName("Right or wrong images")
        self.order = QComboBox()
        self.order.setAccessibleName("Order of the images")
        self.chips = Chips()
        self.smaller, self.larger = QPushButton("−"), QPushButton("+")
        for button, words in ((self.smaller, "Smaller cells"), (self.larger, "Larger cells")):
            button.setProperty("kind", "link")
            button.setFixedWidth(20)
            button.setAccessibleName(words)
            button.setToolTip(f"{words} (− and + in the matrix, or Ctrl and the wheel)")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

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
        return view

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.counts)
        top.addStretch(1)
        for widget in (self.search, self.show_only, self.order):
            top.addWidget(widget)
        grid = QVBoxLayout()
        grid.setSpacing(4)
        grid.addWidget(self.chips)
        grid.addWidget(self.view, 1)
        grid.addWidget(self.nothing, 1)
        head = QHBoxLayout()
        head.setSpacing(8)
        self._title = Caption("Confusion matrix", bold=True)
        self._axes = Caption("rows true, columns predicted")
        head.addWidget(self._title)
        head.addWidget(self._axes)
        head.addStretch(1)
        head.addWidget(self.smaller)
        head.addWidget(self.larger)
        self._side = QWidget()
        self._side_box = QVBoxLayout(self._side)
        self._side_box.setContentsMargins(0, 0, 0, 0)
        self._side_box.setSpacing(4)
        self._side_box.addLayout(head)
        self._side_box.addWidget(self.matrix, 1)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addLayout(grid, 1)
        body.addWidget(self._side)
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

    def _connect(self) -> None:
        run = self._runview
        self.order.currentIndexChanged.connect(self._refresh)
        self.show_only.activated.connect(
            lambda _place: self._filter(right=self.show_only.currentData())
        )
        self.search.textChanged.connect(lambda text: self._filter(text=text))
        self.chips.changed.connect(self.show_filter)
        self.matrix.chosen.connect(lambda true, said: self._filter(true=true, predicted=said))
        self.smaller.clicked.connect(lambda: self.matrix.zoom(-1))
        self.larger.clicked.connect(lambda: self.matrix.zoom(1))
        self.view.selectionModel().currentChanged.connect(self._choose)
        self.view.clicked.connect(self._open)
        self.view.activated.connect(self._open)
        run.predictions_changed.connect(self._refresh)
        run.image_chosen.connect(self._follow_choice)
        theme.changed.connect(self.view.viewport().update)

    # ---- following the run ----------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:
        """Catch up with what came while it was hidden."""
        super().showEvent(event)
        if self._stale:
            self._refresh()

    def resizeEvent(self, event: Any) -> None:
        """Share the room between the grid and the matrix."""
        super().resizeEvent(event)
        self._share_room()
        self._count()

    def _share_room(self) -> None:
        regression = self._runview.regression
        most = WIDEST_MATRIX if regression else min(WIDEST_MATRIX, self.matrix.widest)
        wide = int(self.width() * SHARE_OF_MATRIX)
        wide = max(NARROWEST_MATRIX, min(most, wide))
        self._side.setFixedWidth(wide)
        self._axes.setVisible(not regression and wide >= ROOM_FOR_AXES)

    def _refresh(self) -> None:
        run = self._runview
        if run.path != self._run:  # the Image tab goes by the filter too, also of a hidden panel
            self._run = run.path
            self.only = Filter(self.only.right)
        there = len(run.labels) > 0
        self.hint.setVisible(not there)
        self._whole.setVisible(there)
        if not there:
            self.images.show([])
        self._stale = not self.isVisible()
        if self._stale or not there:
            return
        self._follow_run()
        self._count()
        self._show_images()
        if run.regression:
            self._draw_fitted()
        else:
            found = confusion(run.labels, run.predicted, len(run.classes))
            marked = (self.only.true, self.only.predicted)
            self.matrix.show_confusion(found, run.classes, marked)
        self._share_room()

    def _follow_run(self) -> None:
        """What another run has no use for is taken back."""
        run = self._runview
        self.only = self.only.fitting(run)
        self._offer_orders()
        self._show_controls()
        self.matrix.setVisible(not run.regression)
        self.show_only.setVisible(not run.regression)
        for button in (self.smaller, self.larger):
            button.setVisible(len(run.classes) >= MANY)
        self._title.setText("Predicted against true" if run.regression else "Confusion matrix")
        if self.fitted is not None:
            self.fitted.setVisible(run.regression)

    def _offer_orders(self) -> None:
        wanted = orders(self._runview)
        if list(wanted.values()) == [self.order.itemText(i) for i in range(self.order.count())]:
            return
        kept = self.order.currentData()
        self.order.blockSignals(True)
        self.order.clear()
        for order, words in wanted.items():
            self.order.addItem(words, order)
        self.order.setCurrentIndex(max(0, self.order.findData(kept)))
        self.order.blockSignals(False)

    def _show_controls(self) -> None:
        """The fields say what the filter says."""
        self.show_only.setCurrentIndex(self.show_only.findData(self.only.right))
        if self.search.text() != self.only.text:
            self.search.blockSignals(True)
            self.search.setText(self.only.text)
            self.search.blockSignals(False)

    def _show_images(self) -> None:
        run = self._runview
        wide = cell_width(run, self.view.font())
        size = QSize(wide, cell_height(run) + 8)
        if size != self.view.gridSize():  # to set it again would lay everything out anew
            self.view.setGridSize(size)
        images = shown(run, self.order.currentData(), self.only)
        self.chips.show_filter(run, self.only, len(images))
        self.view.setVisible(bool(images))
        self.nothing.setVisible(not images)
        if images != self.images.images:
            scrolled = self.view.verticalScrollBar().value()
            anew = self.images.show(images)
            self._select(run.chosen_image)
            if anew:
                self.view.doItemsLayout()
            self.view.verticalScrollBar().setValue(scrolled)
        self.view.viewport().update()

    def _draw_fitted(self) -> None:
        run = self._runview
        if self.fitted is None:
            from app.panels.charts import Fitted

            self.fitted = Fitted(lambda image: tooltip(run, image))
            self.fitted.clicked.connect(run.open_image)
            self._side_box.addWidget(self.fitted, 1)
            self.fitted.show()
        self.fitted.show_points(np.stack([run.labels, run.predicted], axis=1))
        self.fitted.choose(run.chosen_image)

    def _count(self) -> None:
        run = self._runview
        total = len(run.labels)
        if not total or run.predictions is None:
            return
        after = f" · epoch {run.predictions.epoch}" if run.predictions.epoch else ""
        brief = self.width() < ROOM_FOR_WORDS
        if run.regression:
            text = f"off by {number(float(run.errors.mean()))} on average"
            self.counts.setText(text if brief else f"{text} · {total:,} samples{after}")
            self.counts.setToolTip(f"The mean absolute error of {total:,} validation samples")
            return
        right = int(run.right.sum())
        share = f"{right / total:.1%}".replace("%", " %")
        wrong = f"✗ {total - right:,}" if brief else f"✗ {total - right:,} of {total:,}"
        self.counts.setText(f"{share} right · {wrong}{after}")
        self.counts.setToolTip(f"{right:,} of {total:,} validation images are right")

    def in_order(self) -> list[int]:
        """The images that the filter lets through, in order."""
        return shown(self._runview, self.order.currentData() or MOST_WRONG, self.only)

    # ---- what is shown --------------------------------------------------------------------------

    def _filter(self, **conditions: Any) -> None:
        values = {"right": self.only.right, "true": self.only.true,
                  "predicted": self.only.predicted, "text": self.only.text}  # fmt: skip
        self.show_filter(Filter(**(values | conditions)))

    def show_filter(self, only: Filter) -> None:
        """Show the images that ``only`` lets through."""
        if only != self.only:
            self.only = only
            self.view.verticalScrollBar().setValue(0)
            self._refresh()

    def _choose(self, current: QModelIndex) -> None:
        if current.isValid():
            self._runview.chosen_image = self.images.images[current.row()]

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            # Not within the mouse's event: the tab that is shown then takes the keyboard.
            image = self.images.images[index.row()]
            QTimer.singleShot(0, self, lambda: self._runview.open_image(image))

    def _follow_choice(self, image: int) -> None:
        if self.fitted is not None:
            self.fitted.choose(image)
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
