"""Shots drawn from exact probabilities, with a seed.

One set of shots is drawn for every group of Pauli words that can be read together (`groups`), as on
a real device.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qdesigner.circuit.free import Free
from qdesigner.circuit.groups import Group, groups
from qdesigner.circuit.readout import Observable, Readout, Word
from qdesigner.engine.compile import Program, compile_free
from qdesigner.engine.simulate import evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# So many probabilities (32 MB) are computed at once.
NUMBERS_AT_ONCE = 1 << 22


def sampled(free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int) -> Floats:
    """The readout [rows, outputs] from ``shots`` shots; see `Sampler`."""
    return Sampler(free)(angles, amplitudes, shots, seed)


class _Measurement(NamedTuple):
    """A circuit that ends in probabilities [outcomes], and what each outcome gives to each output
    [outcomes, outputs]; None: they are the outputs."""

    program: Program
    values: Floats | None


class Sampler:
    """A circuit's readout as a device with shots sees it."""

    def __init__(self, free: Free) -> None:
        self._outputs = free.outputs
        observables = free.readout.observables(free.wires)
        self._constant = np.zeros(free.outputs)
        if free.readout.kind == "probabilities":
            self._measurements = [_Measurement(compile_free(free), None)]
            return
        self._constant += [sum(t.coefficient for t in o if not t.word) for o in observables]
        self._measurements = [
            _Measurement(compile_free(_measured(free, group)), _values(group, observables))
            for group in groups(observables)
        ]

    def __call__(self, angles: Floats, amplitudes: Floats | None, shots: int, seed: int) -> Floats:
        """The readout [rows, outputs] of ``shots`` shots for each row and group of words.

        ``angles`` [rows, slots] in radians; ``amplitudes`` [rows, 2**k] of norm one, or None. The
        same seed gives the same numbers. A row that is no number gives none.
        """
        rng = np.random.default_rng(seed)
        out = np.tile(self._constant, (len(angles), 1))
        for program, values in self._measurements:
            for rows, chances in _chances(program, angles, amplitudes):
                counts = _counts(chances, shots, rng)
                # Divided last: whole numbers add up without rounding.
                out[rows] += (counts if values is None else counts @ values) / shots
        return out


def _measured(free: Free, group: Group) -> Free:
    """The circuit that ends in the probabilities of what the group measures."""
    readout = Readout(kind="probabilities", wires=group.wires)
    return free._replace(operations=(*free.operations, *group.turns), readout=readout)


def _chances(
    program: Program, angles: Floats, amplitudes: Floats | None
) -> Iterator[tuple[slice, Floats]]:
    """Some rows, and their exact probabilities [rows, outcomes], until all are done."""
    step = max(1, NUMBERS_AT_ONCE // program.outputs)
    for first in range(0, len(angles), step):
        rows = slice(first, first + step)
        state = None if amplitudes is None else np.asarray(amplitudes[rows], np.float64)
        chances = evaluate(program, np.asarray(angles[rows], np.float64), np.empty(0), state)
        chances = np.maximum(chances, 0.0)  # rounding may leave them a hair below
        yield rows, chances / chances.sum(axis=1, keepdims=True)


def _counts(chances: Floats, shots: int, rng: np.random.Generator) -> Floats:
    """How often each outcome was seen [rows, outcomes]."""
    numbers = np.isfinite(chances).all(axis=1)
    counts = np.full(chances.shape, np.nan)
    counts[numbers] = rng.multinomial(shots, chances[numbers])
    return counts


def _values(group: Group, observables: tuple[Observable, ...]) -> Floats:
    """What each outcome of the group's wires gives to each output [outcomes, outputs]."""
    outcomes = np.arange(1 << len(group.wires))
    place = {wire: len(group.wires) - 1 - k for k, wire in enumerate(group.wires)}
    values = np.zeros((len(outcomes), len(observables)))
    for word in group.words:
        sign = _sign(outcomes, word, place)
        for output, observable in enumerate(observables):
            share = sum(term.coefficient for term in observable if term.word == word)
            if share:
                values[:, output] += share * sign
    return values


def _sign(outcomes: NDArray[np.int64], word: Word, place: dict[int, int]) -> Floats:
    """The product of the signs of a word's wires, for each outcome."""
    odd = np.zeros_like(outcomes)
    for wire, _ in word:
        odd ^= outcomes >> place[wire] & 1
    return np.asarray(1.0 - 2.0 * odd)
