"""The cache of frozen features on disk: what is in it, how large it may grow, clearing it.

One folder for each frozen front, beside its lock. Everything here takes file operations alone, but
a large cache takes a while to look through or to delete: call it off the window's thread.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from qdesigner.catalog.backbones import BACKBONES
from qdesigner.design.codec import write_text
from qdesigner.design.stages import STAGES
from qdesigner.errors import UserError
from qdesigner.paths import cache_folder, data_folder

GB = 2**30
DEFAULT_GB = 4.0
DIGEST = 32  # bytes that name an image
_VARIABLE = "QDESIGNER_CACHE_GB"


@dataclass(frozen=True, slots=True)
class Entry:
    """The features of one frozen front: ``what`` it is in words, for how many ``images``, of which
    ``shape`` for each, the ``bytes`` on disk, and when it was last ``used`` (seconds since 1970).
    """

    folder: Path
    what: str
    images: int
    shape: tuple[int, ...]
    bytes: int
    used: float


def folder() -> Path:
    """Where the features lie."""
    return cache_folder() / "features"


def entries(root: Path | None = None) -> tuple[Entry, ...]:
    """All that is kept, the last used first. What cannot be read is left out."""
    found = []
    with contextlib.suppress(OSError):
        for place in (root or folder()).iterdir():
            with contextlib.suppress(OSError):
                if place.is_dir():
                    found.append(_entry(place))
    return tuple(sorted(found, key=lambda entry: -entry.used))


def clear(which: Iterable[Entry] | None = None) -> int:
    """Delete entries, or all of them for None; gives the bytes that came free. What another process
    is writing to just now stays."""
    return sum(entry.bytes for entry in (entries() if which is None else which) if _drop(entry))


def cap() -> float:
    """How many bytes all entries may take together; ``QDESIGNER_CACHE_GB`` comes before what was
    set. Raises UserError when that is no number."""
    text = os.environ.get(_VARIABLE, "")
    if text:
        gigabytes = _number(text)
        if gigabytes is None:
            raise UserError(f"{_VARIABLE} is {text!r}, which is no number of GB.")
        return gigabytes * GB
    try:
        set_to = json.loads(_settings().read_text(encoding="utf-8"))["cap_gb"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        set_to = None
    gigabytes = _number(set_to)
    return (DEFAULT_GB if gigabytes is None else gigabytes) * GB


def cap_is_fixed() -> bool:
    """Whether the environment says how large the cache may be, so that setting it has no effect."""
    return bool(os.environ.get(_VARIABLE))


def set_cap(gigabytes: float) -> None:
    """Let all entries together take so much, and drop those that were not used for longest until
    they do. Raises UserError when it is no size, or cannot be kept."""
    if _number(gigabytes) is None:
        raise UserError(f"The cache cannot be limited to {gigabytes} GB; give 0 or more.")
    try:
        _settings().parent.mkdir(parents=True, exist_ok=True)
        write_text(_settings(), json.dumps({"cap_gb": float(gigabytes)}) + "\n")
    except OSError as error:
        raise UserError(
            f"The size of the cache cannot be kept: {error.strerror or error}."
        ) from error
    make_room(0.0, cap())


def make_room(needed: float, limit: float, keep: Path | None = None) -> bool:
    """Drop what was not used for longest, but never the entry ``keep``, until ``needed`` more bytes
    are within ``limit``; whether they are."""
    kept = entries(keep.parent if keep else None)
    total = sum(entry.bytes for entry in kept) + needed
    for entry in reversed(kept):
        if total <= limit:
            break
        if entry.folder != keep and _drop(entry):
            total -= entry.bytes
    return total <= limit


def size_text(size: float) -> str:
    """Bytes as a person reads them: 310 kB, 4.2 MB, 1.5 GB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.{0 if size >= 100 * unit else 1}f} {name}"
    return f"{size:.0f} bytes"


def _settings() -> Path:
    return data_folder() / "cache.json"


def _number(value: Any) -> float | None:
    """A size in GB, None when it is none."""
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _drop(entry: Entry) -> bool:
    """Remove an entry, unless another process is writing in it."""
    try:
        with FileLock(f"{entry.folder}.lock", timeout=0):
            shutil.rmtree(entry.folder, ignore_errors=True)
    except (Timeout, OSError):
        return False
    return not entry.folder.exists()


def _entry(place: Path) -> Entry:
    files = [found.stat() for found in place.iterdir() if found.is_file()]
    try:
        images = (place / "digests").stat().st_size // DIGEST
    except OSError:
        images = 0
    what, shape = _about(place / "about.json")
    return Entry(
        place, what, images, shape, sum(file.st_size for file in files), place.stat().st_mtime
    )


def _about(file: Path) -> tuple[str, tuple[int, ...]]:
    """What the front is, in words, and the shape of its features; the file may say anything."""
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        shape = tuple(int(size) for size in about["shape"])
        stages = [(str(s["kind"]), s["settings"]) for s in about["key"]["prefix"]["stages"]]
        first, settings = stages[0]
        name = STAGES[first].label
        if first == "backbone":
            row = BACKBONES[settings["model"]]
            parts = row.kept(settings.get("cut", ""))
            inside = about["key"]["prefix"].get("inside")
            cut = parts[int(inside) - 1].name if inside else settings.get("cut", "")
            name = f"{row.label} up to {cut}" if cut else row.label
        varied = about["key"]["prefix"].get("augmentation")
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError, AttributeError):
        return "Features of an unknown front", ()
    more = len(stages) - 1
    name += f" and {more} more stage{'s' if more > 1 else ''}" if more else ""
    return f"{name}, augmented" if varied else name, shape
