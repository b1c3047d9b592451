"""`.qstudy` files: every combination of some values of a design, read as a stranger's and written
atomically."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from qdesigner.design import codec, edits, gallery, migrations
from qdesigner.design.codec import DocumentError
from qdesigner.design.spec import DataSpec, Design
from qdesigner.design.studies import SEEDS, study_of
from qdesigner.design.study import NamedData, Study, Variant
from qdesigner.errors import UserError

FORMAT = "qdesigner-study"
SCHEMA = 1
SUFFIX = ".qstudy"
ROOTS = ("data", "stages", "training", "device")  # of a design, in which values may vary
MOST = 1000  # combinations
_WHAT = "study"
_KEYS = ("name", "about", "design", "vary", "data", "seeds", "baseline")


@dataclass(frozen=True, slots=True)
class Axis:
    """One value of a design that varies: the ``path`` to it, through the ids of stages and blocks,
    such as ``stages.quantum-1.circuit.blocks.repeat-1.settings.count``, and its JSON ``values``."""

    path: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Every combination of the values of ``axes`` in ``design``, × data × seeds. ``baseline`` names
    the combination that the others are compared with, "" for the first."""

    name: str
    design: Design
    axes: tuple[Axis, ...]
    about: str = ""
    data: tuple[NamedData, ...] = ()
    seeds: tuple[int, ...] = SEEDS
    baseline: str = ""

    def study(self) -> Study:
        """The grid as a study. Raises UserError for a path that leads nowhere, a value that cannot
        stand there, or too many combinations."""
        self._refuse()
        base = json.loads(self.design.without_run().model_dump_json())
        labels = _labels([axis.path for axis in self.axes])
        variants = []
        for values in itertools.product(*(axis.values for axis in self.axes)):
            body, words = base, []
            for axis, label, value in zip(self.axes, labels, values, strict=True):
                body = put(body, axis.path, value)
                words.append(f"{label} {_text(value, axis)}")
            name = ", ".join(words) or self.design.name
            variants.append(Variant(name=name[:200], design=_design(body, name)))
        return study_of(self.name, self.about, variants, self.data, self.seeds, self.baseline)

    def _refuse(self) -> None:
        for axis in self.axes:
            if not axis.values:
                raise UserError(f'No value is given for "{axis.path}"; list at least one.')
            if axis.path in ("data.seed", "training.seed"):
                raise UserError(
                    f'"{axis.path}" cannot vary: a study sets both seeds; list them under "seeds".'
                )
            if axis.path.split(".")[0] == "data" and self.data:
                raise UserError(
                    f'"{axis.path}" cannot vary where "data" lists whole sets of data: '
                    "leave one of them out."
                )
        count = math.prod(len(axis.values) for axis in self.axes)
        if count > MOST:
            raise UserError(
                f"The grid has {count:,} combinations, and a study takes at most {MOST:,}; "
                "vary fewer values."
            )


# ---- paths into a design -------------------------------------------------------------------------


def put(body: Any, path: str, value: Any) -> Any:
    """A copy of a design's JSON value with another one at ``path``. Raises UserError naming the
    part of the path that is not there, and what is."""
    steps = path.split(".")
    if steps[0] not in ROOTS:
        raise UserError(f'"{path}" cannot vary: begin with {", ".join(ROOTS[:-1])} or {ROOTS[-1]}.')
    return _put(body, steps, value, path)


def _put(here: Any, steps: Sequence[str], value: Any, path: str) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(here, dict) and step in here:
        return {**here, step: _put(here[step], rest, value, path)}
    if isinstance(here, list):
        place = next((k for k, item in enumerate(here) if _holds(item, step)), None)
        if place is not None:
            inside = here[place].get("id") != step
            # A block within a repeat may be named without the repeat.
            changed = (
                {**here[place], "body": _put(here[place]["body"], steps, value, path)}
                if inside
                else _put(here[place], rest, value, path)
            )
            return [*here[:place], changed, *here[place + 1 :]]
    known = ", ".join(itertools.islice(_names(here), 30))
    raise UserError(
        f'"{path}" leads nowhere: there is no {step[:64]!r}; there is {known or "nothing"}.'
    )


def _holds(item: Any, name: str) -> bool:
    """Whether a stage or block is called so, or holds a block that is."""
    if not isinstance(item, dict):
        return False
    return item.get("id") == name or any(_holds(inner, name) for inner in item.get("body") or ())


def _names(here: Any) -> Iterator[str]:
    if isinstance(here, dict):
        yield from map(str, here)
    elif isinstance(here, list):
        for item in here:
            if isinstance(item, dict) and "id" in item:
                yield str(item["id"])
                yield from _names(item.get("body"))


def _labels(paths: Sequence[str]) -> list[str]:
    """As much of each path's end as tells it from the others."""
    labels = []
    for path in paths:
        steps = [step for step in path.split(".") if step not in ("settings", "circuit", "blocks")]
        others = [other.split(".") for other in paths if other != path]
        for size in range(1, len(steps) + 1):
            end = steps[-size:]
            if not any(_ends(other, end) for other in others):
                break
        labels.append(" ".join(steps[-size:]))
    return labels


def _ends(steps: list[str], end: list[str]) -> bool:
    plain = [step for step in steps if step not in ("settings", "circuit", "blocks")]
    return plain[-len(end) :] == end


def _text(value: Any, axis: Axis) -> str:
    """A value in a variant's name; one that is long is told by its number."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > 40 or not text.isprintable():
        return f"#{axis.values.index(value) + 1}"
    return text or '""'


def _design(body: Any, name: str) -> Design:
    raw = {"format": codec.FORMAT, "schema": migrations.SCHEMA, **body}
    return codec.of_body(raw, f"The variant {name[:100]!r}")


# ---- the file ------------------------------------------------------------------------------------


def load(path: Path) -> Grid:
    """Read a `.qstudy` file. Names of projects and data in it start at its folder. Raises
    UserError."""
    raw = codec.parsed(codec.read_text(path, _WHAT, SUFFIX), path.name, _WHAT)
    return of_body(raw, path.name, path.absolute().parent)


def of_body(raw: Any, name: str, folder: Path) -> Grid:
    """The grid in the JSON value of a `.qstudy` file that lies in ``folder``; ``name`` is the
    file's, for messages. Raises UserError."""
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise DocumentError(
            f'{name} is not a qdesigner study: it does not say "format": "{FORMAT}".'
        )
    schema = raw.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise DocumentError(f'{name} has no valid "schema" number.')
    if schema > SCHEMA:
        raise DocumentError(
            f"{name} was saved by a newer qdesigner (schema {schema}; this one reads up to "
            f"{SCHEMA}); install the newer version to open it."
        )
    body = {key: value for key, value in raw.items() if key not in ("format", "schema")}
    unknown = next((key for key in body if key not in _KEYS), None)
    if unknown is not None:
        raise DocumentError(
            f"{name}: {unknown[:64]!r} means nothing in a study; it takes {', '.join(_KEYS)}."
        )
    if "design" not in body:
        raise DocumentError(f'{name} says no "design": name a template or a project.')
    base = _named_design(body["design"], name, folder)
    axes = _axes(body.get("vary", {}), name)
    data = tuple(_data(each, base, name, folder) for each in _list(body, "data", name))
    words = {key: _word(body, key, name) for key in ("name", "about", "baseline")}
    return Grid(
        name=words["name"] or base.name, design=base, axes=axes, about=words["about"], data=data,
        seeds=_seeds(body.get("seeds", list(SEEDS)), name), baseline=words["baseline"],
    )  # fmt: skip


def save(grid: Grid, path: Path) -> None:
    """Write a grid whole or not at all, its design within. Raises DocumentError."""
    body = {
        "format": FORMAT, "schema": SCHEMA, "name": grid.name, "about": grid.about,
        "design": json.loads(codec.dumps(grid.design)),
        "vary": {axis.path: list(axis.values) for axis in grid.axes},
        "data": [json.loads(named.model_dump_json()) for named in grid.data],
        "seeds": list(grid.seeds), "baseline": grid.baseline,
    }  # fmt: skip
    try:
        codec.write_text(path, json.dumps(body, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise DocumentError(f"{path} cannot be saved: {error.strerror}.") from error


def _word(body: dict[str, Any], key: str, name: str) -> str:
    word = body.get(key, "")
    if not isinstance(word, str):
        raise DocumentError(f'{name}: "{key}" must be a text.')
    return word


def _list(body: dict[str, Any], key: str, name: str) -> list[Any]:
    values = body.get(key, [])
    if not isinstance(values, list):
        raise DocumentError(f'{name}: "{key}" must be a list.')
    return values


def _axes(vary: Any, name: str) -> tuple[Axis, ...]:
    if not isinstance(vary, dict) or not all(isinstance(v, list) for v in vary.values()):
        raise DocumentError(
            f'{name}: "vary" must give a list of values for each path, such as '
            '{"training.learning_rate": [0.01, 0.001]}.'
        )
    return tuple(Axis(path, tuple(values)) for path, values in vary.items())


def _seeds(seeds: Any, name: str) -> tuple[int, ...]:
    if isinstance(seeds, int) and not isinstance(seeds, bool) and 1 <= seeds <= 10_000:
        return tuple(range(seeds))
    try:
        found = TypeAdapter(tuple[int, ...]).validate_json(json.dumps(seeds), strict=True)
    except ValidationError:
        found = ()
    if not found or min(found) < 0 or max(found) >= 1 << 31 or len(found) > 10_000:
        raise DocumentError(
            f'{name}: "seeds" must be their number, or a list of whole numbers from 0 on.'
        )
    return found


def _named_design(raw: Any, name: str, folder: Path) -> Design:
    """The design that a study file names, or holds. A file beside it goes before a template."""
    if isinstance(raw, dict):
        return codec.of_body(raw, f"The design in {name}")
    if not isinstance(raw, str) or not raw or "\0" in raw:
        raise DocumentError(f'{name}: "design" must name a template or a project, or be one.')
    path = folder / raw
    try:
        beside = path.exists()
    except OSError:
        beside = False
    if beside:
        return codec.load(path)
    if raw in gallery.names():
        return gallery.template(raw)
    raise DocumentError(
        f"{name} names the design {raw[:200]!r}, but there is no such project beside it, and no "
        f"such template (templates: {', '.join(gallery.names())})."
    )


def _data(raw: Any, base: Design, name: str, folder: Path) -> NamedData:
    """One set of data: a text as the command line takes it, or a name with a whole spec."""
    if isinstance(raw, str):
        path = folder / raw
        try:
            beside = "\0" not in raw and path.exists()
        except OSError:
            beside = False
        spec: DataSpec = edits.use_data(base, str(path) if beside else raw).data
        return NamedData(name=(Path(raw).stem or raw)[:200] or "data", spec=spec)
    try:
        named = NamedData.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "a set"
        reason = str(first["msg"]).removeprefix("Value error, ")[:300]
        raise DocumentError(f"{name}: in data, at {place}: {reason}.") from error
    if named.spec.path:
        there = str(folder / named.spec.path)
        named = named.but(spec=named.spec.but(path=there))
    return named
