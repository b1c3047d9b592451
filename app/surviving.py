"""The trained weights of a circuit, for the circuit that an edit has made of it since."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qdesigner.circuit.circuit import Circuit, expand


def surviving(
    trained: Circuit, weights: NDArray[np.floating], circuit: Circuit, fresh: float = 0.0
) -> NDArray[np.float64] | None:
    """Weights [weights] for ``circuit``, in radians, of those of ``trained``.

    What survives of its blocks keeps its weights; new ones are at the mean of their first draw, and
    ``fresh`` beside it where that has a spread. None when nothing survives, or ``weights`` are not
    those of ``trained``.
    """
    keys = expand(trained).weight_keys
    if len(weights) != len(keys) or not np.isfinite(weights).all():
        return None
    known = dict(zip(keys, np.asarray(weights, dtype=float).tolist(), strict=True))
    expanded = expand(circuit)
    if not any(key in known for key in expanded.weight_keys):
        return None
    pairs = zip(expanded.weight_keys, expanded.starts, strict=True)
    return np.array([
        known.get(key, start.mean + (fresh if start.spread else 0.0)) for key, start in pairs
    ])  # fmt: skip
