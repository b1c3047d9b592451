"""The full state after a program, in plain NumPy: what the live view shows.

It needs no compiled kernel, so the small preview child starts in a fraction of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from qdesigner.engine.amplitudes import prepared
from qdesigner.engine.compile import (
    BIT,
    END,
    FACTOR,
    FIRST,
    FORM,
    KIND,
    LAST,
    LIMIT,
    OFFSET,
    OUTER,
    PAIRS,
    RUN,
    SHIFT,
    SPAN,
    TURN,
    WEIGHT,
    WHICH,
    Program,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]


def angles(program: Program, inputs: Floats, weights: Floats) -> NDArray[np.float64]:
    """Every angle of the program for one sample, in radians, [turns]."""
    inputs = np.asarray(inputs)
    values = program.numbers[:, OFFSET].copy()
    for k, (number, source) in enumerate(zip(program.numbers, program.sources, strict=True)):
        own = inputs[program.features[source[FIRST] : source[END]]]
        if source[BIT]:
            values[k] += np.pi if own[0] > number[SHIFT] else 0.0
        else:
            weight = weights[source[WEIGHT]] if source[WEIGHT] >= 0 else 1.0
            values[k] += number[FACTOR] * weight * np.prod(own + number[SHIFT])
    return values


def statevector(
    program: Program, inputs: Floats, weights: Floats, amplitudes: Floats | None = None
) -> NDArray[np.complex128]:
    """The state [2**wires] for one sample: ``inputs`` [inputs] and ``weights`` [weights].

    ``amplitudes`` [places] are the first state of a program that is given it.
    """
    rows = program.rows
    state = np.zeros((program.parts, rows))
    if len(program.places):
        if amplitudes is None:
            amplitudes = prepared(program, np.asarray(inputs, dtype=np.float64)[None])[0]
        state[0, program.places] = amplitudes
    else:
        state[0, 0] = 1.0
    half = angles(program, inputs, weights) / 2
    cosines, sines = np.cos(half), np.sin(half)
    forms = program.forms.tolist()
    for step in program.steps.tolist():
        if step[KIND] == TURN:
            which, form = step[WHICH], forms[step[FORM]]
            _turn(state.reshape(-1), form, cosines[which], sines[which])
        else:
            state = np.take(state, program.tables[step[WHICH]], axis=1)
            state *= program.signs[step[WHICH]]
    full = state[0] + 1j * state[1] if program.parts == 2 else state[0].astype(np.complex128)
    return np.asarray(full * program.phase)


def _turn(flat: Floats, form: list[int], c: float, s: float) -> None:
    item = flat.itemsize
    shape = form[LIMIT] // form[OUTER], form[SPAN] // (2 * form[RUN]), form[RUN]
    strides = item * form[OUTER], item * 2 * form[RUN], item
    for pair in range(PAIRS, form[LAST] + 1, 2):
        a = as_strided(flat[form[pair] :], shape, strides)
        b = as_strided(flat[form[pair + 1] :], shape, strides)
        turned = c * a - s * b
        b *= c
        b += s * a
        a[...] = turned


def bloch_vectors(state: NDArray[np.complex128], wires: int) -> Floats:
    """(⟨X⟩, ⟨Y⟩, ⟨Z⟩) of each wire's reduced state, [wires, 3], of a state [2**wires].

    Its length is 1 for a wire in a pure state and 0 for one that is maximally entangled
    (Nielsen & Chuang, section 2.4.3).
    """
    vectors = np.empty((wires, 3))
    for wire in range(wires):
        split = state.reshape(1 << wire, 2, -1)
        zero, one = split[:, 0], split[:, 1]
        coherence = 2 * np.vdot(zero, one)
        vectors[wire] = (
            coherence.real,
            coherence.imag,
            np.vdot(zero, zero).real - np.vdot(one, one).real,
        )
    return vectors
