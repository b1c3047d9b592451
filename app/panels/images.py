"""Pictures of a run's images for the screen: thumbnails from the run's array or from the files.

Files are read in a thread of its own, never by the one that paints. The paths come from a run's
folder and may be a stranger's: only local image files are opened, by Qt's size-limited readers.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader, QPainter, QPixmap

from app.runview import RunView
from qdesigner.catalog.sources import IMAGE_EXTENSIONS
from qdesigner.session.record import THUMBNAIL

MOST_KEPT = 1500  # pixmaps: about 24 MB
COARSE = 32  # px: smaller pictures are drawn as crisp squares


def to_image(pixels: NDArray[np.uint8]) -> QImage:
    """A QImage of its own of ``pixels`` [height, width, 3].

    A picture that was scaled up from 8 × 8 comes back as those 8 × 8.
    """
    small = pixels[::8, ::8]
    if pixels.shape[0] == THUMBNAIL and (pixels == small.repeat(8, 0).repeat(8, 1)).all():
        pixels = small
    pixels = np.ascontiguousarray(pixels)
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def may_open(path: str) -> bool:
    """Whether ``path`` is a local image file's; a share's would be a call to a stranger's host."""
    return (
        not path.startswith(("\\\\", "//"))
        and Path(path).suffix.lower() in IMAGE_EXTENSIONS
        and Path(path).is_file()
    )


def read_image(path: str, side: int, crop: bool) -> QImage:
    """The image file, its short (``crop``) or long side scaled to ``side`` px; null when it
    cannot be read. With ``crop`` only its middle square."""
    try:
        if not may_open(path):
            return QImage()
    except (OSError, ValueError):
        return QImage()
    reader = QImageReader(path)
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    size = reader.size()
    mode = Qt.AspectRatioMode
    if size.isValid() and min(size.width(), size.height()) > side:
        reader.setScaledSize(
            size.scaled(
                side, side, mode.KeepAspectRatioByExpanding if crop else mode.KeepAspectRatio
            )
        )
    image = reader.read()
    if crop and not image.isNull():
        short = min(image.width(), image.height())
        square = QRect((image.width() - short) // 2, (image.height() - short) // 2, short, short)
        image = image.copy(square)
    return image


def draw_picture(painter: QPainter, target: QRectF, pixmap: QPixmap) -> None:
    """Fill ``target`` with the picture: photographs smooth, small pictures in crisp squares."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, pixmap.width() > COARSE)
    painter.drawPixmap(target, pixmap, QRectF(pixmap.rect()))


class Thumbnails(QObject):
    """The pictures of a run's validation images, made when asked for and kept for a while."""

    loaded = Signal(int)  # the image that can be drawn now
    _read = Signal(int, int, int, QImage)

    def __init__(self, runview: RunView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runview = runview
        self._kept: OrderedDict[tuple[int, int], QPixmap] = OrderedDict()
        self._wanted: set[tuple[int, int]] = set()
        self._source: tuple[int, int, str] | None = None
        self._serial = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._read.connect(self._keep_read)

    def small(self, image: int) -> QPixmap:
        """A square picture, null until `loaded` says that it is there."""
        return self._get(image, THUMBNAIL)

    def large(self, image: int, side: int) -> QPixmap:
        """The whole picture, at most ``side`` px; the small one until `loaded`."""
        items = self._runview.items
        if image < len(items) and items[image].path:
            pixmap = self._get(image, side)
            if not pixmap.isNull():
                return pixmap
        return self.small(image)

    def wait(self) -> None:
        """Until everything asked for has been read."""
        self._pool.waitForDone()

    def _get(self, image: int, side: int) -> QPixmap:
        self._follow_run()
        key = (image, side)
        pixmap = self._kept.get(key)
        if pixmap is not None:
            self._kept.move_to_end(key)
            return pixmap
        pixels = self._runview.thumbnails
        if side == THUMBNAIL and pixels is not None and image < len(pixels):
            return self._keep(key, to_image(pixels[image]))
        items = self._runview.items
        if image < len(items) and items[image].path and key not in self._wanted:
            self._wanted.add(key)
            path, serial = items[image].path, self._serial
            self._pool.start(lambda: self._load(serial, image, side, path))
        return QPixmap()

    def _follow_run(self) -> None:
        """Forget the pictures of another run."""
        source = (id(self._runview.items), id(self._runview.thumbnails), self._runview.path)
        if self._source != source:
            self._source = source
            self._serial += 1
            self._kept.clear()
            self._wanted.clear()
            self._pool.clear()

    def _load(self, serial: int, image: int, side: int, path: str) -> None:
        """In the pool's thread."""
        picture = read_image(path, side, crop=side == THUMBNAIL)
        self._read.emit(serial, image, side, picture)

    def _keep_read(self, serial: int, image: int, side: int, picture: QImage) -> None:
        if serial == self._serial:
            self._keep((image, side), picture)
            self.loaded.emit(image)

    def _keep(self, key: tuple[int, int], picture: QImage) -> QPixmap:
        pixmap = self._kept[key] = QPixmap.fromImage(picture)
        self._wanted.discard(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return pixmap


def fitted(size: QSize, room: QRectF) -> QRectF:
    """``size``'s shape as large as ``room`` allows, in its middle."""
    scaled = size.scaled(int(room.width()), int(room.height()), Qt.AspectRatioMode.KeepAspectRatio)
    target = QRectF(0, 0, scaled.width(), scaled.height())
    target.moveCenter(room.center())
    return target
