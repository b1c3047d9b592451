"""A circuit as source: statements of PennyLane or Qiskit with the loops a person would write.

A block becomes a comment with its label and the loops of `loops`; a repeat becomes a loop around
its content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from qdesigner.circuit.circuit import Block, Circuit, expand, operations_of, walk, weights_of
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.circuit.kinds import Group
from qdesigner.export.formulas import DIALECTS, PENNYLANE, Dialect, Step, Terms, prepared, step
from qdesigner.export.loops import Place, layer_loop, statements
from qdesigner.export.source import LINE


def circuit_lines(
    circuit: Circuit, dialect: Dialect = PENNYLANE, room: int = LINE - 4
) -> list[str]:
    """Statements that apply the circuit, from ``inputs`` [batch, features] and ``weights`` [n].

    The lines stand at depth 0 and are meant to be no wider than ``room`` columns.
    """
    return list(_lines(circuit, dialect.name, room))


@lru_cache(maxsize=32)
def _lines(circuit: Circuit, dialect: str, room: int) -> tuple[str, ...]:
    place = Place(DIALECTS[dialect], room)
    return tuple(_body(circuit.blocks, _Weights(circuit.wires, expand(circuit).inputs), place))


def uses_combinations(circuit: Circuit, dialect: Dialect = PENNYLANE) -> bool:
    """Whether `circuit_lines` calls ``combinations``, which the script must then import."""
    return any("combinations(" in line for line in circuit_lines(circuit, dialect))


# ---- where weights stand -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Weights:
    """Where weights stand: behind ``first``, moved by ``terms`` from pass to pass, but those of a
    block that all passes share at ``shared[block.id]``; None outside any repeat."""

    wires: int
    inputs: int
    first: int = 0
    terms: Terms = ()
    shared: Mapping[str, int] | None = None

    def own(self, block: Block) -> int:
        """How many weights a block takes for itself."""
        if block.row.container:
            return block.settings.integer("count") * sum(map(self.own, block.body))
        return 0 if block.id in (self.shared or {}) else weights_of(block, self.wires)

    def after(self, weights: int) -> _Weights:
        """Behind so many weights."""
        return replace(self, first=self.first + weights)

    def steps(self, block: Block) -> list[Step]:
        """A plain block's operations, its weights in their places."""
        shared = (self.shared or {}).get(block.id)
        first, terms = (self.first, self.terms) if shared is None else (shared, ())
        return [step(operation, first, terms) for operation in operations_of(block, self.wires)]

    def inside(self, repeat: Block) -> _Weights:
        """Within a repeat. The outermost one begins with the weights that its passes share."""
        if self.shared is not None:
            return self
        shared, first = {}, self.first
        for block, _ in walk(repeat.body):
            if block.settings.get("same_passes"):
                shared[block.id] = first
                first += weights_of(block, self.wires)
        return replace(self, first=first, shared=shared)

    def looped(self, each: int, name: str) -> _Weights:
        """Within a loop whose passes take ``each`` weights."""
        return replace(self, terms=(*self.terms, (each, name))) if each else self


# ---- blocks and repeats --------------------------------------------------------------------------


def _body(blocks: Sequence[Block], weights: _Weights, place: Place) -> list[str]:
    lines: list[str] = []
    for chunk in _chunks(blocks, weights.wires):
        first = chunk[0]
        if first.row.container:
            added, taken = _repeat(first, weights, place)
            lines += added
            weights = weights.after(taken)
            continue
        gates = first.row.group is Group.GATE
        lines.append("# Single gates" if gates else f"# {first.row.label}")
        steps: list[Step] = []
        for block in chunk:
            steps += weights.steps(block)
            weights = weights.after(weights.own(block))
        if first.kind == AMPLITUDE:
            operation = operations_of(first, weights.wires)[0]
            lines += prepared(operation, weights.inputs, place.dialect, place.room)
        else:
            lines += statements(steps, place, repeated=not gates)
    return lines


def _repeat(block: Block, weights: _Weights, place: Place) -> tuple[list[str], int]:
    """A repeat as a loop around its content, and how many weights it takes."""
    count = block.settings.integer("count")
    inside = weights.inside(block)
    each = sum(map(inside.own, block.body))
    taken = inside.first - weights.first + count * each
    if count == 1:
        return _body(block.body, inside, place), taken
    name = place.layer
    inner = _body(block.body, inside.looped(each, name), place.inside(1))
    return layer_loop(name, count, inner, each > 0) if inner else [], taken


def _chunks(blocks: Sequence[Block], wires: int) -> Iterator[list[Block]]:
    """Blocks that do something one by one, but single gates in a row together."""
    gates: list[Block] = []
    for block in blocks:
        if block.row.group is Group.GATE:
            gates.append(block)
            continue
        if gates:
            yield gates
            gates = []
        if block.row.container or operations_of(block, wires):
            yield [block]
    if gates:
        yield gates
