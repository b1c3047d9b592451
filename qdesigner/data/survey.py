"""A look through all of the data: counts, pictures, what is skipped, and what is there twice."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qdesigner.catalog import sources
from qdesigner.catalog.table import read_columns
from qdesigner.data.augment import dice, varied
from qdesigner.data.dataset import SPLITS, Dataset, Item, read_dataset
from qdesigner.data.images import UnusableImage, decode, read_bytes
from qdesigner.data.thumbnails import THUMBNAIL, squared, thumbnail
from qdesigner.design.facts import require_path
from qdesigner.design.spec import DataSpec
from qdesigner.errors import UserError
from qdesigner.session.survey import ClassSample, Points, Skip, Surveyed, Twins, Vary

PICTURES = 24  # of a class
MOST_PICTURES = 2400  # of all classes together
MOST_POINTS = 5000
MOST_TWINS = 1000
MOST_SKIPPED = 10_000
SIDE = 128  # px of a variant's picture

Tell = Callable[[str, int, int], None]


def survey(serial: int, spec: DataSpec, tell: Tell) -> Surveyed:
    """Look through everything that ``spec`` names, chosen or not: all classes, no limit.

    ``tell(what, done, total)`` follows it and may raise to end it. A table whose label is not
    chosen yet, or is not one, has columns and no classes. Raises UserError.
    """
    whole = spec.but(classes=(), limit=0, balanced=False)
    found = Surveyed(serial, spec)
    if spec.source == sources.TABLE:
        require_path(spec)
        columns = read_columns(Path(spec.path), spec.label)
        found = replace(found, columns=columns.numbers, labels=columns.names)
        if not (spec.label in columns.names and set(spec.columns) <= set(columns.names)):
            return found
        if not spec.columns:
            return found
    data = read_dataset(
        whole,
        lambda done, total: tell("checking images", done, total),
        lambda what, done, total: tell(f"downloading {what}", done, total),
    )
    return replace(
        found,
        classes=tuple(_samples(data, tell)),
        skipped=tuple(Skip(each.path, each.reason) for each in data.skipped[:MOST_SKIPPED]),
        twins=tuple(itertools.islice(_twins(data), MOST_TWINS)),
        points=_points(data),
        bytes=_bytes(spec, data),
    )


def _all(data: Dataset) -> list[tuple[int, Item]]:
    """Every sample with the number of its split."""
    return [(k, item) for k, split in enumerate(SPLITS) for item in getattr(data, split)]


def _samples(data: Dataset, tell: Tell) -> list[ClassSample]:
    """The classes with their counts and pictures; a regression is one class without a name."""
    names = data.classes or ("",)
    by_class: list[list[list[Item]]] = [[[], [], []] for _ in names]
    for split, item in _all(data):
        by_class[int(item.label) if data.classes else 0][split].append(item)
    few = max(1, min(PICTURES, MOST_PICTURES // len(names)))
    shown = [
        [] if data.rows is not None else list(itertools.chain(*parts))[:few] for parts in by_class
    ]
    total, done = sum(map(len, shown)), 0
    samples = []
    for name, parts, items in zip(names, by_class, shown, strict=True):
        pictures = np.zeros((len(items), THUMBNAIL, THUMBNAIL, 3), np.uint8)
        for k, item in enumerate(items):
            with contextlib.suppress(UserError):  # one that vanished meanwhile stays black
                pictures[k] = thumbnail(data, item)
            done += 1
            tell("making thumbnails", done, total)
        paths = tuple(str(item.path or "") for item in items)
        train, validation, test = map(len, parts)
        seen = pictures if items else None
        samples.append(ClassSample(name, train, validation, test, paths, seen))
    return samples


def _twins(data: Dataset) -> list[Twins]:
    """What is there more than once, across splits first."""
    places: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    for split, item in _all(data):
        places[data.digest(item)].append((SPLITS[split], str(item.path or item.key)))
    found = [Twins(tuple(each)) for each in places.values() if len(each) > 1]
    return sorted(found, key=lambda twins: (not twins.leaks, twins.places))


def _points(data: Dataset) -> Points | None:
    """Rows as points of a plane; of more than two features their first principal components."""
    if data.rows is None or data.scaling is None:
        return None
    samples = _all(data)
    if not samples:
        return None
    step = -(-len(samples) // MOST_POINTS)
    samples = samples[::step]
    items = [item for _, item in samples]
    rows: npt.NDArray[Any] = data.rows[[item.index for item in items]].astype(np.float64)
    names = data.scaling.columns
    if len(names) == 1:
        rows, names = np.column_stack((rows, np.zeros(len(rows)))), (names[0], "")
    elif len(names) > 2:
        rows, names = principal(data.values(items)), ("component 1", "component 2")
    return Points(
        (names[0], names[1]),
        rows.astype(np.float32),
        np.array([item.label for item in items], np.float64 if not data.classes else np.int64),
        np.array([split for split, _ in samples], np.int8),
    )


def principal(rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The first two principal components [n, 2] of rows [n, features], with signs that do not
    depend on the library beneath."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    first: npt.NDArray[np.float64] = axes[:, ::-1][:, :2]
    first = first * np.sign(first[np.abs(first).argmax(axis=0), range(first.shape[1])])
    out: npt.NDArray[np.float64] = centred @ first
    return out


def _bytes(spec: DataSpec, data: Dataset) -> int:
    """What the files take on disk."""
    paths: Sequence[Path] = [item.path for _, item in _all(data) if item.path is not None]
    if spec.source == sources.TABLE:
        paths = [Path(spec.path)]
    total = sum(part.images.nbytes for part in data.pictures.parts) if data.pictures else 0
    for path in paths:
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def variants(wanted: Vary) -> npt.NDArray[np.uint8]:
    """Pictures [count, side, side, 3] of an image as training sees it, the first as it is. Raises
    UserError."""
    if wanted.spec.rows:
        raise UserError("Only images can be augmented.")
    if wanted.path:
        try:
            content = read_bytes(Path(wanted.path))
            image, digest = decode(content, 3), hashlib.sha256(content).digest()
        except UnusableImage as error:
            raise UserError(f"{wanted.path!r} shows nothing: {error}.") from error
    else:
        data = read_dataset(wanted.spec.but(limit=1, balanced=False))
        if not data.train:
            raise UserError("There is no training image to show variants of.")
        image, digest = data.image(data.train[0], 3), data.digest(data.train[0])
    # Small images keep their pixels: blown up first, they would be turned more smoothly than in
    # training.
    side = max(8, min(SIDE, *image.size))
    out = np.zeros((max(1, wanted.count), SIDE, SIDE, 3), np.uint8)
    out[0] = squared(image, SIDE)
    for number in range(1, len(out)):
        draw = dice(0, number, digest)
        out[number] = squared(varied(image, wanted.augmentation, draw, side), SIDE)
    return out
