"""The verb that conducts a study: designs compared on the same data, splits and seeds."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdesigner.cli import values
from qdesigner.cli.common import AsJson, cli, fail, open_design, sentences, template_names
from qdesigner.cli.data import LIMIT, with_data
from qdesigner.cli.training import CtrlC, adjusted
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.design.spec import Design
    from qdesigner.design.study import NamedData, Study

USUAL = "quickstart"
USUAL_OF = {"activations": "quantum-activation"}  # the templates that studies begin with


@cli.command()
def study(
    what: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE",
            help="controls, entanglement, depth, activations, devices; or a .qstudy file.",
        ),
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Compare on this data, as `train` takes it; again for more sets of data."
        ),
    ] = None,
    design: Annotated[
        str | None, typer.Option(help="The project or template that is compared (quickstart).")
    ] = None,
    backbone: Annotated[str | None, typer.Option(help="Use this backbone instead.")] = None,
    backbone_weights: Annotated[
        str | None, typer.Option(help='The backbone\'s weights: a file, "pretrained" or "random".')
    ] = None,
    limit: LIMIT = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="How many seeds, from 0 on (5).")
    ] = None,
    epochs: values.EPOCHS = None,
    out: Annotated[
        Path | None, typer.Option(help="The study's folder; what is done there is not done again.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, max=1024, help="Local processes; 0: one a core.")
    ] = 0,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run on this Dask scheduler, as tcp://host:8786."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare designs over seeds: many runs, here or on a cluster, and a report.

    Ctrl+C keeps what is done; the same command goes on with what is missing.
    """
    with sentences(as_json):
        given = {
            "--data": data, "--design": design, "--backbone": backbone,
            "--backbone-weights": backbone_weights, "--limit": limit, "--seeds": seeds,
            "--epochs": epochs, "--out": out,
        }  # fmt: skip
        if scheduler and workers:
            raise UserError("--workers are local processes: give --workers or --scheduler.")
        made = asked(what, data or (), design, backbone, backbone_weights, limit, seeds, epochs)
        _refuse_untrainable(made)
        run_study(made, str(out or ""), workers, scheduler or "", _command(what, given), as_json)


# ---- which study ---------------------------------------------------------------------------------


def asked(
    what: str, data: tuple[str, ...] | list[str] = (), design: str | None = None,
    backbone: str | None = None, weights: str | None = None, limit: int | None = None,
    seeds: int | None = None, epochs: int | None = None,
) -> Study:  # fmt: skip
    """The study that the command line asks for. Raises UserError."""
    from qdesigner.design import grid
    from qdesigner.design.studies import SEEDS, STUDIES, built_in, entanglement, study_of

    numbers = SEEDS if seeds is None else tuple(range(seeds))
    if Path(what).suffix == grid.SUFFIX or (what not in STUDIES and Path(what).is_file()):
        if design is not None or backbone is not None or weights is not None:
            raise UserError(
                f"{Path(what).name} says which design it compares: leave --design, --backbone and "
                "--backbone-weights out."
            )
        read = grid.load(Path(what))
        sets = named_data(read.design, data) if data else read.data
        return _shorter(replace(read, data=sets, seeds=read.seeds if seeds is None else numbers)
                        .study(), limit, epochs)  # fmt: skip
    kind = STUDIES.get(what)
    if kind is None:
        known = ", ".join(STUDIES)
        raise UserError(f"There is no study {what!r}, and no such file (studies: {known}).")
    if not kind.needs_design:
        if design is not None:
            raise UserError(f"The study {what!r} compares templates of its own: no --design.")
        variants = entanglement(open_design, backbone or "", _absolute(weights or "pretrained"))
        sets = named_data(variants[0].design, data)
        return _shorter(study_of(what, kind.about, variants, sets, numbers), limit, epochs)
    usual = USUAL_OF.get(what, USUAL)
    base = open_design(design or (usual if usual in template_names() else USUAL))
    if data:  # rows of numbers go without a backbone
        base = with_data(base, data[0])
    base = adjusted(base, backbone, weights, {})
    return _shorter(built_in(what, base, named_data(base, data), numbers), limit, epochs)


def named_data(design: Design, data: tuple[str, ...] | list[str]) -> tuple[NamedData, ...]:
    """The sets of data of a study of ``design``, each called by its file's or source's name. Raises
    UserError when some are images and others rows of numbers."""
    from qdesigner.design.study import NamedData

    found: list[NamedData] = []
    for text in data:
        spec = with_data(design, text).data
        stem = (Path(text).stem if spec.path else "") or spec.source
        taken = {named.name for named in found}
        names = [stem, *(f"{stem} {number}" for number in range(2, len(data) + 1))]
        name = next(name for name in names if name not in taken)
        found.append(NamedData(name=name[:200], spec=spec))
    if len({named.spec.rows for named in found}) > 1:
        raise UserError(
            "A study's designs cannot take both images and rows of numbers: give --data of one "
            "kind."
        )
    return tuple(found)


def _shorter(study: Study, limit: int | None, epochs: int | None) -> Study:
    """The study with the command line's limit and epochs in every design."""
    from qdesigner.design import edits

    def changed(design: Design) -> Design:
        if epochs is not None:
            design = edits.set_training(design, epochs=epochs)
        return design if limit is None else edits.set_data(design, limit=limit)

    found: Study = study.but(
        variants=tuple(v.but(design=changed(v.design)) for v in study.variants),
        data=tuple(
            named if limit is None else named.but(spec=named.spec.but(limit=limit))
            for named in study.data
        ),
    )
    return found


def _absolute(weights: str) -> str:
    return weights if weights in ("pretrained", "random") else str(Path(weights).absolute())


def _refuse_untrainable(study: Study) -> None:
    """Raises UserError when a design cannot be trained on some data, before any run begins."""
    from qdesigner.design.checks import require_trainable

    for task in study.but(seeds=study.seeds[:1]).tasks():
        try:
            require_trainable(task.design)
        except UserError as error:
            where = f" on {task.data}" if task.data else ""
            raise UserError(f"{task.variant}{where}: {error}") from error


def _command(what: str, given: dict[str, Any]) -> str:
    """The command that conducts the same study again."""
    words = ["qdesigner", "study", what]
    for option, value in given.items():
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                words += [option, str(each)]
    return shlex.join(words)


# ---- conduct it ----------------------------------------------------------------------------------


def run_study(
    study: Study, out: str, workers: int, scheduler: str, command: str, as_json: bool
) -> None:
    """Conduct a study with progress on the terminal, and tell what it shows. Exits with 130 when
    interrupted, with 1 when runs have failed."""
    from qdesigner.cli.studying import StudyTerminal, show_verdict
    from qdesigner.progress import JsonLines
    from qdesigner.session import events
    from qdesigner.session.studying import STOPPED, Conduct
    from qdesigner.session.verdict import Reported
    from qdesigner.studies.conduct import conduct

    reported: list[Reported] = []
    control = CtrlC()
    with JsonLines() if as_json else StudyTerminal() as shown, control.listening():

        def emit(event: events.Event) -> None:
            if isinstance(event, Reported):
                reported.append(event)
            shown.show(event)

        ended = conduct(Conduct(study, out, workers, scheduler), emit, control, command)
    if reported and not as_json:
        show_verdict(reported[-1])
    if ended.why:
        kept = f"{ended.done:,} of {len(study.tasks()):,} runs are done and kept"
        why = "Stopped." if ended.why == STOPPED else ended.why
        code = 130 if ended.why == STOPPED else 2
        fail(f"{why} {kept}; to go on: {command}", as_json, code)
    if ended.failed:
        fail(f"{ended.failed:,} runs failed; the same command tries them again", as_json, code=1)
