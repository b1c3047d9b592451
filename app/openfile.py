"""A file that a window has open: the lock beside it, and how it was when last read or written."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QLockFile

from qdesigner.design.codec import DocumentError


class FileInUse(DocumentError):
    """Another window of qdesigner has the file open."""


class ChangedOnDisk(DocumentError):
    """Somebody else wrote the file since it was opened here."""


class OpenFile:
    """Holds a lock on ``path`` until closed. Raises FileInUse, unless ``shared``.

    The lock is a small hidden file beside it; one left by a crash is found stale and taken over.
    In a folder that cannot be written there is no lock, and two windows go unnoticed.
    """

    def __init__(self, path: Path, shared: bool = False) -> None:
        self.path = path
        self._lock: QLockFile | None = None
        self._stamp: tuple[int, int] | None = None
        if shared:
            return
        lock = QLockFile(str(path.with_name(f".{path.name}.lock")))
        lock.setStaleLockTime(0)  # stale only when its process is gone, however long it is open
        if lock.tryLock(0):
            self._lock = lock
        elif lock.error() == QLockFile.LockError.LockFailedError:
            raise FileInUse(f"{path.name} is open in another window of qdesigner.")

    def remember(self) -> None:
        """The file is now as this window knows it."""
        self._stamp = self._now()

    def check_unchanged(self) -> None:
        """Raises ChangedOnDisk when the file is no longer as this window knows it."""
        now = self._now()
        if now is not None and now != self._stamp:
            raise ChangedOnDisk(f"{self.path.name} was changed on disk since it was opened here.")

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None

    def _now(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size
