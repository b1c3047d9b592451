"""Events of a run on a terminal: progress bars for people, JSON lines for machines."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from qdesigner.errors import UserError
from qdesigner.session import events

METRICS = {"balanced_accuracy": "balanced accuracy", "f1": "F1", "mse": "mean squared error"}


class JsonLines:
    """One JSON object a line on standard output; predictions carry arrays and are left out."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        return None

    def show(self, event: events.Event) -> None:
        """Print the event."""
        if not isinstance(event, events.Predictions):
            print(json.dumps(event.to_json()), flush=True)

    def ask(self, question: str) -> bool:
        """A machine is not asked. Raises UserError."""
        raise UserError(f"{question} Say --yes to send it.")


class Terminal:
    """Progress bars on standard error: what comes before training, then the epochs."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._before = self._bars.add_task("starting", total=None, note="")
        self._epochs: TaskID | None = None
        self._name, self._error = "accuracy", False
        self._last: events.Epoch | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and self._epochs is None:
            self._bars.remove_task(self._before)  # a bar that goes nowhere hides the reason
        self._bars.stop()

    def show(self, event: events.Event) -> None:
        """Move the bars; print what should stay."""
        if isinstance(event, events.Progress):
            note = f"{event.rate:.0f} images/s" if event.rate else ""
            self._bars.update(
                self._before, description=event.what, completed=event.done,
                total=event.total or None, note=note,
            )  # fmt: skip
        elif isinstance(event, events.Started):
            self._start(event)
        elif isinstance(event, events.Epoch) and self._epochs is not None:
            note = (
                f"loss {event.train_loss:.4f}, validation loss {event.val_loss:.4f}, "
                f"{self._score(event.val_accuracy)}"
            )
            self._last = event
            self._bars.update(self._epochs, completed=event.epoch, note=note)
        elif isinstance(event, events.Finished):
            self._finish(event)
        elif isinstance(event, events.Stopped):
            where = f"; its folder: {event.run}" if event.run else ""
            self._console.print(f"Stopped after {event.epochs} epochs{where}", markup=False)

    def ask(self, question: str) -> bool:
        """Whether the person at the terminal agrees."""
        self._bars.stop()
        self._console.print(question, markup=False, soft_wrap=True)
        try:
            return typer.confirm("Send it?", default=False, err=True)
        except typer.Abort:  # nobody is there to answer
            return False
        finally:
            self._bars.start()

    def _score(self, score: float) -> str:
        return f"{self._name} {score:.4g}" if self._error else f"{self._name} {score:.4f}"

    def _finish(self, event: events.Finished) -> None:
        early = ""
        if event.early:
            early = f"Stopped early after {event.epochs} epochs: no better validation loss came. "
        more = ""
        if self._last is not None:
            found = [(name, value) for name, value in self._last.metrics.items() if name != "mae"]
            told = ", ".join(f"{METRICS.get(name, name)} {value:.4g}" for name, value in found)
            more = f"; in the last epoch {self._score(event.val_accuracy)}, {told}"
        self._console.print(
            f"{early}Best validation {self._score(event.best_val_accuracy)}{more}; preparing "
            f"{event.seconds_features:.1f} s, training {event.seconds_training:.1f} s. "
            f"Run folder: {event.run}",
            markup=False, soft_wrap=True,
        )  # fmt: skip

    def _start(self, event: events.Started) -> None:
        self._bars.remove_task(self._before)
        self._error = event.score == "mae"
        self._name = "mean absolute error" if self._error else event.score
        what = f"{event.train} training and {event.validation} validation samples"
        if event.classes:
            what += f" of {len(event.classes)} classes: {', '.join(event.classes)}"
        self._console.print(what, markup=False, soft_wrap=True)
        if event.note:
            self._console.print(event.note, markup=False, soft_wrap=True)
        for path, reason in event.skipped:
            self._console.print(f"skipped {path}: {reason}", markup=False, soft_wrap=True)
        self._epochs = self._bars.add_task(
            "epochs", total=event.epochs, completed=event.first_epoch - 1, note=""
        )
