"""The compiled kernels: one forward and one backward that interpret any program.

A kernel runs chunks of samples, each laid out as `turns` says. The backward is adjoint (Jones &
Gacon, arXiv 2009.02823): it undoes each turn on the state and on the co-state and collects their
overlap, so memory does not grow with depth. Sums over samples and rows end in float64, always in
the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.engine.compile import (
    BIT,
    END,
    FACTOR,
    FIRST,
    KIND,
    OFFSET,
    SHIFT,
    TURN,
    WEIGHT,
    WHICH,
)
from qdesigner.engine.jit import inner, kernel
from qdesigner.engine.readouts import costate, measure
from qdesigner.engine.turns import permute, turn, turn_each, undo, undo_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Steps = NDArray[np.uint64]


@inner
def _slopes(numbers: Any, sources: Any, weights: Any) -> Any:
    """What multiplies each turn's inputs, factor · weight, [turns]."""
    slopes = numbers[:, FACTOR].copy()
    for k in range(slopes.size):
        if sources[k, WEIGHT] >= 0:
            slopes[k] *= weights[sources[k, WEIGHT]]
    return slopes


@inner
def _product(number: Any, features: Any, row: Any) -> float:
    """Π (input + shift) of one sample."""
    product = 1.0
    for feature in features:
        product *= row[feature] + number[SHIFT]
    return product


@inner
def _own(
    number: Any, source: Any, features: Any, slope: float, inputs: Any, first: int, c: Any, s: Any
) -> None:
    """Cosine and sine of half a turn's angle for each sample of the chunk."""
    for k in range(c.size):
        if source[BIT]:
            angle = np.pi if inputs[first + k, features[0]] > number[SHIFT] else 0.0
        else:
            angle = slope * _product(number, features, inputs[first + k])
        half = (number[OFFSET] + angle) / 2
        c[k] = np.cos(half)
        s[k] = np.sin(half)


@inner
def _share(
    number: Any, weighted: bool, features: Any, slope: float, inputs: Any, first: int,
    overlap: Any, grad_inputs: Any,
) -> float:  # fmt: skip
    """Adds each sample's overlap to ``grad_inputs``, unless that is empty; the weight's share."""
    total = 0.0
    for k in range(overlap.size):
        row = inputs[first + k]
        if weighted:
            total += overlap[k] * number[FACTOR] * _product(number, features, row)
        for one in range(features.size if grad_inputs.size else 0):
            rest = slope * overlap[k] / 2
            for other in range(features.size):
                if other != one:
                    rest *= row[features[other]] + number[SHIFT]
            grad_inputs[first + k, features[one]] += rest
    return total


@inner
def _begin(psi: Any, places: Any, amplitudes: Any, first: int, width: int) -> None:
    """The first states: |0…0⟩, or the samples' ``amplitudes`` [batch, places] in their rows."""
    for k in range(psi.size):
        psi[k] = k < width and places.size == 0
    for number in range(places.size):
        row = places[number] * np.uint64(width)
        for k in range(width):
            psi[row + np.uint64(k)] = amplitudes[first + k, number]


@inner
def _run(
    psi: Any, spare: Any, steps: Any, tables: Any, signs: Any, numbers: Any, sources: Any,
    features: Any, slopes: Any, inputs: Any, first: int, width: int,
) -> Any:  # fmt: skip
    """The state after all steps, in one of the two buffers: (it, the other)."""
    c, s = np.empty(width, psi.dtype), np.empty(width, psi.dtype)
    lanes = np.uint64(width)
    for number in range(len(steps)):
        step = steps[number]
        which = step[WHICH]
        if step[KIND] != TURN:
            permute(spare, psi, tables[which], signs[which], lanes, False)
            psi, spare = spare, psi
            continue
        source = sources[which]
        if source[END] > source[FIRST]:
            own = features[source[FIRST] : source[END]]
            _own(numbers[which], source, own, slopes[which], inputs, first, c, s)
            turn_each(psi, step, lanes, c, s)
        else:
            half = (numbers[which, OFFSET] + slopes[which]) / 2
            c[0], s[0] = np.cos(half), np.sin(half)
            turn(psi, step, lanes, c[0], s[0])
    return psi, spare


@inner
def _back(
    psi: Any, lam: Any, spare: Any, steps: Any, tables: Any, signs: Any, numbers: Any,
    sources: Any, features: Any, slopes: Any, inputs: Any, grad_inputs: Any, overlaps: Any,
    first: int, width: int, stop: int,
) -> Any:  # fmt: skip
    """Undo the steps down to ``stop``; adds to ``grad_inputs``, writes ``overlaps`` [turns].

    The co-state then, in one of the buffers.
    """
    c, s = np.empty(width, psi.dtype), np.empty(width, psi.dtype)
    overlap = np.empty(width)
    lanes = np.uint64(width)
    for number in range(len(steps) - 1, stop - 1, -1):
        step = steps[number]
        which = step[WHICH]
        if step[KIND] != TURN:
            permute(spare, psi, tables[which], signs[which], lanes, True)
            psi, spare = spare, psi
            permute(spare, lam, tables[which], signs[which], lanes, True)
            lam, spare = spare, lam
            continue
        source, weighted = sources[which], sources[which, WEIGHT] >= 0
        if source[END] > source[FIRST]:
            own = features[source[FIRST] : source[END]]
            _own(numbers[which], source, own, slopes[which], inputs, first, c, s)
            for k in range(width):
                overlap[k] = 0
            undo_each(psi, lam, step, lanes, c, s, overlap)
            if not source[BIT]:
                overlaps[which] = _share(
                    numbers[which], weighted, own, slopes[which], inputs, first, overlap,
                    grad_inputs,
                )  # fmt: skip
        else:
            half = (numbers[which, OFFSET] + slopes[which]) / 2
            c[0], s[0] = np.cos(half), np.sin(half)
            overlaps[which] = numbers[which, FACTOR] * undo(psi, lam, step, lanes, c[0], s[0])
    return lam


@kernel
def forward(
    steps: Steps, tables: Any, signs: Any, numbers: Any, sources: Any, features: Any, places: Any,
    words: Any, factors: Any, bits: Any, parts: int, inputs: Floats, weights: Floats,
    amplitudes: Floats, chunk: int, start: int, end: int, out: Floats, states: Floats,
) -> None:  # fmt: skip
    """Run chunks ``start`` to ``end`` of ``chunk`` samples each.

    Fills their rows of ``out`` [batch, outputs] and, unless it is empty, of ``states``
    [batch · parts · rows].
    """
    slopes = _slopes(numbers, sources, weights)
    rows = tables.shape[1]
    for number in range(start, end):
        first = number * chunk
        width = min(chunk, len(inputs) - first)
        size = parts * rows * width
        psi, spare = np.empty(size, out.dtype), np.empty(size, out.dtype)
        _begin(psi, places, amplitudes, first, width)
        psi, spare = _run(
            psi, spare, steps, tables, signs, numbers, sources, features, slopes, inputs, first,
            width,
        )  # fmt: skip
        for k in range(size if states.size else 0):
            states[first * parts * rows + k] = psi[k]
        measure(psi, spare, np.uint64(rows), np.uint64(width), first, words, factors, bits, out)


@kernel
def backward(
    steps: Steps, tables: Any, signs: Any, numbers: Any, sources: Any, features: Any, places: Any,
    words: Any, factors: Any, bits: Any, parts: int, inputs: Floats, weights: Floats,
    chunk: int, start: int, end: int, states: Floats, grad: Floats, grad_inputs: Floats,
    grad_amplitudes: Floats, overlaps: Any, stop: int,
) -> None:  # fmt: skip
    """Take chunks ``start`` to ``end`` back from the forward's ``states``.

    For ``grad`` [batch, outputs] adds to ``grad_inputs`` and fills ``grad_amplitudes``, unless
    they are empty, and fills rows of ``overlaps`` [chunks, turns]. No step before ``stop`` is
    undone.
    """
    slopes = _slopes(numbers, sources, weights)
    rows = tables.shape[1]
    for number in range(start, end):
        first = number * chunk
        width = min(chunk, len(inputs) - first)
        size = parts * rows * width
        psi, lam = np.empty(size, grad.dtype), np.empty(size, grad.dtype)
        spare = np.empty(size, grad.dtype)
        for k in range(size):
            psi[k] = states[first * parts * rows + k]
        costate(
            psi, lam, spare, np.uint64(rows), np.uint64(width), first, words, factors, bits, grad
        )
        lam = _back(
            psi, lam, spare, steps, tables, signs, numbers, sources, features, slopes, inputs,
            grad_inputs, overlaps[number], first, width, stop,
        )  # fmt: skip
        for place in range(places.size if grad_amplitudes.size else 0):
            row = places[place] * np.uint64(width)
            for k in range(width):
                grad_amplitudes[first + k, place] = lam[row + np.uint64(k)]


@kernel
def collect(overlaps: Any, sources: Any, grad_weights: Floats) -> None:
    """Fill ``grad_weights`` [weights] from the chunks' overlaps, always in the same order."""
    total = np.zeros(grad_weights.size)
    for number in range(len(overlaps)):
        for k in range(len(sources)):
            if sources[k, WEIGHT] >= 0:
                total[sources[k, WEIGHT]] += overlaps[number, k] / 2
    for k in range(total.size):
        grad_weights[k] = total[k]
