"""What a folder of images holds, by names alone: no file is opened here.

Two layouts are read: ``train/`` and ``val/`` (and ``test/``), each with one folder a class; or one
folder with one folder a class, which the caller splits by seed and ratio.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from qdesigner.catalog.sources import IMAGE_EXTENSIONS
from qdesigner.errors import UserError

SPLITS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation"}
SPLITS["test"] = "test"


@dataclass(frozen=True, slots=True)
class Skipped:
    """One file that cannot be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Image files by split and class. ``splits`` has the one key "all" for an unsplit folder."""

    root: Path
    splits: dict[str, dict[str, tuple[Path, ...]]]
    skipped: tuple[Skipped, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in alphabetical order, over all splits."""
        return tuple(sorted({name for split in self.splits.values() for name in split}))

    def count(self, split: str, name: str) -> int:
        """How many files a class has in a split."""
        return len(self.splits.get(split, {}).get(name, ()))


def list_folder(root: Path) -> Listing:
    """List ``root``. Raises UserError when it is no folder, or holds no class with an image."""
    if not root.exists():
        raise UserError(f"The image folder {str(root)!r} does not exist; choose another folder.")
    if not root.is_dir():
        raise UserError(f"{str(root)!r} is a file; choose the folder that holds the class folders.")
    skipped: list[Skipped] = []
    names = {entry.name.lower(): entry for entry in _folders(root)}
    found = {SPLITS[name]: path for name, path in names.items() if name in SPLITS}
    if "train" in found:
        splits = {split: _classes(path, skipped) for split, path in found.items()}
    else:
        splits = {"all": _classes(root, skipped)}
    listing = Listing(root, splits, tuple(skipped))
    if not any(listing.splits[s].get(c) for s in splits for c in listing.classes):
        raise UserError(
            f"The folder {str(root)!r} holds no images: give it one folder a class, "
            "or train/ and val/ with one folder a class in each."
        )
    return listing


def _folders(root: Path) -> list[Path]:
    try:
        entries = sorted(root.iterdir())
    except OSError as error:
        raise UserError(f"The folder {str(root)!r} cannot be read: {error.strerror}.") from error
    return [entry for entry in entries if not entry.name.startswith(".") and entry.is_dir()]


def _classes(root: Path, skipped: list[Skipped]) -> dict[str, tuple[Path, ...]]:
    return {folder.name: tuple(_images(folder, skipped)) for folder in _folders(root)}


def _images(folder: Path, skipped: list[Skipped]) -> list[Path]:
    """The image files below a class folder, sorted, deeper folders included."""
    images = []
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            extension = path.suffix.lower()
            if name.startswith(".") or name in ("Thumbs.db", "desktop.ini"):
                continue
            if extension in IMAGE_EXTENSIONS:
                images.append(path)
            else:
                reason = f"{extension or 'a name without extension'} is not an image type we read"
                skipped.append(Skipped(str(path), reason))
    return images
