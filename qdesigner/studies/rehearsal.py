"""A rehearsal with what it leaves beside its rows: a table as CSV, a plot, and all of it told in a
Markdown file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import qdesigner
from qdesigner.design.codec import write_bytes
from qdesigner.errors import UserError
from qdesigner.session.comparison import duration
from qdesigner.session.events import Event
from qdesigner.session.rehearsal import (
    FILE,
    Begun,
    Measured,
    Rehearsal,
    RehearsalDone,
    Rehearse,
)
from qdesigner.session.rehearsal_words import (
    interval_words,
    percent,
    said,
    score_words,
    shots_words,
)
from qdesigner.studies import plots
from qdesigner.training.rehearse import Stopped, conduct
from qdesigner.training.runs import Run

REPORT, TABLE, SVG, PNG = "rehearsal.md", "rehearsal.csv", "rehearsal.svg", "rehearsal.png"

_HOW = """\
Every row asks the same trained weights for the same {noun}. With shots, each circuit is measured so
often and everything is done {repeats} times with fixed seeds (the run's seed {seed} and those that
follow); the score is the mean. Its 95 % interval is then about the shots: where the mean would lie
for other shots on these {noun}. That of the exact row is about the {noun}: where the accuracy on
others would lie. A machine's row is simulated by Qiskit Aer with the gate and readout errors that
one of IBM's backends had on the day of its snapshot; drift, crosstalk and idling errors are not in
it, so the machine itself does rather worse. Depth and two-qubit gates are those of the circuit as
it was transpiled to the machine. "Change" is the share of answers that differ from the exact ones.
The time is that of the circuits, without what is loaded and transpiled before."""


def rehearsed(
    ask: Rehearse,
    tell: Callable[[Event], None] = lambda event: None,
    out: Path | None = None,
    stopped: Stopped = lambda: False,
) -> Rehearsal:
    """Do what ``ask`` says and leave everything in ``out`` (None: the run's folder).

    Rows, table and report are written after each row, the plot at the end, each file whole or not
    at all. ``tell`` hears what `training.rehearse` says, and a `RehearsalDone`. Raises UserError.
    """
    run = Run.open(Path(ask.run))
    folder = out or run.path
    so_far: list[Rehearsal] = []

    def hear(event: Event) -> None:
        if isinstance(event, Begun):
            so_far[:] = [Rehearsal(event, ())]
        elif isinstance(event, Measured):
            begun, rows = so_far[0].begun, so_far[0].rows
            so_far[0] = Rehearsal(begun, (*rows, event), len(rows) + 1 == begun.rows)
            write_report(folder, so_far[0], run, ask, plot=False)
        tell(event)

    found = conduct(run, ask, hear, out, stopped)
    files = write_report(folder, found, run, ask) if found.rows else ()
    tell(RehearsalDone(str(folder), (FILE, *files) if files else ()))
    return found


def write_report(
    folder: Path, found: Rehearsal, run: Run, ask: Rehearse, plot: bool = True
) -> tuple[str, ...]:
    """Write table, report and plot of the rows so far; without ``plot`` an older one is taken away.
    The names of the files. Raises UserError."""
    files: dict[str, bytes] = {TABLE: table(found).encode()}
    if plot:
        picture = plots.rehearsal(found)
        files |= {SVG: picture.svg, PNG: picture.png}
    files[REPORT] = markdown(found, run, ask, plot).encode()
    try:
        if not plot:
            for name in (SVG, PNG):
                (folder / name).unlink(missing_ok=True)
        for name, content in files.items():
            write_bytes(folder / name, content)
    except OSError as error:
        raise UserError(
            f"The report cannot be written to {str(folder)[:300]!r}: {error.strerror or error}; "
            "name another folder with --out."
        ) from error
    return tuple(files)


def table(found: Rehearsal) -> str:
    """One row a device and number of shots, under the names of `Measured`; what there is no value
    of is empty."""
    names = [item.name for item in fields(Measured)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*names, "split"])
    for row in found.rows:
        writer.writerow([*(getattr(row, name) for name in names), found.begun.split])
    return out.getvalue()


def markdown(found: Rehearsal, run: Run, ask: Rehearse, plot: bool = True) -> str:
    """The report as text."""
    begun = found.begun
    parts = [f"# Rehearsal: {_plain(run.design.name)}"]
    if not found.whole:
        parts.append(f"It is not whole: {len(found.rows)} of {begun.rows} rows are there.")
    some = (
        f"{begun.images:,} of {begun.available:,}"
        if begun.images < begun.available
        else (f"all {begun.images:,}")
    )
    parts.append(
        f"On {some} {begun.split} {begun.noun}, with the weights after epoch {begun.epoch}."
        + (f" {begun.note}" if begun.note else "")
    )
    sentences = said(found)
    if sentences:
        parts += ["## In short", "\n".join(f"- {_plain(sentence)}" for sentence in sentences)]
    parts += ["## Rows", _table(found)]
    if plot:
        parts.append(f"![Score against shots, and each machine's]({SVG})")
    how = _HOW.format(noun=begun.noun, repeats=begun.repeats, seed=begun.seed)
    if begun.errors:
        how = how.replace("the accuracy on\nothers", "the error on\nothers")
    parts += ["## How it was measured", how]
    parts += ["## How to repeat it", f"```\n{command(run.path.name, ask, begun)}\n```"]
    parts.append(
        f"With qdesigner {qdesigner.__version__}. The rows are also in [{TABLE}]({TABLE})."
    )
    return "\n\n".join(parts) + "\n"


def command(name: str, ask: Rehearse, begun: Begun) -> str:
    """What rehearses it again, on the same samples with the same seeds."""
    words = ["qdesigner", "rehearse", name if name.isidentifier() else f'"{name}"']
    words += ["--shots", ",".join(map(str, ask.shots)) or "none"]
    words += ["--snapshots", ",".join(ask.snapshots) or "none"]
    if ask.snapshots:
        words += ["--machine-shots", str(ask.on_machines)]
    words += ["--split", begun.split, "--limit", str(begun.images), "--repeats", str(ask.repeats)]
    return " ".join(words if ask.best else [*words, "--last"])


def _table(found: Rehearsal) -> str:
    errors = found.begun.errors
    head = ["device", "shots", "error" if errors else "accuracy (%)", "95 % interval",
            "change", "circuits", "depth", "two-qubit gates", "time"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|:--|" + "--:|" * (len(head) - 1)]
    for row in found.rows:
        cells = [
            row.device, shots_words(row), score_words(row.score, errors).removesuffix(" %"),
            interval_words(row, errors), "" if row.changed is None else percent(row.changed),
            f"{row.circuits:,}", "" if row.depth is None else f"{row.depth:,}",
            "" if row.two_qubit is None else f"{row.two_qubit:,}", duration(row.seconds),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A name that may be a stranger's, as it stands in Markdown."""
    line = " ".join(text.split())
    for sign in "\\`*_[]<>|#":
        line = line.replace(sign, f"\\{sign}")
    return line
