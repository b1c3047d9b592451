"""Primitive operations as PennyLane statements: one line, or the loop a person would write.

Gates of one kind that follow one another on different wires become a loop, and neighbouring loops
over the same wires become one. Gates on different wires commute, so the circuit stays the same (a
test holds it against the expansion).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Angle, Fixed, Input, Operation, Weight
from qdesigner.export.source import indented, packed, width

Terms = tuple[tuple[int, str], ...]  # summands of an index: (factor, loop variable)


@dataclass(frozen=True, slots=True)
class Place:
    """Where statements stand: the index of the first weight there, and the room for a line."""

    terms: Terms
    first: int
    room: int

    def after(self, weights: int) -> Place:
        """Behind statements that use so many weights."""
        return Place(self.terms, self.first + weights, self.room)

    def inside(self, *term: tuple[int, str]) -> Place:
        """Within a loop, whose passes move the first weight by ``term`` if one is given."""
        return Place((*self.terms, *term), self.first, self.room - 4)

    def index(self, term: tuple[int, str], offset: int) -> list[str]:
        """The summands of an index, e.g. ``["4 * layer", "+ wire", "- 2"]``."""
        summands = [
            name if factor == 1 else f"{factor} * {name}"
            for factor, name in (*self.terms, term)
            if factor
        ]
        summands = [*summands[:1], *(f"+ {summand}" for summand in summands[1:])]
        if not summands:
            return [str(offset)]
        return [*summands, f"{'+' if offset > 0 else '-'} {abs(offset)}"] if offset else summands


@dataclass(frozen=True, slots=True)
class _Run:
    """One gate on several different wires, with the angle of each."""

    gate: str
    wires: tuple[int, ...]
    angles: tuple[Angle | None, ...]

    @property
    def slope(self) -> int:
        """How far the angle's index moves from one wire to the next."""
        return _step(self.angles[0], self.angles[1]) if len(self.wires) > 1 else 0

    def takes(self, operation: Operation) -> bool:
        """Whether the operation may stand at its end."""
        return (
            operation.gate == self.gate
            and len(operation.wires) == 1
            and operation.wires[0] not in self.wires
            and type(operation.angle) is type(self.angles[0])
            and not (isinstance(operation.angle, Fixed) and operation.angle != self.angles[0])
            and (len(self.wires) == 1 or _step(self.angles[-1], operation.angle) == self.slope)
        )

    def plus(self, operation: Operation) -> _Run:
        """The run with the operation at its end."""
        return _Run(self.gate, (*self.wires, operation.wires[0]), (*self.angles, operation.angle))


def _step(before: Angle | None, after: Angle | None) -> int:
    return _offset(after) - _offset(before)


def _offset(angle: Angle | None) -> int:
    return angle.index if isinstance(angle, Input | Weight) else 0


def _runs(operations: Sequence[Operation]) -> list[_Run | list[Operation]]:
    """The operations grouped: one-wire gates as runs, others as lists of one gate."""
    groups: list[_Run | list[Operation]] = []
    for operation in operations:
        last = groups[-1] if groups else None
        if len(operation.wires) > 1:
            if isinstance(last, list) and last[0].gate == operation.gate:
                last.append(operation)
            else:
                groups.append([operation])
        elif isinstance(last, _Run) and last.takes(operation):
            groups[-1] = last.plus(operation)
        else:
            groups.append(_Run(operation.gate, operation.wires, (operation.angle,)))
    return groups


def statements(operations: Sequence[Operation], place: Place) -> list[str]:
    """The statements that apply one block's ``operations``, weights counted from 0 within it."""
    lines: list[str] = []
    together: list[_Run] = []
    for group in _runs(operations):
        if isinstance(group, _Run) and together and together[0].wires == group.wires:
            together.append(group)
            continue
        lines += _wire_loop(together, place)
        together = [group] if isinstance(group, _Run) else []
        if isinstance(group, list):
            lines += _pair_loops(group, place)
    return lines + _wire_loop(together, place)


def _wire_loop(runs: Sequence[_Run], place: Place) -> list[str]:
    """Runs over the same wires as one loop; the index of an angle counts wires or places."""
    if not runs:
        return []
    wires = runs[0].wires
    if len(wires) == 1:
        return [line for run in runs for line in _call(run, str(wires[0]), (0, ""), 0, place)]
    step = _even_step(wires)
    by_wire = step > 0 and all(run.slope % step == 0 for run in runs)
    inner = []
    for run in runs:
        slope = run.slope // step if by_wire else run.slope
        term = (slope, "wire" if by_wire else "place")
        inner += _call(run, "wire", term, -slope * wires[0] if by_wire else 0, place.inside())
    items = f"range({_range(wires, step)})" if step > 0 else [str(wire) for wire in wires]
    if by_wire or not any(run.slope for run in runs):
        header = _for("wire", "", items, place.room)
    else:
        header = _for("place, wire", "enumerate", items, place.room)
    return [*header, *indented(inner)]


def _even_step(wires: Sequence[int]) -> int:
    """The distance between neighbours if it is the same everywhere and upwards, else 0."""
    steps = {after - before for before, after in pairwise(wires)}
    step = steps.pop() if len(steps) == 1 else 0
    return max(step, 0)


def _range(wires: Sequence[int], step: int) -> str:
    """The arguments of ``range`` for evenly spaced wires."""
    if step > 1:
        return f"{wires[0]}, {wires[-1] + 1}, {step}"
    return f"{wires[0]}, {wires[-1] + 1}" if wires[0] else str(wires[-1] + 1)


def _for(variable: str, function: str, items: str | Sequence[str], room: int) -> list[str]:
    """``for variable in function(items):``, the items broken over lines when they are many."""
    start, end = (
        (f"for {variable} in {function}(", "):") if function else (f"for {variable} in ", ":")
    )
    flat = items if isinstance(items, str) else f"[{', '.join(items)}]"
    if isinstance(items, str) or width(start + flat + end) <= room:
        return [start + flat + end]
    return [f"{start}[", *indented(packed(items, room - 4)), f"]{end}"]


def _call(run: _Run, wire: str, term: tuple[int, str], shift: int, place: Place) -> list[str]:
    """The call that applies the run's gate to the wire named ``wire``."""
    name = f"qml.{GATES[run.gate].pennylane}"
    angle = run.angles[0]
    if angle is None:
        return [f"{name}(wires={wire})"]
    if isinstance(angle, Fixed):
        return [f"{name}({angle.value!r}, wires={wire})"]
    if isinstance(angle, Weight):
        array, index = "weights[", place.index(term, place.first + angle.index + shift)
    elif isinstance(angle, Input):
        array, index = "inputs[:, ", Place((), 0, 0).index(term, angle.index + shift)
    else:
        raise NotImplementedError("only plain angles are written yet")
    flat = f"{name}({array}{' '.join(index)}], wires={wire})"
    if width(flat) <= place.room:
        return [flat]
    return [
        f"{name}(",
        f"    {array}",
        *indented(index, 2),
        "    ],",
        f"    wires={wire},",
        ")",
    ]


def _pair_loops(operations: Sequence[Operation], place: Place) -> list[str]:
    """A two-wire gate over pairs of wires: all pairs, evenly moving ones, or a list of them."""
    name = f"qml.{GATES[operations[0].gate].pennylane}"
    pairs = [(operation.wires[0], operation.wires[1]) for operation in operations]
    every = list(dict.fromkeys(wire for pair in pairs for wire in pair))
    if len(every) > 2 and pairs == list(combinations(every, 2)):
        step = _even_step(every)
        of = f"range({_range(every, step)})" if step > 0 else str(every)
        start = f"for first, second in combinations({of}, 2):"
        return [start, f"    {name}(wires=[first, second])"]
    moving = _moving(pairs)
    if len(pairs) > 2 and 2 * len(moving) > len(pairs):
        header = _for("first, second", "", [str(pair) for pair in pairs], place.room)
        return [*header, f"    {name}(wires=[first, second])"]
    lines = []
    for part in moving:
        if len(part) == 1:
            lines.append(f"{name}(wires={list(part[0])})")
            continue
        firsts = [first for first, _ in part]
        apart = part[0][1] - part[0][0]
        other = f"wire {'+' if apart > 0 else '-'} {abs(apart)}"
        lines.append(f"for wire in range({_range(firsts, _even_step(firsts))}):")
        lines.append(f"    {name}(wires=[wire, {other}])")
    return lines


def _moving(pairs: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The pairs cut into stretches in which both wires move up together by the same step."""
    parts: list[list[tuple[int, int]]] = []
    for pair in pairs:
        part = parts[-1] if parts else []
        if part:
            step = pair[0] - part[-1][0]
            same = step > 0 and pair[1] - part[-1][1] == step
            if same and (len(part) == 1 or part[1][0] - part[0][0] == step):
                part.append(pair)
                continue
        parts.append([pair])
    return parts
