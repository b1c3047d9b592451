"""The runs that are kept, as a list: what each says of itself, and their names and end.

A run's name lies in a file of its own, since a run that goes on writes run.json anew. A run that is
deleted is first moved aside, so that it can be had back until the program ends.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import math
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdesigner.catalog import sources
from qdesigner.design import codec
from qdesigner.design.spec import DataSpec, display_name
from qdesigner.errors import UserError
from qdesigner.paths import data_folder
from qdesigner.session import record
from qdesigner.session.events import Epoch, Finished, Started

NAME = "name.txt"
BIN = ".deleted"  # beside the runs: what was deleted and can still be had back
MAX_NAME = 200
ALIVE = 20.0  # seconds since a run wrote something, in which it is taken to go on

_SOURCES = {
    sources.DIGITS: "digits", sources.MNIST: "MNIST", sources.FASHION_MNIST: "FashionMNIST",
    sources.CIFAR10: "CIFAR-10", sources.HYMENOPTERA: "Hymenoptera", sources.SPIRALS: "spirals",
    sources.MOONS: "moons",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a list.

    ``name`` is the one it was given, else its design's. ``best`` and ``last`` are validation
    scores (``score``: "accuracy", or "mae", where the lowest is best), NaN before the first epoch.
    ``started`` is in seconds since 1970, ``bytes`` what it takes on disk. ``resumable`` says that a
    checkpoint is there to go on from. A run that cannot be read has its reason in ``error`` and
    nothing else.
    """

    path: Path
    name: str
    state: str = ""
    epochs: int = 0
    total: int = 0
    best: float = math.nan
    last: float = math.nan
    best_epoch: int = 0
    score: str = "accuracy"
    data: str = ""
    started: float = 0.0
    bytes: int = 0
    resumable: bool = False
    error: str = ""


def runs_folder() -> Path:
    """Where runs lie that were given no folder of their own."""
    return data_folder() / "runs"


def list_runs(folder: Path | None = None, more: Iterable[Path] = ()) -> tuple[RunRow, ...]:
    """The runs in ``folder`` (None: the user's own) and those at ``more``, the newest first."""
    folder = folder or runs_folder()
    try:
        here = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError:
        here = []
    known = {path.absolute() for path in here}
    here += [path for path in more if path.absolute() not in known]
    rows = [run_row(path) for path in here if (path / record.DESIGN).is_file()]
    return tuple(sorted(rows, key=lambda row: (row.started, row.path.name), reverse=True))


def run_row(path: Path) -> RunRow:
    """What the run at ``path`` says of itself."""
    name = _given_name(path)
    try:
        design = codec.load(path / record.DESIGN)
        name = name or design.name
        score = "mae" if design.data.task == "regress" else "accuracy"
        said = _Said(design.training.epochs, score)
        for event in _milestones(path / "events.jsonl"):
            said.take(event)
        state = _state(path)
        if state == "running" and not goes_on(path):
            state = "interrupted"
        resumable = state != "finished" and (path / record.LAST).is_file()
        return RunRow(
            path, name, state, said.epochs, said.total, said.best, said.last, said.best_epoch,
            said.score, data_words(design.data), _started(path), _size(path), resumable,
        )  # fmt: skip
    except (UserError, OSError) as error:
        return RunRow(path, name or path.name, started=_started(path), error=str(error))


@dataclass(frozen=True, slots=True)
class KeptStages:
    """The stages of one kind that a kept run has trained, by name; ``words`` is its data."""

    path: Path
    name: str
    words: str
    stages: tuple[str, ...]


def kept_stages(kind: str, folder: Path | None = None, most: int = 60) -> tuple[KeptStages, ...]:
    """The runs in ``folder`` (None: the user's own) whose best weights of a stage of ``kind`` can
    begin another run, the newest first and at most ``most``."""
    try:
        here = [path for path in (folder or runs_folder()).iterdir() if path.name[:1] != "."]
    except OSError:
        return ()
    found: list[KeptStages] = []
    for path in sorted(here, key=_started, reverse=True):
        with contextlib.suppress(UserError):
            if len(found) < most and (path / record.BEST).is_file():
                design = codec.load(path / record.DESIGN)
                names = tuple(s.id for s in design.stages if s.kind == kind and not s.frozen)
                name, words = _given_name(path) or design.name, data_words(design.data)
                found += [KeptStages(path, name, words, names)] if names else []
    return tuple(found)


def rename_run(path: Path, name: str) -> None:
    """Give a run a name; "" is its design's again. Raises UserError."""
    name = " ".join(name.split())
    if not name.isprintable() or len(name) > MAX_NAME:
        raise UserError(f"A name is one line of at most {MAX_NAME} printable characters.")
    try:
        codec.write_text(path / NAME, name + "\n")
    except OSError as error:
        raise UserError(f"The run {path.name!r} cannot be renamed: {error.strerror}.") from error


def delete_run(path: Path) -> Path:
    """Move a run aside; `restore_run` brings it back from where it lies now, `empty_bin` ends it.

    Raises UserError when it goes on, is no run, or cannot be moved.
    """
    if not (path / record.DESIGN).is_file():
        raise UserError(f"{str(path)!r} is not a run; nothing was deleted.")
    if _state(path) == "running" and goes_on(path):
        raise UserError(f"The run {path.name!r} is being trained; stop it first.")
    aside = path.parent / BIN
    target = aside / path.name
    number = 1
    while target.exists():
        number += 1
        target = aside / f"{path.name}-{number}"
    try:
        aside.mkdir(exist_ok=True)
        path.rename(target)
    except OSError as error:
        raise UserError(f"The run {path.name!r} cannot be deleted: {error.strerror}.") from error
    return target


def restore_run(aside: Path, path: Path) -> None:
    """Bring a deleted run back to ``path``. Raises UserError."""
    if path.exists():
        raise UserError(f"{str(path)!r} is there again; the deleted run lies in {str(aside)!r}.")
    try:
        aside.rename(path)
    except OSError as error:
        raise UserError(f"The run {path.name!r} cannot be had back: {error.strerror}.") from error


def discard_run(aside: Path) -> None:
    """Delete for good the run that `delete_run` has moved to ``aside``. Raises UserError."""
    try:
        shutil.rmtree(aside)
        if not any(aside.parent.iterdir()):
            aside.parent.rmdir()
    except OSError as error:
        raise UserError(f"{str(aside)!r} cannot be deleted: {error.strerror}.") from error


def empty_bin(folder: Path | None = None) -> None:
    """Delete for good what was moved aside in ``folder`` (None: the user's own)."""
    shutil.rmtree((folder or runs_folder()) / BIN, ignore_errors=True)


def goes_on(path: Path) -> bool:
    """Whether the run has written something in the last seconds."""
    with contextlib.suppress(OSError):
        return time.time() - (path / "events.jsonl").stat().st_mtime < ALIVE
    return False


def data_words(data: DataSpec) -> str:
    """The data in a few words."""
    where = _SOURCES.get(data.source, "")
    return where or display_name(data.path) or "no folder"


def _given_name(path: Path) -> str:
    """The name a run was given, "" for none."""
    try:
        with (path / NAME).open("rb") as file:
            name = " ".join(file.read(4 * MAX_NAME).decode("utf-8", "replace").split())
    except OSError:
        return ""
    return name[:MAX_NAME] if name.isprintable() else ""


class _Said:
    """What a run's milestones come to; epochs run again count once."""

    def __init__(self, total: int, score: str) -> None:
        self.total, self.score = total, score
        self.epochs = self.best_epoch = 0
        self.best = self.last = math.nan

    def take(self, event: object) -> None:
        match event:
            case Started():
                self.total, self.score = event.epochs, event.score
                self.epochs = min(self.epochs, event.first_epoch - 1)
            case Epoch():
                self.epochs, self.last = event.epoch, event.val_accuracy
                self.total = max(self.total, event.epoch)
                if event.best:
                    self.best, self.best_epoch = event.val_accuracy, event.epoch
            case Finished():
                self.total = max(self.epochs, event.epochs)


def _milestones(file: Path) -> Iterator[object]:
    """The events of a run but its steps, which are many; lines cut short are left out."""
    try:
        lines = file.open("r", encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    with lines:
        if os.fstat(lines.fileno()).st_size > record.MAX_TEXT:
            raise UserError(f"events.jsonl of the run {file.parent.name!r} is too large.")
        for line in lines:
            if not line.startswith('{"event": "steps"'):
                with contextlib.suppress(ValueError, OverflowError, RecursionError):
                    yield record.parse_event(line)


def _about(path: Path) -> dict[str, Any]:
    try:
        with (path / record.ABOUT).open("rb") as file:
            found = json.loads(file.read(record.MAX_SMALL_TEXT).decode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _state(path: Path) -> str:
    state = _about(path).get("state")
    return state if state in ("running", "finished", "stopped", "failed") else "interrupted"


def _started(path: Path) -> float:
    """When it began, as it says itself; else when it was last written about."""
    with contextlib.suppress(ValueError, TypeError, OverflowError, KeyError, OSError):
        return datetime.datetime.fromisoformat(_about(path)["started"]).timestamp()
    with contextlib.suppress(OSError):
        return (path / record.ABOUT).stat().st_mtime
    return 0.0


def _size(path: Path) -> int:
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(folder, name).lstat().st_size
    return total
