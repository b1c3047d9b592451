"""What a comparison of devices and engines says: one value a row, and what passes between the
window and the child that measures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from qdesigner.circuit.circuit import Circuit
from qdesigner.session.events import Event

# Whatever can be measured, in the order of the report, and what it means.
TITLES = {
    "step": "Training step: Linear 512→4, tanh · π/2, circuit, Linear 4→2, cross-entropy, Adam",
    "device": "The tutorial's model on each device: forward and backward",
    "circuit": "The circuit alone: forward and backward",
    "edit": "From an edit of the circuit to the first finished training step",
    "memory": "Peak memory of the circuit: forward and backward",
    "training": "A whole run of the tutorial's head on cached features, validation included",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement. ``ratio`` is to the built-in engine, measured in turns with it: above 1 the
    built-in is faster, or smaller. ``skipped`` says why there is no figure.

    ``seconds`` is the median of a step's time; rows of memory have ``bytes`` instead. ``shots`` 0
    is exact; ``gates`` is "complex" where the state is.
    """

    what: str
    engine: str
    qubits: int
    depth: int
    batch: int
    seconds: float | None = None
    ratio: float | None = None
    bytes: int | None = None
    shots: int = 0
    gates: str = ""
    skipped: str = ""

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values; what says nothing is left out, but for seconds and ratio."""
        always = ("what", "engine", "qubits", "depth", "batch", "seconds", "ratio")
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if name in always or value}

    @property
    def name(self) -> str:
        """The engine with what sets it apart: "lightning.qubit, 100 shots"."""
        more = [f"{self.shots} shots" if self.shots else "", self.gates]
        return ", ".join([self.engine, *filter(None, more)])

    @property
    def measured(self) -> str:
        """The figure for people: "0.412 ms", "1.03 s", "2.4 MB" or "skipped"."""
        if self.bytes is not None:
            return f"{self.bytes / 1e6:.1f} MB"
        return "skipped" if self.seconds is None else duration(self.seconds)

    @property
    def compared(self) -> str:
        """The ratio for people: "× 31", or nothing."""
        if self.ratio is None:
            return ""
        return f"× {self.ratio:,.0f}" if self.ratio >= 99.5 else f"× {self.ratio:.3g}"


def duration(seconds: float) -> str:
    """Three digits with the unit that suits them."""
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit * 0.9995:
            return f"{_three(seconds * factor)} {unit}"
    return f"{_three(seconds)} s"


def _three(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"


def to_csv(rows: Iterable[Row]) -> str:
    """The rows as a table for other programs, with a header."""
    out = io.StringIO()
    names = [item.name for item in fields(Row)]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = {name: getattr(row, name) for name in names}
        writer.writerow({name: "" if value is None else value for name, value in values.items()})
    return out.getvalue()


# ---- between the window and the child -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compare:
    """Measure ``what`` (keys of `TITLES`), each pair for ``seconds``.

    With a ``circuit`` "device" runs that one, on ``batch`` samples, instead of the tutorial's.
    """

    what: tuple[str, ...]
    seconds: float = 1.0
    circuit: Circuit | None = None
    batch: int = 4


@dataclass(frozen=True, slots=True)
class Measuring(Event):
    """What is measured now: row ``done`` + 1 of ``total``."""

    engine: str
    done: int
    total: int

    @property
    def text(self) -> str:
        """ "Measuring lightning.qubit, 7 of 24 …"."""
        return f"Measuring {self.engine}, {self.done + 1} of {self.total} …"


@dataclass(frozen=True, slots=True)
class Measured(Event):
    """One row."""

    row: Row


@dataclass(frozen=True, slots=True)
class Compared(Event):
    """All rows have come."""


@dataclass(frozen=True, slots=True)
class CompareFailed(Event):
    """The comparison ended by a fault; ``reason`` is a sentence."""

    reason: str
    details: str = ""
