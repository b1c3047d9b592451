"""Source text of a circuit's first weights, drawn as the program draws them: mean + spread · draw,
where all weights draw N(0, 1) first and then, if any begins uniform, all U(-1, 1).
"""

from __future__ import annotations

from collections.abc import Sequence

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.export.readouts import in_words
from qdesigner.export.source import LINE, bracketed, indented, width

_ROOM = LINE - 8


def all_trained(circuit: Circuit) -> bool:
    """Whether every weight is trained."""
    return all(expand(circuit).trainable)


def title(circuit: Circuit) -> str:
    """What the circuit's module is: its weights, what comes in and what comes out."""
    count, inputs = len(expand(circuit).weight_keys), expand(circuit).inputs
    held = "1 weight" if count == 1 else f"{count} weights"
    return f"{held}: angles [batch, {inputs}] -> {in_words(circuit)}."


def first_weights(circuit: Circuit) -> list[str]:
    """Lines that set ``self.weights``, and ``self.fixed`` to those that are not trained."""
    expanded = expand(circuit)
    count = len(expanded.weight_keys)
    if not count:
        return ["self.weights = nn.Parameter(torch.zeros(0))"]
    uniform = [start.distribution == "uniform" for start in expanded.starts]
    lines, draw = _draw(uniform, count)
    spreads, spread = _numbers("spreads", [start.spread for start in expanded.starts])
    means, mean = _numbers("means", [start.mean for start in expanded.starts])
    lines += spreads + means
    value = f"{spread} * {draw}" if mean == "0.0" else f"{mean} + {spread} * {draw}"
    if all_trained(circuit):
        return [*lines, *bracketed("self.weights = nn.Parameter(", [value], ")", _ROOM)]
    return [
        *lines,
        *_assigned("weights", value),
        *_tensor("self.trained", expanded.trainable),
        "self.weights = nn.Parameter(weights[self.trained])",
        'self.register_buffer("fixed", weights[~self.trained])',
    ]


def _assigned(name: str, value: str) -> list[str]:
    flat = f"{name} = {value}"
    return [flat] if width(flat) <= _ROOM else [f"{name} = (", f"    {value}", ")"]


def whole_weights(circuit: Circuit) -> list[str]:
    """Lines that put trained and fixed weights in their places, as ``weights``."""
    return [
        f"weights = torch.zeros({len(expand(circuit).weight_keys)}, dtype=torch.float64)",
        "weights[self.trained] = self.weights.double()",
        "weights[~self.trained] = self.fixed.double()",
    ]


def _draw(uniform: Sequence[bool], count: int) -> tuple[list[str], str]:
    """Lines before, and the text of what is drawn."""
    if not any(uniform):
        return [], f"torch.randn({count})"
    if all(uniform):
        return [f"torch.randn({count})  # so that SEED gives the same weights as the program"], (
            f"(2 * torch.rand({count}) - 1)"
        )
    return [
        f"normal, uniform = torch.randn({count}), 2 * torch.rand({count}) - 1",
        *_tensor("is_uniform", uniform),
    ], "torch.where(is_uniform, uniform, normal)"


def _numbers(name: str, values: Sequence[float]) -> tuple[list[str], str]:
    """A number that all weights share as it is, else a tensor of this name."""
    if len(set(values)) == 1:
        return [], repr(values[0])
    return _tensor(name, values), name


def _tensor(name: str, values: Sequence[float] | Sequence[bool]) -> list[str]:
    """``name = torch.tensor([0.1] * 4 + [0.2] * 8)``, over several lines if it is long."""
    parts = _summands([repr(value) for value in values])
    flat = f"{name} = torch.tensor({' + '.join(parts)})"
    if width(flat) <= _ROOM:
        return [flat]
    inner = [" + ".join(parts)]
    if width(inner[0]) > _ROOM - 4:
        inner = [parts[0], *(f"+ {part}" for part in parts[1:])]
    return [f"{name} = torch.tensor(", *indented(inner), ")"]


Run = tuple[str, int]  # the text of a value, and how often it follows itself


def _summands(values: Sequence[str]) -> list[str]:
    """Lists whose sum holds the values, what repeats itself written once."""
    runs: list[Run] = []
    for value in values:
        before = runs.pop() if runs and runs[-1][0] == value else (value, 0)
        runs.append((value, before[1] + 1))
    parts = []
    at = 0
    while at < len(runs):
        period, times = _repeated(runs, at)
        inside = " + ".join(_times(f"[{value}]", count) for value, count in runs[at : at + period])
        parts.append(_times(f"({inside})" if period > 1 else inside, times))
        at += period * times
    return parts


def _repeated(runs: Sequence[Run], start: int) -> tuple[int, int]:
    """How many runs from ``start`` on come again, and how often they come: the shortest such."""
    for period in range(2, min(32, (len(runs) - start) // 2) + 1):
        times = 1
        pattern = runs[start : start + period]
        while runs[start + times * period : start + (times + 1) * period] == pattern:
            times += 1
        if times > 1:
            return period, times
    return 1, 1


def _times(text: str, count: int) -> str:
    return text if count == 1 else f"{text} * {count}"
