"""The Image tab: one image, its classes over the epochs, its way through the circuit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.imagehistory import ImageHistory
from app.looked import Looked
from app.panels.angles import Angles
from app.panels.cells import Caption, number
from app.panels.oneimage import OneImage
from app.panels.removals import Removals
from app.panels.states import States
from app.runview import RunView
from qdesigner.circuit.circuit import walk
from qdesigner.design.spec import Design

if TYPE_CHECKING:
    from app.panels.charts import Groups
    from app.panels.classcurves import ClassCurves

ROOM_FOR_ALL = 920  # px: narrower than this, one part is shown at a time
PARTS = ("Epochs", "States", "Gates")
SHARE_OF_STATES = 0.34  # of the width, at most
QWIDGETSIZE_MAX = 16_777_215  # px: Qt's own word for no limit
ANGLES = 120  # px of the angles at most, before they scroll


class ImagePanel(QWidget):
    """The image, its classes over the epochs and its angles, its states, and what each gate does.

    ``order`` gives the images in the order in which one goes from one to the next; ``predict`` is
    the command that asks for a file.
    """

    left = Signal()  # Escape: back to where one came from

    def __init__(
        self, document: Document, runview: RunView, looked: Looked,
        order: Callable[[], list[int]], predict: QAction,
    ) -> None:  # fmt: skip
        super().__init__()
        self._document, self._runview, self._looked = document, runview, looked
        self._order = order
        self.history = ImageHistory(runview)
        self.curves: ClassCurves | None = None
        self._make_head(predict)
        self.one = OneImage(runview, looked)
        self._make_parts()
        self.hint = Caption(
            "Press Train (Space) and click an image to see it whole, or drop any image file on the "
            "window to ask the run about it."
        )
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self._lay_out()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        looked.changed.connect(self._refresh)
        looked.trace_changed.connect(self._show_trace)
        self.history.changed.connect(self._draw_curves)
        self._refresh()
        self._show_trace()

    # ---- building -------------------------------------------------------------------------------

    def _make_head(self, predict: QAction) -> None:
        self.back, self.next = QPushButton("‹"), QPushButton("›")
        for button, words, step in ((self.back, "before", -1), (self.next, "after", 1)):
            button.setProperty("kind", "tool")
            button.setAccessibleName(f"The image {words}")
            button.setToolTip(f"The image {words}, in the order of Predictions (← →)")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, step=step: self.go(step))
        self.where = Caption()
        self.stage = QComboBox()
        self.stage.setAccessibleName("The circuit that is traced")
        self.stage.activated.connect(
            lambda _place: self._looked.trace_through(self.stage.currentData())
        )
        self.own = QPushButton("Back to the run's images")
        self.own.setProperty("kind", "link")
        self.own.clicked.connect(self._looked.forget_files)
        self.ask = QPushButton(predict.text())
        self.ask.setProperty("kind", "link")
        self.ask.setToolTip(predict.toolTip())
        self.ask.clicked.connect(predict.trigger)
        for button in (self.own, self.ask):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _make_parts(self) -> None:
        self.angles = Angles()
        self._angles_title = Caption("Angles", bold=True)
        self._angles_room = _scrolled(self.angles)
        self._angles_room.setMaximumHeight(ANGLES)
        self._curves_title = Caption("Probability by class", bold=True)
        self._no_curves = Caption()
        self._no_curves.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._no_curves.setWordWrap(True)
        self._groups: Groups | None = None
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._curves_title)
        self._curves_head = head
        curves, below = QWidget(), QWidget()
        self._curves_box = _column(curves)
        self._curves_box.addLayout(head)
        self._curves_box.addWidget(self._no_curves, 1)
        box = _column(below)
        box.addWidget(self._angles_title)
        box.addWidget(self._angles_room)
        box.addStretch(1)
        self._over = QWidget()
        self._over_box = QBoxLayout(QBoxLayout.Direction.TopToBottom, self._over)
        self._over_box.setContentsMargins(0, 0, 0, 0)
        self._over_box.setSpacing(8)
        self._over_box.addWidget(curves, 3)
        self._over_box.addWidget(below, 2)
        self.states, self.removals = States(), Removals()
        self.states.block_chosen.connect(self._select)
        self.removals.block_chosen.connect(self._select)
        self.why = Caption()
        self.why.setWordWrap(True)
        self.why.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._states_room = _scrolled(self.states)
        self._by_block = QWidget()
        box = _column(self._by_block)
        self._states_title = Caption("State after each block", bold=True)
        box.addWidget(self._states_title)
        box.addWidget(self.why)
        box.addWidget(self._states_room, 1)
        box.addStretch(0)
        self._without = QWidget()
        box = _column(self._without)
        self._without_title = Caption("Without each gate", bold=True)
        box.addWidget(self._without_title)
        box.addWidget(self.removals, 1)
        self.parts = QTabBar()
        self.parts.setDrawBase(False)
        self.parts.setAccessibleName("What is shown of the image")
        for name in PARTS:
            self.parts.addTab(name)
        self.parts.currentChanged.connect(lambda _place: self._share_room())

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        for widget in (self.back, self.next, self.where, self.own):
            head.addWidget(widget)
        head.addStretch(1)
        for widget in (self.parts, self.stage, self.ask):
            head.addWidget(widget)
        body = QHBoxLayout()
        body.setSpacing(20)
        body.addWidget(self.one)
        for part, share in ((self._over, 4), (self._by_block, 4), (self._without, 5)):
            body.addWidget(part, share)
        self._whole = QWidget()
        whole = QVBoxLayout(self._whole)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        whole.addLayout(head)
        whole.addLayout(body, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.addWidget(self.hint, 1)
        box.addWidget(self._whole, 1)

    # ---- following ------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Ask what is not known yet."""
        super().showEvent(event)
        self.history.show(True)
        self._looked.show(True)
        self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ask nothing more."""
        super().hideEvent(event)
        self.history.show(False)
        self._looked.show(False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """All parts beside each other, or one at a time."""
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        wide = self.width() >= ROOM_FOR_ALL
        self.parts.setVisible(not wide)
        self.ask.setVisible(wide)
        for place, part in enumerate((self._over, self._by_block, self._without)):
            part.setVisible(wide or self.parts.currentIndex() == place)
        for title in (self._states_title, self._without_title):
            title.setVisible(wide)
        way = QBoxLayout.Direction
        self._over_box.setDirection(way.TopToBottom if wide else way.LeftToRight)
        states = self.states.sizeHint().width() + 14
        room = int(SHARE_OF_STATES * self.width())
        self._by_block.setMaximumWidth(min(states, room) if wide else QWIDGETSIZE_MAX)
        self._by_block.setMinimumWidth(min(states, room) if wide else 0)

    def _refresh(self) -> None:
        looked = self._looked
        there = looked.image is not None or bool(looked.path)
        self.hint.setVisible(not there)
        self._whole.setVisible(there)
        if not there or not self.isVisible():
            return
        self._say_where()
        self.own.setVisible(bool(looked.path))
        self._offer_stages()
        self.one.refresh()
        self._show_angles()
        self._draw_curves()

    def _say_where(self) -> None:
        looked, images = self._looked, self._images()
        if looked.place is not None:
            place, count = looked.place, len(looked.files)
        else:
            count = len(images)
            place = images.index(looked.image) if looked.image in images else -1
        self.where.setText(f"{place + 1:,} of {count:,}" if place >= 0 else "")
        for button in (self.back, self.next):
            button.setEnabled(count > 1)

    def _offer_stages(self) -> None:
        stages = [stage.id for stage in self._looked.stages]
        self.stage.setVisible(len(stages) > 1)
        if stages != [self.stage.itemData(place) for place in range(self.stage.count())]:
            self.stage.clear()
            for place, name in enumerate(stages):
                self.stage.addItem(f"Circuit {place + 1}", name)
        traced = self._looked.traced_stage
        self.stage.setCurrentIndex(self.stage.findData(traced.id) if traced is not None else -1)

    def _show_angles(self) -> None:
        stage = self._looked.traced_stage
        values = self._looked.angles.get(stage.id) if stage is not None else None
        for widget in (self._angles_title, self._angles_room):
            widget.setVisible(values is not None)
        if stage is not None and values is not None:
            squashed = _squashed(self._looked.design, stage.id)
            circuit = None if stage.row.each_feature else stage.circuit
            self.angles.show_angles(values, circuit, squashed)
            high = self.angles.sizeHint().height() + 4
            self._angles_room.setFixedHeight(min(ANGLES, high))

    def _draw_curves(self) -> None:
        image, run = self._looked.image, self._runview
        if not self.isVisible():
            return
        epochs, rows = self.history.of(image) if image is not None else ([], [])
        some = image is not None and len(epochs) > 1
        if some and self.curves is None:
            from app.panels.charts import Groups
            from app.panels.classcurves import ClassCurves

            self.curves, self._groups = ClassCurves(), Groups()
            self._curves_head.addWidget(self._groups, 1)
            self._curves_box.addWidget(self.curves, 1)
        self._curves_title.setText("Predicted number" if run.regression else "Probability")
        self._no_curves.setVisible(not some)
        self._no_curves.setText(
            "Over the epochs only images of the run are followed." if self._looked.path
            else "A curve begins with the second epoch."
        )  # fmt: skip
        if self.curves is not None and self._groups is not None:
            self.curves.setVisible(some)
            self._groups.setVisible(some)
            if some and image is not None:
                label = run.labels[image].item()
                self.curves.show_history(epochs, rows, label, run.classes, run.at_epoch)
                self._groups.show_groups(run.classes, self.curves.lines if run.classes else ())

    def _show_trace(self) -> None:
        traced, circuit = self._looked.traced, self._looked.circuit
        good = traced is not None and not traced.error and circuit is not None
        for widget in (self._states_room, self.removals):
            widget.setVisible(good)
        self.why.set_colour("muted")
        if good and traced is not None and circuit is not None:
            regression = self._runview.regression
            of = "" if regression else self._looked.class_name(traced.truth)
            self.states.show_trace(traced, circuit)
            self._share_room()
            self.removals.show_trace(traced, of, regression)
            value = number(traced.probability)
            said = f"{value} predicted" if regression else f"{of}: {traced.probability:.0%}"
            self.why.setText(
                f"{said.replace('%', ' %')} after epoch {traced.epoch}. {traced.note}".strip()
            )
        elif traced is not None and traced.error:
            self.why.setText(traced.error)
        elif circuit is None:
            self.why.setText("This model has no quantum circuit to trace an image through.")
        elif self._looked.tracing:
            self.why.setText("Tracing the image through the circuit …")
        else:
            self.why.setText("After the first epoch the image's way through the circuit is here.")

    # ---- what one can do ------------------------------------------------------------------------

    def _images(self) -> list[int]:
        """The validation images in the order in which one goes through them."""
        images = self._order()
        return images if self._looked.image in images else list(range(len(self._runview.labels)))

    def go(self, step: int) -> None:
        """To the image ``step`` places on; behind the last comes the first again."""
        looked = self._looked
        if looked.place is not None:
            looked.show_file((looked.place + step) % len(looked.files))
            return
        images = self._images()
        if images and looked.image is not None:
            place = (images.index(looked.image) + step) % len(images)
            self._runview.chosen_image = images[place]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right go through the images, Escape leaves them."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None or event.modifiers():
            super().keyPressEvent(event)
        else:
            self.go(step)

    def _select(self, block: str) -> None:
        """Select a block on the board, where it still is."""
        stage = self._looked.traced_stage
        design = self._document.design
        here = next((s for s in design.stages if stage is not None and s.id == stage.id), None)
        if here is None or here.circuit is None:
            return
        if block in {each.id for each, _ in walk(here.circuit.blocks)}:
            if self._document.circuit_stage() is not here:
                self._document.select_stage(here.id)
            self._document.select_blocks({block})


def _squashed(design: Design | None, stage_id: str) -> bool:
    """Whether what enters the stage comes from tanh · π/2."""
    stages = design.stages if design is not None else ()
    return any(b.id == stage_id and a.kind == "squash" for a, b in pairwise(stages))


def _column(inside: QWidget) -> QVBoxLayout:
    box = QVBoxLayout(inside)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(4)
    return box


def _scrolled(inside: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setStyleSheet(
        "QScrollArea, QScrollArea > QWidget > QWidget, QAbstractScrollArea::corner"
        " { background: transparent; border: none; }"
    )
    area.setWidget(inside)
    return area
