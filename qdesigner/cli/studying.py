"""A study on a terminal: results as they come, and in the end what they show."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from qdesigner.session import events
from qdesigner.session.comparison import duration
from qdesigner.session.studying import Result, RunDone, RunFailed, StudyBegun

if TYPE_CHECKING:
    from qdesigner.session.verdict import Reported


class StudyTerminal:
    """On standard error a line for every run that ends now, and below them a bar."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=32), MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"), console=self._console,
        )  # fmt: skip
        self._runs = self._bars.add_task("runs", total=None, note="", start=False)
        self._before = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def show(self, event: events.Event) -> None:
        """Move the bar; print what should stay."""
        if isinstance(event, StudyBegun):
            self._begin(event)
        elif isinstance(event, RunDone):
            if event.done > self._before:
                self._print(f"{_who(event.result)}: {_scored(event.result)}")
            note = f"about {_time(event.left)} left" if event.left else ""
            self._bars.update(self._runs, completed=event.done, note=note)
        elif isinstance(event, RunFailed):
            data = f" on {event.task.data}" if event.task.data else ""
            self._print(
                f"{event.task.variant}{data}, seed {event.task.seed} failed: {event.reason}"
            )
        elif isinstance(event, events.Progress):
            share = f" {event.done:,} of {event.total:,}" if event.total else ""
            self._bars.update(self._runs, note=f"{event.what}{share}")

    def _begin(self, event: StudyBegun) -> None:
        self._before = event.done
        left = event.total - event.done
        where = f"; {left:,} to do, by {event.where}" if left else ""
        there = f" of which {event.done:,} are done" if event.done else ""
        self._print(f"{event.total:,} runs{there}{where}. Folder: {event.folder}")
        self._bars.update(self._runs, total=event.total, completed=event.done)
        self._bars.start()

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


def show_verdict(reported: Reported) -> None:
    """On standard output the table, every difference, and what the study shows as a whole."""
    console = Console()
    verdict = reported.verdict
    of = {(c.data, c.variant): c for c in verdict.comparisons}
    errors = any(score.errors for score in verdict.scores)
    table = Table()
    several = len({score.data for score in verdict.scores}) > 1
    if several:
        table.add_column("data")
    table.add_column("variant", no_wrap=True)
    for name in ("error" if errors else "accuracy", "difference", "weights", "a step"):
        table.add_column(name, justify="right")
    for score in verdict.scores:
        found = of.get((score.data, score.variant))
        cells = [score.data, score.variant] if several else [score.variant]
        cells += [_stacked(score.text), _stacked(found.text) if found else ""]
        cells.append(f"{score.parameters:,}\n{score.quantum:,} quantum")
        cells.append(duration(score.step) if score.step else "")
        table.add_row(*map(Text, cells))
    console.print(table)
    for comparison in verdict.comparisons:
        data = f"On {comparison.data}: " if several else ""
        console.print(Text(f"{data}{comparison.sentence}"), soft_wrap=True)
    console.print()
    for sentence in verdict.whole:
        console.print(Text(sentence), soft_wrap=True)
    console.print(Text(f"Report: {reported.path}"), soft_wrap=True)


def _stacked(text: str) -> str:
    """A value with its interval below it."""
    return text.replace(" (", "\n(", 1)


def _who(result: Result) -> str:
    data = f" on {result.data}" if result.data else ""
    return f"{result.variant}{data}, seed {result.seed}"


def _scored(result: Result) -> str:
    if result.errors:
        return (
            f"mean absolute error {result.test:.4g} (validation {result.validation:.4g}), "
            f"{duration(result.seconds)}"
        )
    return (
        f"{100 * result.test:.1f} % right (validation {100 * result.validation:.1f} %), "
        f"{duration(result.seconds)}"
    )


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
