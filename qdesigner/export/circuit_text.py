"""A circuit as source: PennyLane statements with the loops a person would write, and OpenQASM 2.

A block becomes a comment with its label and the loops of `loops`; a repeat becomes a loop around
its content.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

from qdesigner.circuit.circuit import Block, Circuit, expand, operations_of, weights_of
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import (
    Amplitudes,
    Angle,
    Bit,
    Fixed,
    Group,
    Input,
    Operation,
    Product,
    Weight,
)
from qdesigner.export.loops import Place, statements
from qdesigner.export.source import LINE, indented


def pennylane_lines(circuit: Circuit, room: int = LINE - 4) -> list[str]:
    """Statements that apply the circuit, from ``inputs`` [batch, features] and ``weights`` [n].

    The lines stand at depth 0 and are meant to be no wider than ``room`` columns.
    """
    return list(_lines(circuit, room))


@lru_cache(maxsize=32)
def _lines(circuit: Circuit, room: int) -> tuple[str, ...]:
    return tuple(_body(circuit.blocks, circuit.wires, Place((), 0, room))[0])


def spreads(circuit: Circuit) -> list[str]:
    """The initial deviation of each weight, as lists to be added: ``["[0.01] * 24"]``."""
    return [_times(text, count) for text, count in _spreads(circuit.blocks, circuit.wires)]


def uses_combinations(circuit: Circuit) -> bool:
    """Whether `pennylane_lines` calls ``combinations``, which the script must then import."""
    return any(" in combinations(" in line for line in pennylane_lines(circuit))


# ---- blocks and repeats --------------------------------------------------------------------------


def _body(blocks: Sequence[Block], wires: int, place: Place) -> tuple[list[str], int]:
    """Lines of the blocks, and how many weights one pass through them takes."""
    lines: list[str] = []
    used = 0
    for chunk in _chunks(blocks, wires):
        if isinstance(chunk, Block):
            added, count = _repeat(chunk, wires, place.after(used))
        else:
            label, operations, count = chunk
            added = [f"# {label}", *statements(operations, place.after(used))]
        lines += added
        used += count
    return lines, used


def _repeat(block: Block, wires: int, place: Place) -> tuple[list[str], int]:
    count = block.settings.integer("count")
    if count == 1:
        return _body(block.body, wires, place)
    name = f"layer{len(place.terms) + 1}" if place.terms else "layer"
    each = _weights(block.body, wires)
    inner, _ = _body(block.body, wires, place.inside((each, name)))
    if not inner:
        return [], 0
    return [f"for {name if each else '_'} in range({count}):", *indented(inner)], count * each


Chunk = tuple[str, Sequence[Operation], int]


def _chunks(blocks: Sequence[Block], wires: int) -> Iterator[Block | Chunk]:
    """Repeats as they are; other blocks as (label, operations, number of weights), where single
    gates in a row count as one block."""
    gates: list[Operation] = []
    weights = 0
    for block in blocks:
        operations, count = operations_of(block, wires), weights_of(block, wires)
        if block.row.group is Group.GATE:
            gates += [operation.shifted(weights, block.id) for operation in operations]
            weights += count
            continue
        if gates:
            yield "Single gates", gates, weights
            gates, weights = [], 0
        if block.row.container:
            yield block
        elif operations:
            yield block.row.label, operations, count
    if gates:
        yield "Single gates", gates, weights


def _weights(blocks: Sequence[Block], wires: int) -> int:
    return sum(
        block.settings.integer("count") * _weights(block.body, wires)
        if block.row.container
        else weights_of(block, wires)
        for block in blocks
    )


def _spreads(blocks: Sequence[Block], wires: int) -> list[tuple[str, int]]:
    """Runs of (a list's text, how often), equal neighbours joined."""
    runs: list[tuple[str, int]] = []
    for block in blocks:
        if block.row.container:
            added = _repeated(_spreads(block.body, wires), block.settings.integer("count"))
        else:
            count = weights_of(block, wires)
            added = [(f"[{block.settings.number('spread')!r}]", count)] if count else []
        for text, count in added:
            if runs and runs[-1][0] == text:
                count += runs.pop()[1]
            runs.append((text, count))
    return runs


def _repeated(runs: list[tuple[str, int]], times: int) -> list[tuple[str, int]]:
    if times == 1 or not runs:
        return runs
    if len(runs) == 1:
        return [(runs[0][0], runs[0][1] * times)]
    return [("(" + " + ".join(_times(*run) for run in runs) + ")", times)]


def _times(text: str, count: int) -> str:
    return text if count == 1 else f"{text} * {count}"


# ---- OpenQASM ------------------------------------------------------------------------------------


def qasm(
    circuit: Circuit,
    angles: Sequence[float] | None = None,
    weights: Sequence[float] | None = None,
) -> str:
    """OpenQASM 2 of the circuit with its angles put in, wire k as ``q[k]``.

    ``angles`` holds the features of one sample and ``weights`` the flat weight vector, both in
    radians; left out they count as zeros, and a comment says so. Raises ValueError when a length
    is wrong or a number is not finite. Language: arXiv 1707.03429.
    """
    expanded = expand(circuit)
    lines = ["OPENQASM 2.0;", 'include "qelib1.inc";']
    inputs = _values("angles", angles, expanded.inputs, lines)
    trained = _values("weights", weights, len(expanded.weight_keys), lines)
    lines.append(f"qreg q[{circuit.wires}];")
    for operation in expanded.operations:
        name = GATES[operation.gate].qasm
        if operation.angle is not None:
            name += f"({_real(_value(operation.angle, inputs, trained))})"
        wires = [f"q[{wire}]" for wire in operation.wires]
        calls = [wires]
        if name == "swap":  # not in qelib1.inc
            name, calls = "cx", [wires, wires[::-1], wires]
        lines += [f"{name} {','.join(call)};" for call in calls]
    return "\n".join(lines) + "\n"


def _values(
    what: str, given: Sequence[float] | None, wanted: int, lines: list[str]
) -> Sequence[float]:
    if given is None:
        if wanted:
            lines.insert(0, f"// all {wanted} {what} are 0 here")
        return [0.0] * wanted
    if len(given) != wanted:
        raise ValueError(f"the circuit takes {wanted} {what}, not {len(given)}")
    return given


def _value(angle: Angle, inputs: Sequence[float], weights: Sequence[float]) -> float:
    """What an angle comes to, in radians."""
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
            factor = scale if weight is None else scale * weights[weight]
            return factor * math.prod(inputs[index] + shift for index in features)
        case Amplitudes():
            raise ValueError("an amplitude embedding has no angle")


def _real(value: float) -> str:
    """A number as OpenQASM 2 writes it: with a point, also before an exponent."""
    if not math.isfinite(value):
        raise ValueError(f"an angle must be finite, not {value}")
    mantissa, mark, exponent = repr(float(value)).partition("e")
    return (mantissa if "." in mantissa else f"{mantissa}.0") + mark + exponent
