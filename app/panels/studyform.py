"""Which study, over how many seeds, and by whom: the form at the left of the Compare tab."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.panels.cells import Caption
from app.panels.editors import ROW as EDITOR
from qdesigner.design import grid
from qdesigner.design.checks import require_trainable
from qdesigner.design.studies import SEEDS, STUDIES, of_screen
from qdesigner.design.study import Study
from qdesigner.errors import UserError
from qdesigner.paths import data_folder
from qdesigner.session.studying import Conduct

CONTROLS = "controls"
TITLES = {
    CONTROLS: "Does it help?",
    "entanglement": "Entanglement",
    "depth": "Depth",
    "activations": "Activations",
    "devices": "Devices",
}
KEPT = 12  # earlier studies that are offered
STUDY = "study.json"


class StudyForm(QWidget):
    """A built-in study of the design on screen, or one of a file or of an earlier study's
    folder."""

    changed = Signal()
    opened = Signal(str)  # an earlier study's folder: show what is there
    refused = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._opened: tuple[Study, str] | None = None  # of a file or folder: study, its folder
        self.which = QComboBox()
        for name, title in TITLES.items():
            self.which.addItem(title, name)
        self.which.setAccessibleName("Study")
        self.open = QPushButton("Open…")
        self._menu = QMenu(self.open)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.open.setMenu(self._menu)
        self.about = Caption()
        self.about.setWordWrap(True)
        self.seeds = QSpinBox(minimum=1, maximum=1000, value=len(SEEDS))
        self.seeds.setAccessibleName("Seeds")
        self.seeds.setToolTip("Each seed splits the data and begins the weights anew")
        self.workers = QSpinBox(minimum=0, maximum=1024)
        self.workers.setSpecialValueText("one a core")
        self.workers.setAccessibleName("Processes")
        self.scheduler = QLineEdit(placeholderText="tcp://host:8786")
        self.scheduler.setAccessibleName("Dask scheduler")
        self.scheduler.setToolTip("Run on a cluster: the address of its Dask scheduler")
        self._lay_out()
        self.which.currentIndexChanged.connect(lambda _index: self._chosen())
        self.seeds.valueChanged.connect(lambda _value: self.changed.emit())
        self.scheduler.textChanged.connect(lambda text: self.workers.setDisabled(bool(text)))
        self._chosen()

    def _lay_out(self) -> None:
        self.setObjectName("inside")
        self.open.setFocusPolicy(self.open.focusPolicy().TabFocus)
        first = QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(self.which, 1)
        first.addWidget(self.open)
        form = QFormLayout()
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, widget in (
            ("Seeds", self.seeds), ("Processes", self.workers), ("Cluster", self.scheduler)
        ):  # fmt: skip
            label = QLabel(text)
            label.setProperty("role", "muted")
            label.setMinimumSize(76, EDITOR)
            widget.setFixedHeight(EDITOR)
            if isinstance(widget, QSpinBox):
                widget.lineEdit().setTextMargins(6, 0, 0, 0)
            form.addRow(label, widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(8)
        column.addLayout(first)
        column.addWidget(self.about)
        column.addLayout(form)
        column.addStretch(1)

    # ---- what is asked --------------------------------------------------------------------------

    def wanted(self) -> Conduct:
        """The study that is chosen. Raises UserError when it cannot be."""
        seeds = tuple(range(self.seeds.value()))
        name, folder = self.which.currentData(), ""
        if not name and self._opened is not None:
            study, folder = self._opened
            study = study if len(study.seeds) == len(seeds) else study.but(seeds=seeds)
        else:
            study = of_screen(name, self._document.design, seeds)
            for task in study.but(seeds=seeds[:1]).tasks():
                try:
                    require_trainable(task.design)
                except UserError as error:
                    raise UserError(f"{task.variant}: {error}") from error
        return Conduct(study, folder, self.workers.value(), self.scheduler.text().strip())

    def title(self, study: Study) -> str:
        """What a study is called: another one may be chosen by the time it is read."""
        of = self._document.design.name if self.which.currentData() else ""
        seeds = f"{len(study.seeds)} seed{'' if len(study.seeds) == 1 else 's'}"
        return " · ".join(part for part in (self.which.currentText(), of, seeds) if part)

    def choose(self, name: str) -> None:
        """A built-in study of what is on screen."""
        self.which.setCurrentIndex(self.which.findData(name))

    def open_file(self, path: Path) -> None:
        """A .qstudy file's study, ready to start."""
        try:
            self._take_up(grid.load(path).study(), "")
        except UserError as error:
            self.refused.emit(str(error))

    def open_folder(self, path: Path) -> None:
        """An earlier study, with what is there of it."""
        try:
            study = Study.model_validate_json((path / STUDY).read_bytes())
        except (OSError, ValueError, RecursionError):
            self.refused.emit(
                f"{path.name!r} is no study's folder: it holds no study that can be read."
            )
            return
        self._take_up(study, str(path))
        self.opened.emit(str(path))

    def _take_up(self, study: Study, folder: str) -> None:
        self._opened = study, folder
        place = self.which.findData("")
        if place < 0:
            place = self.which.count()
            self.which.addItem("", "")
        self.which.setItemText(place, study.name[:60])
        self.seeds.setValue(len(study.seeds))
        self.which.setCurrentIndex(place)
        self._chosen()

    def _fill_menu(self) -> None:
        self._menu.clear()
        self._menu.addAction("Study file…", self._choose_file)
        self._menu.addAction("Study folder…", self._choose_folder)
        files = (data_folder() / "studies").glob(f"*/{STUDY}")
        earlier = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
        if earlier:
            self._menu.addSeparator()
        for file in earlier[:KEPT]:
            folder = file.parent
            self._menu.addAction(folder.name, lambda folder=folder: self.open_folder(folder))

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Open a study", str(Path.home()), f"Studies (*{grid.SUFFIX})"
        )
        if name:
            self.open_file(Path(name))

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open a study's folder", str(Path.home()))
        if name:
            self.open_folder(Path(name))

    def _chosen(self) -> None:
        name = self.which.currentData()
        if name:
            self.about.setText(STUDIES[name].about)
        elif self._opened is not None:
            study = self._opened[0]
            self.about.setText(study.about or f"{len(study.variants)} variants.")
        self.changed.emit()


def runs_of(study: Study) -> int:
    """How many runs a study asks for."""
    return len(study.variants) * max(1, len(study.data)) * len(study.seeds)
