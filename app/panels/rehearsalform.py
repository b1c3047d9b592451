"""What of a rehearsal can be chosen: shots, machines, samples and repeats."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QWidget,
    QWidgetAction,
)

from app.panels.editors import ROW as EDITOR
from app.panels.ticks import LINE, Ticks
from qdesigner.catalog.devices import DEVICES, SNAPSHOTS, missing
from qdesigner.catalog.snapshots import snapshot_words
from qdesigner.design.spec import Design
from qdesigner.errors import UserError
from qdesigner.session.rehearsal import AER, REPEATS, SHOTS, Rehearse
from qdesigner.session.rehearsal_plan import MOST_REPEATS, checked, parsed_shots, usual

WIDTH, LABEL = 264, 68  # px
TICKS = 9  # machines shown at once
USUAL, SPLITS = "test, else validation", ("test", "validation", "train")


class RehearsalForm(QScrollArea):
    """The fields, one below the other."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__(widgetResizable=True)
        self._design: Design | None = None
        self._mine = False  # whether the user has chosen machines
        self.machines: tuple[str, ...] = ()
        self.shots = QLineEdit(",".join(map(str, SHOTS)))
        self.shots.setCursorPosition(0)  # where it is too long, its beginning is seen
        self.shots.setToolTip("Numbers of shots, commas between; nothing: none")
        self.choose = QToolButton()
        self.choose.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.choose.setProperty("kind", "choice")
        self.split = QComboBox()
        self.split.addItems((USUAL, *SPLITS))
        self.split.setMinimumContentsLength(6)
        self.split.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.limit = QSpinBox(minimum=0, maximum=1_000_000)
        self.limit.setSpecialValueText("what fits")
        self.limit.setToolTip(
            "So many images, spread evenly; else what takes two minutes, and 200 at most"
        )
        self.repeats = QSpinBox(minimum=1, maximum=MOST_REPEATS, value=REPEATS)
        self.repeats.setToolTip("All that has shots is done so often, with other seeds")
        for field, name in (
            (self.shots, "Shots"), (self.choose, "Machines"), (self.split, "Images"),
            (self.limit, "At most"), (self.repeats, "Repeats"),
        ):  # fmt: skip
            field.setAccessibleName(name)
            field.setFixedHeight(EDITOR)
        for spin in (self.limit, self.repeats):
            spin.lineEdit().setTextMargins(6, 0, 0, 0)
        self._lay_out()
        self.shots.textChanged.connect(lambda _text: self.changed.emit())
        self.split.currentIndexChanged.connect(lambda _index: self.changed.emit())
        self.limit.valueChanged.connect(lambda _value: self.changed.emit())
        self.repeats.valueChanged.connect(lambda _value: self.changed.emit())

    def _lay_out(self) -> None:
        self.choose.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.choose.setMinimumWidth(60)
        self._ticks = Ticks()
        self._ticks.ticked.connect(self._tick)
        listed = QListView()
        listed.setModel(self._ticks)
        listed.setObjectName("ticks")
        listed.setFrameShape(QFrame.Shape.NoFrame)
        listed.setUniformItemSizes(True)
        listed.setFixedSize(WIDTH - LABEL - 24, TICKS * LINE + 10)
        menu = QMenu(self.choose)
        inside = QWidgetAction(menu)
        inside.setDefaultWidget(listed)
        menu.addAction(inside)
        menu.addSeparator()
        none = QAction("None", menu)
        none.triggered.connect(lambda: self.use(()))
        menu.addAction(none)
        self.choose.setMenu(menu)
        box = QWidget()
        box.setObjectName("inside")
        form = QFormLayout(box)
        form.setContentsMargins(0, 0, 8, 0)
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name, field in (
            ("Shots", self.shots), ("Machines", self.choose), ("Images", self.split),
            ("At most", self.limit), ("Repeats", self.repeats),
        ):  # fmt: skip
            label = QLabel(name)
            label.setProperty("role", "muted")
            label.setMinimumSize(LABEL, EDITOR)
            form.addRow(label, field)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(box)
        self.setFixedWidth(WIDTH)

    # ---- what is chosen -------------------------------------------------------------------------

    def show_design(self, design: Design) -> None:
        """Offer the machines that the circuits of ``design`` fit on."""
        self._design = design
        wires = max((s.circuit.wires for s in design.stages if s.circuit is not None), default=1)
        self._offered = {
            f"{snapshot_words(name)} ({qubits} qubits)": name
            for name, qubits in SNAPSHOTS.items() if qubits >= wires
        }  # fmt: skip
        fitting = tuple(n for n in self.machines if n in self._offered.values())
        self._show(fitting if self._mine else usual(design))

    def use(self, machines: tuple[str, ...]) -> None:
        """Rehearse on these, by their full names."""
        self._mine = True
        self._show(machines)
        self.changed.emit()

    def _show(self, machines: tuple[str, ...]) -> None:
        self.machines = machines
        on = tuple(text for text, name in self._offered.items() if name in machines)
        self._ticks.show(on, tuple(self._offered))
        words = ", ".join(snapshot_words(name) for name in machines) or "none"
        absent = missing(DEVICES[AER])
        room = WIDTH - LABEL - 68
        self.choose.setText(self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room))
        self.choose.setEnabled(not absent)
        self.choose.setToolTip(absent or f"Under the noise of {words}, as it was recorded one day")

    def _tick(self, texts: tuple[str, ...]) -> None:
        flipped = {self._offered[text] for text in texts}
        chosen = set(self.machines) ^ flipped
        self.use(tuple(name for name in self._offered.values() if name in chosen))

    def wanted(self, run: str, design: Design) -> Rehearse:
        """What is asked for. Raises UserError."""
        words = [word.strip() for word in self.shots.text().split(",")]
        split = "" if self.split.currentText() == USUAL else self.split.currentText()
        return checked(
            Rehearse(
                run, parsed_shots(w for w in words if w), self.machines, split,
                self.limit.value(), self.repeats.value(),
            ),
            design,
        )  # fmt: skip

    def why_not(self, run: str, design: Design) -> str:
        """Why it cannot be rehearsed like this, or ""."""
        try:
            self.wanted(run, design)
        except UserError as error:
            return str(error)
        return ""

    @property
    def missing(self) -> str:
        """What must be installed before machines can be imitated, as a sentence, or ""."""
        absent = missing(DEVICES[AER])
        return absent and f"No machine's noise: {absent.removesuffix('.')}."

    def set_enabled(self, on: bool) -> None:
        """Let everything be changed, or nothing."""
        self.widget().setEnabled(on)
