"""Documents of a stranger: any change to a good one gives a Design or one sentence, and soon."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qdesigner.circuit.circuit import expand
from qdesigner.circuit.readout import parse
from qdesigner.design import codec
from qdesigner.design.checks import problems
from qdesigner.design.spec import Design
from qdesigner.paths import resource

TEXTS = [path.read_text("utf-8") for path in sorted(resource("templates").glob("*.qdesign"))]
SECONDS = 5.0
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 24, 25, 2**31, 2**63, 10**400, 1e308, -1e308, 1e-320, 3.0,
    float("inf"), "", "x" * 5000, "\ud800", "\x00", "a\nb", "..\\..", "/" + "a/" * 300, "folder",
    "quantum", "backbone", "repeat", [], {}, [[]], {"id": "x"}, [0], [0, 0], [23],
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside ``value``."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in inside:
        yield (*path, key)
        if isinstance(entry, dict | list):
            yield from places(entry, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def change(raw: Any, rng: random.Random) -> None:
    """One change somewhere: another value, nothing, a copy of another part, one key too many."""
    paths = list(places(raw))
    *outer, key = rng.choice(paths)
    here = at(raw, tuple(outer))
    kind = rng.randrange(6)
    if kind < 2:
        here[key] = rng.choice(VALUES)
    elif kind == 2:
        del here[key]
    elif kind == 3:
        here[key] = json.loads(json.dumps(at(raw, rng.choice(paths))))
    elif kind == 4 and isinstance(here, dict):
        here[rng.choice(["zz", "id", "kind", "body", "circuit", "\ud800"])] = rng.choice(VALUES)
    elif isinstance(here[key], list):
        here[key] = here[key] * rng.choice([2, 50])
    elif isinstance(here[key], int | float) and abs(here[key]) < 1e300:
        here[key] = here[key] * rng.choice([-1, 1000, 0.5, 1e10])


def damaged(text: str, rng: random.Random) -> bytes:
    """The text's bytes with a few of them changed, taken away or put in."""
    content = bytearray(text.encode())
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(content))
        end = place + rng.choice([0, 1, 20])
        content[place:end] = rng.randbytes(rng.randrange(4))
    return bytes(content)


def design_or_sentence(path: Path) -> Design | None:
    begun = time.process_time()
    design = None
    try:
        design = codec.load(path)
        problems(design)
        for stage in design.stages:
            if stage.circuit is not None:
                expand(stage.circuit)
        assert codec.loads(codec.dumps(design)) == design
    except codec.DocumentError as error:
        assert str(error).endswith((".", "…")) and "\n" not in str(error), str(error)
        assert len(str(error)) < 700
    assert time.process_time() - begun < SECONDS
    return design


@pytest.mark.parametrize("seed", range(10))
def test_a_changed_document_is_a_design_or_one_sentence(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    file = tmp_path / "p.qdesign"
    outcomes = set()
    for _ in range(50):
        text = rng.choice(TEXTS)
        if rng.random() < 0.3:
            file.write_bytes(damaged(text, rng))
        else:
            raw = json.loads(text)
            for _ in range(rng.choice((1, 1, 2, 3))):
                change(raw, rng)
            file.write_text(json.dumps(raw), encoding="utf-8")
        outcomes.add(design_or_sentence(file) is None)
    assert outcomes == {True, False}, "the changes are too wild or too mild to say anything"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" " * 10_000, "cannot be read"),
        ("+ " * 5_000, "cannot be read"),
        ("Z0 " * 3_000, "names wire 0 twice"),
        ("1" * 10_000, "beyond a million"),
        ("Z" + "1" * 9_000, "a wire that no circuit has"),
        ("Z0+" * 3_000 + "q", "cannot be read at '+q'"),
        ("Z0+" * 4_000_000 + "Z0", "at most 10,000 characters"),
    ],
    ids=["spaces", "signs", "repeats", "digits", "a wire", "terms", "12 MB"],
)
def test_a_long_pauli_sum_is_refused_in_a_short_sentence_and_soon(text: str, said: str) -> None:
    begun = time.process_time()
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert said in str(refused.value) and len(str(refused.value)) < 250
    assert time.process_time() - begun < SECONDS
