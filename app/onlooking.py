"""The onlooking child as Qt signals: what a run's checkpoints say of images, also while it trains.

The child begins with the first question, ends when it has not been asked for a while, and of each
kind of question only the newest is answered.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer, Signal

from app.attended import Attended
from qdesigner.session.onlook import Predict, Predicted, Trace, Traced

IDLE = 300_000  # ms after which a child that is not asked ends; it holds a backbone in memory
MOST_DEATHS = 2  # of one question

Question = Predict | Trace
ANSWERS: dict[type[Question], type[Predicted | Traced]] = {Predict: Predicted, Trace: Traced}


class Onlooking(Attended):
    """Asks, and passes on what is answered to the newest question of each kind."""

    predicted = Signal(object)  # Predicted
    traced = Signal(object)  # Traced

    def __init__(self) -> None:
        super().__init__("qdesigner.onlooker")
        self._serial = 0
        self._waiting: dict[type[Question], Question] = {}
        self._deaths = 0
        self._idle = QTimer(self, singleShot=True, interval=IDLE)
        self._idle.timeout.connect(self._end)

    def ask(self, question: Question) -> None:
        """Ask; the question's serial is given here."""
        self._serial += 1
        question = replace(question, serial=self._serial)
        self._waiting[type(question)] = question
        self._deaths = 0
        self._idle.stop()
        if self.running:
            self._send(question)
        else:
            self._begin()

    def waits_for(self, kind: type[Question]) -> bool:
        """Whether a question of this kind is not answered yet."""
        return kind in self._waiting

    def forget(self, kind: type[Question]) -> None:
        """The answer to a question of this kind is not wanted any more."""
        self._waiting.pop(kind, None)

    def _begin(self) -> None:
        for question in self._waiting.values():
            self._send(question)

    def _take(self, answer: object) -> None:
        for kind, said in ANSWERS.items():
            question = self._waiting.get(kind)
            if question is None or not isinstance(answer, said):
                continue
            if answer.serial == question.serial:
                del self._waiting[kind]
                self._deaths = 0
                self._tell(answer)
        if not self._waiting:
            self._idle.start()

    def _tell(self, answer: object) -> None:
        (self.predicted if isinstance(answer, Predicted) else self.traced).emit(answer)

    def _broke_off(self, reason: str) -> None:
        """Ask a new one, unless it died of the same question before."""
        if not self._waiting:
            return
        self._deaths += 1
        if self._deaths < MOST_DEATHS:
            self._begin()
            return
        waiting, self._waiting = self._waiting, {}
        for kind, question in waiting.items():
            self._tell(ANSWERS[kind](question.serial, error=f"The run was not asked. {reason}"))
