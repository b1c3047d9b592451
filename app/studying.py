"""The child that conducts studies."""

from __future__ import annotations

from app.tasks import Task
from qdesigner.session.studying import STOPPED, StudyEnded, StudyRefused

__all__ = ["STOPPED", "studying"]


def studying() -> Task:
    """One study at a time, in a child of its own."""
    return Task("qdesigner.studier", "study", _verdict)


def _verdict(message: object) -> str | None:
    if isinstance(message, StudyRefused):
        return message.reason
    return message.why if isinstance(message, StudyEnded) else None
