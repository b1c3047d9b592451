"""What a sequence of steps does several times over, its weights moving on by the same number."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import islice

from qdesigner.export.formulas import WEIGHTS, Step

_STARTS = 4  # how many places a repetition may begin at: further in, it would not be worth a loop
_PERIODS = 8  # how many lengths of one pass are tried from each


@dataclass(frozen=True, slots=True)
class Passes:
    """From ``start`` on, ``period`` steps are done ``count`` times; each time the weights' indices
    move up by ``weights``."""

    start: int
    period: int
    count: int
    weights: int

    @property
    def end(self) -> int:
        """The first step behind them."""
        return self.start + self.period * self.count

    @property
    def saved(self) -> int:
        """How many steps need not be written."""
        return (self.count - 1) * self.period


def passes(steps: Sequence[Step]) -> Passes | None:
    """The repetition that saves most steps; None if there is none worth a loop."""
    keys = [_key(what) for what in steps]
    found = [
        _from(start, period, steps, keys)
        for start in _starts(steps)
        for period in _periods(keys, start)
    ]
    best = max(found, key=lambda one: one.saved, default=None)
    return best if best is not None and best.saved > 1 else None


def _key(what: Step) -> Hashable:
    """The step without the numbers of its weights."""
    inputs = tuple(index.number for index in what.indices if index.array != WEIGHTS)
    return what.shape, what.wires, inputs


def _starts(steps: Sequence[Step]) -> list[int]:
    """Where a kind of gate begins."""
    changes = (at for at in range(1, len(steps)) if steps[at].gate != steps[at - 1].gate)
    return [0, *islice(changes, _STARTS - 1)] if steps else []


def _periods(keys: Sequence[Hashable], start: int) -> list[int]:
    """How far on the step at ``start`` comes again."""
    again = (at - start for at in range(start + 1, len(keys)) if keys[at] == keys[start])
    return list(islice(again, _PERIODS))


def _from(start: int, period: int, steps: Sequence[Step], keys: Sequence[Hashable]) -> Passes:
    """The passes of this length from ``start`` on, one if they are not repeated."""
    moved: int | None = None
    alike = 0
    for at in range(start, len(steps) - period):
        if keys[at] != keys[at + period]:
            break
        apart = _apart(steps[at], steps[at + period])
        if apart and moved is None:
            moved = apart.pop()
        if apart - {moved}:
            break
        alike += 1
    return Passes(start, period, alike // period + 1, moved or 0)


def _apart(before: Step, after: Step) -> set[int]:
    """By how much the weights' indices differ."""
    both = zip(before.indices, after.indices, strict=True)
    return {b.number - a.number for a, b in both if a.array == WEIGHTS}
