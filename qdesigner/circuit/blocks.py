"""Every block a user can place: one row each, with the one expansion that all else starts from.

A row's ``expand(wires, settings)`` yields primitive operations. In them ``Weight(i)`` counts from
0 within the block; the circuit shifts it to the block's slice of the flat weight vector.
Adding a block is adding a row here (or beside the ansätze of `templates`) and its test:
simulator, drawing, resource counts, QASM and export follow from the expansion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from qdesigner.circuit.fields import Field, Settings
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import (
    FIRST,
    SPREAD,
    BlockKind,
    Expand,
    Expansion,
    Fixed,
    Group,
    Input,
    Operation,
    Weight,
    all_to_all,
    brick,
    chain,
    ring,
)
from qdesigner.circuit.templates import TEMPLATES

MAX_REPEAT = 1000


def _hadamard_ry(wires: Sequence[int], settings: Settings) -> Expansion:
    for wire in wires:
        yield Operation("H", (wire,))
    yield from _embedding("RY", wires, settings)


def _embedding(gate: str, wires: Sequence[int], settings: Settings) -> Expansion:
    first = settings.integer("first")
    for position, wire in enumerate(wires):
        yield Operation(gate, (wire,), Input(first + position))


def _angle_embedding(wires: Sequence[int], settings: Settings) -> Expansion:
    return _embedding("R" + settings.text("axis"), wires, settings)


def _rotation(gate: str) -> Expand:
    def expand(wires: Sequence[int], settings: Settings) -> Expansion:
        for position, wire in enumerate(wires):
            yield Operation(gate, (wire,), Weight(position))

    return expand


def _rot(wires: Sequence[int], settings: Settings) -> Expansion:
    """PennyLane's Rot(φ, θ, ω) = RZ(ω) RY(θ) RZ(φ), weights (φ, θ, ω) wire by wire."""
    for turn, gate in enumerate(("RZ", "RY", "RZ")):
        for position, wire in enumerate(wires):
            yield Operation(gate, (wire,), Weight(3 * position + turn))


def _entangler(gate: str, pairs: Callable[[Sequence[int]], Iterator[tuple[int, int]]]) -> Expand:
    def expand(wires: Sequence[int], settings: Settings) -> Expansion:
        for pair in pairs(wires):
            yield Operation(gate, pair)

    return expand


def _single(gate: str) -> Expand:
    def expand(wires: Sequence[int], settings: Settings) -> Expansion:
        yield Operation(gate, tuple(wires))

    return expand


def _single_rotation(gate: str) -> Expand:
    def expand(wires: Sequence[int], settings: Settings) -> Expansion:
        if settings["trainable"]:
            yield Operation(gate, tuple(wires), Weight(0))
        else:
            yield Operation(gate, tuple(wires), Fixed(settings.number("angle")))

    return expand


def _nothing(wires: Sequence[int], settings: Settings) -> Expansion:
    """A repeat expands through its body; the circuit does that."""
    yield from ()


def _entangling_rows() -> Iterator[BlockKind]:
    shapes = (
        ("brick", "brick", brick, "neighbouring pairs, even ones then odd ones"),
        ("chain", "chain", chain, "each wire with the next"),
        ("ring", "ring", ring, "the chain, closed from the last wire to the first"),
        ("all", "all-to-all", all_to_all, "every pair of wires"),
    )
    for gate in ("CNOT", "CZ"):
        for name, label, pairs, hint in shapes:
            yield BlockKind(
                f"{gate.lower()}_{name}", f"{gate} {label}", Group.ENTANGLING,
                f"{gate} on {hint}", _entangler(gate, pairs), min_wires=2,
            )  # fmt: skip


def _rotation_rows() -> Iterator[BlockKind]:
    for gate in ("RY", "RX", "RZ"):
        yield BlockKind(
            f"{gate.lower()}_layer", f"{gate} layer", Group.ROTATION,
            f"A trainable {gate} on every wire", _rotation(gate), (SPREAD,),
        )  # fmt: skip
    yield BlockKind(
        "rot_layer", "Rot layer", Group.ROTATION,
        "Three trainable angles on every wire: RZ, RY, RZ", _rot, (SPREAD,),
    )  # fmt: skip


def _gate_rows() -> Iterator[BlockKind]:
    turn = (
        Field("trainable", "Trainable", "bool", True),
        Field("angle", "Fixed angle (rad)", "float", 0.0, -1000.0, 1000.0,
              hint="Used when not trainable"),
        SPREAD,
    )  # fmt: skip
    for name, gate in GATES.items():
        expand = _single_rotation(name) if gate.angle else _single(name)
        yield BlockKind(
            name.lower(), name, Group.GATE, f"{name}: {gate.note}", expand,
            turn if gate.angle else (), wires=gate.wires, min_wires=gate.wires,
        )  # fmt: skip


BLOCKS: dict[str, BlockKind] = {
    row.kind: row
    for row in (
        BlockKind(
            "h_ry_embedding", "H + RY embedding", Group.EMBEDDING,
            "H, then RY by one feature, on every wire (Mari et al., arXiv 1912.08278)",
            _hadamard_ry, (FIRST,),
        ),
        BlockKind(
            "angle_embedding", "Angle (RX · RY · RZ)", Group.EMBEDDING,
            "One rotation by one feature on every wire", _angle_embedding,
            (Field("axis", "Axis", "choice", "X", choices=("X", "Y", "Z")), FIRST),
        ),
        *_rotation_rows(),
        *_entangling_rows(),
        BlockKind(
            "repeat", "Repeat × n", Group.TEMPLATE,
            "Its content n times over, each time with weights of its own", _nothing,
            (Field("count", "Times", "int", 2, 1, MAX_REPEAT),), container=True,
        ),
        *TEMPLATES,
        *_gate_rows(),
    )
}  # fmt: skip
