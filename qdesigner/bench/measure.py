"""Timing in turns: what is compared runs side by side in one process, so that a busy moment hits
all alike."""

from __future__ import annotations

import logging
import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from qdesigner.catalog.devices import BUILT_IN
from qdesigner.errors import UserError
from qdesigner.session.comparison import Row

_log = logging.getLogger(__name__)

Step = Callable[[], object]
Tell = Callable[[str], None]

TURN = 0.02  # seconds: a fast step is called often in its turn, so that the clock costs nothing
SHARE, LONGEST_TURN = 0.2, 0.3  # beside a slow one it takes longer turns, up to so many seconds
MOST_CALLS = 2000
TURNS = 3  # at least
LONGEST = 12.0  # seconds: turns that take longer together are no more repeated


class Peer(NamedTuple):
    """Something to measure beside the built-in engine. ``make`` gives its step, which it has run
    once; UserError says why it is skipped. ``row`` holds what its row says."""

    row: Row
    make: Callable[[], Step]


@dataclass(frozen=True)
class Task:
    """Some rows: how many, and how to get them, given seconds for each and whom to tell what is
    being measured."""

    total: int
    run: Callable[[float, Tell], Iterator[Row]]


def in_turns(mine: Step, theirs: Step, seconds: float) -> tuple[float, float, float]:
    """Median seconds of a call of each, and the median of the ratios theirs / mine."""
    steps = (mine, theirs)
    once = [_turn(step, 1) for step in steps]
    length = max(TURN, min(SHARE * max(once), LONGEST_TURN))
    counts = [max(1, min(MOST_CALLS, math.ceil(length / max(each, 1e-9)))) for each in once]
    taken: list[tuple[float, float]] = []
    begun = now = time.perf_counter()
    while now < begun + (seconds if len(taken) >= TURNS else LONGEST) or not taken:
        first, second = (_turn(step, count) for step, count in zip(steps, counts, strict=True))
        taken.append((first, second))
        now = time.perf_counter()
    middle = statistics.median
    return (
        middle(first for first, _ in taken),
        middle(second for _, second in taken),
        middle(second / first for first, second in taken),
    )


def alone(step: Step, seconds: float) -> float:
    """Median seconds of a call."""
    return in_turns(step, _nothing, seconds)[0]


def _nothing() -> None:
    pass


def _turn(step: Step, calls: int) -> float:
    """Seconds a call."""
    begun = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - begun) / calls


def beside(reference: Row, make: Callable[[], Step], peers: list[Peer]) -> Task:
    """The built-in's row, ``reference``, then each peer's, measured in turns with it."""

    def run(seconds: float, tell: Tell) -> Iterator[Row]:
        tell(BUILT_IN)
        mine = make()
        yield replace(reference, seconds=alone(mine, seconds), ratio=1.0)
        for peer in peers:
            tell(peer.row.engine)
            yield _measured(peer, mine, seconds)

    return Task(1 + len(peers), run)


def _measured(peer: Peer, mine: Step, seconds: float) -> Row:
    if peer.row.skipped:
        return peer.row
    try:
        _, theirs, ratio = in_turns(mine, peer.make(), seconds)
    except UserError as error:
        return replace(peer.row, skipped=str(error))
    except Exception as error:  # another library's fault costs its own row, not the others
        _log.exception("%s failed", peer.row.name)
        words = " ".join(str(error).split())[:200]
        return replace(peer.row, skipped=f"it failed: {type(error).__name__}: {words}")
    return replace(peer.row, seconds=theirs, ratio=ratio)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Torch on so many threads meanwhile."""
    kept = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(kept)


def on_best_threads(step: Step) -> Step:
    """The step on one torch thread, or on as many as torch would take, whichever is faster here:
    small tensors lose by threads, and much where other programs run too."""
    taken = {}
    for count in (1, torch.get_num_threads()):
        with torch_threads(count):
            step()
            taken[count] = _turn(step, 1)
    best = min(taken, key=taken.__getitem__)

    def there() -> None:
        with torch_threads(best):
            step()

    return there


def on_one_thread(task: Task) -> Task:
    """The same task on one torch thread, as the program trains a head."""

    def run(seconds: float, tell: Tell) -> Iterator[Row]:
        with torch_threads(1):
            yield from task.run(seconds, tell)

    return Task(task.total, run)
