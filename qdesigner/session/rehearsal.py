"""A rehearsal on hardware: a run's accuracy against shots and against the noise of real machines.

What passes between the window and the child that does it, the rows, and the file in the run's
folder that keeps them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from qdesigner.design.codec import write_text
from qdesigner.design.spec import DeviceSpec
from qdesigner.errors import UserError
from qdesigner.session.events import Event

FILE = "rehearsal.json"  # in the run's folder
AER = "qiskit.aer"  # the device that imitates machines
SHOTS = (10, 32, 100, 316, 1000, 3162, 10_000)
ON_MACHINES = 1000  # shots of each circuit under a machine's noise
REPEATS = 5
MOST = 200  # samples that are taken unless so many are asked for
_MAX_BYTES = 1 << 22

Share = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Words = Annotated[str, Field(max_length=500)]


@dataclass(frozen=True, slots=True)
class Rehearse:
    """Rehearse the run in the folder ``run``: with each of ``shots`` on the built-in simulator, and
    under the noise of each of ``snapshots`` with ``on_machines`` shots, 0 for what infinitely many
    would give. ``split`` "" takes test samples where there are any, else validation samples;
    ``limit`` so many of them, spread evenly (0: as many as are done in a while, at most `MOST`).
    Everything with shots is done ``repeats`` times."""

    run: str
    shots: tuple[int, ...] = SHOTS
    snapshots: tuple[str, ...] = ()
    split: str = ""
    limit: int = 0
    repeats: int = REPEATS
    on_machines: int = ON_MACHINES
    best: bool = True

    @property
    def specs(self) -> tuple[DeviceSpec, ...]:
        """The devices, in order: exact, with shots, under noise."""
        return (
            DeviceSpec(),
            *(DeviceSpec(shots=shots) for shots in self.shots),
            *(
                DeviceSpec(name=AER, shots=self.on_machines, noise=name)
                for name in self.snapshots
            ),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Begun(Event):
    """What is rehearsed: ``images`` samples of ``split`` of ``available``, with the weights after
    ``epoch``. ``errors``: the score is a mean absolute error, where lower is better. ``noun`` is
    what samples are called. ``rows`` are to come, in about ``expected`` seconds. ``note`` says what
    is peculiar, "" for nothing."""

    split: Words
    images: Count
    available: Count
    repeats: Count
    rows: Count
    seed: int
    epoch: Count
    expected: Share
    errors: bool = False
    noun: Words = "images"
    note: Words = ""


@dataclass(frozen=True, slots=True)
class Reached(Event):
    """How far it is: row ``row`` of ``rows`` (from 1) is worked at; ``share`` of all is done, and
    the rest takes about ``left`` seconds, 0 while that is not known."""

    what: str
    row: int
    rows: int
    share: float
    left: float


@dataclass(frozen=True, slots=True)
class Measured(Event):
    """One row: what came out on one device, the mean of its repeats.

    ``score`` is the accuracy (or the mean absolute error) with the 95 % interval ``low`` to
    ``high``, which is about the ``scatter`` of shots (other shots on these samples) or of samples
    (other samples). ``exact`` is the score without shots and noise. ``changed`` is the share of
    answers that are others than the exact ones, None where numbers are predicted. ``circuits`` were
    run in ``seconds``. ``depth`` and ``two_qubit`` are of the deepest circuit as it was transpiled
    for ``snapshot``; None where there is none.
    """

    device: Words
    snapshot: Words
    shots: Count
    images: Count
    repeats: Count
    score: Share
    low: Share
    high: Share
    exact: Share
    changed: Share | None
    circuits: Count
    seconds: Share
    scatter: Literal["shots", "samples"] = "samples"
    depth: Count | None = None
    two_qubit: Count | None = None


@dataclass(frozen=True, slots=True)
class RehearsalDone(Event):
    """All rows are there, and these ``files`` in ``folder``."""

    folder: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RehearsalFailed(Event):
    """Why it ended early, as a sentence; ``details`` for the log."""

    reason: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is kept; ``whole`` when no row is missing."""

    begun: Begun
    rows: tuple[Measured, ...]
    whole: bool = False

    @property
    def exact(self) -> Measured | None:
        """The row without shots and noise."""
        return next((r for r in self.rows if not r.shots and not r.snapshot), None)

    @property
    def with_shots(self) -> tuple[Measured, ...]:
        """The rows of the simulator with shots, the fewest first."""
        return tuple(sorted((r for r in self.rows if r.shots and not r.snapshot), key=_shots))

    @property
    def machines(self) -> tuple[Measured, ...]:
        """The rows under a machine's noise."""
        return tuple(row for row in self.rows if row.snapshot)


def _shots(row: Measured) -> int:
    return row.shots


# ---- the file ------------------------------------------------------------------------------------

_ADAPTER = TypeAdapter(Rehearsal)
_FORMAT = "qdesigner-rehearsal"


def write_rehearsal(folder: Path, rehearsal: Rehearsal) -> None:
    """Keep it in ``folder``: whole, or as it was before. Raises UserError."""
    text = json.dumps({"format": _FORMAT, "version": 1, **asdict(rehearsal)}, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / FILE, text + "\n")
    except OSError as error:
        raise UserError(
            f"{FILE} cannot be written to {str(folder)[:300]!r}: {error.strerror or error}; name "
            "another folder with --out."
        ) from error


def read_rehearsal(folder: Path) -> Rehearsal | None:
    """What is kept in ``folder``, None where nothing is. Raises UserError for a file that is not
    one of ours: the folder may be a stranger's."""
    file = folder / FILE
    try:
        if not file.is_file():
            return None
        if file.stat().st_size > _MAX_BYTES:
            raise ValueError("it is too large")
        raw = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(raw, dict) or raw.pop("format", "") != _FORMAT:
            raise ValueError("it is no rehearsal")
        if raw.pop("version", None) != 1:
            raise ValueError("it was written by a newer version; update qdesigner")
        return _ADAPTER.validate_json(json.dumps(raw), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where}: {first['msg']}"
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    raise UserError(
        f"{FILE} of {folder.name!r} cannot be used: {reason[:200].rstrip('.')}. Rehearse the run "
        "again to replace it."
    )
