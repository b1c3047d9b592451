"""The child that rehearses a run for hardware, as Qt signals."""

from __future__ import annotations

from app.tasks import Task
from qdesigner.session.rehearsal import RehearsalDone, RehearsalFailed


def verdict(message: object) -> str | None:
    """Whether a message of the child is its last, and why."""
    if isinstance(message, RehearsalFailed):
        return message.reason
    return "" if isinstance(message, RehearsalDone) else None


def rehearsing() -> Task:
    """The child that rehearses."""
    return Task("qdesigner.rehearser", "rehearsal", verdict)
