"""A study's folder: what was asked for, one folder a run, and each run's result, whole or not at
all.

::

    study.json             the Study
    runs/KEY/              a run's folder; result.json is in it when the run is done
    gradients.json         of a study of activations, what was measured of each run
    report.md, …           what it came to
    .lock                  held by the process that conducts the study
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from qdesigner import paths
from qdesigner.design.codec import write_text
from qdesigner.design.study import Study, Task
from qdesigner.errors import UserError
from qdesigner.session.studying import Result
from qdesigner.session.vanishing import Gradients

STUDY, RESULT, RUNS, GRADIENTS = "study.json", "result.json", "runs", "gradients.json"
MAX_BYTES = 256 * 1024 * 1024  # of a file that may be a stranger's

_GRADIENTS = TypeAdapter(dict[str, tuple[Gradients, ...]])


class Store:
    """The folder of one study."""

    def __init__(self, path: Path, study: Study) -> None:
        self.path = path
        self.study = study
        self.tasks = {task.key: task for task in study.tasks()}

    @staticmethod
    def open(path: Path) -> Store:
        """The study in a folder. Raises UserError when there is none."""
        return Store(path, read_study(path / STUDY))

    @staticmethod
    def begin(study: Study, out: str = "") -> Store:
        """The folder ``out`` for ``study``, begun or gone on with; "" for one in the user's data
        folder, which is the same whenever the same is asked for. More seeds, data or variants may
        be asked of a study than before. Raises UserError."""
        path = Path(out).absolute() if out else default_folder(study)
        try:
            known = (path / STUDY).is_file()
            if not known and path.exists() and not _is_empty(path):
                raise UserError(
                    f"The folder {str(path)!r} already holds something that is no study; name a "
                    "new one with --out."
                )
            before = Store.open(path).study if known else study
            if before.name != study.name:
                raise UserError(
                    f"The folder {str(path)!r} holds the study {before.name[:100]!r}, not "
                    f"{study.name[:100]!r}; name another with --out."
                )
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"The study's folder {str(path)!r} cannot be made: {error.strerror or error}; "
                "name another with --out."
            ) from error
        return Store(path, study)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let no other process conduct this study meanwhile, and write down what it is. Raises
        UserError."""
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise UserError(
                f"The study in {str(self.path)!r} is being conducted by another process; wait for "
                "it, or stop it there."
            ) from error
        except (OSError, NotImplementedError):  # a file system without locks
            pass
        try:
            self._write(STUDY, self.study.model_dump_json(indent=1) + "\n")
            yield
        finally:
            lock.release()

    def run_folder(self, key: str) -> Path:
        """Where a run lies, there or not."""
        return self.path / RUNS / key

    def results(self) -> dict[str, Result]:
        """The results that are there, by key, in the order of the tasks. One that cannot be read
        counts as missing."""
        found = {}
        for key, task in self.tasks.items():
            result = self._result(task)
            if result is not None:
                found[key] = result
        return found

    def save(self, result: Result) -> None:
        """Keep a result: from now on its run is done. Raises UserError."""
        self._write(f"{RUNS}/{result.key}/{RESULT}", result.model_dump_json() + "\n")

    def gradients(self) -> dict[str, tuple[Gradients, ...]]:
        """What was measured of the runs' gradients, by key; nothing where it cannot be read."""
        try:
            return _GRADIENTS.validate_json(_read(self.path / GRADIENTS))
        except (OSError, ValueError, RecursionError):
            return {}

    def save_gradients(self, gradients: dict[str, tuple[Gradients, ...]]) -> None:
        """Keep what was measured. Raises UserError."""
        self._write(GRADIENTS, _GRADIENTS.dump_json(gradients).decode() + "\n")

    def _result(self, task: Task) -> Result | None:
        file = self.run_folder(task.key) / RESULT
        try:
            result = Result.model_validate_json(_read(file))
        except (OSError, ValueError, RecursionError):
            return None
        return result if is_of(result, task) else None

    def _write(self, name: str, text: str) -> None:
        file = self.path / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_text(file, text)
        except OSError as error:
            raise UserError(
                f"{file.name} cannot be written to {str(file.parent)!r}: "
                f"{error.strerror or error}. What was done before is kept."
            ) from error


def is_of(result: Result, task: Task) -> bool:
    """Whether a result is that of a task, and whole."""
    theirs = (result.key, result.variant, result.data, result.seed)
    whole = len(result.samples) == len(result.values) > 0
    return whole and theirs == (task.key, task.variant, task.data, task.seed)


def read_study(file: Path) -> Study:
    """The study that a folder's study.json says. Raises UserError."""
    try:
        return Study.model_validate_json(_read(file))
    except FileNotFoundError as error:
        raise UserError(f"{str(file.parent)!r} is not a study: it holds no {file.name}.") from error
    except (OSError, ValueError, RecursionError) as error:
        where = file.parent.name
        raise UserError(f"The study {where!r} is broken: {file.name}: {_reason(error)}.") from error


def default_folder(study: Study) -> Path:
    """The folder of a study in the user's data folder: the same for the same variants and data,
    however many seeds are asked for."""
    what = study.model_dump(mode="json", exclude={"about", "seeds"})
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:8]
    slug = re.sub(r"[^a-z0-9]+", "-", study.name.lower()).strip("-")[:40] or "study"
    return paths.data_folder() / "studies" / f"{slug}-{digest}"


def _is_empty(path: Path) -> bool:
    # Hidden files do not count: systems strew them about, and a study that never began leaves a
    # lock.
    return path.is_dir() and all(entry.name.startswith(".") for entry in path.iterdir())


def _read(file: Path) -> bytes:
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES // 1024**2} MB")
    return file.read_bytes()


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return f"at {place or 'the top level'}: {first['msg']}"[:300]
    return str(error)[:300]
