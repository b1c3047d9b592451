"""The fetching child's entry: brings backbones' weights for the window, one after another.

The child ends when the window is gone; what has come by then is kept for the next time.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from multiprocessing.connection import Connection
from typing import Any

from qdesigner.catalog.backbones import BACKBONES
from qdesigner.data.weights import fetch_weights
from qdesigner.errors import UserError
from qdesigner.session.fetch import Fetch, Fetched, FetchFailed, Fetching, StopFetch

TELL_EVERY = 1 / 10  # s


class Stopped(Exception):
    """The user wants this one no more."""


class Queue:
    """Names waiting to be fetched, in order."""

    def __init__(self) -> None:
        self._names: deque[str] = deque()
        self._changed = threading.Condition()
        self._current = ""
        self.stopped = False  # the current one

    def put(self, name: str) -> None:
        """One more, unless it is there already."""
        with self._changed:
            if name in self._names or (name == self._current and not self.stopped):
                return
            self._names.append(name)
            self._changed.notify()

    def drop(self, name: str) -> bool:
        """Without ``name``; whether it was still waiting."""
        with self._changed:
            if name in self._names:
                self._names.remove(name)
                return True
            self.stopped = self.stopped or name == self._current
            return False

    def take(self) -> str:
        """Wait for the next."""
        with self._changed:
            self._current = ""
            while not self._names:
                self._changed.wait()
            self._current, self.stopped = self._names.popleft(), False
            return self._current


def main(connection: Connection) -> None:
    """Fetch what the connection asks for until it closes or brings None."""
    sending = threading.Lock()

    def send(event: Any) -> None:
        with sending:
            connection.send(event)

    queue = Queue()
    threading.Thread(target=_serve, args=(queue, send), daemon=True).start()
    while True:
        try:
            command = connection.recv()
        except (EOFError, OSError):
            command = None
        if isinstance(command, Fetch):
            queue.put(command.name)
        elif isinstance(command, StopFetch):
            if queue.drop(command.name):
                send(FetchFailed(command.name, ""))
        else:
            os._exit(0)  # nothing is lost: what has come is on disk


def _serve(queue: Queue, send: Any) -> None:
    while True:
        name = queue.take()
        try:
            send(_fetch(name, queue, send))
        except (BrokenPipeError, EOFError):
            os._exit(0)


def _fetch(name: str, queue: Queue, send: Any) -> Fetched | FetchFailed:
    begun, last, first = time.perf_counter(), 0.0, -1

    def tell(file: str, done: int, total: int) -> None:
        nonlocal last, first
        if queue.stopped:
            raise Stopped
        now = time.perf_counter()
        first = done if first < 0 else first
        if now - last >= TELL_EVERY or done == total:
            last = now
            send(Fetching(name, done, total, (done - first) / max(now - begun, 1e-9)))

    try:
        return Fetched(name, str(fetch_weights(BACKBONES[name], tell)))
    except Stopped:
        return FetchFailed(name, "")
    except UserError as error:
        return FetchFailed(name, str(error))
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
        return FetchFailed(name, f"Fetching {name} ended by a fault of the program: {fault}.")
