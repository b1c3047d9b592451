"""The verb that rehearses a run for hardware: accuracy against shots and machines' noise."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer

from qdesigner.cli.common import AsJson, cli, is_run, sentences
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from qdesigner.session.events import Event
    from qdesigner.session.rehearsal import Begun, Rehearsal


@cli.command()
def rehearse(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    shots: Annotated[
        str, typer.Option(help='Numbers of shots, commas between, or "none".')
    ] = "10,32,100,316,1000,3162,10000",
    snapshots: Annotated[
        str,
        typer.Option(
            help="Recorded machines, commas between, such as manila,fez; "
            '"usual": three of different generations; "none".'
        ),
    ] = "usual",
    machine_shots: Annotated[
        int, typer.Option(help="Shots of each circuit on a machine; 0: infinitely many.")
    ] = 1000,
    split: Annotated[
        str, typer.Option(help="test, validation or train; else test where there is one.")
    ] = "",
    limit: Annotated[
        int,
        typer.Option(
            min=0, help="So many images, spread evenly; 0: what takes two minutes, at most 200."
        ),
    ] = 0,
    repeats: Annotated[int, typer.Option(help="Do all that has shots so often.")] = 5,
    last: Annotated[
        bool, typer.Option("--last", help="Use the last epoch's weights instead of the best's.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Leave everything here instead of in the run's folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse a run for hardware: accuracy against shots, and under real machines' noise.

    The rows are kept in the run's folder after each of them, with a table (rehearsal.csv), a plot
    and a report (rehearsal.md). Ctrl+C ends it; the rows so far stay.
    """
    with sentences(as_json):
        from qdesigner.cli.common import open_design
        from qdesigner.session.rehearsal import Rehearse
        from qdesigner.session.rehearsal_plan import checked, parsed_shots, usual

        if not is_run(run):
            raise UserError(f"{str(run)!r} is not a run folder: it holds no design.json.")
        design = open_design(str(run))
        machines = usual(design) if snapshots == "usual" else tuple(_listed(snapshots))
        ask = Rehearse(
            str(run), parsed_shots(_listed(shots)), machines, split, limit, repeats,
            machine_shots, not last,
        )  # fmt: skip
        ask = checked(ask, design)  # before anything slow is loaded
        from qdesigner.studies.rehearsal import rehearsed

        with _Shown(as_json) as shown:
            found = rehearsed(ask, shown.show, out)
    if not as_json:
        from rich.console import Console

        from qdesigner.session.rehearsal_words import said

        Console().print(_table(found))
        for sentence in said(found):
            print(sentence)
        print(f"Written to {out or run}: {', '.join(shown.files)}")


def _listed(text: str) -> list[str]:
    """The words between commas; none of "none"."""
    words = [word.strip() for word in text.split(",")]
    return [] if words == ["none"] else [word for word in words if word]


class _Shown:
    """What goes on, on standard error: a bar with the expected end, and what was begun. Or JSON
    lines on standard output."""

    def __init__(self, as_json: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._as_json = as_json
        self.files: tuple[str, ...] = ()
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=32),
            TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.fields[left]}"),
            console=self._console,
        )  # fmt: skip
        self._bar = self._bars.add_task("loading", total=None, left="")

    def __enter__(self) -> Self:
        if not self._as_json:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.remove_task(self._bar)
        self._bars.stop()

    def show(self, event: Event) -> None:
        """Move the bar, or print the event."""
        from qdesigner.session import events
        from qdesigner.session import rehearsal as said

        if isinstance(event, said.RehearsalDone):
            self.files = event.files
        if self._as_json:
            print(json.dumps(event.to_json()), flush=True)
            return
        match event:
            case said.Begun():
                self._console.print(_begun(event), markup=False, soft_wrap=True)
            case events.Progress():
                self._bars.update(
                    self._bar, description=event.what, completed=event.done,
                    total=event.total or None, left="",
                )  # fmt: skip
            case said.Reached():
                rest = f"about {event.left:,.0f} s left" if event.left >= 1 else ""
                self._bars.update(
                    self._bar, description=f"{event.what} ({event.row} of {event.rows})",
                    completed=event.share, total=1.0, left=rest,
                )  # fmt: skip
        sys.stderr.flush()


def _begun(begun: Begun) -> str:
    from qdesigner.design.plan import duration

    of = f" of {begun.available:,}" if begun.images < begun.available else ""
    note = f" {begun.note}" if begun.note else ""
    return (
        f"{begun.rows} rows on {begun.images:,}{of} {begun.split} {begun.noun}, {begun.repeats} "
        f"repeats: about {duration(1000 * begun.expected)}.{note}"
    )


def _table(found: Rehearsal) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from qdesigner.session.comparison import duration
    from qdesigner.session.rehearsal_words import interval_words, percent, score_words, shots_words

    errors = found.begun.errors
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("device", no_wrap=True, min_width=8)
    for name in ("shots", "error (95 %)" if errors else "accuracy, % (95 %)", "change", "circuits",
                 "depth", "2q", "time"):  # fmt: skip
        shown.add_column(name, justify="right", no_wrap=True)
    for row in found.rows:
        score = score_words(row.score, errors).removesuffix(" %")
        shown.add_row(
            row.device if row.snapshot else "built-in", shots_words(row),
            f"{score} ({interval_words(row, errors)})",
            "" if row.changed is None else percent(row.changed), f"{row.circuits:,}",
            "" if row.depth is None else f"{row.depth:,}",
            "" if row.two_qubit is None else f"{row.two_qubit:,}", duration(row.seconds),
        )  # fmt: skip
    return shown
