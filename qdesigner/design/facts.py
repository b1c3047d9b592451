"""What is known of a Design's data by names and counts alone: classes, samples in each split."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from qdesigner.catalog import sources
from qdesigner.catalog.files import list_files
from qdesigner.catalog.folder import Listing, Skipped, count_folder, list_folder
from qdesigner.catalog.sets import SETS, local_copy
from qdesigner.catalog.table import read_rows, sorted_labels
from qdesigner.design.plan import trained_prefix
from qdesigner.design.spec import DataSpec, Design
from qdesigner.errors import UserError

Counts = tuple[int, int, int]  # of training, validation and test
Part = TypeVar("Part")

_NOTHING_CHOSEN = {
    sources.FOLDER: "No image folder is chosen yet; choose one in the Data stage, or give "
    "--data DIR.",
    sources.FILES: "No file of image paths is chosen yet; choose one in the Data stage, or give "
    "--data FILE.",
    sources.TABLE: "No table is chosen yet; choose one in the Data stage, or give --data FILE.",
}


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Classes and sample counts. Files that turn out to be broken are still counted here.

    ``by_class`` are the counts of each class, in the order of ``classes``; a regression has no
    classes.
    """

    classes: tuple[str, ...]
    train: int
    validation: int
    test: int
    skipped: tuple[Skipped, ...] = ()
    by_class: tuple[Counts, ...] = ()

    @property
    def outputs(self) -> int:
        """How many numbers the model must end with: one a class, or the one to predict."""
        return len(self.classes) or 1


@dataclass(frozen=True, slots=True)
class Contents:
    """What the data has, chosen or not: samples by split and class. ``counts`` has the one key
    "all" for data that is not split, and a regression the one class ""."""

    classes: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    skipped: tuple[Skipped, ...] = ()

    def total(self, name: str) -> int:
        """How many samples of a class there are."""
        return sum(named.get(name, 0) for named in self.counts.values())

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the data itself makes, () where the shares of the design decide."""
        return tuple(split for split in self.counts if split != "all")


def split_counts(count: int, validation: float, test: float) -> Counts:
    """How many of a class's ``count`` samples go to (train, validation, test).

    A wanted share gets at least one sample while two are left for training.
    """
    held = []
    left = count
    for share in (validation, test):
        wanted = round(count * share)
        if share > 0 and wanted == 0:
            wanted = 1
        wanted = max(0, min(wanted, left - 1))
        held.append(wanted)
        left -= wanted
    return left, held[0], held[1]


def serving(spec: DataSpec, parts: Mapping[str, Part]) -> dict[str, Part]:
    """The data's own splits by what they serve as: a held-out one that the data calls its
    validation may be the test, where there is no other."""
    served = dict(parts)
    if spec.held_out == "test" and "test" not in served and "validation" in served:
        served["test"] = served.pop("validation")
    return served


def chosen_classes(spec: DataSpec, available: tuple[str, ...]) -> tuple[str, ...]:
    """The classes to tell apart, in the data's own order; () of a regression.

    Raises UserError when one that is named is not there, or fewer than two remain.
    """
    if spec.task == "regress":
        return ()
    for name in spec.classes:
        if name not in available:
            raise UserError(
                f"The data has no class {name!r}; it has {', '.join(available[:50]) or 'none'}."
            )
    chosen = tuple(c for c in available if not spec.classes or c in spec.classes)
    if len(chosen) < 2:
        raise UserError(
            "A classifier needs at least two classes, but the data has only "
            f"{', '.join(map(repr, chosen)) or 'none'}; choose another folder or more classes."
        )
    return chosen


def data_facts(spec: DataSpec) -> DataFacts:
    """Classes and counts of ``spec``, without opening an image. Raises UserError."""
    return facts_of(spec, contents(spec))


def facts_of(spec: DataSpec, held: Contents) -> DataFacts:
    """The facts of data whose contents are known. Raises UserError."""
    classes = chosen_classes(spec, held.classes)
    drawn = [_drawn(spec, held.counts, name) for name in classes or ("",)]
    limited = [tuple(min(n, spec.limit) if spec.limit else n for n in row) for row in drawn]
    if spec.balanced and classes:
        smallest = min(row[0] for row in limited)
        limited = [(smallest, *row[1:]) for row in limited]
    train, validation, test = (sum(row[k] for row in limited) for k in range(3))
    by_class = tuple((row[0], row[1], row[2]) for row in limited) if classes else ()
    return DataFacts(classes, train, validation, test, held.skipped, by_class)


def _drawn(spec: DataSpec, counts: Mapping[str, Mapping[str, int]], name: str) -> Counts:
    """What the splits have of a class before any limit."""
    there = {split: named.get(name, 0) for split, named in serving(spec, counts).items()}
    if "all" in there:
        return split_counts(there["all"], spec.validation, spec.test)
    train, validation = there.get("train", 0), there.get("validation")
    if validation is None:
        train, validation, _ = split_counts(train, spec.validation, 0.0)
    return train, validation, there.get("test", 0)


# ---- each source ---------------------------------------------------------------------------------


def contents(spec: DataSpec) -> Contents:
    """What the data of ``spec`` has, whatever of it is chosen. No image is opened and nothing is
    fetched. Raises UserError."""
    if spec.source == sources.DIGITS:
        return Contents(tuple(sources.DIGITS_COUNTS), {"all": sources.DIGITS_COUNTS})
    if spec.source in (sources.SPIRALS, sources.MOONS):
        half, rest = spec.samples // 2, spec.samples - spec.samples // 2
        return Contents(("0", "1"), {"all": {"0": half, "1": rest}})
    if spec.source in SETS:
        return _set(spec)
    if spec.source == sources.TABLE:
        return _table(spec)
    if spec.source == sources.FOLDER:
        require_path(spec)
        found, skipped = count_folder(Path(spec.path))
        names = {name for named in found.values() for name in named}
        return Contents(tuple(sorted(names)), found, skipped)
    listing = listed(spec)
    counts = {
        split: {name: len(paths) for name, paths in named.items()}
        for split, named in listing.splits.items()
    }
    return Contents(listing.classes, counts, listing.skipped)


def listed(spec: DataSpec) -> Listing:
    """The image files that a folder, a CSV or a local copy holds. Raises UserError."""
    require_path(spec)
    if spec.source == sources.FILES:
        return list_files(Path(spec.path))
    if spec.source == sources.HYMENOPTERA:
        return list_folder(local_copy(spec.source, spec.path))
    return list_folder(Path(spec.path))


def require_path(spec: DataSpec) -> None:
    """Raises UserError when the data lies in a file or folder and none is chosen."""
    if not spec.path:
        raise UserError(_NOTHING_CHOSEN[spec.source])


def _set(spec: DataSpec) -> Contents:
    row = SETS[spec.source]
    if spec.path and spec.source == sources.HYMENOPTERA:
        return contents(spec.but(source=sources.FOLDER, path=str(local_copy(*_at(spec)))))
    if spec.path:
        local_copy(*_at(spec))
    return Contents(row.classes, {"train": row.train, row.held_split: row.held})


def _at(spec: DataSpec) -> tuple[str, str]:
    return spec.source, spec.path


def _table(spec: DataSpec) -> Contents:
    require_path(spec)
    name = Path(spec.path).name[:100]
    if not spec.label:
        raise UserError(
            f"Choose the column of the table {name!r} that holds its label, in the Data stage or "
            "with --label COLUMN."
        )
    if not spec.columns:
        raise UserError(
            f"No column of the table {name!r} is chosen as a feature; choose some in the Data "
            "stage."
        )
    try:
        status = os.stat(spec.path)  # noqa: PTH116
        stamp = (status.st_size, status.st_mtime_ns)
    except (OSError, ValueError):
        stamp = (0, 0)  # reading it says what is wrong
    return _counted(spec.path, stamp, spec.columns, spec.label, spec.task == "regress")


@lru_cache(maxsize=8)
def _counted(
    path: str, stamp: tuple[int, int], columns: tuple[str, ...], label: str, regress: bool
) -> Contents:
    """What a table has, read once as long as the file stays as it is."""
    labels: Counter[str] = Counter()
    skipped = []
    for row in read_rows(Path(path), columns, label, regress):
        if row.reason:
            skipped.append(Skipped(f"{Path(path).name}, row {row.number}", row.reason))
        else:
            labels["" if regress else row.label] += 1
    if not labels:
        raise UserError(
            f"No row of the table {Path(path).name[:100]!r} can be used: "
            f"{skipped[0].reason if skipped else 'it has none'}."
        )
    classes = () if regress else sorted_labels(set(labels))
    return Contents(classes, {"all": dict(labels)}, tuple(skipped))


# ---- what it costs -------------------------------------------------------------------------------


def augmentation_cost(design: Design, facts: DataFacts) -> str:
    """What the augmentation costs where features would otherwise be computed once, as a sentence;
    "" where it costs nothing to speak of."""
    augmentation = design.data.augmentation
    if not (augmentation.any and trained_prefix(design)):
        return ""
    images, epochs = facts.train, design.training.epochs
    if augmentation.variants:
        return (
            f"Features of {augmentation.variants} variants of each training image are computed "
            f"once: about {augmentation.variants * images:,} images."
        )
    return (
        f"Features are computed anew in every epoch: about {images:,} images each time, "
        f"{epochs * images:,} in {epochs:,} epochs. A number of fixed variants needs that only "
        "once."
    )
