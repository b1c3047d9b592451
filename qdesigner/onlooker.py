"""The onlooking child's entry: asks a run's checkpoints about images while training may go on in
another process.

It takes one core's leavings: a single thread, at low priority. Of each kind of request only the
newest counts; a `Trace` is answered between two images of a long `Predict`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from qdesigner.errors import UserError
from qdesigner.session.onlook import Predict, Predicted, Trace, Traced

NICE = 10


def main(connection: Connection) -> None:
    """Answer requests on ``connection`` until it closes or brings None."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(NICE)
    # The imports take seconds.
    import torch

    from qdesigner.training.onlook import Onlooker

    torch.set_num_threads(1)
    desk = _Desk(connection, Onlooker())
    with contextlib.suppress(EOFError, OSError):
        while desk.listen():
            desk.work()


class _Desk:
    """The requests that wait, and the files that are being predicted."""

    def __init__(self, connection: Connection, onlooker: Any) -> None:
        self._connection, self._onlooker = connection, onlooker
        self._trace: Trace | None = None
        self._predict: Predict | None = None
        self._going: Iterator[Predicted | None] | None = None

    def listen(self) -> bool:
        """Take what waits, and wait when there is nothing to do; False at the order to end."""
        while self._connection.poll(0 if self._trace or self._predict else None):
            try:
                request = self._connection.recv()
            except (EOFError, OSError):
                raise
            except Exception:  # what cannot be read cannot be answered either
                continue
            if request is None:
                return False
            if isinstance(request, Trace):
                self._trace = request
            elif isinstance(request, Predict):
                self._predict, self._going = request, None
        return True

    def work(self) -> None:
        """Answer the trace, or go one file further."""
        if self._trace is not None:
            request, self._trace = self._trace, None
            self._connection.send(_answered(self._onlooker.trace, request, Traced))
        elif self._predict is not None:
            predicted = _answered(self._further, self._predict, Predicted)
            if predicted is not None:
                self._predict = self._going = None
                self._connection.send(predicted)

    def _further(self, request: Predict) -> Predicted | None:
        if self._going is None:
            self._going = self._onlooker.predict(request)
        return next(self._going)


def _answered(work: Any, request: Any, kind: type[Traced] | type[Predicted]) -> Any:
    """What ``work`` says, or an answer whose ``error`` says why there is none."""
    try:
        return work(request)
    except UserError as error:
        return kind(request.serial, error=str(error))
    except Exception as error:  # whatever is wrong with one request, the next one is served
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        return kind(request.serial, error=f"The run could not be asked: {reason}.")
