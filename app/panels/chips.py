"""What holds images back, as chips: each says a condition and takes it away when clicked."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from app.imagefilter import NOTHING, Filter
from app.panels.cells import Caption
from app.runview import RunView

MOST = 180  # px of a chip's words


class Chips(QWidget):
    """How many images are shown, a chip a condition, and a button that clears them all."""

    changed = Signal(object)  # the filter that is left

    def __init__(self) -> None:
        super().__init__()
        self.count = Caption()
        self.clear = QPushButton("Show all images")
        self.clear.setProperty("kind", "link")
        self.clear.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clear.clicked.connect(lambda: self.changed.emit(NOTHING))
        self.chips: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._row.addWidget(self.count)
        self._row.addWidget(self.clear)
        self._row.addStretch(1)
        self.hide()

    def show_filter(self, run: RunView, only: Filter, images: int) -> None:
        """Say what is asked for and how many images that lets through."""
        total = len(run.labels)
        self.count.setText(f"{images:,} of {total:,}")
        parts = list(only.parts(run))
        self.setVisible(bool(parts))
        while len(self.chips) > len(parts):
            self.chips.pop().deleteLater()
        while len(self.chips) < len(parts):
            self.chips.append(self._chip())
        for chip, (words, left) in zip(self.chips, parts, strict=True):
            cut = chip.fontMetrics().elidedText(words, Qt.TextElideMode.ElideMiddle, MOST)
            chip.setText(f"{cut}  ×")
            chip.setToolTip(f"Only images of this: {words}. Click to take it away")
            chip.setAccessibleName(f"Take away: {words}")
            chip.setProperty("left", left)

    def _chip(self) -> QPushButton:
        chip = QPushButton()
        chip.setProperty("kind", "chip")
        chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        chip.clicked.connect(lambda: self.changed.emit(chip.property("left")))
        self._row.insertWidget(1 + len(self.chips), chip)
        return chip
