"""The cached features on disk, looked at and cleared in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, Signal

from app.background import Background
from app.document import Document
from app.runview import RunView
from app.session import Session
from qdesigner.design.plan import trained_prefix
from qdesigner.design.spec import Design
from qdesigner.session import cache, events
from qdesigner.session.cache import Entry


class FeatureCache(QObject):
    """``entries`` as last looked at, the last used first; ``cap`` is how many bytes they may take
    together, which cannot be changed where it is ``fixed``."""

    changed = Signal()
    failed = Signal(str)
    cleared = Signal()  # some or all of them are being deleted
    serves = Signal(bool)  # whether the frozen front of the design on screen is among them

    def __init__(self, document: Document, session: Session, runview: RunView) -> None:
        super().__init__()
        self._document, self._runview = document, runview
        session.event.connect(self._hear)
        document.changed.connect(lambda _design: self._tell())
        runview.state_changed.connect(self._tell)
        self.entries: tuple[Entry, ...] = ()
        self.cap = cache.DEFAULT_GB * cache.GB
        self.fixed = False
        self._deleted = False  # since a run began: whether its own are among them is not known
        self._background = Background()

    @property
    def bytes(self) -> int:
        """What all of them take."""
        return sum(entry.bytes for entry in self.entries)

    def refresh(self) -> None:
        """Look at them again."""
        self._do(lambda: None)

    def clear(self, which: Iterable[Entry] | None = None) -> None:
        """Delete entries, or all of them for None."""
        self._deleted = True
        self.cleared.emit()
        self._do(lambda: cache.clear(which))

    def set_cap(self, gigabytes: float) -> None:
        """Let them take so much together."""
        self._do(lambda: cache.set_cap(gigabytes))

    def close(self) -> None:
        """Say nothing more."""
        self.blockSignals(True)
        self._background.forget()

    def _do(self, work: Callable[[], object]) -> None:
        def look() -> tuple[tuple[Entry, ...], float, bool]:
            work()
            return cache.entries(), cache.cap(), cache.cap_is_fixed()

        self._background.do(look, self._take, self.failed.emit)

    def _take(self, found: tuple[tuple[Entry, ...], float, bool]) -> None:
        self.entries, self.cap, self.fixed = found
        self.changed.emit()
        self._tell()

    def _hear(self, event: events.Event) -> None:
        if isinstance(event, events.Started | events.Finished | events.Stopped):
            self._deleted &= not isinstance(event, events.Started)
            self.refresh()

    def _tell(self) -> None:
        design, run = self._document.design, self._runview
        done = bool(self.entries) and not self._deleted and len(run.epochs) > 0
        self.serves.emit(done and run.design is not None and same_front(run.design, design))


def same_front(trained: Design, design: Design) -> bool:
    """Whether what a run of ``trained`` computed once serves ``design`` too."""
    front, varied = trained_prefix(design), design.data.augmentation
    anew = varied.any and not varied.variants  # in every epoch
    same = trained.stages[:front] == design.stages[:front] and trained.data == design.data
    return front > 0 and not anew and same
