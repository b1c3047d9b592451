"""The trace of an image on the terminal: a table of states, and one of what each operation does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from qdesigner.session.onlook import Removed, Traced

MOST = 16  # operations that are shown; --json has them all


def to_json(found: Traced, classes: Sequence[str]) -> dict[str, Any]:
    """The trace as JSON values; ``class`` is the name of the class that is traced."""
    row = {"event": "traced", **asdict(found)}
    for name in ("serial", "truth", "error"):
        del row[name]
    row["class"] = classes[found.truth] if classes else None
    row["angles"] = found.angles.tolist()
    for layer in row["layers"]:
        layer["bloch"] = layer["bloch"].tolist()
    return row


def show(found: Traced, classes: Sequence[str], console: Console) -> None:
    """Print the trace for people."""
    if classes:
        said = f"{classes[found.truth]!r} with probability {found.probability:.4f}, "
        said += f"margin {found.margin:+.3f}"
    else:
        said = f"{found.probability:.6g}"
    console.print(f"After epoch {found.epoch}: {said}.", markup=False, highlight=False)
    if found.note:
        console.print(found.note, markup=False, highlight=False)
    console.print(_states(found))
    if found.entanglers:
        console.print(_removals("Without a whole entangling block", found.entanglers, classes))
    if found.removed:
        most = sorted(found.removed, key=lambda each: -abs(each.margin))
        console.print(_removals("Without one operation, the largest change first", most, classes))


def _states(found: Traced) -> Table:
    table = Table(title=f"⟨Z⟩ and length of each wire's Bloch vector, {found.stage}",
                  title_justify="left")  # fmt: skip
    table.add_column("after")
    wires = len(found.layers[0].bloch) if found.layers else 0
    for wire in range(wires):
        table.add_column(f"wire {wire}", justify="right")
    for layer in found.layers:
        lengths = (layer.bloch**2).sum(axis=1) ** 0.5
        cells = [f"{z:+.2f}, {r:.2f}" for z, r in zip(layer.bloch[:, 2], lengths, strict=True)]
        table.add_row(layer.label, *cells)
    return table


def _removals(title: str, rows: Sequence[Removed], classes: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    whole = all(row.label == row.within for row in rows)
    for name in ("block",) if whole else ("operation", "of"):
        table.add_column(name)
    table.add_column("wires")
    for name in ("probability", "margin") if classes else ("the number", "closeness"):
        table.add_column(name, justify="right")
    for row in rows[:MOST]:
        names = (row.label,) if whole else (row.label, row.within)
        wires = " ".join(map(str, row.wires))
        table.add_row(*names, wires, f"{row.probability:+.4f}", f"{row.margin:+.3f}")
    if len(rows) > MOST:
        table.caption, table.caption_justify = f"and {len(rows) - MOST} more: --json", "left"
    return table
