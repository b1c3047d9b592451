"""What is measured of a model between epochs: its gradients, and its validation images."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from qdesigner.engine.layer import CircuitLayer
from qdesigner.model.build import Squash
from qdesigner.session.events import Predictions
from qdesigner.training.inputs import Inputs
from qdesigner.training.losses import Criterion
from qdesigner.training.metrics import metrics

BATCH = 256  # images at once: many, because nothing is kept for a backward pass
END = 0.95 * math.pi / 2  # rad: from here on a squash's output counts as standing at its end


class Judged(NamedTuple):
    """What a validation gives: predictions, mean loss, score (see `Started`), more figures by
    name, and the share of each squash's outputs that stand at its ends, by stage id."""

    predictions: Predictions
    loss: float
    score: float
    metrics: dict[str, float]
    saturation: dict[str, float]


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """Euclidean norm of the last step's gradient, stage by stage."""
    norms = {}
    for name, module in model.named_children():
        grads = [w.grad for w in module.parameters() if w.grad is not None]
        if grads:
            norms[name] = math.hypot(*(float(g.double().norm()) for g in grads))
    return norms


@torch.no_grad()
def validate(
    model: nn.Module, inputs: Inputs, epoch: int, criterion: Criterion, device: torch.device
) -> Judged:
    """What ``model``, in eval mode and on ``device``, says of ``inputs``."""
    rows = []
    seen = Seen()
    for part in torch.split(torch.arange(len(inputs.labels)), BATCH):
        x = inputs.batch(part)[0].to(device)
        for name, module in model.named_children():
            before, x = x, module(x)
            seen.stage(name, module, before, x)
        rows.append(x)
    outputs, labels = torch.cat(rows), inputs.labels.to(device)
    probabilities = criterion.reading.probabilities(outputs).cpu().numpy()
    predictions = Predictions(
        epoch,
        probabilities=probabilities,
        labels=inputs.labels.numpy(),
        angles={name: torch.cat(parts).numpy() for name, parts in seen.angles.items()},
        weights={
            name: module.flat().detach().cpu().numpy().copy()
            for name, module in model.named_children()
            if isinstance(module, CircuitLayer)
        },
        outputs={name: torch.cat(parts).numpy() for name, parts in seen.outputs.items()},
    )
    return Judged(
        predictions,
        float(criterion(outputs, labels)),
        float(criterion.reading.scores(outputs, labels).mean()),
        metrics(probabilities, inputs.labels.numpy()),
        seen.saturation(),
    )


class Seen:
    """What passes through a model's stages, batch by batch."""

    def __init__(self) -> None:
        self.angles: dict[str, list[Tensor]] = {}
        self.outputs: dict[str, list[Tensor]] = {}
        self._ends: dict[str, list[int]] = {}

    def stage(self, name: str, module: nn.Module, before: Tensor, after: Tensor) -> None:
        """One batch through one stage."""
        if isinstance(module, CircuitLayer) and before.ndim == 2:
            self.angles.setdefault(name, []).append(before.cpu())
            self.outputs.setdefault(name, []).append(after.cpu())
        elif isinstance(module, Squash):
            counts = self._ends.setdefault(name, [0, 0])
            counts[0] += int((after.abs() > END).sum())
            counts[1] += after.numel()

    def saturation(self) -> dict[str, float]:
        """The share of each squash's outputs that stand at its ends."""
        return {name: ends / max(count, 1) for name, (ends, count) in self._ends.items()}
