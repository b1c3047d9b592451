"""The Evaluate tab: a trained run on one device, or rehearsed on many. Import it late."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.document import Document
from app.panels.evaluate import EvaluatePanel
from app.panels.rehearsal import RehearsalPanel
from app.panels.switch import Switch
from app.runview import RunView
from app.tasks import Task


class EvaluateTab(QWidget):
    """Two pages of one tab."""

    def __init__(
        self, document: Document, runview: RunView, evaluation: Task, rehearsing: Task
    ) -> None:
        super().__init__()
        self.one = EvaluatePanel(document, runview, evaluation)
        self.rehearsal = RehearsalPanel(document, runview, rehearsing)
        self.one.layout().setContentsMargins(0, 0, 0, 0)
        self.pages = Switch()
        self.pages.add("one", "One device", self.one)
        self.pages.add("rehearsal", "Rehearse on hardware", self.rehearsal)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 6, 12, 8)
        box.addWidget(self.pages)
