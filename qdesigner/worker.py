"""The training child's entry: takes commands from the window, trains, sends events.

One thread listens to the pipe and keeps the wishes; the main thread trains and exports. The child
ends when the pipe closes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from qdesigner.errors import UserError
from qdesigner.session import events, record

_log = logging.getLogger(__name__)
GRACE = 10.0  # s for a run to save itself before its process is ended


class Commands:
    """What the window wants, as the loop's Control: wishes are answered at once."""

    def __init__(self, connection: Connection) -> None:
        self.jobs: queue.SimpleQueue[events.Train | events.Export | None] = queue.SimpleQueue()
        self._wish = "run"
        self._changes: queue.SimpleQueue[events.Change | events.Edit] = queue.SimpleQueue()
        self._changed = threading.Event()
        self._connection = connection
        threading.Thread(target=self._listen, name="commands", daemon=True).start()

    def wish(self) -> str:
        """ "run", "pause", "stop", or "change"."""
        return self._wish if self._changes.empty() or self._wish == "stop" else "change"

    def wait(self) -> None:
        """Sleep until a command arrives, or a tenth of a second."""
        self._changed.wait(0.1)
        self._changed.clear()

    def changes(self) -> list[events.Change | events.Edit]:
        """What was asked for since the last call."""
        asked = []
        while not self._changes.empty():
            asked.append(self._changes.get())
        return asked

    def end(self) -> None:
        """The window is gone, or the process is to end: the run ends at the next step, with a
        checkpoint. Whatever happens, be gone soon."""
        self._wish = "stop"
        self._changed.set()
        self.jobs.put(None)
        timer = threading.Timer(GRACE, os._exit, args=(0,))
        timer.daemon = True
        timer.start()

    def _listen(self) -> None:
        while True:
            try:
                command = self._connection.recv()
            except (EOFError, OSError):
                command = None
            if command is None:
                self.end()
                return
            self._take(command)
            self._changed.set()

    def _take(self, command: Any) -> None:
        wishes = {events.Pause: "pause", events.Resume: "run", events.Stop: "stop"}
        if type(command) in wishes:
            self._wish = wishes[type(command)]
        elif isinstance(command, events.Change | events.Edit):
            self._changes.put(command)
        else:
            if isinstance(command, events.Train):
                # An earlier run's wishes are not this one's.
                self._wish, self._changes = "run", queue.SimpleQueue()
            self.jobs.put(command)


def main(connection: Connection) -> None:
    """Serve the window until it closes the pipe."""
    begun = time.perf_counter()
    commands = Commands(connection)
    with contextlib.suppress(ValueError):  # a thread of a test cannot listen to signals
        signal.signal(signal.SIGTERM, lambda number, frame: _in_a_thread(commands.end))
    sender = Sender(connection)
    try:
        # The imports take seconds; the window is long on screen by now.
        from qdesigner.engine.simulate import warm
        from qdesigner.training import loop  # noqa: F401

        warm()
    except Exception as error:
        sender.send(events.Failed(f"The training process cannot start: {error}.",
                                  details=traceback.format_exc()))  # fmt: skip
        return
    sender.send(events.Ready(time.perf_counter() - begun))
    while (job := commands.jobs.get()) is not None:
        if isinstance(job, events.Train):
            _train(job, sender, commands)
        else:
            _export(job, sender)


def _in_a_thread(what: Callable[[], None]) -> None:
    """Signals interrupt the main thread wherever it is, perhaps with a lock in its hand."""
    threading.Thread(target=what, name="end", daemon=True).start()


class Sender:
    """Sends events; remembers the run, so that a failure can name it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.run = ""

    def send(self, event: Any) -> None:
        """Send one event; a window that is gone hears nothing."""
        if isinstance(event, events.Started):
            self.run = event.run
        try:
            self._connection.send(event)
        except (OSError, ValueError):
            _log.debug("The window is gone; %s was not sent", type(event).__name__)


def _train(job: events.Train, sender: Sender, commands: Commands) -> None:
    from qdesigner.training.loop import train

    sender.run = job.resume
    try:
        train(
            job.design, sender.send, commands, out=job.out, resume=job.resume,
            branch=job.branch, epoch=job.epoch,
        )  # fmt: skip
    except UserError as error:
        sender.send(_failed(str(error), sender.run))
    except Exception as error:
        reason = f"The run ended by a fault of the program: {type(error).__name__}: {error}."
        sender.send(_failed(reason, sender.run, traceback.format_exc()))


def _failed(reason: str, run: str, details: str = "") -> events.Failed:
    resumable = bool(run) and (Path(run) / record.LAST).is_file()
    return events.Failed(reason, run, resumable, details)


def _export(job: events.Export, sender: Sender) -> None:
    from qdesigner.artifacts.export import export
    from qdesigner.training.runs import Run

    try:
        target = Run.open(Path(job.run)) if job.run else job.design
        # The weights are the run's; the device is the one on screen.
        path = export(target, Path(job.path), device=job.design.device)
        sender.send(events.Exported(str(path)))
    except UserError as error:
        sender.send(events.ExportFailed(str(error)))
    except Exception as error:
        _log.exception("Export failed")
        sender.send(events.ExportFailed(f"The export failed: {type(error).__name__}: {error}."))
