"""The panel on the right: settings of what is selected, and figures of the circuit on the board.

Every change is applied at once, as one undo step.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.checked import Checked
from app.document import DATA, DEVICE, LOSS, Document
from app.focus import has_keyboard
from app.gradients import short_names
from app.panels.cards import stage_face
from app.panels.datarows import data_rows
from app.panels.devices import device_about, device_rows
from app.panels.editors import ROW, Fold, editor, silent
from app.panels.figures import Bar, Bars, Heat, HeatMap
from app.panels.header import number
from app.panels.rows import (
    Row,
    block_rows,
    readout_about,
    readout_rows,
    stage_rows,
)
from app.panels.trainrows import training_rows
from app.runview import RunView
from app.sentences import sentence
from qdesigner.circuit.circuit import Circuit, expand, resources, walk
from qdesigner.circuit.gates import GATES
from qdesigner.design.edits import EditError
from qdesigner.design.spec import Stage

MAX_HEAT = 4000  # weights; more are no picture any more
FRAME = 33  # ms


class Inspector(QScrollArea):
    """Follows the document's selection and the run on screen."""

    refused = Signal(str)  # why a value was not taken; "" when that is mended
    data_wanted = Signal(str)  # a file of data to be looked at and used
    command_wanted = Signal(str)  # a command's name

    def __init__(self, document: Document, runview: RunView, checked: Checked) -> None:
        super().__init__()
        self._document, self._runview, self._checked = document, runview, checked
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(216)
        inside = QWidget()
        inside.setObjectName("inside")
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(12, 10, 12, 12)
        self._column.setSpacing(6)
        self._title = _heading("")
        self._about = QLabel(wordWrap=True)
        self._about.setProperty("role", "muted")
        self._about.setMinimumWidth(1)  # a long file name is no reason to grow
        self._form = QWidget()
        self._column.addWidget(self._title)
        self._column.addWidget(self._about)
        self._column.addWidget(self._form)
        self._figures = Figures()
        self._column.addWidget(self._figures)
        self._column.addStretch(1)
        self.setWidget(inside)
        self._key: Any = None
        self._open: set[str] = set()  # names of the folds whose rows show
        self._rows: list[tuple[Row, QWidget]] = []
        self._later = QTimer(self, singleShot=True, interval=FRAME)
        self._later.timeout.connect(self.refresh)
        checked.changed.connect(self._later.start)
        document.stage_selected.connect(lambda _name: self._later.start())
        document.blocks_selected.connect(lambda _names: self._later.start())
        runview.predictions_changed.connect(self._later.start)
        runview.curves_changed.connect(self._later.start)
        theme.changed.connect(self._later.start)
        self.refresh()

    def refresh(self) -> None:
        """Show what is selected now."""
        title, about, all_rows = self._subject()
        rows = [row for row in all_rows if not row.fold or row.fold in self._open]
        self._title.setText(title.upper())
        self._about.setText(about.replace("_", "_\N{ZERO WIDTH SPACE}"))  # may break there
        self._about.setVisible(bool(about))
        key = (title, tuple((row.field, row.texts, row.look) for row in rows))
        if key != self._key:
            self._key = key
            self._rebuild(rows)
        self._rows = [(row, widget) for row, (_, widget) in zip(rows, self._rows, strict=True)]
        for row, widget in self._rows:
            silent(widget, row.get(self._document.design))
        self._show_figures()

    def editors(self) -> dict[str, QWidget]:
        """The editors on screen by their field's name."""
        return {row.field.name: widget for row, widget in self._rows}

    def _subject(self) -> tuple[str, str, list[Row]]:
        """Title, a line about it, and rows, of what is selected."""
        design, name = self._document.design, self._document.selected_stage
        board = self._document.circuit_stage()
        if board is not None and board.circuit is not None:
            if self._document.selected_blocks:
                return self._blocks(board, board.circuit)
            if self._document.selected_readout:
                rows = readout_rows(board.id, board.circuit)
                return "Measure", readout_about(board.circuit), rows
        if name == DATA:
            known = self._checked
            rows = data_rows(design, known.available, known.splits, known.columns)
            return "Data", "", rows
        if name == DEVICE:
            return "Device", device_about(design), device_rows(design)
        step = next((t for t in self._checked.traced if t.stage.id == name), None)
        if step is not None:
            shown = "" if step.shape_out is None else stage_face(step).lines[0]
            about = step.stage.row.hint if step.stage.kind != "backbone" else shown
            return stage_face(step).title, about, stage_rows(step.stage)
        return (
            "Training" if name != LOSS else "Loss and training",
            "",
            training_rows(design),
        )

    def _blocks(self, stage: Stage, circuit: Circuit) -> tuple[str, str, list[Row]]:
        names = self._document.selected_blocks
        rows = block_rows(stage.id, circuit, names)
        if len(names) == 1:
            row = circuit.find(next(iter(names))).row
            return row.label, row.hint, rows
        about = "" if rows else "Select blocks of one kind to change their settings together."
        return f"{len(names)} blocks", about, rows

    def _rebuild(self, rows: list[Row]) -> None:
        old = self._form
        focused = next((row.field.name for row, w in self._rows if has_keyboard(w)), "")
        self._form = QWidget()
        form = QFormLayout(self._form)
        form.setContentsMargins(0, 2, 0, 4)
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(6)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._rows = []
        for row in rows:
            # Bound to the row: a field left by a click elsewhere still changes its own thing.
            widget = editor(row, lambda value, row=row: self._commit(row, value), self._refuse)
            label = QLabel(row.field.label)
            label.setProperty("role", "muted")
            label.setToolTip(row.field.hint)
            label.setMinimumHeight(ROW)
            if isinstance(widget, Fold):
                widget.set_open(row.field.name in self._open)
            if row.look in ("classes", "columns", "sums"):
                form.addRow(label)
                form.addRow(widget)
            elif row.look == "wide":
                form.addRow(widget)
            elif row.look == "command":
                form.addRow(widget)
                form.setAlignment(widget, Qt.AlignmentFlag.AlignLeft)
            else:
                form.addRow(label, widget)
            self._rows.append((row, widget))
        self._column.replaceWidget(old, self._form)
        old.hide()
        old.deleteLater()
        self._form.setVisible(bool(rows))
        if focused in self.editors():
            self.editors()[focused].setFocus()

    def _refuse(self, reason: str) -> None:
        self.refused.emit(sentence(reason) if reason else "")

    def _commit(self, row: Row, value: Any) -> bool:
        """Apply what an editor hands on; False when it is refused."""
        if row.look == "fold":
            self._open ^= {row.field.name}
            self.refresh()
            return True
        if row.look == "command":
            self.command_wanted.emit(row.field.name)
            return True
        if row.look == "data":
            self.data_wanted.emit(value)
            return True
        try:
            design = row.set(self._document.design, value)
        except EditError as error:
            self._refuse(str(error))
            self.refresh()
            return False
        except KeyError:
            return False  # what the row was about is gone
        self._document.apply(f"Change {row.undo or row.field.label.lower()}", design)
        return True

    # ---- figures --------------------------------------------------------------------------------

    def _show_figures(self) -> None:
        stage = self._document.circuit_stage()
        circuit = stage.circuit if stage is not None else None
        selected = self._document.selected_stage
        wanted = stage is not None and (
            selected in ("", stage.id) or bool(self._document.selected_blocks)
        )
        heat = None
        if stage is not None and circuit is not None and wanted:
            heat = self._heat(stage, circuit)
        self._figures.show_weights(heat)
        self._figures.show_counts(circuit if wanted else None)
        self._figures.show_norms(self._norms())

    def _heat(self, stage: Stage, circuit: Circuit) -> Heat | None:
        """The newest weights of the selected blocks, or of the whole circuit: a row a pass."""
        weights = self._runview.weights_for(stage.id, circuit)
        if weights is None:
            return None
        names = set(self._document.selected_blocks)
        for block, _ in walk(circuit.blocks):
            if block.id in names:
                names |= {inner.id for inner, _ in walk(block.body)}
        rows: dict[str, list[float]] = {}
        for key, value in zip(expand(circuit).weight_keys, weights.tolist(), strict=True):
            if not names or key.block in names:
                label = circuit.find(key.block).row.label
                if key.passes:
                    label += f", pass {' '.join(str(p + 1) for p in key.passes)}"
                rows.setdefault(f"{key.block}|{label}", []).append(value)
        if not rows or sum(map(len, rows.values())) > MAX_HEAT:
            return None
        return Heat(tuple((name.split("|", 1)[1], tuple(row)) for name, row in rows.items()))

    def _norms(self) -> list[Bar]:
        """A bar for each stage of the run on screen, in the order of the strip."""
        norms = self._runview.gradient_norms
        shown = [t.stage for t in self._checked.traced if t.stage.id in norms]
        return [
            Bar(label, norms[stage.id], "Quantum" if stage.row.quantum else "Classical")
            for stage, label in zip(shown, short_names(shown), strict=True)
        ]


class Figures(QWidget):
    """Weights, gradient norms and counts, each with its heading, and only when there are any."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(6)
        self._heat_title, self.heat = _heading("WEIGHTS"), HeatMap()
        self._norm_title, self.bars = _heading("GRADIENT NORM BY LAYER"), Bars()
        self._count_title, self._counts = _heading("CIRCUIT"), QFormLayout()
        self._numbers: dict[str, QLabel] = {}
        counts = QWidget()
        counts.setLayout(self._counts)
        self._counts.setContentsMargins(0, 0, 0, 0)
        self._counts.setVerticalSpacing(6)
        for name in ("Parameters", "Inputs", "Depth", "Two-qubit gates"):
            label = QLabel(name)
            label.setProperty("role", "muted")
            self._numbers[name] = QLabel(alignment=Qt.AlignmentFlag.AlignRight)
            self._counts.addRow(label, self._numbers[name])
        self._count_box = counts
        for title, widget in (
            (self._heat_title, self.heat), (self._norm_title, self.bars),
            (self._count_title, counts),
        ):  # fmt: skip
            column.addWidget(title)
            column.addWidget(widget)
            column.addSpacing(6)

    def show_weights(self, heat: Heat | None) -> None:
        """Show weights, or nothing."""
        for widget in (self._heat_title, self.heat):
            widget.setVisible(heat is not None)
        if heat is not None:
            count = sum(len(values) for _, values in heat.rows)
            self._heat_title.setText(f"WEIGHTS  {number(count)}")
            self.heat.show_heat(heat)

    def show_norms(self, bars: list[Bar]) -> None:
        """Show gradient norms, or nothing."""
        for widget in (self._norm_title, self.bars):
            widget.setVisible(bool(bars))
        if bars:
            self.bars.show_bars(bars)

    def show_counts(self, circuit: Circuit | None) -> None:
        """Show what a circuit costs, or nothing."""
        for widget in (self._count_title, self._count_box):
            widget.setVisible(circuit is not None)
        if circuit is None:
            return
        cost = resources(circuit)
        two = sum(count for gate, count in cost.gates.items() if GATES[gate].wires == 2)
        for name, value in (
            ("Parameters", cost.weights), ("Inputs", cost.inputs), ("Depth", cost.depth),
            ("Two-qubit gates", two),
        ):  # fmt: skip
            self._numbers[name].setText(number(value))


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "heading")
    return label
