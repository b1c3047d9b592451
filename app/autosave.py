"""Unsaved work kept in the user's data folder: nothing is lost by a crash, a quit or an Open.

Each window writes one record of its own, held by a lock while the window lives. A record whose
lock is free was left by a window that is gone, and can be taken up again.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from app.background import Background
from app.document import Document
from qdesigner.design import codec
from qdesigner.design.spec import Design
from qdesigner.errors import UserError

_log = logging.getLogger(__name__)

SCHEMA = 1
EVERY = 20_000  # ms
SETTLED = 2_000  # ms after the last edit
MAX_RECORDS = 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A record left behind: unsaved work, the file it belongs to (None: never saved), and when."""

    record: Path
    design: Design
    path: Path | None
    when: datetime

    @property
    def title(self) -> str:
        """The work in a few words."""
        return f"{self.design.name}, unsaved, {self.when:%d %b %H:%M}"


class Autosave(QObject):
    """Writes the unsaved state of ``document`` every while and after edits settle."""

    written = Signal(str)  # the time, "12:04"

    def __init__(self, document: Document, folder: Path) -> None:
        super().__init__()
        self._document = document
        self._folder = folder
        self._lock: QLockFile | None = None
        self._record: Path | None = None
        self._last: Design | None = None
        self._background = Background()
        self._settled = QTimer(self, singleShot=True, interval=SETTLED)
        self._settled.timeout.connect(self._keep)
        self._every = QTimer(self, interval=EVERY)
        self._every.timeout.connect(self._keep)
        document.changed.connect(lambda _design: self._settled.start())
        document.saved.connect(self.write)
        self._every.start()

    def write(self) -> None:
        """Write what is unsaved, now; where nothing is, remove the record."""
        self._settled.stop()
        self._background.finish()
        if not self._document.modified:
            self._remove()
        elif self._document.design is not self._last:
            try:
                self._written(self._take_down()())
            except UserError as error:
                self._not_written(str(error))

    def leave(self) -> None:
        """Write, and leave the record for later: another project comes in, or the window closes."""
        self.write()
        self._release()

    def kept(self) -> list[Kept]:
        """The records that were left behind, newest first."""
        files = self._folder.glob("*.json") if self._folder.is_dir() else ()
        found = [kept for file in files if file != self._record and (kept := self._read(file))]
        return sorted(found, key=lambda kept: kept.when, reverse=True)

    def discard(self, kept: Kept) -> None:
        """Forget a record."""
        kept.record.unlink(missing_ok=True)

    def _keep(self) -> None:
        """As `write`, in a thread: a disk that is busy must not make the window wait."""
        if not self._document.modified:
            self.write()
        elif self._document.design is not self._last:
            try:
                work = self._take_down()
            except UserError as error:
                self._not_written(str(error))
            else:
                self._background.do(work, self._written, self._not_written)

    def _take_down(self) -> Callable[[], datetime]:
        """What writes the record of the work as it is at this moment. Raises UserError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._record is None:
                self._record = self._folder / f"{uuid.uuid4().hex[:12]}.json"
                self._lock = _lock(self._record)
                self._lock.tryLock(0)
                self._prune()
        except OSError as error:
            raise UserError(str(error)) from error
        record, design, path = self._record, self._document.design, self._document.path
        self._last = design
        return lambda: _write(record, design, path)

    def _written(self, when: datetime) -> None:
        self.written.emit(f"{when:%H:%M}")

    def _not_written(self, reason: str) -> None:
        self._last = None
        _log.warning("The unsaved work could not be kept: %s", reason)

    def _read(self, file: Path) -> Kept | None:
        """The record in ``file``; None when a living window holds it or it cannot be read."""
        lock = _lock(file)
        if not lock.tryLock(0) and lock.error() == QLockFile.LockError.LockFailedError:
            return None
        lock.unlock()
        try:
            raw = json.loads(file.read_text(encoding="utf-8"))
            path = Path(raw["path"]) if raw["path"] else None
            when = datetime.fromisoformat(raw["when"])
            return Kept(file, codec.loads(raw["project"], file.name), path, when)
        except (OSError, ValueError, KeyError, TypeError, UserError, RecursionError) as error:
            _log.warning("%s keeps no work that can be read: %s", file.name, error)
            return None

    def _prune(self) -> None:
        """Forget the oldest records, so that they cannot pile up."""
        files = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for file in files[:-MAX_RECORDS]:
            file.unlink(missing_ok=True)

    def _remove(self) -> None:
        if self._record is not None:
            self._record.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.unlock()
        self._lock = self._record = self._last = None


def _write(record: Path, design: Design, path: Path | None) -> datetime:
    """Write one record; returns when. Raises UserError."""
    now = datetime.now()
    body = {
        "schema": SCHEMA, "when": now.isoformat(timespec="seconds"),
        "path": str(path or ""), "project": codec.dumps(design),
    }  # fmt: skip
    try:
        codec.write_text(record, json.dumps(body, ensure_ascii=False))
    except OSError as error:
        raise UserError(str(error)) from error
    return now


def _lock(record: Path) -> QLockFile:
    lock = QLockFile(str(record.with_suffix(".lock")))
    lock.setStaleLockTime(0)
    return lock
