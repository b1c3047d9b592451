"""What is written on a circuit: in a gate's box, above a block, in a tip."""

from __future__ import annotations

import math

from qdesigner.circuit.circuit import Block
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import (
    Amplitudes,
    Angle,
    Bit,
    Fixed,
    Input,
    Operation,
    Product,
    Weight,
)

LONGEST = 9  # characters of an angle in its box
LABELS = {"TOFFOLI": "Toffoli", "AMPLITUDE": "|x⟩"}

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def text(operation: Operation, first_weight: int = 0) -> str:
    """The operation in full: RY x₀, CRX θ₀, H, RX 0.5, RZZ 2·(x₀-π)·(x₁-π)."""
    name = LABELS.get(operation.gate, operation.gate)
    match operation.angle:
        case None | Amplitudes():
            return name
        case Bit(index, threshold):
            return f"X where x{_sub(index)} > {threshold:g}"
        case angle:
            return f"{name} {angle_text(angle, first_weight)}"


def lines(operation: Operation, first_weight: int = 0) -> tuple[str, ...]:
    """What stands in its box, shortened; a rotation of two wires has its angle below its name.

    The box of a controlled rotation stands on its target and names the rotation alone.
    """
    gate = GATES[operation.gate]
    match operation.angle:
        case None | Amplitudes():
            return (text(operation),)
        case Bit(index, threshold):
            return (f"X x{_sub(index)}>{threshold:.3g}",)
        case angle:
            shown = _short(angle, first_weight)
            if gate.wires == 2 and not gate.controls:
                return operation.gate, shown
            return (f"{operation.gate[gate.controls :]} {shown}",)


def angle_text(angle: Angle, first_weight: int = 0) -> str:
    """An angle's formula, its weights counted from ``first_weight``."""
    match angle:
        case Input(index):
            return f"x{_sub(index)}"
        case Weight(index):
            return f"θ{_sub(first_weight + index)}"
        case Fixed(value):
            return f"{value:.3g}"
        case Bit(index, threshold):
            return f"π where x{_sub(index)} > {threshold:g}"
        case Amplitudes(first, count):
            return f"x{_sub(first)}…x{_sub(first + count - 1)}"
        case Product(scale, inputs, weight, shift):
            factors = [f"{scale:.3g}"] if scale != 1 else []
            factors += [f"θ{_sub(first_weight + weight)}"] if weight is not None else []
            if shift:
                sign = "+" if shift > 0 else "-"
                number = "π" if abs(abs(shift) - math.pi) < 1e-12 else f"{abs(shift):.3g}"
                factors += [f"(x{_sub(i)}{sign}{number})" for i in inputs]
            else:
                factors += [f"x{_sub(i)}" for i in inputs]
            return "·".join(factors)


def _short(angle: Angle, first_weight: int) -> str:
    """The formula, or only what it depends on where that is too long for a box: φ(x₀,x₁)."""
    full = angle_text(angle, first_weight)
    if len(full) <= LONGEST or not isinstance(angle, Product):
        return full
    named = [f"x{_sub(index)}" for index in angle.inputs]
    if angle.weight is not None:
        named.insert(0, f"θ{_sub(first_weight + angle.weight)}")
    return f"φ({','.join(named)})"


def _sub(index: int) -> str:
    return str(index).translate(_SUBSCRIPTS)


def title(block: Block) -> str:
    """What stands above a block's frame: its label, without what is in brackets."""
    return block.row.label.split(" (")[0]
