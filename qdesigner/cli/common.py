"""What every verb shares: their group, sentences for failures, and opening a project."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.design.spec import Design


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
    """The shipped templates' names, in the gallery's order."""
    from qdesigner.design import gallery

    return list(gallery.names())


def chosen_templates(names: Sequence[str]) -> list[str]:
    """``names``, or all templates for none. Raises UserError for one that there is not."""
    known = template_names()
    for name in names:
        if name not in known:
            raise UserError(f"There is no template {name!r}; see `qdesigner templates`.")
    return list(names) or known


def is_run(path: Path) -> bool:
    """Whether a folder is a run's."""
    from qdesigner.session.record import DESIGN

    return (path / DESIGN).is_file()


def open_design(name: str) -> Design:
    """The Design in a file, of a run folder, or of a template. Raises UserError."""
    from qdesigner.design import codec, gallery
    from qdesigner.session.record import DESIGN

    path = Path(name)
    if is_run(path):
        return codec.load(path / DESIGN)
    if name in template_names() and not path.exists():
        return gallery.template(name)
    if not path.exists():
        raise UserError(
            f"There is no file {name!r}, and no template of that name "
            f"(templates: {', '.join(template_names())})."
        )
    return codec.load(path)
