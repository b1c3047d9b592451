"""Every source of data opened by its spec."""

from __future__ import annotations

from collections.abc import Callable

from qdesigner.catalog import sources
from qdesigner.catalog.folder import list_folder
from qdesigner.catalog.sets import SETS
from qdesigner.catalog.sources import DIGITS_COUNTS
from qdesigner.data.draw import drawn, limited
from qdesigner.data.files import read_files
from qdesigner.data.items import SPLITS, Dataset, Item, Scaling
from qdesigner.data.pictures import Pictures, digits, open_set
from qdesigner.data.sets import set_folder
from qdesigner.data.tables import read_points, read_table
from qdesigner.design.facts import chosen_classes, listed
from qdesigner.design.spec import DataSpec
from qdesigner.errors import UserError

__all__ = [
    "SPLITS", "Dataset", "Item", "Scaling", "known_key", "open_dataset", "open_pictures",
    "read_dataset",
]  # fmt: skip

Progress = Callable[[int, int], None]
Fetching = Callable[[str, int, int], None]


def open_dataset(
    spec: DataSpec, progress: Progress | None = None, fetching: Fetching | None = None
) -> Dataset:
    """The samples that ``spec`` names, every file decoded once to see that it can be used.

    ``progress`` is given (files looked at, files in all), ``fetching`` (file, bytes so far, bytes
    in all) of a download. Raises UserError: no such folder or class, fewer than two classes, a
    class without a usable sample, nothing to validate on.
    """
    data = read_dataset(spec, progress, fetching)
    what = "row" if spec.rows else "image"
    if not data.validation:
        raise UserError(
            f"No {what}s are left to validate on; give the split a validation share"
            + ("." if spec.rows else ", or the folder a val/ with images.")
        )
    if not data.train:
        raise UserError(f"No {what}s are left to train on; lower the shares of the other splits.")
    for split, items in (("training", data.train), ("validation", data.validation)):
        counts = [0] * len(data.classes)
        for item in items:
            if counts:
                counts[int(item.label)] += 1
        for name, count in zip(data.classes, counts, strict=True):
            if not count:
                raise UserError(
                    f"The class {name!r} has no usable {split} {what}; "
                    f"add {what}s to it, or leave the class out."
                )
    return data


def read_dataset(
    spec: DataSpec, progress: Progress | None = None, fetching: Fetching | None = None
) -> Dataset:
    """As `open_dataset`, whatever a split may lack. Raises UserError."""
    if spec.source in (sources.FOLDER, sources.FILES):
        return read_files(spec, listed(spec), progress)
    if spec.source == sources.HYMENOPTERA:
        return read_files(spec, list_folder(set_folder(spec, fetching)), progress)
    if spec.source == sources.TABLE:
        return read_table(spec)
    if spec.rows:
        return read_points(spec)
    return _of_pictures(spec, open_pictures(spec, fetching))


def open_pictures(spec: DataSpec, fetching: Fetching | None = None) -> Pictures:
    """The arrays of a source whose images are no files. Raises UserError."""
    if spec.source == sources.DIGITS:
        return digits()
    return open_set(spec.source, set_folder(spec, fetching))


def known_key(spec: DataSpec, key: str) -> bool:
    """Whether a sample that is no file can be called ``key`` in this data."""
    name, _, text = key.rpartition("/")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else -1
    if spec.rows:
        return number >= 0 and name == ("row" if spec.source == sources.TABLE else spec.source)
    if spec.source in SETS:
        row = SETS[spec.source]
        sizes = {"train": sum(row.train.values()), row.held_split: sum(row.held.values())}
        source, _, split = name.partition("/")
        return source == spec.source and 0 <= number < sizes.get(split, 0)
    return name == sources.DIGITS and 0 <= number < sum(DIGITS_COUNTS.values())


def _of_pictures(spec: DataSpec, pictures: Pictures) -> Dataset:
    digital = spec.source == sources.DIGITS
    available = tuple(DIGITS_COUNTS) if digital else SETS[spec.source].classes
    classes = chosen_classes(spec, available)
    if digital:
        parts = {"all": sources.DIGITS}
    else:
        parts = {split: f"{spec.source}/{split}" for split in ("train", "test")}
    pools = {
        split: {name: pictures.of_class(part, available.index(name)) for name in classes}
        for split, part in parts.items()
    }
    wanted = limited(spec, drawn(spec, classes, pools))
    items = {
        split: tuple(
            Item(pictures.key(index), label, None, index)
            for label, name in enumerate(classes)
            for index in sorted(wanted[split, name])
        )
        for split in SPLITS
    }
    return Dataset(classes, items["train"], items["validation"], items["test"], pictures=pictures)
