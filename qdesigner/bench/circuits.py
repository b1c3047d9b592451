"""The circuits that are measured."""

from __future__ import annotations

from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.fields import Settings

WIRES, DEPTH, BATCH = 4, 6, 4  # the tutorial's


def tutorial_circuit(wires: int = WIRES, depth: int = DEPTH) -> Circuit:
    """H + RY embedding, then ``depth`` times CNOT brick and RY layer: a real state."""
    body = (
        Block(id="cnot", kind="cnot_brick"),
        Block(id="ry", kind="ry_layer", settings=Settings({"spread": 0.01})),
    )
    return Circuit(
        wires=wires, blocks=(Block(id="embedding", kind="h_ry_embedding"), _repeat(depth, body))
    )


def complex_circuit(wires: int, depth: int = DEPTH) -> Circuit:
    """RX embedding, then ``depth`` times RZ layer, CNOT ring and Rot layer: a complex state."""
    body = (
        Block(id="rz", kind="rz_layer"),
        Block(id="cnot", kind="cnot_ring"),
        Block(id="rot", kind="rot_layer"),
    )
    embedding = Block(id="embedding", kind="angle_embedding", settings=Settings({"axis": "X"}))
    return Circuit(wires=wires, blocks=(embedding, _repeat(depth, body)))


def edited_circuit(number: int, wires: int) -> Circuit:
    """The tutorial's circuit after the ``number``-th edit: no two are equal."""
    circuit = tutorial_circuit(wires)
    turn = Settings({"trainable": False, "angle": 0.001 * number})
    return Circuit(
        wires=wires,
        blocks=(*circuit.blocks, Block(id="edit", kind="ry", wires=(0,), settings=turn)),
    )


def _repeat(depth: int, body: tuple[Block, ...]) -> Block:
    return Block(id="layers", kind="repeat", settings=Settings({"count": depth}), body=body)
