"""Where a run stands: what a checkpoint keeps besides the weights, and takes back from a file."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass
class Best:
    """The best epoch so far: of two alike, the one with the lower loss."""

    epoch: int = 0
    score: float = -math.inf
    loss: float = math.inf

    def beaten_by(self, score: float, loss: float, lower: bool = False) -> bool:
        """Whether these are better; scores that are errors are the better the ``lower``."""
        sign = -1 if lower else 1
        return not self.epoch or (sign * score, -loss) > (sign * self.score, -self.loss)


@dataclass
class Within:
    """How far an epoch is: samples seen, and what its means are made of."""

    position: int = 0
    loss_sum: float = 0.0
    score_sum: float = 0.0
    seconds: float = 0.0
    random: list[Tensor] = field(default_factory=list)

    def to_values(self) -> dict[str, Any] | None:
        """For a checkpoint; None between two epochs, of which there is nothing to keep."""
        if not self.position:
            return None
        return {
            "position": self.position, "loss_sum": self.loss_sum, "score_sum": self.score_sum,
            "seconds": self.seconds, "random": random_state(),
        }  # fmt: skip

    @staticmethod
    def of(values: Any, count: int) -> Within:
        """As `to_values` wrote it, in an epoch of ``count`` samples. Raises ValueError and others
        for what is none."""
        if values is None:
            return Within()
        position = int(values["position"])
        if not 0 < position < count:
            raise ValueError("it stands outside its epoch")
        loss, score, seconds = (float(values[n]) for n in ("loss_sum", "score_sum", "seconds"))
        random = list(values["random"])
        if not random or not all(
            isinstance(state, Tensor) and state.dtype == torch.uint8 for state in random
        ):
            raise ValueError("it holds no random state")
        return Within(position, loss, score, seconds, random)


@dataclass
class State:
    """A run's way so far. ``score`` and ``loss`` are the validation's after ``epoch``."""

    epoch: int = 0
    steps: int = 0
    score: float = math.nan
    loss: float = math.nan
    best: Best = field(default_factory=Best)
    within: Within = field(default_factory=Within)

    def to_values(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "epoch": self.epoch,
            "steps": self.steps,
            "best": [self.best.epoch, self.best.score, self.best.loss],
            "validation": [self.score, self.loss],
            "within": self.within.to_values(),
        }

    @staticmethod
    def of(values: dict[str, Any], count: int) -> State:
        """As `to_values` wrote it, in epochs of ``count`` samples. Raises ValueError and others for
        what is none: the file may be a stranger's."""
        epoch, score, loss = values["best"]
        best = Best(int(epoch), float(score), float(loss))
        score, loss = map(float, values["validation"])
        within = Within.of(values.get("within"), count)
        state = State(int(values["epoch"]), int(values["steps"]), score, loss, best, within)
        if state.epoch < 0 or state.steps < 0:
            raise ValueError("its epochs or steps are no counts")
        return state


def random_state() -> list[Tensor]:
    """The state of torch's generators, of the CPU and of every CUDA device in use."""
    states = [torch.get_rng_state()]
    if torch.cuda.is_available():
        states += torch.cuda.get_rng_state_all()
    return states


def set_random_state(states: list[Tensor]) -> None:
    """Go on drawing where `random_state` was asked; another machine's CUDA draws anew."""
    torch.set_rng_state(states[0])
    if torch.cuda.is_available() and len(states) - 1 == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states[1:])
