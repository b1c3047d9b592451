"""What a block's row is made of: groups, angles, operations, and what rows share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, pairwise
from typing import Any, Protocol

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


@dataclass(frozen=True, slots=True)
class Product:
    """The angle is scale · weight · Π (feature + shift), in radians.

    ``weight`` None counts as 1; ``inputs`` are the features' indices, each used once.
    """

    scale: float
    inputs: tuple[int, ...]
    weight: int | None = None
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Bit:
    """The angle is π where feature ``index`` lies above ``threshold``, else 0: no gradient."""

    index: int
    threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class Amplitudes:
    """No angle: features ``first`` to ``first + count - 1``, padded with ``pad`` to 2**wires
    numbers and divided by their norm, are the amplitudes of the operation's wires, the first wire
    as the leftmost bit. Features that are all zero leave |0…0⟩."""

    first: int
    count: int
    pad: float = 0.0


Angle = Input | Weight | Fixed | Product | Bit | Amplitudes


def weight_of(angle: Angle | None) -> int | None:
    """The index of the weight that an angle depends on, if any."""
    if isinstance(angle, Weight):
        return angle.index
    return angle.weight if isinstance(angle, Product) else None


def inputs_of(angle: Angle | None) -> Sequence[int]:
    """The indices of the features that an angle depends on."""
    match angle:
        case Input(index) | Bit(index):
            return (index,)
        case Product(inputs=inputs):
            return inputs
        case Amplitudes(first, count):
            return range(first, first + count)
        case _:
            return ()


class Numbers(Protocol):
    """A list of numbers, or an array [n]."""

    def __getitem__(self, index: int, /) -> Any: ...


def angle_value(angle: Angle | None, inputs: Numbers, weights: Numbers) -> float:
    """What an angle comes to, in radians, for one sample's features and the flat weight vector.

    Raises TypeError for what is no angle.
    """
    match angle:
        case Input(index):
            return float(inputs[index])
        case Weight(index):
            return float(weights[index])
        case Fixed(value):
            return value
        case Bit(index, threshold):
            return math.pi if inputs[index] > threshold else 0.0
        case Product(scale, features, weight, shift):
            factor = scale if weight is None else scale * float(weights[weight])
            return factor * math.prod(float(inputs[index]) + shift for index in features)
        case _:
            raise TypeError(f"{angle} is no angle")


@dataclass(frozen=True, slots=True)
class Start:
    """How a weight begins: ``mean`` plus ``spread`` times N(0, 1), or times U(-1, 1)."""

    distribution: str = "normal"
    mean: float = 0.0
    spread: float = 0.0


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
        elif isinstance(angle, Product) and angle.weight is not None:
            angle = replace(angle, weight=angle.weight + weights)
        return replace(self, angle=angle, block=block)


Expansion = Iterator[Operation]
Expand = Callable[[Sequence[int], Settings], Iterable[Operation]]
Begin = Callable[[Settings], Start]


def drawn(settings: Settings) -> Start:
    """The start that a row's own fields say."""
    return Start(settings.text("init"), settings.number("mean"), settings.number("spread"))


def scaling(settings: Settings) -> Start:
    """The start of an embedding's scales: at first each feature counts once."""
    return Start(mean=1.0)


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
    start: Begin = drawn


# Each field of a row, once.
TRAINABLE = Field(
    "trainable", "Trainable", "bool", True, hint="Off: the weights keep the values they begin with"
)
SAME_WIRES = Field(
    "same_wires", "Same on all wires", "bool", False, hint="One weight serves all wires"
)
SAME_PASSES = Field(
    "same_passes", "Same in every pass", "bool", False,
    hint="Inside a repeat: every pass uses the same weights",
)  # fmt: skip
INIT = Field(
    "init", "Init", "choice", "normal", choices=("normal", "uniform"),
    hint="Initial weights: mean + spread · N(0, 1), or mean + spread · U(-1, 1)",
)  # fmt: skip
MEAN = Field("mean", "Init mean", "float", 0.0, -10.0, 10.0, hint="In radians")
SPREAD = Field("spread", "Init spread", "float", 0.1, 0.0, 10.0, hint="In radians")
WEIGHTS = (TRAINABLE, SAME_PASSES, INIT, MEAN, SPREAD)  # of every row with weights
FIRST = Field(
    "first", "First feature", "int", 0, 0, 4095,
    hint="Wire k of the block takes feature first + k",
)  # fmt: skip

SCALE = Field(
    "scale", "Scale", "choice", "fixed", choices=("fixed", "trainable"),
    hint="Trainable: a weight times each feature, 1 at first",
)  # fmt: skip
FACTOR = Field("factor", "Factor", "float", 1.0, -100.0, 100.0, hint="Multiplies every feature")
EMBEDDING = (FIRST, SCALE, FACTOR)  # of every row that turns by features


def embedded(settings: Settings, position: int, weight: int) -> Angle:
    """The angle of feature ``first + position``, scaled as the settings say; a trainable scale is
    weight ``weight`` of the block."""
    index = settings.integer("first") + position
    factor = settings.number("factor")
    if settings["scale"] == "trainable":
        return Product(factor, (index,), weight)
    return Input(index) if factor == 1.0 else Product(factor, (index,))


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
