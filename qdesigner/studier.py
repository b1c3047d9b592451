"""The studying child's entry: conducts one study for the window, and says what comes of it.

`Stop` ends it with all that is done kept; so does the end of the window.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
from multiprocessing.connection import Connection

from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.session.studying import Conduct, RunDone, StudyRefused


def main(connection: Connection) -> None:
    """Conduct one study."""
    wanted = connection.recv()
    if not isinstance(wanted, Conduct):
        return
    asked = _Asked(connection)

    def emit(event: events.Event) -> None:
        if isinstance(event, RunDone):  # sample by sample it would fill the pipe
            result = event.result.but(samples=(), values=())
            event = RunDone(result, event.done, event.total, event.left)
        with contextlib.suppress(OSError):  # the window is gone: the runs are put away
            connection.send(event)

    try:
        from qdesigner.studies.conduct import conduct  # the imports take a while

        conduct(wanted, emit, asked)
    except UserError as error:
        emit(StudyRefused(str(error)))
    except Exception as error:
        reason = f"The study ended by a fault of the program: {type(error).__name__}: {error}."
        emit(StudyRefused(reason, traceback.format_exc()))


class _Asked:
    """The window's wish as the conductor's Control."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._wish = connection, "run"
        threading.Thread(target=self._listen, name="window", daemon=True).start()

    def wish(self) -> str:
        """ "run", or "stop" when the window says so or is gone."""
        return self._wish

    def wait(self) -> None:
        """Never pauses, so never waits."""

    def changes(self) -> tuple[()]:
        """Nothing is changed on its way."""
        return ()

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            self._connection.recv()  # whatever it says, it says stop
        self._wish = "stop"
