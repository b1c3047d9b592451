"""A circuit as one line of text: ``H + RY embedding | 6 × [CNOT brick | RY layer] | ⟨Z⟩``; and a
Pauli sum as text again."""

from __future__ import annotations

from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.labels import title
from qdesigner.circuit.readout import Observable, Readout


def diagram(circuit: Circuit) -> str:
    """The circuit's blocks in order of time, then its readout.

    A repeat is ``n × [ … ]``; wires are named where a block does not act on all of them:
    ``H 0``, ``CNOT 0→1``, ``SWAP 1,2``, ``RY layer 0,2``. Of Pauli sums each is told:
    ``⟨Z0 Z1⟩ ⟨0.5 X2⟩``.
    """
    return " | ".join([*(_block(block) for block in circuit.blocks), _readout(circuit.readout)])


def _readout(readout: Readout) -> str:
    if readout.kind == "pauli_sum":
        return " ".join(f"⟨{text}⟩" for text in readout.sums)
    return readout.label


def _block(block: Block) -> str:
    if block.row.container:
        body = " | ".join(_block(inner) for inner in block.body)
        return f"{block.settings.integer('count')} × [{body}]"
    if block.wires is None:
        return title(block)
    gate = GATES.get(block.kind.upper())
    controls = gate.controls if gate is not None and block.row.wires is not None else 0
    parts = [
        ",".join(map(str, wires)) for wires in (block.wires[:controls], block.wires[controls:])
    ]
    return f"{title(block)} {'→'.join(part for part in parts if part)}"


def sum_text(terms: Observable) -> str:
    """The text that `readout.parse` reads as these terms: ``0.5 Z0 Z1 - X2``."""
    parts: list[str] = []
    for coefficient, word in terms:
        named = " ".join(f"{pauli}{wire}" for wire, pauli in word)
        size = abs(coefficient)
        number = (
            "" if size == 1 and named else f"{size:g}" if float(f"{size:g}") == size else repr(size)
        )
        minus, plus = ("- ", "+ ") if parts else ("-", "")
        sign = minus if coefficient < 0 else plus
        parts.append(sign + f"{number} {named}".strip())
    return " ".join(parts)
