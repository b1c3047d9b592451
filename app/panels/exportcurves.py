"""A run's curves as a picture (PNG, SVG) or as tables (CSV)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QPoint, QRect, QRectF, QSaveFile, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from app import theme
from app.panels import series
from app.panels.cells import sized
from app.panels.curves import Plot
from app.panels.legend import Legend
from app.runview import RunView
from qdesigner.errors import UserError

SIZE = QSize(560, 360)  # px of one plot
TITLE, MARGIN, SHARP = 32, 12, 2


class Look(NamedTuple):
    """How the curves are drawn: the quantities, whether the loss is logarithmic, and by how much
    the steps are smoothed."""

    quantities: tuple[str, ...]
    log: bool = False
    decay: float = 0.0


def export_curves(runview: RunView, look: Look, path: Path) -> tuple[Path, ...]:
    """Write the run's curves to ``path`` in the way that its ending says; the files written.

    Raises UserError when they cannot be.
    """
    kind = path.suffix.lower()
    try:
        if kind == ".csv":
            return series.write_tables(runview.curves, path)
        if kind == ".svg":
            _write_svg(runview, look, path)
        elif kind == ".png":
            _write_png(runview, look, path)
        else:
            raise UserError(f"{path.name}: curves are written as .png, .svg or .csv.")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error
    return (path,)


def _whole(look: Look) -> QSize:
    across = len(look.quantities) * SIZE.width() + 2 * MARGIN
    return QSize(across, SIZE.height() + TITLE + MARGIN)


def _write_png(runview: RunView, look: Look, path: Path) -> None:
    image = QImage(_whole(look) * SHARP, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SHARP)
    painter = QPainter(image)
    _paint(painter, runview, look)
    painter.end()
    file = QSaveFile(str(path))
    if not (file.open(QSaveFile.OpenModeFlag.WriteOnly) and image.save(file, "PNG")
            and file.commit()):  # fmt: skip
        raise OSError(file.errorString())


def _write_svg(runview: RunView, look: Look, path: Path) -> None:
    file = QSaveFile(str(path))
    if not file.open(QSaveFile.OpenModeFlag.WriteOnly):
        raise OSError(file.errorString())
    generator = QSvgGenerator()
    generator.setOutputDevice(file)
    generator.setSize(_whole(look))
    generator.setViewBox(QRect(QPoint(0, 0), _whole(look)))
    generator.setTitle("Curves of a run")
    painter = QPainter(generator)
    _paint(painter, runview, look)
    painter.end()
    if not file.commit():
        raise OSError(file.errorString())


def _paint(painter: QPainter, runview: RunView, look: Look) -> None:
    """The plots beside each other, each below its name, as the window's theme has them."""
    painter.fillRect(QRect(QPoint(0, 0), _whole(look)), QColor(theme.current().panel))
    holder = QWidget()
    legend = Legend(parent=holder)
    for place, quantity in enumerate(look.quantities):
        left = MARGIN + place * SIZE.width()
        painter.setPen(QColor(theme.current().text))
        painter.setFont(sized(QFont(legend.font()), 1, bold=True))
        title = QRectF(left + 4, 0, SIZE.width(), TITLE)
        painter.drawText(title, Qt.AlignmentFlag.AlignVCenter, series.name(quantity))
        plot = Plot(runview, quantity, holder)
        plot.resize(SIZE)
        plot.use_log(look.log and quantity == "loss")
        plot.smooth(look.decay)
        plot.refresh()
        plot.grab()  # lays it out, as showing it does
        room = QRectF(left, TITLE, SIZE.width(), SIZE.height())
        plot.render(painter, room, plot.viewport().rect())
    legend.resize(legend.sizeHint())
    at = QPoint(_whole(look).width() - MARGIN - legend.width(), (TITLE - legend.height()) // 2)
    legend.render(painter, at, renderFlags=QWidget.RenderFlag(0))
    holder.deleteLater()
