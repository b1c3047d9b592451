"""A readout's numbers from what was counted, basis by basis.

Qubit-wise commuting words are read from the same shots (`circuit.groups`); each group gets all of
the shots.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qdesigner.circuit.free import Free
from qdesigner.circuit.groups import Group, groups
from qdesigner.circuit.readout import Word
from qdesigner.devices.base import Floats

Integers = NDArray[np.int64]


class Counts(NamedTuple):
    """Row ``row[i]`` gave the bits ``bits[i]`` in ``times[i]`` of its ``shots``, the first wire
    measured as the leftmost bit; a probability is a part of one shot."""

    row: Integers
    bits: Integers
    times: Floats | Integers
    shots: int = 1


def bases(free: Free) -> tuple[Group, ...]:
    """What must be measured for a readout: for probabilities its wires, else the groups of words
    (none where the readout is constant)."""
    if free.readout.kind == "probabilities":
        return (Group(tuple((wire, "Z") for wire in free.readout.on(free.wires)), ()),)
    return groups(free.readout.observables(free.wires))


def readout(free: Free, counts: Sequence[Counts], rows: int) -> Floats:
    """The outputs [rows, outputs] from the counts of each of `bases`."""
    if free.readout.kind == "probabilities":
        (only,) = counts
        place = only.row * free.outputs + only.bits
        found = np.bincount(place, only.times, rows * free.outputs)
        return found.reshape(rows, free.outputs) / only.shots
    means: dict[Word, Floats] = {(): np.ones(rows)}
    for group, counted in zip(bases(free), counts, strict=True):
        for word in group.words:
            signed = counted.times * _signs(group, word, counted.bits)
            means[word] = np.bincount(counted.row, signed, rows) / counted.shots
    out = np.zeros((rows, free.outputs))
    for output, observable in enumerate(free.readout.observables(free.wires)):
        for coefficient, word in observable:
            out[:, output] += coefficient * means[word]
    return out


def dense(probabilities: Floats) -> Counts:
    """Exact probabilities [rows, 2**wires] as counts."""
    row, bits = np.indices(probabilities.shape).reshape(2, -1)
    return Counts(row, bits, probabilities.reshape(-1))


def _signs(group: Group, word: Word, bits: Integers) -> Integers:
    """The product of the signs of the word's wires: +1 for the bit 0, -1 for 1."""
    last = len(group.axes) - 1
    parity = bits & sum(1 << (last - group.wires.index(wire)) for wire, _ in word)
    for half in (16, 8, 4, 2, 1):  # at most 24 wires; folded until one bit is left
        parity = parity ^ (parity >> half)
    return 1 - 2 * (parity & 1)
