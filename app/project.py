"""Opening, saving and getting back projects: what File does, and what happens at start and quit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.autosave import Autosave, Kept
from app.background import Background
from app.document import Document
from app.openfile import ChangedOnDisk, FileInUse
from app.panels.notices import Notices
from app.settings import Settings
from qdesigner.catalog.table import TABLES
from qdesigner.design import codec, edits, gallery
from qdesigner.design.origins import on_own_data
from qdesigner.design.spec import Design, display_name
from qdesigner.errors import UserError

_log = logging.getLogger(__name__)

FILTER = f"qdesigner projects (*{codec.SUFFIX})"
DATA_FILES = f"Data ({' '.join(f'*{ending}' for ending in TABLES)});;All files (*)"
QUICKSTART = "quickstart"


class Project(QObject):
    """The flows around files. What cannot be done is said in a banner, with the ways out."""

    recent_changed = Signal()

    def __init__(
        self, document: Document, autosave: Autosave, settings: Settings, notices: Notices
    ) -> None:
        super().__init__()
        self._document = document
        self._autosave = autosave
        self._settings = settings
        self._notices = notices
        self._background = Background()
        document.replaced.connect(self._background.forget)

    # ---- start and quit -------------------------------------------------------------------------

    def begin(self, file: Path | None, template: str = "") -> None:
        """What the window starts with: ``file``, a new ``template``, or the last session."""
        if file is not None:
            self.open(file)
        elif template:
            self.new(template)
        elif left := self._autosave.kept():
            self.reopen(left[0])
        elif self._settings.last and Path(self._settings.last).is_file():
            self.open(Path(self._settings.last))
        if not self._document.design.stages and self._document.path is None:
            self.new(QUICKSTART)

    def end(self) -> None:
        """The window closes: keep what is unsaved, let go of the file."""
        self._background.forget()
        path = self._document.path
        self._settings.last = str(path) if path else ""
        self._autosave.leave()
        self._document.close()

    # ---- open -----------------------------------------------------------------------------------

    def new(self, template: str, own: bool = False) -> None:
        """Begin a new project from a template, "" for an empty one; with ``own`` on the data and
        the backbone of the document that it is built after."""
        self._leave()
        design = gallery.template(template) if template else Design()
        self._document.new(on_own_data(design) if own else design)

    def open(self, path: Path, how: str = "alone") -> None:
        """Open a project; a broken one, or one in use, is said in a banner."""
        before = self._leave()
        try:
            self._document.open(path, how)  # type: ignore[arg-type]
        except FileInUse as error:
            self._notices.post(
                "open", f"{error} Changes made in both would overwrite each other.", "warning",
                (
                    ("Open a copy", lambda: self.open(path, "copy")),
                    ("Open anyway", lambda: self.open(path, "anyway")),
                ),
            )  # fmt: skip
            return
        except UserError as error:
            self._notices.post("open", str(error), "error")
            self._forget(path)
            return
        self._notices.dismiss("open")
        if how != "copy":
            self._settings.remember(path.absolute())
            self.recent_changed.emit()
        self._offer(path.absolute(), before)

    def choose(self, parent: QWidget) -> None:
        """Ask for a project and open it."""
        name, _ = QFileDialog.getOpenFileName(parent, "Open project", self._folder(), FILTER)
        if name:
            self.open(Path(name))

    def reopen(self, kept: Kept) -> None:
        """Take up unsaved work again."""
        self._leave()
        self._document.restore(kept.design, kept.path)
        self._autosave.write()
        self._autosave.discard(kept)
        self._notices.dismiss("kept")
        self.recent_changed.emit()

    def kept(self) -> list[Kept]:
        """Unsaved work left by other windows, newest first."""
        return self._autosave.kept()

    def recent(self) -> list[Path]:
        """Projects opened before that are still there."""
        return [path for name in self._settings.recent if (path := Path(name)).is_file()]

    # ---- save -----------------------------------------------------------------------------------

    def save(self, parent: QWidget) -> None:
        """Save; a project without a file asks for one."""
        if self._document.path is None:
            self.save_as(parent)
        else:
            self._save(parent, lambda: self._document.save())

    def save_as(self, parent: QWidget) -> None:
        """Ask for a file and save there."""
        here = self._document.path
        offered = here or Path(self._folder(), file_name(self._document.design.name))
        name, _ = QFileDialog.getSaveFileName(parent, "Save project", str(offered), FILTER)
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() != codec.SUFFIX:
            path = path.with_name(path.name + codec.SUFFIX)
        self._save(parent, lambda: self._document.save(path, overwrite=True))

    def _save(self, parent: QWidget, save: Callable[[], None]) -> None:
        document = self._document
        try:
            save()
        except ChangedOnDisk as error:
            path = document.path
            self._notices.post(
                "save", str(error), "warning",
                (
                    ("Overwrite it", lambda: self._save(parent, _overwrite(document))),
                    ("Save as…", lambda: self.save_as(parent)),
                    ("Open that version", lambda: path and self.open(path)),
                ),
            )  # fmt: skip
            return
        except UserError as error:
            self._notices.post("save", str(error), "error", (
                ("Save as…", lambda: self.save_as(parent)),
            ))  # fmt: skip
            return
        self._notices.dismiss("save")
        if document.path is not None:
            self._settings.remember(document.path)
            self.recent_changed.emit()

    # ---- the rest -------------------------------------------------------------------------------

    def use_data(self, text: str) -> None:
        """Make what ``text`` names the data: a folder of images, a CSV of image files, a table. It
        is looked at in a thread; what is no data is said in a banner."""
        design = self._document.design

        def use(found: Design) -> None:
            self._notices.dismiss("data")
            # The design may have been edited meanwhile: only its data is taken over.
            changed = edits.take_data(self._document.design, found.data)
            self._document.apply(f"Use the data in {display_name(text)}", changed)

        self._background.forget()
        self._background.do(
            lambda: edits.use_data(design, text), use,
            lambda reason: self._notices.post("data", reason, "warning"),
        )  # fmt: skip

    def choose_folder(self, parent: QWidget) -> None:
        """Ask for a folder of images and use it."""
        name = QFileDialog.getExistingDirectory(
            parent, "Choose a folder of images", self._data_place()
        )
        if name:
            self.use_data(name)

    def choose_data(self, parent: QWidget) -> None:
        """Ask for a table, or a CSV of image files, and use it."""
        name, _ = QFileDialog.getOpenFileName(parent, "Open data", self._data_place(), DATA_FILES)
        if name:
            self.use_data(name)

    def _data_place(self) -> str:
        return self._document.design.data.path or self._folder()

    def _leave(self) -> str:
        """Another project comes in: keep the unsaved work of this one. Returns its name if so."""
        unsaved = self._document.modified
        self._autosave.leave()
        if unsaved:
            self.recent_changed.emit()
        return self._document.design.name if unsaved else ""

    def _offer(self, path: Path, before: str) -> None:
        """Offer unsaved work on the file just opened, or say where that of the last one is."""
        for kept in self._autosave.kept():
            if kept.path == path:
                self._notices.post(
                    "kept", f"There are unsaved changes to {path.name} of {kept.when:%d %b %H:%M}.",
                    "info",
                    (("Take them up", lambda kept=kept: self.reopen(kept)),
                     ("Discard them", lambda kept=kept: self._autosave.discard(kept))),
                )  # fmt: skip
                return
        if before:
            self._notices.post(
                "kept", f"The unsaved changes of {before!r} are kept under File ▸ Open recent."
            )

    def _forget(self, path: Path) -> None:
        name = str(path.absolute())
        if name in self._settings.recent:
            self._settings.recent.remove(name)
            self.recent_changed.emit()

    def _folder(self) -> str:
        return self._settings.folder or str(Path.home())


def file_name(name: str) -> str:
    """A file name that every platform takes, made of a project's name."""
    kept = "".join(c if c.isalnum() or c in " -_" else "-" for c in name).strip(" -")
    return (kept or "Untitled")[:80] + codec.SUFFIX


def _overwrite(document: Document) -> Callable[[], None]:
    return lambda: document.save(overwrite=True)
