"""A state with real amplitudes from RY and CNOT alone, for machines that only know gates.

Möttönen, Vartiainen, Bergholm and Salomaa, "Transformation of quantum states using uniformly
controlled rotations", arXiv quant-ph/0407010: 2**k - 1 turns for k wires.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from qdesigner.circuit.kinds import Fixed, Operation

Floats = NDArray[np.float64]


def preparation(wires: Sequence[int], amplitudes: Floats) -> Iterator[Operation]:
    """Gates that turn |0…0⟩ of ``wires`` into ``amplitudes`` [2**wires], which have norm 1; the
    first wire is the leftmost bit. Signs come out right, and so does the global one."""
    norms = [np.asarray(amplitudes, dtype=np.float64)]
    while len(norms[0]) > 1:
        pairs = norms[0].reshape(-1, 2)
        norms.insert(0, np.hypot(pairs[:, 0], pairs[:, 1]))
    for place, wire in enumerate(wires):
        pairs = norms[place + 1].reshape(-1, 2)
        yield from _turns(wires[:place], wire, 2 * np.arctan2(pairs[:, 1], pairs[:, 0]))


def _turns(controls: Sequence[int], target: int, angles: Floats) -> Iterator[Operation]:
    """RY(angles[i]) on ``target`` where ``controls`` hold the bits of i, walked as a Gray code."""
    count = len(angles)
    walk = np.arange(count) ^ (np.arange(count) >> 1)
    signs = np.array(
        [[1 - 2 * ((i & code).bit_count() & 1) for i in range(count)] for code in walk.tolist()]
    )
    for place, angle in enumerate((signs @ angles / count).tolist()):
        yield Operation("RY", (target,), Fixed(angle))
        if controls:
            moved = int(walk[place] ^ walk[(place + 1) % count])
            yield Operation("CNOT", (controls[-moved.bit_length()], target))
