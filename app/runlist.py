"""The runs that are kept, read in a thread: the list, the curves to compare, names and ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QThreadPool, Signal

from app.runcurves import Curves
from qdesigner.errors import UserError
from qdesigner.session import runs
from qdesigner.session.record import read_events
from qdesigner.session.runs import RunRow


class RunList(QObject):
    """``rows`` are the runs as last listed, newest first; ``curves`` those that were asked for."""

    changed = Signal()
    loaded = Signal(str)  # the curves of the run at this path are there
    failed = Signal(str)
    deleted = Signal(str, str)  # where the run lay, and where it lies until it is gone for good
    restored = Signal(str)
    _done = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[RunRow, ...] = ()
        self.curves: dict[str, Curves] = {}
        self._wanted = False  # a list is on its way already
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._done.connect(lambda then: then())

    def refresh(self, also: str = "") -> None:
        """List the runs anew, and the one at ``also``, which may lie elsewhere."""
        if self._wanted:
            return
        self._wanted = True
        more = [Path(also)] if also else []

        def work() -> Callable[[], None]:
            rows = runs.list_runs(more=more)
            return lambda: self._take(rows)

        self._start(work)

    def load(self, path: str) -> None:
        """Read the curves of a run."""

        def work() -> Callable[[], None]:
            curves = Curves.of(read_events(Path(path)))
            return lambda: self._keep(path, curves)

        self._start(work)

    def rename(self, path: Path, name: str) -> None:
        """Give a run a name; the list follows."""

        def work() -> Callable[[], None]:
            runs.rename_run(path, name)
            return self.refresh

        self._start(work)

    def delete(self, path: Path) -> None:
        """Move a run aside; `deleted` says where it went."""

        def work() -> Callable[[], None]:
            aside = runs.delete_run(path)
            return lambda: self._tell(lambda: self.deleted.emit(str(path), str(aside)))

        self._start(work)

    def restore(self, path: str, aside: str) -> None:
        """Bring a deleted run back."""

        def work() -> Callable[[], None]:
            runs.restore_run(Path(aside), Path(path))
            return lambda: self._tell(lambda: self.restored.emit(path))

        self._start(work)

    def wait(self) -> None:
        """Until everything asked for has been done."""
        self._pool.waitForDone()

    def close(self) -> None:
        """What was deleted is gone for good; a thread outlives the window for it."""
        self.blockSignals(True)
        threading.Thread(target=runs.empty_bin, name="empty bin", daemon=False).start()

    def _start(self, work: Callable[[], Callable[[], None]]) -> None:
        """Do ``work`` in the thread; what it gives back is done in this one."""

        def run() -> None:
            try:
                then = work()
            except UserError as error:
                text = str(error)
                self._done.emit(lambda: self.failed.emit(text))
            else:
                self._done.emit(then)

        self._pool.start(run)

    def _take(self, rows: tuple[RunRow, ...]) -> None:
        self._wanted = False
        self.rows = rows
        self.changed.emit()

    def _keep(self, path: str, curves: Curves) -> None:
        self.curves[path] = curves
        self.loaded.emit(path)

    def _tell(self, say: Callable[[], None]) -> None:
        say()
        self.refresh()
