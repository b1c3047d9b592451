"""What moves the weights: the optimizer, its learning rate epoch by epoch, clipping and half
precision, and what of it a checkpoint keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from qdesigner.design.schedule import learning_rate
from qdesigner.design.spec import TrainingSpec
from qdesigner.training.transplant import Graft


def make_optimizer(spec: TrainingSpec, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer over the weights that are trained."""
    weights = [w for w in model.parameters() if w.requires_grad]
    rate, decay = spec.learning_rate, spec.weight_decay
    if spec.optimizer == "sgd":
        return torch.optim.SGD(weights, lr=rate, momentum=spec.momentum, weight_decay=decay)
    kind = torch.optim.Adam if spec.optimizer == "adam" else torch.optim.AdamW
    return kind(weights, lr=rate, weight_decay=decay, fused=True)


@dataclass
class Patience:
    """Counts the epochs since the validation loss was lowest."""

    lowest: float = math.inf
    epochs: int = 0

    def see(self, loss: float) -> int:
        """The count after one more epoch; 0 when this one is the lowest."""
        self.epochs = 0 if loss < self.lowest else self.epochs + 1
        self.lowest = min(self.lowest, loss)
        return self.epochs

    def restore(self, values: Any) -> None:
        """As a checkpoint has it. Raises ValueError or TypeError."""
        lowest, epochs = values
        self.lowest, self.epochs = float(lowest), int(epochs)


class Descent:
    """One run's optimizer and all that goes with it: `begin_epoch`, a `step` for each batch,
    `end_epoch`. Values of ``spec`` may be exchanged in between."""

    def __init__(self, spec: TrainingSpec, model: nn.Module, device: torch.device) -> None:
        self.spec = spec
        self.optimizer = make_optimizer(spec, model)
        self.half = spec.mixed and device.type == "cuda"
        self._scaler = torch.amp.GradScaler("cuda", enabled=self.half)
        self._plateau, self._lowered = Patience(), 0  # how often a plateau lowered the rate
        self.stale = Patience()

    @property
    def weights(self) -> list[Tensor]:
        """All weights that are trained."""
        return [weight for group in self.optimizer.param_groups for weight in group["params"]]

    @property
    def rate(self) -> float:
        """The learning rate now."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def exhausted(self) -> bool:
        """Whether early stopping has had enough of waiting for a better validation loss."""
        return 0 < self.spec.early_stopping <= self.stale.epochs

    def begin_epoch(self, epoch: int) -> None:
        """Set the learning rate of this epoch (from 1)."""
        rate = learning_rate(self.spec, epoch, self._lowered)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def go_on_from(self, other: Descent, grafts: Sequence[Graft]) -> None:
        """Take the place of ``other``, whose weights are ``grafts`` of these: what it knows of them
        stays known, and the schedule goes on."""
        for mine, theirs in zip(
            self.optimizer.param_groups, other.optimizer.param_groups, strict=True
        ):
            mine["lr"] = theirs["lr"]
        self._plateau, self._lowered = replace(other._plateau), other._lowered
        if self.half and other.half:
            self._scaler.load_state_dict(other._scaler.state_dict())
        for graft in grafts:
            known = other.optimizer.state.get(graft.old)
            if known:
                self.optimizer.state[graft.new] = {
                    name: _grafted(value, graft) for name, value in known.items()
                }

    def precision(self) -> AbstractContextManager[Any]:
        """Half precision for a forward pass, where it is in use."""
        return torch.autocast("cuda", torch.float16) if self.half else nullcontext()

    def clear(self) -> None:
        """Forget the gradients of the step before."""
        self.optimizer.zero_grad(set_to_none=True)

    def step(self, loss: Tensor) -> None:
        """Move the weights down the gradient of ``loss``, clipped. In half precision a step whose
        gradient overflowed is left out, and the loss scaled less from then on."""
        torch.autograd.backward(self._scaler.scale(loss) if self.half else loss)
        if self.half:
            self._scaler.unscale_(self.optimizer)
        if self.spec.clip:
            nn.utils.clip_grad_norm_(self.weights, self.spec.clip)
        if self.half:
            self._scaler.step(self.optimizer)
            self._scaler.update()
        else:
            self.optimizer.step()

    def end_epoch(self, epoch: int, val_loss: float) -> None:
        """Take note of how the epoch went."""
        self.stale.see(val_loss)
        past_warmup = epoch > self.spec.warmup
        if past_warmup and self._plateau.see(val_loss) >= self.spec.patience:
            self._plateau.epochs = 0
            self._lowered += self.spec.schedule == "plateau"

    def to_values(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": {
                "plateau": [self._plateau.lowest, self._plateau.epochs],
                "lowered": self._lowered,
                "stale": [self.stale.lowest, self.stale.epochs],
                "scaler": self._scaler.state_dict(),
            },
        }

    def take(self, values: dict[str, Any]) -> None:
        """As `to_values` wrote it. Raises ValueError and others for what does not fit."""
        load_optimizer(self.optimizer, values["optimizer"])
        schedule = values["schedule"]
        if "stale" not in schedule:  # written before there was any of it to keep
            return
        self._plateau.restore(schedule["plateau"])
        self.stale.restore(schedule["stale"])
        self._lowered = int(schedule["lowered"])
        if self.half and schedule["scaler"]:
            self._scaler.load_state_dict(schedule["scaler"])


def _grafted(value: Any, graft: Graft) -> Any:
    """The optimizer's memory of an old weight, as one of the new."""
    if not isinstance(value, Tensor):
        return value
    value = value.to(graft.new.device)  # an edit may lead to another one
    if value.shape != graft.old.shape:
        return value.clone()  # a count of steps
    out = torch.zeros_like(graft.new)
    out[graft.now] = value[graft.since]
    return out


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
