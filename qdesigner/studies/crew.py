"""Who does the runs of a study: what the conductor asks of them, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qdesigner.design.study import Task


@dataclass(frozen=True, slots=True)
class Done:
    """A run is done; ``result`` is its Result as JSON."""

    key: str
    result: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A run cannot be done, for a ``reason`` in a sentence: doing it again would not help."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Who was doing a run is gone, for a ``reason`` in a sentence: another one may do it."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Said:
    """How far a run is with long work: ``done`` of ``total`` (0: unknown), ``rate`` a second."""

    key: str
    what: str
    done: int
    total: int
    rate: float


News = Done | Failed | Lost | Said


class Crew(Protocol):
    """Processes that do runs, here or on a cluster. ``queues`` says whether a run may wait there
    before it is under way."""

    queues: bool

    @property
    def where(self) -> str:
        """Who they are: "2 local processes", or the scheduler's address."""

    @property
    def hands(self) -> int:
        """How many runs can be under way at once."""

    @property
    def room(self) -> int:
        """How many more runs they would take now."""

    def begin(self, task: Task) -> None:
        """Have a run done. Raises UserError when nobody can do any."""

    def news(self, seconds: float) -> Sequence[News]:
        """What there is to tell since the last call, waiting at most so long for the first. Raises
        UserError when no more will come."""

    def end(self) -> None:
        """Stop what is under way, such that it can be gone on with, and let them go."""
