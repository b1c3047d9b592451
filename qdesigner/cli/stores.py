"""Verbs about what is kept on this machine: backbones and their weights, the cache of features."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdesigner.cli.common import AsJson, cli, sentences
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.catalog.backbones import Backbone


@cli.command()
def backbones(
    search: Annotated[
        str | None, typer.Argument(help="Only those whose name or label holds this.")
    ] = None,
    fetch: Annotated[
        str | None, typer.Option(help="Download the pretrained weights of this one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the backbones: features, weights, accuracy on ImageNet, size of the download.

    With --fetch the weights of one are downloaded ahead; what a break has left is gone on from.
    """
    with sentences(as_json):
        if fetch is not None:
            fetch_one(fetch, as_json)
            return
        rows = found(search or "")
        if not rows:
            raise UserError(
                f"No backbone's name holds {search!r}; `qdesigner backbones` lists all."
            )
    if as_json:
        for row in rows:
            print(json.dumps(row_json(row)))
        return
    from rich.console import Console
    from rich.table import Table

    from qdesigner.session.fetch import is_here

    table = Table("name", "features", "weights", "ImageNet", "input", "download", "cut behind")
    for column in table.columns[1:6]:
        column.justify = "right"
    for row in rows:
        table.add_row(
            row.name, f"{row.features:,}", f"{row.parameters / 1e6:,.1f} M",
            f"{row.accuracy:.1f} %" if row.accuracy else "",
            f"{row.preprocess.crop} px",
            "is here" if is_here(row.name) else f"{row.megabytes:,.0f} MB",
            ", ".join(cut for cut in row.cuts if cut).replace("[", r"\["),
        )  # fmt: skip
    Console().print(table)


def found(search: str) -> list[Backbone]:
    """The backbones whose name, label or licence holds all of the words."""
    from qdesigner.catalog.backbones import BACKBONES

    words = search.lower().split()
    return [
        row
        for row in BACKBONES.values()
        if all(word in f"{row.name} {row.label} {row.licence}".lower() for word in words)
    ]


def row_json(row: Backbone) -> dict[str, Any]:
    """A backbone as JSON values."""
    from qdesigner.session.fetch import is_here

    sizes = {part.name: part.features for part in row.parts[:-1]}
    return {
        "name": row.name, "label": row.label, "features": row.features,
        "parameters": row.parameters, "accuracy": row.accuracy,
        "input": list(row.preprocess.shape), "weights": row.weights, "url": row.url,
        "megabytes": row.megabytes, "licence": row.licence, "here": is_here(row.name),
        "cuts": {cut: sizes[cut] for cut in row.cuts if cut},
    }  # fmt: skip


def fetch_one(name: str, as_json: bool) -> None:
    """Download the weights of one backbone, with progress. Raises UserError."""
    from qdesigner.catalog.backbones import BACKBONES
    from qdesigner.data.weights import fetch_weights
    from qdesigner.progress import JsonLines, Terminal
    from qdesigner.session.events import Progress

    row = BACKBONES.get(name)
    if row is None:
        raise UserError(f"There is no backbone {name!r}; `qdesigner backbones` lists them.")
    with JsonLines() if as_json else Terminal() as shown:
        path = fetch_weights(
            row, lambda what, done, total: shown.show(Progress(f"downloading {what}", done, total))
        )
    if as_json:
        print(json.dumps({"event": "fetched", "name": name, "path": str(path)}))
    else:
        print(f"The weights of {row.label} are here: {path} ({row.licence}).")


@cli.command()
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete all kept features.")] = False,
    cap: Annotated[
        float | None, typer.Option(help="The most that they may take, in GB; 0 keeps none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the features of frozen fronts that are kept on disk; clear or limit them."""
    with sentences(as_json):
        from qdesigner.session import cache as store

        if cap is not None:
            store.set_cap(cap)
            if store.cap_is_fixed() and not as_json:
                print("QDESIGNER_CACHE_GB is set and comes before this limit.")
        freed = store.clear() if clear else 0
        entries, limit = store.entries(), store.cap()
    if as_json:
        for entry in entries:
            print(json.dumps({
                "what": entry.what, "images": entry.images, "shape": entry.shape,
                "bytes": entry.bytes, "used": entry.used, "folder": str(entry.folder),
            }))  # fmt: skip
        total = sum(entry.bytes for entry in entries)
        print(json.dumps({"bytes": total, "cap": limit, "freed": freed}))
        return
    if clear:
        print(f"Deleted {store.size_text(freed)} of features.")
    for entry in entries:
        shape = " × ".join(f"{size:,}" for size in entry.shape) or "?"
        print(
            f"{store.size_text(entry.bytes):>10}  {entry.what}: {shape} features of "
            f"{entry.images:,} images"
        )
    used = store.size_text(sum(entry.bytes for entry in entries))
    print(f"{used} of at most {limit / store.GB:g} GB, in {store.folder()}")
