"""One long piece of work in a child of its own, as Qt signals. The child lives as long as it
works, and no longer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from qdesigner.session.client import Child

_log = logging.getLogger(__name__)

LOOK = 50  # ms between two looks at the child

# Of what the child says: None while it goes on, "" when it is done, else why it is not.
Verdict = Callable[[object], str | None]


class Task(QObject):
    """At most one piece of work at a time in a child of ``module``; the window never waits."""

    said = Signal(object)  # what the child says on the way, and what it ends with
    ended = Signal(str)  # "" when all is done, else why not

    def __init__(self, module: str, name: str, verdict: Verdict) -> None:
        super().__init__()
        self._module, self._name, self._verdict = module, name, verdict
        self._child: Child | None = None
        self._dead = False  # seen dead once; its last words are read before it is reported
        self._timer = QTimer(self, interval=LOOK)
        self._timer.timeout.connect(self._poll)

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._child is not None

    def start(self, wanted: object) -> None:
        """Do it in a new child; returns at once. Nothing while another goes on."""
        if self._child is not None:
            return
        self._dead = False
        self._child = Child(self._module)
        self._child.start()
        self._child.send(wanted)
        self._timer.start()

    def answer(self, value: object) -> None:
        """Answer what the child has asked."""
        if self._child is not None:
            self._child.send(value)

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
        for message in child.poll():
            if self._child is not child:
                return  # a listener has cancelled it
            self._take(message)
        if dead and self._dead and self._child is child:
            self._end(f"The {self._name} broke off. {child.exit_reason()}")
        self._dead = dead

    def _take(self, message: object) -> None:
        self.said.emit(message)
        details = getattr(message, "details", "")
        if details:
            _log.error("%s", details)
        why = self._verdict(message)
        if why is not None and self._child is not None:
            self._end(why)

    def _end(self, why: str) -> None:
        child, self._child = self._child, None
        self._timer.stop()
        assert child is not None
        threading.Thread(target=child.stop, name=f"stop {self._name}", daemon=False).start()
        self.ended.emit(why)
