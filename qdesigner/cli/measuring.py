"""Verbs about the program itself: bench, version."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from qdesigner.cli.common import AsJson, cli, open_design, sentences
from qdesigner.errors import UserError

TRANSFER_EPOCHS = 30


@cli.command()
def bench(
    what: Annotated[
        str | None,
        typer.Option(help="Only these, with commas: step,device,circuit,edit,memory,training."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.0, help="About how long to measure each row.")
    ] = 0.4,
    transfer: Annotated[
        bool, typer.Option("--transfer", help="Transfer learning beside the tutorial's way.")
    ] = False,
    data: Annotated[
        str | None, typer.Option(help="Of --transfer: an image folder, or hymenoptera (as usual).")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Of --transfer: a file with MobileNetV2's weights.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time steps, circuits and devices on this machine beside PennyLane, Qiskit and plain torch.

    Every row is the median of turns taken with the built-in engine in one process, and nothing is
    timed before its values and gradients agree. All of it takes about two minutes.

    With --transfer a whole run of the tutorial's model on MobileNetV2 is timed: features once and
    30 epochs here, beside an epoch with a circuit for each image and the backbone in every step.
    """
    with sentences(as_json):
        if transfer:
            if what is not None:
                raise UserError("Give --transfer or --what, not both.")
            _transfer(data or "hymenoptera", weights, as_json)
            return
        if data is not None or weights is not None:
            raise UserError("--data and --weights belong to --transfer; give it too.")
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


def _transfer(data: str, weights: str | None, as_json: bool) -> None:
    """Measure the tutorial's template on MobileNetV2. Raises UserError."""
    from rich.console import Console

    from qdesigner.cli.data import with_data
    from qdesigner.cli.training import adjusted

    template = with_data(open_design("quantum-transfer-learning"), data)
    training = {"epochs": TRANSFER_EPOCHS, "batch_size": 4}
    design = adjusted(template, "mobilenet_v2", weights, training)

    from qdesigner.bench.report import show_transfer
    from qdesigner.bench.transfer import transfer

    with Console(stderr=True).status("Measuring …") as status:
        found = transfer(design, status.update)
    if as_json:
        print(json.dumps(found.to_json()))
    else:
        show_transfer(found, Console())


@cli.command()
def version() -> None:
    """Print the version."""
    from qdesigner import __version__

    print(f"qdesigner {__version__}")
