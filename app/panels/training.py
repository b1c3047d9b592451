"""The Training tab: loss and accuracy as they come, and the images that go most wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QStackedLayout, QWidget

from app.panels.cells import Caption
from app.panels.mostwrong import MostWrong
from app.runview import RunView

if TYPE_CHECKING:
    from app.panels.curves import Plot

ROOM_FOR_IMAGES = 600  # px: narrower than this, only the curves are shown
SHARE_OF_IMAGES = 0.4


class TrainingPanel(QWidget):
    """Two plots side by side with the most wrong images to their right."""

    def __init__(self, runview: RunView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runview = runview
        self.plots: dict[str, Plot] = {}
        self._stale = True
        self.hint = Caption()
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self._curves = QWidget()
        self._stack = QStackedLayout()
        self._stack.addWidget(self.hint)
        self._stack.addWidget(self._curves)
        self.most_wrong = MostWrong(runview)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(16)
        row.addLayout(self._stack, 1)
        row.addWidget(self.most_wrong)
        runview.curves_changed.connect(self._refresh)
        runview.state_changed.connect(self._refresh)
        runview.predictions_changed.connect(self._lay_out)
        self._lay_out()

    def showEvent(self, event: QShowEvent) -> None:
        """Build the plots at the first time, after the window has been painted."""
        super().showEvent(event)
        QTimer.singleShot(0, self._first_look)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Decide whether there is room for the images."""
        super().resizeEvent(event)
        self._lay_out()

    def _first_look(self) -> None:
        if not self.plots:
            self._build()
        if self._stale:
            self._refresh()

    def _build(self) -> None:
        from app.panels.curves import Legend, Plot

        grid = QGridLayout(self._curves)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        grid.setHorizontalSpacing(12)
        for column, quantity in enumerate(("loss", "accuracy")):
            plot = self.plots[quantity] = Plot(self._runview, quantity)
            title = QHBoxLayout()
            title.setSpacing(8)
            title.addWidget(Caption(quantity.capitalize(), bold=True))
            title.addStretch(1)
            if quantity == "accuracy":
                title.addWidget(Legend())
            grid.addLayout(title, 0, column)
            grid.addWidget(plot, 1, column)
            grid.setColumnStretch(column, 1)
        grid.setRowStretch(1, 1)

    def _refresh(self) -> None:
        self._say()
        if not self.isVisible() or not self.plots:
            self._stale = True
            return
        self._stale = False
        for plot in self.plots.values():
            plot.refresh()

    def _say(self) -> None:
        """What to do, or what goes on, while there is no curve."""
        run = self._runview
        if len(run.steps) or len(run.epochs):
            self._stack.setCurrentWidget(self._curves)
            return
        self._stack.setCurrentWidget(self.hint)
        self.hint.set_colour("wrong" if run.phase == "failed" else "muted")
        if run.phase == "preparing" and run.progress is not None:
            progress = run.progress
            count = f" {progress.done:,} of {progress.total:,}" if progress.total else ""
            text = f"{progress.what.capitalize()}{count} …"
        elif run.phase == "running":
            text = "The first steps are on their way …"
        elif run.phase == "failed":
            text = run.reason
        else:
            text = "Press Train (Space) to watch loss and accuracy here."
        self.hint.setText(text)

    def _lay_out(self) -> None:
        roomy = self.width() >= ROOM_FOR_IMAGES
        self.most_wrong.setVisible(roomy and len(self._runview.labels) > 0)
        self.most_wrong.take_width(int(self.width() * SHARE_OF_IMAGES))
