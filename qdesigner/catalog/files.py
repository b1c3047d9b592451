"""A CSV that names image files: their paths, labels and, if it says so, splits. None is opened."""

from __future__ import annotations

import os
from pathlib import Path

from qdesigner.catalog.csvfile import csv_rows
from qdesigner.catalog.folder import SPLITS, Listing, Skipped
from qdesigner.catalog.sources import IMAGE_EXTENSIONS
from qdesigner.errors import UserError

PATHS = ("path", "file", "filename", "file_name", "image", "image_path", "filepath")
LABELS = ("label", "class", "target", "category")
PARTS = ("split", "set", "part")
WORDS = {**SPLITS, "training": "train", "dev": "validation", "testing": "test"}


def list_files(path: Path) -> Listing:
    """The files that the CSV at ``path`` names, as a folder's listing; relative paths start at the
    CSV's own folder.

    A first line of column names is not needed: then the columns are path, label and split. A line
    that cannot be used is skipped with its reason. Raises UserError.
    """
    root = path.absolute().parent
    splits: dict[str, dict[str, list[Path]]] = {}
    skipped: list[Skipped] = []
    seen: set[str] = set()
    places: tuple[int, int, int] | None = None
    for line, cells in csv_rows(path):
        if places is None:
            named = _header(cells)
            places = named or (0, 1, 2)
            if named:
                continue
        name, label, part = (cells[place] if place < len(cells) else "" for place in places)
        reason = _reason(name, label, part, seen)
        if reason:
            skipped.append(Skipped(f"{path.name}, line {line}: {name[:300]}", reason))
            continue
        seen.add(name)
        split = WORDS[part.lower()] if part else "all"
        # Joined as text: 100,000 joins of Paths are slow.
        where = name if os.path.isabs(name) else f"{root}/{name}"  # noqa: PTH117
        splits.setdefault(split, {}).setdefault(label, []).append(Path(where))
    if not splits:
        raise UserError(
            f"The file {str(path)[:300]!r} names no images: give it a path and a label in each "
            "line, and a split if you like."
        )
    return Listing(root, _told_apart(splits), tuple(skipped))


def _header(cells: list[str]) -> tuple[int, int, int] | None:
    """The places of path, label and split, when the line holds names of columns."""
    words = [cell.lower() for cell in cells]
    path = next((words.index(word) for word in PATHS if word in words), None)
    label = next((words.index(word) for word in LABELS if word in words), None)
    if path is None or label is None:
        return None
    split = next((words.index(word) for word in PARTS if word in words), len(words))
    return path, label, split


def _reason(name: str, label: str, part: str, seen: set[str]) -> str:
    """Why a line cannot be used, or ""."""
    if not name:
        return "it names no file"
    if not label:
        return "it has no label"
    if part and part.lower() not in WORDS:
        return f"{part[:40]!r} is no split: train, validation or test"
    if name in seen:
        return "the file is named twice"
    extension = os.path.splitext(name)[1].lower()  # noqa: PTH122
    if extension not in IMAGE_EXTENSIONS:
        return f"{extension or 'a name without extension'} is not an image type we read"
    return ""


def _told_apart(splits: dict[str, dict[str, list[Path]]]) -> dict[str, dict[str, tuple[Path, ...]]]:
    """Files without a split are for training where others have one."""
    if len(splits) > 1 and "all" in splits:
        for label, paths in splits.pop("all").items():
            splits.setdefault("train", {}).setdefault(label, []).extend(paths)
    if "all" not in splits and "train" not in splits:
        raise UserError("The file names no images to train on; give some the split 'train'.")
    return {
        split: {label: tuple(sorted(paths)) for label, paths in sorted(named.items())}
        for split, named in splits.items()
    }


def names_images(path: Path) -> bool:
    """Whether a CSV names image files rather than holding numbers: by its first lines."""
    for number, (_, cells) in enumerate(csv_rows(path)):
        if number == 0 and _header(cells):
            return True
        if any(os.path.splitext(cell)[1].lower() in IMAGE_EXTENSIONS for cell in cells):  # noqa: PTH122
            return True
        if number > 3:
            break
    return False
