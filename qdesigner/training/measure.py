"""What is measured of a model between epochs: its gradients, and its validation images."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from qdesigner.engine.layer import CircuitLayer
from qdesigner.session.events import Predictions
from qdesigner.training.inputs import Inputs

BATCH = 256  # images at once: many, because nothing is kept for a backward pass


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """Euclidean norm of the last step's gradient, stage by stage."""
    norms = {}
    for name, module in model.named_children():
        grads = [w.grad for w in module.parameters() if w.grad is not None]
        if grads:
            norms[name] = math.hypot(*(float(g.double().norm()) for g in grads))
    return norms


@torch.no_grad()
def validate(model: nn.Module, inputs: Inputs, epoch: int) -> tuple[Predictions, float, float]:
    """Predictions, mean cross-entropy and accuracy over ``inputs``; ``model`` is in eval mode."""
    logits, angles = [], []
    for part in torch.split(torch.arange(len(inputs.labels)), BATCH):
        x, _ = inputs.batch(part)
        seen: dict[str, Tensor] = {}
        for name, module in model.named_children():
            if isinstance(module, CircuitLayer) and x.ndim == 2:
                seen[name] = x
            x = module(x)
        logits.append(x)
        angles.append(seen)
    out = torch.cat(logits)
    labels = inputs.labels
    loss = float(nn.functional.cross_entropy(out, labels))
    accuracy = float((out.argmax(dim=1) == labels).float().mean())
    predictions = Predictions(
        epoch,
        probabilities=out.softmax(dim=1).numpy(),
        labels=labels.numpy(),
        angles={n: torch.cat([a[n] for a in angles]).numpy() for n in angles[0]},
        weights={
            name: module.flat().detach().numpy().copy()
            for name, module in model.named_children()
            if isinstance(module, CircuitLayer)
        },
    )
    return predictions, loss, accuracy
