"""The expected end of a run: measured, the first epoch included."""

from __future__ import annotations

import pytest

from qdesigner.training import pace
from qdesigner.training.pace import Pace

STEPS, EPOCHS = 100, 5  # steps of an epoch


class Clock:
    """A clock that a test winds."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    return made


def said(measured: Pace, done: int, guess: float = 40.0) -> float:
    """The seconds that are left after so many steps of the run."""
    ended = done // STEPS
    measured.add(0.5, 1.0, 4, done / STEPS)
    told = measured.take(ended + 1, done, EPOCHS * STEPS - done, EPOCHS - ended, guess)
    assert told is not None
    return told.seconds_left


def test_before_the_first_epoch_has_ended_its_end_is_guessed_from_the_steps(clock: Clock) -> None:
    measured = Pace()
    clock.now += 60.0  # features, which are not computed again
    measured.between()
    for step in range(1, 51):
        clock.now += 0.01
        left = said(measured, step)
    assert left == pytest.approx(450 * 0.01 + 5 * 40 * 0.01)


def test_what_lies_between_epochs_counts_as_it_was_measured(clock: Clock) -> None:
    measured = Pace()
    for step in range(1, STEPS):
        clock.now += 0.01
        said(measured, step)
    clock.now += 2.0  # validation, and saving
    measured.between()
    clock.now += 0.01
    assert said(measured, STEPS + 1) == pytest.approx(399 * 0.01 + 4 * 2.0)


def test_a_slow_first_step_and_a_pause_are_soon_forgotten(clock: Clock) -> None:
    measured = Pace()
    clock.now += 3.0
    said(measured, 1)
    clock.now += 1000.0
    measured.waited(1000.0)
    for step in range(2, 80):
        clock.now += 0.01
        left = said(measured, step, guess=0.0)
    assert left == pytest.approx(421 * 0.01, rel=0.1)


def test_steps_that_take_another_time_since_a_change_count_alone(clock: Clock) -> None:
    measured = Pace()
    for step in range(1, 30):
        clock.now += 0.01
        said(measured, step)
    measured.forget()
    clock.now += 0.03
    assert said(measured, 30, guess=0.0) == pytest.approx(470 * 0.03)
