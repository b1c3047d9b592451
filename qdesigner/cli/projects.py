"""Verbs about project files: templates, new, check, export."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdesigner.cli.common import (
    AsJson,
    chosen_templates,
    cli,
    is_run,
    open_design,
    sentences,
    template_names,
)
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.design.spec import Design


@cli.command()
def templates(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these; without any, all of them.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Train each fully, hold it against its own goal, export it and let the script "
            "verify itself; exit code 1 when one misses.",
        ),
    ] = False,
    data_root: Annotated[
        Path | None,
        typer.Option(
            help="Of --check: train those that have it on their document's own data, from local "
            "copies in this folder (mnist, hymenoptera)."
        ),
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="Of --data-root: this backbone in place of the document's.")
    ] = None,
    backbone_weights: Annotated[
        str | None, typer.Option(help="Of --data-root: a file with the backbone's weights.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Of --check: write the results as a Markdown table.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the templates that come with qdesigner, or check them."""
    with sentences(as_json):
        if check:
            from qdesigner.cli.proving import check_templates

            check_templates(names or (), data_root, backbone, backbone_weights, table, as_json)
            return
        if any(value is not None for value in (data_root, backbone, backbone_weights, table)):
            raise UserError(
                "--data-root, --backbone, --backbone-weights and --table are of --check."
            )
        rows = [(name, open_design(name)) for name in chosen_templates(names or ())]
    if as_json:
        print(json.dumps([_facts(name, design) for name, design in rows]))
        return
    print(_listed([name for name, _ in rows]))


def _listed(names: Sequence[str]) -> str:
    """Templates by family: the name, what it is, and where it comes from."""
    from qdesigner.design import gallery

    lines = []
    for family, found in gallery.by_family(e for e in gallery.entries() if e.name in names).items():
        lines.append(family)
        for entry in found:
            lines += [f"  {entry.name}", f"      {entry.line}", f"      {entry.origin.source}"]
        lines.append("")
    return "\n".join(lines).rstrip()


def _facts(name: str, design: Design) -> dict[str, Any]:
    """What is said of a template to a machine."""
    origin = design.origin.model_dump(mode="json") if design.origin is not None else {}
    return {"name": name, "title": design.name, "about": design.about, **origin}


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
