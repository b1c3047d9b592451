"""The Training tab: loss and accuracy as they come, and the images that go most wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QStackedLayout,
    QWidget,
)

from app.panels import series
from app.panels.cells import Caption
from app.panels.legend import Legend
from app.panels.mostwrong import MostWrong
from app.runview import RunView

if TYPE_CHECKING:
    from app.panels.curves import Plot

ROOM_FOR_IMAGES = 600  # px: narrower than this, only the curves are shown
SHARE_OF_IMAGES = 0.4
ROOM_FOR_LEGEND = 560  # px of both curves: narrower than this, the legend stands in the plot
SMOOTHEST = 0.99  # how much a step weighs beside the next one, with the slider at its end


class TrainingPanel(QWidget):
    """Two plots side by side with the most wrong images to their right. ``export`` is the command
    that writes the curves to a file."""

    def __init__(
        self, runview: RunView, export: QAction | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._runview, self._export = runview, export
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
        runview.travelled.connect(self._look)
        self._lay_out()

    def showEvent(self, event: QShowEvent) -> None:
        """Build the plots at the first time, after the window has been painted."""
        super().showEvent(event)
        QTimer.singleShot(0, self, self._first_look)

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
        from app.panels.curves import Plot

        self._make_controls()
        grid = QGridLayout(self._curves)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        grid.setHorizontalSpacing(12)
        loss, score = Plot(self._runview, "loss"), Plot(self._runview, self._runview.score)
        self.plots = {"loss": loss, "score": score}
        heads = (
            [Caption("Loss", bold=True), self.log, 1, self._smooth_word, self.smoothing],
            [self.quantity, 1, self.legend, self.more],
        )
        for column, (head, plot) in enumerate(zip(heads, (loss, score), strict=True)):
            row = QHBoxLayout()
            row.setSpacing(8)
            for part in head:
                row.addStretch(1) if isinstance(part, int) else row.addWidget(part)
            grid.addLayout(row, 0, column)
            grid.addWidget(plot, 1, column)
            grid.setColumnStretch(column, 1)
        grid.setRowStretch(1, 1)
        self._inner_legend = Legend(upright=True, parent=loss)
        self._lay_out()

    def _make_controls(self) -> None:
        """What changes how the curves are drawn."""
        self.log = QCheckBox("log")
        self.log.setToolTip("Logarithmic scale of the loss")
        self.log.toggled.connect(lambda on: self.plots["loss"].use_log(on))
        self._smooth_word = Caption("Smooth")
        self.smoothing = QSlider(Qt.Orientation.Horizontal, maximum=100)
        self.smoothing.setAccessibleName("Smoothing of the steps")
        self.smoothing.setToolTip("Moving average of the steps; the epochs stay as they are")
        self.smoothing.setMinimumWidth(40)
        self.smoothing.setMaximumWidth(96)
        self.smoothing.valueChanged.connect(self._smooth)
        self.quantity = QComboBox()
        self.quantity.setAccessibleName("What is drawn beside the loss")
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.quantity.setSizeAdjustPolicy(policy)
        self.quantity.setMinimumContentsLength(7)
        self.quantity.activated.connect(
            lambda _place: self.plots["score"].show_quantity(self.quantity.currentData())
        )
        self.legend = Legend()
        self.more = QPushButton("Export…")
        self.more.setProperty("kind", "link")
        self.more.setToolTip("Write the curves as PNG, SVG or CSV")
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if self._export is None:
            self.more.hide()
        else:
            self.more.clicked.connect(self._export.trigger)

    def _smooth(self) -> None:
        for plot in self.plots.values():
            plot.smooth(self.decay)

    @property
    def decay(self) -> float:
        """What the slider says: from nothing evenly to ever longer averages, 0 … 0.99."""
        return SMOOTHEST * (1 - (1 - self.smoothing.value() / 100) ** 2)

    def export(self, path: Path) -> tuple[Path, ...]:
        """Write the curves as they are shown; the files written. Raises UserError."""
        from app.panels.exportcurves import Look, export_curves

        if not self.plots:
            self._build()
        look = Look(("loss", self.plots["score"].quantity), self.log.isChecked(), self.decay)
        return export_curves(self._runview, look, path)

    def _offer_quantities(self) -> None:
        """The run's own metrics; another kind of run begins with its score."""
        wanted = series.choices(self._runview.curves)
        if wanted == [self.quantity.itemData(place) for place in range(self.quantity.count())]:
            return
        score, kept = self.plots["score"], self.plots["score"].quantity
        self.quantity.clear()
        for name in wanted:
            self.quantity.addItem(series.name(name), name)
        self.quantity.setCurrentIndex(max(0, self.quantity.findData(kept)))
        if self.quantity.currentData() != kept:
            score.show_quantity(self.quantity.currentData())

    def _look(self) -> None:
        for plot in self.plots.values():
            plot.look_at(self._runview.at_epoch)

    def _refresh(self) -> None:
        self._say()
        if not self.isVisible() or not self.plots:
            self._stale = True
            return
        self._stale = False
        self._offer_quantities()
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
        images = roomy and len(self._runview.labels) > 0 and not self._runview.regression
        self.most_wrong.setVisible(images)
        self.most_wrong.take_width(int(self.width() * SHARE_OF_IMAGES))
        if self.plots:
            wide = self.width() - (self.most_wrong.maximumWidth() if images else 0)
            self.legend.setVisible(wide >= ROOM_FOR_LEGEND)
            self._smooth_word.setVisible(wide >= ROOM_FOR_LEGEND)
            self._inner_legend.setVisible(wide < ROOM_FOR_LEGEND)
