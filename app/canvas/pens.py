"""What all painting of the board shares: its face, a wire's colour, text centred on a point."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter

from app import theme


def font(size: int, bold: bool = False, mono: bool = False) -> QFont:
    """The window's face at ``size`` pixels."""
    face = QFont()
    if mono:
        face.setFamilies(["DejaVu Sans Mono", "Menlo", "Consolas", "monospace"])
        face.setStyleHint(QFont.StyleHint.Monospace)
    face.setPixelSize(size)
    face.setBold(bold)
    return face


def wire_colour() -> QColor:
    """The colour of a wire: quiet, so that gates stand out."""
    colours = theme.current()
    return theme.blend(QColor(colours.faint), QColor(colours.panel), 0.7)


def centred(painter: QPainter, x: float, y: float, shown: str, width: float = 400) -> None:
    """Text with its middle at a point."""
    box = QRectF(x - width / 2, y - 16, width, 32)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)
