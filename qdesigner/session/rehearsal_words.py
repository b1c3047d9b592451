"""What a rehearsal says, in plain words: from how many shots on a run is as good as exact, and what
each machine takes from it."""

from __future__ import annotations

from collections.abc import Sequence

from qdesigner.catalog.devices import BUILT_IN, DEVICES
from qdesigner.catalog.snapshots import snapshot_words
from qdesigner.design.spec import DeviceSpec
from qdesigner.session.rehearsal import Measured, Rehearsal

NEAR = 0.01  # of accuracy, or of the exact error: as good as exact


def said(rehearsal: Rehearsal) -> tuple[str, ...]:
    """What the rows say: from how many shots on the run is as good as exact, and what each machine
    takes from it."""
    exact = rehearsal.exact
    if exact is None:
        return ()
    errors = rehearsal.begun.errors
    sentences = [_of_shots(rehearsal.with_shots, exact, errors)] if rehearsal.with_shots else []
    sentences += [_of_machine(row, errors) for row in rehearsal.machines]
    return tuple(sentences)


def _of_shots(rows: Sequence[Measured], exact: Measured, errors: bool) -> str:
    word = "error" if errors else "accuracy"
    near = NEAR * (exact.exact if errors else 1.0) + 1e-12
    enough: list[Measured] = []
    for row in reversed(rows):  # from there on, so that a lucky row among few shots does not count
        if abs(row.score - exact.exact) > near:
            break
        enough.insert(0, row)
    if not enough:
        last = rows[-1]
        return (
            f"Even with {_number(last.shots)} shots the {word} is not within 1 % of exact: "
            f"{score_words(last.score, errors)} instead of {score_words(exact.exact, errors)}."
        )
    first = enough[0]
    said = (
        f"From {_number(first.shots)} shots on the {word} is within 1 % of exact "
        f"({score_words(exact.exact, errors)})"
    )
    if first.changed is not None:
        said += f"; with so many, {_changing(first.changed)}"
    return said + "."


def _of_machine(row: Measured, errors: bool) -> str:
    with_shots = f" with {_number(row.shots)} shots" if row.shots else " with any number of shots"
    begin = f"On {row.device}{with_shots} the {'error' if errors else 'accuracy'}"
    change = row.score - row.exact
    if row.scatter == "shots" and row.low <= row.exact <= row.high:
        words = f"stays as it is ({score_words(row.score, errors)}) as far as {row.repeats} "
        words += "repeats show"
    elif abs(change) < 5e-4 * (row.exact if errors else 1.0):
        words = f"stays as it is ({score_words(row.score, errors)})"
    else:
        by = score_words(abs(change), errors) if errors else _points(abs(change))
        way = "rises" if change > 0 else "falls"
        words = f"{way} by {by} to {score_words(row.score, errors)}"
    if row.changed is not None:
        words += f"; {_changing(row.changed)}"
    return f"{begin} {words}."


def _changing(share: float) -> str:
    return f"{percent(share)} of the answers change" if share else "no answer changes"


def score_words(score: float, errors: bool) -> str:
    """ "97.3 %", or of an error three digits."""
    return f"{score:.3g}" if errors else percent(score)


def interval_words(row: Measured, errors: bool) -> str:
    """ "96.8–97.9", the row's interval in the unit of its score."""
    ends = (f"{end:.3g}" if errors else f"{100 * end:.1f}" for end in (row.low, row.high))
    return "–".join(ends)


def shots_words(row: Measured) -> str:
    """ "1,000", or "exact"; of a machine without shots "any"."""
    return _number(row.shots) if row.shots else ("any" if row.snapshot else "exact")


def percent(share: float) -> str:
    """ "97.3 %"."""
    return f"{100 * share:.1f} %"


def device_words(spec: DeviceSpec) -> str:
    """The machine or simulator of a row."""
    return snapshot_words(spec.noise) if spec.noise else DEVICES[BUILT_IN].label


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _number(value: int) -> str:
    return f"{value:,}"
