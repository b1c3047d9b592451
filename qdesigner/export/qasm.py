"""A circuit as OpenQASM 2, wire k as ``q[k]``. Language: arXiv 1707.03429."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Amplitudes, Operation, angle_value

MAX_PREPARED = 12  # wires whose amplitudes are prepared: twice 2**wires lines

Line = tuple[str, float | None, tuple[int, ...]]  # gate, angle, wires


def qasm(
    circuit: Circuit,
    angles: Sequence[float] | None = None,
    weights: Sequence[float] | None = None,
) -> str:
    """The circuit as text with its angles put in.

    ``angles`` holds the features of one sample and ``weights`` the flat weight vector, both in
    radians; left out they count as zeros, and a comment says so. Only gates of qelib1.inc are
    used, so some of ours become a few. Raises ValueError when a length is wrong, a number is not
    finite, or an amplitude embedding has too many wires.
    """
    expanded = expand(circuit)
    lines = ["OPENQASM 2.0;", 'include "qelib1.inc";']
    inputs = _values("angles", angles, expanded.inputs, lines)
    trained = _values("weights", weights, len(expanded.weight_keys), lines)
    lines.append(f"qreg q[{circuit.wires}];")
    for operation in expanded.operations:
        for name, angle, wires in _gates(operation, inputs, trained):
            turned = name if angle is None else f"{name}({_real(angle)})"
            lines.append(f"{turned} {','.join(f'q[{wire}]' for wire in wires)};")
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


def _gates(
    operation: Operation, inputs: Sequence[float], weights: Sequence[float]
) -> Iterator[Line]:
    """The operation in gates of qelib1.inc, up to a global phase."""
    wires = operation.wires
    if isinstance(operation.angle, Amplitudes):
        yield from _preparation(operation.angle, wires, inputs)
        return
    name = GATES[operation.gate].qasm
    angle = None if operation.angle is None else angle_value(operation.angle, inputs, weights)
    if angle is None:
        yield from _plain(name, wires)
    elif name in ("rxx", "ryy", "rzz"):
        yield from _pair(name, angle, wires)
    elif name == "crx":
        yield "h", None, wires[1:]
        yield "crz", angle, wires
        yield "h", None, wires[1:]
    elif name == "cry":
        yield from _chosen_turn([0.0, angle], wires[:1], wires[1])
    else:
        yield name, angle, wires


def _plain(name: str, wires: tuple[int, ...]) -> Iterator[Line]:
    if name == "swap":
        for pair in (wires, wires[::-1], wires):
            yield "cx", None, pair
    else:
        yield name, None, wires


def _pair(name: str, angle: float, wires: tuple[int, ...]) -> Iterator[Line]:
    """A turn about X ⊗ X, Y ⊗ Y or Z ⊗ Z: the last, between changes of basis."""
    for wire in wires:
        if name == "rxx":
            yield "h", None, (wire,)
        elif name == "ryy":
            yield "rx", math.pi / 2, (wire,)
    yield "cx", None, wires
    yield "rz", angle, wires[1:]
    yield "cx", None, wires
    for wire in wires:
        if name == "rxx":
            yield "h", None, (wire,)
        elif name == "ryy":
            yield "rx", -math.pi / 2, (wire,)


def _real(value: float) -> str:
    """A number as OpenQASM 2 writes it: with a point, also before an exponent."""
    if not math.isfinite(value):
        raise ValueError(f"an angle must be finite, not {value}")
    mantissa, mark, exponent = repr(float(value)).partition("e")
    return (mantissa if "." in mantissa else f"{mantissa}.0") + mark + exponent


# ---- amplitudes ----------------------------------------------------------------------------------


def _preparation(
    angle: Amplitudes, wires: tuple[int, ...], inputs: Sequence[float]
) -> Iterator[Line]:
    """RY on wire after wire, by an angle for each state of the wires before it (Möttönen et al.,
    arXiv quant-ph/0407010)."""
    if len(wires) > MAX_PREPARED:
        raise ValueError(
            f"an amplitude embedding is written for at most {MAX_PREPARED} wires, "
            f"not {len(wires)}: it would be {2 << len(wires):,} lines"
        )
    size = 1 << len(wires)
    amplitudes = [float(x) for x in inputs[angle.first : angle.first + angle.count]]
    amplitudes += [angle.pad] * (size - len(amplitudes))
    if not all(map(math.isfinite, amplitudes)):
        raise ValueError("an amplitude must be finite")
    if not any(amplitudes):
        return
    turns = []
    while len(amplitudes) > 1:
        pairs = list(zip(amplitudes[::2], amplitudes[1::2], strict=True))
        turns.append([2 * math.atan2(one, zero) for zero, one in pairs])
        amplitudes = [math.hypot(*pair) for pair in pairs]
    for place, of_states in enumerate(reversed(turns)):
        yield from _chosen_turn(of_states, wires[:place], wires[place])


def _chosen_turn(turns: list[float], controls: tuple[int, ...], target: int) -> Iterator[Line]:
    """RY on the target by the angle that belongs to the state of the controls."""
    if not controls:
        yield "ry", turns[0], (target,)
        return
    half = len(turns) // 2
    both = list(zip(turns[:half], turns[half:], strict=True))
    yield from _chosen_turn([(zero + one) / 2 for zero, one in both], controls[1:], target)
    yield "cx", None, (controls[0], target)
    yield from _chosen_turn([(zero - one) / 2 for zero, one in both], controls[1:], target)
    yield "cx", None, (controls[0], target)
