"""What a block's row is made of: groups, angles, operations, and what rows share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, pairwise

from qdesigner.circuit.fields import Field, Settings


class Group(StrEnum):
    """Palette groups, in their order; colour on the board means group."""

    EMBEDDING = "Embedding"
    ROTATION = "Rotation"
    ENTANGLING = "Entangling"
    GATE = "Gate"
    TEMPLATE = "Template"


@dataclass(frozen=True, slots=True)
class Input:
    """The angle is feature ``index`` of the sample, in radians."""

    index: int


@dataclass(frozen=True, slots=True)
class Weight:
    """The angle is entry ``index`` of the circuit's flat weight vector, in radians."""

    index: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """The angle is a constant, in radians."""

    value: float


Angle = Input | Weight | Fixed


@dataclass(frozen=True, slots=True)
class Operation:
    """One primitive gate on given wires. ``block`` is the id of the block it came from."""

    gate: str
    wires: tuple[int, ...]
    angle: Angle | None = None
    block: str = ""

    def shifted(self, weights: int, block: str) -> Operation:
        """The same operation with its weight moved up by ``weights`` and owned by ``block``."""
        angle = self.angle
        if isinstance(angle, Weight):
            angle = Weight(angle.index + weights)
        return replace(self, angle=angle, block=block)


Expansion = Iterator[Operation]
Expand = Callable[[Sequence[int], Settings], Iterable[Operation]]


@dataclass(frozen=True, slots=True)
class BlockKind:
    """One row of the block table.

    ``wires`` is how many wires the block takes: an exact number for a single gate (its order
    matters: control first), or None for a layer over all wires or any ``min_wires`` of them.
    """

    kind: str
    label: str
    group: Group
    hint: str
    expand: Expand
    fields: tuple[Field, ...] = ()
    wires: int | None = None
    min_wires: int = 1
    container: bool = False


# Each field of a row, once.
SPREAD = Field(
    "spread", "Init spread", "float", 0.1, 0.0, 10.0,
    hint="Initial weights are this times N(0, 1), in radians",
)  # fmt: skip
FIRST = Field(
    "first", "First feature", "int", 0, 0, 4095,
    hint="Wire k of the block takes feature first + k",
)  # fmt: skip


def brick(wires: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The tutorial's pairs: (0,1), (2,3), … then (1,2), (3,4), …"""
    for start in (0, 1):
        for k in range(start, len(wires) - 1, 2):
            yield wires[k], wires[k + 1]


def chain(wires: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each wire with the next."""
    yield from pairwise(wires)


def ring(wires: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The chain closed from the last wire to the first; two wires have only one pair."""
    yield from chain(wires)
    if len(wires) > 2:
        yield wires[-1], wires[0]


def all_to_all(wires: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Every pair, the upper wire first."""
    yield from combinations(wires, 2)
