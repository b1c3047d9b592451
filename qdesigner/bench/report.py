"""The rows on the terminal: a table for each kind of comparison, and what could not be measured."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from qdesigner.session.comparison import TITLES, Row

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
