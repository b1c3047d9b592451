"""The image that is looked at: its picture, what it was taken for, and what each class is given."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.background import Background
from app.looked import Looked, file_name
from app.panels.cells import (
    BAR,
    Caption,
    has_pictures,
    number,
    paint_bar,
    percent,
    short_verdict,
    sized,
    verdict,
)
from app.panels.images import Thumbnails, draw_picture, fitted, read_image
from app.runview import RunView
from qdesigner.session.onlook import Said

WIDTH = 208  # px
LARGE = 2 * WIDTH  # px of the picture that is read: sharp on dense screens too
MOST_CLASSES = 6
ROW = 20
LOWEST = 48  # px of the picture
ROOM_FOR_NAME = 190  # px: lower than this, the picture's tip tells the name
FILES = 92  # px of the list of files

BarRow = tuple[str, float, str, bool]  # the class, its share, the colour's name, bold


class OneImage(QWidget):
    """Files that were dropped, picture, verdict, probabilities by class, file name."""

    def __init__(self, runview: RunView, looked: Looked) -> None:
        super().__init__()
        self._runview, self._looked = runview, looked
        self._pictures = Thumbnails(runview, self)
        self._pictures.loaded.connect(self.refresh)
        self._background = Background(self)
        self._file: tuple[str, QPixmap] = ("", QPixmap())
        self.setFixedWidth(WIDTH)
        self.files = Files(looked)
        self.picture = _Picture()
        self.word = Caption(colour="text", bold=True)
        self.bars = Bars()
        self.name = Caption()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        for widget in (self.files, self.picture, self.word, self.bars, self.name):
            box.addWidget(widget)
        box.addStretch(1)
        box.setStretchFactor(self.picture, 1000)
        looked.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show what is looked at now."""
        self.files.refresh()
        if self._looked.path:
            self._show_file(self._looked.path)
            return
        image = self._looked.image
        for widget in (self.word, self.bars, self.name):
            widget.setVisible(image is not None)
        self.picture.setVisible(image is not None and has_pictures(self._runview))
        if image is not None:
            self._show_image(image)

    # ---- a validation image ---------------------------------------------------------------------

    def _show_image(self, image: int) -> None:
        run = self._runview
        self.picture.show_pixmap(self._pictures.large(image, LARGE))
        room = WIDTH - self.word.fontMetrics().horizontalAdvance("✗ ")
        if run.regression:
            self.word.set_colour("text")
            self.word.setText(f"{number(float(run.predicted[image]))} predicted")
            true, off = number(float(run.labels[image])), number(float(run.errors[image]))
            self.bars.show_rows([(f"true {true}", _of(run, image), "accent", False)], f"off {off}")
        else:
            right = bool(run.right[image])
            self.word.set_colour("text" if right else "wrong")
            sign = "✓" if right else "✗"
            text = short_verdict(run, image, self.word.fontMetrics(), room)
            self.word.setText(f"{sign} {text}")
            self._show_bars(int(run.labels[image]))
        self.word.setToolTip(verdict(run, image))
        item = run.items[image] if image < len(run.items) else None
        key = item.key if item else ""
        self._show_name(f"image {image}" + (f" · {key}" if key else ""))
        self._tell((item.path or key) if item else "")

    def _tell(self, name: str) -> None:
        for widget in (self.name, self.picture):
            widget.setToolTip(name)
        self._share_room()

    def _share_room(self) -> None:
        """Where there is little room, the name goes first, and beside a list the picture."""
        low = self.height() < ROOM_FOR_NAME
        self.name.setVisible(not low)
        if low and not self.files.isHidden():
            self.picture.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share what room there is."""
        super().resizeEvent(event)
        self.refresh()

    def _show_bars(self, label: int | None) -> None:
        shares = self._looked.probabilities
        self.bars.setVisible(shares is not None)
        if shares is None:
            return
        room = (self.height() - LOWEST - 2 * ROW) // ROW
        most = min(MOST_CLASSES, max(2, room))
        classes = np.argsort(-shares, kind="stable")[:most].tolist()
        if label is not None and label not in classes:
            classes[-1] = label
        if len(shares) <= most:
            classes.sort()  # few classes keep their places, so that the eye can compare images
        said = int(shares.argmax())
        rows: list[BarRow] = []
        for each in classes:
            tone = "wrong" if each == said else "faint"
            if each == label or (label is None and each == said):
                tone = "right" if label is not None else "accent"
            bold = each == label if label is not None else each == said
            rows.append((self._looked.class_name(each), float(shares[each]), tone, bold))
        self.bars.show_rows(rows)

    def _show_name(self, text: str) -> None:
        metrics = self.name.fontMetrics()
        self.name.setText(metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, WIDTH))

    # ---- a file ---------------------------------------------------------------------------------

    def _show_file(self, path: str) -> None:
        for widget in (self.word, self.name):
            widget.show()
        self._read(path)
        self.picture.show_pixmap(self._file[1])
        self.picture.setVisible(not self._file[1].isNull())
        said = self._looked.said_of(path)
        self.word.setWordWrap(bool(said and said.error) or bool(self._looked.error))
        self.word.set_colour("wrong" if self._looked.error or (said and said.error) else "text")
        self.word.setText(self._file_words(said))
        self.word.setToolTip(path)
        if said is not None and not said.error and self._looked.classes:
            self._show_bars(None)
        else:
            self.bars.hide()
        self._show_name(file_name(path))
        self._tell(path)

    def _file_words(self, said: Said | None) -> str:
        if self._looked.error:
            return self._looked.error
        if said is None:
            return "Asking the run …" if self._runview.path else "No run to ask."
        return said.error or answer(self._looked, said)

    def _read(self, path: str) -> None:
        """The file's picture, read in a thread."""
        if self._file[0] == path:
            return
        self._file = (path, QPixmap())
        self._background.forget()
        self._background.do(
            lambda: read_image(path, LARGE, crop=False),
            lambda image: self._have_read(path, image), lambda _why: None,
        )  # fmt: skip

    def _have_read(self, path: str, image: QImage) -> None:
        self._file = (path, QPixmap.fromImage(image))
        self.picture.show_pixmap(self._file[1])
        if self._looked.path == path:
            self.refresh()


def answer(looked: Looked, said: Said) -> str:
    """What the run says of a file, in a few words: "ants, 93 %", or the number."""
    shares = np.asarray(said.probabilities, dtype=float)
    if not looked.classes:
        return number(float(shares[0]))
    best = int(shares.argmax())
    return f"{looked.class_name(best)}, {percent(float(shares[best]))}"


def _of(run: RunView, image: int) -> float:
    """An error beside the largest one."""
    largest = float(run.errors.max(initial=0.0))
    return float(run.errors[image]) / largest if largest > 0 else 0.0


class Files(QListWidget):
    """The files that were dropped, each with what the run says of it."""

    left = Signal()

    def __init__(self, looked: Looked) -> None:
        super().__init__()
        self._looked = looked
        self.setAccessibleName("Files that were dropped")
        self.setMaximumHeight(FILES)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.currentRowChanged.connect(self._choose)

    def refresh(self) -> None:
        """Show the files as they are answered for; a single one needs no list."""
        files = self._looked.files
        self.setVisible(len(files) > 1 and self._looked.place is not None)
        self.blockSignals(True)
        while self.count() > len(files):
            self.takeItem(self.count() - 1)
        while self.count() < len(files):
            self.addItem(QListWidgetItem())
        for place, path in enumerate(files):
            said, item = self._looked.said_of(path), self.item(place)
            words = "…" if said is None else "cannot be read" if said.error else ""
            words = words or (answer(self._looked, said) if said is not None else "")
            item.setText(f"{words} · {file_name(path)}")
            item.setToolTip((said.error if said is not None else "") or path)
        self.setCurrentRow(self._looked.place if self._looked.place is not None else -1)
        self.blockSignals(False)

    def _choose(self, place: int) -> None:
        self._looked.show_file(place)


class _Picture(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._pixmap = QPixmap()
        self.setMinimumHeight(LOWEST)
        self.setMaximumHeight(WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def show_pixmap(self, pixmap: QPixmap) -> None:
        self._pixmap = pixmap
        if not pixmap.isNull():  # no taller than the picture is when it fills the width
            self.setMaximumHeight(
                max(LOWEST, min(WIDTH, WIDTH * pixmap.height() // pixmap.width()))
            )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, WIDTH)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._pixmap.isNull():
            target = fitted(self._pixmap.size(), QRectF(self.rect()))
            target.moveLeft(0)
            draw_picture(QPainter(self), target, self._pixmap)


class Bars(QWidget):
    """Classes, each with its probability as a bar."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[BarRow] = []
        self._words = ""
        theme.changed.connect(self.update)

    def show_rows(self, rows: list[BarRow], words: str = "") -> None:
        """Show these; ``words`` stand in the place of the percentage."""
        self.rows, self._words = rows, words
        said = ", ".join(f"{name} {words or percent(share)}" for name, share, _, _ in rows)
        self.setAccessibleName(f"Probability by class: {said}")
        self.setFixedHeight(ROW * max(1, len(rows)))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A line a class."""
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        name_width, share_width = 76, 60 if self._words else 44
        centre = Qt.AlignmentFlag.AlignVCenter
        for place, (name, share, tone, bold) in enumerate(self.rows):
            line = QRectF(0, place * ROW, self.width(), ROW)
            painter.setFont(sized(self.font(), -1, bold=bold))
            painter.setPen(QColor(look.text if bold else look.muted))
            cut = painter.fontMetrics().elidedText(
                name, Qt.TextElideMode.ElideMiddle, name_width - 4
            )
            painter.drawText(line, centre, cut)
            words = self._words or percent(share)
            painter.drawText(line, centre | Qt.AlignmentFlag.AlignRight, words)
            middle = line.center().y() - BAR / 2
            bar = QRectF(name_width, middle, line.width() - name_width - share_width, BAR)
            paint_bar(painter, bar, share, QColor(getattr(look, tone)))
