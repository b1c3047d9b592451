"""Every verb of the program that needs no screen. Each imports what it needs when it is called."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.design.spec import Design, DeviceSpec

cli = typer.Typer(
    name="qdesigner",
    help="Draw a hybrid quantum-classical image classifier, watch it learn, export it as Python.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON value a line, for machines.")]


@contextlib.contextmanager
def sentences(as_json: bool = False) -> Iterator[None]:
    """Turn what the user can mend into one sentence and exit code 2."""
    try:
        yield
    except UserError as error:
        fail(str(error), as_json)
    except BrokenPipeError:
        raise  # whoever read us has gone, and click ends quietly
    except OSError as error:
        where = f" ({str(error.filename)[:300]})" if error.filename else ""
        fail(f"The system refused: {error.strerror or error}{where}.", as_json)
    except KeyboardInterrupt:
        fail("Interrupted.", as_json, code=130)


def fail(sentence: str, as_json: bool = False, code: int = 2) -> NoReturn:
    """Say what is wrong and end with exit code 2, or another."""
    sentence = sentence if sentence.endswith((".", "!", "?", ")")) else sentence + "."
    if as_json:
        print(json.dumps({"event": "failed", "reason": sentence}), flush=True)
    print(f"qdesigner: {sentence}", file=sys.stderr)
    raise typer.Exit(code)


@cli.callback()
def speak_anywhere() -> None:
    """A sign that the terminal or the file cannot take (⟨Z⟩, or a name's stray byte) is written
    by its number, and never ends the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def template_names() -> list[str]:
    """The shipped templates' names."""
    from qdesigner.paths import resource

    return sorted(path.stem for path in resource("templates").glob("*.qdesign"))


def is_run(path: Path) -> bool:
    """Whether a folder is a run's."""
    from qdesigner.session.record import DESIGN

    return (path / DESIGN).is_file()


def open_design(name: str) -> Design:
    """The Design in a file, of a run folder, or of a template. Raises UserError."""
    from qdesigner.design import codec
    from qdesigner.paths import resource
    from qdesigner.session.record import DESIGN

    path = Path(name)
    if is_run(path):
        return codec.load(path / DESIGN)
    if name in template_names() and not path.exists():
        return codec.load(resource(f"templates/{name}.qdesign"))
    if not path.exists():
        raise UserError(
            f"There is no file {name!r}, and no template of that name "
            f"(templates: {', '.join(template_names())})."
        )
    return codec.load(path)


@cli.command()
def templates(as_json: AsJson = False) -> None:
    """List the templates that come with qdesigner."""
    with sentences(as_json):
        rows = [(name, open_design(name)) for name in template_names()]
    if as_json:
        print(json.dumps([{"name": n, "title": d.name, "about": d.about} for n, d in rows]))
        return
    for name, design in rows:
        print(f"{name}\n    {design.name}. {design.about}\n")


@cli.command()
def new(
    template: Annotated[str, typer.Argument(help="A template's name; see `qdesigner templates`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The project file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Begin a project from a template."""
    with sentences():
        from qdesigner.design import codec

        if template not in template_names():
            raise UserError(f"There is no template {template!r}; see `qdesigner templates`.")
        if output.exists() and not force:
            raise UserError(f"{str(output)!r} exists already; name another file or use --force.")
        codec.save(open_design(template), output)
    print(f"Wrote {output}; open it with: qdesigner {shlex.quote(str(output))}")


@cli.command()
def check(
    file: Annotated[str, typer.Argument(help="A project file, run folder or template.")],
    as_json: AsJson = False,
) -> None:
    """Name what is wrong or doubtful in a project; exit code 2 when it cannot be trained."""
    with sentences(as_json):
        from qdesigner.circuit.text import diagram
        from qdesigner.design.checks import problems

        design = open_design(file)
        found = problems(design)
    if as_json:
        rows = [{"severity": p.severity, "where": p.where, "text": p.text} for p in found]
        print(json.dumps({"name": design.name, "problems": rows}))
    else:
        for problem in found:
            if problem.severity == "warning":
                print(f"warning: {problem.text}")
        for stage in design.stages:
            drawn = f"  {diagram(stage.circuit)}" if stage.circuit is not None else ""
            print(f"{stage.id:<20} {stage.row.label}{drawn}")
    errors = [problem.text for problem in found if problem.severity == "error"]
    if errors:
        for text in errors:
            print(f"qdesigner: {text}", file=sys.stderr)
        raise typer.Exit(2)
    if not as_json:
        print(f"{design.name}: ready to train.")


DEVICE = Annotated[str | None, typer.Option(help="Run the circuits here; see `devices`.")]
GRADIENT = Annotated[str | None, typer.Option(help="auto, adjoint, backprop or parameter-shift.")]
SHOTS = Annotated[int | None, typer.Option(help="Measurements of each circuit; 0: exact values.")]
NOISE = Annotated[
    str | None, typer.Option(help="A channel (default.mixed), or a real backend's (qiskit.aer).")
]
LEVEL = Annotated[float | None, typer.Option(help="The channel's probability after each gate.")]
TARGET = Annotated[str | None, typer.Option(help="A remote machine: an ARN, or an IBM backend.")]


@cli.command()
def train(
    file: Annotated[str | None, typer.Argument(help="A project file or a template's name.")] = None,
    data: Annotated[Path | None, typer.Option(help="Train on this image folder.")] = None,
    backbone: Annotated[str | None, typer.Option(help="Use this backbone instead.")] = None,
    backbone_weights: Annotated[
        str | None, typer.Option(help='The backbone\'s weights: a file, "pretrained" or "random".')
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs to train.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights and order.")] = None,
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
    as_json: AsJson = False,
) -> None:
    """Train a project; Ctrl+C stops after the current step and keeps the checkpoints."""
    with sentences(as_json):
        training = {"epochs": epochs, "batch_size": batch_size, "learning_rate": lr, "seed": seed}
        running = device_values(device, gradient, shots, noise, noise_level)
        changes = (data, backbone, backbone_weights, out, *training.values())
        if resume is not None and (running or any(value is not None for value in changes)):
            raise UserError(
                "A run goes on by its own design and in its own folder: give --resume alone."
            )
        if resume is not None and not is_run(resume):
            raise UserError(f"{str(resume)!r} is not a run folder: it holds no design.json.")
        if resume is None and file is None:
            raise UserError("Name a project file or a template to train, or a run to --resume.")
        design = adjusted(
            open_design(str(resume or file)), data, backbone, backbone_weights, training, running
        )
        from qdesigner.design.checks import require_trainable

        require_trainable(design)
        run_training(design, str(out or ""), str(resume or ""), as_json)


def adjusted(
    design: Design,
    data: Path | None,
    backbone: str | None,
    weights: str | None,
    training: dict[str, Any],
    device: dict[str, Any] | None = None,
) -> Design:
    """The design with the command line's changes. Raises UserError."""
    from qdesigner.catalog.backbones import BACKBONES
    from qdesigner.design import edits

    for path in (data, weights):
        try:
            str(path).encode()
        except UnicodeEncodeError as error:
            raise UserError(f"The name {str(path)!r} is not text; rename it.") from error
    if data is not None:
        design = edits.set_data(design, source="folder", path=str(data.absolute()), classes=())
    if backbone is not None and backbone not in BACKBONES:
        raise UserError(f"There is no backbone {backbone!r}; known: {', '.join(BACKBONES)}.")
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
    """Ctrl+C as the loop's wish to stop; a second one ends the program at once."""

    def __init__(self) -> None:
        self._wish = "run"

    def wish(self) -> str:
        """ "run", or "stop" after Ctrl+C."""
        return self._wish

    def wait(self) -> None:
        """Never pauses, so never waits."""

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen for Ctrl+C meanwhile."""

        def on_signal(number: int, frame: Any) -> None:
            if self._wish == "stop":
                raise KeyboardInterrupt
            self._wish = "stop"

        kept = signal.signal(signal.SIGINT, on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, kept)


def run_training(design: Design, out: str, resume: str, as_json: bool) -> str:
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

        train_design(design, emit, control, out=out, resume=resume)
    if isinstance(last[0], events.Stopped):
        raise typer.Exit(130)
    assert isinstance(last[0], events.Finished)
    return last[0].run


@cli.command()
def predict(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    last: Annotated[
        bool, typer.Option("--last", help="Use the last epoch's weights instead of the best's.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is on images, with the model of a run."""
    with sentences(as_json):
        from qdesigner.training.predict import predict as predict_images

        rows = predict_images(run, images, best=not last)
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
    right = int((found.predictions == found.labels).sum())
    print(
        f"{spec_text(spec)}: accuracy {found.accuracy:.4f} ({right} of {len(found.keys)} {split} "
        f"images), loss {found.loss:.4f}; {found.circuits:,} circuits in {found.seconds:.1f} s."
    )


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


@cli.command()
def export(
    file: Annotated[str, typer.Argument(help="A project file, a run folder or a template.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The script to write.")],
    as_json: AsJson = False,
) -> None:
    """Write a Python script that runs without qdesigner, with weights and golden images."""
    with sentences(as_json):
        path, trained = export_to(file, output)
    if as_json:
        print(json.dumps({"event": "exported", "path": str(path), "trained": trained}))
    else:
        if not trained:
            print("No run has trained this very model: the script holds its first weights.")
        print(f"Wrote {path}; check it with: python {shlex.quote(str(path))} --verify")


def export_to(name: str, output: Path) -> tuple[Path, bool]:
    """Export a run, or the last run of a project that trained this very model, or else the design
    with its first weights; the script, and whether it is trained."""
    from qdesigner.artifacts.export import export as write
    from qdesigner.design.plan import same_model
    from qdesigner.session.record import BEST
    from qdesigner.training.runs import Run

    def downloaded(what: str, done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\rdownloading {what}: {done / max(total, 1):.0%}", end=end, file=sys.stderr)

    if is_run(Path(name)):
        return write(Run.open(Path(name)), output, progress=downloaded), True
    design = open_design(name)
    if design.run and (Path(design.run) / BEST).is_file():
        run = Run.open(Path(design.run))
        if same_model(run.design, design):
            return write(run, output, progress=downloaded, device=design.device), True
    return write(design, output, progress=downloaded), False


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
