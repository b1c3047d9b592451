"""Generated points in the plane: two spirals, and scikit-learn's two moons."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qdesigner.catalog import sources
from qdesigner.design.spec import DataSpec


def points(spec: DataSpec) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Points [samples, 2] and their classes' places [samples]; the seed gives the same everywhere
    (RandomState's streams are promised never to change)."""
    if spec.source == sources.MOONS:
        from sklearn.datasets import make_moons  # slow to import

        xy, labels = make_moons(spec.samples, noise=spec.noise, random_state=spec.seed)
        return xy.astype(np.float32), labels.astype(np.int64)
    random = np.random.RandomState(spec.seed)
    labels = (np.arange(spec.samples) >= spec.samples // 2).astype(np.int64)
    turn = 3 * np.pi * np.sqrt(random.uniform(size=spec.samples))  # even along the arm
    angle = turn + np.pi * labels
    arms = np.column_stack((np.cos(angle), np.sin(angle))) * (2 * turn / (3 * np.pi))[:, None]
    return (arms + spec.noise * random.normal(size=arms.shape)).astype(np.float32), labels
