"""Looking through the data for the Data tab: the surveying child as Qt signals.

The child imports much and holds what it has read, so it is started when it is first asked for and
ended when nobody has asked for a while.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal

from app.attended import Attended
from qdesigner.design.spec import Augmentation, DataSpec
from qdesigner.session.events import Progress
from qdesigner.session.survey import Survey, Surveyed, SurveyFailed, Varied, Vary

IDLE = 90_000  # ms without work after which it is ended


class Surveying(Attended):
    """``found`` is what the last look through the data that ended came to; ``asked`` the data that
    is looked through or was last, None after Cancel; ``error`` why it could not be."""

    changed = Signal()
    varied = Signal(object)  # Varied, the answer to the newest `vary`

    def __init__(self) -> None:
        super().__init__("qdesigner.survey")
        self.found: Surveyed | None = None
        self.asked: DataSpec | None = None
        self.error = ""
        self.progress: Progress | None = None
        self._serial = 0
        self._survey = self._vary = 0  # serials of what is on its way, 0 for none
        self._idle = QTimer(self, singleShot=True, interval=IDLE)
        self._idle.timeout.connect(self._rest)

    @property
    def busy(self) -> bool:
        """Whether data is being looked through."""
        return bool(self._survey)

    def survey(self, spec: DataSpec) -> None:
        """Look through the data of ``spec``; what is looked through now is given up."""
        self.asked, self.error, self.progress = spec, "", None
        self._survey = self._ask(lambda serial: Survey(serial, spec))
        self.changed.emit()

    def vary(self, spec: DataSpec, augmentation: Augmentation, path: str, count: int) -> None:
        """Ask for variants of one image; of several requests only the newest is answered."""
        self._vary = self._ask(lambda serial: Vary(serial, spec, augmentation, path, count))

    def cancel(self) -> None:
        """Give up looking through the data."""
        if self._survey:
            self._end()
            wanted, self._survey, self._vary = self._vary, 0, 0
            self.asked, self.progress = None, None
            if wanted:
                self.varied.emit(Varied(wanted, error="Cancelled."))
            self.changed.emit()

    def _ask(self, command: Callable[[int], Survey | Vary]) -> int:
        self._serial += 1
        self._idle.stop()
        self._send(command(self._serial))
        return self._serial

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

    def _broke_off(self, reason: str) -> None:
        """Say why, where something was asked of it."""
        asked, wanted = self._survey, self._vary
        self._survey = self._vary = 0
        if asked:
            self.error = f"Looking through the data broke off. {reason}"
            self.changed.emit()
        if wanted:
            self.varied.emit(Varied(wanted, error=f"No variants were made. {reason}"))

    def _rest(self) -> None:
        if not (self._survey or self._vary):
            self._end()
