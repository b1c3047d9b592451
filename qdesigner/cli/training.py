"""The verb that trains, and what changes a design on the command line."""

from __future__ import annotations

import contextlib
import difflib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdesigner.cli import values
from qdesigner.cli.common import AsJson, cli, is_run, open_design, sentences
from qdesigner.cli.data import (
    AUGMENT,
    BALANCED,
    CHANNELS,
    CLASSES,
    COLUMNS,
    HELD_OUT,
    LABEL,
    LIMIT,
    SAMPLES,
    SIZE,
    SPLIT_SEED,
    SPREAD,
    STANDARDISE,
    TASK,
    TEST,
    VALIDATION,
    data_values,
    with_data,
)
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.design.spec import Design


DEVICE = Annotated[str | None, typer.Option(help="Run the circuits here; see `devices`.")]
GRADIENT = Annotated[str | None, typer.Option(help="auto, adjoint, backprop or parameter-shift.")]
SHOTS = Annotated[int | None, typer.Option(help="Measurements of each circuit; 0: exact values.")]
NOISE = Annotated[
    str | None, typer.Option(help="A channel (default.mixed), or a real backend's (qiskit.aer).")
]
LEVEL = Annotated[float | None, typer.Option(help="The channel's probability after each gate.")]


@cli.command()
def train(
    file: Annotated[str | None, typer.Argument(help="A project file or a template's name.")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Train on this: an image folder, a CSV of image files, a table, or a source "
            "(digits, mnist, fashion_mnist, cifar10, hymenoptera, spirals, moons). Rows of "
            "numbers go without the project's backbone."
        ),
    ] = None,
    label: LABEL = None,
    task: TASK = None,
    columns: COLUMNS = None,
    standardise: STANDARDISE = None,
    classes: CLASSES = None,
    limit: LIMIT = None,
    balanced: BALANCED = None,
    validation: VALIDATION = None,
    test: TEST = None,
    held_out: HELD_OUT = None,
    split_seed: SPLIT_SEED = None,
    size: SIZE = None,
    channels: CHANNELS = None,
    augment: AUGMENT = None,
    samples: SAMPLES = None,
    spread: SPREAD = None,
    backbone: Annotated[str | None, typer.Option(help="Use this backbone instead.")] = None,
    backbone_weights: Annotated[
        str | None, typer.Option(help='The backbone\'s weights: a file, "pretrained" or "random".')
    ] = None,
    front: Annotated[
        Path | None,
        typer.Option(help="Begin with the front of this run's model, frozen as it was trained."),
    ] = None,
    upto: Annotated[
        str | None, typer.Option(help="The last stage of --front; without it, all but its head.")
    ] = None,
    epochs: values.EPOCHS = None,
    batch_size: values.BATCH_SIZE = None,
    lr: values.RATE = None,
    optimizer: values.OPTIMIZER = None,
    momentum: values.MOMENTUM = None,
    weight_decay: values.DECAY = None,
    schedule: values.SCHEDULE = None,
    step_size: values.EVERY = None,
    gamma: values.GAMMA = None,
    patience: values.PATIENCE = None,
    warmup: values.WARMUP = None,
    loss: values.LOSS = None,
    label_smoothing: values.SMOOTHING = None,
    class_weights: values.CLASS_WEIGHTS = None,
    clip: values.CLIP = None,
    early_stopping: values.EARLY = None,
    compute: values.COMPUTE = None,
    mixed: values.MIXED = None,
    seed: values.SEED = None,
    device: DEVICE = None,
    gradient: GRADIENT = None,
    shots: SHOTS = None,
    noise: NOISE = None,
    noise_level: LEVEL = None,
    out: Annotated[Path | None, typer.Option(help="The run folder to write.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Go on with this run folder from its last checkpoint, by its own design."
        ),
    ] = None,
    branch: Annotated[
        Path | None,
        typer.Option(
            help="Begin a new run with the weights that this run had; by its own design, where no "
            "project is named."
        ),
    ] = None,
    epoch: Annotated[
        int | None,
        typer.Option(min=1, help="The epoch that --branch begins with; without it, the last."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a project; Ctrl+C stops after the current step and keeps the checkpoints."""
    with sentences(as_json):
        training = {
            "epochs": epochs, "batch_size": batch_size, "learning_rate": lr,
            "optimizer": optimizer, "momentum": momentum, "weight_decay": weight_decay,
            "schedule": schedule, "step_size": step_size, "gamma": gamma, "patience": patience,
            "warmup": warmup, "loss": loss, "label_smoothing": label_smoothing,
            "class_weights": class_weights, "clip": clip, "early_stopping": early_stopping,
            "compute": compute, "mixed": mixed, "seed": seed,
        }  # fmt: skip
        running = device_values(device, gradient, shots, noise, noise_level)
        chosen = data_values(
            label=label, task=task, columns=columns, standardise=standardise, classes=classes,
            limit=limit, balanced=balanced, validation=validation, test=test, held_out=held_out,
            seed=split_seed, size=size, channels=channels, augmentation=augment, samples=samples,
            noise=spread,
        )  # fmt: skip
        changes = (
            data, backbone, backbone_weights, front, upto, out, branch, epoch,
            *training.values(),
        )  # fmt: skip
        if resume is not None and (
            running or chosen or any(value is not None for value in changes)
        ):
            raise UserError(
                "A run goes on by its own design and in its own folder: give --resume alone."
            )
        design = adjusted(
            with_data(beginning(file, resume, branch, epoch), data, chosen), backbone,
            backbone_weights, training, running,
        )  # fmt: skip
        if upto is not None and front is None:
            raise UserError("--upto names a stage of the run that --front names: give both.")
        if front is not None:
            from qdesigner.design.fronts import use_front

            design = use_front(design, str(front), upto or "")
        from qdesigner.design.checks import require_trainable

        require_trainable(design)
        run_training(
            design, str(out or ""), str(resume or ""), as_json, str(branch or ""), epoch or 0
        )


def beginning(
    file: str | None, resume: Path | None, branch: Path | None, epoch: int | None
) -> Design:
    """The design that a run begins with: the project's, or else that of the run that is gone on
    with or branched from. Raises UserError."""
    from qdesigner.session.record import design_at

    for run in (resume, branch):
        if run is not None and not is_run(run):
            raise UserError(f"{str(run)!r} is not a run folder: it holds no design.json.")
    if epoch is not None and branch is None:
        raise UserError("--epoch is that of the run that --branch names: give both.")
    if resume is None and branch is not None and file is None and epoch:
        return design_at(branch, epoch).without_run()
    name = resume or file or branch
    if name is None:
        raise UserError("Name a project file or a template to train, or a run to --resume.")
    return open_design(str(name))


def adjusted(
    design: Design,
    backbone: str | None,
    weights: str | None,
    training: dict[str, Any],
    device: dict[str, Any] | None = None,
) -> Design:
    """The design with the command line's changes. Raises UserError."""
    from qdesigner.catalog.backbones import BACKBONES
    from qdesigner.design import edits

    try:
        str(weights).encode()
    except UnicodeEncodeError as error:
        raise UserError(f"The name {weights!r} is not text; rename it.") from error
    if backbone is not None and backbone not in BACKBONES:
        near = ", ".join(difflib.get_close_matches(backbone, BACKBONES, 4, 0.5))
        raise UserError(
            f"There is no backbone {backbone!r}; "
            f"{f'near: {near}; ' if near else ''}`qdesigner backbones` lists them."
        )
    if backbone is not None or weights is not None:
        if design.backbone is None:
            raise UserError("This project has no backbone to exchange.")
        model = backbone or design.backbone.settings.text("model")
        origin = weights or "pretrained"
        if origin not in ("pretrained", "random"):
            origin = str(Path(origin).absolute())
        design = edits.set_backbone(design, model, origin)
    given = {name: value for name, value in training.items() if value is not None}
    if given:
        design = edits.set_training(design, **given)
    return edits.set_device(design, **device) if device else design


def device_values(
    name: str | None,
    gradient: str | None = None,
    shots: int | None = None,
    noise: str | None = None,
    noise_level: float | None = None,
    target: str | None = None,
) -> dict[str, Any]:
    """Those of a device's values that the command line gives."""
    values = {
        "name": name, "gradient": gradient, "shots": shots, "noise": noise,
        "noise_level": noise_level, "target": target,
    }  # fmt: skip
    return {key: value for key, value in values.items() if value is not None}


class CtrlC:
    """Ctrl+C, or a request of the system to end, as the loop's wish to stop; a second one ends the
    program at once."""

    def __init__(self) -> None:
        self._wish = "run"

    def wish(self) -> str:
        """ "run", or "stop" after Ctrl+C."""
        return self._wish

    def wait(self) -> None:
        """Never pauses, so never waits."""

    def changes(self) -> tuple[()]:
        """Nothing is changed on its way."""
        return ()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen for them meanwhile."""

        def on_signal(number: int, frame: Any) -> None:
            if self._wish == "stop":
                raise KeyboardInterrupt
            self._wish = "stop"

        numbers = (signal.SIGINT, signal.SIGTERM)
        kept = [signal.signal(number, on_signal) for number in numbers]
        try:
            yield
        finally:
            for number, before in zip(numbers, kept, strict=True):
                signal.signal(number, before)


def run_training(
    design: Design, out: str, resume: str, as_json: bool, branch: str = "", epoch: int = 0
) -> str:
    """Train with progress on the terminal; the run's folder. Exits with 130 when interrupted."""
    from qdesigner.progress import JsonLines, Terminal
    from qdesigner.session import events

    last: list[events.Event] = []
    control = CtrlC()
    with JsonLines() if as_json else Terminal() as shown, control.listening():
        from qdesigner.training.loop import train as train_design

        def emit(event: events.Event) -> None:
            last[:] = [event]
            shown.show(event)

        train_design(
            design, emit, control, out=out, resume=resume, branch=branch, epoch=epoch
        )  # fmt: skip
    if isinstance(last[0], events.Stopped):
        raise typer.Exit(130)
    assert isinstance(last[0], events.Finished)
    return last[0].run
