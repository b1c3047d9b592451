"""What passes between the window and the child that asks a trained run on another device."""

from __future__ import annotations

from dataclasses import dataclass

from qdesigner.design.spec import DeviceSpec
from qdesigner.session.events import Event


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Ask the run in the folder ``run`` for ``limit`` images of ``split`` (0: all of them), with
    its circuits on ``device``."""

    run: str
    device: DeviceSpec
    split: str = "validation"
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Asked(Event):
    """What would be sent to a remote machine and at what cost: True sends it, False does not."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Evaluated(Event):
    """What came out: ``right`` of ``images`` images, the mean ``loss``, and what it took. Of a
    regression ``error`` is the mean absolute error, and ``right`` is 0."""

    device: DeviceSpec
    split: str
    images: int
    right: int
    loss: float
    circuits: int
    seconds: float
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class EvaluateFailed(Event):
    """Why there is no result, as a sentence; ``details`` for the log."""

    reason: str
    details: str = ""
