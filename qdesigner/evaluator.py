"""The evaluating child's entry: takes one `Evaluate` from the window, says how far it is, and what
came out. It ends then, or at once when the window is gone."""

from __future__ import annotations

import os
import queue
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from qdesigner.errors import UserError
from qdesigner.session.evaluation import Asked, Evaluate, Evaluated, EvaluateFailed


def main(connection: Connection) -> None:
    """Serve one evaluation."""
    wanted = connection.recv()
    if not isinstance(wanted, Evaluate):
        return
    answers: queue.Queue[bool] = queue.Queue()
    threading.Thread(target=_listen, args=(connection, answers), name="window", daemon=True).start()

    def agree(sentence: str) -> bool:
        connection.send(Asked(sentence))
        return answers.get() is True

    try:
        # The imports take seconds.
        from qdesigner.training.evaluate import evaluate

        found = evaluate(
            Path(wanted.run), wanted.device, wanted.split, wanted.limit,
            emit=connection.send, agree=agree,
        )  # fmt: skip
    except UserError as error:
        connection.send(EvaluateFailed(str(error)))
    except Exception as error:
        reason = f"The evaluation ended by a fault of the program: {type(error).__name__}: {error}."
        connection.send(EvaluateFailed(reason, traceback.format_exc()))
    else:
        right = int((found.predictions == found.labels).sum()) if found.classes else 0
        connection.send(Evaluated(
            found.device, found.split, len(found.labels), right, found.loss, found.circuits,
            found.seconds, 0.0 if found.classes else found.accuracy,
        ))  # fmt: skip


def _listen(connection: Connection, answers: queue.Queue[bool]) -> None:
    """Pass answers on; end the process when the window says so, or is gone: nothing is lost."""
    while True:
        try:
            answer = connection.recv()
        except (EOFError, OSError):
            answer = None
        if not isinstance(answer, bool):
            os._exit(0)
        answers.put(answer)
