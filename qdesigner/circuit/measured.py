"""How a readout is drawn: boxes on the wires it reads, joined where they are read together."""

from __future__ import annotations

from typing import NamedTuple

from qdesigner.circuit.readout import Observable, Readout, Term

BOX = 44  # width of a box with one letter
SIDE = 14  # between the column's frame and its boxes
BETWEEN = 8
MANY = 4  # columns of boxes; beyond, one column says which Paulis each wire is read in


class Probe(NamedTuple):
    """What is read together: a box on each of ``wires``, in one column.

    ``x`` is the boxes' centre from the left edge of the measurement, ``output`` the first number
    that comes of them.
    """

    wires: tuple[int, ...]
    texts: tuple[str, ...]
    output: int
    x: float = 0.0
    width: float = BOX


def probes(readout: Readout, wires: int) -> tuple[tuple[Probe, ...], float]:
    """The boxes of a readout of a circuit of ``wires`` wires, and the width they all take."""
    columns = _columns(readout, wires)
    placed: list[Probe] = []
    x = float(SIDE)
    for column in columns:
        width = max(probe.width for probe in column)
        placed += [probe._replace(x=x + width / 2, width=width) for probe in column]
        x += width + BETWEEN
    return tuple(placed), max(x - BETWEEN, SIDE + BOX) + SIDE


def _columns(readout: Readout, wires: int) -> list[list[Probe]]:
    on = readout.on(wires)
    if readout.kind == "probabilities":
        return [[Probe(on, ("P",) * len(on), 0)]]
    if readout.kind == "expectation":
        shown = f"⟨{readout.observable}⟩"
        return [[Probe((wire,), (shown,), place) for place, wire in enumerate(on)]]
    observables = readout.observables(wires)
    columns = _packed([
        _term(term, output)
        for output, terms in enumerate(observables) for term in terms if term.word
    ])  # fmt: skip
    return columns if len(columns) <= MANY else [_letters(observables, on)]


def _term(term: Term, output: int) -> Probe:
    """A product of Paulis, its coefficient on the first."""
    letters = [pauli for _, pauli in term.word]
    factor = f"{abs(term.coefficient):.3g}·" if abs(term.coefficient) != 1 else ""
    letters[0] = ("−" if term.coefficient < 0 else "") + factor + letters[0]
    width = max(BOX, 8 * len(letters[0]) + 16)
    return Probe(tuple(wire for wire, _ in term.word), tuple(letters), output, width=width)


def _packed(found: list[Probe]) -> list[list[Probe]]:
    """Each in the first column that is free on all the wires it spans."""
    columns: list[list[Probe]] = []
    taken: list[set[int]] = []
    for probe in found:
        span = set(range(min(probe.wires), max(probe.wires) + 1))
        free = (place for place, wires in enumerate(taken) if not wires & span)
        place = next(free, len(columns))
        if place == len(columns):
            columns.append([])
            taken.append(set())
        columns[place].append(probe)
        taken[place] |= span
    return columns


def _letters(observables: tuple[Observable, ...], on: tuple[int, ...]) -> list[Probe]:
    """A box on each wire with the Paulis it is read in."""
    boxes = []
    for wire in on:
        read = [
            (output, pauli)
            for output, terms in enumerate(observables)
            for term in terms for at, pauli in term.word if at == wire
        ]  # fmt: skip
        shown = " ".join(sorted({pauli for _, pauli in read}))
        boxes.append(Probe((wire,), (shown,), read[0][0]))
    return boxes


def output_text(readout: Readout, wires: int, output: int) -> str:
    """One output in words: ⟨Z⟩ of q0, ⟨0.5 Z0 Z1 - X2⟩, the probability of |01⟩."""
    if readout.kind == "pauli_sum":
        return f"⟨{readout.sums[output]}⟩"
    on = readout.on(wires)
    if readout.kind == "probabilities":
        return f"P of |{output:0{len(on)}b}⟩"
    return f"⟨{readout.observable}⟩ of q{on[output]}"


def outputs_text(count: int) -> str:
    """``1 output``, ``4 outputs``."""
    return "1 output" if count == 1 else f"{count:,} outputs"
