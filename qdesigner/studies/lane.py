"""The entry of a process that does runs of studies, one after another, on one core.

It reads one JSON value a line from standard input and writes one a line to standard output: text
alone, so the other end may be any program. ``{"task": …, "folder": …}`` is a run to do; its answers
are ``{"said": [what, done, total, rate]}`` and in the end ``{"done": result}``,
``{"failed": reason}`` or ``{"stopped": true}``. ``{"stop": true}`` ends the run under way with a
checkpoint. The process ends with standard input, so nothing is left when its owner is killed; and
when it has had nothing to do for as many seconds as its argument says.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from qdesigner.design.spec import DeviceSpec
from qdesigner.design.study import Task
from qdesigner.errors import UserError
from qdesigner.paths import cache_folder
from qdesigner.session import events

GRACE = 10.0  # s for a run to save itself before its process is ended


class Orders:
    """What standard input brings; also the running run's Control."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._wish = "run"
        threading.Thread(target=self._listen, name="orders", daemon=True).start()

    def wish(self) -> str:
        """ "run", or "stop" when this run is to end."""
        return self._wish

    def wait(self) -> None:
        """Never pauses, so never waits."""

    def changes(self) -> tuple[()]:
        """Nothing is changed on its way."""
        return ()

    def take(self, seconds: float) -> dict[str, Any] | None:
        """The next run to do; None when there will be none, or none has come for so long (0: ever
        so long)."""
        try:
            return self.jobs.get(timeout=seconds or None)
        except queue.Empty:
            return None

    def _listen(self) -> None:
        for line in sys.stdin:
            order = json.loads(line)
            if "task" in order:
                self._wish = "run"
                self.jobs.put(order)
            else:
                self._wish = "stop"
        self._wish = "stop"
        self.jobs.put(None)
        timer = threading.Timer(GRACE, os._exit, args=(0,))
        timer.daemon = True
        timer.start()


def main() -> None:
    """Do runs until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner decides what Ctrl+C means
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)  # what libraries print is no answer
    orders = Orders()

    def answer(**values: Any) -> None:
        try:
            answers.write(json.dumps(values) + "\n")
            answers.flush()
        except OSError:  # nobody listens any more: standard input ends too
            pass

    patience = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    while (order := orders.take(patience)) is not None:
        try:
            answer(**_answered(order, orders, answer))
        except UserError as error:
            answer(failed=str(error))
        except Exception as error:
            traceback.print_exc()
            answer(
                failed=f"The run ended by a fault of the program: {type(error).__name__}: {error}."
            )
    os._exit(0)  # a thread that still reads standard input must not hold it up


def _answered(order: dict[str, Any], orders: Orders, answer: Any) -> dict[str, Any]:
    # The imports take seconds: they wait until there is something to do, and a stop is heard.
    import torch

    from qdesigner.studies.one import conduct_one

    # One core a run: as many runs as there are cores, and the same result on any machine.
    torch.set_num_threads(1)

    def emit(event: events.Event) -> None:
        if isinstance(event, events.Progress):
            answer(said=[event.what, event.done, event.total, event.rate])

    task = Task.model_validate_json(order["task"])
    _load(task.design.device, any(stage.circuit is not None for stage in task.design.stages))
    result = conduct_one(task, Path(order["folder"]), emit, orders)
    return {"stopped": True} if result is None else {"done": result.model_dump_json()}


def _load(device: DeviceSpec, wanted: bool) -> None:
    """Compile the simulator, or import another one, before any run's time counts; one process at a
    time, so that the others find it compiled."""
    from filelock import FileLock

    from qdesigner.devices.base import load

    if not wanted:
        return
    lock = FileLock(cache_folder() / "kernels.lock")
    with contextlib.suppress(OSError, NotImplementedError):
        cache_folder().mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        load(device)
    finally:
        lock.release()


if __name__ == "__main__":
    main()
