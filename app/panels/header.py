"""The bar under the menus: the project's name, undo and redo, training, its progress, export."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
)

from app import theme
from app.document import Document
from app.icons import icon
from app.runs import Runs
from app.runview import RunView
from app.sentences import sentence
from app.session import Session
from qdesigner.design import edits
from qdesigner.session import events

if TYPE_CHECKING:
    from app.panels.devices import DeviceButton

NAME_WIDTH = 260  # px, at most
ROOMY = 1240  # px
SCALE = 1000


class Header(QFrame):
    """Name, progress and the commands used most; the buttons are those of the menus."""

    def __init__(
        self,
        document: Document,
        session: Session,
        runview: RunView,
        runs: Runs,
        actions: dict[str, QAction],
        device: DeviceButton,
    ) -> None:
        super().__init__()
        self.setProperty("role", "header")
        self.setFixedHeight(52)
        self._document, self._session = document, session
        self._runview, self._runs = runview, runs
        self._total_epochs = self._steps = 0
        self._said = ""  # of the run that goes on, also while an earlier epoch is looked at
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(6)
        self._name = QLineEdit(maxLength=200)
        self._name.setProperty("role", "name")
        self._name.setAccessibleName("Project name")
        self._name.setToolTip("The project's name; click to change it")
        self._name.editingFinished.connect(self._rename)
        self._name.textChanged.connect(lambda _text: self._fit_name())
        self._saved = QLabel()
        self._saved.setProperty("role", "muted")
        row.addWidget(self._name)
        row.addWidget(self._saved)
        row.addSpacing(16)
        self._buttons = {
            name: ActionButton(actions[name], kind)
            for name, kind in (
                ("undo", "tool"), ("redo", "tool"), ("train", "go"), ("pause", "tool"),
                ("stop", "tool"), ("export", "primary"),
            )
        }  # fmt: skip
        for name in ("undo", "redo"):
            row.addWidget(self._buttons[name])
        row.addSpacing(16)
        row.addWidget(self._buttons["train"])
        row.addWidget(self._make_more(actions))
        for name in ("pause", "stop"):
            row.addWidget(self._buttons[name])
        row.addSpacing(16)
        self._add_progress(row)
        row.addSpacing(16)
        self._word = QLabel("Device")
        self._word.setProperty("role", "muted")
        row.addWidget(self._word)
        self._device = device
        row.addWidget(device)
        row.addSpacing(8)
        row.addWidget(self._buttons["export"])
        document.changed.connect(lambda _design: self._show_name())
        document.saved.connect(self._show_name)
        document.path_changed.connect(self._show_name)
        document.replaced.connect(self._forget_progress)
        session.event.connect(self._take)
        session.state_changed.connect(lambda _state: self._show_state())
        runs.changed.connect(self._show_more)
        document.changed.connect(lambda _design: self._show_more())
        runview.state_changed.connect(self._show_more)
        runview.travelled.connect(self._say)
        theme.changed.connect(self._restyle)
        self._show_name()
        self._show_state()
        self._restyle()

    def _make_more(self, actions: dict[str, QAction]) -> QPushButton:
        """Beside Resume: what else could be done instead."""
        self._more = QPushButton()
        self._more.setProperty("kind", "more")
        self._more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._more.setAccessibleName("Train anew, or branch")
        self._more.setToolTip("Train anew, or branch, instead of going on with the last run")
        menu = QMenu(self._more)
        menu.addAction(actions["train_anew"])
        menu.addAction(actions["branch"])
        self._more.setMenu(menu)
        self._more.hide()
        return self._more

    def _show_more(self) -> None:
        self._more.setVisible(self._runs.verb == "Resume")

    def _add_progress(self, row: QHBoxLayout) -> None:
        self._bar = QProgressBar(textVisible=False, maximum=SCALE)
        self._bar.setMinimumWidth(60)
        self._bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._text = QLabel()
        self._text.setProperty("role", "muted")
        row.addWidget(self._bar, 1)
        row.addSpacing(4)
        row.addWidget(self._text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The device gives way where the progress needs the room: Model ▸ Device has it too."""
        super().resizeEvent(event)
        for widget in (self._word, self._device):
            widget.setVisible(self.width() >= ROOMY)

    # ---- the name -------------------------------------------------------------------------------

    def _show_name(self) -> None:
        if not self._name.hasFocus():
            self._name.setText(self._document.design.name)
            self._name.setCursorPosition(0)
        if self._document.modified:
            text = "•  modified"
        else:
            text = "•  saved" if self._document.path else "•  not saved yet"
        self._saved.setText(text)
        self._saved.setToolTip(str(self._document.path or "This project has no file yet"))

    def _fit_name(self) -> None:
        self._name.ensurePolished()
        wanted = QFontMetrics(self._name.font()).horizontalAdvance(self._name.text()) + 24
        self._name.setFixedWidth(max(60, min(NAME_WIDTH, wanted)))

    def _rename(self) -> None:
        name = " ".join(self._name.text().split())
        if name and name != self._document.design.name:
            try:
                self._document.apply("Rename project", edits.rename(self._document.design, name))
            except edits.EditError as error:
                self._name.setToolTip(sentence(error))
        self._name.clearFocus()
        self._show_name()

    # ---- progress -------------------------------------------------------------------------------

    def _take(self, event: events.Event) -> None:
        match event:
            case events.Started():
                self._total_epochs = event.epochs
                self._steps = max(1, event.epochs * event.steps_per_epoch)
            case events.Progress():
                done = event.done / event.total if event.total else 0.0
                self._show(done, progress_text(event))
            case events.Steps():
                self._show_steps(event)
            case events.Mark():
                self._total_epochs = self._runview.total_epochs or self._total_epochs
            case events.Finished():
                best = score_text(self._runview.regression, event.best_val_accuracy)
                ended = "stopped early" if event.early else "finished"
                self._show(1.0, f"{ended} · best validation {best}")
            case events.Stopped():
                epochs = f"{event.epochs} epoch{'' if event.epochs == 1 else 's'}"
                self._show(self._bar.value() / SCALE, f"stopped after {epochs}")
            case events.Failed():
                self._show(self._bar.value() / SCALE if event.resumable else 0.0, "failed")

    def _show_steps(self, event: events.Steps) -> None:
        if event.at:
            done = event.at[-1] / max(1, self._total_epochs)
        else:
            done = (event.first + len(event.losses)) / max(1, self._steps)
        parts = [
            f"epoch {event.epoch} / {self._total_epochs}",
            f"{number(event.images_per_second)} img/s",
            left(event.seconds_left),
        ]
        self._show(done, " · ".join(filter(None, parts)))

    def _show(self, done: float, text: str) -> None:
        self._bar.setValue(round(SCALE * min(1.0, max(0.0, done))))
        self._said = text
        self._say()

    def _say(self) -> None:
        """The run's progress, or which epoch is looked at."""
        at = self._runview.at_epoch
        self._text.setText(self._said if at is None else f"looking back at epoch {at}")

    def _show_state(self) -> None:
        state = self._session.state
        if state == "stopping":
            self._show(self._bar.value() / SCALE, "stopping…")
        elif state == "training" and not self._bar.value():
            self._show(0.0, "starting…")
        self._restyle()

    def _forget_progress(self) -> None:
        self._show(0.0, "")

    def _restyle(self) -> None:
        now = theme.current()
        for name, drawn, colour in (
            ("undo", "undo", now.text), ("redo", "redo", now.text), ("pause", "pause", now.text),
            ("stop", "stop", now.text), ("train", "play", "#ffffff"),
        ):  # fmt: skip
            faint = now.muted if name == "train" else now.faint
            self._buttons[name].setIcon(icon(drawn, colour, faint))


class ActionButton(QPushButton):
    """A button that is an action: same text, same tip, enabled when it is."""

    def __init__(self, action: QAction, kind: str) -> None:
        super().__init__()
        self._action = action
        self._plain = kind == "tool"
        self.setProperty("kind", kind)
        self.setIconSize(QSize(16, 16))
        # A click must not take the keyboard: Space trains, wherever one has clicked.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        action = self._action
        self.setEnabled(action.isEnabled())
        keys = action.shortcut().toString(action.shortcut().SequenceFormat.NativeText)
        tip = action.toolTip()
        self.setToolTip(f"{tip} ({keys})" if keys else tip)
        self.setAccessibleName(action.text().replace("&", ""))
        if not self._plain:
            self.setText(action.text().replace("&", ""))


def progress_text(event: events.Progress) -> str:
    """What goes on before the first step, with rate and expected end where they are known."""
    if not event.total:
        return f"{event.what}…"
    text = f"{event.what} {number(event.done)} / {number(event.total)}"
    if event.rate > 0:
        rest = left((event.total - event.done) / event.rate)
        text = " · ".join(filter(None, [text, f"{number(event.rate)} img/s", rest]))
    return text


def number(value: float) -> str:
    """A count with thin groups of thousands: 1 840."""
    return f"{value:,.0f}".replace(",", "\N{THIN SPACE}")


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours when there are any: 00:04."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def left(seconds: float) -> str:
    """An expected end no more exact than it is: "about 40 s left"; "" while none is known."""
    if not math.isfinite(seconds) or seconds <= 0:
        return ""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 55:
        return f"about {5 * round(seconds / 5)} s left"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min left"
    hours, rest = divmod(5 * round(seconds / 300), 60)
    return f"about {hours} h {rest} min left" if rest else f"about {hours} h left"


def score_text(regression: bool, score: float) -> str:
    """A run's score: "96.7%", or an error's three digits."""
    return f"error {score:.3g}" if regression else f"{score:.1%}"
