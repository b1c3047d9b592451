"""A circuit as one line of text: ``H + RY embedding | 6 × [CNOT brick | RY layer] | ⟨Z⟩``."""

from __future__ import annotations

from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.layout import title

ORDERED = ("CNOT",)  # gates whose two wires differ in meaning


def diagram(circuit: Circuit) -> str:
    """The circuit's blocks in order of time, then its readout.

    A repeat is ``n × [ … ]``; wires are named where a block does not act on all of them:
    ``H 0``, ``CNOT 0→1``, ``SWAP 1,2``, ``RY layer 0,2``.
    """
    parts = [*(_block(block) for block in circuit.blocks), f"⟨{circuit.readout.observable}⟩"]
    return " | ".join(parts)


def _block(block: Block) -> str:
    if block.row.container:
        body = " | ".join(_block(inner) for inner in block.body)
        return f"{block.settings.integer('count')} × [{body}]"
    if block.wires is None:
        return title(block)
    between = "→" if block.kind.upper() in ORDERED else ","
    return f"{title(block)} {between.join(str(wire) for wire in block.wires)}"
