"""A circuit as one line of text: ``H + RY embedding | 6 × [CNOT brick | RY layer] | ⟨Z⟩``."""

from __future__ import annotations

from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.labels import title


def diagram(circuit: Circuit) -> str:
    """The circuit's blocks in order of time, then its readout.

    A repeat is ``n × [ … ]``; wires are named where a block does not act on all of them:
    ``H 0``, ``CNOT 0→1``, ``SWAP 1,2``, ``RY layer 0,2``.
    """
    parts = [*(_block(block) for block in circuit.blocks), circuit.readout.label]
    return " | ".join(parts)


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
