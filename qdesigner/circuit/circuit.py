"""The circuit value: wires, blocks in order of time, and a readout. Wire 0 is the leftmost bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from pydantic import Field, model_validator

from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.circuit.fields import Settings, complete
from qdesigner.circuit.kinds import BlockKind, Operation, Start, inputs_of, weight_of
from qdesigner.circuit.readout import MAX_PROBABILITIES, Readout, Value

MAX_WIRES = 24
MAX_OPERATIONS = 100_000
MAX_NESTING = 8


class Block(Value):
    """One placed block. ``wires`` None means all of the circuit's wires; ``body`` is a repeat's."""

    id: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    kind: str
    wires: tuple[int, ...] | None = None
    settings: Settings = Settings()
    body: tuple[Block, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Block:
        row = BLOCKS.get(self.kind)
        if row is None:
            raise ValueError(f"unknown block {self.kind!r}")
        object.__setattr__(self, "settings", complete(row.fields, self.settings))
        _check_wires(row, self.wires)
        if self.body and not row.container:
            raise ValueError(f"a {row.label} block holds no other blocks")
        return self

    @property
    def row(self) -> BlockKind:
        """The table row of this block's kind."""
        return BLOCKS[self.kind]

    def on(self, wires: int) -> tuple[int, ...]:
        """The wires it acts on in a circuit of ``wires`` wires."""
        return tuple(range(wires)) if self.wires is None else self.wires


def _check_wires(row: BlockKind, wires: tuple[int, ...] | None) -> None:
    if row.wires is not None and wires is None:
        raise ValueError(f"a {row.label} gate must name its {row.wires} wire(s)")
    if wires is None:
        return
    if row.container:
        raise ValueError("a repeat acts on all wires; name wires on the blocks inside it")
    if len(set(wires)) != len(wires) or any(wire < 0 for wire in wires):
        raise ValueError(f"wires must be different and not negative, not {list(wires)}")
    if row.wires is not None and len(wires) != row.wires:
        raise ValueError(f"a {row.label} gate takes {row.wires} wire(s), not {len(wires)}")
    if len(wires) < row.min_wires:
        raise ValueError(f"a {row.label} block takes at least {row.min_wires} wires")


class Circuit(Value):
    """A variational circuit.

    The weights of a circuit are one flat vector; each block owns a slice of it, one for each time
    a repeat runs through it unless its passes share one (see `Expanded`).
    """

    wires: int = Field(ge=1, le=MAX_WIRES)
    blocks: tuple[Block, ...] = ()
    readout: Readout = Readout()

    @model_validator(mode="after")
    def _check(self) -> Circuit:
        seen: set[str] = set()
        for block, depth in walk(self.blocks):
            if depth > MAX_NESTING:
                raise ValueError(f"repeats are nested more than {MAX_NESTING} deep")
            if block.id in seen:
                raise ValueError(f"two blocks have the id {block.id!r}")
            seen.add(block.id)
            outside = [w for w in block.on(self.wires) if w >= self.wires]
            if outside:
                raise ValueError(
                    f"block {block.id!r} acts on wire {outside[0]}, "
                    f"but the circuit has wires 0 to {self.wires - 1}"
                )
            if block.kind == AMPLITUDE and block is not self.blocks[0]:
                raise ValueError(
                    "an amplitude embedding prepares the state, so it can only be the first block"
                )
        _check_readout(self)
        _check_size(self)
        return self

    @property
    def outputs(self) -> int:
        """How many numbers the readout gives for one sample."""
        return self.readout.outputs(self.wires)

    def find(self, block_id: str) -> Block:
        """The block with this id, inside repeats too. Raises KeyError."""
        for block, _ in walk(self.blocks):
            if block.id == block_id:
                return block
        raise KeyError(block_id)


def walk(blocks: tuple[Block, ...], depth: int = 0) -> Iterator[tuple[Block, int]]:
    """Every block, a repeat before its body, with how many repeats enclose it."""
    for block in blocks:
        yield block, depth
        yield from walk(block.body, depth + 1)


def _size(blocks: tuple[Block, ...], wires: int) -> int:
    """Operations in all. What expands to nothing counts as one, for it takes its turn too: empty
    repeats inside repeats would else run for hours."""
    total = 0
    for block in blocks:
        if block.row.container:
            total += block.settings.integer("count") * max(1, _size(block.body, wires))
        else:
            total += max(1, len(operations_of(block, wires)))
        if total > MAX_OPERATIONS:
            break
    return total


def _check_readout(circuit: Circuit) -> None:
    on = circuit.readout.on(circuit.wires)
    outside = [wire for wire in on if wire >= circuit.wires]
    if outside:
        raise ValueError(
            f"the readout measures wire {outside[0]}, "
            f"but the circuit has wires 0 to {circuit.wires - 1}"
        )
    if circuit.readout.kind == "probabilities" and len(on) > MAX_PROBABILITIES:
        raise ValueError(
            f"the probabilities of {len(on)} wires are {1 << len(on):,} numbers; "
            f"choose at most {MAX_PROBABILITIES} wires"
        )


def _check_size(circuit: Circuit) -> None:
    if _size(circuit.blocks, circuit.wires) > MAX_OPERATIONS:
        raise ValueError(f"the circuit expands to more than {MAX_OPERATIONS:,} operations")


@lru_cache(maxsize=4096)
def operations_of(block: Block, wires: int) -> tuple[Operation, ...]:
    """A plain block's own operations, weights counted from 0; none when it has too few wires."""
    on = block.on(wires)
    return tuple(block.row.expand(on, block.settings)) if len(on) >= block.row.min_wires else ()


@lru_cache(maxsize=4096)
def weights_of(block: Block, wires: int) -> int:
    """How many weights one pass through a plain block takes."""
    indices = (weight_of(operation.angle) for operation in operations_of(block, wires))
    return max((index + 1 for index in indices if index is not None), default=0)


class WeightKey(NamedTuple):
    """Whose weight it is: block, passes through the enclosing repeats (none if they share it),
    place within the block."""

    block: str
    passes: tuple[int, ...]
    place: int


class Expanded(NamedTuple):
    """A circuit as primitive operations. Entry k of its flat weight vector belongs to
    ``weight_keys[k]``, begins as ``starts[k]`` says, and is trained if ``trainable[k]``.
    ``inputs`` is how many features it reads."""

    operations: tuple[Operation, ...]
    weight_keys: tuple[WeightKey, ...]
    starts: tuple[Start, ...]
    trainable: tuple[bool, ...]
    inputs: int


@lru_cache(maxsize=128)
def expand(circuit: Circuit) -> Expanded:
    """The circuit's operations in order of time.

    Weights are numbered in that order too; those that all passes of a repeat share come before
    the outermost repeat's own.
    """
    operations: list[Operation] = []
    keys: list[WeightKey] = []
    starts: list[Start] = []
    trainable: list[bool] = []
    shared: dict[str, int] = {}

    def own(block: Block, passes: tuple[int, ...]) -> int:
        """The first index of new weights for one pass through a block."""
        first, count = len(keys), weights_of(block, circuit.wires)
        keys.extend(WeightKey(block.id, passes, place) for place in range(count))
        if count:
            starts.extend([block.row.start(block.settings)] * count)
            trainable.extend([bool(block.settings.get("trainable", True))] * count)
        return first

    def run(blocks: tuple[Block, ...], passes: tuple[int, ...]) -> None:
        for block in blocks:
            if block.row.container:
                if not passes:
                    for inner, _ in walk(block.body):
                        if inner.settings.get("same_passes"):
                            shared[inner.id] = own(inner, ())
                for turn in range(block.settings.integer("count")):
                    run(block.body, (*passes, turn))
                continue
            first = shared[block.id] if block.id in shared else own(block, passes)
            operations.extend(
                operation.shifted(first, block.id)
                for operation in operations_of(block, circuit.wires)
            )

    run(circuit.blocks, ())
    inputs = max((i + 1 for op in operations for i in inputs_of(op.angle)), default=0)
    return Expanded(tuple(operations), tuple(keys), tuple(starts), tuple(trainable), inputs)


class Resources(NamedTuple):
    """What a circuit costs: operations by gate, depth in parallel moments, weights, inputs."""

    gates: Mapping[str, int]
    depth: int
    weights: int
    inputs: int


def resources(circuit: Circuit) -> Resources:
    """Counts for the status line. Depth packs operations on disjoint wires into one moment."""
    expanded = expand(circuit)
    gates: dict[str, int] = {}
    level = [0] * circuit.wires
    for operation in expanded.operations:
        gates[operation.gate] = gates.get(operation.gate, 0) + 1
        moment = 1 + max(level[wire] for wire in operation.wires)
        for wire in operation.wires:
            level[wire] = moment
    return Resources(gates, max(level), len(expanded.weight_keys), expanded.inputs)


def fresh_id(taken: set[str], kind: str) -> str:
    """The first of ``kind-1``, ``kind-2``, … that is not taken."""
    number = 1
    while f"{kind}-{number}" in taken:
        number += 1
    return f"{kind}-{number}"


def ids(circuit: Circuit) -> set[str]:
    """The ids of all its blocks."""
    return {block.id for block, _ in walk(circuit.blocks)}
