"""How training images are varied, with pictures of what comes of it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QPixmap, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.checked import Checked
from app.document import Document
from app.panels.cells import Elided, sized
from app.panels.datarows import augmentation_rows
from app.panels.fields import Fields
from app.panels.images import draw_picture, to_image
from app.surveying import Surveying
from qdesigner.design.facts import augmentation_cost
from qdesigner.session.survey import Varied

MOST = 12  # pictures, the image as it is among them
SIDE, LEAST, GAP, WORD = 104, 40, 8, 16  # px
WAIT = 150  # ms after a change before variants are asked for


class Variants(QWidget):
    """The fields above, the pictures below them, and what it costs."""

    def __init__(self, document: Document, checked: Checked, surveying: Surveying) -> None:
        super().__init__()
        self._document, self._checked, self._surveying = document, checked, surveying
        self._paths: tuple[str, ...] = ()
        self._path = ""
        self._asked: object = None
        self.fields = Fields(document, 5)
        self.pictures = Pictures()
        self.another = QPushButton("Another image")
        self.another.setProperty("kind", "link")
        self.cost = Elided()
        above = QHBoxLayout()
        above.addWidget(self.fields, 1)
        above.addStretch(1)
        below = QHBoxLayout()
        below.addWidget(self.cost, 1)
        below.addWidget(self.another)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(6)
        column.addLayout(above)
        column.addWidget(self.pictures, 1)
        column.addLayout(below)
        self._wait = QTimer(self, singleShot=True, interval=WAIT)
        self._wait.timeout.connect(self._ask)
        self.another.clicked.connect(lambda _=False: self._next())
        surveying.varied.connect(self._take)

    def show_design(self, paths: tuple[str, ...]) -> None:
        """Show the fields as they are; ``paths`` are images to choose from, "" for no file."""
        self.fields.show_rows(augmentation_rows(self._document.design))
        self._paths = paths
        if self._path not in paths:
            self._path = paths[0] if paths else ""
        self.another.setVisible(len(set(paths)) > 1)
        facts = self._checked.facts
        words = augmentation_cost(self._document.design, facts) if facts is not None else ""
        self.cost.setText(words)
        if self.isVisible() and not self._wait.isActive():  # progress comes more often than WAIT
            self._wait.start()

    def show_image(self, path: str) -> None:
        """Show variants of this image."""
        self._path = path
        self._wait.start()

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for what is not there yet."""
        super().showEvent(event)
        self._wait.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing is asked for that nobody sees."""
        super().hideEvent(event)
        self._wait.stop()

    def _next(self) -> None:
        place = self._paths.index(self._path) if self._path in self._paths else -1
        self.show_image(self._paths[(place + 1) % len(self._paths)])

    def _ask(self) -> None:
        data = self._document.design.data
        count = self.pictures.room() if data.augmentation.any else 1
        wanted = (data.source, data.path, data.augmentation, self._path, count)
        if wanted != self._asked:
            self._asked = wanted
            self._surveying.vary(data, data.augmentation, self._path, count)

    def _take(self, varied: Varied) -> None:
        if varied.error:
            self._asked = None
        self.pictures.show_pictures(varied.pictures, varied.error)

    def resizeEvent(self, event: object) -> None:
        """More pictures where there is room for more."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        if self.isVisible():
            self._wait.start()


class Pictures(QWidget):
    """The image as it is, and its variants."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmaps: list[QPixmap] = []
        self._error = ""
        self.setAccessibleName("An image and its variants")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Small: it takes what room there is."""
        return QSize(SIDE, LEAST + WORD)

    def room(self) -> int:
        """How many pictures there is room for."""
        columns, lines = self._grid()
        return max(2, min(MOST, columns * lines))

    def show_pictures(self, pictures: np.ndarray | None, error: str = "") -> None:
        """Show other pictures [n, side, side, 3], or why there are none."""
        made = () if pictures is None else pictures
        self._pixmaps = [QPixmap.fromImage(to_image(each)) for each in made]
        self._error = error
        self.update()

    def count(self) -> int:
        """How many are shown."""
        return len(self._pixmaps)

    def _side(self) -> int:
        """Of one picture: smaller ones where there is little room."""
        return max(LEAST, min(SIDE, self.height() - WORD))

    def _grid(self) -> tuple[int, int]:
        side = self._side()
        columns = max(1, (self.width() + GAP) // (side + GAP))
        return columns, max(1, (self.height() + GAP) // (side + WORD + GAP))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Each picture with a word below."""
        look = theme.current()
        painter = QPainter(self)
        painter.setFont(sized(self.font(), -1))
        painter.setPen(QColor(look.muted))
        if self._error or not self._pixmaps:
            words = self._error or "…"
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect(), flags, words)
            return
        columns, side = self._grid()[0], self._side()
        for place, pixmap in enumerate(self._pixmaps):
            line, column = divmod(place, columns)
            spot = QRectF(column * (side + GAP), line * (side + WORD + GAP), side, side)
            draw_picture(painter, spot, pixmap)
            word = QRectF(spot.left(), spot.bottom(), side, WORD)
            text = "as it is" if place == 0 else str(place)
            painter.drawText(word, Qt.AlignmentFlag.AlignCenter, text)
