"""Images that are no files: scikit-learn's digits, and the arrays of public sets on disk."""

from __future__ import annotations

import functools
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from qdesigner.catalog import sources
from qdesigner.catalog.sets import CIFAR_FILES, IDX_FILES, SETS
from qdesigner.errors import UserError

Bytes = npt.NDArray[np.uint8]
_IMAGES, _LABELS = 0x803, 0x801  # how an IDX file of three dimensions, and one of one, begins
_RECORD = 1 + 3 * 32 * 32  # of CIFAR-10: a label, then red, green and blue


@dataclass(frozen=True)
class Part:
    """Images that belong together: grey [n, h, w] or colour [n, h, w, 3], and their classes' places
    [n]. ``name`` begins their keys."""

    name: str
    images: Bytes
    labels: Bytes


class Pictures:
    """Numbered images in a few arrays, which may lie on disk."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)
        self._starts = np.cumsum([0, *(len(part.labels) for part in parts)])

    def array(self, index: int) -> Bytes:
        """One image, [h, w] or [h, w, 3]."""
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        return np.ascontiguousarray(self.parts[number].images[index - self._starts[number]])

    def image(self, index: int, channels: int) -> Image.Image:
        """One image, mode "RGB" (``channels`` 3) or "L" (1)."""
        return Image.fromarray(self.array(index)).convert("RGB" if channels == 3 else "L")

    def of_class(self, part: str, label: int) -> list[int]:
        """The numbers of a class's images in all arrays named ``part``."""
        found: list[int] = []
        for start, each in zip(self._starts, self.parts, strict=False):
            if each.name == part:
                found += (np.flatnonzero(each.labels == label) + start).tolist()
        return found

    def key(self, index: int) -> str:
        """What an image is called: "mnist/train/17"."""
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        name = self.parts[number].name
        first = next(s for s, p in zip(self._starts, self.parts, strict=False) if p.name == name)
        return f"{name}/{index - first}"

    def index(self, key: str) -> int:
        """The image that is called ``key``. Raises KeyError."""
        name, _, number = key.rpartition("/")
        place = int(number) if number.isascii() and number.isdecimal() else -1
        count = sum(len(part.labels) for part in self.parts if part.name == name)
        if not 0 <= place < count:
            raise KeyError(key)
        first = next(s for s, p in zip(self._starts, self.parts, strict=False) if p.name == name)
        return int(first) + place


@functools.cache
def digits() -> Pictures:
    """scikit-learn's handwritten digits: 1797 images of 8 × 8 pixels from 0 to 255."""
    from sklearn.datasets import load_digits  # slow to import, and folders never need it

    table = load_digits()
    images = np.rint(table.images * (255 / 16)).astype(np.uint8)
    return Pictures([Part(sources.DIGITS, images, table.target.astype(np.uint8))])


def open_set(source: str, folder: Path) -> Pictures:
    """A public set from the folder of its files. Raises UserError when they are not its own."""
    if source == sources.CIFAR10:
        return Pictures([_cifar(source, folder / name) for name in CIFAR_FILES])
    side = SETS[source].size
    parts = []
    for split, (images, labels) in zip(
        ("train", "test"), (IDX_FILES[:2], IDX_FILES[2:]), strict=True
    ):
        pixels, places = _idx(folder / images, _IMAGES), _idx(folder / labels, _LABELS)
        whole = pixels.shape[1:] == (side, side) and len(pixels) == len(places) > 0
        if not whole or places.max() >= len(SETS[source].classes):
            raise UserError(
                f"{str(folder / images)[:300]!r} and its labels do not belong together."
            )
        parts.append(Part(f"{source}/{split}", pixels, places))
    return Pictures(parts)


def _idx(path: Path, magic: int) -> Bytes:
    """An IDX file of bytes: mapped, or unpacked into memory where it is still a .gz."""
    packed = path.with_name(f"{path.name}.gz")
    content: Any
    try:
        if path.is_file():
            content = np.memmap(path, np.uint8, "r")
        else:
            with gzip.open(packed) as file:
                content = np.frombuffer(file.read(), np.uint8)
    except (OSError, EOFError, ValueError) as error:
        raise _unreadable(path, error) from error
    words = content[:16].tobytes()
    dimensions = magic & 0xFF
    if len(words) < 4 * (dimensions + 1) or int.from_bytes(words[:4], "big") != magic:
        raise _unreadable(path, "it does not begin as an IDX file of images or labels does")
    shape = [int.from_bytes(words[4 * k : 4 * k + 4], "big") for k in range(1, dimensions + 1)]
    start = 4 * (dimensions + 1)
    if len(content) != start + int(np.prod(shape, dtype=np.int64)):
        raise _unreadable(path, "it is cut short or too long")
    array: Bytes = content[start:].reshape(shape)
    return array


def _cifar(source: str, path: Path) -> Part:
    try:
        content = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if len(content) % _RECORD or not len(content):
        raise _unreadable(path, "it is not a row of labels and images of 32 × 32 pixels")
    rows = content.reshape(-1, _RECORD)
    images = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    if rows[:, 0].max() >= len(SETS[source].classes):
        raise _unreadable(path, "a label in it is none of ten classes")
    split = "test" if path.name.startswith("test") else "train"
    return Part(f"{source}/{split}", images, rows[:, 0])


def _unreadable(path: Path, error: Exception | str) -> UserError:
    reason = error if isinstance(error, str) else getattr(error, "strerror", None) or str(error)
    return UserError(
        f"The file {str(path)[:300]!r} cannot be used: {reason}; delete it, or choose another copy."
    )
