"""The full state after a program, in plain NumPy: what the live view shows.

It needs no compiled kernel, so the small preview child starts in a fraction of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.engine.compile import A1, KIND, LIMIT, RUN, SECOND, TURN, WHICH, Program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]


def angles(program: Program, inputs: Floats, weights: Floats) -> NDArray[np.float64]:
    """Every angle of the program for one sample, in radians, [turns]."""
    values = program.offset.copy()
    taken = program.weight_of >= 0
    values[taken] += np.asarray(weights)[program.weight_of[taken]]
    taken = program.input_of >= 0
    values[taken] += np.asarray(inputs)[program.input_of[taken]]
    return values


def statevector(program: Program, inputs: Floats, weights: Floats) -> NDArray[np.complex128]:
    """The state [2**wires] for one sample: ``inputs`` [inputs] and ``weights`` [weights]."""
    rows = program.rows
    state = np.zeros((program.parts, rows))
    state[0, 0] = 1.0
    half = angles(program, inputs, weights) / 2
    cosines, sines = np.cos(half), np.sin(half)
    for step in program.steps.tolist():
        if step[KIND] == TURN:
            _turn(state.reshape(-1), step, cosines[step[WHICH]], sines[step[WHICH]], rows)
        else:
            state = np.take(state, program.tables[step[WHICH]], axis=1)
            state *= program.signs[step[WHICH]]
    full = state[0] + 1j * state[1] if program.parts == 2 else state[0].astype(np.complex128)
    return np.asarray(full * program.phase)


def _turn(flat: Floats, step: list[int], c: float, s: float, rows: int) -> None:
    run, limit = step[RUN], step[LIMIT]

    def runs(first: int) -> Floats:
        """The runs that begin at row ``first`` and every second run after it."""
        start = first - first % rows if limit == rows else first
        if limit < rows:
            return flat[first : first + run].reshape(1, run)
        side = (first % rows) // run
        return flat[start : start + rows].reshape(-1, 2, run)[:, side]

    for column in range(A1, step[SECOND] + 1, 2):
        a, b = runs(step[column]), runs(step[column + 1])
        turned = c * a - s * b
        b *= c
        b += s * a
        a[...] = turned
