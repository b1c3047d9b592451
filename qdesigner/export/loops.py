"""Primitive operations as statements: one line each, or the loops a person would write.

Gates of one kind that follow one another on different wires become a loop, neighbouring loops over
the same wires become one, and what a block does several times over becomes a loop around it. Gates
on different wires commute, so the circuit stays the same (a test holds it against the expansion).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import NamedTuple

from qdesigner.export.formulas import Dialect, Step
from qdesigner.export.passes import Passes, passes
from qdesigner.export.source import indented, packed, width

Term = tuple[int, str]
Values = Mapping[str, Sequence[int]]  # what each loop variable takes, pass by pass


@dataclass(frozen=True, slots=True)
class Place:
    """Where statements stand: the library they are for, the room for a line, and how many loops
    over layers are around them."""

    dialect: Dialect
    room: int
    depth: int = 0

    def inside(self, layers: int = 0) -> Place:
        """Within a loop."""
        return Place(self.dialect, self.room - 4, self.depth + layers)

    @property
    def layer(self) -> str:
        """The variable of the next loop over layers."""
        return f"layer{self.depth + 1}" if self.depth else "layer"


def layer_loop(name: str, count: int, inner: Sequence[str], counted: bool) -> list[str]:
    """A loop around ``inner``, whose variable is named where something is counted by it."""
    return [f"for {name if counted else '_'} in range({count}):", *indented(inner)]


def statements(steps: Sequence[Step], place: Place, repeated: bool = True) -> list[str]:
    """The statements that apply one block's ``steps``. ``repeated``: what occurs several times
    over in a row becomes a loop."""
    found = passes(steps) if repeated else None
    if found is None:
        return _grouped(steps, place)
    return [
        *_grouped(steps[: found.start], place),
        *_loop(steps, found, place),
        *statements(steps[found.end :], place, repeated),
    ]


def _loop(steps: Sequence[Step], found: Passes, place: Place) -> list[str]:
    name = place.layer
    one = [
        what.inside((found.weights, name))
        for what in steps[found.start : found.start + found.period]
    ]
    inner = _grouped(one, place.inside(1))
    return layer_loop(name, found.count, inner, found.weights > 0)


# ---- groups --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Group:
    """Steps of one shape; those on one wire each act on different wires."""

    steps: list[Step] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    @property
    def wires(self) -> tuple[tuple[int, ...], ...]:
        """The wires of each step."""
        return tuple(what.wires for what in self.steps)

    @property
    def single(self) -> bool:
        """Whether each step takes one wire."""
        return len(self.steps[0].wires) == 1

    def add(self, what: Step) -> None:
        """Put the step at the end."""
        self.steps.append(what)
        self.touched.update(what.wires)

    def takes(self, what: Step) -> bool:
        """Whether the step may stand at its end."""
        if what.shape != self.steps[0].shape or len(what.wires) > 2:
            return False
        if not self.single:
            return True
        if what.wires[0] in self.touched:
            return False
        return len(self.steps) == 1 or _slopes(self.steps[-1], what) == _slopes(*self.steps[:2])


def _slopes(before: Step, after: Step) -> list[int]:
    """How far each index moves from one step to the next."""
    return [b.number - a.number for a, b in zip(before.indices, after.indices, strict=True)]


def _groups(steps: Sequence[Step], ordered: bool) -> list[_Group]:
    """The steps grouped; unless ``ordered``, one may join an earlier group if nothing since touches
    its wires."""
    groups: list[_Group] = []
    for what in steps:
        for group in groups[-1:] if ordered else reversed(groups):
            if group.takes(what):
                group.add(what)
                break
            if not group.touched.isdisjoint(what.wires):
                group = _Group()
                groups.append(group)
                group.add(what)
                break
        else:
            groups.append(_Group())
            groups[-1].add(what)
    return groups


def _grouped(steps: Sequence[Step], place: Place) -> list[str]:
    """Statements of the groups, neighbours over the same single wires in one loop."""
    lines: list[str] = []
    together: list[_Group] = []
    ordered = place.dialect.ordered
    for group in _groups(steps, ordered):
        if group.single and together and together[0].wires == group.wires and not ordered:
            together.append(group)
            continue
        lines += _wire_loop(together, place)
        together = [group] if group.single else []
        if not group.single:
            lines += _pair_loops(group.steps, place)
    return lines + _wire_loop(together, place)


# ---- one call ------------------------------------------------------------------------------------


class _Called(NamedTuple):
    """Lines of calls, and the loop variables that their indices use."""

    lines: list[str]
    used: set[str]


def _call(
    steps: Sequence[Step], wires: Sequence[str], values: Values, place: Place
) -> _Called | None:
    """The call that stands for all ``steps`` in a loop whose variables take ``values``; None when
    an index follows none of them."""
    texts, used = [], set()
    for which, index in enumerate(steps[0].indices):
        numbers = [what.indices[which].number for what in steps]
        term = _line(numbers, values)
        if term is None:
            return None
        (factor, name), offset = term
        texts.append(index.text((factor, name), offset))
        used.add(name)
    return _Called(place.dialect.call(steps[0], wires, texts, place.room), used)


def _line(numbers: Sequence[int], values: Values) -> tuple[Term, int] | None:
    """``numbers`` as factor · variable + offset: the first variable that does."""
    if len(set(numbers)) == 1:
        return (0, ""), numbers[0]
    for name, taken in values.items():
        apart = next((k for k in range(1, len(taken)) if taken[k] != taken[0]), 0)
        if not apart:
            continue
        factor, rest = divmod(numbers[apart] - numbers[0], taken[apart] - taken[0])
        offset = numbers[0] - factor * taken[0]
        if (
            not rest
            and factor
            and all(
                number == factor * value + offset
                for number, value in zip(numbers, taken, strict=True)
            )
        ):
            return (factor, name), offset
    return None


def _alone(what: Step, place: Place) -> list[str]:
    """The call of one step."""
    texts = [index.text(offset=index.number) for index in what.indices]
    return place.dialect.call(what, [str(wire) for wire in what.wires], texts, place.room)


# ---- one wire each -------------------------------------------------------------------------------


def _wire_loop(groups: Sequence[_Group], place: Place) -> list[str]:
    """Groups over the same wires as one loop; the index of an angle counts wires or places."""
    if not groups:
        return []
    wires = [wire for (wire,) in groups[0].wires]
    if len(wires) == 1:
        return [line for group in groups for line in _alone(group.steps[0], place)]
    values = {"wire": wires, "place": range(len(wires))}
    inner = _Called([], set())
    for group in groups:
        called = _call(group.steps, ["wire"], values, place.inside())
        assert called is not None  # an even step from place to place is what groups take
        inner = _Called(inner.lines + called.lines, inner.used | called.used)
    return _loop_over("wire", _items(wires), inner, place.room)


def _items(wires: Sequence[int]) -> str | list[str]:
    """``range(…)`` for evenly spaced wires, else each of them."""
    step = _even_step(wires)
    return f"range({_range(wires, step)})" if step else [str(wire) for wire in wires]


def _even_step(wires: Sequence[int]) -> int:
    """The distance between neighbours if it is the same everywhere, else 0."""
    steps = {after - before for before, after in pairwise(wires)}
    return steps.pop() if len(steps) == 1 else 0


def _range(wires: Sequence[int], step: int) -> str:
    """The arguments of ``range`` for evenly spaced wires."""
    if step == 1:
        return f"{wires[0]}, {wires[-1] + 1}" if wires[0] else str(wires[-1] + 1)
    return f"{wires[0]}, {wires[-1] + (1 if step > 0 else -1)}, {step}"


def _loop_over(variable: str, items: str | Sequence[str], inner: _Called, room: int) -> list[str]:
    """A loop around ``inner``: the items broken over lines when they are many, with the place of
    each where that is used."""
    if "place" in inner.used:
        both = f"({variable})" if "," in variable else variable
        start, end = f"for place, {both} in enumerate(", "):"
    else:
        start, end = f"for {variable} in ", ":"
    flat = items if isinstance(items, str) else f"[{', '.join(items)}]"
    header = [start + flat + end]
    if not isinstance(items, str) and width(header[0]) > room:
        header = [f"{start}[", *indented(packed(items, room - 4)), f"]{end}"]
    return [*header, *indented(inner.lines)]


# ---- pairs of wires ------------------------------------------------------------------------------


def _pair_loops(steps: Sequence[Step], place: Place) -> list[str]:
    """A gate over pairs of wires: all pairs, evenly moving ones, or a list of them."""
    if len(steps[0].wires) != 2:
        return [line for what in steps for line in _alone(what, place)]
    found = _every_pair(steps, place) or _around(steps, place)
    if found:
        return found
    moving = _moving(steps)
    if len(steps) > 2 and 2 * len(moving) > len(steps):
        found = _listed(steps, place)
    return found or [line for part in moving for line in _stretch(part, place)]


def _firsts(steps: Sequence[Step]) -> list[int]:
    return [what.wires[0] for what in steps]


def _seconds(steps: Sequence[Step]) -> list[int]:
    return [what.wires[1] for what in steps]


def _every_pair(steps: Sequence[Step], place: Place) -> list[str]:
    """A loop over ``combinations``, if the steps are on every pair; else nothing."""
    pairs = [what.wires for what in steps]
    every = list(dict.fromkeys(wire for pair in pairs for wire in pair))
    if len(every) < 3 or pairs != list(combinations(every, 2)):
        return []
    items = _items(every)
    of = items if isinstance(items, str) else f"[{', '.join(items)}]"
    values: dict[str, Sequence[int]] = {"first": _firsts(steps), "second": _seconds(steps)}
    wires = ["first", "second"]
    called = _call(steps, wires, {**values, "place": range(len(steps))}, place.inside())
    if called is not None:
        return _loop_over("first, second", f"combinations({of}, 2)", called, place.room)
    at = {wire: number for number, wire in enumerate(every)}
    values |= {"i": [at[wire] for wire in values["first"]]}
    values |= {"j": [at[wire] for wire in values["second"]]}
    called = _call(steps, wires, values, place.inside())
    if called is None:
        return []
    return [
        f"for (i, first), (j, second) in combinations(enumerate({of}), 2):",
        *indented(called[0]),
    ]


def _around(steps: Sequence[Step], place: Place) -> list[str]:
    """A loop over the wires of a closed ring, if the steps are on one; else nothing."""
    size = len(steps)
    firsts, seconds = _firsts(steps), _seconds(steps)
    reach = seconds[0]
    if size < 3 or firsts != list(range(size)):
        return []
    if seconds != [(wire + reach) % size for wire in firsts]:
        return []
    values = {"wire": firsts}
    called = _call(steps, ["wire", f"(wire + {reach}) % {size}"], values, place.inside())
    return [f"for wire in range({size}):", *indented(called.lines)] if called else []


def _listed(steps: Sequence[Step], place: Place) -> list[str]:
    """A loop over a list of the pairs; nothing if an index does not follow it."""
    values = {"first": _firsts(steps), "second": _seconds(steps), "place": range(len(steps))}
    called = _call(steps, ["first", "second"], values, place.inside())
    if called is None:
        return []
    pairs = [str(what.wires) for what in steps]
    return _loop_over("first, second", pairs, called, place.room)


def _stretch(steps: Sequence[Step], place: Place) -> list[str]:
    """Pairs that move together, by the first wire of each."""
    if len(steps) == 1:
        return _alone(steps[0], place)
    firsts = _firsts(steps)
    apart = steps[0].wires[1] - firsts[0]
    other = f"wire {'+' if apart > 0 else '-'} {abs(apart)}"
    values = {"wire": firsts, "place": range(len(steps))}
    called = _call(steps, ["wire", other], values, place.inside())
    assert called is not None  # their indices move evenly too
    return _loop_over("wire", _items(firsts), called, place.room)


def _moving(steps: Sequence[Step]) -> list[list[Step]]:
    """The steps cut into stretches in which wires and indices move by the same step."""
    parts: list[list[Step]] = []
    for what in steps:
        part = parts[-1] if parts else []
        if part and _goes_on(part, what):
            part.append(what)
        else:
            parts.append([what])
    return parts


def _goes_on(part: Sequence[Step], what: Step) -> bool:
    """Whether the step goes on as the part began."""
    by = _moved(part[-1], what)
    return by[0] == by[1] != 0 and (len(part) == 1 or by == _moved(part[0], part[1]))


def _moved(before: Step, after: Step) -> list[int]:
    """How far wires and indices move from one step to the next."""
    wires = [b - a for a, b in zip(before.wires, after.wires, strict=True)]
    return wires + _slopes(before, after)
