"""The losses a run can minimise: what each is called, and what it takes a model's outputs for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reads = Literal["logits", "distribution", "chances", "number"]


@dataclass(frozen=True, slots=True)
class Loss:
    """One row. It ``reads`` the outputs as logits of classes, as one distribution over them, as a
    chance of each class by itself (or its logit), or as the number to predict."""

    name: str
    label: str
    hint: str
    reads: Reads

    @property
    def of_numbers(self) -> bool:
        """Whether it is that of a regression; the others are of classes."""
        return self.reads == "number"


LOSSES = {
    row.name: row
    for row in (
        Loss(
            "cross_entropy", "Cross-entropy",
            "Minus the logarithm of the true class's softmax probability", "logits",
        ),
        Loss(
            "nll", "NLL of probabilities",
            "Minus the true class's probability, at best -1; the model ends with probabilities",
            "distribution",
        ),
        Loss(
            "bce", "Binary cross-entropy",
            "Every class against all others, each output by itself", "chances",
        ),
        Loss("mse", "Mean squared error", "Of a number to predict", "number"),
        Loss("mae", "Mean absolute error", "Of a number to predict", "number"),
    )
}  # fmt: skip
