"""The two children as Qt signals: the training worker and the small one that computes live states.

The window's thread never waits for a child: one timer polls both, and ending one takes place in a
short-lived thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.attended import stop_soon
from qdesigner.circuit.circuit import Circuit
from qdesigner.design.spec import Design
from qdesigner.session import events
from qdesigner.session.client import Child
from qdesigner.session.record import LAST

if TYPE_CHECKING:
    from qdesigner.session.events import Floats

_log = logging.getLogger(__name__)

FRAME = 33  # ms between two looks at the children
PATIENCE = 15.0  # seconds a run may take to stop when asked, before its process is ended


class Session(QObject):
    """The children, started with the window and kept warm.

    ``state`` is "warming", "ready", "training", "paused" or "stopping"; ``run`` is the folder of
    the current or last run, "" before the first.
    """

    event = Signal(object)  # every training event, in order
    state_changed = Signal(str)
    preview = Signal(object)  # PreviewAnswer to the newest request
    shift = Signal(object)  # ShiftAnswer to the newest request

    def __init__(self) -> None:
        super().__init__()
        self._worker = Child("qdesigner.worker")
        self._live = Live(self.preview.emit, self.shift.emit)
        self._state = "warming"
        self._run = ""
        self._ready = False  # the worker has got as far as taking commands
        self._dead = False  # seen dead once; its last words are read before it is reported
        self._deadline = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME)
        self._timer.timeout.connect(self._poll)

    @property
    def state(self) -> str:
        """What the worker does now."""
        return self._state

    @property
    def run(self) -> str:
        """Folder of the current or last run."""
        return self._run

    @property
    def busy(self) -> bool:
        """Whether a run goes on, paused or not."""
        return self._state in ("training", "paused", "stopping")

    @property
    def worker_pid(self) -> int | None:
        """The training worker's process id."""
        return self._worker.pid

    def start(self) -> None:
        """Start both children; returns at once."""
        if not self._worker.alive:
            self._warm()
        self._live.start()
        self._timer.start()

    def train(self, design: Design, resume: str = "", branch: str = "", epoch: int = 0) -> None:
        """Train ``design`` in a new run, take up the run folder ``resume`` again, or begin a new
        run with the weights that the run ``branch`` had after ``epoch`` (0: its last)."""
        if self.busy:
            return
        if not self._worker.alive:
            self._warm()
        self._run = resume
        self._worker.send(events.Train(design, resume=resume, branch=branch, epoch=epoch))
        self._become("training")

    def change(
        self,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
    ) -> None:
        """Use other training values from the next step on."""
        if self._state in ("training", "paused"):
            self._worker.send(events.Change(learning_rate, batch_size, epochs))

    def edit(self, design: Design) -> None:
        """Go on with ``design`` and the weights that survive."""
        if self._state in ("training", "paused"):
            self._worker.send(events.Edit(design))

    def pause(self) -> None:
        """Pause after the current step."""
        if self._state == "training":
            self._worker.send(events.Pause())

    def resume(self) -> None:
        """Go on after a pause."""
        if self._state == "paused":
            self._worker.send(events.Resume())

    def stop(self) -> None:
        """End the run after the current step; a worker that does not answer is ended."""
        if self._state in ("training", "paused"):
            self._worker.send(events.Stop())
            self._deadline = time.monotonic() + PATIENCE
            self._become("stopping")

    def export(self, path: str, design: Design, run: str = "") -> None:
        """Write the script of ``run``, or of ``design`` without one; Exported answers."""
        if not self._worker.alive:
            self._warm()
        self._worker.send(events.Export(path, design, run))

    def ask_preview(
        self, circuit: Circuit, angles: Floats | None = None, weights: Floats | None = None
    ) -> None:
        """Ask for the state after ``circuit``; only the newest request is answered."""
        self._live.ask(events.PreviewRequest(0, circuit, angles, weights))

    def ask_shift(
        self,
        circuit: Circuit,
        operation: int,
        output: int = 0,
        angles: Floats | None = None,
        weights: Floats | None = None,
    ) -> None:
        """Ask for the parameter-shift rule of one gate; only the newest request is answered."""
        self._live.ask(events.ShiftRequest(0, circuit, operation, output, angles, weights))

    def close(self) -> None:
        """End both children, without waiting here."""
        self._timer.stop()
        stop_soon(self._worker)
        self._live.close()

    def _warm(self) -> None:
        self._ready = self._dead = False
        self._worker.start()
        self._become("warming")

    def _become(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)

    def _poll(self) -> None:
        self._live.poll()
        dead = not self._worker.alive
        for event in self._worker.poll():
            self._take(event)
        if dead and self._dead:
            self._bury()
        elif dead:
            self._dead = True
        elif self._state == "stopping" and time.monotonic() > self._deadline:
            self._fail("The run did not stop when asked, so its process was ended.")
            stop_soon(self._worker)
            self._worker = Child(self._worker.module)
            self._warm()

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.Ready):
            self._ready = True
            _log.info("The training process is ready after %.1f s", event.seconds)
            if self._state == "warming":
                self._become("ready")
        elif isinstance(event, events.Started):
            self._ready = True
            self._run = event.run
        elif isinstance(event, events.Paused):
            if self._state == "training":
                self._become("paused")
        elif isinstance(event, events.Resumed):
            if self._state == "paused":
                self._become("training")
        elif isinstance(event, events.Finished | events.Stopped | events.Failed):
            self._become("ready")
        self.event.emit(event)

    def _bury(self) -> None:
        """The worker is dead and its last words are read: say why, and warm a new one."""
        self._dead = False
        if self._state == "ready" and not self._ready:
            return  # it could not start, which was said; the next Train tries again
        reason = self._worker.exit_reason()
        _log.warning("The training process is gone. %s", reason)
        was_ready = self._ready
        self._worker = Child(self._worker.module)
        self._ready = False
        if self.busy:
            self._fail(reason)
        elif not was_ready:
            self._become("ready")
            self.event.emit(events.Failed(f"The training process could not start. {reason}"))
            return
        self._warm()

    def _fail(self, reason: str) -> None:
        self._become("warming")
        resumable = bool(self._run) and Path(self._run, LAST).is_file()
        self.event.emit(events.Failed(reason, self._run, resumable))


Request = events.PreviewRequest | events.ShiftRequest
Answer = events.PreviewAnswer | events.ShiftAnswer
ANSWERS: dict[type[Request], type[Answer]] = {
    events.PreviewRequest: events.PreviewAnswer,
    events.ShiftRequest: events.ShiftAnswer,
}


class Live:
    """The child that computes live states and shift rules: at most one request is on its way, and
    of those that come meanwhile only the newest of each kind is kept."""

    def __init__(
        self,
        preview: Callable[[events.PreviewAnswer], None],
        shift: Callable[[events.ShiftAnswer], None],
    ) -> None:
        self._tell: dict[type[Answer], Callable[..., None]] = {
            events.PreviewAnswer: preview,
            events.ShiftAnswer: shift,
        }
        self._child = Child("qdesigner.preview")
        self._serial = 0
        self._newest: dict[type[Answer], int] = {}
        self._asked: Request | None = None
        self._next: dict[type[Request], Request] = {}
        self._deaths = 0

    def start(self) -> None:
        """Start the child; returns at once."""
        self._child.start()

    def ask(self, request: Request) -> None:
        """Ask for a state or a rule; the request's serial is given here."""
        self._serial += 1
        self._newest[ANSWERS[type(request)]] = self._serial
        self._next[type(request)] = replace(request, serial=self._serial)
        self._send()

    def poll(self) -> None:
        """Pass the newest answers on, and send what waits."""
        for answer in self._child.poll():
            if type(answer) not in self._tell:
                continue
            self._asked, self._deaths = None, 0
            if answer.serial == self._newest.get(type(answer)):
                self._tell[type(answer)](answer)
        if not self._child.alive:
            self._revive()
        self._send()

    def close(self) -> None:
        """End the child, without waiting here."""
        stop_soon(self._child)

    def _send(self) -> None:
        """The next request, live states before rules."""
        waiting = next((kind for kind in ANSWERS if kind in self._next), None)
        if self._asked is None and waiting is not None and self._child.send(self._next[waiting]):
            self._asked = self._next.pop(waiting)

    def _revive(self) -> None:
        """Start it anew; a request that it died of twice is given up with a sentence."""
        if self._deaths >= 2:
            given_up = [*([self._asked] if self._asked else []), *self._next.values()]
            if given_up:
                reason = self._child.exit_reason()
                self._asked, self._next, self._deaths = None, {}, 0
                for kind in dict.fromkeys(ANSWERS[type(request)] for request in given_up):
                    self._tell[kind](kind(self._newest[kind], error=reason))
            return
        _log.warning("The live-state process is gone. %s", self._child.exit_reason())
        self._deaths += 1
        if self._asked is not None:
            self._next.setdefault(type(self._asked), self._asked)
        self._asked = None
        self._child = Child(self._child.module)
        self._child.start()
