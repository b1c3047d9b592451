"""How a run descends: its optimizer and its learning-rate schedule, made new or taken from a
checkpoint."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from qdesigner.design.spec import TrainingSpec


class Descent:
    """The optimizer over a model's trained weights, and its schedule."""

    def __init__(self, spec: TrainingSpec, model: nn.Module) -> None:
        self.optimizer = make_optimizer(spec, model)
        self.schedule = make_schedule(spec, self.optimizer)

    @property
    def rate(self) -> float:
        """The learning rate now."""
        return float(self.optimizer.param_groups[0]["lr"])

    def clear(self) -> None:
        """Forget the gradients of the step before."""
        self.optimizer.zero_grad(set_to_none=True)

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of ``loss``."""
        torch.autograd.backward(loss)
        self.optimizer.step()

    def end_epoch(self, val_loss: float) -> None:
        """An epoch has ended with this validation loss: the next may have another rate."""
        if self.schedule is not None:
            self.schedule.step()

    def to_values(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule is not None else {},
        }

    def take(self, values: dict[str, Any]) -> None:
        """As `to_values` wrote it. Raises ValueError and others for what does not fit."""
        load_optimizer(self.optimizer, values["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(values["schedule"])


def make_optimizer(spec: TrainingSpec, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer over the weights that are trained."""
    weights = [w for w in model.parameters() if w.requires_grad]
    rate, decay = spec.learning_rate, spec.weight_decay
    if spec.optimizer == "sgd":
        return torch.optim.SGD(weights, lr=rate, momentum=spec.momentum, weight_decay=decay)
    kind = torch.optim.Adam if spec.optimizer == "adam" else torch.optim.AdamW
    return kind(weights, lr=rate, weight_decay=decay, fused=True)


def make_schedule(
    spec: TrainingSpec, optimizer: torch.optim.Optimizer
) -> torch.optim.lr_scheduler.StepLR | None:
    """The learning-rate schedule, stepped once an epoch; None for a constant rate."""
    if spec.schedule == "constant":
        return None
    return torch.optim.lr_scheduler.StepLR(optimizer, spec.step_size, spec.gamma)


def load_optimizer(optimizer: torch.optim.Optimizer, values: dict[str, Any]) -> None:
    """Put a checkpoint's state into the optimizer. Raises ValueError when it is not of its kind:
    torch looks at the number of weights alone, and would fail at the first step."""
    ours, theirs = optimizer.state_dict()["param_groups"], values["param_groups"]
    for mine, other in zip(ours, theirs, strict=True):
        if {**other, "lr": mine["lr"], "initial_lr": 0} != {**mine, "initial_lr": 0}:
            raise ValueError("its settings are not those of the design")
        if not (isinstance(other["lr"], float) and math.isfinite(other["lr"])):
            raise ValueError("its learning rate is no number")
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for number, state in values["state"].items():
        for value in state.values():
            if isinstance(value, Tensor) and value.dim() and value.shape != weights[number].shape:
                raise ValueError("its state is that of other weights")
    optimizer.load_state_dict(values)
