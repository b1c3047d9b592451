"""Pictures of the data, class by class: as many lines of thumbnails as a class has pictures."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
)

from app import theme
from app.panels.cells import sized
from app.panels.header import number
from app.panels.images import draw_picture, to_image
from app.panels.tables import Index, Role
from qdesigner.design.spec import display_name
from qdesigner.session.survey import ClassSample

PICTURE, GAP, TITLE = 52, 4, 22  # px
MOST_KEPT = 1500  # pixmaps


class _Classes(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.classes: tuple[ClassSample, ...] = ()

    def show(self, classes: tuple[ClassSample, ...]) -> None:
        self.beginResetModel()
        self.classes = classes
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.classes)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if role in (Role.DisplayRole, Role.AccessibleTextRole):
            return title(self.classes[index.row()])
        return None


def title(sample: ClassSample) -> str:
    """A class and how many samples it has."""
    total = sample.train + sample.validation + sample.test
    return f"{sample.name} · {number(total)}"


class _Line(QStyledItemDelegate):
    """One class: its name, and its pictures wrapped below."""

    def __init__(self, view: Samples) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        room = self._view.viewport().width()
        lines = -(-count(self._view.sample(index)) // across(room))
        return QSize(room, TITLE + lines * (PICTURE + GAP) + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look = theme.current()
        sample = self._view.sample(index)
        painter.save()
        painter.setFont(sized(option.font, 0, bold=True))
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(QColor(look.accent if chosen else look.text))
        heading = QRect(option.rect.left(), option.rect.top(), option.rect.width(), TITLE)
        text = painter.fontMetrics().elidedText(
            title(sample), Qt.TextElideMode.ElideMiddle, heading.width()
        )
        painter.drawText(heading, Qt.AlignmentFlag.AlignVCenter, text)
        for place in range(count(sample)):
            spot = picture_rect(option.rect, place)
            draw_picture(painter, QRectF(spot), self._view.picture(index.row(), place))
        painter.restore()


def count(sample: ClassSample) -> int:
    """How many pictures there are of a class."""
    return 0 if sample.pictures is None else len(sample.pictures)


def across(room: int) -> int:
    """How many pictures stand beside each other."""
    return max(1, (room + GAP) // (PICTURE + GAP))


def picture_rect(line: QRect, place: int) -> QRect:
    """Where a picture stands in its class's line."""
    row, column = divmod(place, across(line.width()))
    step = PICTURE + GAP
    top = line.top() + TITLE + row * step
    return QRect(line.left() + column * step, top, PICTURE, PICTURE)


class Samples(QListView):
    """The classes below each other; a double click on a picture wants to see it varied."""

    opened = Signal(str)  # path of the picture, "" for one that is no file

    def __init__(self) -> None:
        super().__init__()
        self._classes = _Classes()
        self._kept: OrderedDict[tuple[int, int], QPixmap] = OrderedDict()
        self.setModel(self._classes)
        self.setItemDelegate(_Line(self))
        self.setObjectName("inside")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMouseTracking(True)
        self.setAccessibleName("Pictures by class")
        theme.changed.connect(self.viewport().update)

    def show_classes(self, classes: tuple[ClassSample, ...]) -> None:
        """Show the pictures of these classes."""
        if classes is not self._classes.classes:
            self._kept.clear()
            self._classes.show(classes)

    def reveal(self, name: str) -> None:
        """Bring a class into view."""
        for row, sample in enumerate(self._classes.classes):
            if sample.name == name:
                index = self._classes.index(row, 0)
                self.setCurrentIndex(index)
                self.scrollTo(index, QListView.ScrollHint.PositionAtTop)

    def sample(self, index: Index) -> ClassSample:
        """The class of a line."""
        return self._classes.classes[index.row()]

    def picture(self, row: int, place: int) -> QPixmap:
        """A picture of a class, made when it is first seen."""
        key = (row, place)
        if key not in self._kept:
            pixels = self._classes.classes[row].pictures[place]
            self._kept[key] = QPixmap.fromImage(to_image(pixels))
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def at(self, spot: QPoint) -> tuple[ClassSample, int] | None:
        """The class and the picture under a spot of the viewport."""
        index = self.indexAt(spot)
        if not index.isValid():
            return None
        sample, line = self.sample(index), self.visualRect(index)
        for place in range(count(sample)):
            if picture_rect(line, place).contains(spot):
                return sample, place
        return None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Want a picture's variants."""
        found = self.at(event.position().toPoint())
        if found is not None:
            sample, place = found
            path = sample.paths[place] if place < len(sample.paths) else ""
            if path:  # of a set that is no files, no single image can be asked for
                self.opened.emit(path)

    def viewportEvent(self, event: QEvent) -> bool:
        """A tip names the file under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = self.at(event.pos())
            path = found[0].paths[found[1]] if found and found[1] < len(found[0].paths) else ""
            words = f"{path}\nDouble click: see it augmented" if path else ""
            QToolTip.showText(event.globalPos(), words)
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lines are wrapped anew."""
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()


def short(path: str) -> str:
    """A file by its folder and name."""
    parent = path.replace("\\", "/").rpartition("/")[0]
    return f"{display_name(parent)}/{display_name(path)}" if parent else path
