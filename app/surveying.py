"""Looking through the data for the Data tab: the surveying child as Qt signals.

The child imports much and holds what it has read, so it is started when it is first asked for and
ended when nobody has asked for a while.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from qdesigner.design.spec import Augmentation, DataSpec
from qdesigner.session.client import Child
from qdesigner.session.events import Progress
from qdesigner.session.survey import Survey, Surveyed, SurveyFailed, Varied, Vary

_log = logging.getLogger(__name__)

LOOK = 50  # ms between two looks at the child
IDLE = 90_000  # ms without work after which it is ended


class Surveying(QObject):
    """``found`` is what the last look through the data that ended came to; ``asked`` the data that
    is looked through or was last, None after Cancel; ``error`` why it could not be."""

    changed = Signal()
    varied = Signal(object)  # Varied, the answer to the newest `vary`

    def __init__(self) -> None:
        super().__init__()
        self.found: Surveyed | None = None
        self.asked: DataSpec | None = None
        self.error = ""
        self.progress: Progress | None = None
        self._child: Child | None = None
        self._dead = False  # seen dead once; its last words are read before it is reported
        self._serial = 0
        self._survey = self._vary = 0  # serials of what is on its way, 0 for none
        self._timer = QTimer(self, interval=LOOK)
        self._timer.timeout.connect(self._poll)
        self._idle = QTimer(self, singleShot=True, interval=IDLE)
        self._idle.timeout.connect(self._rest)

    @property
    def busy(self) -> bool:
        """Whether data is being looked through."""
        return bool(self._survey)

    def survey(self, spec: DataSpec) -> None:
        """Look through the data of ``spec``; what is looked through now is given up."""
        self.asked, self.error, self.progress = spec, "", None
        self._survey = self._send(lambda serial: Survey(serial, spec))
        self.changed.emit()

    def vary(self, spec: DataSpec, augmentation: Augmentation, path: str, count: int) -> None:
        """Ask for variants of one image; of several requests only the newest is answered."""
        self._vary = self._send(lambda serial: Vary(serial, spec, augmentation, path, count))

    def cancel(self) -> None:
        """Give up looking through the data."""
        if self._survey:
            self._end()
            self.asked, self.progress = None, None
            self.changed.emit()

    def close(self) -> None:
        """End the child, and say nothing more."""
        self.blockSignals(True)
        self._end()

    def _send(self, command: Callable[[int], Survey | Vary]) -> int:
        self._serial += 1
        if self._child is None:
            self._dead = False
            self._child = Child("qdesigner.survey")
            self._child.start()
        self._child.send(command(self._serial))
        self._idle.stop()
        self._timer.start()
        return self._serial

    def _poll(self) -> None:
        child = self._child
        if child is None:
            return
        dead = not child.alive
        for message in child.poll():
            self._take(message)
        if dead and self._dead and self._child is child:
            self._bury(child)
        self._dead = dead

    def _take(self, message: object) -> None:
        match message:
            case Progress() if self._survey:
                self.progress = message
                self.changed.emit()
            case Surveyed() if message.serial == self._survey:
                self.found = message
                self._finish()
            case SurveyFailed() if message.serial == self._survey:
                self.found, self.error = None, message.reason
                self._finish()
            case Varied() if message.serial == self._vary:
                self._vary = 0
                self.varied.emit(message)
                self._idle.start()

    def _finish(self) -> None:
        self._survey, self.progress = 0, None
        self._idle.start()
        self.changed.emit()

    def _bury(self, child: Child) -> None:
        """It is dead and its last words are read: say why, where something was asked of it."""
        reason = child.exit_reason()
        _log.warning("The process that looks through data is gone. %s", reason)
        asked, wanted = self._survey, self._vary
        self._end()
        if asked:
            self.error = f"Looking through the data broke off. {reason}"
            self.changed.emit()
        if wanted:
            self.varied.emit(Varied(wanted, error=f"No variants were made. {reason}"))

    def _rest(self) -> None:
        if not (self._survey or self._vary):
            self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        self._survey = self._vary = 0
        self._timer.stop()
        if child is not None:
            threading.Thread(target=child.stop, name="stop survey", daemon=False).start()
