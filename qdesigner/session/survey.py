"""What passes between the window and the child that looks through data: files, tables, pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qdesigner.design.spec import Augmentation, DataSpec
from qdesigner.session.events import Event

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pictures = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Survey:
    """Look through the data of ``spec``: every file is opened once, what is not there is fetched.
    `Progress` tells how far it is, `Surveyed` or `SurveyFailed` ends it. Only the newest counts."""

    serial: int
    spec: DataSpec


@dataclass(frozen=True, slots=True)
class Vary:
    """Show ``count`` variants that ``augmentation`` makes of the image at ``path``, or of the
    first training image where that is ""; `Varied` answers."""

    serial: int
    spec: DataSpec
    augmentation: Augmentation
    path: str = ""
    count: int = 8


@dataclass(frozen=True, slots=True)
class Skip:
    """One file that is not used, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Twins:
    """The same content in more than one split (leakage), or twice in one: (split, path) of each."""

    places: tuple[tuple[str, str], ...]

    @property
    def leaks(self) -> bool:
        """Whether it is in more than one split."""
        return len({split for split, _ in self.places}) > 1


@dataclass(frozen=True, slots=True)
class ClassSample:
    """One class: how many samples each split has of it, and pictures [n, 64, 64, 3] of some of its
    files (``paths``, "" for images that are no files)."""

    name: str
    train: int
    validation: int
    test: int
    paths: tuple[str, ...] = ()
    pictures: Any = field(default=None, metadata={"json": False})


@dataclass(frozen=True, slots=True)
class Points:
    """Two numbers a sample to be drawn as a scatter: ``xy`` [n, 2], ``labels`` [n] (places in the
    classes, or the numbers to predict), ``splits`` [n] 0 train, 1 validation, 2 test; of more than
    two features the first two principal components."""

    names: tuple[str, str]
    xy: Any
    labels: Any
    splits: Any


@dataclass(frozen=True, slots=True)
class Surveyed(Event):
    """What the data holds. ``columns`` of a table are its number columns, ``labels`` all of them.
    ``bytes`` is what the files take on disk."""

    serial: int
    spec: DataSpec = field(metadata={"json": False})
    classes: tuple[ClassSample, ...] = ()
    skipped: tuple[Skip, ...] = ()
    twins: tuple[Twins, ...] = ()
    points: Points | None = field(default=None, metadata={"json": False})
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class SurveyFailed(Event):
    """Why the data cannot be looked through, as a sentence."""

    serial: int
    reason: str


@dataclass(frozen=True, slots=True)
class Varied(Event):
    """Pictures [count, side, side, 3] of an image as training sees it; the first is the image
    without augmentation. ``error`` is a sentence when there are none."""

    serial: int
    pictures: Any = field(default=None, metadata={"json": False})
    error: str = ""
