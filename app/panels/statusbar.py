"""The status line: the data in use, what the gradients are, and when work was last kept."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QStatusBar

from app.autosave import Autosave
from app.checked import Checked
from app.document import Document
from app.panels.devices import noise_words, shots_words
from app.panels.header import number
from app.runs import edited
from app.runview import RunView
from app.session import Session
from qdesigner.catalog.devices import DEVICES, gradient
from qdesigner.design.plan import trained_prefix
from qdesigner.design.spec import Design
from qdesigner.session import events

STATES = {
    "warming": "training process is starting",
    "ready": "training process is ready",
    "training": "training",
    "paused": "paused",
    "stopping": "stopping",
}


class StatusBar(QStatusBar):
    """Left: what training works with; right: autosave."""

    def __init__(
        self,
        document: Document,
        session: Session,
        checked: Checked,
        autosave: Autosave,
        runview: RunView,
    ) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self._document, self._session, self._checked = document, session, checked
        self._runview = runview
        self._features = ""
        self._left, self._right = QLabel(), QLabel()
        self._left.setContentsMargins(10, 0, 0, 0)
        self._right.setContentsMargins(0, 0, 10, 0)
        self.addWidget(self._left, 1)
        self.addPermanentWidget(self._right)
        checked.changed.connect(self._show)
        session.state_changed.connect(lambda _state: self._show())
        session.event.connect(self._take)
        runview.state_changed.connect(self._show)
        runview.travelled.connect(self._show)
        document.saved.connect(lambda: self._right.setText("saved"))
        document.changed.connect(lambda _design: self._edited())
        document.replaced.connect(self.forget_features)
        autosave.written.connect(self._kept)
        self._show()

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.Started):
            frozen = trained_prefix(self._document.design) > 0
            self._features = "features cached" if frozen else ""
            self._show()

    def forget_features(self) -> None:
        """The features that the run cached are gone, or the run was another project's."""
        self._features = ""
        self._show()

    def _edited(self) -> None:
        if not self._document.modified:
            self._right.setText("")

    def _kept(self, time: str) -> None:
        undo = " · all changes can be undone" if self._document.undo_label else ""
        self._right.setText(f"autosaved {time}{undo}")

    def _show(self) -> None:
        parts = [STATES[self._session.state]]
        if self._runview.at_epoch is not None:
            parts.insert(0, looking_back(self._runview))
        run = self._runview.design
        changed = run is not None and edited(run, self._document.design)
        if self._session.busy and self._runview.curves.compute != "cpu":
            parts.append(f"on {self._runview.curves.compute}")
        if self._features and not changed:
            parts.append(self._features)
        facts = self._checked.facts
        if facts is not None:
            what = "rows" if self._document.design.data.rows else "images"
            parts.append(f"{number(facts.train + facts.validation + facts.test)} {what}")
            if facts.skipped:
                count = len(facts.skipped)
                parts.append(f"{count} file{'s' if count > 1 else ''} skipped")
        if any(stage.circuit is not None for stage in self._document.design.stages):
            device = self._document.design.device
            noise = f"{noise_words(device)}, " if device.noise else ""
            how = gradients(self._document.design)
            parts.append(f"{DEVICES[device.name].label}, {noise}{how}")
        if changed:
            parts.append("edited since this run began")
        self._left.setText(" · ".join(parts))


def looking_back(runview: RunView) -> str:
    """Which epoch is looked at."""
    return f"epoch {runview.at_epoch} of {runview.total_epochs} (looking back)"


def gradients(design: Design) -> str:
    """What the gradients are: exact or from shots, and the method."""
    circuit = next(stage.circuit for stage in design.stages if stage.circuit is not None)
    method = gradient(design.device, circuit)
    if not method:
        return "no gradients on this device"
    if design.device.shots:
        return f"gradients from {shots_words(design.device)} ({method})"
    return f"exact gradients ({method})"
