"""The runs that are kept, read in a thread: the list, the curves to compare, names and ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.background import Background
from app.runcurves import Curves
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

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[RunRow, ...] = ()
        self.curves: dict[str, Curves] = {}
        self._listing = False  # a list is on its way already
        self._background = Background()

    def refresh(self, also: str = "") -> None:
        """List the runs anew, and the one at ``also``, which may lie elsewhere."""
        if not self._listing:
            self._listing = True
            more = [Path(also)] if also else []
            self._background.do(lambda: runs.list_runs(more=more), self._take, self.failed.emit)

    def load(self, path: str) -> None:
        """Read the curves of a run."""
        self._background.do(
            lambda: Curves.of(read_events(Path(path))),
            lambda curves: self._keep(path, curves),
            self.failed.emit,
        )

    def rename(self, path: Path, name: str) -> None:
        """Give a run a name; the list follows."""
        self._change(lambda: runs.rename_run(path, name), lambda _: None)

    def delete(self, path: Path) -> None:
        """Move a run aside; `deleted` says where it went."""
        self._change(
            lambda: runs.delete_run(path), lambda aside: self.deleted.emit(str(path), str(aside))
        )

    def restore(self, path: str, aside: str) -> None:
        """Bring a deleted run back."""
        self._change(
            lambda: runs.restore_run(Path(aside), Path(path)), lambda _: self.restored.emit(path)
        )

    def close(self) -> None:
        """What was deleted is gone for good; a thread outlives the window for it."""
        self.blockSignals(True)
        threading.Thread(target=runs.empty_bin, name="empty bin", daemon=False).start()

    def _change(self, work: Callable[[], object], say: Callable[[object], None]) -> None:
        def then(found: object) -> None:
            say(found)
            self.refresh()

        self._background.do(work, then, self.failed.emit)

    def _take(self, rows: tuple[RunRow, ...]) -> None:
        self._listing = False
        self.rows = rows
        self.changed.emit()

    def _keep(self, path: str, curves: Curves) -> None:
        self.curves[path] = curves
        self.loaded.emit(path)
