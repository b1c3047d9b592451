"""One long piece of work in a child of its own, as Qt signals. The child lives as long as it
works, and no longer."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import Signal

from app.attended import Attended

_log = logging.getLogger(__name__)

# Of what the child says: None while it goes on, "" when it is done, else why it is not.
Verdict = Callable[[object], str | None]


class Task(Attended):
    """At most one piece of work at a time in a child of ``module``; the window never waits."""

    said = Signal(object)  # what the child says on the way, and what it ends with
    ended = Signal(str)  # "" when all is done, else why not

    def __init__(self, module: str, name: str, verdict: Verdict) -> None:
        super().__init__(module)
        self._name, self._verdict = name, verdict

    def start(self, wanted: object) -> None:
        """Do it in a new child; returns at once. Nothing while another goes on."""
        if not self.running:
            self._send(wanted)

    def answer(self, value: object) -> None:
        """Answer what the child has asked."""
        if self.running:
            self._send(value)

    def cancel(self) -> None:
        """End the child; what has come stays."""
        if self.running:
            self._finish("Cancelled.")

    def _take(self, message: object) -> None:
        self.said.emit(message)
        details = getattr(message, "details", "")
        if details:
            _log.error("%s", details)
        why = self._verdict(message)
        if why is not None and self.running:
            self._finish(why)

    def _broke_off(self, reason: str) -> None:
        self.ended.emit(f"The {self._name} broke off. {reason}")

    def _finish(self, why: str) -> None:
        self._end()
        self.ended.emit(why)
