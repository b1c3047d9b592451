"""Figures of a validation set beside loss and score, by the names that events carry."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]


def metrics(probabilities: Numbers, labels: npt.NDArray[np.generic]) -> dict[str, float]:
    """Of probabilities [n, classes] and whole labels [n] "balanced_accuracy" and "f1"; of predicted
    numbers [n, 1] and true ones [n] "mse" and "mae"."""
    if labels.dtype.kind == "f":
        errors = probabilities[:, 0].astype(np.float64) - labels.astype(np.float64)
        return {"mse": float((errors**2).mean()), "mae": float(np.abs(errors).mean())}
    classes = probabilities.shape[1]
    told = probabilities.argmax(axis=1)
    pairs = labels.astype(np.int64) * classes + told
    table = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    right, there, named = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    known = there > 0
    either = there + named > 0  # a class that neither is nor is named has no F1
    return {
        "balanced_accuracy": float((right[known] / there[known]).mean()),
        "f1": float((2 * right[either] / (there + named)[either]).mean()),
    }
