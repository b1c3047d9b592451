"""`.qdesign` files: JSON with a schema version, read as a stranger's and written atomically."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from qdesigner.design.migrations import SCHEMA, migrate
from qdesigner.design.spec import Design
from qdesigner.errors import UserError

FORMAT = "qdesigner"
SUFFIX = ".qdesign"
MAX_BYTES = 16 * 1024 * 1024


class DocumentError(UserError):
    """A document that cannot be read; the text names the file, the place in it, and the reason."""


def dumps(design: Design) -> str:
    """The design as the text of a `.qdesign` file."""
    body = {"format": FORMAT, "schema": SCHEMA, **design.model_dump(mode="json")}
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def loads(text: str, name: str = "the project") -> Design:
    """The design in ``text``; ``name`` is the file's, for messages. Raises DocumentError."""
    return of_body(parsed(text, name), name)


def of_body(raw: Any, name: str) -> Design:
    """The design in the JSON value of a `.qdesign` file. Raises DocumentError."""
    return _validated(_migrated(raw, name), name)


def load(path: Path) -> Design:
    """Read a `.qdesign` file. Raises DocumentError."""
    return loads(read_text(path), path.name)


def parsed(text: str, name: str, what: str = "project") -> Any:
    """The JSON value in a stranger's ``text``, which ``name`` calls and ``what`` says the kind of.
    Raises DocumentError."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        hint = "the file is cut short" if error.pos >= len(text.rstrip()) else error.msg
        raise DocumentError(f"{name} is not a readable {what}: {hint} ({place}).") from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DocumentError(f"{name} is not a readable {what}: {reason}.") from error


def read_text(path: Path, what: str = "project", suffix: str = SUFFIX) -> str:
    """The text of a file that may be a stranger's. Raises DocumentError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DocumentError(f"{path.name} is larger than a {what} can be (16 MB).")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{path.name} is not a qdesigner {what}: it is not text (byte {error.start})."
        ) from error
    except IsADirectoryError as error:
        raise DocumentError(f"{path} is a folder; name a {suffix} file.") from error
    except FileNotFoundError as error:
        raise DocumentError(f"There is no file {str(path)!r}.") from error
    except OSError as error:
        raise DocumentError(f"{path.name} cannot be read: {error.strerror}.") from error


def save(design: Design, path: Path) -> None:
    """Write ``design`` whole or not at all. Raises DocumentError when it cannot be written."""
    try:
        write_text(path, dumps(design))
    except OSError as error:
        raise DocumentError(f"{path} cannot be saved: {error.strerror}.") from error


def write_text(path: Path, text: str) -> None:
    """Write a file of text as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file by a temporary one beside it, then replace: never half-written."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"it holds the value {text}, which is no number")


def _migrated(raw: Any, name: str) -> dict[str, Any]:
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise DocumentError(
            f'{name} is not a qdesigner project: it does not say "format": "{FORMAT}".'
        )
    schema = raw.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise DocumentError(f'{name} has no valid "schema" number.')
    if schema > SCHEMA:
        raise DocumentError(
            f"{name} was saved by a newer qdesigner (schema {schema}; this one reads up to "
            f"{SCHEMA}); install the newer version to open it."
        )
    body = {key: value for key, value in raw.items() if key not in ("format", "schema")}
    return migrate(body, schema)


def _validated(body: dict[str, Any], name: str) -> Design:
    try:
        # Lists stand for tuples and dicts for settings, which pydantic does in its JSON mode only.
        return Design.model_validate_json(json.dumps(body))
    except ValidationError as error:
        first = error.errors()[0]
        reason = _clipped(str(first["msg"]).removeprefix("Value error, "))
        raise DocumentError(f"{name}: at {_place(first['loc'], body)}: {reason}.") from error
    except RecursionError as error:
        raise DocumentError(f"{name}: repeats are nested too deeply.") from error


def _clipped(reason: str) -> str:
    """At most 300 characters, for a stranger's value stands in it."""
    return reason if len(reason) <= 300 else f"{reason[:300]}…"


def _place(location: tuple[int | str, ...], body: dict[str, Any]) -> str:
    """``stages[2].circuit.blocks[0]`` with the id of the innermost thing that has one."""
    text = ""
    label = ""
    here: Any = body
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else ("." if text else "") + str(step)
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
        if isinstance(here, dict) and isinstance(here.get("id"), str):
            label = here["id"][:64]
    return (text or "the top level") + (f" ({label!r})" if label else "")
