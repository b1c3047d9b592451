"""The comparing child's entry: takes one `Compare` from the window, sends rows as they come.

It ends after the last row, or at once when the window says so or is gone.
"""

from __future__ import annotations

import contextlib
import os
import threading
import traceback
from multiprocessing.connection import Connection

from qdesigner.errors import UserError
from qdesigner.session.comparison import Compare, Compared, CompareFailed, Measured


def main(connection: Connection) -> None:
    """Serve one comparison."""
    wanted = connection.recv()
    if not isinstance(wanted, Compare):
        return
    threading.Thread(target=_end_with, args=(connection,), name="window", daemon=True).start()
    try:
        # The imports take seconds.
        from qdesigner.bench import bench

        rows = bench(wanted.what, wanted.seconds, connection.send, wanted.circuit, wanted.batch)
        for row in rows:
            connection.send(Measured(row))
    except UserError as error:
        connection.send(CompareFailed(str(error)))
    except Exception as error:
        reason = f"The comparison ended by a fault of the program: {type(error).__name__}: {error}."
        connection.send(CompareFailed(reason, traceback.format_exc()))
    else:
        connection.send(Compared())


def _end_with(connection: Connection) -> None:
    """End the process when the window says so, or is gone: nothing is lost."""
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    os._exit(0)
