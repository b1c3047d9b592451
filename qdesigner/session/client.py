"""A child process as its owner sees it: started by module name, polled, stopped. Never blocks.

The parent imports nothing of the child's module, so the window stays free of torch.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import multiprocessing
import signal
import threading
from collections import deque
from multiprocessing.connection import Connection
from typing import Any

from qdesigner.session.events import Steps

_log = logging.getLogger(__name__)


def run_module(module: str, connection: Connection) -> None:
    """In the child: import ``module`` and hand its ``main`` the connection."""
    with contextlib.suppress(ValueError):
        # Ctrl+C in a terminal reaches the whole group; the parent decides what it means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    importlib.import_module(module).main(connection)


def exit_sentence(code: int | None) -> str:
    """Why a process ended with this exit code (None: it runs), as a sentence."""
    if code is None:
        return "The process has not ended."
    if code >= 0:
        return f"The process ended by itself with exit code {code}."
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (often: too little memory)" if name == "SIGKILL" else ""
    return f"The process was ended from outside by {name}{hint}."


class Child:
    """One child process and the queue of what it has said.

    A reader thread empties the pipe into a bounded queue; when that is full, the oldest Steps
    are dropped first, so an owner that stalls never blocks training.
    """

    def __init__(self, module: str, capacity: int = 2000) -> None:
        self.module = module
        self._capacity = capacity
        self._queue: deque[Any] = deque()
        self._lock = threading.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None
        self._stopping = False

    def start(self) -> None:
        """Start the child; returns at once."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._stopping = False
        self._process = context.Process(
            target=run_module, args=(self.module, theirs), name=self.module, daemon=True
        )
        self._process.start()
        theirs.close()
        self._connection = ours
        threading.Thread(
            target=self._read, args=(ours,), name=f"read {self.module}", daemon=True
        ).start()

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.is_alive()

    def send(self, command: Any) -> bool:
        """Send a command; False when the child is gone (its end shows in ``alive``)."""
        if self._connection is None:
            return False
        try:
            self._connection.send(command)
        except (OSError, ValueError):
            return False
        return True

    def poll(self) -> list[Any]:
        """Everything the child has said since the last poll, in order."""
        with self._lock:
            said = list(self._queue)
            self._queue.clear()
        return said

    def exit_reason(self) -> str:
        """Why a dead child ended, as a sentence."""
        return exit_sentence(self._process.exitcode if self._process else None)

    def stop(self, seconds: float = 3.0) -> None:
        """Close the pipe, then terminate, then kill. May take ``seconds``; call it off the UI."""
        self._stopping = True
        process, connection = self._process, self._connection
        if connection is not None:
            with contextlib.suppress(OSError, ValueError):
                connection.send(None)
        if process is None:
            return
        process.join(seconds / 2)
        for end in (process.terminate, process.kill):
            if process.is_alive():
                end()
                process.join(seconds / 2)
        if connection is not None:
            connection.close()

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()

    def _read(self, connection: Connection) -> None:
        while True:
            try:
                message = connection.recv()
            except (EOFError, OSError):
                return
            except Exception:
                if self._stopping:
                    return
                _log.exception("A message of %s could not be read", self.module)
                continue
            with self._lock:
                if len(self._queue) >= self._capacity:
                    self._drop()
                self._queue.append(message)

    def _drop(self) -> None:
        for index, message in enumerate(self._queue):
            if isinstance(message, Steps):
                del self._queue[index]
                return
        self._queue.popleft()
