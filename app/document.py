"""The one owner of the current Design: edits with undo, the file it lies in, and what is selected.

Widgets read `design`, call `apply(label, design)` with a new one made by design.edits, and redraw
on `changed`. Nothing else changes a design.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Signal

from app.openfile import OpenFile
from qdesigner.circuit.circuit import Circuit, ids
from qdesigner.design import codec, edits
from qdesigner.design.history import History
from qdesigner.design.spec import Design, Stage

_log = logging.getLogger(__name__)

# What selected_stage says of the cards at the ends of the strip; no stage's id has a colon.
DATA = ":data"
LOSS = ":loss"
DEVICE = ":device"  # the button in the header


class Document(QObject):
    """A design with its history, its file and its selection.

    ``selected_stage`` is a stage's id, or `DATA` or `LOSS` for the cards at the ends of the
    strip, or `DEVICE`, or "".
    """

    changed = Signal(object)  # the new Design
    saved = Signal()
    path_changed = Signal()
    replaced = Signal()  # another project came in: not an edit of the one before
    stage_selected = Signal(str)
    blocks_selected = Signal(object)  # frozenset[str], empty also when the readout is selected

    def __init__(self, design: Design | None = None) -> None:
        super().__init__()
        self._history = History.begin(design or Design())
        self._clean: Design | None = self._history.current
        self._file: OpenFile | None = None
        self._stage = ""
        self._blocks: frozenset[str] = frozenset()
        self._readout = False
        self._board = ""

    # ---- the value and its history --------------------------------------------------------------

    @property
    def design(self) -> Design:
        """The design on screen."""
        return self._history.current

    @property
    def modified(self) -> bool:
        """Whether it differs from what was last saved or opened."""
        return self.design != self._clean

    @property
    def undo_label(self) -> str:
        """What Undo would take back, or ""."""
        return self._history.undo_label

    @property
    def redo_label(self) -> str:
        """What Redo would make again, or ""."""
        return self._history.redo_label

    def apply(self, label: str, design: Design) -> None:
        """Make ``design`` the current one, as one undo step. An identical one is no step.

        Runs are no part of the undo history: a change of ``run`` alone goes into every snapshot.
        """
        history = self._history
        if design.run != self.design.run:
            history = history.with_run(design.run)
        self._move_to(history.applied(label, design))

    def set_run(self, run: str) -> None:
        """Name the design's last run; not an undo step."""
        self._move_to(self._history.with_run(run))

    def undo(self) -> None:
        """Take back the last edit."""
        self._move_to(self._history.undone())

    def redo(self) -> None:
        """Make the edit again that was taken back."""
        self._move_to(self._history.redone())

    def _move_to(self, history: History) -> None:
        if history is self._history:
            return
        before, self._history = self.design, history
        if self.design != before:
            self._tidy_selection()
            self.changed.emit(self.design)

    # ---- the file -------------------------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        """The file it lies in, or None for one never saved."""
        return self._file.path if self._file else None

    def new(self, design: Design) -> None:
        """Begin with ``design``, which lies in no file yet."""
        self._replace(design, None, design)

    def open(self, path: Path, how: Literal["alone", "copy", "anyway"] = "alone") -> None:
        """Open a `.qdesign` file. Raises DocumentError, or FileInUse when another window has it.

        ``how`` says what to do about that: "copy" opens its content as a new project, "anyway"
        shares the file.
        """
        path = path.absolute()
        design = codec.load(path)
        if how == "copy":
            self._replace(design, None, design)
            return
        file = self._file
        if file is None or file.path != path:
            file = OpenFile(path, shared=how == "anyway")
        file.remember()
        self._replace(design, file, design)

    def restore(self, design: Design, path: Path | None) -> None:
        """Take up unsaved work again: ``design`` as an unsaved state of the file at ``path``.

        When that file is gone or in use elsewhere, the work goes on without a file.
        """
        clean, file = None, None
        if path is not None:
            try:
                clean = codec.load(path)
                file = self._file if self.path == path else OpenFile(path)
                file.remember()
            except codec.DocumentError as error:
                _log.info("Unsaved work goes on without its file: %s", error)
        self._replace(design, file, clean)

    def save(self, path: Path | None = None, *, overwrite: bool = False) -> None:
        """Write the file; with a ``path``, from now on that one.

        Raises DocumentError when it cannot be written, FileInUse when another window has the new
        file open, and ChangedOnDisk when the file is not as it was opened and ``overwrite`` is
        not given.
        """
        file = self._file
        if path is not None and (file is None or file.path != path.absolute()):
            file = OpenFile(path.absolute())
        elif file is None:
            raise codec.DocumentError("This project has no file yet; choose one with Save as.")
        elif not overwrite:
            file.check_unchanged()
        try:
            codec.save(self.design, file.path)
        except codec.DocumentError:
            if file is not self._file:
                file.close()
            raise
        file.remember()
        self._clean = self.design
        if file is not self._file:
            self._set_file(file)
        self.saved.emit()

    def close(self) -> None:
        """Let go of the file."""
        self._set_file(None)

    def _replace(self, design: Design, file: OpenFile | None, clean: Design | None) -> None:
        """Begin anew; ``clean`` is what the file holds, None for work that was never saved."""
        self._history = History.begin(design)
        self._clean = clean
        self._stage, self._blocks, self._board = "", frozenset(), ""
        self._readout = False
        self._set_file(file)
        self.replaced.emit()
        self.changed.emit(design)
        self.stage_selected.emit("")
        self.blocks_selected.emit(frozenset())

    def _set_file(self, file: OpenFile | None) -> None:
        if file is not self._file:
            if self._file is not None:
                self._file.close()
            self._file = file
            self.path_changed.emit()

    # ---- the selection --------------------------------------------------------------------------

    @property
    def selected_stage(self) -> str:
        """Id of the selected card of the strip, or ""."""
        return self._stage

    @property
    def selected_blocks(self) -> frozenset[str]:
        """Ids of the selected blocks of the circuit on the board."""
        return self._blocks

    @property
    def selected_readout(self) -> bool:
        """Whether what is measured of the circuit on the board is selected, and no block."""
        return self._readout

    def select_stage(self, stage_id: str) -> None:
        """Select a card and no blocks; a quantum stage goes on the board."""
        stage = self._find(stage_id)
        if stage is not None and stage.circuit is not None:
            self._board = stage_id
        moved, self._stage = stage_id != self._stage, stage_id
        self.select_blocks(())
        if moved:
            self.stage_selected.emit(stage_id)

    def select_blocks(self, names: Iterable[str]) -> None:
        """Select blocks of the circuit on the board, and so its stage."""
        self._select(frozenset(names), readout=False)

    def select_readout(self) -> None:
        """Select what is measured of the circuit on the board, and so its stage."""
        self._select(frozenset(), readout=self.circuit_stage() is not None)

    def _select(self, chosen: frozenset[str], readout: bool) -> None:
        if (chosen, readout) == (self._blocks, self._readout):
            return
        self._blocks, self._readout = chosen, readout
        stage = self.circuit_stage()
        if (chosen or readout) and stage is not None and stage.id != self._stage:
            self._stage = stage.id
            self.stage_selected.emit(stage.id)
        self.blocks_selected.emit(chosen)

    def circuit_stage(self) -> Stage | None:
        """The quantum stage on the board: the one selected last, else the first."""
        stage = self._find(self._board)
        if stage is not None and stage.circuit is not None:
            return stage
        return next((s for s in self.design.stages if s.circuit is not None), None)

    def change_circuit(self, label: str, change: Callable[[Circuit], Circuit]) -> None:
        """One undo step on the circuit on the board. Raises EditError when there is none."""
        stage = self.circuit_stage()
        if stage is None:
            raise edits.EditError("The model has no quantum circuit; insert one in the strip.")
        self.apply(label, edits.on_circuit(self.design, stage.id, change))

    def _find(self, stage_id: str) -> Stage | None:
        return next((s for s in self.design.stages if s.id == stage_id), None)

    def _tidy_selection(self) -> None:
        """Forget selected things that an edit has removed."""
        if self._stage not in ("", DATA, LOSS, DEVICE) and self._find(self._stage) is None:
            self._stage = ""
            self.stage_selected.emit("")
        stage = self.circuit_stage()
        there = ids(stage.circuit) if stage is not None and stage.circuit is not None else set()
        if not self._blocks <= there or (self._readout and stage is None):
            self.select_blocks(self._blocks & there)
