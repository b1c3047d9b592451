"""What predictions say of each sample: what it was taken for, whether that is right, how sure."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qdesigner.session.events import Predictions


class Judged(NamedTuple):
    """Of each sample [samples]: its label and what was predicted, whether that is right, the
    probability of its true class and of the predicted one, and how far off it is.

    ``errors`` are 1 - the true class's probability, or in a regression the absolute error: labels
    and predictions are numbers there, nothing is right or wrong and there are no probabilities.
    """

    labels: NDArray[Any]
    predicted: NDArray[Any]
    right: NDArray[np.bool_]
    true_probability: NDArray[np.float64]
    confidence: NDArray[np.float64]
    errors: NDArray[np.float64]

    def most_wrong(self) -> NDArray[np.intp]:
        """Samples, wrong ones first, and of those the ones that are furthest off."""
        return np.lexsort((-self.errors, self.right))


NOTHING = Judged(
    np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool),
    np.zeros(0), np.zeros(0), np.zeros(0),
)  # fmt: skip


def judge(predictions: Predictions | None, regression: bool) -> Judged:
    """Look at predictions, or at none."""
    if predictions is None:
        return NOTHING
    said = np.nan_to_num(np.asarray(predictions.probabilities, dtype=float))
    if regression:
        labels = np.asarray(predictions.labels, dtype=float)
        none = np.zeros(len(labels))
        off = np.abs(said[:, 0] - labels)
        return Judged(labels, said[:, 0], np.ones(len(labels), dtype=bool), none, none, off)
    labels = np.asarray(predictions.labels, dtype=np.int64)
    predicted = said.argmax(axis=1)
    true = said[np.arange(len(labels)), labels]
    confidence = said.max(axis=1, initial=0.0)
    return Judged(labels, predicted, predicted == labels, true, confidence, 1 - true)
