"""What is known of a Design's data by names and counts alone: classes, and images in each split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qdesigner.catalog import sources
from qdesigner.catalog.folder import Skipped, list_folder
from qdesigner.design.spec import DataSpec
from qdesigner.errors import UserError


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Classes and image counts. Files that turn out to be broken are still counted here."""

    classes: tuple[str, ...]
    train: int
    validation: int
    test: int
    skipped: tuple[Skipped, ...] = ()


def split_counts(count: int, validation: float, test: float) -> tuple[int, int, int]:
    """How many of a class's ``count`` images go to (train, validation, test).

    A wanted share gets at least one image while two are left for training.
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


def chosen_classes(spec: DataSpec, available: tuple[str, ...]) -> tuple[str, ...]:
    """The classes to tell apart, in the data's own order.

    Raises UserError when one that is named is not there, or fewer than two remain.
    """
    for name in spec.classes:
        if name not in available:
            raise UserError(
                f"The data has no class {name!r}; it has {', '.join(available) or 'none'}."
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
    if spec.source == sources.DIGITS:
        classes = chosen_classes(spec, tuple(sources.DIGITS_COUNTS))
        return _counted(spec, classes, {c: sources.DIGITS_COUNTS[c] for c in classes}, ())
    if not spec.path:
        raise UserError(
            "No image folder is chosen yet; choose one in the Data stage, or give --data DIR."
        )
    listing = list_folder(Path(spec.path))
    classes = chosen_classes(spec, listing.classes)
    if "all" in listing.splits:
        counts = {c: listing.count("all", c) for c in classes}
        return _counted(spec, classes, counts, listing.skipped)
    if "validation" in listing.splits:
        train = sum(_limited(listing.count("train", c), spec.limit) for c in classes)
        held = sum(_limited(listing.count("validation", c), spec.limit) for c in classes)
    else:
        facts = _counted(
            DataSpec(**{**spec.model_dump(), "test": 0.0}),
            classes, {c: listing.count("train", c) for c in classes}, (),
        )  # fmt: skip
        train, held = facts.train, facts.validation
    test = sum(_limited(listing.count("test", c), spec.limit) for c in classes)
    return DataFacts(classes, train, held, test, listing.skipped)


def _limited(count: int, limit: int) -> int:
    return min(count, limit) if limit else count


def _counted(
    spec: DataSpec, classes: tuple[str, ...], counts: dict[str, int], skipped: tuple[Skipped, ...]
) -> DataFacts:
    parts = [split_counts(counts[c], spec.validation, spec.test) for c in classes]
    train, validation, test = (
        sum(_limited(part[k], spec.limit) for part in parts) for k in range(3)
    )
    return DataFacts(classes, train, validation, test, skipped)
