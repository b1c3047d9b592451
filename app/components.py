"""Points of a plane for what a circuit gives: its two outputs, or the principal components of
more."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def plane_of(rows: NDArray[Any], before: Floats | None = None) -> tuple[Floats, Floats]:
    """Points [samples, 2] for ``rows`` [samples, outputs], and the axes [2, outputs] they lie on.

    One output is drawn against nothing, two as they are, of more the first two principal
    components. An axis points the way in which it pointed ``before``: from one epoch to the next
    the picture turns by itself alone.
    """
    rows = np.nan_to_num(np.asarray(rows, dtype=float))
    outputs = rows.shape[1]
    if outputs <= 2:
        axes = np.eye(2, outputs)
        return rows @ axes.T, axes
    centred = rows - rows.mean(axis=0)
    # Of the covariance: outputs are few, samples many.
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :2].T
    if before is not None and before.shape == axes.shape:
        signs = np.sign((axes * before).sum(axis=1))
    else:
        signs = np.sign(axes[range(2), np.abs(axes).argmax(axis=1)])
    axes = axes * np.where(signs == 0, 1.0, signs)[:, None]
    return centred @ axes.T, axes
