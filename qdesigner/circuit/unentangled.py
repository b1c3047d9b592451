"""A circuit without its entangling operations: what is left turns every wire by itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from qdesigner.circuit.circuit import (
    MAX_NESTING,
    Block,
    Circuit,
    expand,
    fresh_id,
    ids,
    operations_of,
)
from qdesigner.circuit.fields import Scalar, Settings
from qdesigner.circuit.kinds import WEIGHTS, Operation, Product, Weight, inputs_of

# SWAP only exchanges wires. A state preparation cannot be taken apart.
_HARMLESS = frozenset(("SWAP", "AMPLITUDE"))


def entangles(operation: Operation) -> bool:
    """Whether the operation can entangle its wires."""
    return len(operation.wires) > 1 and operation.gate not in _HARMLESS


def entangled(circuit: Circuit) -> bool:
    """Whether any of the circuit's operations can entangle wires."""
    return any(entangles(operation) for operation in expand(circuit).operations)


def unentangled(circuit: Circuit) -> Circuit:
    """The circuit with every entangling operation left out. A template or a feature map becomes its
    rotations with as many weights, trained and begun as they were; what does nothing but entangle
    goes, with its weights if it has any, and so does a repeat that is empty then."""
    if not entangled(circuit):
        return circuit
    taken = ids(circuit)
    return circuit.but(blocks=_kept(circuit.blocks, circuit.wires, taken, 0))  # type: ignore[no-any-return]


def _kept(blocks: tuple[Block, ...], wires: int, taken: set[str], depth: int) -> tuple[Block, ...]:
    kept: list[Block] = []
    for block in blocks:
        if block.row.container:
            body = _kept(block.body, wires, taken, depth + 1)
            kept += [block.but(body=body)] if body or not block.body else []
            continue
        operations = operations_of(block, wires)
        if not any(map(entangles, operations)):
            kept.append(block)
        else:
            alone = [operation for operation in operations if not entangles(operation)]
            kept += _rebuilt(block, alone, wires, taken, depth)
    return tuple(kept)


class _Layer(NamedTuple):
    """Operations of one kind side by side: the kind of block that holds them, the wires that it
    names, and its settings."""

    kind: str
    wires: tuple[int, ...] | None
    settings: tuple[tuple[str, Scalar], ...]


def _rebuilt(
    block: Block, operations: Sequence[Operation], wires: int, taken: set[str], depth: int
) -> list[Block]:
    """Blocks that do what ``operations`` of ``block`` do, as a repeat where they are the same
    layers again and again."""
    layers = _layers(block, operations, wires)
    # In a repeat of its own each pass has other weights, unless all passes share them.
    if not block.settings.get("same_passes") and depth < MAX_NESTING:
        period = _period(layers)
        if (count := len(layers) // max(period, 1)) > 1:
            name = fresh_id(taken, "repeat")
            taken.add(name)
            body = _blocks(layers[:period], taken)
            settings = Settings({"count": count})
            return [Block(id=name, kind="repeat", settings=settings, body=body)]
    return list(_blocks(layers, taken))


def _period(layers: list[_Layer]) -> int:
    """After how many layers they begin anew, to the end."""
    size = len(layers)
    for period in range(1, size // 2 + 1):
        if size % period == 0 and layers[:period] * (size // period) == layers:
            return period
    return size


def _blocks(layers: Sequence[_Layer], taken: set[str]) -> tuple[Block, ...]:
    made = []
    for layer in layers:
        name = fresh_id(taken, layer.kind)
        taken.add(name)
        made.append(
            Block(
                id=name, kind=layer.kind, wires=layer.wires, settings=Settings(dict(layer.settings))
            )
        )
    return tuple(made)


def _layers(block: Block, operations: Sequence[Operation], wires: int) -> list[_Layer]:
    given: dict[str, Scalar] = {
        field.name: block.settings[field.name] for field in WEIGHTS if field.name in block.settings
    }
    layers: list[_Layer] = []
    for (gate, weight, scale), group in groupby(operations, _alike):
        for row in _rows(list(group)):
            on = tuple(operation.wires[0] for operation in row)
            named = None if on == tuple(range(wires)) else on
            if weight:
                layers.append(_Layer(f"{gate.lower()}_layer", named, tuple(given.items())))
            elif scale is not None:
                settings: dict[str, Scalar] = {"axis": gate[1], "factor": scale}
                settings["first"] = inputs_of(row[0].angle)[0]
                layers.append(_Layer("angle_embedding", named, tuple(settings.items())))
            else:
                layers += [_Layer(gate.lower(), (wire,), ()) for wire in on]
    return layers


def _alike(operation: Operation) -> tuple[str, bool, float | None]:
    """What operations of one layer have in common: the gate, whether a weight turns it, and the
    factor of the feature that does."""
    angle = operation.angle
    read = bool(inputs_of(angle))
    scale = (angle.scale if isinstance(angle, Product) else 1.0) if read else None
    return operation.gate, isinstance(angle, Weight), scale


def _rows(operations: list[Operation]) -> list[list[Operation]]:
    """Operations cut where a wire comes again, each row by wire. Weights are a wire's own, so the
    order within a row does not matter; features go with the order of the wires."""
    rows: list[list[Operation]] = []
    for operation in operations:
        if not rows or any(operation.wires == other.wires for other in rows[-1]):
            rows.append([])
        rows[-1].append(operation)
    weighty = all(isinstance(operation.angle, Weight) for operation in operations)
    return [sorted(row, key=lambda op: op.wires) for row in rows] if weighty else rows
