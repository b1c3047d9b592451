"""Template rows: the ansätze that papers and libraries know by name.

Each follows its library to the letter and the tests hold it against that library: PennyLane's
BasicEntanglerLayers, StronglyEntanglingLayers (Schuld et al., arXiv 1804.00633) and
SimplifiedTwoDesign (Cerezo et al., arXiv 2001.00550); Qiskit's real_amplitudes and efficient_su2
(Kandala et al., arXiv 1704.05018).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from qdesigner.circuit.fields import Field, Settings
from qdesigner.circuit.kinds import (
    WEIGHTS,
    BlockKind,
    Expansion,
    Group,
    Operation,
    Weight,
    all_to_all,
    brick,
    chain,
    ring,
)

MAX_LAYERS = 200

LAYERS = Field("layers", "Layers", "int", 2, 1, MAX_LAYERS)
RANGE = Field(
    "range", "Range", "int", 0, 0, 64,
    hint="How far each CNOT reaches; 0: one wire further in every layer",
)  # fmt: skip
REPS = Field(
    "reps", "Repetitions", "int", 3, 0, MAX_LAYERS,
    hint="Entangling layers; one more layer of rotations ends the block",
)  # fmt: skip
ENTANGLEMENT = Field(
    "entanglement", "Entanglement", "choice", "reverse_linear",
    choices=("reverse_linear", "linear", "circular", "full"), hint="Pairs as Qiskit names them",
)  # fmt: skip


def _turns(gate: str, wires: Sequence[int], weights: Iterator[int]) -> Expansion:
    """``gate`` on every wire, each by the next weight."""
    for wire in wires:
        yield Operation(gate, (wire,), Weight(next(weights)))


def _cnots(pairs: Iterator[tuple[int, int]]) -> Expansion:
    for pair in pairs:
        yield Operation("CNOT", pair)


def _basic_entangler(wires: Sequence[int], settings: Settings) -> Expansion:
    """Layers of one rotation a wire and a ring of CNOTs."""
    weights = count()
    for _ in range(settings.integer("layers")):
        yield from _turns("R" + settings.text("axis"), wires, weights)
        yield from _cnots(ring(wires))


def _strongly_entangling(wires: Sequence[int], settings: Settings) -> Expansion:
    """Layers of Rot on every wire, then CNOTs from each wire to the one ``range`` further on;
    range 0 is PennyLane's own: it grows by one a layer and starts over at the number of wires."""
    size = len(wires)
    for layer in range(settings.integer("layers")):
        first = 3 * size * layer
        for turn, gate in enumerate(("RZ", "RY", "RZ")):
            for position, wire in enumerate(wires):
                yield Operation(gate, (wire,), Weight(first + 3 * position + turn))
        if size > 1:
            reach = ((settings.integer("range") or layer + 1) - 1) % (size - 1) + 1
            for position, wire in enumerate(wires):
                yield Operation("CNOT", (wire, wires[(position + reach) % size]))


def _two_design(wires: Sequence[int], settings: Settings) -> Expansion:
    """RY on every wire, then layers of CZ and two RY on even pairs, then on odd pairs."""
    weights = count()
    yield from _turns("RY", wires, weights)
    for _ in range(settings.integer("layers")):
        for pair in brick(wires):
            yield Operation("CZ", pair)
            yield from _turns("RY", pair, weights)


def _reverse(wires: Sequence[int]) -> Iterator[tuple[int, int]]:
    yield from reversed(list(chain(wires)))


def _circular(wires: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Qiskit's: the pair from the last wire to the first comes before the chain."""
    if len(wires) > 2:
        yield wires[-1], wires[0]
    yield from chain(wires)


_PAIRS: dict[str, Callable[[Sequence[int]], Iterator[tuple[int, int]]]] = {
    "reverse_linear": _reverse,
    "linear": chain,
    "circular": _circular,
    "full": all_to_all,
}


def _qiskit(*gates: str) -> Callable[[Sequence[int], Settings], Expansion]:
    """Rotation layers of ``gates`` with CNOTs between them, a last rotation layer at the end."""

    def expand(wires: Sequence[int], settings: Settings) -> Expansion:
        weights = count()
        for repetition in range(settings.integer("reps") + 1):
            if repetition:
                yield from _cnots(_PAIRS[settings.text("entanglement")](wires))
            for gate in gates:
                yield from _turns(gate, wires, weights)

    return expand


def _random_layers(wires: Sequence[int], settings: Settings) -> Expansion:
    """Rotations about random axes on random wires, and now and then a CNOT on a random pair.

    The draw is Python's own ``random.Random(seed)``: the same on every machine, but not the same
    as PennyLane's RandomLayers, which draws from NumPy.
    """
    draw = random.Random(settings.integer("seed"))
    total = settings.integer("layers") * len(wires)
    placed = 0
    while placed < total:
        if len(wires) > 1 and draw.random() < settings.number("cnots"):
            control, target = draw.sample(list(wires), 2)
            yield Operation("CNOT", (control, target))
        else:
            gate = draw.choice(("RX", "RY", "RZ"))
            yield Operation(gate, (draw.choice(list(wires)),), Weight(placed))
            placed += 1


TEMPLATES: tuple[BlockKind, ...] = (
    BlockKind(
        "basic_entangler", "Basic entangler", Group.TEMPLATE,
        "Layers of one rotation a wire and a ring of CNOTs (PennyLane BasicEntanglerLayers)",
        _basic_entangler,
        (LAYERS, Field("axis", "Axis", "choice", "X", choices=("X", "Y", "Z")), *WEIGHTS),
    ),
    BlockKind(
        "strongly_entangling", "Strongly entangling", Group.TEMPLATE,
        "Layers of Rot on every wire and CNOTs of growing range (arXiv 1804.00633)",
        _strongly_entangling, (LAYERS, RANGE, *WEIGHTS),
    ),
    BlockKind(
        "two_design", "Simplified two-design", Group.TEMPLATE,
        "RY on every wire, then layers of CZ and RY on neighbouring pairs (arXiv 2001.00550)",
        _two_design, (LAYERS, *WEIGHTS),
    ),
    BlockKind(
        "real_amplitudes", "RealAmplitudes", Group.TEMPLATE,
        "RY layers with CNOTs between them, as Qiskit names it", _qiskit("RY"),
        (REPS, ENTANGLEMENT, *WEIGHTS),
    ),
    BlockKind(
        "efficient_su2", "EfficientSU2", Group.TEMPLATE,
        "RY and RZ layers with CNOTs between them, as Qiskit names it", _qiskit("RY", "RZ"),
        (REPS, ENTANGLEMENT, *WEIGHTS),
    ),
    BlockKind(
        "random_layers", "Random layers", Group.TEMPLATE,
        "Random rotations on random wires with CNOTs between them, drawn from a seed",
        _random_layers,
        (
            LAYERS,
            Field("cnots", "Share of CNOTs", "float", 0.3, 0.0, 0.95),
            Field("seed", "Seed", "int", 0, 0, 2**31 - 1),
            *WEIGHTS,
        ),
    ),
)  # fmt: skip
