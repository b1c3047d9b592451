"""What is measured of a circuit: expectation values of Pauli observables, or probabilities."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_PROBABILITIES = 12  # wires
MAX_SUMS = 256
MAX_SUM = 10_000  # characters

Word = tuple[tuple[int, str], ...]


class Value(BaseModel):
    """Base of every frozen value in a document: no unknown keys, no change after creation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def but(self, **changes: Any) -> Any:
        """A validated copy with some fields changed."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**fields, **changes})


class Term(NamedTuple):
    """A coefficient times a product of Paulis ((wire, "X"), …), wires upwards; () is 1."""

    coefficient: float
    word: Word


Observable = tuple[Term, ...]


class Readout(Value):
    """What is measured, and so how many numbers come out.

    "expectation": ⟨``observable``⟩ of each of ``wires``. "pauli_sum": one number for each text in
    ``sums``, such as ``0.5 Z0 Z1 - X2``. "probabilities": of each basis state of ``wires``, the
    first named as the leftmost bit. ``wires`` None means all.
    """

    kind: Literal["expectation", "pauli_sum", "probabilities"] = "expectation"
    observable: Literal["X", "Y", "Z"] = "Z"
    wires: tuple[int, ...] | None = None
    sums: tuple[str, ...] = Field(default=(), max_length=MAX_SUMS)

    @model_validator(mode="after")
    def _check(self) -> Readout:
        if self.wires is not None and (
            not self.wires or len(set(self.wires)) != len(self.wires) or min(self.wires) < 0
        ):
            raise ValueError("a readout's wires must be different, not negative, at least one")
        for text in self.sums:
            parse(text)
        if self.kind == "pauli_sum" and not self.sums:
            raise ValueError('a readout of Pauli sums needs at least one, such as "Z0 Z1"')
        return self

    def on(self, wires: int) -> tuple[int, ...]:
        """The wires it reads in a circuit of ``wires`` wires."""
        if self.kind == "pauli_sum":
            return tuple(sorted({w for text in self.sums for t in parse(text) for w, _ in t.word}))
        return tuple(range(wires)) if self.wires is None else self.wires

    def outputs(self, wires: int) -> int:
        """How many numbers it gives for one sample."""
        if self.kind == "pauli_sum":
            return len(self.sums)
        read = len(self.on(wires))
        return 1 << read if self.kind == "probabilities" else read

    def observables(self, wires: int) -> tuple[Observable, ...]:
        """One observable an output; none for probabilities."""
        if self.kind == "pauli_sum":
            return tuple(parse(text) for text in self.sums)
        if self.kind == "probabilities":
            return ()
        return tuple((Term(1.0, ((wire, self.observable),)),) for wire in self.on(wires))

    @property
    def plain(self) -> bool:
        """Whether it is ⟨Z⟩ of every wire, in order."""
        return self.kind == "expectation" and self.observable == "Z" and self.wires is None

    @property
    def label(self) -> str:
        """A few characters: ⟨Z⟩, P(0,1), ⟨Z0 Z1⟩ or ⟨3 sums⟩."""
        if self.kind == "pauli_sum":
            return f"⟨{self.sums[0]}⟩" if len(self.sums) == 1 else f"⟨{len(self.sums)} sums⟩"
        named = "" if self.wires is None else ",".join(map(str, self.wires))
        if self.kind == "probabilities":
            return f"P({named})" if named else "P"
        return f"⟨{self.observable}⟩{' ' + named if named else ''}"


_TERM = re.compile(
    r"\s*(?P<sign>[+-]?)\s*(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)?"
    r"\s*\*?\s*(?P<word>(?:[XYZI]_?\d+[\s*@]*)*)"
)
_PAULI = re.compile(r"([XYZI])_?(\d+)")


@lru_cache(maxsize=1024)
def parse(text: str) -> Observable:
    """The terms of a Pauli sum such as ``0.5 Z0 Z1 - X2 + 1``, equal words added up.

    Raises ValueError with a sentence naming what cannot be read.
    """
    if len(text) > MAX_SUM:
        raise ValueError(f"a Pauli sum takes at most {MAX_SUM:,} characters, not {len(text):,}")
    if not text.isprintable():
        raise ValueError(f"the Pauli sum {_shown(text)} must be one line of printable characters")
    found: dict[Word, float] = {}
    place = 0
    while place < len(text):
        match = _TERM.match(text, place)
        assert match is not None  # everything in it is optional
        empty = match["number"] is None and not match["word"]
        if empty or (found and not match["sign"]):
            rest = text[place:].strip() or text
            raise ValueError(
                f"the Pauli sum {_shown(text)} cannot be read at {rest[:20]!r}; "
                'write terms such as "0.5 Z0 Z1 - X2"'
            )
        coefficient = float(match["number"] or 1.0) * (-1 if match["sign"] == "-" else 1)
        if abs(coefficient) > 1e6:
            raise ValueError(f"a coefficient of the Pauli sum {_shown(text)} is beyond a million")
        word = _word(match["word"], text)
        found[word] = found.get(word, 0.0) + coefficient
        place = match.end()
    if not found:
        raise ValueError('a Pauli sum is empty; write terms such as "0.5 Z0 Z1 - X2"')
    return tuple(Term(coefficient, word) for word, coefficient in found.items())


def _shown(text: str) -> str:
    """A stranger's text as it may stand in a sentence."""
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def _word(text: str, whole: str) -> Word:
    on: dict[int, str] = {}
    for pauli, digits in _PAULI.findall(text):
        if len(digits) > 9:
            raise ValueError(f"the Pauli sum {_shown(whole)} names a wire that no circuit has")
        wire = int(digits)
        if wire in on:
            raise ValueError(f"the Pauli sum {_shown(whole)} names wire {wire} twice in one term")
        on[wire] = pauli
    return tuple(sorted((wire, pauli) for wire, pauli in on.items() if pauli != "I"))
