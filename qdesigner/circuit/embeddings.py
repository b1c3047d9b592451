"""Embedding rows: features of a sample as angles, bits or amplitudes.

The feature maps follow their libraries: PennyLane's AngleEmbedding, BasisEmbedding,
AmplitudeEmbedding and IQPEmbedding, and Qiskit's zz_feature_map (Havlíček et al.,
arXiv 1804.11326).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from qdesigner.circuit.fields import Field, Settings
from qdesigner.circuit.kinds import (
    EMBEDDING,
    FIRST,
    Amplitudes,
    Bit,
    BlockKind,
    Expansion,
    Group,
    Input,
    Operation,
    Product,
    all_to_all,
    chain,
    embedded,
    ring,
    scaling,
)

AMPLITUDE = "amplitude_embedding"
_PAIRS = {"full": all_to_all, "linear": chain, "circular": ring}
_ENTANGLEMENT = Field(
    "entanglement", "Entanglement", "choice", "full", choices=tuple(_PAIRS),
    hint="Which pairs of features meet in a product",
)  # fmt: skip


def _turned(gate: str, wires: Sequence[int], settings: Settings) -> Expansion:
    """``gate`` on every wire, each by a feature."""
    for position, wire in enumerate(wires):
        yield Operation(gate, (wire,), embedded(settings, position, position))


def _hadamard_ry(wires: Sequence[int], settings: Settings) -> Expansion:
    for wire in wires:
        yield Operation("H", (wire,))
    yield from _turned("RY", wires, settings)


def _angle(wires: Sequence[int], settings: Settings) -> Expansion:
    return _turned("R" + settings.text("axis"), wires, settings)


def _basis(wires: Sequence[int], settings: Settings) -> Expansion:
    """RX by π, which is X up to a global phase, where a feature lies above the threshold."""
    first, threshold = settings.integer("first"), settings.number("threshold")
    for position, wire in enumerate(wires):
        yield Operation("RX", (wire,), Bit(first + position, threshold))


def _amplitude(wires: Sequence[int], settings: Settings) -> Expansion:
    room = 1 << len(wires)
    count = min(settings.integer("features") or room, room)
    angle = Amplitudes(settings.integer("first"), count, settings.number("pad"))
    yield Operation("AMPLITUDE", tuple(wires), angle)


def _iqp(wires: Sequence[int], settings: Settings) -> Expansion:
    """H, RZ by each feature, RZZ by the product of each two; a few times over."""
    for _ in range(settings.integer("reps")):
        yield from _diagonal(wires, settings, scale=1.0, shift=0.0)


def _zz(wires: Sequence[int], settings: Settings) -> Expansion:
    """H, RZ by 2x, RZZ by 2(π - x)(π - y); a few times over."""
    for _ in range(settings.integer("reps")):
        yield from _diagonal(wires, settings, scale=2.0, shift=-math.pi)


def _diagonal(wires: Sequence[int], settings: Settings, scale: float, shift: float) -> Expansion:
    first = settings.integer("first")
    feature = {wire: first + position for position, wire in enumerate(wires)}
    for wire in wires:
        yield Operation("H", (wire,))
    for wire in wires:
        turn = Input(feature[wire]) if scale == 1.0 else Product(scale, (feature[wire],))
        yield Operation("RZ", (wire,), turn)
    for pair in _PAIRS[settings.text("entanglement")](wires):
        both = (feature[pair[0]], feature[pair[1]])
        yield Operation("RZZ", pair, Product(scale, both, shift=shift))


EMBEDDINGS: tuple[BlockKind, ...] = (
    BlockKind(
        "h_ry_embedding", "H + RY embedding", Group.EMBEDDING,
        "H, then RY by one feature, on every wire (Mari et al., arXiv 1912.08278)",
        _hadamard_ry, EMBEDDING, start=scaling,
    ),
    BlockKind(
        "angle_embedding", "Angle (RX · RY · RZ)", Group.EMBEDDING,
        "One rotation by one feature on every wire", _angle,
        (Field("axis", "Axis", "choice", "X", choices=("X", "Y", "Z")), *EMBEDDING),
        start=scaling,
    ),
    BlockKind(
        AMPLITUDE, "Amplitude embedding", Group.EMBEDDING,
        "Up to 2ⁿ features as the amplitudes of n wires, divided by their norm; only at the start",
        _amplitude,
        (
            Field("features", "Features", "int", 0, 0, 1 << 24, hint="0: as many as there is room"),
            Field("pad", "Padding", "float", 0.0, -1000.0, 1000.0,
                  hint="Stands for features that are missing to a power of two"),
            FIRST,
        ),
    ),
    BlockKind(
        "basis_embedding", "Basis embedding", Group.EMBEDDING,
        "Each wire is flipped where its feature lies above the threshold; no gradient passes",
        _basis,
        (Field("threshold", "Threshold", "float", 0.0, -1000.0, 1000.0), FIRST),
    ),
    BlockKind(
        "iqp_embedding", "IQP embedding", Group.EMBEDDING,
        "H, RZ by each feature and RZZ by each product of two (PennyLane IQPEmbedding)", _iqp,
        (Field("reps", "Repetitions", "int", 1, 1, 50), _ENTANGLEMENT, FIRST),
    ),
    BlockKind(
        "zz_feature_map", "ZZ feature map", Group.EMBEDDING,
        "H, RZ by 2x and RZZ by 2(π - x)(π - y), as Qiskit has it (arXiv 1804.11326)", _zz,
        (Field("reps", "Repetitions", "int", 2, 1, 50), _ENTANGLEMENT, FIRST),
    ),
)  # fmt: skip
