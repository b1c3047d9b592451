"""Features as the amplitudes of a state, and gradients back through their norm, in plain NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.engine.compile import Program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]


def prepared(program: Program, inputs: Floats) -> Floats:
    """The first amplitudes [batch, places] of inputs [batch, inputs], in their dtype.

    [batch, 0] for a program that begins in |0…0⟩. Features that are all zero give |0…0⟩.
    """
    if program.amplitudes is None:
        return np.empty((len(inputs), 0), inputs.dtype)
    values, norms = _normed(program, inputs)
    values[norms[:, 0] == 0, 0] = 1.0
    return values.astype(inputs.dtype, copy=False)


def add_gradient(program: Program, inputs: Floats, grad: Floats, grad_inputs: Floats) -> None:
    """Adds to ``grad_inputs`` what ``grad`` [batch, places], for the amplitudes, gives the features
    behind them; features that are all zero get nothing."""
    used = program.amplitudes
    assert used is not None
    values, norms = _normed(program, inputs)
    along = (values * grad).sum(axis=1, keepdims=True)
    slopes = np.where(norms == 0, 0, (grad - values * along) / np.where(norms == 0, 1, norms))
    grad_inputs[:, used.first : used.first + used.count] += slopes[:, : used.count]


def _normed(program: Program, inputs: Floats) -> tuple[Floats, Floats]:
    """Features, padded and divided by their norm, [batch, places] in float64; norms [batch, 1]."""
    used = program.amplitudes
    assert used is not None
    values = np.full((len(inputs), len(program.places)), used.pad)
    values[:, : used.count] = inputs[:, used.first : used.first + used.count]
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    values /= np.where(norms == 0, 1, norms)
    return values, norms
