"""Choosing a run's learned weights for a stage: a button that shows the kept runs as a menu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QMenu, QPushButton

from app.background import Background
from qdesigner.design.spec import display_name
from qdesigner.session.runs import KeptStages, kept_stages


class RunWeights(QPushButton):
    """Shows the run that a stage's weights come from, and offers those that have such a stage. The
    runs are read in a thread."""

    def __init__(self, kind: str, commit: Callable[[Any], object]) -> None:
        super().__init__()
        self._kind, self._commit = kind, commit
        self._tip = ""
        self._background = Background(self)
        self.clicked.connect(self._ask)

    def show_value(self, value: Any) -> None:
        """``value`` is (the run's folder, the stage's name there), or two empty ones."""
        path, stage = value
        name = f"{display_name(path)}: {stage}" if path else "Choose…"
        self.setText(self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, 108))
        self._tip = self._tip or self.toolTip()
        self.setToolTip(f"{stage} of the run {path}" if path else self._tip)

    def hideEvent(self, event: QHideEvent) -> None:
        """Another stage is chosen: nothing is offered for this one any more."""
        super().hideEvent(event)
        self._background.forget()

    def _ask(self) -> None:
        self._background.forget()
        self._background.do(lambda: kept_stages(self._kind), self._offer, lambda _text: None)

    def _offer(self, runs: tuple[KeptStages, ...]) -> None:
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for run in runs:
            for stage in run.stages:
                several = f": {stage}" if len(run.stages) > 1 else ""
                action = menu.addAction(f"{run.name}{several} · {run.words}")
                action.setToolTip(str(run.path))
                action.triggered.connect(
                    lambda _on=False, p=str(run.path), s=stage: self._commit((p, s))
                )
        if not runs:
            menu.addAction("No run that is kept has such a stage").setEnabled(False)
        menu.setToolTipsVisible(True)
        menu.popup(self.mapToGlobal(QPoint(0, self.height())))
