"""Verbs about the program itself: bench, version."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from qdesigner.cli.common import AsJson, cli, sentences


@cli.command()
def bench(
    what: Annotated[
        str | None,
        typer.Option(help="Only these, with commas: step,device,circuit,edit,memory,training."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.0, help="About how long to measure each row.")
    ] = 0.4,
    as_json: AsJson = False,
) -> None:
    """Time steps, circuits and devices on this machine beside PennyLane, Qiskit and plain torch.

    Every row is the median of turns taken with the built-in engine in one process, and nothing is
    timed before its values and gradients agree. All of it takes about two minutes.
    """
    with sentences(as_json):
        from qdesigner.bench import bench as measure
        from qdesigner.session.comparison import TITLES

        words = tuple(TITLES) if what is None else tuple(what.replace(" ", "").split(","))
        if as_json:
            for row in measure(words, seconds):
                print(json.dumps(row.to_json()), flush=True)
            return
        from rich.console import Console

        from qdesigner.bench.report import show

        with Console(stderr=True).status("Measuring …") as status:
            rows = list(measure(words, seconds, lambda next: status.update(next.text)))
        show(rows, Console())


@cli.command()
def version() -> None:
    """Print the version."""
    from qdesigner import __version__

    print(f"qdesigner {__version__}")
