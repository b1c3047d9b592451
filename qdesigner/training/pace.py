"""How fast a run goes, and when it will end: measured from the first step on, not promised."""

from __future__ import annotations

import time

from qdesigner.session import events

FORGET = 0.9  # how much of what was measured before still counts after the next message
FORWARD = 1 / 3  # of a training step, roughly: what a batch takes that is only looked at


class Pace:
    """Collects the steps that are not yet told of, and measures steps and what lies between epochs.

    What a step takes is a mean that forgets: a slow first step, or one of before a change, soon
    counts no more. What an epoch takes besides its steps (validation, checkpoints, other variants
    of the images) is guessed from the steps until one has ended.
    """

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._scores: list[float] = []
        self._at: list[float] = []
        self._images = 0
        self._steps = self._seconds = 0.0
        self._between = -1.0
        self._begun = False
        self.since = time.perf_counter()

    def add(self, loss: float, score: float, images: int, at: float) -> None:
        """One step more."""
        self._losses.append(loss)
        self._scores.append(score)
        self._at.append(at)
        self._images += images

    def waited(self, seconds: float) -> None:
        """Time that does not count: a pause."""
        self.since += seconds

    def forget(self) -> None:
        """Steps will take another time from now on."""
        self._steps = self._seconds = 0.0

    def between(self) -> None:
        """An epoch's first step comes next: what has passed since the last step told of, if there
        was one, was spent between two epochs."""
        now = time.perf_counter()
        spent, self.since = now - self.since, now
        if self._begun:
            self._between = spent if self._between < 0 else (self._between + spent) / 2

    def take(
        self, epoch: int, steps: int, steps_left: int, epochs_left: int, guess: float
    ) -> events.Steps | None:
        """The steps not yet told of, None when there are none. ``steps`` are done in all;
        ``epochs_left`` are still to end; ``guess`` is how many steps' time the end of one takes as
        long as none was measured."""
        count = len(self._losses)
        if not count:
            return None
        now = time.perf_counter()
        spent = now - self.since
        self._begun = True
        self._steps = FORGET * self._steps + count
        self._seconds = FORGET * self._seconds + spent
        step = self._seconds / self._steps
        between = self._between if self._between >= 0 else guess * step
        told = events.Steps(
            epoch, steps - count, tuple(self._losses), tuple(self._scores),
            images_per_second=self._images / max(spent, 1e-9),
            seconds_left=step * steps_left + between * epochs_left,
            at=tuple(self._at),
        )  # fmt: skip
        self._losses, self._scores, self._at, self._images = [], [], [], 0
        self.since = now
        return told
