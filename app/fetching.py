"""Downloading backbones' weights ahead of a run: the fetching child as Qt signals."""

from __future__ import annotations

from PySide6.QtCore import Signal

from app.attended import Attended
from qdesigner.session.fetch import Fetch, Fetched, FetchFailed, Fetching, StopFetch


class Fetches(Attended):
    """``going`` are the downloads that were asked for and have not ended, by name, with how far
    each is (None while it waits); ``failed`` says why others did not end well. The child lives as
    long as something is to be fetched."""

    changed = Signal(str)  # of this backbone something is new
    fetched = Signal(str)

    def __init__(self) -> None:
        super().__init__("qdesigner.fetcher")
        self.going: dict[str, Fetching | None] = {}
        self.failed: dict[str, str] = {}

    def fetch(self, name: str) -> None:
        """Fetch the weights of ``name``, after those asked for before."""
        if name in self.going:
            return
        self.failed.pop(name, None)
        self.going[name] = None
        self._send(Fetch(name))
        self.changed.emit(name)

    def stop(self, name: str) -> None:
        """Stop fetching ``name``; what has come is gone on from the next time."""
        if name in self.going:
            self._send(StopFetch(name))

    def _take(self, message: object) -> None:
        match message:
            case Fetching() if message.name in self.going:
                self.going[message.name] = message
                self.changed.emit(message.name)
            case Fetched():
                self._close(message.name)
                self.fetched.emit(message.name)
            case FetchFailed():
                if message.reason:
                    self.failed[message.name] = message.reason
                self._close(message.name)

    def _close(self, name: str) -> None:
        self.going.pop(name, None)
        if not self.going:
            self._end()
        self.changed.emit(name)

    def _broke_off(self, reason: str) -> None:
        names = list(self.going)
        self.going.clear()
        for name in names:
            self.failed[name] = f"The download broke off. {reason}"
            self.changed.emit(name)
