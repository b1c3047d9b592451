"""What the tests of the window's shell share: a session without children, and a spinning wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from qdesigner.design import codec
from qdesigner.design.spec import Design
from qdesigner.paths import resource
from qdesigner.session import events
from qdesigner.session.onlook import Predict, Predicted, Trace, Traced


class FakeTask(QObject):
    """A task without a child; what it is asked is only written down."""

    said = Signal(object)
    ended = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.running = False
        self.asked: list[object] = []
        self.answers: list[object] = []

    def start(self, wanted: object) -> None:
        self.running = True
        self.asked.append(wanted)

    def answer(self, value: object) -> None:
        self.answers.append(value)

    def cancel(self) -> None:
        self.finish("Cancelled.")

    def finish(self, why: str = "") -> None:
        self.running = False
        self.ended.emit(why)


class FakeSession(QObject):
    """Signals and states of a session; commands are only written down."""

    event = Signal(object)
    state_changed = Signal(str)
    preview = Signal(object)
    shift = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.state, self.run = "ready", ""
        self.said: list[tuple[object, ...]] = []

    @property
    def busy(self) -> bool:
        return self.state in ("training", "paused", "stopping")

    def become(self, state: str) -> None:
        self.state = state
        self.state_changed.emit(state)

    def start(self) -> None:
        self.said.append(("start",))

    def train(self, design: Design, resume: str = "", branch: str = "", epoch: int = 0) -> None:
        self.said.append(("branch", design, branch, epoch) if branch else ("train", design, resume))
        self.become("training")

    def change(self, **values: object) -> None:
        self.said.append(("change", values))

    def edit(self, design: Design) -> None:
        self.said.append(("edit", design))

    def pause(self) -> None:
        self.said.append(("pause",))
        self.become("paused")

    def resume(self) -> None:
        self.said.append(("resume",))
        self.become("training")

    def stop(self) -> None:
        self.said.append(("stop",))
        self.become("stopping")

    def export(self, path: str, design: Design, run: str) -> None:
        self.said.append(("export", path, run))

    def ask_preview(self, circuit: object, angles: object = None, weights: object = None) -> None:
        pass

    def ask_shift(self, circuit: object, operation: int, output: int, *rest: object) -> None:
        self.said.append(("shift", operation, output))

    def close(self) -> None:
        self.said.append(("close",))

    def verbs(self) -> list[object]:
        return [said[0] for said in self.said]

    def end(self, event: events.Event) -> None:
        """The run ends with ``event``."""
        self.become("ready")
        self.event.emit(event)


class FakeOnlooking(QObject):
    """Signals of the onlooking child; questions are only written down."""

    predicted = Signal(object)
    traced = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Predict | Trace] = []
        self._waiting: set[type] = set()

    def ask(self, question: Predict | Trace) -> None:
        self.asked.append(question)
        self._waiting.add(type(question))

    def of(self, kind: type) -> list[Predict | Trace]:
        return [question for question in self.asked if isinstance(question, kind)]

    def waits_for(self, kind: type) -> bool:
        return kind in self._waiting

    def forget(self, kind: type) -> None:
        self._waiting.discard(kind)

    def answer(self, answer: Predicted | Traced) -> None:
        predicted = isinstance(answer, Predicted)
        kind = Predict if predicted else Trace
        if kind in self._waiting:  # what was forgotten is not passed on
            self._waiting.discard(kind)
            (self.predicted if predicted else self.traced).emit(answer)

    def close(self) -> None:
        pass


class FakeChild:
    """A child that writes down what it is sent, and says and does what the test tells it."""

    made: ClassVar[list[FakeChild]] = []

    def __init__(self, module: str, capacity: int = 2000) -> None:
        self.module, self.alive, self.pid = module, False, 1
        self.sent: list[Any] = []
        self.said: list[Any] = []
        self.stopped = threading.Event()
        FakeChild.made.append(self)

    def start(self) -> None:
        self.alive = True

    def send(self, command: Any) -> bool:
        if self.alive:
            self.sent.append(command)
        return self.alive

    def poll(self) -> list[Any]:
        said, self.said = self.said, []
        return said

    def exit_reason(self) -> str:
        return "The process was ended from outside by SIGKILL."

    def stop(self, seconds: float = 3.0) -> None:
        self.alive = False
        self.stopped.set()


def quickstart() -> Design:
    return codec.load(resource("templates/quickstart.qdesign"))


def spin(milliseconds: int) -> None:
    """Let Qt work for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait_until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    """Let Qt work until something holds; fails when it never does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never happened"
        spin(5)


def end(window: QWidget) -> None:
    """Close a window and be rid of it, so that it weighs on no other test."""
    if window.isVisible():
        window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@contextmanager
def heard(signal: Signal) -> Iterator[list[object]]:
    """What a signal says meanwhile."""
    said: list[object] = []

    def hear(*values: object) -> None:
        said.append(values[0] if values else None)

    signal.connect(hear)
    yield said
    signal.disconnect(hear)
