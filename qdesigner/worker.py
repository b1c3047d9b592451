"""The training child's entry: takes commands from the window, trains, sends events.

One thread listens to the pipe and keeps the wishes; the main thread trains and exports. The child
ends when the pipe closes.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from qdesigner.errors import UserError
from qdesigner.session import events, record

_log = logging.getLogger(__name__)


class Commands:
    """What the window wants, as the loop's Control: wishes are answered at once."""

    def __init__(self, connection: Connection) -> None:
        self.jobs: queue.Queue[events.Train | events.Export | None] = queue.Queue()
        self._wish = "run"
        self._changed = threading.Event()
        self._connection = connection
        threading.Thread(target=self._listen, name="commands", daemon=True).start()

    def wish(self) -> str:
        """ "run", "pause" or "stop"."""
        return self._wish

    def wait(self) -> None:
        """Sleep until a command arrives, or a tenth of a second."""
        self._changed.wait(0.1)
        self._changed.clear()

    def changes(self) -> tuple[()]:
        """Nothing is changed on its way."""
        return ()

    def _listen(self) -> None:
        wishes = {events.Pause: "pause", events.Resume: "run", events.Stop: "stop"}
        while True:
            try:
                command = self._connection.recv()
            except (EOFError, OSError):
                command = None
            if command is None:
                self._end()
                return
            if type(command) in wishes:
                self._wish = wishes[type(command)]
                self._changed.set()
            else:
                if isinstance(command, events.Train):
                    self._wish = "run"  # an earlier run's wish is not this one's
                self.jobs.put(command)

    def _end(self) -> None:
        """The window is gone: end the run at the next step; whatever happens, be gone soon."""
        self._wish = "stop"
        self.jobs.put(None)
        threading.Timer(5.0, os._exit, args=(0,)).start()


def main(connection: Connection) -> None:
    """Serve the window until it closes the pipe."""
    begun = time.perf_counter()
    commands = Commands(connection)
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
        train(job.design, sender.send, commands, out=job.out, resume=job.resume)
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
