"""Undo as a list of snapshots and a place in it. A value: every change makes a new one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qdesigner.design.spec import Design

MAX_SNAPSHOTS = 1000


@dataclass(frozen=True, slots=True)
class History:
    """Designs with the label of the edit that made each; ``place`` is the current one's."""

    designs: tuple[Design, ...]
    labels: tuple[str, ...]
    place: int = 0

    @staticmethod
    def begin(design: Design) -> History:
        """A history that knows only this design."""
        return History((design,), ("",))

    @property
    def current(self) -> Design:
        """The design on screen."""
        return self.designs[self.place]

    @property
    def undo_label(self) -> str:
        """What Undo would take back, or ""."""
        return self.labels[self.place] if self.place else ""

    @property
    def redo_label(self) -> str:
        """What Redo would make again, or ""."""
        return self.labels[self.place + 1] if self.place + 1 < len(self.designs) else ""

    def applied(self, label: str, design: Design) -> History:
        """After an edit. An identical design is no entry; what was undone is forgotten."""
        if design == self.current:
            return self
        first = max(0, self.place + 2 - MAX_SNAPSHOTS)
        designs = (*self.designs[first : self.place + 1], design)
        labels = (*self.labels[first : self.place + 1], label)
        return History(designs, labels, len(designs) - 1)

    def undone(self) -> History:
        """One step back, where there is one."""
        return replace(self, place=max(0, self.place - 1))

    def redone(self) -> History:
        """One step forward, where there is one."""
        return replace(self, place=min(len(self.designs) - 1, self.place + 1))

    def with_run(self, run: str) -> History:
        """The last run's name put into every snapshot: undo never touches runs."""
        designs = tuple(d.model_copy(update={"run": run}) for d in self.designs)
        return replace(self, designs=designs)
