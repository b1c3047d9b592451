"""The rows on the terminal: a table for each kind of comparison, and what could not be measured."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from qdesigner.bench.machine import machine
from qdesigner.bench.transfer import PER_EPOCH, WHOLE_RUN, Transfer
from qdesigner.session.comparison import TITLES, Row, duration

TRANSFER_TITLE = "Transfer learning: {} epochs, {} training and {} validation images"
INSTALL = "pip install"


def show(rows: Sequence[Row], console: Console) -> None:
    """Print all rows, grouped."""
    for what, title in TITLES.items():
        some = [row for row in rows if row.what == what and INSTALL not in row.skipped]
        if some:
            console.print(_table(title, some))
    absent = dict.fromkeys(row.skipped for row in rows if INSTALL in row.skipped)
    for sentence in absent:
        console.print(sentence, markup=False, soft_wrap=True)


def _table(title: str, rows: Sequence[Row]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("engine or device")
    for name in ("qubits", "depth", "batch", "median", "× built-in"):
        table.add_column(name, justify="right")
    if skipped := any(row.skipped for row in rows):
        table.add_column("why not", overflow="fold")
    place = None
    for row in rows:
        here = (row.qubits, row.depth, row.batch, row.gates)
        if place not in (None, here):
            table.add_section()
        place = here
        values = [row.name, *(str(n) if n else "" for n in here[:3]), row.measured, row.compared]
        table.add_row(*values, *([row.skipped] if skipped else []))
    return table


def show_transfer(found: Transfer, console: Console) -> None:
    """Print what transfer learning took here and the tutorial's way."""
    table = Table(title=TRANSFER_TITLE.format(found.epochs, *found.images), title_justify="left")
    table.add_column("")
    for name in ("here", "the tutorial's way", "times faster", "bar"):
        table.add_column(name, justify="right")
    table.add_row(
        "whole run", duration(found.run), f"{duration(found.tutorial_run)} *",
        f"{found.whole_run:.0f}", f"{WHOLE_RUN:g}",
    )  # fmt: skip
    table.add_row(
        "per epoch once cached", duration(found.training / found.epochs), duration(found.epoch),
        f"{found.per_epoch:.0f}", f"{PER_EPOCH:g}",
    )  # fmt: skip
    console.print(table)
    on = machine()
    versions = ", ".join(f"{name} {number}" for name, number in on["versions"].items())
    for sentence in (
        f"* One epoch was measured whole ({found.steps} steps of {found.threads} thread(s)) and "
        f"taken {found.epochs} times.",
        f"Here: features {duration(found.features)} once, all epochs {duration(found.training)}, "
        f"the rest is looking through the data; best validation accuracy {found.accuracy:.4f}.",
        f"{on['processor']}, {on['cores']} cores, {on['torch_threads']} torch threads; "
        f"{on['platform']}, Python {on['python']}; {versions}.",
    ):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
