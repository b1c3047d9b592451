"""The Data tab: where the samples come from, what is in them, how they are split and varied."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.checked import Checked
from app.document import Document
from app.panels.cells import Elided
from app.panels.classtable import ClassTable, class_rows
from app.panels.datarows import point_rows, source_rows, split_rows, survey_spec, table_rows
from app.panels.fields import Fields
from app.panels.found import VARIED, Found, found_words
from app.panels.header import number
from app.panels.runs import size_words
from app.panels.switch import Switch
from app.panels.ticks import ColumnTicks
from app.surveying import Surveying
from qdesigner.catalog import sources
from qdesigner.catalog.sets import SETS, fetched_folder
from qdesigner.design import edits
from qdesigner.design.spec import DataSpec
from qdesigner.session.events import Progress
from qdesigner.session.survey import Surveyed

WAIT = 300  # ms after the last edit before the data is looked through
LEAST, MOST = 250, 380  # px, the width of the left side
LOW, NARROW = 250, 800  # px
FETCHING = "downloading"  # how the child's words on a download begin
NEEDED = {
    sources.FOLDER: "Choose a folder of images above, or drop one on the window.",
    sources.FILES: "Choose a CSV of image files and labels above, or drop one on the window.",
    sources.TABLE: "Choose a CSV or Parquet file above, or drop one on the window.",
}


class DataPanel(QWidget):
    """Source above; classes and split at the left; what is in the data at the right."""

    refused = Signal(str)
    data_wanted = Signal(str)

    def __init__(self, document: Document, checked: Checked, surveying: Surveying) -> None:
        super().__init__()
        self._document, self._checked, self._surveying = document, checked, surveying
        self._wait = QTimer(self, singleShot=True, interval=WAIT)
        self._wait.timeout.connect(self._look)
        self._given_up: DataSpec | None = None  # what Cancel was pressed on
        self.source = Fields(document, 4)
        self.split = Fields(document, 2)
        self.classes = ClassTable(document)
        self.columns = ColumnTicks(self._use_columns)
        self.found = Found(document, checked, surveying)
        self.words = Elided()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(120)
        self.button = QPushButton()
        self.button.setProperty("kind", "fix")
        self.button.clicked.connect(lambda _=False: self._press())
        self._lay_out()
        for fields in (self.source, self.split, self.found.variants.fields):
            fields.refused.connect(self.refused)
        self.classes.refused.connect(self.refused)
        self.source.data_wanted.connect(self.data_wanted)
        self.classes.picked.connect(self.found.reveal)
        self.found.moved.connect(lambda _page: self._show_side())
        document.changed.connect(lambda _design: self._wait.start())
        checked.changed.connect(self._refresh_if_seen)
        surveying.changed.connect(self._refresh_if_seen)

    def _lay_out(self) -> None:
        self.words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.found.line.addStretch(1)
        self.left = Switch()
        self.left.add("columns", "Features", self.columns)
        self.left.add("classes", "Classes", self.classes)
        self.left.line.addWidget(self.classes.tools, 1)
        self.left.moved.connect(lambda name: self.classes.tools.setVisible(name == "classes"))
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.left, 1)
        column.addWidget(self.split)
        self._side, self._below = side, column
        self._page = QVBoxLayout()  # of the split, where there is no room for it below
        page = QWidget()
        page.setLayout(self._page)
        self._page.setContentsMargins(0, 0, 0, 0)
        self._page.addStretch(1)
        self.left.add("split", "Split", page)
        self.left.offer("split", False)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addWidget(side)
        body.addWidget(self.found, 1)
        above = QHBoxLayout()
        above.setSpacing(8)
        for widget, stretch in ((self.source, 2), (self.words, 1), (self.bar, 0), (self.button, 0)):
            above.addWidget(widget, stretch)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 8)
        whole.setSpacing(6)
        whole.addLayout(above)
        whole.addLayout(body, 1)

    # ---- following ------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Look at the data as soon as somebody looks at the panel."""
        super().showEvent(event)
        self._refresh()
        self._wait.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """What is being looked through goes on; nothing more is begun."""
        super().hideEvent(event)
        self._wait.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The left side takes a share, within reason; where there is little height, the split is a
        page of its own there."""
        super().resizeEvent(event)
        self._side.setFixedWidth(max(LEAST, min(MOST, int(0.36 * self.width()))))
        low = self.height() < LOW
        if low != self.left.offers("split"):
            if low:
                self._page.insertWidget(0, self.split)
            else:
                self._below.addWidget(self.split)
            self.left.offer("split", low)
        self._show_side()

    def _show_side(self) -> None:
        """Variants of an image need the whole width of a narrow panel."""
        self._side.setVisible(self.width() >= NARROW or self.found.shown != VARIED)

    def _refresh_if_seen(self) -> None:
        if self.isVisible():
            self._refresh()

    def _refresh(self) -> None:
        design, checked = self._document.design, self._checked
        data = design.data
        of_table = {row.field.name: row for row in table_rows(design, checked.columns)}
        of_table.pop("columns", None)  # has a place of its own
        below = [row for name, row in of_table.items() if name == "standardise"]
        above = [row for name, row in of_table.items() if name != "standardise"]
        self.source.show_rows([*source_rows(design), *above, *point_rows(design)])
        self.split.show_rows([*split_rows(design, checked.splits), *below])
        table = data.source == sources.TABLE and checked.columns is not None
        if table and checked.columns is not None:
            names = tuple(name for name in checked.columns.numbers if name != data.label)
            self.columns.ticks.show(data.columns, names)
        found = self._found()
        rows = class_rows(data, checked, found)
        self.classes.show_rows(rows)
        self.left.offer("classes", bool(rows) and data.task == "classify")
        self.left.offer("columns", table, f"Features {len(data.columns)}")
        self._say(found)

    def _found(self) -> Surveyed | None:
        """What was found of this data; while it is looked through anew, what was found before."""
        found, data = self._surveying.found, self._document.design.data
        if found is None or self._needs():
            return None
        kept = found.spec
        same = (kept.source, kept.path, kept.task, kept.label) == (
            data.source, data.path, data.task, data.label
        )  # fmt: skip
        return found if same else None

    def _say(self, found: Surveyed | None) -> None:
        """What was found or goes on, beside the button that suits it."""
        surveying, spec = self._surveying, survey_spec(self._document.design.data)
        needs, busy = self._needs(), surveying.busy and surveying.asked == spec
        error = surveying.error if surveying.asked == spec else ""
        words, hint, press = "", "", "Look again"
        if needs:
            hint, press = needs
        elif busy:
            words, hint, press = (
                progress_words(surveying.progress),
                _doing(surveying.progress),
                "Cancel",
            )
        elif error:
            hint, press = error, "Try again"
        elif found is None:
            hint, press = "The data has not been looked through.", "Look through it"
        else:
            words = found_words(spec, found)
            if not found.classes and found.points is None:
                hint = "Choose the column to predict, and the features."
        self.words.setText(words)
        self.button.setText(press)
        self.button.setVisible(bool(press))
        self.bar.setVisible(busy)
        total = surveying.progress.total if surveying.progress is not None else 0
        self.bar.setRange(0, 1000 if total else 0)
        if total and surveying.progress is not None:
            self.bar.setValue(round(1000 * surveying.progress.done / total))
        self.found.show_found(self._document.design.data, found, hint)

    def _needs(self) -> tuple[str, str] | None:
        """What must be done before the data can be looked through: a sentence, and what the button
        says ("" for none)."""
        data = self._document.design.data
        if data.source in NEEDED and not data.path:
            return NEEDED[data.source], ""
        if data.source in sources.DOWNLOADED and not data.path:
            asked = self._surveying.asked == survey_spec(data)
            if not asked and not fetched_folder(data.source).is_dir():
                row = SETS[data.source]
                size = size_words(row.bytes)
                return (
                    f"{row.label} is downloaded once: {size}. Where you have it already, choose "
                    "the folder of the local copy above.",
                    f"Download {size}",
                )
        return None

    def _look(self) -> None:
        """Look through the data where that is not done yet and nobody has cancelled it."""
        spec = survey_spec(self._document.design.data)
        if not self.isVisible() or spec in (self._surveying.asked, self._given_up):
            return
        if self._needs():
            self._surveying.cancel()  # of other data
        else:
            self._surveying.survey(spec)

    def _press(self) -> None:
        """Cancel what goes on, else look through the data, again or for the first time."""
        spec = survey_spec(self._document.design.data)
        if self._surveying.busy and self._surveying.asked == spec:
            self._given_up = spec
            self._surveying.cancel()
        else:
            self._given_up = None
            self._checked.refresh(again=True)
            self._surveying.survey(spec)

    def _use_columns(self, names: tuple[str, ...]) -> None:
        changed = edits.set_data(self._document.design, columns=names)
        self._document.apply("Change features", changed)


def _doing(progress: Progress | None) -> str:
    fetching = progress is not None and progress.what.startswith(FETCHING)
    return "It is being downloaded…" if fetching else "It is being looked through…"


def progress_words(progress: Progress | None) -> str:
    """How far it is: files in number, downloads in bytes."""
    if progress is None:
        return "beginning…"
    done, total = progress.done, progress.total
    if not total:
        return progress.what
    fetching = progress.what.startswith(FETCHING)
    words = size_words if fetching else number
    return f"{words(done)} of {words(total)} · {progress.what}"
