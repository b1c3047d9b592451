"""The compiled kernels: one forward and one backward that interpret any program.

A kernel runs chunks of samples, each laid out as `turns` says. The backward is adjoint (Jones &
Gacon, arXiv 2009.02823): it undoes each turn on the state and on the co-state and collects their
overlap, so memory does not grow with depth. Sums over samples and rows end in float64, always in
the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.engine.addresses import flat, table
from qdesigner.engine.compile import (
    BIT,
    COLUMNS,
    END,
    FACTOR,
    FIRST,
    FORM,
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
    Where = NDArray[np.int64]

ROWS, PARTS, INPUTS, WEIGHTS, OUTPUTS, FIRST_ARRAY = range(6)  # of `Program.where`


@inner
def read(where: Any) -> Any:
    """The arrays of a program: what `_run` takes, its first rows, and its readout."""
    k = FIRST_ARRAY
    rows = where[ROWS]
    steps = table(where[k], np.uint32, where[k + 1], 3)
    forms = table(where[k + 2], np.uint64, where[k + 3], COLUMNS)
    tables = table(where[k + 4], np.uint32, where[k + 5], rows)
    signs = table(where[k + 6], np.int8, where[k + 7], rows)
    numbers = table(where[k + 8], np.float64, where[k + 9], 3)
    sources = table(where[k + 10], np.int64, where[k + 11], 4)
    features = flat(where[k + 12], np.int64, where[k + 13])
    places = flat(where[k + 14], np.uint64, where[k + 15])
    words = table(where[k + 16], np.uint64, where[k + 17], 4)
    factors = flat(where[k + 18], np.float64, where[k + 19])
    bits = flat(where[k + 20], np.uint64, where[k + 21])
    program = steps, forms, tables, signs, numbers, sources, features
    return program, places, (words, factors, bits)


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
    psi: Any, spare: Any, program: Any, slopes: Any, inputs: Any, first: int, width: int
) -> Any:
    """The state after all steps, in one of the two buffers: (it, the other)."""
    steps, forms, tables, signs, numbers, sources, features = program
    c, s = np.empty(width, psi.dtype), np.empty(width, psi.dtype)
    lanes = np.uint64(width)
    for number in range(len(steps)):
        step = steps[number]
        which = step[WHICH]
        if step[KIND] != TURN:
            permute(spare, psi, tables[which], signs[which], lanes, False)
            psi, spare = spare, psi
            continue
        source, form = sources[which], forms[step[FORM]]
        if source[END] > source[FIRST]:
            own = features[source[FIRST] : source[END]]
            _own(numbers[which], source, own, slopes[which], inputs, first, c, s)
            turn_each(psi, form, lanes, c, s)
        else:
            half = (numbers[which, OFFSET] + slopes[which]) / 2
            c[0], s[0] = np.cos(half), np.sin(half)
            turn(psi, form, lanes, c[0], s[0])
    return psi, spare


@inner
def _back(
    psi: Any, lam: Any, spare: Any, program: Any, slopes: Any, inputs: Any, grad_inputs: Any,
    overlaps: Any, first: int, width: int, stop: int,
) -> Any:  # fmt: skip
    """Undo the steps down to ``stop``; adds to ``grad_inputs``, writes ``overlaps`` [turns].

    The co-state then, in one of the buffers.
    """
    steps, forms, tables, signs, numbers, sources, features = program
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
        source, form = sources[which], forms[step[FORM]]
        if source[END] > source[FIRST]:
            own = features[source[FIRST] : source[END]]
            _own(numbers[which], source, own, slopes[which], inputs, first, c, s)
            for k in range(width):
                overlap[k] = 0
            undo_each(psi, lam, form, lanes, c, s, overlap)
            if not source[BIT]:
                overlaps[which] = _share(
                    numbers[which], source[WEIGHT] >= 0, own, slopes[which], inputs, first, overlap,
                    grad_inputs,
                )  # fmt: skip
        else:
            half = (numbers[which, OFFSET] + slopes[which]) / 2
            c[0], s[0] = np.cos(half), np.sin(half)
            overlaps[which] = numbers[which, FACTOR] * undo(psi, lam, form, lanes, c[0], s[0])
    return lam


@inner
def _collect(overlaps: Any, sources: Any, grad_weights: Any) -> None:
    """Fill ``grad_weights`` [weights] from the chunks' overlaps, always in the same order."""
    total = np.zeros(grad_weights.size)
    for number in range(len(overlaps)):
        for k in range(len(sources)):
            if sources[k, WEIGHT] >= 0:
                total[sources[k, WEIGHT]] += overlaps[number, k] / 2
    for k in range(total.size):
        grad_weights[k] = total[k]


@kernel
def forward(
    where: Where, kind: Floats, states: Floats, batch: int, chunk: int, start: int, end: int,
    inputs: int, weights: int, amplitudes: int, out: int,
) -> None:  # fmt: skip
    """Run chunks ``start`` to ``end`` of ``chunk`` samples each.

    Addresses: of ``inputs`` [batch, inputs], ``weights`` [weights], ``amplitudes`` [batch, places],
    and ``out`` [batch, outputs], whose rows are filled; they are of the dtype of ``kind``, an empty
    array. It computes in that of ``states`` [batch · parts · rows], filled unless empty.
    """
    program, places, readout = read(where)
    x = table(inputs, kind.dtype, batch, where[INPUTS])
    given = table(amplitudes, kind.dtype, batch, places.size)
    results = table(out, kind.dtype, batch, where[OUTPUTS])
    slopes = _slopes(program[4], program[5], flat(weights, kind.dtype, where[WEIGHTS]))
    entries = where[PARTS] * where[ROWS]
    for number in range(start, end):
        first = number * chunk
        width = min(chunk, batch - first)
        size = entries * width
        psi, spare = np.empty(size, states.dtype), np.empty(size, states.dtype)
        _begin(psi, places, given, first, width)
        psi, spare = _run(psi, spare, program, slopes, x, first, width)
        for k in range(size if states.size else 0):
            states[first * entries + k] = psi[k]
        measure(psi, spare, np.uint64(where[ROWS]), np.uint64(width), first, readout, results)


@kernel
def backward(
    where: Where, kind: Floats, states: Floats, batch: int, chunk: int, start: int, end: int,
    inputs: int, weights: int, grad: int, grad_inputs: int, grad_amplitudes: int,
    grad_weights: int, overlaps: Floats, stop: int,
) -> None:  # fmt: skip
    """Take chunks ``start`` to ``end`` back from the forward's ``states``, as `forward` has them.

    Addresses: of ``grad`` [batch, outputs] and of what it fills, ``grad_inputs`` and
    ``grad_amplitudes`` unless they are 0 and, with all chunks in one call, ``grad_weights``. It
    fills rows of ``overlaps`` [chunks, turns], and undoes no step before ``stop``.
    """
    program, places, readout = read(where)
    x = table(inputs, kind.dtype, batch, where[INPUTS])
    slope = table(grad, kind.dtype, batch, where[OUTPUTS])
    of_inputs = table(grad_inputs, kind.dtype, batch if grad_inputs else 0, where[INPUTS])
    of_given = table(grad_amplitudes, kind.dtype, batch, places.size)
    slopes = _slopes(program[4], program[5], flat(weights, kind.dtype, where[WEIGHTS]))
    entries = where[PARTS] * where[ROWS]
    for number in range(start, end):
        first = number * chunk
        width = min(chunk, batch - first)
        size = entries * width
        psi, lam = np.empty(size, states.dtype), np.empty(size, states.dtype)
        spare = np.empty(size, states.dtype)
        for k in range(size):
            psi[k] = states[first * entries + k]
        of_inputs[first : first + width] = 0
        costate(psi, lam, spare, np.uint64(where[ROWS]), np.uint64(width), first, readout, slope)
        lam = _back(
            psi, lam, spare, program, slopes, x, of_inputs, overlaps[number], first, width, stop
        )
        for place in range(places.size if grad_amplitudes else 0):
            row = places[place] * np.uint64(width)
            for k in range(width):
                of_given[first + k, place] = lam[row + np.uint64(k)]
    if start == 0 and end == len(overlaps):
        _collect(overlaps, program[5], flat(grad_weights, kind.dtype, where[WEIGHTS]))


@kernel
def collect(where: Where, kind: Floats, overlaps: Floats, grad_weights: int) -> None:
    """Fill the ``grad_weights`` at an address when `backward` ran the chunks in several calls."""
    program, _, _ = read(where)
    _collect(overlaps, program[5], flat(grad_weights, kind.dtype, where[WEIGHTS]))
