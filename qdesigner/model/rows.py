"""Features kept on disk: one row per image and prefix, found by the hash of the image's content.

Each prefix has a folder with ``rows.f32`` (little-endian float32 rows, one after another),
``digests`` (32 bytes for each row, in the same order) and ``about.json`` (the key, and the shape
of a row). Both files only grow; a row counts once its digest is written, so what a crash left
half written is not seen and is cut off by the next writer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from qdesigner.errors import UserError
from qdesigner.session import cache

Rows = npt.NDArray[np.float32]

_WAIT = 10.0


class FullError(OSError):
    """The cache's own limit leaves no room for more rows."""


class RowStore:
    """The rows of one prefix. Every method may raise OSError; the cache is never needed."""

    def __init__(self, root: Path, key: dict[str, Any]) -> None:
        text = json.dumps(key, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        self.folder = root / name
        self._key = key
        self._lock = FileLock(root / f"{name}.lock", timeout=_WAIT)
        # Held by who computes rows that are not known yet.
        self.computing = FileLock(root / f"{name}.computing.lock")

    def read(self, digests: Sequence[bytes]) -> dict[bytes, Rows]:
        """The rows that are known among ``digests``, as copies of shape [*feature_shape]."""
        shape = self._shape()
        if shape is None:
            return {}
        count = self._count(shape)
        if count == 0:
            return {}
        with contextlib.suppress(OSError):
            os.utime(self.folder)  # the least recently used folder is the first to be dropped
        known = (self.folder / "digests").read_bytes()[: count * cache.DIGEST]
        place = {known[i * cache.DIGEST : (i + 1) * cache.DIGEST]: i for i in range(count)}
        rows = np.memmap(self.folder / "rows.f32", dtype="<f4", mode="r", shape=(count, *shape))
        return {d: np.array(rows[place[d]], np.float32) for d in digests if d in place}

    def append(self, digests: Sequence[bytes], rows: Rows) -> None:
        """Add rows [N, *feature_shape]; safe with other processes and with a crash at any point."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with _held(self._lock):
            self.folder.mkdir(exist_ok=True)
            self._make_room(rows.nbytes)
            if self._shape() != rows.shape[1:]:
                self._begin(rows.shape[1:])
            count = self._count(rows.shape[1:])
            _write_at(
                self.folder / "rows.f32", count * rows[0].nbytes, rows.astype("<f4").tobytes()
            )
            _write_at(self.folder / "digests", count * cache.DIGEST, b"".join(digests))

    def _begin(self, shape: tuple[int, ...]) -> None:
        for name in ("digests", "rows.f32"):
            (self.folder / name).unlink(missing_ok=True)
        partial = self.folder / "about.json.partial"
        partial.write_text(json.dumps({"shape": shape, "key": self._key}), encoding="utf-8")
        partial.replace(self.folder / "about.json")

    def _shape(self) -> tuple[int, ...] | None:
        try:
            about = json.loads((self.folder / "about.json").read_text(encoding="utf-8"))
            shape = tuple(int(size) for size in about["shape"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return shape if all(size > 0 for size in shape) else None

    def _count(self, shape: tuple[int, ...]) -> int:
        try:
            rows = (self.folder / "rows.f32").stat().st_size // (4 * math.prod(shape))
            return min(rows, (self.folder / "digests").stat().st_size // cache.DIGEST)
        except OSError:
            return 0

    def _make_room(self, needed: int) -> None:
        """Drop the folders that were not used for longest. Raises FullError when that is not
        enough."""
        try:
            limit = cache.cap()
        except UserError as error:
            raise FullError(str(error)) from error
        if not cache.make_room(needed, limit, self.folder):
            raise FullError(f"the cache of features is limited to {limit / cache.GB:g} GB")


def _write_at(path: Path, position: int, content: bytes) -> None:
    """Write at ``position``, cutting off what a crash left behind it."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.truncate(position)
        file.seek(position)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # or a power cut could leave a digest without its row


@contextlib.contextmanager
def _held(lock: FileLock) -> Iterator[None]:
    try:
        with lock:
            yield
    except Timeout as error:
        raise OSError("another process is writing to the cache of features") from error
