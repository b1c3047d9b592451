"""What is read of the states of a chunk, and its gradient: functions that the kernels call.

Each readout is a pair. ``measure_…`` fills rows of ``out`` [batch, outputs] from the states
[parts · rows, width]; ``costate_…`` fills ``lam``, the gradient with respect to those states, from
``grad`` [batch, outputs]. Sums over rows end in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qdesigner.engine.compile import FLIP, ODD, OUTPUT, PARITY
from qdesigner.engine.jit import inner
from qdesigner.engine.turns import TWO, ZERO

ONE = np.uint64(1)


@inner
def measure(
    psi: Any, chance: Any, rows: Any, width: Any, first: int, readout: Any, out: Any
) -> None:
    """The program's readout; ``chance`` is a buffer of the size of ``psi``."""
    words, factors, bits = readout
    if words.size:
        measure_words(psi, rows, width, first, words, factors, out)
    elif bits.size:
        measure_bits(psi, rows, width, first, bits, out)
    else:
        measure_plain(psi, chance, rows, width, first, out)


@inner
def costate(
    psi: Any, lam: Any, slope: Any, rows: Any, width: Any, first: int, readout: Any, grad: Any
) -> None:
    """The gradient of the program's readout; ``slope`` is a buffer."""
    words, factors, bits = readout
    if words.size:
        costate_words(psi, lam, rows, width, first, words, factors, grad)
    elif bits.size:
        costate_bits(psi, lam, rows, width, first, bits, grad)
    else:
        costate_plain(psi, lam, slope, width, first, grad)


@inner
def measure_plain(psi: Any, chance: Any, rows: Any, width: Any, first: int, out: Any) -> None:
    """⟨Z⟩ of every wire: the rows are folded in half wire by wire."""
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
def costate_plain(psi: Any, lam: Any, slope: Any, width: Any, first: int, grad: Any) -> None:
    """2 · ψ · Σ_wires ±grad."""
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
def _odd(bits: Any) -> Any:
    """Whether a number has an odd number of bits."""
    for shift in (16, 8, 4, 2, 1):
        bits ^= bits >> np.uint64(shift)
    return bits & ONE


@inner
def measure_words(
    psi: Any, rows: Any, width: Any, first: int, words: Any, factors: Any, out: Any
) -> None:
    """Sums of Pauli words, as `compile` has them; of real states those of odd Y are 0."""
    total = np.zeros((out.shape[1], width))
    size = rows * width
    for number in range(factors.size):
        word, sums = words[number], total[words[number, OUTPUT]]
        if word[ODD]:
            for row in range(rows if np.uint64(psi.size) > size else ZERO):
                sign = -factors[number] if _odd(row & word[PARITY]) else factors[number]
                here, there = row * width, (row ^ word[FLIP]) * width
                for k in range(width):
                    sums[k] += sign * (
                        psi[there + k] * psi[size + here + k]
                        - psi[size + there + k] * psi[here + k]
                    )
            continue
        for part in range(ZERO, np.uint64(psi.size), size):
            for row in range(rows):
                sign = -factors[number] if _odd(row & word[PARITY]) else factors[number]
                here, there = part + row * width, part + (row ^ word[FLIP]) * width
                for k in range(width):
                    sums[k] += sign * psi[here + k] * psi[there + k]
    for output in range(out.shape[1]):
        for k in range(total.shape[1]):
            out[first + k, output] = total[output, k]


@inner
def costate_words(
    psi: Any, lam: Any, rows: Any, width: Any, first: int, words: Any, factors: Any, grad: Any
) -> None:
    """2 · Σ_words factor · grad · word ψ."""
    size = rows * width
    lanes = np.empty(width, psi.dtype)
    for k in range(np.uint64(lam.size)):
        lam[k] = 0
    for number in range(factors.size):
        word = words[number]
        for k in range(lanes.size):
            lanes[k] = 2 * factors[number] * grad[first + k, word[OUTPUT]]
        if word[ODD]:
            for row in range(rows if np.uint64(psi.size) > size else ZERO):
                sign = psi.dtype.type(-1 if _odd(row & word[PARITY]) else 1)
                here, there = row * width, (row ^ word[FLIP]) * width
                for k in range(width):
                    lam[there + k] += sign * lanes[k] * psi[size + here + k]
                    lam[size + there + k] -= sign * lanes[k] * psi[here + k]
            continue
        for part in range(ZERO, np.uint64(psi.size), size):
            for row in range(rows):
                sign = psi.dtype.type(-1 if _odd(row & word[PARITY]) else 1)
                here, there = part + row * width, part + (row ^ word[FLIP]) * width
                for k in range(width):
                    lam[there + k] += sign * lanes[k] * psi[here + k]


@inner
def _read(row: Any, bits: Any) -> Any:
    """The number that these bits of the row make, the first as the leftmost."""
    number = ZERO
    for bit in bits:
        number = TWO * number + ((row >> bit) & ONE)
    return number


@inner
def measure_bits(psi: Any, rows: Any, width: Any, first: int, bits: Any, out: Any) -> None:
    """The probabilities of all values of these bits."""
    total = np.zeros((out.shape[1], width))
    size = rows * width
    for part in range(ZERO, np.uint64(psi.size), size):
        for row in range(rows):
            sums, here = total[_read(row, bits)], part + row * width
            for k in range(width):
                sums[k] += psi[here + k] * psi[here + k]
    for output in range(out.shape[1]):
        for k in range(total.shape[1]):
            out[first + k, output] = total[output, k]


@inner
def costate_bits(
    psi: Any, lam: Any, rows: Any, width: Any, first: int, bits: Any, grad: Any
) -> None:
    """2 · ψ · the gradient of the probability that the row counts to."""
    size = rows * width
    slope = np.empty((grad.shape[1], width), psi.dtype)
    for output in range(grad.shape[1]):
        for k in range(slope.shape[1]):
            slope[output, k] = 2 * grad[first + k, output]
    for part in range(ZERO, np.uint64(psi.size), size):
        for row in range(rows):
            slopes, here = slope[_read(row, bits)], part + row * width
            for k in range(width):
                lam[here + k] = psi[here + k] * slopes[k]
