"""The compiled kernels: one forward and one backward that interpret any program.

The state of V samples lies side by side, [parts · 2**wires, V] flattened, so every step runs over
contiguous memory whatever its wire. The backward is adjoint (Jones & Gacon, arXiv 2009.02823):
it undoes each turn on the state and on the co-state and collects their overlap, so memory does not
grow with depth. Sums over samples and rows end in float64, always in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.engine.compile import A1, KIND, LIMIT, RUN, SECOND, TURN, WHICH
from qdesigner.engine.jit import inner, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Steps = NDArray[np.uint64]


# All indices are unsigned: with signed ones Numba allows for counting from the end of an array,
# and the compiler then no longer vectorises.
ZERO, TWO = np.uint64(0), np.uint64(2)


@inner
def _turn(psi: Any, step: Any, width: Any, c: Any, s: Any) -> None:
    run = step[RUN] * width
    for column in range(A1, int(step[SECOND]) + 1, 2):
        for base in range(ZERO, step[LIMIT] * width, TWO * run):
            a, b = step[column] * width + base, step[column + 1] * width + base
            for k in range(run):
                x, y = psi[a + k], psi[b + k]
                psi[a + k] = c * x - s * y
                psi[b + k] = s * x + c * y


@inner
def _turn_each(psi: Any, step: Any, width: Any, c: Any, s: Any) -> None:
    """A turn by an angle of each sample's own."""
    for column in range(A1, int(step[SECOND]) + 1, 2):
        for block in range(ZERO, step[LIMIT], TWO * step[RUN]):
            for row in range(block, block + step[RUN]):
                a, b = (step[column] + row) * width, (step[column + 1] + row) * width
                for k in range(width):
                    x, y = psi[a + k], psi[b + k]
                    psi[a + k] = c[k] * x - s[k] * y
                    psi[b + k] = s[k] * x + c[k] * y


@inner
def _undo(psi: Any, lam: Any, step: Any, width: Any, c: Any, s: Any) -> float:
    """Turn state and co-state back; the overlap of the co-state with the turn."""
    run = step[RUN] * width
    total = 0.0
    for column in range(A1, int(step[SECOND]) + 1, 2):
        for base in range(ZERO, step[LIMIT] * width, TWO * run):
            a, b = step[column] * width + base, step[column + 1] * width + base
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
def _undo_each(psi: Any, lam: Any, step: Any, width: Any, c: Any, s: Any, overlap: Any) -> None:
    """`_undo` by an angle of each sample's own; adds each one's to ``overlap``."""
    for column in range(A1, int(step[SECOND]) + 1, 2):
        for block in range(ZERO, step[LIMIT], TWO * step[RUN]):
            for row in range(block, block + step[RUN]):
                a, b = (step[column] + row) * width, (step[column + 1] + row) * width
                for k in range(width):
                    x, y, u, v = psi[a + k], psi[b + k], lam[a + k], lam[b + k]
                    overlap[k] += v * x - u * y
                    psi[a + k] = c[k] * x + s[k] * y
                    psi[b + k] = c[k] * y - s[k] * x
                    lam[a + k] = c[k] * u + s[k] * v
                    lam[b + k] = c[k] * v - s[k] * u


@inner
def _permute(target: Any, source: Any, table: Any, sign: Any, width: Any, back: bool) -> None:
    """Every row to its new place, or ``back`` to where it came from."""
    rows = np.uint64(table.size)
    for part in range(ZERO, np.uint64(source.size), rows * width):
        for row in range(rows):
            to, take = part + row * width, part + table[row] * width
            if back:
                to, take = take, to
            for k in range(width):
                target[to + k] = sign[row] * source[take + k]


@inner
def _angles(offset: Any, weight_of: Any, weights: Any) -> Any:
    """Half angles of all turns [turns]; those of a sample's own are left to `_own`."""
    half = np.empty(offset.size)
    for k in range(offset.size):
        half[k] = offset[k] / 2
        if weight_of[k] >= 0:
            half[k] += weights[weight_of[k]] / 2.0
    return half


@inner
def _own(half: Any, inputs: Any, feature: int, first: int, c: Any, s: Any) -> None:
    """Cosine and sine of one turn for each sample of the chunk."""
    for k in range(c.size):
        angle = half + inputs[first + k, feature] / 2.0
        c[k] = np.cos(angle)
        s[k] = np.sin(angle)


@inner
def _run(
    psi: Any, spare: Any, half: Any, steps: Any, tables: Any, signs: Any, input_of: Any,
    inputs: Any, first: int, width: int,
) -> Any:  # fmt: skip
    """The state after all steps, in one of the two buffers: (it, the other)."""
    for k in range(psi.size):
        psi[k] = k < width
    c, s = np.empty(width, psi.dtype), np.empty(width, psi.dtype)
    lanes = np.uint64(width)
    for number in range(len(steps)):
        step = steps[number]
        which = step[WHICH]
        if step[KIND] != TURN:
            _permute(spare, psi, tables[which], signs[which], lanes, False)
            psi, spare = spare, psi
        elif input_of[which] >= 0:
            _own(half[which], inputs, input_of[which], first, c, s)
            _turn_each(psi, step, lanes, c, s)
        else:
            c[0], s[0] = np.cos(half[which]), np.sin(half[which])
            _turn(psi, step, lanes, c[0], s[0])
    return psi, spare


@inner
def _measure(psi: Any, chance: Any, rows: Any, width: Any, first: int, out: Any) -> None:
    """⟨Z⟩ of every wire into ``out``: the rows are folded in half wire by wire."""
    half = rows * width
    for k in range(half):
        chance[k] = psi[k] * psi[k]
    for part in range(half, np.uint64(psi.size), half):
        for k in range(half):
            chance[k] += psi[part + k] * psi[part + k]
    total = np.empty(width)
    for wire in range(out.shape[1]):
        half //= TWO
        for k in range(width):
            total[k] = 0
        for row in range(ZERO, half, width):
            for k in range(width):
                total[k] += chance[row + k] - chance[row + half + k]
                chance[row + k] += chance[row + half + k]
        for k in range(total.size):
            out[first + k, wire] = total[k]


@inner
def _costate(psi: Any, lam: Any, slope: Any, width: Any, first: int, grad: Any) -> None:
    """The gradient with respect to the final state: 2 · ψ · Σ_wires ±grad."""
    lanes = np.empty(width, psi.dtype)
    for k in range(width):
        slope[k] = 0
    size = width
    for wire in range(grad.shape[1] - 1, -1, -1):
        for k in range(lanes.size):
            lanes[k] = grad[first + k, wire]
        for row in range(ZERO, size, width):
            for k in range(width):
                slope[size + row + k] = slope[row + k] - lanes[k]
                slope[row + k] += lanes[k]
        size *= TWO
    for part in range(ZERO, np.uint64(psi.size), size):
        for k in range(size):
            lam[part + k] = psi[part + k] * slope[k] * 2


@inner
def _back(
    psi: Any, lam: Any, spare: Any, half: Any, steps: Any, tables: Any, signs: Any,
    input_of: Any, inputs: Any, grad_inputs: Any, overlaps: Any, first: int, width: int, stop: int,
) -> None:  # fmt: skip
    """Undo the steps down to ``stop``; adds to ``grad_inputs``, writes ``overlaps`` [turns]."""
    c, s = np.empty(width, psi.dtype), np.empty(width, psi.dtype)
    own = np.empty(width)
    lanes = np.uint64(width)
    for number in range(len(steps) - 1, stop - 1, -1):
        step = steps[number]
        which = step[WHICH]
        if step[KIND] != TURN:
            _permute(spare, psi, tables[which], signs[which], lanes, True)
            psi, spare = spare, psi
            _permute(spare, lam, tables[which], signs[which], lanes, True)
            lam, spare = spare, lam
        elif input_of[which] >= 0:
            _own(half[which], inputs, input_of[which], first, c, s)
            for k in range(width):
                own[k] = 0
            _undo_each(psi, lam, step, lanes, c, s, own)
            for k in range(width if grad_inputs.size else 0):
                grad_inputs[first + k, input_of[which]] += own[k] / 2
        else:
            c[0], s[0] = np.cos(half[which]), np.sin(half[which])
            overlaps[which] = _undo(psi, lam, step, lanes, c[0], s[0])


@kernel
def forward(
    steps: Steps, tables: Any, signs: Any, offset: Any, weight_of: Any, input_of: Any,
    parts: int, inputs: Floats, weights: Floats, chunk: int, start: int, end: int,
    out: Floats, states: Floats,
) -> None:  # fmt: skip
    """Run chunks ``start`` to ``end`` of ``chunk`` samples each.

    Fills their rows of ``out`` [batch, wires] and, unless it is empty, of ``states``
    [batch · parts · rows].
    """
    half = _angles(offset, weight_of, weights)
    rows = 1 << out.shape[1]
    for number in range(start, end):
        first = number * chunk
        width = min(chunk, len(inputs) - first)
        size = parts * rows * width
        psi, spare = np.empty(size, out.dtype), np.empty(size, out.dtype)
        psi, spare = _run(psi, spare, half, steps, tables, signs, input_of, inputs, first, width)
        for k in range(size if states.size else 0):
            states[first * parts * rows + k] = psi[k]
        _measure(psi, spare, np.uint64(rows), np.uint64(width), first, out)


@kernel
def backward(
    steps: Steps, tables: Any, signs: Any, offset: Any, weight_of: Any, input_of: Any,
    parts: int, inputs: Floats, weights: Floats, chunk: int, start: int, end: int,
    states: Floats, grad: Floats, grad_inputs: Floats, overlaps: Any, stop: int,
) -> None:  # fmt: skip
    """Take chunks ``start`` to ``end`` back from the forward's ``states``.

    Adds to ``grad_inputs``, unless it is empty, for ``grad`` [batch, wires], and fills rows of
    ``overlaps`` [chunks, turns]. No step before ``stop`` is undone.
    """
    half = _angles(offset, weight_of, weights)
    entries = parts << grad.shape[1]
    for number in range(start, end):
        first = number * chunk
        width = min(chunk, len(inputs) - first)
        size = entries * width
        psi, lam = np.empty(size, grad.dtype), np.empty(size, grad.dtype)
        spare = np.empty(size, grad.dtype)
        for k in range(size):
            psi[k] = states[first * entries + k]
        _costate(psi, lam, spare, np.uint64(width), first, grad)
        _back(
            psi, lam, spare, half, steps, tables, signs, input_of, inputs, grad_inputs,
            overlaps[number], first, width, stop,
        )  # fmt: skip


@kernel
def collect(overlaps: Any, weight_of: Any, grad_weights: Floats) -> None:
    """Fill ``grad_weights`` [weights] from the chunks' overlaps, always in the same order."""
    total = np.zeros(grad_weights.size)
    for number in range(len(overlaps)):
        for k in range(weight_of.size):
            if weight_of[k] >= 0:
                total[weight_of[k]] += overlaps[number, k] / 2
    for k in range(total.size):
        grad_weights[k] = total[k]
