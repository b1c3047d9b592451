"""The epochs of a run that one can go back to: each one's weights and predictions.

A long run keeps fewer of them: every second, every fourth … epoch as it grows, besides its first,
its best and its last.
"""

from __future__ import annotations

import contextlib
from typing import Any

from qdesigner.session import record
from qdesigner.session.events import Predictions
from qdesigner.training.runs import Run

MOST = 400  # epochs: more than a slider has places
MOST_BYTES = 512 * 1024 * 1024
EVERY = "kept_every"  # in run.json: how many epochs apart those that are kept lie


class History:
    """Keeps the epochs of one run that goes on; without ``every`` the best and the last alone."""

    def __init__(self, run: Run, every: bool = True) -> None:
        self._run = run
        self._every = every
        self._sizes = {epoch: self._size(epoch) for epoch in record.kept_epochs(run.path)}

    def forget_after(self, epoch: int) -> None:
        """Drop what comes after a checkpoint: it is run again."""
        self._drop([kept for kept in self._sizes if kept > epoch])

    def keep(
        self, epoch: int, weights: dict[str, Any], predictions: Predictions, best: bool
    ) -> None:
        """Keep an epoch: ``weights`` as a checkpoint; the ``best`` one and the last one also under
        their own names. Raises UserError."""
        name = (_name(epoch),) if self._every else ()
        self._run.save_checkpoint((*(["best"] if best else []), *name), weights)
        names = ("predictions", *(["best_predictions"] if best else []), *name)
        self._run.write_predictions(names, predictions)
        if self._every:
            self._sizes[epoch] = self._size(epoch)

    def thin(self, best: int) -> None:
        """Drop what is one too many; ``best`` and the last one stay."""
        every = max(1, int(self._run.about.get(EVERY, 1)))
        while not self._drop_all_but(every, best):
            every *= 2
        if every != self._run.about.get(EVERY, 1):
            self._run.about[EVERY] = every
            self._run.set_state(self._run.about["state"])

    def _drop_all_but(self, every: int, best: int) -> bool:
        """Whether those that lie ``every`` epochs apart are few and small enough; the others are
        dropped then."""
        last = max(self._sizes, default=0)
        stay = {e for e in self._sizes if e % every == 0 or e in (1, best, last)}
        small = len(stay) <= MOST and sum(self._sizes[e] for e in stay) <= MOST_BYTES
        if small or every > last:  # of large weights the first, the best and the last one stay
            self._drop([epoch for epoch in self._sizes if epoch not in stay])
            return True
        return False

    def _drop(self, epochs: list[int]) -> None:
        for epoch in epochs:
            del self._sizes[epoch]
            # The predictions name the epoch as kept: they go first.
            for suffix in (".npz", ".pt"):
                with contextlib.suppress(OSError):
                    (self._run.path / (_name(epoch) + suffix)).unlink()

    def _size(self, epoch: int) -> int:
        total = 0
        for suffix in (".npz", ".pt"):
            with contextlib.suppress(OSError):
                total += (self._run.path / (_name(epoch) + suffix)).stat().st_size
        return total


def _name(epoch: int) -> str:
    return f"{record.EPOCHS}/{epoch:06d}"
