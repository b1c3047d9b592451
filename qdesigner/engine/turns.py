"""One step of a program on the states of a chunk: compiled functions that the kernels call.

The state of V samples lies side by side, [parts · 2**wires, V] flattened, so every step runs over
contiguous memory whatever its wires.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qdesigner.engine.compile import LAST, LIMIT, OUTER, PAIRS, RUN, SPAN
from qdesigner.engine.jit import inner

# All indices are unsigned: with signed ones Numba allows for counting from the end of an array,
# and the compiler then no longer vectorises.
ZERO, TWO = np.uint64(0), np.uint64(2)


@inner
def turn(psi: Any, form: Any, width: Any, c: Any, s: Any) -> None:
    """A turn by one angle for all samples; ``c`` and ``s`` are of half the angle."""
    run = form[RUN] * width
    for pair in range(PAIRS, int(form[LAST]) + 1, 2):
        for outer in range(ZERO, form[LIMIT], form[OUTER]):
            for row in range(outer, outer + form[SPAN], TWO * form[RUN]):
                a, b = (form[pair] + row) * width, (form[pair + 1] + row) * width
                for k in range(run):
                    x, y = psi[a + k], psi[b + k]
                    psi[a + k] = c * x - s * y
                    psi[b + k] = s * x + c * y


@inner
def turn_each(psi: Any, form: Any, width: Any, c: Any, s: Any) -> None:
    """A turn by an angle of each sample's own."""
    for pair in range(PAIRS, int(form[LAST]) + 1, 2):
        for outer in range(ZERO, form[LIMIT], form[OUTER]):
            for block in range(outer, outer + form[SPAN], TWO * form[RUN]):
                for row in range(block, block + form[RUN]):
                    a, b = (form[pair] + row) * width, (form[pair + 1] + row) * width
                    for k in range(width):
                        x, y = psi[a + k], psi[b + k]
                        psi[a + k] = c[k] * x - s[k] * y
                        psi[b + k] = s[k] * x + c[k] * y


@inner
def undo(psi: Any, lam: Any, form: Any, width: Any, c: Any, s: Any) -> float:
    """Turn state and co-state back; the overlap of the co-state with the turn."""
    run = form[RUN] * width
    total = 0.0
    for pair in range(PAIRS, int(form[LAST]) + 1, 2):
        for outer in range(ZERO, form[LIMIT], form[OUTER]):
            for row in range(outer, outer + form[SPAN], TWO * form[RUN]):
                a, b = (form[pair] + row) * width, (form[pair + 1] + row) * width
                overlap = c * 0
                for k in range(run):
                    x, y, u, v = psi[a + k], psi[b + k], lam[a + k], lam[b + k]
                    overlap += v * x - u * y
                    psi[a + k] = c * x + s * y
                    psi[b + k] = c * y - s * x
                    lam[a + k] = c * u + s * v
                    lam[b + k] = c * v - s * u
                total += overlap
    return total


@inner
def undo_each(psi: Any, lam: Any, form: Any, width: Any, c: Any, s: Any, overlap: Any) -> None:
    """`undo` by an angle of each sample's own; adds each one's to ``overlap``."""
    for pair in range(PAIRS, int(form[LAST]) + 1, 2):
        for outer in range(ZERO, form[LIMIT], form[OUTER]):
            for block in range(outer, outer + form[SPAN], TWO * form[RUN]):
                for row in range(block, block + form[RUN]):
                    a, b = (form[pair] + row) * width, (form[pair + 1] + row) * width
                    for k in range(width):
                        x, y, u, v = psi[a + k], psi[b + k], lam[a + k], lam[b + k]
                        overlap[k] += v * x - u * y
                        psi[a + k] = c[k] * x + s[k] * y
                        psi[b + k] = c[k] * y - s[k] * x
                        lam[a + k] = c[k] * u + s[k] * v
                        lam[b + k] = c[k] * v - s[k] * u


@inner
def permute(target: Any, source: Any, table: Any, sign: Any, width: Any, back: bool) -> None:
    """Every row to its new place, or ``back`` to where it came from."""
    rows = np.uint64(table.size)
    for part in range(ZERO, np.uint64(source.size), rows * width):
        for row in range(rows):
            to, take = part + row * width, part + table[row] * width
            if back:
                to, take = take, to
            for k in range(width):
                target[to + k] = sign[row] * source[take + k]
