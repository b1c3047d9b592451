"""Every block a user can place: one row each, with the one expansion that all else starts from.

A row's ``expand(wires, settings)`` yields primitive operations. In them ``Weight(i)`` counts from
0 within the block; the circuit shifts it to the block's slice of the flat weight vector.
Adding a block is adding a row, here or in `embeddings` or `templates`, and its test:
simulator, drawing, resource counts, QASM and export follow from the expansion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from qdesigner.circuit.embeddings import EMBEDDINGS
from qdesigner.circuit.fields import Field, Settings
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import (
    SAME_WIRES,
    TRAINABLE,
    WEIGHTS,
    BlockKind,
    Expand,
    Expansion,
    Fixed,
    Group,
    Operation,
    Weight,
    all_to_all,
    brick,
    chain,
    ring,
)
from qdesigner.circuit.templates import TEMPLATES

MAX_REPEAT = 1000


def _rotation(gate: str) -> Expand:
    def expand(wires: Sequence[int], settings: Settings) -> Expansion:
        for position, wire in enumerate(wires):
            yield Operation(gate, (wire,), Weight(_own(settings, position)))

    return expand


def _own(settings: Settings, position: int) -> int:
    """The place of a weight: the first one's where all wires share it."""
    return 0 if settings["same_wires"] else position


def _rot(wires: Sequence[int], settings: Settings) -> Expansion:
    """PennyLane's Rot(φ, θ, ω) = RZ(ω) RY(θ) RZ(φ), weights (φ, θ, ω) wire by wire."""
    for turn, gate in enumerate(("RZ", "RY", "RZ")):
        for position, wire in enumerate(wires):
            yield Operation(gate, (wire,), Weight(3 * _own(settings, position) + turn))


def _u3(wires: Sequence[int], settings: Settings) -> Expansion:
    """U3(θ, φ, δ) = RZ(φ) RY(θ) RZ(δ) up to a global phase; weights (θ, φ, δ)."""
    names = ("theta", "phi", "delta")
    for gate, place in (("RZ", 2), ("RY", 0), ("RZ", 1)):
        fixed = Fixed(settings.number(names[place]))
        yield Operation(gate, tuple(wires), Weight(place) if settings["trainable"] else fixed)


PAIRS = {"brick": brick, "chain": chain, "ring": ring, "all": all_to_all}


def _turning_pairs(wires: Sequence[int], settings: Settings) -> Expansion:
    """A two-wire rotation by a weight of its own on every pair."""
    for position, pair in enumerate(PAIRS[settings.text("pairs")](wires)):
        yield Operation(settings.text("gate"), pair, Weight(position))


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
    pattern = Field(
        "pairs", "Pairs", "choice", "chain", choices=tuple(PAIRS),
        hint="Neighbours as bricks, as a chain, as a ring, or every pair",
    )  # fmt: skip
    for kind, label, gates, hint in (
        ("controlled_layer", "Controlled rotations", ("CRX", "CRY", "CRZ"), "CRX, CRY or CRZ"),
        ("ising_layer", "Ising rotations", ("RXX", "RYY", "RZZ"), "RXX, RYY or RZZ"),
    ):
        yield BlockKind(
            kind, label, Group.ENTANGLING, f"{hint} by a trainable angle on pairs of wires",
            _turning_pairs,
            (Field("gate", "Gate", "choice", gates[0], choices=gates), pattern, *WEIGHTS),
            min_wires=2,
        )  # fmt: skip


def _rotation_rows() -> Iterator[BlockKind]:
    for gate in ("RY", "RX", "RZ"):
        yield BlockKind(
            f"{gate.lower()}_layer", f"{gate} layer", Group.ROTATION,
            f"A trainable {gate} on every wire", _rotation(gate), (SAME_WIRES, *WEIGHTS),
        )  # fmt: skip
    yield BlockKind(
        "rot_layer", "Rot layer", Group.ROTATION,
        "Three trainable angles on every wire: RZ, RY, RZ", _rot, (SAME_WIRES, *WEIGHTS),
    )  # fmt: skip


def _gate_rows() -> Iterator[BlockKind]:
    for name, gate in GATES.items():
        if not gate.wires:
            continue  # a state preparation is no gate to place
        expand = _single_rotation(name) if gate.angle else _single(name)
        yield BlockKind(
            name.lower(), LABELS.get(name, name), Group.GATE,
            f"{LABELS.get(name, name)}: {gate.note}", expand,
            _turn("angle") if gate.angle else (), wires=gate.wires, min_wires=gate.wires,
        )  # fmt: skip
    yield BlockKind(
        "u3", "U3", Group.GATE, "U3: any turn of one wire, by three angles", _u3,
        _turn("theta", "phi", "delta"), wires=1,
    )  # fmt: skip


LABELS = {"TOFFOLI": "Toffoli"}


def _turn(*names: str) -> tuple[Field, ...]:
    """The fields of a gate that turns by weights, or by fixed angles of these names."""
    fixed = (
        Field(
            name, f"{name.capitalize()} (rad)", "float", 0.0, -1000.0, 1000.0,
            hint="The angle when not trainable", when=("trainable", False),
        )
        for name in names
    )  # fmt: skip
    rest = (replace(field, when=("trainable", True)) for field in WEIGHTS if field != TRAINABLE)
    return (replace(TRAINABLE, hint="Off: a fixed angle"), *fixed, *rest)


BLOCKS: dict[str, BlockKind] = {
    row.kind: row
    for row in (
        *EMBEDDINGS,
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
