"""What a run is asked between its steps, and how its way is told before the first of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from qdesigner.session import events

OFTEN = 1 / 30  # s: at most this many messages a second

Emit = Callable[[events.Event], None]
Changes = Sequence[events.Change | events.Edit]


class Control(Protocol):
    """What the loop asks between steps."""

    def wish(self) -> str:
        """ "run", "pause", "stop", or "change" when `changes` has something; never blocks."""

    def wait(self) -> None:
        """Sleep until the wish may have changed."""

    def changes(self) -> Changes:
        """What was asked for since the last call, in order."""


class Free:
    """The control of a run that nobody interrupts."""

    def wish(self) -> str:
        """Always "run"."""
        return "run"

    def wait(self) -> None:
        """Nothing to wait for."""

    def changes(self) -> Changes:
        """Nothing is asked for."""
        return ()


class StopTraining(Exception):
    """Raised inside the loop when the user ends the run."""


class Telling:
    """Tells of the work before the first step, which ends when the user has had enough."""

    def __init__(self, emit: Emit, control: Control) -> None:
        self._emit = emit
        self._control = control

    def say(self, what: str) -> None:
        """Work that begins now, and of which no more is known."""
        self._emit(events.Progress(what, 0, 0))

    def progress(self, what: str) -> Callable[..., None]:
        """Tells of ``(done, total, rate=0)`` in the words ``what``, at most 30 times a second;
        raises StopTraining when the user has had enough."""
        last = [0.0]

        def tell(done: int, total: int, rate: float = 0.0) -> None:
            now = time.perf_counter()
            if now - last[0] >= OFTEN or done == total:
                last[0] = now
                self._emit(events.Progress(what, done, total, rate))
                self.end_if_stopped()

        return tell

    def download(self, what: str, done: int, total: int) -> None:
        """Tells of a download in bytes."""
        self._emit(events.Progress(f"downloading {what}", done, total))

    def fetching(self, what: str, done: int, total: int) -> None:
        """Tells of a download of data, which ends when the user has had enough: it is resumed."""
        self.download(what, done, total)
        self.end_if_stopped()

    def stopped(self) -> bool:
        """Whether the user has had enough."""
        return self._control.wish() == "stop"

    def end_if_stopped(self) -> None:
        """Raises StopTraining when the user has had enough."""
        if self.stopped():
            raise StopTraining
