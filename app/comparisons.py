"""The child that measures devices, as Qt signals. It lives while it measures, and no longer."""

from __future__ import annotations

import logging
import threading

from PySide6.QtCore import QObject, QTimer, Signal

from qdesigner.session.client import Child
from qdesigner.session.comparison import Compare, Compared, CompareFailed, Measured, Measuring

_log = logging.getLogger(__name__)

LOOK = 50  # ms between two looks at the child


class Comparison(QObject):
    """At most one comparison at a time; the window never waits for it."""

    measured = Signal(object)  # Row
    measuring = Signal(object)  # Measuring: what comes next
    ended = Signal(str)  # "" when all rows have come, else why not

    def __init__(self, module: str = "qdesigner.bench.child") -> None:
        super().__init__()
        self._module = module
        self._child: Child | None = None
        self._dead = False  # seen dead once; its last words are read before it is reported
        self._timer = QTimer(self, interval=LOOK)
        self._timer.timeout.connect(self._poll)

    @property
    def running(self) -> bool:
        """Whether something is being measured."""
        return self._child is not None

    def start(self, wanted: Compare) -> None:
        """Measure in a new child; returns at once. Nothing while another goes on."""
        if self._child is not None:
            return
        self._dead = False
        self._child = Child(self._module)
        self._child.start()
        self._child.send(wanted)
        self._timer.start()

    def cancel(self) -> None:
        """End the child; what has come stays."""
        if self._child is not None:
            self._end("Cancelled.")

    def close(self) -> None:
        """End the child, and say nothing more."""
        self.blockSignals(True)
        self.cancel()

    def _poll(self) -> None:
        child = self._child
        if child is None:
            return
        dead = not child.alive
        for said in child.poll():
            if self._child is not child:
                return  # a listener has cancelled it
            self._take(said)
        if dead and self._dead and self._child is child:
            self._end(f"The comparison broke off. {child.exit_reason()}")
        self._dead = dead

    def _take(self, said: object) -> None:
        if isinstance(said, Measured):
            self.measured.emit(said.row)
        elif isinstance(said, Measuring):
            self.measuring.emit(said)
        elif isinstance(said, CompareFailed):
            if said.details:
                _log.error("%s\n%s", said.reason, said.details)
            self._end(said.reason)
        elif isinstance(said, Compared):
            self._end("")

    def _end(self, why: str) -> None:
        child, self._child = self._child, None
        self._timer.stop()
        assert child is not None
        threading.Thread(target=child.stop, name="stop comparison", daemon=False).start()
        self.ended.emit(why)
