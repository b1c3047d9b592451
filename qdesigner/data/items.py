"""Samples with their labels, split for training, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from qdesigner.catalog.folder import Skipped
from qdesigner.data.images import UnusableImage, load_image, read_bytes
from qdesigner.data.pictures import Pictures
from qdesigner.errors import UserError

SPLITS = ("train", "validation", "test")
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Item:
    """One sample: ``key`` names it within its data ("train/ants/1.jpg", "digits/17", "row/3").

    ``label`` is its class's place in ``Dataset.classes``, or of a regression the number to predict.
    What is no file has no ``path`` but an ``index`` into the data's pictures or rows.
    """

    key: str
    label: float
    path: Path | None
    index: int = -1


@dataclass(frozen=True)
class Scaling:
    """How a table's features are brought to mean 0 and deviation 1 of the training rows: by column,
    its ``mean`` and ``deviation`` [features]. ``label`` is the (mean, deviation) in which a number
    to predict is learnt."""

    columns: tuple[str, ...]
    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]
    label: tuple[float, float] = (0.0, 1.0)

    @staticmethod
    def of(columns: Sequence[str], rows: Floats, targets: Sequence[float] = ()) -> Scaling:
        """That of these rows [n, features], and of the numbers to predict if there are any. A
        column that never changes keeps its scale."""
        wide = rows.astype(np.float64)
        deviation = wide.std(axis=0)
        deviation[deviation == 0] = 1.0
        label = (float(np.mean(targets)), float(np.std(targets)) or 1.0) if targets else (0.0, 1.0)
        return Scaling(tuple(columns), wide.mean(axis=0), deviation, label)

    @staticmethod
    def none(columns: Sequence[str]) -> Scaling:
        """Features as they are."""
        return Scaling(tuple(columns), np.zeros(len(columns)), np.ones(len(columns)))

    def scaled(self, rows: npt.NDArray[Any]) -> Floats:
        """Rows [..., features] as a model takes them."""
        out: Floats = ((rows.astype(np.float64) - self.mean) / self.deviation).astype(np.float32)
        return out

    def unscaled(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """What a model takes, in the columns' own units again."""
        wide: npt.NDArray[np.float64] = rows.astype(np.float64) * self.deviation + self.mean
        return wide

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for a run's folder and an export's."""
        return {
            "columns": list(self.columns),
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "label": list(self.label),
        }

    @staticmethod
    def from_json(raw: Any) -> Scaling:
        """From a file that may be a stranger's. Raises ValueError."""
        try:
            columns = tuple(map(str, raw["columns"]))
            mean, deviation = (np.array(raw[k], np.float64) for k in ("mean", "deviation"))
            centre, spread = map(float, raw.get("label", (0.0, 1.0)))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValueError("it holds no means and deviations") from error
        if mean.shape != (len(columns),) or deviation.shape != mean.shape:
            raise ValueError("its columns, means and deviations are not of one number")
        finite = np.isfinite([*mean, *deviation, centre, spread]).all()
        if not (finite and (deviation > 0).all() and spread > 0):
            raise ValueError("a mean or deviation in it is none")
        return Scaling(columns, mean, deviation, (centre, spread))


@dataclass(frozen=True)
class Dataset:
    """The samples of a DataSpec. ``skipped`` lists what cannot be used, and why.

    ``pictures`` hold the images that are no files; ``rows`` [all, features] the samples that are no
    images, in their own units, which ``scaling`` brings to what a model takes.
    """

    classes: tuple[str, ...]
    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    test: tuple[Item, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    digests: Mapping[Path, bytes] = field(default_factory=dict, repr=False, compare=False)
    pictures: Pictures | None = field(default=None, repr=False, compare=False)
    rows: Floats | None = field(default=None, repr=False, compare=False)
    scaling: Scaling | None = field(default=None, repr=False, compare=False)

    @property
    def outputs(self) -> int:
        """How many numbers a model of this data ends with."""
        return len(self.classes) or 1

    def image(self, item: Item, channels: int) -> Image.Image:
        """The picture, mode "RGB" (``channels`` 3) or "L" (1). Raises UserError when it is gone."""
        if item.path is None:
            assert self.pictures is not None
            return self.pictures.image(item.index, channels)
        try:
            return load_image(item.path, channels)
        except UnusableImage as error:
            raise UserError(f"The image {str(item.path)!r} was lost meanwhile: {error}.") from error

    def values(self, items: Sequence[Item]) -> Floats:
        """Rows [items, features] as a model takes them."""
        assert self.rows is not None and self.scaling is not None
        return self.scaling.scaled(self.rows[[item.index for item in items]])

    def digest(self, item: Item) -> bytes:
        """SHA-256 of the sample's content, 32 bytes: equal ones are equal whatever their name."""
        if item.path is None:
            return hashlib.sha256(self._array(item.index).tobytes()).digest()
        if item.path in self.digests:
            return self.digests[item.path]
        try:
            return hashlib.sha256(read_bytes(item.path)).digest()
        except UnusableImage as error:
            raise UserError(f"The image {str(item.path)!r} was lost meanwhile: {error}.") from error

    def _array(self, index: int) -> npt.NDArray[Any]:
        """The content of a sample that is no file."""
        if self.pictures is not None:
            return self.pictures.array(index)
        assert self.rows is not None
        row: npt.NDArray[Any] = self.rows[index]
        return row
