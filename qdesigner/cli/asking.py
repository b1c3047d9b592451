"""Verbs that ask a trained run: predict, trace, evaluate; and where circuits can run: devices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdesigner.cli.common import AsJson, cli, is_run, open_design, sentences
from qdesigner.cli.training import DEVICE, LEVEL, NOISE, SHOTS, device_values
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.design.spec import Design, DeviceSpec
    from qdesigner.training.evaluate import Evaluation


TARGET = Annotated[str | None, typer.Option(help="A remote machine: an ARN, or an IBM backend.")]

EPOCH = Annotated[
    int, typer.Option(min=0, help="The weights after this epoch, where they are kept.")
]


@cli.command()
def predict(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    last: Annotated[
        bool, typer.Option("--last", help="Use the last epoch's weights instead of the best's.")
    ] = False,
    epoch: EPOCH = 0,
    as_json: AsJson = False,
) -> None:
    """Say what is on images, with the model of a run."""
    with sentences(as_json):
        from qdesigner.training.predict import predict as predict_images

        if last and epoch:
            raise UserError("Choose --last or --epoch, not both.")
        rows = predict_images(run, images, best=not last, epoch=epoch)
    for row in rows:
        if as_json:
            print(json.dumps(row.to_json()))
        elif row.error:
            print(f"{row.path}: {row.error}")
        else:
            print(f"{row.path}: {row.name} ({row.confidence:.1%})")
    if any(row.error for row in rows):
        raise typer.Exit(2)


@cli.command()
def trace(
    run: Annotated[Path, typer.Argument(help="A run folder; it may still be trained.")],
    image: Annotated[
        str, typer.Argument(help="An image file, or a validation image by its number from 0.")
    ],
    stage: Annotated[str, typer.Option(help="The quantum stage; the first if left out.")] = "",
    epoch: EPOCH = 0,
    as_json: AsJson = False,
) -> None:
    """Show how an image passes through a run's circuit, and what each operation contributes.

    Each operation is taken away by itself, and each entangling block as a whole: what changes is
    the probability of the image's class, and its margin over the next one. A validation image is
    traced for its true class, a file for the one that is predicted.
    """
    with sentences(as_json):
        from qdesigner.session.onlook import Trace
        from qdesigner.training.onlook import Onlooker
        from qdesigner.training.runs import Run

        numbered = image.isascii() and image.isdecimal() and not Path(image).exists()
        which = {"image": int(image)} if numbered else {"path": image}
        found = Onlooker().trace(Trace(0, str(run), stage, epoch=epoch, **which))
        classes = Run.open(run).classes
    from rich.console import Console

    from qdesigner.cli.tracing import show, to_json

    if as_json:
        print(json.dumps(to_json(found, classes)))
    else:
        show(found, classes, Console())


@cli.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    device: DEVICE = None,
    shots: SHOTS = None,
    noise: NOISE = None,
    noise_level: LEVEL = None,
    target: TARGET = None,
    split: Annotated[str, typer.Option(help="validation, test or train.")] = "validation",
    limit: Annotated[int, typer.Option(min=0, help="So many images, spread evenly; 0: all.")] = 0,
    last: Annotated[
        bool, typer.Option("--last", help="Use the last epoch's weights instead of the best's.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Send to a remote machine without asking.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask a trained run about its images on any device: with shots, with noise, on hardware.

    Before anything is sent to a remote machine, the number of jobs and their expected cost are
    shown and confirmed.
    """
    with sentences(as_json):
        from qdesigner.data.dataset import SPLITS
        from qdesigner.design import edits
        from qdesigner.progress import JsonLines, Terminal
        from qdesigner.training.evaluate import evaluate as ask

        if split not in SPLITS:
            raise UserError(f"There is no split {split!r}; choose one of {', '.join(SPLITS)}.")
        if not is_run(run):
            raise UserError(f"{str(run)!r} is not a run folder: it holds no design.json.")
        values = device_values(device, None, shots, noise, noise_level, target)
        spec = edits.set_device(open_design(str(run)), **values).device
        with JsonLines() if as_json else Terminal() as shown:
            found = ask(
                run, spec, split, limit, not last, shown.show,
                lambda sentence: yes or shown.ask(sentence),
            )  # fmt: skip
    if as_json:
        print(json.dumps(found.to_json()))
        return
    print(
        f"{spec_text(spec)}: {_score_text(found)}, loss {found.loss:.4f}; "
        f"{found.circuits:,} circuits in {found.seconds:.1f} s."
    )


def _score_text(found: Evaluation) -> str:
    if not found.classes:
        return f"mean absolute error {found.accuracy:.4g} over {len(found.keys)} {found.split} rows"
    right = int((found.predictions == found.labels).sum())
    return f"accuracy {found.accuracy:.4f} ({right} of {len(found.keys)} {found.split} images)"


def spec_text(spec: DeviceSpec) -> str:
    """A device in a few words: its name, shots, noise and target."""
    from qdesigner.catalog.devices import DEVICES

    level = f" {spec.noise_level:g}" if DEVICES[spec.name].leveled else ""
    parts = (
        DEVICES[spec.name].label,
        spec.target,
        f"{spec.shots:,} shots" if spec.shots else "exact",
        f"noise {spec.noise}{level}" if spec.noise else "",
    )
    return ", ".join(part for part in parts if part)


@cli.command()
def devices(
    file: Annotated[
        str | None, typer.Argument(help="A project file, run folder or template to predict for.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List where circuits can run: what is installed, what is legal, and what a step would take."""
    with sentences(as_json):
        rows = device_rows(open_design(file) if file is not None else None)
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    from rich.console import Console
    from rich.table import Table

    from qdesigner.design.plan import duration

    table = Table("device", "gradients", "noise" if file is None else "a training step")
    for row in rows:
        noises = row["noises"]
        cell = ", ".join(noises) if len(noises) < 6 else f"{noises[0]} and {len(noises) - 1} more"
        if file is not None:
            cell = row["refusal"]
        if file is not None and row["step_ms"] is not None:
            cell = f"about {duration(row['step_ms'])}, {row['step_circuits']:,} circuits"
        ways = "predicts only" if row["remote"] else ", ".join(row["gradients"])
        table.add_row(row["name"], ways, "" if ways == "predicts only" and file else cell)
    Console().print(table)
    for row in rows:
        if row["missing"]:
            print(f"{row['name']}: {row['missing']}")


def device_rows(design: Design | None) -> list[dict[str, Any]]:
    """Every device as JSON values; with a design, what a training step of it would take there."""
    from qdesigner.catalog.devices import DEVICES, missing, refusal
    from qdesigner.design import edits
    from qdesigner.design.plan import step_cost

    rows = []
    for name, kind in DEVICES.items():
        row: dict[str, Any] = {
            "name": name, "label": kind.label, "missing": missing(kind),
            "gradients": kind.gradients, "exact": kind.exact, "shots": kind.shots,
            "noises": kind.noises, "remote": kind.remote, "max_wires": kind.max_wires,
        }  # fmt: skip
        if design is not None:
            there = edits.set_device(design, name=name)
            circuits = [stage.circuit for stage in there.stages if stage.circuit is not None]
            why = next((w for c in circuits if (w := refusal(there.device, c))), "")
            cost = step_cost(there) if circuits and not why else None
            row |= {
                "refusal": why,
                "step_circuits": cost.circuits if cost else None,
                "step_ms": cost.milliseconds if cost else None,
            }
        rows.append(row)
    return rows
