"""What a study says of its runs: one result a run, and what passes between the window and the
child that conducts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from qdesigner.circuit.readout import Value
from qdesigner.design.study import Study, Task
from qdesigner.session.events import Event

STOPPED = "stopped"  # why a study has ended that was stopped


class Result(Value):
    """What one run of a study came to, as written beside it.

    ``epoch`` has the best validation score; ``test`` is the score on the test samples with that
    epoch's weights: the accuracy, or of a regression the mean absolute error. ``values`` has one
    number a test sample, in the order of ``samples``: 1 right, 0 wrong; of a regression the
    absolute error. ``seconds`` is the whole run, ``step`` the mean of a training step.
    ``parameters`` are trained, ``quantum`` of them in circuits.
    """

    key: str
    variant: str
    data: str
    seed: int
    epoch: int
    validation: float
    test: float
    loss: float
    metrics: dict[str, float] = Field(default_factory=dict)
    errors: bool = False  # whether the score is an error, where lower is better
    parameters: int = 0
    quantum: int = 0
    seconds: float = 0.0
    step: float = 0.0
    samples: tuple[str, ...] = ()
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Conduct:
    """Conduct ``study`` in the folder ``out`` ("" for one in the user's data folder), what is
    already done there excepted; with so many local ``workers`` (0: one a core), or on the Dask
    scheduler at the address ``scheduler``."""

    study: Study
    out: str = ""
    workers: int = 0
    scheduler: str = ""


@dataclass(frozen=True, slots=True)
class StudyBegun(Event):
    """The study is conducted in ``folder``; ``done`` of its ``total`` runs are there already."""

    folder: str
    total: int
    done: int
    where: str  # "2 local processes", or the scheduler's address


@dataclass(frozen=True, slots=True)
class RunDone(Event):
    """One run has ended, now or on an earlier day; ``left`` is the expected rest in seconds, 0
    where it is not known yet."""

    result: Result
    done: int
    total: int
    left: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The event as JSON values, the samples one by one left out."""
        result = self.result.model_dump(mode="json", exclude={"samples", "values"})
        return {"event": "rundone", "result": result, "done": self.done, "total": self.total,
                "left": self.left}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunFailed(Event):
    """One run has failed, for a ``reason`` in a sentence; the others go on."""

    task: Task
    reason: str
    done: int
    total: int

    def to_json(self) -> dict[str, Any]:
        """The event as JSON values, of the task what tells it from the others."""
        task = self.task.model_dump(mode="json", exclude={"design"})
        return {"event": "runfailed", "task": task, "reason": self.reason, "done": self.done,
                "total": self.total}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StudyEnded(Event):
    """All is done (``why`` ""), or the study was stopped or cannot go on, for the reason ``why``;
    ``failed`` runs have no result."""

    folder: str
    done: int
    failed: int
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class StudyRefused(Event):
    """Why a study cannot begin, as a sentence; ``details`` for the log."""

    reason: str
    details: str = ""
