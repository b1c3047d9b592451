"""A state with real amplitudes from RY and CNOT alone, for machines that only know gates.

Möttönen, Vartiainen, Bergholm and Salomaa, "Transformation of quantum states using uniformly
controlled rotations", arXiv quant-ph/0407010: 2**k - 1 turns for k wires.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qdesigner.circuit.kinds import Fixed, Input, Operation

Floats = NDArray[np.float64]


def preparation(wires: Sequence[int], amplitudes: Floats) -> Iterator[Operation]:
    """Gates that turn |0…0⟩ of ``wires`` into ``amplitudes`` [2**wires], which have norm 1; the
    first wire is the leftmost bit. Signs come out right, and so does the global one."""
    angles = turns(np.asarray(amplitudes)[None])[0].tolist()
    for operation in gates(wires):
        if isinstance(operation.angle, Input):
            operation = replace(operation, angle=Fixed(angles[operation.angle.index]))
        yield operation


def gates(wires: Sequence[int]) -> Iterator[Operation]:
    """The gates, the same for all amplitudes: ``Input(k)`` is the k-th of the `turns`."""
    slot = 0
    for place, wire in enumerate(wires):
        # A turn about Y for each setting of the wires before it, walked as a Gray code.
        for step in range(1, (1 << place) + 1):
            yield Operation("RY", (wire,), Input(slot))
            slot += 1
            if place:
                moved = min((step & -step).bit_length(), place)
                yield Operation("CNOT", (wires[place - moved], wire))


def turns(amplitudes: Floats) -> Floats:
    """The angles [rows, 2**k - 1], in radians, that give amplitudes [rows, 2**k] of norm 1."""
    norms = [np.asarray(amplitudes, dtype=np.float64)]
    while norms[0].shape[1] > 1:
        norms.insert(0, np.hypot(norms[0][:, ::2], norms[0][:, 1::2]))
    found = [np.empty((len(amplitudes), 0))]
    for halves in norms[1:]:
        count = halves.shape[1] // 2
        walk = np.arange(count) ^ (np.arange(count) >> 1)
        wanted = 2 * np.arctan2(halves[:, 1::2], halves[:, ::2])
        found.append(_signed_sums(wanted)[:, walk] / count)
    return np.hstack(found)


def _signed_sums(array: Floats) -> Floats:
    """Column i is Σ_j (-1)^(bits that are set in both i and j) · column j (Walsh, Hadamard)."""
    rows, size = array.shape
    step = 1
    while step < size:
        low, high = np.moveaxis(array.reshape(rows, -1, 2, step), 2, 0)
        array = np.stack([low + high, low - high], axis=2).reshape(rows, size)
        step *= 2
    return array
