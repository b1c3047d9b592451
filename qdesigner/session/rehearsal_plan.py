"""What of a rehearsal is asked for, whether it can be done, and about how long it takes."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import replace

from qdesigner.catalog.devices import DEVICES, missing, predicted_run_ms
from qdesigner.catalog.snapshots import SNAPSHOTS, typical
from qdesigner.design.plan import circuit_rows
from qdesigner.design.spec import MAX_SHOTS, Design, DeviceSpec
from qdesigner.errors import UserError
from qdesigner.session.rehearsal import AER, MOST, Rehearse

MOST_REPEATS, MOST_ROWS = 1000, 100
FEWEST = 20  # samples that are taken however long they take, unless other numbers are asked for
BUDGET = 120_000.0  # ms: what takes longer is rehearsed on fewer samples, unless asked otherwise
BATCH = 16  # samples at once: few, so that a slow device shows how far it is

# ms to import Aer, and of a snapshot to work out the errors of each of its qubits and to transpile.
_IMPORTING, _QUBIT, _PLACING = 3000.0, 28.0, 300.0


def checked(ask: Rehearse, design: Design) -> Rehearse:
    """``ask`` with its shots in order and its snapshots by their full names. Raises UserError for
    what cannot be rehearsed."""
    circuits = [stage.circuit for stage in design.stages if stage.circuit is not None]
    if not circuits:
        raise UserError(
            f"{design.name!r} has no quantum circuit, so shots and noise cannot change what it "
            "says; rehearse a run with one."
        )
    shots = tuple(sorted(set(ask.shots)))
    names = tuple(dict.fromkeys(snapshot(name) for name in ask.snapshots))
    if not shots and not names:
        raise UserError("There is nothing to rehearse: name numbers of shots, or snapshots.")
    if len(shots) + len(names) > MOST_ROWS:
        raise UserError(f"That is more than {MOST_ROWS} rows; name fewer shots or snapshots.")
    for number in shots:
        if not 1 <= number <= MAX_SHOTS:
            raise UserError(f"{number} is no number of shots; choose 1 to {MAX_SHOTS:,}.")
    if not 0 <= ask.on_machines <= MAX_SHOTS:
        raise UserError(
            f"{ask.on_machines} is no number of shots for a snapshot; choose 1 to {MAX_SHOTS:,}, "
            "or 0 for as many as one likes."
        )
    if not 1 <= ask.repeats <= MOST_REPEATS:
        raise UserError(f"{ask.repeats} repeats cannot be done; choose 1 to {MOST_REPEATS:,}.")
    if ask.limit < 0:
        raise UserError(f"{ask.limit} samples cannot be taken; choose a number above 0, or 0.")
    absent = missing(DEVICES[AER]) if names else ""
    if absent:
        raise UserError(f"{absent.removesuffix('.')}. Or rehearse without snapshots.")
    return replace(ask, shots=shots, snapshots=names)


def snapshot(name: str) -> str:
    """The full name of a snapshot: "Manila" and "fake_manila" are the same. Raises UserError."""
    full = name.strip().lower()
    full = full if full.startswith("fake_") else f"fake_{full}"
    if full in SNAPSHOTS:
        return full
    near = difflib.get_close_matches(full, SNAPSHOTS, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SNAPSHOTS)}."
    raise UserError(f"There is no snapshot {name[:80]!r}; {hint}")


def usual(design: Design) -> tuple[str, ...]:
    """The snapshots that are taken unless others are named; none while Aer is missing."""
    wires = [stage.circuit.wires for stage in design.stages if stage.circuit is not None]
    return () if not wires or missing(DEVICES[AER]) else typical(max(wires))


# ---- what it takes -------------------------------------------------------------------------------


def row_ms(design: Design, spec: DeviceSpec, images: int, repeats: int = 1) -> float:
    """About how many milliseconds ``spec`` takes for ``images`` samples ``repeats`` times, without
    what is loaded before."""
    rows = circuit_rows(design)
    batches = math.ceil(images / BATCH)
    each = sum(
        predicted_run_ms(spec, stage.circuit, min(images, BATCH) * rows[stage.id])
        for stage in design.stages
        if stage.circuit is not None
    )
    return each * batches * (repeats if spec.shots else 1)


def loading_ms(spec: DeviceSpec, first: bool) -> float:
    """About how many milliseconds pass before a snapshot's first circuit runs."""
    if not spec.noise:
        return 0.0
    return _QUBIT * SNAPSHOTS[spec.noise] + _PLACING + (_IMPORTING if first else 0.0)


def expected_ms(design: Design, ask: Rehearse, images: int) -> tuple[float, ...]:
    """About how many milliseconds each of the rows takes on so many samples."""
    specs = ask.specs
    first = next((spec for spec in specs if spec.noise), None)
    return tuple(
        row_ms(design, spec, images, ask.repeats) + loading_ms(spec, spec is first)
        for spec in specs
    )


def images_of(design: Design, ask: Rehearse, available: int) -> int:
    """How many of ``available`` samples are taken: as many as asked for, else at most `MOST`, or
    what is done within `BUDGET`, but no fewer than `FEWEST`."""
    if ask.limit:
        return min(ask.limit, available)
    most = min(MOST, available)
    each = sum(row_ms(design, spec, BATCH, ask.repeats) for spec in ask.specs) / BATCH
    fitting = int(BUDGET / each) if each else most
    return max(min(FEWEST, most), min(most, fitting))


def parsed_shots(words: Iterable[str]) -> tuple[int, ...]:
    """Numbers of shots as typed: "10", "1,000" is no such, "1e3" neither. Raises UserError."""
    found = []
    for word in words:
        if not (word.isascii() and word.isdecimal() and len(word) < 12):
            raise UserError(
                f"{word[:40]!r} is no number of shots; write them with commas between, such as "
                "10,100,1000."
            )
        found.append(int(word))
    return tuple(found)
