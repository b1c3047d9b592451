"""The rehearsing child's entry: takes one `Rehearse` from the window, says how far it is, and each
row as it comes. It ends then, or at once when the window says so or is gone: rows are kept."""

from __future__ import annotations

import contextlib
import os
import threading
import traceback
from multiprocessing.connection import Connection

from qdesigner.errors import UserError
from qdesigner.session.rehearsal import RehearsalFailed, Rehearse


def main(connection: Connection) -> None:
    """Serve one rehearsal."""
    wanted = connection.recv()
    if not isinstance(wanted, Rehearse):
        return
    threading.Thread(target=_listen, args=(connection,), name="window", daemon=True).start()
    try:
        # The imports take seconds.
        from qdesigner.studies.rehearsal import rehearsed

        rehearsed(wanted, connection.send)
    except UserError as error:
        connection.send(RehearsalFailed(str(error)))
    except Exception as error:
        reason = f"The rehearsal ended by a fault of the program: {type(error).__name__}: {error}."
        connection.send(RehearsalFailed(reason, traceback.format_exc()))


def _listen(connection: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    os._exit(0)
