"""Downloading backbones' weights ahead of a run: the fetching child as Qt signals."""

from __future__ import annotations

import logging
import threading

from PySide6.QtCore import QObject, QTimer, Signal

from qdesigner.session.client import Child
from qdesigner.session.fetch import Fetch, Fetched, FetchFailed, Fetching, StopFetch

_log = logging.getLogger(__name__)

LOOK = 50  # ms between two looks at the child


class Fetches(QObject):
    """``going`` are the downloads that were asked for and have not ended, by name, with how far
    each is (None while it waits); ``failed`` says why others did not end well. The child lives as
    long as something is to be fetched."""

    changed = Signal(str)  # of this backbone something is new
    fetched = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.going: dict[str, Fetching | None] = {}
        self.failed: dict[str, str] = {}
        self._child: Child | None = None
        self._dead = False  # seen dead once; its last words are read before it is reported
        self._timer = QTimer(self, interval=LOOK)
        self._timer.timeout.connect(self._poll)

    def fetch(self, name: str) -> None:
        """Fetch the weights of ``name``, after those asked for before."""
        if name in self.going:
            return
        self.failed.pop(name, None)
        self.going[name] = None
        if self._child is None:
            self._dead = False
            self._child = Child("qdesigner.fetcher")
            self._child.start()
            self._timer.start()
        self._child.send(Fetch(name))
        self.changed.emit(name)

    def stop(self, name: str) -> None:
        """Stop fetching ``name``; what has come is gone on from the next time."""
        if self._child is not None and name in self.going:
            self._child.send(StopFetch(name))

    def close(self) -> None:
        """End the child, and say nothing more."""
        self.blockSignals(True)
        self._end()

    def _poll(self) -> None:
        child = self._child
        if child is None:
            return
        dead = not child.alive
        for message in child.poll():
            self._take(message)
        if dead and self._dead and self._child is child:
            self._bury(child)
        self._dead = dead

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

    def _bury(self, child: Child) -> None:
        reason = child.exit_reason()
        _log.warning("The process that fetches weights is gone. %s", reason)
        names = list(self.going)
        self._end()
        for name in names:
            self.failed[name] = f"The download broke off. {reason}"
            self.changed.emit(name)

    def _end(self) -> None:
        child, self._child = self._child, None
        self.going.clear()
        self._timer.stop()
        if child is not None:
            threading.Thread(target=child.stop, name="stop fetcher", daemon=False).start()
