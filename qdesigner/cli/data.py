"""The verb that looks through data, and what chooses data on the command line."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdesigner.cli.common import AsJson, cli, is_run, open_design, sentences, template_names
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.design.spec import Augmentation, DataSpec, Design
    from qdesigner.session.survey import Surveyed

TELL_EVERY = 1 / 10  # s
SHOWN = 20  # skipped files, and images that are there twice, that a terminal lists

LABEL = Annotated[str | None, typer.Option(help="The table's column with the label.")]
TASK = Annotated[
    str | None, typer.Option(help="classify or regress: whether the label is a number.")
]
COLUMNS = Annotated[
    str | None, typer.Option(help="The table's columns that are features, with commas.")
]
STANDARDISE = Annotated[
    bool | None,
    typer.Option(
        "--standardise/--as-it-is", help="Bring a table's features to mean 0 and deviation 1."
    ),
]
CLASSES = Annotated[str | None, typer.Option(help="Only these classes, with commas.")]
LIMIT = Annotated[int | None, typer.Option(help="So many samples a class and split; 0: all.")]
BALANCED = Annotated[
    bool | None,
    typer.Option(
        "--balanced/--unbalanced", help="Train on as many of every class as the smallest has."
    ),
]
VALIDATION = Annotated[float | None, typer.Option(help="Share to validate on, if unsplit.")]
TEST = Annotated[float | None, typer.Option(help="Share to keep for a test, if unsplit.")]
HELD_OUT = Annotated[
    str | None,
    typer.Option(
        help="What the data's own held-out split is for, if it has just one: validation or test."
    ),
]
SPLIT_SEED = Annotated[int | None, typer.Option(help="Seed of the split.")]
SIZE = Annotated[
    int | None, typer.Option(help="Side of the images, for a model without a backbone.")
]
CHANNELS = Annotated[int | None, typer.Option(help="1: grey, 3: colour; without a backbone.")]
AUGMENT = Annotated[
    str | None,
    typer.Option(
        help='Vary the training images: "flip,crop=0.8,rotation=10,colour=0.2,variants=8", or none.'
    ),
]
SAMPLES = Annotated[int | None, typer.Option(help="How many points spirals and moons have.")]
SPREAD = Annotated[float | None, typer.Option(help="Deviation of the noise of their points.")]


def data_values(**given: Any) -> dict[str, Any]:
    """Those of a DataSpec's fields that the command line gives. Raises UserError."""
    values = {name: value for name, value in given.items() if value is not None}
    for name in ("columns", "classes"):
        if name in values:
            words = (word.strip() for word in values[name].split(","))
            values[name] = tuple(word for word in words if word)
    if "augmentation" in values:
        values["augmentation"] = augmentation(values["augmentation"])
    return values


def augmentation(text: str) -> Augmentation:
    """What "flip,crop=0.8,rotation=10" says; "none" is no augmentation. Raises UserError."""
    from pydantic import ValidationError

    from qdesigner.design.spec import Augmentation

    values: dict[str, Any] = {}
    for word in text.replace(" ", "").split(","):
        name, equals, number = word.partition("=")
        name = "colour" if name == "color" else name
        if word in ("none", ""):
            continue
        if name not in Augmentation.model_fields or (name == "flip") == bool(equals):
            raise UserError(
                "--augment takes flip, crop=SHARE, rotation=DEGREES, colour=STRENGTH and "
                f"variants=NUMBER, with commas between them; not {word!r}."
            )
        values[name] = number or True
    try:
        return Augmentation(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--augment {first['loc'][0]}: {first['msg']}.") from error


def with_data(design: Design, data: str | None, values: dict[str, Any] | None = None) -> Design:
    """The design on what ``data`` names, with other ``values`` of its DataSpec; rows of numbers go
    without a backbone. Raises UserError."""
    from qdesigner.catalog.sources import TABLE
    from qdesigner.design import edits

    values = dict(values or {})
    if data is not None:
        design = edits.use_data(design, data)
        if design.data.rows and design.backbone is not None:
            design = edits.remove_stage(design, design.backbone.id)
    label, task = values.pop("label", None), values.pop("task", None)
    of_tables = [name for name in ("columns", "standardise") if name in values]
    if (label is not None or task is not None or of_tables) and design.data.source != TABLE:
        raise UserError(
            "Only a table has columns: give --label, --task, --columns and --standardise with a "
            "table."
        )
    if task not in (None, "classify", "regress"):
        raise UserError(f"There is no task {task!r}; choose classify or regress.")
    if label is not None or task is not None:
        design = edits.use_table(design, design.data.path, label or design.data.label, task or "")
    return edits.set_data(design, **values) if values else design


@cli.command()
def data(
    what: Annotated[
        str,
        typer.Argument(
            help="An image folder, a CSV of image files, a table, a source (digits, mnist, "
            "fashion_mnist, cifar10, hymenoptera, spirals, moons), or a project, whose data it is."
        ),
    ],
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Download a public set that is not here yet.")
    ] = False,
    label: LABEL = None,
    task: TASK = None,
    columns: COLUMNS = None,
    validation: VALIDATION = None,
    test: TEST = None,
    held_out: HELD_OUT = None,
    split_seed: SPLIT_SEED = None,
    samples: SAMPLES = None,
    spread: SPREAD = None,
    as_json: AsJson = False,
) -> None:
    """Look through data: classes and splits, what is skipped and why, what is there twice.

    Every file is opened once. An image that is in two splits makes a result look better than it
    is: such leaks are named.
    """
    with sentences(as_json):
        from qdesigner.design.spec import Design

        values = data_values(
            label=label, task=task, columns=columns, validation=validation, test=test,
            held_out=held_out, seed=split_seed, samples=samples, noise=spread,
        )  # fmt: skip
        # A file or a run of that name is meant before a source is.
        project = what in template_names() or is_run(Path(what)) or what.endswith(".qdesign")
        begun = open_design(what) if project else Design()
        spec = with_data(begun, None if project else what, values).data
        if not (fetch or is_here(spec)):
            _say_known(spec, as_json)
            return
        found = _surveyed(spec, as_json)
    if as_json:
        print(json.dumps(survey_json(found)))
    else:
        _say(found)


def is_here(spec: DataSpec) -> bool:
    """Whether nothing of ``spec`` has to be fetched."""
    from qdesigner.catalog.sources import DOWNLOADED

    if spec.source not in DOWNLOADED:
        return True
    from qdesigner.data.sets import is_here

    return is_here(spec)


def _surveyed(spec: DataSpec, as_json: bool) -> Surveyed:
    from qdesigner.data.survey import survey
    from qdesigner.progress import JsonLines, Terminal
    from qdesigner.session.events import Progress

    last = [0.0]
    with JsonLines() if as_json else Terminal() as shown:

        def tell(what: str, done: int, total: int) -> None:
            now = time.perf_counter()
            if now - last[0] >= TELL_EVERY or done == total:
                last[0] = now
                shown.show(Progress(what, done, total))

        return survey(0, spec, tell)


def survey_json(found: Surveyed) -> dict[str, Any]:
    """A survey as JSON values, without its pictures."""
    return {
        "event": "surveyed",
        "source": found.spec.source,
        "path": found.spec.path,
        "bytes": found.bytes,
        "classes": [
            {"name": c.name, "train": c.train, "validation": c.validation, "test": c.test}
            for c in found.classes
        ],
        "skipped": [{"path": skip.path, "reason": skip.reason} for skip in found.skipped],
        "twins": [
            {"leaks": twins.leaks, "places": [list(place) for place in twins.places]}
            for twins in found.twins
        ],
        "columns": list(found.columns),
        "labels": list(found.labels),
    }


def _say_known(spec: DataSpec, as_json: bool) -> None:
    """What is known of a public set that is not here."""
    from qdesigner.catalog.sets import SETS
    from qdesigner.design.facts import data_facts

    row, facts = SETS[spec.source], data_facts(spec)
    if as_json:
        rows = zip(facts.classes, facts.by_class, strict=True)
        classes = [
            {"name": name, "train": train, "validation": validation, "test": test}
            for name, (train, validation, test) in rows
        ]
        known = {"event": "known", "source": spec.source, "bytes": row.bytes, "classes": classes}
        print(json.dumps(known))
        return
    _print_classes([(n, *c) for n, c in zip(facts.classes, facts.by_class, strict=True)])
    print(
        f"{row.label} is not on this machine; --fetch downloads its {row.bytes / 1e6:,.1f} MB, "
        "and so does training."
    )


def _print_classes(rows: list[tuple[str, int, int, int]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("class")
    for column in ("training", "validation", "test", "all"):
        table.add_column(column, justify="right")
    for name, *counts in rows:
        table.add_row(Text(name), *(f"{count:,}" for count in (*counts, sum(counts))))
    if len(rows) > 1:
        sums = [sum(counts) for counts in zip(*(row[1:] for row in rows), strict=True)]
        table.add_section()
        table.add_row("all", *(f"{count:,}" for count in (*sums, sum(sums))))
    Console().print(table)


def _say(found: Surveyed) -> None:
    if found.columns or found.labels:
        print(f"Number columns: {', '.join(found.columns) or 'none'}.")
        others = [name for name in found.labels if name not in found.columns]
        if others:
            print(f"Other columns: {', '.join(others)}.")
    if found.spec.label and found.classes:
        said = "The number to predict is" if found.spec.task == "regress" else "The label is"
        print(f"{said} {found.spec.label!r}, from {', '.join(found.spec.columns)}.")
    if found.classes:
        _print_classes(
            [(c.name or "(a number)", c.train, c.validation, c.test) for c in found.classes]
        )
    if found.bytes:
        print(f"{found.bytes / 1e6:,.1f} MB.")
    if found.skipped:
        _print_list(
            f"{len(found.skipped):,} skipped:",
            [f"{_near(skip.path, found.spec)}: {skip.reason}" for skip in found.skipped],
        )
    what = "rows" if found.spec.rows else "images"
    for leaks, words in (
        (True, "are in more than one split (leakage)"),
        (False, "are there twice"),
    ):
        twins = [twins for twins in found.twins if twins.leaks == leaks]
        lines = [
            " = ".join(f"{_near(path, found.spec)} ({split})" for split, path in each.places)
            for each in twins
        ]
        if lines:
            _print_list(f"{len(lines):,} {what} {words}:", lines)


def _near(path: str, spec: DataSpec) -> str:
    """A file's name within its data."""
    try:
        return Path(path).relative_to(spec.path).as_posix() if spec.path else path
    except ValueError:
        return path


def _print_list(title: str, lines: list[str]) -> None:
    print(title)
    for line in lines[:SHOWN]:
        print(f"    {line}")
    if len(lines) > SHOWN:
        print(f"    … and {len(lines) - SHOWN:,} more; --json lists them.")
