"""The bar under the results: a slider over the epochs that a run has kept.

Curves, weights, live state, confusion matrix and images all show the epoch that is looked at.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSlider

from app.panels.cells import Caption
from app.runview import RunView


def travel(runview: RunView, step: int) -> None:
    """Look at the kept epoch ``step`` places after the one looked at; behind the last is now."""
    kept = runview.kept
    if not kept:
        return
    place = len(kept) - 1 if runview.at_epoch is None else _place(kept, runview.at_epoch)
    if place + step >= len(kept):
        runview.travel(None)
    else:
        runview.travel(kept[max(0, place + step)])


def _place(kept: tuple[int, ...], epoch: int) -> int:
    """Where ``epoch`` stands, or the last one before it."""
    return max(0, sum(number <= epoch for number in kept) - 1)


class TimeBar(QFrame):
    """Slider, the epoch in words, back to the newest, and branch."""

    def __init__(self, runview: RunView, branch: QAction) -> None:
        super().__init__()
        self._runview, self._branch = runview, branch
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Epoch to look at")
        self.slider.setToolTip("Drag to look back: curves, weights, live state and images")
        self.slider.setPageStep(1)
        self.text = Caption()
        self.live = QPushButton("Live")
        self.live.setToolTip("Back to the newest epoch, and follow the run")
        self.branch = QPushButton()
        for button in (self.live, self.branch):
            button.setProperty("kind", "fix")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 6)
        row.setSpacing(8)
        row.addWidget(Caption("Epoch"))
        row.addWidget(self.slider, 1)
        row.addWidget(self.text)
        row.addWidget(self.live)
        row.addWidget(self.branch)
        self.slider.valueChanged.connect(self._slid)
        self.live.clicked.connect(lambda: runview.travel(None))
        self.branch.clicked.connect(branch.trigger)
        branch.changed.connect(self._follow_branch)
        runview.travelled.connect(self._follow)
        runview.curves_changed.connect(self._follow)
        self._follow()

    def _slid(self, place: int) -> None:
        kept = self._runview.kept
        if place < len(kept):
            last = place == len(kept) - 1
            self._runview.travel(None if last else kept[place])

    def _follow(self) -> None:
        run = self._runview
        kept, at = run.kept, run.at_epoch
        self.setVisible(len(kept) > 1)
        if not kept:
            return
        self.slider.blockSignals(True)
        self.slider.setRange(0, len(kept) - 1)
        self.slider.setValue(len(kept) - 1 if at is None else _place(kept, at))
        self.slider.blockSignals(False)
        newest = int(run.epochs["epoch"][-1]) if len(run.epochs) else kept[-1]
        if at is None:
            self.text.setText(f"{newest} of {run.total_epochs}")
        else:
            self.text.setText(f"{at} of {run.total_epochs} (looking back)")
        self.text.set_colour("muted" if at is None else "accent")
        self.live.setVisible(at is not None)
        self._follow_branch()

    def _follow_branch(self) -> None:
        self.branch.setEnabled(self._branch.isEnabled())
        self.branch.setText("Branch from here")
        self.branch.setToolTip(f"{self._branch.text()}: {self._branch.toolTip()}")
