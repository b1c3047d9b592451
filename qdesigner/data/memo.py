"""What was found out about a file, kept by its path, size and time, so that no file is read twice.

The memo lies in the user's cache folder. Without it (read-only, full, damaged) everything works
and takes longer: no failure here ever reaches the caller.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qdesigner.paths import cache_folder

_log = logging.getLogger(__name__)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS files (path TEXT, use TEXT, size INTEGER, mtime_ns INTEGER,"
    " digest BLOB, reason TEXT, PRIMARY KEY (path, use)) WITHOUT ROWID"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """The SHA-256 of a file's content, and why it cannot be used ("" when it can)."""

    digest: bytes
    reason: str = ""


Stamp = tuple[str, int, int]


def stamp(path: Path) -> Stamp | None:
    """(absolute path, size, time) of a file; None when it cannot be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (os.path.abspath(path), status.st_size, status.st_mtime_ns)  # noqa: PTH100


def recall(use: str, stamps: Iterable[Stamp]) -> dict[Stamp, Finding]:
    """What is known of these files for the given use ("image", "weights")."""
    known: dict[Stamp, Finding] = {}
    with _quietly(), contextlib.closing(_connect()) as database:
        for wanted in stamps:
            row = database.execute(
                "SELECT digest, reason FROM files"
                " WHERE path = ? AND use = ? AND size = ? AND mtime_ns = ?",
                (wanted[0], use, *wanted[1:]),
            ).fetchone()
            if row is not None:
                known[wanted] = Finding(bytes(row[0]), str(row[1]))
    return known


def remember(use: str, findings: Sequence[tuple[Stamp, Finding]]) -> None:
    """Keep these findings for the next opening."""
    rows = [(s[0], use, s[1], s[2], found.digest, found.reason) for s, found in findings]
    with _quietly(), contextlib.closing(_connect()) as database, database:
        database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)


def _connect() -> sqlite3.Connection:
    path = cache_folder() / "files.sqlite3"
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, timeout=5)
    try:
        database.execute(_TABLE)
    except sqlite3.OperationalError:  # locked, read-only: reading may still work
        pass
    except sqlite3.DatabaseError:
        database.close()
        path.unlink(missing_ok=True)
        raise
    return database


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        _log.warning("The memo of files is not at hand, so files are read again: %s", error)
