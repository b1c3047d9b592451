"""The surveying child's entry: looks through data for the window, and shows augmented pictures.

Of each kind only the newest command counts: a `Survey` that comes while another runs ends it. The
child ends when the window is gone.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from qdesigner.errors import UserError
from qdesigner.session.events import Progress
from qdesigner.session.survey import Survey, SurveyFailed, Varied, Vary

TELL_EVERY = 1 / 10  # s


class Superseded(Exception):
    """A newer command has come."""


class Desk:
    """The newest command of one kind, waiting to be served."""

    def __init__(self) -> None:
        self._newest: Any = None
        self._changed = threading.Condition()

    def put(self, command: Any) -> None:
        """A newer command."""
        with self._changed:
            self._newest = command
            self._changed.notify()

    def take(self) -> Any:
        """Wait for the next command."""
        with self._changed:
            while self._newest is None:
                self._changed.wait()
            command, self._newest = self._newest, None
            return command

    @property
    def waiting(self) -> bool:
        """Whether a newer command waits."""
        return self._newest is not None


def main(connection: Connection) -> None:
    """Serve surveys and variants until the connection closes or brings None."""
    sending = threading.Lock()

    def send(event: Any) -> None:
        with sending:
            connection.send(event)

    surveys, variants = Desk(), Desk()
    for desk, serve in ((surveys, _survey), (variants, _vary)):
        threading.Thread(target=_serve, args=(desk, serve, send), daemon=True).start()
    while True:
        try:
            command = connection.recv()
        except (EOFError, OSError):
            command = None
        if isinstance(command, Survey):
            surveys.put(command)
        elif isinstance(command, Vary):
            variants.put(command)
        else:
            os._exit(0)  # nothing is lost: what was found out about files is kept as it goes


Send = Callable[[Any], None]


def _serve(desk: Desk, serve: Callable[[Any, Desk, Send], None], send: Send) -> None:
    while True:
        command = desk.take()
        try:
            serve(command, desk, send)
        except Superseded:
            continue
        except (BrokenPipeError, EOFError):
            os._exit(0)
        except UserError as error:
            send(_failed(command, str(error)))
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            traceback.print_exc()
            send(_failed(command, f"Looking at the data ended by a fault of the program: {fault}."))


def _failed(command: Survey | Vary, reason: str) -> SurveyFailed | Varied:
    if isinstance(command, Vary):
        return Varied(command.serial, error=reason)
    return SurveyFailed(command.serial, reason)


def _survey(command: Survey, desk: Desk, send: Send) -> None:
    from qdesigner.data.survey import survey  # the imports take seconds

    last = [0.0]

    def tell(what: str, done: int, total: int) -> None:
        if desk.waiting:
            raise Superseded
        now = time.perf_counter()
        if now - last[0] >= TELL_EVERY:
            last[0] = now
            send(Progress(what, done, total))

    send(survey(command.serial, command.spec, tell))


def _vary(command: Vary, desk: Desk, send: Send) -> None:
    from qdesigner.data.survey import variants

    send(Varied(command.serial, variants(command)))
