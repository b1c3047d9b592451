"""The chosen validation image large, with what the model gives each class."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.panels.cells import BAR, Caption, paint_bar, short_verdict, sized, verdict
from app.panels.images import Thumbnails, draw_picture, fitted
from app.runview import RunView

WIDTH = 208  # px
MOST_CLASSES = 6
ROW = 20


class OneImage(QWidget):
    """Picture, verdict, probabilities by class, file name."""

    def __init__(self, runview: RunView) -> None:
        super().__init__()
        self._runview = runview
        self._pictures = Thumbnails(runview, self)
        self._pictures.loaded.connect(self.refresh)
        self.setFixedWidth(WIDTH)
        self._picture = _Picture()
        self._word = Caption(colour="text", bold=True)
        self._bars = _Bars(runview)
        self._name = Caption()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        for widget in (self._picture, self._word, self._bars, self._name):
            box.addWidget(widget)
        box.addStretch(1)
        box.setStretchFactor(self._picture, 1000)

    def refresh(self) -> None:
        """Show the image that is chosen now."""
        run, image = self._runview, self._runview.chosen_image
        there = image < len(run.labels)
        for widget in (self._picture, self._word, self._bars, self._name):
            widget.setVisible(there)
        if not there:
            return
        self._picture.show_pixmap(self._pictures.large(image, 2 * WIDTH))
        right = bool(run.right[image])
        self._word.set_colour("text" if right else "wrong")
        sign, metrics = "✓" if right else "✗", self._word.fontMetrics()
        room = WIDTH - metrics.horizontalAdvance("✗ ")
        self._word.setText(f"{sign} {short_verdict(run, image, metrics, room)}")
        self._word.setToolTip(verdict(run, image))
        self._bars.show_image(image)
        self._show_name(image)

    def _show_name(self, image: int) -> None:
        item = self._runview.items[image] if image < len(self._runview.items) else None
        name = item.key if item else ""
        metrics = self._name.fontMetrics()
        text = f"image {image}" + (f" · {name}" if name else "")
        self._name.setText(metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, WIDTH))
        self._name.setToolTip(item.path or name if item else "")


class _Picture(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._pixmap = QPixmap()
        self.setMinimumHeight(64)
        self.setMaximumHeight(WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def show_pixmap(self, pixmap: QPixmap) -> None:
        self._pixmap = pixmap
        if not pixmap.isNull():  # no taller than the picture is when it fills the width
            self.setMaximumHeight(min(WIDTH, WIDTH * pixmap.height() // pixmap.width()))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, WIDTH)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._pixmap.isNull():
            target = fitted(self._pixmap.size(), QRectF(self.rect()))
            target.moveLeft(0)
            draw_picture(QPainter(self), target, self._pixmap)


class _Bars(QWidget):
    """The likeliest classes and the true one, each with its probability."""

    def __init__(self, runview: RunView) -> None:
        super().__init__()
        self._runview = runview
        self._rows: list[tuple[int, float]] = []
        self._label = -1
        theme.changed.connect(self.update)

    def show_image(self, image: int) -> None:
        run = self._runview
        assert run.predictions is not None
        row = np.nan_to_num(np.asarray(run.predictions.probabilities[image], dtype=float))
        label = self._label = int(run.labels[image])
        classes = np.argsort(-row, kind="stable")[:MOST_CLASSES].tolist()
        if label not in classes:
            classes[-1] = label
        if len(row) <= MOST_CLASSES:
            classes.sort()  # few classes keep their places, so that the eye can compare images
        self._rows = [(c, float(row[c])) for c in classes]
        words = ", ".join(f"{run.class_name(c)} {share:.0%}" for c, share in self._rows)
        self.setAccessibleName(f"Probability by class: {words}")
        self.setFixedHeight(ROW * len(self._rows))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        look, run = theme.current(), self._runview
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        name_width, share_width = 72, 44
        predicted = max(self._rows, key=lambda row: row[1])[0] if self._rows else -1
        for place, (label, share) in enumerate(self._rows):
            line = QRectF(0, place * ROW, self.width(), ROW)
            true = label == self._label
            painter.setFont(sized(self.font(), -1, bold=true))
            painter.setPen(QColor(look.text if true else look.muted))
            name = painter.fontMetrics().elidedText(
                run.class_name(label), Qt.TextElideMode.ElideMiddle, name_width - 4
            )
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, name)
            painter.drawText(
                line,
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                f"{share:.0%}".replace("%", " %"),
            )
            colour = look.right if true else look.wrong if label == predicted else look.faint
            middle = line.center().y() - BAR / 2
            bar = QRectF(name_width, middle, line.width() - name_width - share_width, BAR)
            paint_bar(painter, bar, share, QColor(colour))
