"""The losses: each formula once, with class weights and label smoothing, and what a model's outputs
say under it.

Validation is judged by the same formula as training. A number to predict is learnt in units of the
training labels' deviation, counted from their mean, where the data is standardised; what is told of
it is in the label's own unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from qdesigner.catalog.losses import LOSSES
from qdesigner.data.dataset import Dataset, Scaling
from qdesigner.design.endings import Ending, ending
from qdesigner.design.spec import Design


@dataclass(frozen=True)
class Reading:
    """What outputs [n, outputs] mean under a loss. ``unit`` is the (mean, deviation) in which a
    number is learnt."""

    loss: str
    ends_with: Ending
    unit: tuple[float, float] = (0.0, 1.0)

    @staticmethod
    def of(design: Design, scaling: Scaling | None = None) -> Reading:
        """That of a design, whose rows of numbers, if any, are scaled so."""
        unit = scaling.label if scaling is not None and not _classifies(design) else (0.0, 1.0)
        return Reading(design.training.loss, ending(design), unit)

    @property
    def of_numbers(self) -> bool:
        """Whether a number is predicted; the score is then an error, and the lowest is best."""
        return LOSSES[self.loss].of_numbers

    def probabilities(self, outputs: Tensor) -> Tensor:
        """The classes' probabilities [..., classes], which add up to 1; of a regression the
        predicted numbers [..., 1]."""
        if self.of_numbers:
            return outputs * self.unit[1] + self.unit[0]
        if self.loss == "nll":
            return outputs
        if self.loss == "bce":
            chances = outputs.sigmoid() if self.ends_with == "numbers" else outputs.clamp(0, 1)
            return chances / chances.sum(dim=-1, keepdim=True).clamp_min(1e-12)
        return outputs.softmax(dim=-1)

    def scores(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """What each sample adds to the score [n]: 1 for a right answer, or its absolute error."""
        if self.of_numbers:
            return (self.probabilities(outputs)[:, 0] - labels).abs()
        return (outputs.argmax(dim=-1) == labels).float()


@dataclass(frozen=True)
class Criterion:
    """A run's loss: outputs [n, outputs] and labels [n] to their mean. ``weights`` [classes] are
    those of the classes, None where all count alike."""

    reading: Reading
    weights: Tensor | None = None
    smoothing: float = 0.0

    @staticmethod
    def of(design: Design, data: Dataset) -> Criterion:
        """That of a design on its data, whose training samples decide the class weights."""
        weights = None
        if design.training.class_weights == "balanced" and _classifies(design):
            weights = balanced([int(item.label) for item in data.train], len(data.classes))
        return Criterion(Reading.of(design, data.scaling), weights, design.training.label_smoothing)

    def to(self, device: torch.device) -> Criterion:
        """The same on another torch device."""
        return self if self.weights is None else replace(self, weights=self.weights.to(device))

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The mean loss; with class weights the weighted mean."""
        return getattr(self, f"_{self.reading.loss}")(outputs, labels)  # type: ignore[no-any-return]

    def _cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(
            logits, labels, self.weights, label_smoothing=self.smoothing
        )

    def _nll(self, probabilities: Tensor, labels: Tensor) -> Tensor:
        """-p of the true class: torch's NLLLoss without a logarithm, as the textbook's hybrid
        network of one wire uses it."""
        return functional.nll_loss(probabilities, labels, self.weights)

    def _bce(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Each class against the others, the mean over classes."""
        truth = functional.one_hot(labels, outputs.shape[1]).to(outputs.dtype)
        if self.reading.ends_with == "numbers":
            each = functional.binary_cross_entropy_with_logits(outputs, truth, reduction="none")
        else:  # rounding may lead a hair beyond 0 or 1
            each = functional.binary_cross_entropy(outputs.clamp(0, 1), truth, reduction="none")
        rows = each.mean(dim=-1)
        if self.weights is None:
            return rows.mean()
        weights = self.weights[labels]
        return (rows * weights).sum() / weights.sum()

    def _mse(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return functional.mse_loss(outputs[:, 0], self._in_units(labels))

    def _mae(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return functional.l1_loss(outputs[:, 0], self._in_units(labels))

    def _in_units(self, labels: Tensor) -> Tensor:
        mean, deviation = self.reading.unit
        return (labels - mean) / deviation


def balanced(labels: Sequence[int], classes: int) -> Tensor:
    """Weights [classes] that give every class the same say: samples / (classes · its samples)."""
    counts = torch.bincount(torch.tensor(labels), minlength=classes)
    return len(labels) / (classes * counts.clamp_min(1).float())


def _classifies(design: Design) -> bool:
    return design.data.task == "classify"
