"""The child that measures devices, as Qt signals."""

from __future__ import annotations

from PySide6.QtCore import Signal

from app.tasks import Task
from qdesigner.session.comparison import Compared, CompareFailed, Measured, Measuring


class Comparison(Task):
    """At most one comparison at a time; `Compare` starts it."""

    measured = Signal(object)  # Row
    measuring = Signal(object)  # Measuring: what comes next

    def __init__(self, module: str = "qdesigner.bench.child") -> None:
        super().__init__(module, "comparison", _verdict)
        self.said.connect(self._sort)

    def _sort(self, message: object) -> None:
        if isinstance(message, Measured):
            self.measured.emit(message.row)
        elif isinstance(message, Measuring):
            self.measuring.emit(message)


def _verdict(message: object) -> str | None:
    if isinstance(message, CompareFailed):
        return message.reason
    return "" if isinstance(message, Compared) else None
