"""The learning rate of every epoch, as a function of the training values and little else: so they
may change while a run goes on, and a resume needs no more than how often a plateau lowered it.
"""

from __future__ import annotations

import math

from qdesigner.design.spec import TrainingSpec


def learning_rate(spec: TrainingSpec, epoch: int, lowered: int = 0) -> float:
    """The rate of ``epoch`` (from 1), after ``lowered`` plateaus.

    In the k-th of w warm-up epochs it is k/(w + 1) of the full rate, which the schedule begins with
    in the epoch after them.
    """
    if epoch <= spec.warmup:
        return spec.learning_rate * epoch / (spec.warmup + 1)
    done = epoch - spec.warmup - 1
    if spec.schedule == "cosine":
        return spec.learning_rate * (1 + math.cos(math.pi * done / _span(spec, epoch))) / 2
    drops = {"step": done // spec.step_size, "plateau": lowered}.get(spec.schedule, 0)
    rate = spec.learning_rate
    for _ in range(drops):  # one after the other, as torch's schedulers round
        rate *= spec.gamma
        if rate == 0:
            break
    return rate


def _span(spec: TrainingSpec, epoch: int) -> int:
    """Epochs of the half cosine; one that is run beyond the last has the last one's rate."""
    return max(spec.epochs - spec.warmup, epoch - spec.warmup)
