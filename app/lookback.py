"""Reads what a run kept of an epoch, in a thread of its own: the newest wish is answered."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QThreadPool, Signal

from qdesigner.errors import UserError
from qdesigner.session.record import design_at, read_epoch


class LookBack(QObject):
    """``read`` brings an epoch's predictions and the design of then, ``failed`` a sentence."""

    read = Signal(int, object, object)  # epoch, Predictions, Design
    failed = Signal(str)
    _done = Signal(int, int, object)  # serial, epoch, (Predictions, Design) or a sentence

    def __init__(self) -> None:
        super().__init__()
        self._serial = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._done.connect(self._take)

    def ask(self, path: str, epoch: int, classes: int) -> None:
        """Read ``epoch`` of the run at ``path``; what was asked before is not wanted any more."""
        self.forget()
        serial = self._serial
        self._pool.start(lambda: self._read(serial, Path(path), epoch, classes))

    def forget(self) -> None:
        """Want nothing any more."""
        self._serial += 1
        self._pool.clear()

    def _read(self, serial: int, path: Path, epoch: int, classes: int) -> None:
        """In the pool's thread."""
        found: object
        try:
            predictions = read_epoch(path, epoch, classes)
            found = (predictions, design_at(path, epoch))
            if predictions is None:
                found = f"Epoch {epoch} of this run is not kept any more; choose another one."
        except UserError as error:
            found = str(error)
        self._done.emit(serial, epoch, found)

    def _take(self, serial: int, epoch: int, found: object) -> None:
        if serial != self._serial:
            return
        if isinstance(found, tuple):
            self.read.emit(epoch, *found)
        else:
            self.failed.emit(str(found))
