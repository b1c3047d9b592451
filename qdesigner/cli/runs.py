"""The verb about runs that are kept: list, show, name, and delete them."""

from __future__ import annotations

import datetime
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdesigner.cli.common import AsJson, cli, is_run, sentences
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.session.runs import RunRow

runs = typer.Typer(
    help="The runs that are kept: list, show, name, and delete them.",
    invoke_without_command=True, no_args_is_help=False,
)  # fmt: skip
cli.add_typer(runs, name="runs")
NAMES = ("name", "state", "epochs", "best", "data", "begun", "size", "folder")
WIDE = 130  # characters of a terminal that has room for all of them
RUN = Annotated[str, typer.Argument(help="A run: its folder, its folder's name, or its own name.")]


@runs.callback()
def list_all(context: typer.Context, as_json: AsJson = False) -> None:
    """List the runs that are kept, the newest first."""
    if context.invoked_subcommand is not None:
        return
    from qdesigner.session.runs import list_runs, runs_folder

    with sentences(as_json):
        rows = list_runs()
    if as_json:
        for row in rows:
            print(json.dumps(row_json(row)))
        return
    if not rows:
        print(f"No runs are kept in {runs_folder()}; `qdesigner train` makes one.")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    # The folder names a run: where there is no room, what else is said of it gives way.
    shown = [n for n in range(len(NAMES)) if console.width >= WIDE or n not in (4, 5, 6)]
    table = Table(*(NAMES[n] for n in shown))
    table.columns[-1].no_wrap = True
    for row in rows:
        table.add_row(*(Text(cells(row)[n]) for n in shown))
    console.print(table)


@runs.command()
def show(run: RUN, as_json: AsJson = False) -> None:
    """Say of one run how it went, and to which epochs one can go back."""
    with sentences(as_json):
        from qdesigner.session.record import kept_epochs
        from qdesigner.session.runs import run_row

        path = found(run)
        row, kept = run_row(path), kept_epochs(path)
        if row.error:
            raise UserError(row.error)
    if as_json:
        print(json.dumps({**row_json(row), "kept": list(kept)}))
        return
    for name, cell in zip(NAMES, cells(row), strict=True):
        print(f"{name:<8}{path if name == 'folder' else cell}")
    print(f"{'kept':<8}{spans(kept) or 'no epochs'}")
    if row.resumable:
        print(f"It can be gone on with: qdesigner train --resume {str(path)!r}")


@runs.command()
def rename(
    run: RUN,
    name: Annotated[str, typer.Argument(help='The new name; "" for its design\'s.')],
    as_json: AsJson = False,
) -> None:
    """Give a run a name."""
    with sentences(as_json):
        from qdesigner.session.runs import rename_run, run_row

        path = found(run)
        rename_run(path, name)
        now = run_row(path).name
    print(json.dumps({"run": str(path), "name": now}) if as_json else f"{path.name} is {now!r} now")


@runs.command()
def delete(
    run: RUN,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a run for good."""
    with sentences(as_json):
        from qdesigner.session.runs import delete_run, discard_run

        path = found(run)
        if not yes:
            if as_json:
                raise UserError("A run is deleted for good: say --yes.")
            typer.confirm(f"Delete {str(path)!r} for good?", abort=True)
        discard_run(delete_run(path))
    print(json.dumps({"deleted": str(path)}) if as_json else f"{path.name} is deleted")


def found(name: str) -> Path:
    """The folder of the run that is called so. Raises UserError."""
    from qdesigner.session.runs import list_runs, runs_folder

    for path in (Path(name), runs_folder() / name):
        if name and is_run(path):
            return path.absolute()
    called = [row.path for row in list_runs() if row.name == name]
    if len(called) == 1:
        return called[0]
    if called:
        folders = ", ".join(path.name for path in called)
        raise UserError(f"Several runs are called {name!r}; name the folder: {folders}.")
    raise UserError(f"There is no run {name!r}; `qdesigner runs` lists all.")


def cells(row: RunRow) -> tuple[str, ...]:
    """A row of the list, as text."""
    if row.error:
        return row.name, "unreadable", "", "", "", "", "", row.path.name
    best = "" if math.isnan(row.best) else f"{row.best:.4f} {row.score}"
    begun = datetime.datetime.fromtimestamp(row.started).strftime("%Y-%m-%d %H:%M")
    return (
        row.name, row.state, f"{row.epochs}/{row.total}", best, row.data,
        begun if row.started else "", f"{row.bytes / 1e6:.1f} MB", row.path.name,
    )  # fmt: skip


def row_json(row: RunRow) -> dict[str, Any]:
    """The same as JSON values; a score that is not known is null."""
    values = {**asdict(row), "path": str(row.path)}
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in values.items()
    }


def spans(numbers: tuple[int, ...]) -> str:
    """1, 2, 3, 8 as "1-3, 8"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)
