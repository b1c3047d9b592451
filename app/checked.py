"""What is known and what is wrong with the design on screen: data facts, shapes and problems.

Everything that shows a count, a shape or a problem reads it here. A folder is listed in a thread
of its own, so that a large one never stops the window.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.document import Document
from qdesigner.catalog.sources import DIGITS, TABLE
from qdesigner.catalog.table import Columns, read_columns
from qdesigner.design.checks import Fix, Problem, problems
from qdesigner.design.facts import DataFacts, contents, facts_of
from qdesigner.design.shapes import Traced, trace
from qdesigner.design.spec import DataSpec, Design
from qdesigner.errors import UserError


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the data found: its facts, or why there are none, and every class that is
    there with its number of images, chosen or not. ``splits`` are those that the data itself
    makes, () where the shares of the design decide; ``columns`` are a table's."""

    facts: DataFacts | UserError
    available: dict[str, int]
    splits: tuple[str, ...] = ()
    columns: Columns | None = None


def look(spec: DataSpec) -> Look:
    """Look at the data of ``spec``; may list a large folder."""
    columns = None
    try:
        if spec.source == TABLE and spec.path:
            columns = read_columns(Path(spec.path), spec.label)
        held = contents(spec)
    except UserError as error:
        return Look(error, {}, columns=columns)
    facts: DataFacts | UserError
    try:
        facts = facts_of(spec, held)
    except UserError as error:
        facts = error
    available = {name: held.total(name) for name in held.classes}
    return Look(facts, available, held.splits, columns)


class Checked(QObject):
    """Facts, shapes and problems of ``document``'s design; ``changed`` when any is new.

    ``facts`` are None while a folder is being listed for the first time.
    """

    changed = Signal()
    _looked = Signal(object, object)  # DataSpec, Look

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._spec: DataSpec | None = None
        self._look: Look | None = None
        self.problems: tuple[Problem, ...] = ()
        self.traced: tuple[Traced, ...] = ()
        self._looked.connect(self._take)
        document.changed.connect(lambda _design: self.refresh())
        self.refresh()

    @property
    def facts(self) -> DataFacts | None:
        """Classes and counts, where the data can be used."""
        facts = self._look.facts if self._look else None
        return facts if isinstance(facts, DataFacts) else None

    @property
    def available(self) -> dict[str, int]:
        """Images of every class that the data has."""
        return self._look.available if self._look else {}

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the data itself makes."""
        return self._look.splits if self._look else ()

    @property
    def columns(self) -> Columns | None:
        """The columns of a table, once it was looked at."""
        return self._look.columns if self._look else None

    @property
    def error(self) -> str:
        """Why the design cannot be trained, or ""."""
        return next((p.text for p in self.problems if p.severity == "error"), "")

    def at(self, where: str) -> tuple[Problem, ...]:
        """The problems of one place: a stage's id, or "data"."""
        return tuple(problem for problem in self.problems if problem.where == where)

    def close(self) -> None:
        """Say nothing more."""
        self.blockSignals(True)

    def refresh(self, again: bool = False) -> None:
        """Check the design; ``again`` looks at the data even when it is the same."""
        spec = self._document.design.data
        if spec != self._spec or again:
            if self._spec is None or (spec.source, spec.path) != (
                self._spec.source, self._spec.path
            ):  # fmt: skip
                self._look = None
            self._spec = spec
            if spec.source == DIGITS:
                self._look = look(spec)
            else:
                threading.Thread(target=self._find, args=(spec,), daemon=True).start()
        self._check()

    def _find(self, spec: DataSpec) -> None:
        """In the thread."""
        found = look(spec)
        try:
            self._looked.emit(spec, found)
        except RuntimeError:
            return  # the window is gone

    def _take(self, spec: DataSpec, found: Look) -> None:
        if spec == self._spec:
            self._look = found
            self._check()

    def _check(self) -> None:
        design = self._document.design
        facts = self._look.facts if self._look else None
        classes = facts.outputs if isinstance(facts, DataFacts) else len(design.data.classes)
        self.traced = trace(design, classes or 2)
        # While a folder is being looked at, nothing is known to be wrong.
        found = problems(design, facts) if facts is not None else ()
        self.problems = found + _run_problems(design)
        self.changed.emit()


def _run_problems(design: Design) -> tuple[Problem, ...]:
    if not design.run or Path(design.run).is_dir():
        return ()
    forget = Fix("Forget the run", lambda d: d.model_copy(update={"run": ""}))
    text = f"The last run of this project is not at {design.run} any more."
    return (Problem("warning", "run", text, forget),)
