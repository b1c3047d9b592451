"""Images with their classes, split for training, validation and test."""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from qdesigner.catalog import sources
from qdesigner.catalog.folder import Listing, Skipped, list_folder
from qdesigner.data.images import UnusableImage, load_image, read_bytes
from qdesigner.data.verify import verify
from qdesigner.design.facts import chosen_classes, split_counts
from qdesigner.design.spec import DataSpec
from qdesigner.errors import UserError

Progress = Callable[[int, int], None]
Thing = TypeVar("Thing")
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Item:
    """One image: ``key`` names it within its data ("train/ants/1.jpg", "digits/17"), ``label`` is
    its class's place in ``Dataset.classes``. Digits have no path but a row of load_digits()."""

    key: str
    label: int
    path: Path | None
    index: int = -1


@dataclass(frozen=True)
class Dataset:
    """The images of a DataSpec. ``skipped`` lists the files that cannot be used, and why."""

    classes: tuple[str, ...]
    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    test: tuple[Item, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    digests: Mapping[Path, bytes] = field(default_factory=dict, repr=False, compare=False)

    def image(self, item: Item, channels: int) -> Image.Image:
        """The picture, mode "RGB" (``channels`` 3) or "L" (1). Raises UserError when it is gone."""
        if item.path is None:
            image = Image.fromarray(digit_images()[0][item.index])
            return image.convert("RGB") if channels == 3 else image
        try:
            return load_image(item.path, channels)
        except UnusableImage as error:
            raise UserError(f"The image {str(item.path)!r} was lost meanwhile: {error}.") from error

    def digest(self, item: Item) -> bytes:
        """SHA-256 of the image's content, 32 bytes: equal images are equal whatever their name."""
        if item.path is None:
            return hashlib.sha256(digit_images()[0][item.index].tobytes()).digest()
        if item.path in self.digests:
            return self.digests[item.path]
        try:
            return hashlib.sha256(read_bytes(item.path)).digest()
        except UnusableImage as error:
            raise UserError(f"The image {str(item.path)!r} was lost meanwhile: {error}.") from error


@functools.cache
def digit_images() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """scikit-learn's handwritten digits: images [1797, 8, 8] from 0 to 255, and their digits."""
    from sklearn.datasets import load_digits  # slow to import, and folders never need it

    table = load_digits()
    return np.rint(table.images * (255 / 16)).astype(np.uint8), table.target


def open_dataset(spec: DataSpec, progress: Progress | None = None) -> Dataset:
    """The images that ``spec`` names, every file decoded once to see that it can be used.

    ``progress`` is given (files looked at, files in all). Raises UserError: no such folder or
    class, fewer than two classes, a class without a usable image, nothing to validate on.
    """
    data = _digits(spec) if spec.source == sources.DIGITS else _folder(spec, progress)
    for split, items in (("training", data.train), ("validation", data.validation)):
        counts = [0] * len(data.classes)
        for item in items:
            counts[item.label] += 1
        if split == "validation" and not items:
            raise UserError(
                "No images are left to validate on; "
                "give the split a validation share, or the folder a val/ with images."
            )
        for name, count in zip(data.classes, counts, strict=True):
            if not count:
                raise UserError(
                    f"The class {name!r} has no usable {split} image; "
                    "add images to it, or leave the class out."
                )
    return data


def _shuffled(values: Sequence[Thing], spec: DataSpec, name: str) -> list[Thing]:
    """In the order that the seed gives this class: the same on every machine, whatever the other
    classes hold."""
    order = list(values)
    random.Random(f"{spec.seed}/{name}").shuffle(order)
    return order


def _parts(values: Sequence[Thing], spec: DataSpec, test: float) -> dict[str, list[Thing]]:
    train, validation, _ = split_counts(len(values), spec.validation, test)
    held = train + validation
    return {
        "train": list(values[:train]),
        "validation": list(values[train:held]),
        "test": list(values[held:]),
    }


def _digits(spec: DataSpec) -> Dataset:
    classes = chosen_classes(spec, tuple(sources.DIGITS_COUNTS))
    digits = digit_images()[1]
    items: dict[str, list[Item]] = {split: [] for split in SPLITS}
    for label, name in enumerate(classes):
        rows = [int(row) for row in np.flatnonzero(digits == int(name))]
        for split, part in _parts(_shuffled(rows, spec, name), spec, spec.test).items():
            chosen = sorted(part[: spec.limit or None])
            items[split] += [Item(f"digits/{row}", label, None, row) for row in chosen]
    return Dataset(classes, tuple(items["train"]), tuple(items["validation"]), tuple(items["test"]))


def _folder(spec: DataSpec, progress: Progress | None) -> Dataset:
    if not spec.path:
        raise UserError("No image folder is chosen yet; choose one in the Data stage.")
    listing = list_folder(Path(spec.path))
    classes = chosen_classes(spec, listing.classes)
    wanted = _wanted(spec, listing, classes)
    usable, digests, broken = _usable(wanted, spec.limit, progress)
    items = {
        split: tuple(
            Item(path.relative_to(listing.root).as_posix(), label, path)
            for label, name in enumerate(classes)
            for path in sorted(usable.get((split, name), ()))
        )
        for split in SPLITS
    }
    skipped = (*listing.skipped, *sorted(broken, key=lambda file: file.path))
    return Dataset(classes, items["train"], items["validation"], items["test"], skipped, digests)


def _wanted(
    spec: DataSpec, listing: Listing, classes: tuple[str, ...]
) -> dict[tuple[str, str], list[Path]]:
    """The files of each (split, class), in the order in which a limit takes them."""
    wanted: dict[tuple[str, str], list[Path]] = {}
    for name in classes:
        files = {
            split: _shuffled(folder.get(name, ()), spec, name)
            for split, folder in listing.splits.items()
        }
        if "all" in files:
            files = _parts(files["all"], spec, spec.test)
        elif "validation" not in files:
            files |= {k: v for k, v in _parts(files["train"], spec, 0.0).items() if k != "test"}
        wanted |= {(split, name): paths for split, paths in files.items()}
    return wanted


def _usable(
    wanted: dict[tuple[str, str], list[Path]], limit: int, progress: Progress | None
) -> tuple[dict[tuple[str, str], list[Path]], dict[Path, bytes], list[Skipped]]:
    """The first ``limit`` usable files of each list (0: all), their hashes, and the unusable ones.

    With a limit only as many files are opened as it takes, so a huge folder can be tried quickly.
    """
    left = {place: list(paths) for place, paths in wanted.items()}
    usable: dict[tuple[str, str], list[Path]] = {place: [] for place in wanted}
    digests: dict[Path, bytes] = {}
    broken: list[Skipped] = []
    while True:
        batch = {
            place: paths[: limit - len(usable[place]) if limit else None]
            for place, paths in left.items()
        }
        if not any(batch.values()):
            return usable, digests, broken
        found = verify([path for paths in batch.values() for path in paths], progress)
        for place, paths in batch.items():
            left[place] = left[place][len(paths) :]
            usable[place] += [path for path in paths if not found[path].reason]
        broken += [
            Skipped(str(p), finding.reason) for p, finding in found.items() if finding.reason
        ]
        digests |= {path: finding.digest for path, finding in found.items()}
