"""Runs on a Dask scheduler that the user has: on other machines, which share nothing with this one.

A run goes as text to a worker, which has it done by a process of its own as a local crew would
(`lanes.Lane`): however many threads the worker has, no two runs share torch's generators, and a run
that takes its process down does not take the worker. The result comes back as text. Dask itself
gives a lost worker's runs to others.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import qdesigner
from qdesigner.design.study import Task
from qdesigner.errors import UserError
from qdesigner.studies.crew import Done, Failed, Lost, News
from qdesigner.studies.lanes import Lane, Message, news_of

CONNECTING = 20.0  # s
FETCHING = 5.0  # s for a result to come from its worker
AHEAD = 100  # runs at least that the scheduler knows of, for clusters that grow with their work
IDLE = 60.0  # s after which a worker's process with nothing to do ends

_log = logging.getLogger(__name__)


class Cluster:
    """The workers of the Dask scheduler at ``address`` as a crew. Raises UserError when it cannot
    be reached."""

    queues = True

    def __init__(self, address: str) -> None:
        self._address = address
        self._session = uuid.uuid4().hex[:8]  # its runs are not those of an earlier one
        self._ended: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._under_way: dict[str, Any] = {}  # futures by the run's key
        self._count = 0
        try:
            from distributed import Client
        except ImportError as error:
            raise UserError(
                "Studies on a cluster need Dask: pip install 'qdesigner[cluster]'."
            ) from error
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it says is told here
        try:
            self._client = Client(address, timeout=CONNECTING, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
            raise UserError(
                f"There is no Dask scheduler at {address!r} that answers: "
                f"{str(error)[:200] or type(error).__name__}. Start one with 'dask scheduler', and "
                "workers for it."
            ) from error

    @property
    def where(self) -> str:
        """The scheduler's address, and how many workers it has."""
        count = len(self._workers())
        return f"{self._address}, {count} worker{'' if count == 1 else 's'}"

    @property
    def hands(self) -> int:
        """The workers' threads in all; 1 at least, for some may come."""
        return max(1, sum(int(worker.get("nthreads", 1)) for worker in self._workers()))

    @property
    def room(self) -> int:
        """How many more runs the scheduler may know of."""
        return max(AHEAD, 2 * self.hands) - len(self._under_way)

    def begin(self, task: Task) -> None:
        """Have a run done. Raises UserError when the scheduler is gone."""
        self._count += 1
        order = {"version": qdesigner.__version__, "session": self._session, "key": task.key,
                 "task": task.model_dump_json()}  # fmt: skip
        try:
            # No retries: a run that fails does so again, and a lost worker's run is Dask's own
            # matter (its setting distributed.scheduler.allowed-failures).
            future = self._client.submit(
                work, json.dumps(order), pure=False, retries=0, priority=-self._count,
                key=f"{task.key}-{self._session}-{self._count}",
            )  # fmt: skip
        except Exception as error:
            raise self._gone() from error
        self._under_way[task.key] = future
        future.add_done_callback(lambda ended: self._ended.put((task.key, ended)))

    def news(self, seconds: float) -> Sequence[News]:
        """What came back, waiting at most so long for the first. Raises UserError when the
        scheduler is gone."""
        found: list[News] = []
        end = time.monotonic() + seconds
        while not found or not self._ended.empty():
            if self._client.status not in ("running", "connecting"):
                raise self._gone()
            try:
                key, future = self._ended.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break
            if self._under_way.get(key) is not future:
                continue  # of an earlier attempt
            told = self._told(key, future)
            if told is not None:
                del self._under_way[key]
                found.append(told)
        return found

    def end(self) -> None:
        """Stop what is under way; its workers go on with other work."""
        with contextlib.suppress(Exception):  # a scheduler that is gone has stopped by itself
            if self._under_way and self._client.status == "running":
                self._client.cancel(list(self._under_way.values()))
                self._client.run(stop, self._session, wait=False, on_error="ignore")
        self._under_way.clear()
        with contextlib.suppress(Exception):
            self._client.close(timeout=CONNECTING)

    def _told(self, key: str, future: Any) -> News | None:
        """What a future that has ended says; None when it is under way again."""
        if future.status == "cancelled":
            if self._client.status != "running":
                raise self._gone()
            return Lost(key, "The scheduler has dropped the run.")
        if future.status == "error":
            error = future.exception()
            name = type(error).__name__
            if name == "KilledWorker":
                return Lost(key, "Every worker that took the run was lost: often for want of "
                                 "memory.")  # fmt: skip
            return Failed(
                key, f"A worker could not do the run: {name}: {str(error)[:300]}. Every worker "
                "needs this qdesigner and its packages.",
            )  # fmt: skip
        try:
            message = json.loads(future.result(timeout=FETCHING))
            news = news_of(key, message)
        except Exception as error:
            # Its worker was lost with the result: Dask has the run done again, and tells of it.
            _log.debug("The result of %s was lost: %s", key, error)
            future.add_done_callback(lambda ended: self._ended.put((key, ended)))
            return None
        if "lost" in message:
            return Lost(key, message["lost"])
        if isinstance(news, Failed):
            return Failed(key, f"On the worker {message['host']}: {news.reason}")
        return news if isinstance(news, Done) else Lost(key, "The run was stopped on its worker.")

    def _workers(self) -> list[dict[str, Any]]:
        try:
            return list(self._client.scheduler_info(n_workers=-1)["workers"].values())
        except Exception:  # an older Dask, or a scheduler that is gone
            with contextlib.suppress(Exception):
                return list(self._client.scheduler_info()["workers"].values())
            return []

    def _gone(self) -> UserError:
        return UserError(f"The connection to the Dask scheduler at {self._address!r} was lost.")


# ---- on the worker -------------------------------------------------------------------------------

_lanes = threading.Lock()
_idle: list[Lane] = []
_busy: dict[Lane, str] = {}  # to the session whose run it does


def work(text: str) -> str:
    """Have one run done on this worker; what came of it as JSON text."""
    order = json.loads(text)
    if order["version"] != qdesigner.__version__:
        why = f"It has qdesigner {qdesigner.__version__}, and the study needs {order['version']}."
        return json.dumps({"failed": why, "host": socket.gethostname()})
    folder = _scratch() / order["key"]
    message = _asked(order, folder)
    if "done" in message or "failed" in message:
        shutil.rmtree(folder, ignore_errors=True)  # else another process here may go on with it
    return json.dumps({**message, "host": socket.gethostname()})


def stop(session: str) -> None:
    """Stop the runs of a session that are under way on this worker."""
    with _lanes:
        for lane in [lane for lane, theirs in _busy.items() if theirs == session]:
            lane.stop()


def _asked(order: dict[str, str], folder: Path) -> Message:
    lane = _taken(order["session"])
    try:
        lane.begin(order["task"], order["key"], folder)
        while (message := lane.answer()) is not None:
            if "said" not in message:
                return message
        return {"lost": lane.exit_reason()}
    finally:
        with _lanes:
            del _busy[lane]
            if lane.alive:
                _idle.append(lane)


def _taken(session: str) -> Lane:
    """A process with nothing to do, or a new one."""
    with _lanes:
        while _idle:
            lane = _idle.pop()
            if lane.alive:
                break
        else:
            lane = Lane(idle=IDLE)
        _busy[lane] = session
        return lane


def _scratch() -> Path:
    """The worker's own folder, which Dask clears away."""
    from distributed import get_worker

    return Path(get_worker().local_directory) / f"qdesigner-{os.getpid()}"
