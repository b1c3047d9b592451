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

    def named(self, path: Path) -> str:
        """A file's name within the listing: relative to its root where it lies below."""
        text, root = path.as_posix(), f"{self.root.as_posix()}/"
        return text[len(root) :] if text.startswith(root) else text

    def count(self, split: str, name: str) -> int:
        """How many files a class has in a split."""
        return len(self.splits.get(split, {}).get(name, ()))


Names = dict[str, dict[str, list[str]]]  # files by split and class


def list_folder(root: Path) -> Listing:
    """List ``root``. Raises UserError when it is no folder, or holds no class with an image."""
    names, skipped = _names(root)
    splits = {
        split: {name: tuple(map(Path, files)) for name, files in named.items()}
        for split, named in names.items()
    }
    return Listing(root, splits, skipped)


def count_folder(root: Path) -> tuple[dict[str, dict[str, int]], tuple[Skipped, ...]]:
    """The images of ``root`` by split and class, and what is skipped; errors as of `list_folder`.

    No Path is made: making and dropping 100,000 of them in a thread would stop all other threads
    for a tenth of a second.
    """
    names, skipped = _names(root)
    counts = {
        split: {name: len(files) for name, files in named.items()} for split, named in names.items()
    }
    return counts, skipped


def _names(root: Path) -> tuple[Names, tuple[Skipped, ...]]:
    try:
        if not root.exists():
            raise UserError(
                f"The image folder {str(root)!r} does not exist; choose another folder."
            )
    except OSError as error:
        raise _unreadable(root, error) from error
    if not root.is_dir():
        raise UserError(f"{str(root)!r} is a file; choose the folder that holds the class folders.")
    skipped: list[Skipped] = []
    found = _splits(root)
    if "train" in found:
        splits = {split: _classes(path, skipped) for split, path in found.items()}
    else:
        splits = {"all": _classes(root, skipped)}
    if not any(files for named in splits.values() for files in named.values()):
        raise UserError(
            f"The folder {str(root)!r} holds no images: give it one folder a class, "
            "or train/ and val/ with one folder a class in each."
        )
    return splits, tuple(skipped)


def _splits(root: Path) -> dict[str, Path]:
    """The folder of each split, {} when the classes lie at the top: a `train` that holds no
    folders is a class of trains."""
    found: dict[str, Path] = {}
    for folder in _folders(root):
        split = SPLITS.get(folder.name.lower())
        if split in found:
            raise UserError(
                f"The folder {str(root)!r} holds both {found[split].name!r} and {folder.name!r}; "
                "keep one of them."
            )
        if split:
            found[split] = folder
    return found if "train" in found and _folders(found["train"]) else {}


def _folders(root: Path) -> list[Path]:
    try:
        entries = sorted(root.iterdir())
        return [entry for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    except OSError as error:
        raise _unreadable(root, error) from error


def _unreadable(root: Path, error: OSError) -> UserError:
    name = str(root) if len(str(root)) < 300 else f"{str(root)[:300]}…"
    return UserError(
        f"The folder {name!r} cannot be read: {error.strerror or error}; choose another folder."
    )


def _classes(root: Path, skipped: list[Skipped]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for folder in _folders(root):
        if _is_text(folder.name):
            named[folder.name] = _images(folder, skipped)
        else:
            skipped.append(Skipped(_shown(str(folder)), "its name is not text; rename it"))
    return named


def _is_text(name: str) -> bool:
    """Whether a name can be written to a file: one of stray bytes cannot."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def _shown(*parts: str) -> str:
    """The path as text that can be written and printed."""
    return os.path.join(*parts).encode("utf-8", "backslashreplace").decode()  # noqa: PTH118


def _images(folder: Path, skipped: list[Skipped]) -> list[str]:
    """The image files below a class folder, sorted, deeper folders included."""
    images = []

    def unread(error: OSError) -> None:
        reason = f"the folder cannot be read: {error.strerror}"
        skipped.append(Skipped(_shown(str(error.filename)), reason))

    for parent, folders, files in os.walk(folder, onerror=unread):
        folders.sort()
        for name in sorted(files):
            if name.startswith(".") or name in ("Thumbs.db", "desktop.ini"):
                continue
            extension = os.path.splitext(name)[1].lower()  # noqa: PTH122  (100,000 Paths are slow)
            if not _is_text(name) or not _is_text(parent):
                skipped.append(Skipped(_shown(parent, name), "its name is not text; rename it"))
            elif extension in IMAGE_EXTENSIONS:
                images.append(os.path.join(parent, name))  # noqa: PTH118
            else:
                reason = f"{extension or 'a name without extension'} is not an image type we read"
                skipped.append(Skipped(_shown(parent, name), reason))
    return images
