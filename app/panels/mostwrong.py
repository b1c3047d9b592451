"""The small grid beside the curves: as many validation images as fit, most wrong first."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QVBoxLayout, QWidget

from app import theme
from app.panels.cells import PICTURE, Caption, cell_height, cell_width, paint_cell, tooltip
from app.panels.images import Thumbnails
from app.runview import RunView

MOST_COLUMNS = 4
TITLES = ("Predictions on validation — most wrong first", "Validation, most wrong first", "")


class MostWrong(QWidget):
    """Title and grid; a click opens the image, which the live state follows."""

    def __init__(self, runview: RunView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runview = runview
        self.grid = _Grid(runview)
        self._title = Caption(bold=True)
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self._title)
        box.addWidget(self.grid, 1)

    def take_width(self, room: int) -> None:
        """Become as wide as whole cells in ``room`` px are, at most four beside each other."""
        wide = cell_width(self._runview, self.font())
        columns = max(1, min(MOST_COLUMNS, room // wide))
        self.setMaximumWidth(columns * wide)
        for title in TITLES:
            self._title.setText(title)
            if self._title.sizeHint().width() <= columns * wide:
                break
        self._title.setIndent((wide - PICTURE) // 2)  # stands above the pictures' edge


class _Grid(QWidget):
    def __init__(self, runview: RunView) -> None:
        super().__init__()
        self._runview = runview
        self._order: list[int] = []
        self._pictures = Thumbnails(runview, self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Validation images, most wrong first")
        runview.predictions_changed.connect(self._refresh)
        runview.image_chosen.connect(self.update)
        self._pictures.loaded.connect(self.update)
        theme.changed.connect(self.update)
        self._refresh()

    def sizeHint(self) -> QSize:
        """Four cells by two."""
        return QSize(4 * cell_width(self._runview, self.font()), 2 * cell_height(self._runview))

    def minimumSizeHint(self) -> QSize:
        """One cell."""
        return QSize(cell_width(self._runview, self.font()), cell_height(self._runview))

    def shown(self) -> list[int]:
        """The images there is room for, in order."""
        columns, rows, _ = self._room()
        return self._order[: columns * rows]

    def _refresh(self) -> None:
        self._order = self._runview.most_wrong().tolist()
        self.updateGeometry()
        self.update()

    def _room(self) -> tuple[int, int, float]:
        """Columns, rows, and the width of a column."""
        wide = cell_width(self._runview, self.font())
        columns = max(1, self.width() // wide)
        return columns, max(1, self.height() // cell_height(self._runview)), wide

    def _cell(self, place: int) -> QRectF:
        columns, rows, wide = self._room()
        high = cell_height(self._runview)
        pitch = min(self.height() / rows, 1.15 * high)
        return QRectF(place % columns * wide, place // columns * pitch, wide, high)

    def _image_at(self, position: QPointF) -> int | None:
        for place, image in enumerate(self.shown()):
            if self._cell(place).contains(position):
                return image
        return None

    def paintEvent(self, event: QPaintEvent) -> None:
        """The cells, and a ring around the chosen one."""
        painter = QPainter(self)
        for place, image in enumerate(self.shown()):
            chosen = image == self._runview.chosen_image
            pixmap = self._pictures.small(image)
            paint_cell(
                painter, self._cell(place), self._runview, image, pixmap, self.font(), chosen
            )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the image under the pointer, and open it."""
        image = self._image_at(event.position())
        if image is not None:
            self._runview.open_image(image)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go to the next cell; Enter opens the chosen one."""
        shown = self.shown()
        key = Qt.Key
        if event.key() in (key.Key_Return, key.Key_Enter) and shown:
            self._runview.open_image(self._runview.chosen_image)
            return
        moves = {
            key.Key_Left: -1, key.Key_Right: 1,
            key.Key_Up: -self._room()[0], key.Key_Down: self._room()[0],
        }  # fmt: skip
        move = moves.get(key(event.key()))
        if move is None or not shown:
            super().keyPressEvent(event)
            return
        chosen = self._runview.chosen_image
        place = shown.index(chosen) + move if chosen in shown else 0
        if 0 <= place < len(shown):
            self._runview.chosen_image = shown[place]

    def event(self, event: QEvent) -> bool:
        """A tooltip for each cell."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            image = self._image_at(QPointF(event.pos()))
            text = tooltip(self._runview, image) if image is not None else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)
