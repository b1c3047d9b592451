"""How often each class was taken for each other one, and what that says of every class."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Confusion(NamedTuple):
    """``counts`` [true, predicted] of samples. The rest is by class [classes], each from 0 to 1:
    ``precision`` (right among those taken for it; NaN where none was), ``recall`` (right among its
    own; NaN where it has none) and their harmonic mean ``f1`` (NaN of a class that neither has
    samples nor gets any). ``support`` is how many samples it has."""

    counts: NDArray[np.int64]
    precision: Floats
    recall: Floats
    f1: Floats
    support: NDArray[np.int64]

    @property
    def means(self) -> tuple[float, float, float]:
        """Precision, recall and F1, the mean of the classes in which they are known."""
        return mean(self.precision), mean(self.recall), mean(self.f1)


def confusion(labels: NDArray[Any], predicted: NDArray[Any], classes: int) -> Confusion:
    """Count ``labels`` and ``predicted`` [samples], places of ``classes`` classes."""
    counts = np.bincount(labels * classes + predicted, minlength=classes * classes)
    counts = counts.reshape(classes, classes).astype(np.int64)
    right, support, taken = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return Confusion(
        counts,
        _share(right, taken),
        _share(right, support),
        _share(2 * right, support + taken),
        support,
    )


def mean(values: Floats) -> float:
    """Of those that are known; NaN of none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Floats:
    out = np.full(len(whole), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
