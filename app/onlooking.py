"""The onlooking child as Qt signals: what a run's checkpoints say of images, also while it trains.

The child begins with the first question, ends when it has not been asked for a while, and of each
kind of question only the newest is answered.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from qdesigner.session.client import Child
from qdesigner.session.onlook import Predict, Predicted, Trace, Traced

_log = logging.getLogger(__name__)

LOOK = 40  # ms between two looks at the child
IDLE = 300_000  # ms after which a child that is not asked ends; it holds a backbone in memory
MOST_DEATHS = 2  # of one question

Question = Predict | Trace
ANSWERS: dict[type[Question], type[Predicted | Traced]] = {Predict: Predicted, Trace: Traced}


class Onlooking(QObject):
    """Asks, and passes on what is answered to the newest question of each kind."""

    predicted = Signal(object)  # Predicted
    traced = Signal(object)  # Traced

    def __init__(self) -> None:
        super().__init__()
        self._child: Child | None = None
        self._serial = 0
        self._waiting: dict[type[Question], Question] = {}
        self._deaths = 0
        self._dead = False  # seen dead once; its last words are read before it is begun anew
        self._timer = QTimer(self, interval=LOOK)
        self._timer.timeout.connect(self._poll)
        self._idle = QTimer(self, singleShot=True, interval=IDLE)
        self._idle.timeout.connect(self._end)

    def ask(self, question: Question) -> None:
        """Ask; the question's serial is given here."""
        self._serial += 1
        question = replace(question, serial=self._serial)
        self._waiting[type(question)] = question
        self._deaths = 0
        self._idle.stop()
        if self._child is None:
            self._begin()
        else:
            self._child.send(question)
        self._timer.start()

    def waits_for(self, kind: type[Question]) -> bool:
        """Whether a question of this kind is not answered yet."""
        return kind in self._waiting

    def forget(self, kind: type[Question]) -> None:
        """The answer to a question of this kind is not wanted any more."""
        self._waiting.pop(kind, None)

    def close(self) -> None:
        """End the child, without waiting here."""
        self.blockSignals(True)
        self._waiting.clear()
        self._end()

    def _begin(self) -> None:
        self._child = Child("qdesigner.onlooker")
        self._child.start()
        self._dead = False
        for question in self._waiting.values():
            self._child.send(question)

    def _poll(self) -> None:
        if self._child is None:
            return
        dead = not self._child.alive
        for answer in self._child.poll():
            self._take(answer)
        if dead and self._dead:
            self._bury()
        self._dead = dead
        if not self._waiting:
            self._timer.stop()
            self._idle.start()

    def _take(self, answer: object) -> None:
        for kind, said in ANSWERS.items():
            question = self._waiting.get(kind)
            if question is None or not isinstance(answer, said):
                continue
            if answer.serial == question.serial:
                del self._waiting[kind]
                self._deaths = 0
                self._tell(answer)

    def _tell(self, answer: object) -> None:
        (self.predicted if isinstance(answer, Predicted) else self.traced).emit(answer)

    def _bury(self) -> None:
        """It is gone: ask a new one, unless it died of the same question before."""
        child, self._child = self._child, None
        assert child is not None
        reason = child.exit_reason()
        _log.warning("The onlooking process is gone. %s", reason)
        if not self._waiting:
            return
        self._deaths += 1
        if self._deaths < MOST_DEATHS:
            self._begin()
            return
        waiting, self._waiting = self._waiting, {}
        for kind, question in waiting.items():
            self._tell(ANSWERS[kind](question.serial, error=f"The run was not asked. {reason}"))

    def _end(self) -> None:
        child, self._child = self._child, None
        self._timer.stop()
        self._idle.stop()
        if child is not None:
            name = f"stop {child.module}"
            threading.Thread(target=child.stop, name=name, daemon=False).start()
