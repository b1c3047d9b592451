"""Which Pauli words the same measurement reads, and the turns that come before it.

Words that ask for the same Pauli on every wire they share are read together from one set of shots:
each wire is turned so that its Pauli becomes Z, and a word is the product of its wires' signs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from qdesigner.circuit.free import Free
from qdesigner.circuit.kinds import Fixed, Operation
from qdesigner.circuit.readout import Observable, Word

_TURNS = {"X": ("RY", -math.pi / 2), "Y": ("RX", math.pi / 2)}


class Group(NamedTuple):
    """Words read by one measurement; ``axes`` are its (wire, "X"|"Y"|"Z"), wires upwards."""

    axes: Word
    words: tuple[Word, ...]

    @property
    def wires(self) -> tuple[int, ...]:
        """The wires it measures."""
        return tuple(wire for wire, _ in self.axes)

    @property
    def turns(self) -> tuple[Operation, ...]:
        """What turns every axis into Z, before the measurement."""
        return tuple(
            Operation(_TURNS[axis][0], (wire,), Fixed(_TURNS[axis][1]))
            for wire, axis in self.axes
            if axis != "Z"
        )


def groups(observables: Iterable[Observable]) -> tuple[Group, ...]:
    """All words of the observables but the empty one, each once, in as few groups as taking every
    word into the first that suits it gives."""
    words = dict.fromkeys(
        term.word for observable in observables for term in observable if term.word
    )
    found: list[tuple[dict[int, str], list[Word]]] = []
    for word in words:
        for axes, members in found:  # noqa: B007
            if all(axes.get(wire, axis) == axis for wire, axis in word):
                break
        else:
            axes, members = {}, []
            found.append((axes, members))
        axes.update(word)
        members.append(word)
    return tuple(Group(tuple(sorted(axes.items())), tuple(members)) for axes, members in found)


def circuits_per_row(free: Free) -> int:
    """How many circuits measure the whole readout of one row; none where it is constant."""
    if free.readout.kind == "probabilities":
        return 1
    return len(groups(free.readout.observables(free.wires)))
