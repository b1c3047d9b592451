"""Reading and moving files without making the window wait: one thread, one thing after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, QThreadPool, Signal
from shiboken6 import isValid

from qdesigner.errors import UserError

Found = TypeVar("Found")


class Background(QObject):
    """Does work in a thread of its own; what comes of it is taken up in the window's."""

    _done = Signal(int, object)  # serial, what to do now

    def __init__(self, owner: QObject | None = None) -> None:
        """What comes for an ``owner`` that is gone meanwhile is dropped."""
        super().__init__()  # no child of the owner: the thread may still be telling it something
        self._owner = owner
        self._serial = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._done.connect(self._finish)

    def do(
        self,
        work: Callable[[], Found],
        then: Callable[[Found], object],
        failed: Callable[[str], object],
    ) -> None:
        """Do ``work`` there and ``then`` here with what it found, or ``failed`` with the sentence
        of its UserError."""
        serial = self._serial

        def run() -> None:
            try:
                found = work()
            except UserError as error:
                text = str(error)
                self._done.emit(serial, lambda: failed(text))
            else:
                self._done.emit(serial, lambda: then(found))

        self._pool.start(run)

    def finish(self) -> None:
        """Wait until all that was asked for is done; what comes of it is taken up later."""
        self._pool.waitForDone()

    def forget(self) -> None:
        """Nothing of what was asked for is wanted any more."""
        self._serial += 1
        self._pool.clear()

    def _finish(self, serial: int, now: Callable[[], object]) -> None:
        if serial == self._serial and (self._owner is None or isValid(self._owner)):
            now()
