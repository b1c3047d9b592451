"""Images that are files: a folder of them, or those that a CSV names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qdesigner.catalog.folder import Listing, Skipped
from qdesigner.data.draw import Drawn, drawn, limited
from qdesigner.data.items import SPLITS, Dataset, Item
from qdesigner.data.verify import verify
from qdesigner.design.facts import chosen_classes
from qdesigner.design.spec import DataSpec

Progress = Callable[[int, int], None]


def read_files(spec: DataSpec, listing: Listing, progress: Progress | None) -> Dataset:
    """The images of a listing, every one that is wanted decoded once to see that it can be used."""
    classes = chosen_classes(spec, listing.classes)
    wanted = drawn(spec, classes, listing.splits)
    usable, digests, broken = _usable(wanted, spec.limit, progress)
    usable = limited(spec, usable)
    items = {
        split: tuple(
            Item(listing.named(path), label, path)
            for label, name in enumerate(classes)
            for path in sorted(usable.get((split, name), ()))
        )
        for split in SPLITS
    }
    skipped = (*listing.skipped, *sorted(broken, key=lambda file: file.path))
    return Dataset(classes, items["train"], items["validation"], items["test"], skipped, digests)


def _usable(
    wanted: Drawn[Path], limit: int, progress: Progress | None
) -> tuple[Drawn[Path], dict[Path, bytes], list[Skipped]]:
    """The first ``limit`` usable files of each list (0: all), their hashes, and the unusable ones.

    With a limit only as many files are opened as it takes, so a huge folder can be tried quickly.
    """
    left = {place: list(paths) for place, paths in wanted.items()}
    usable: Drawn[Path] = {place: [] for place in wanted}
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
