"""Local processes that do runs: each one's end of the line, and all of them as a crew."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import qdesigner
from qdesigner.design.study import Task
from qdesigner.errors import UserError
from qdesigner.session.client import exit_sentence
from qdesigner.studies.crew import Done, Failed, Lost, News, Said
from qdesigner.studies.lane import GRACE

_MODULE = "qdesigner.studies.lane"
_TAIL = 4000  # bytes of what a process said last
_ONE_CORE = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")

Message = dict[str, Any]
Heard = queue.Queue["tuple[Lane, Message | None]"]


class Lane:
    """One process that does runs. Every answer, with the lane itself, goes into ``heard`` (None:
    a queue of its own, for `answer`); None when the process has ended. It ends by itself when it
    has had nothing to do for ``idle`` seconds (0: never).

    A program of its own rather than a child of `multiprocessing`: a child of the window may not
    have such children, and Python's pool of processes dies as a whole with any of them.
    """

    def __init__(self, heard: Heard | None = None, idle: float = 0.0) -> None:
        self.key = ""  # of the run under way
        self._heard: Heard = queue.Queue() if heard is None else heard
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it lasts as long as the process
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE, str(idle)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
                env=_environment(), encoding="utf-8",
                # Ctrl+C in a terminal is for its owner alone.
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )  # fmt: skip
        except OSError as error:
            self._said.close()
            raise UserError(f"No process can be started: {error.strerror or error}.") from error
        threading.Thread(target=self._read, name="lane", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def begin(self, task: str, key: str, folder: Path) -> None:
        """Have the run ``task`` (JSON) done in ``folder``. A process that is gone says so by its
        None."""
        self.key = key
        self._send({"task": task, "folder": str(folder)})

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def answer(self) -> Message | None:
        """The next answer in a queue of its own, waiting for it; None when the process has
        ended."""
        return self._heard.get()[1]

    def stop(self) -> None:
        """End the run under way with a checkpoint."""
        self._send({"stop": True})

    def close(self) -> None:
        """No more runs: the process ends, after a checkpoint of the one under way."""
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, and end it when that takes longer."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def exit_reason(self) -> str:
        """Why it ended, as a sentence, with the last that it said."""
        self.wait(GRACE)
        try:
            size = self._said.seek(0, os.SEEK_END)
            self._said.seek(max(0, size - _TAIL))
            said = self._said.read().decode("utf-8", errors="replace").strip().splitlines()
        except (OSError, ValueError):
            said = []
        last = f" It said: {said[-1].strip()[:300]}" if said else ""
        return exit_sentence(self._process.returncode) + last

    def _send(self, order: Message) -> None:
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stdout:
                try:
                    message = json.loads(line)
                except ValueError:  # cut short by its end
                    continue
                self._heard.put((self, message))
        self._heard.put((self, None))


def news_of(key: str, message: Message) -> News | None:
    """What a lane's message says of the run ``key``; None of one that was stopped."""
    if "said" in message:
        return Said(key, *message["said"])
    if "done" in message:
        return Done(key, message["done"])
    return Failed(key, message["failed"]) if "failed" in message else None


class Lanes:
    """So many local processes as a crew, started when first needed. ``folder`` gives a run's by its
    key: what a process that dies leaves there, the next one goes on with."""

    queues = False

    def __init__(self, count: int, folder: Callable[[str], Path]) -> None:
        self.hands = count
        self._folder = folder
        self._lanes: list[Lane] = []
        self._heard: Heard = queue.Queue()

    @property
    def where(self) -> str:
        """ "2 local processes"."""
        return "1 local process" if self.hands == 1 else f"{self.hands} local processes"

    @property
    def room(self) -> int:
        """How many have nothing to do."""
        return self.hands - sum(bool(lane.key) for lane in self._lanes)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes' ids."""
        return tuple(lane.pid for lane in self._lanes)

    def begin(self, task: Task) -> None:
        """Have a run done by a process with nothing to do. Raises UserError."""
        lane = next((lane for lane in self._lanes if not lane.key), None)
        if lane is None:
            lane = Lane(self._heard)
            self._lanes.append(lane)
        lane.begin(task.model_dump_json(), task.key, self._folder(task.key))

    def news(self, seconds: float) -> Sequence[News]:
        """What they answered, waiting at most so long for the first."""
        found: list[News] = []
        end = time.monotonic() + seconds
        while not found or not self._heard.empty():
            try:
                lane, message = self._heard.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break
            told = self._gone(lane) if message is None else news_of(lane.key, message)
            if not isinstance(told, Said):
                lane.key = ""
            if told is not None:
                found.append(told)
        return found

    def end(self) -> None:
        """Stop what is under way with a checkpoint, and end all processes."""
        for lane in self._lanes:
            lane.close()
        end = time.monotonic() + GRACE + 2.0
        for lane in self._lanes:
            lane.wait(max(0.1, end - time.monotonic()))
        self._lanes.clear()

    def _gone(self, lane: Lane) -> Lost | None:
        self._lanes.remove(lane)
        return Lost(lane.key, lane.exit_reason()) if lane.key else None


def _environment() -> dict[str, str]:
    """This process's, such that one core is used and this very package is found."""
    home = str(Path(qdesigner.__file__).parents[1])
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, **dict.fromkeys(_ONE_CORE, "1"), "PYTHONPATH": path}
