"""What a run said of each validation image after each epoch, as far as it is kept.

The run's own newest predictions are taken as they come; those of before are read in a thread when
somebody wants to see them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.background import Background
from app.runview import RunView
from qdesigner.errors import UserError
from qdesigner.session import record
from qdesigner.session.events import Predictions

MOST_EPOCHS = 120  # read of a long run, evenly spread
MOST_NUMBERS = 16_000_000  # kept: 64 MB

Rows = NDArray[np.float32]


class ImageHistory(QObject):
    """Probabilities [images, classes] by epoch."""

    changed = Signal()

    def __init__(self, runview: RunView) -> None:
        super().__init__()
        self._runview = runview
        self._run = ""
        self._shown = self._reading = False
        self._said: dict[int, Rows] = {}
        self._tried: set[int] = set()
        self._background = Background()
        runview.predictions_changed.connect(self._take)
        runview.travelled.connect(self._read)

    def show(self, shown: bool) -> None:
        """Whether somebody shows it."""
        self._shown = shown
        self._read()

    def of(self, image: int) -> tuple[NDArray[np.int64], Rows]:
        """The epochs [epochs] of which something is known, and what was said of the image then
        [epochs, classes]."""
        last = self._newest()
        said = self._said if self._runview.path == self._run else {}  # not another run's
        known = sorted(epoch for epoch, rows in said.items() if epoch <= last and image < len(rows))
        rows = [said[epoch][image] for epoch in known]
        classes = len(rows[0]) if rows else 0
        return np.array(known, dtype=np.int64), np.array(rows, np.float32).reshape(
            len(rows), classes
        )

    def _newest(self) -> int:
        """A run that was taken up again at an earlier epoch says the later ones anew."""
        epochs = self._runview.epochs["epoch"]
        known = self._runview.predictions
        now = known.epoch if known is not None and self._runview.at_epoch is None else 0
        return max(int(epochs[-1]) if len(epochs) else 0, now)

    def _take(self) -> None:
        run = self._runview
        if run.path != self._run:
            self._run, self._said, self._tried = run.path, {}, set()
            self._background.forget()
            self._reading = False
        if run.predictions is not None and run.at_epoch is None:
            self._keep(run.predictions)
        self._read()
        self.changed.emit()

    def _keep(self, said: Predictions) -> None:
        rows = np.asarray(said.probabilities, dtype=np.float32)
        if self._said and rows.shape != next(iter(self._said.values())).shape:
            self._said.clear()
        self._said[said.epoch] = rows
        self._tried.add(said.epoch)
        while len(self._said) > 2 and sum(rows.size for rows in self._said.values()) > MOST_NUMBERS:
            for epoch in sorted(self._said)[1:-1:2]:
                del self._said[epoch]

    def _read(self) -> None:
        """Read what is kept of the epochs that have not been looked at."""
        run = self._runview
        if not self._shown or self._reading or not run.path or run.path != self._run:
            return
        kept = run.kept
        if len(kept) > MOST_EPOCHS:
            places = np.linspace(0, len(kept) - 1, MOST_EPOCHS).astype(int)
            kept = tuple(kept[place] for place in places)
        wanted = [epoch for epoch in kept if epoch not in self._tried]
        if not wanted:
            return
        path, classes = Path(run.path), len(run.classes)
        self._reading = True
        self._tried.update(wanted)
        self._background.do(lambda: _read(path, wanted, classes), self._arrive, lambda _why: None)

    def _arrive(self, found: list[Predictions]) -> None:
        self._reading = False
        for said in found:
            self._keep(said)
        self.changed.emit()
        self._read()


def _read(path: Path, epochs: list[int], classes: int) -> list[Predictions]:
    """Those that are there and whole."""
    found = []
    for epoch in epochs:
        try:
            said = record.read_epoch(path, epoch, classes)
        except UserError:
            continue
        if said is not None:
            found.append(said)
    return found
