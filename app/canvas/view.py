"""The circuit board: shows the document's circuit with its live state, and routes gestures.

What a gesture would do is drawn, and its live state asked for, before it is done; the release
applies the very circuit that was drawn. Painting is in items, edges and live, edits in gestures
and commands, places in geometry, mouse and keys in pointer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QComboBox, QWidget

from app import theme
from app.canvas import commands, edges, geometry, items
from app.canvas.count import CountBox
from app.canvas.geometry import View
from app.canvas.gestures import BLOCK_MIME, Gesture, Insert, Outcome, Point, set_count
from app.canvas.live import paint_live
from app.canvas.pointer import Pointer
from app.canvas.rule import Rule
from app.canvas.scene import Scene, summary
from app.document import Document
from app.sentences import sentence
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Circuit, resources
from qdesigner.circuit.layout import Layout, layout
from qdesigner.circuit.text import diagram
from qdesigner.design.edits import EditError

if TYPE_CHECKING:
    from qdesigner.session.events import PreviewAnswer, ShiftAnswer

BAR = 14  # pixels kept free for the scroll bar below a circuit that is too long
SCROLL_EDGE, SCROLL_STEP = 28, 14  # pixels: where dragging scrolls, and by how much
SUMMARY_DELAY = 60  # ms after the last change: counting a long circuit must not slow a drag


class Board(QAbstractScrollArea):
    """The circuit of the document's quantum stage, to look at and to edit.

    ``preview_wanted`` carries every circuit that comes to be drawn, a drag's result before the
    release included; answer with `show_live`. ``shift_wanted`` asks for the parameter-shift rule
    of the gate that is looked at; answer with `show_shift`.
    """

    preview_wanted = Signal(object)  # Circuit
    shift_wanted = Signal(object, int, int)  # Circuit, number of its operation, output
    image_chosen = Signal(int)

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.base: Layout | None = None  # the document's circuit
        self.gesture: Gesture | None = None
        self.outcome: Outcome | None = None
        self._shown: Layout | None = None  # what is drawn
        self._scale, self._zoom = 1.0, 0.0  # zoom 0: as fits
        self._above = 0  # free pixels above the circuit, where it needs less than there are
        self._answer: PreviewAnswer | None = None
        self._example = True
        self._wanted: Circuit | None = None
        self._summary = self._message = ""
        self._output = 0
        self._pointer = Pointer(self)
        self.rule = Rule(self)
        self._counting = QTimer(self, singleShot=True, interval=SUMMARY_DELAY)
        self._counting.timeout.connect(self._count)
        self._scrolling = QTimer(self, interval=30)
        self._scrolling.timeout.connect(self._scroll_at_edge)
        self._images = QComboBox(self.viewport())
        self._set_up()
        document.changed.connect(self._refresh)
        document.stage_selected.connect(self._refresh)
        document.blocks_selected.connect(self._selected)
        theme.changed.connect(self.viewport().update)
        self._refresh()

    def _set_up(self) -> None:
        self.setProperty("role", "panel")
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self.viewport().setAcceptDrops(True)
        self.viewport().setMouseTracking(True)
        self.viewport().installEventFilter(self._pointer)
        self.installEventFilter(self._pointer)
        self.setMinimumSize(480, 200)
        self.setAccessibleName("Quantum circuit")
        self._images.setAccessibleName("Image whose live state is shown")
        self._images.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._images.hide()
        self._images.activated.connect(self.image_chosen)

    # ---- what others set ------------------------------------------------------------------------

    def show_live(self, answer: PreviewAnswer | None) -> None:
        """Show this live state, or none."""
        self._answer = answer
        self.viewport().update()

    def show_shift(self, answer: ShiftAnswer) -> None:
        """Show what the parameter-shift rule gives for the gate that is looked at."""
        self.rule.take(answer)

    @property
    def example(self) -> bool:
        """Whether the live state is that of made-up angles, not of an image."""
        return self._example

    def show_as_example(self, example: bool) -> None:
        """Whether the live state is that of made-up angles, or of the chosen image."""
        self._example = example

    def set_images(self, labels: list[str]) -> None:
        """What the live state's image can be chosen from; `image_chosen` gives the number."""
        chosen = self._images.currentIndex()
        self._images.clear()
        self._images.addItems(labels)
        self._images.setCurrentIndex(min(max(chosen, 0), len(labels) - 1))
        self._images.setVisible(bool(labels))
        self._place_images()

    def choose_image(self, index: int) -> None:
        """Show image ``index`` as the chosen one; emits nothing."""
        self._images.setCurrentIndex(index)

    @property
    def output(self) -> int:
        """The output that a gate's derivative is told of: the one clicked last, else the first."""
        return self._output if self.base and self._output < self.base.circuit.outputs else 0

    def choose_output(self, output: int) -> None:
        """Tell derivatives of this output from now on; -1 changes nothing."""
        if output >= 0:
            self._output = output

    # ---- what is drawn --------------------------------------------------------------------------

    @property
    def circuit(self) -> Circuit | None:
        """The circuit on screen: the document's, or what the gesture would make of it."""
        return self._shown.circuit if self._shown is not None else None

    @property
    def message(self) -> str:
        """Why the last command was refused, or ""."""
        return self._message

    @property
    def scale(self) -> float:
        """Pixels on screen for one of the layout's."""
        return self._scale

    def view(self) -> View:
        """Which part of the scene shows where."""
        size = self.viewport().size()
        right, down = self.horizontalScrollBar().value(), self.verticalScrollBar().value()
        return View(size.width(), size.height(), self._scale, right, down - self._above)

    def scene(self) -> Scene | None:
        """What is shown now, as a value; None where the model has no circuit."""
        if self._shown is None:
            return None
        pointer = self._pointer
        hover = pointer.hover if self.gesture is None else geometry.EMPTY
        told = self.rule.told
        return Scene(
            self._shown,
            self.document.selected_blocks if self._selection is None else self._selection,
            self.outcome,
            hover,
            ghost_wire=self._offers_wire(),
            focused=pointer.by_keyboard and self.hasFocus(),
            readout=self.document.selected_readout,
            told=told,
            output=hover.place if hover.part == "measure" else self.output if told else -1,
        )

    def _offers_wire(self) -> bool:
        """Whether the wire still to be added shows: hovering, or a gate to drop on it in hand."""
        if self.gesture is None:
            return self._pointer.inside
        held = self.outcome.held if self.outcome is not None else frozenset()
        frames = (self._shown.by_id.get(name) for name in held)
        return any(frame is not None and frame.bare for frame in frames)

    @property
    def _selection(self) -> frozenset[str] | None:
        return self.outcome.selected if self.outcome is not None else None

    def _refresh(self) -> None:
        """Draw the document's circuit anew; a gesture on an older one is over."""
        circuit = commands.circuit_of(self.document)
        if self.base is not None and circuit == self.base.circuit:
            return
        self.gesture = self.outcome = None
        self._scrolling.stop()
        self._pointer.forget()
        self._message = ""
        self.base = None if circuit is None else layout(circuit)
        self._fit()
        if self.document.selected_readout:
            self._reveal()  # it may be wider now
        self.rule.follow()
        if circuit is not None:
            self.setAccessibleDescription(diagram(circuit))

    def _fit(self) -> None:
        """Choose spacing and scale for the room there is, and draw."""
        if self.base is not None:
            room = self.maximumViewportSize()
            view = View(room.width(), room.height())
            circuit = self.base.circuit
            pitch, scale = geometry.fit(circuit, view.content_width, view.content_height)
            if scale * self.base.width > view.content_width:
                view = View(room.width(), room.height() - BAR)
                pitch, scale = geometry.fit(circuit, view.content_width, view.content_height)
            self.base = layout(circuit, pitch)
            self._set_scale(self._zoom or scale, view)
        self._draw(self.outcome)

    def _set_scale(self, scale: float, view: View) -> None:
        """A scale, and what stays free above the circuit; a scroll bar that a drag brings up
        does not move it."""
        height = self.base.height if self.base is not None else 0.0
        self._scale = scale
        self._above = max(0, round((view.content_height - height * scale) / 2))

    def _draw(self, outcome: Outcome | None) -> None:
        """Show the base circuit, or what an outcome makes of it, and ask for its live state."""
        self.outcome = outcome
        self._shown = self.base
        changed = outcome is not None and self.base is not None
        if changed and outcome.circuit is not self.base.circuit:
            self._shown = layout(outcome.circuit, self.base.pitch)
        self._set_ranges()
        self._ask()
        self._counting.start()
        self.viewport().update()

    def _ask(self) -> None:
        circuit = self.circuit
        if circuit is not None and circuit != self._wanted:
            self._wanted = circuit
            self.preview_wanted.emit(circuit)

    def _count(self) -> None:
        circuit = self.circuit
        self._summary = summary(resources(circuit)) if circuit is not None else ""
        self.viewport().update()

    def _set_ranges(self) -> None:
        # Measured in the room without scroll bars, or each bar would keep the other one up.
        room = self.maximumViewportSize()
        view = View(room.width(), room.height())
        width = height = 0.0
        if self._shown is not None:
            width, height = self._shown.width * self._scale, self._shown.height * self._scale
        if height > view.content_height:
            view = View(room.width() - BAR, room.height())
        for bar, size, room in (
            (self.horizontalScrollBar(), width, view.content_width),
            (self.verticalScrollBar(), height, view.content_height),
        ):
            bar.setRange(0, max(0, math.ceil(size - room)))
            bar.setPageStep(int(room))
            bar.setSingleStep(24)

    def _selected(self) -> None:
        self._reveal()
        if self.rule.held:
            self.rule.follow()
        self.viewport().update()

    def _reveal(self) -> None:
        """Scroll so that a block, or the readout, selected from elsewhere is seen."""
        if self.base is None or self.gesture is not None:
            return
        if self.document.selected_readout:
            self._bring(*self.base.measure)
        elif len(self.document.selected_blocks) == 1:
            frame = self.base.by_id.get(next(iter(self.document.selected_blocks)))
            if frame is not None:
                self._bring(frame.left, frame.right)

    def _bring(self, first: float, last: float) -> None:
        """Scroll so that a part of the scene is seen, its left end before all."""
        view, bar = self.view(), self.horizontalScrollBar()
        left, right = view.x(first) - geometry.GUTTER, view.x(last) - geometry.GUTTER
        room = view.content_width - edges.FADE  # what fades at an edge is not seen well
        if left < edges.FADE:
            bar.setValue(bar.value() + int(left) - edges.FADE)
        elif right > room:
            bar.setValue(bar.value() + int(min(right - room, left - edges.FADE)) + 1)

    # ---- gestures -------------------------------------------------------------------------------

    def begin(self, gesture: Gesture) -> None:
        """Take up a gesture."""
        self.gesture = gesture
        self.rule.close()
        self._message = ""
        self._scrolling.start()

    def follow(self, point: Point) -> None:
        """Show what the gesture would do if it ended here."""
        if self.gesture is not None:
            outcome = self.gesture.move(point)
            if outcome != self.outcome:
                self._draw(outcome)
            elif outcome.refusal or outcome.note:
                self.viewport().update()

    def finish(self) -> None:
        """Apply what is shown, as one undo step, and let go."""
        outcome, self.gesture, self.outcome = self.outcome, None, None
        self._scrolling.stop()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        if outcome is not None and outcome.selected is not None:
            self.document.select_blocks(outcome.selected)
        elif outcome is not None and not outcome.refusal:
            self.run(lambda: commands.keep(self.document, outcome))
        self._fit()

    def cancel(self) -> None:
        """Let go without a trace."""
        self.gesture = self.outcome = None
        self._scrolling.stop()
        self._fit()

    def run(self, command: Callable[[], None]) -> None:
        """Carry out a command; what it is refused for shows at the bottom."""
        self._message = ""
        try:
            command()
        except EditError as error:
            self._message = sentence(error)
        self.viewport().update()

    def show_rule(self) -> None:
        """Hold the parameter-shift rule of the selected gate open, or close it."""
        self.run(self.rule.hold)
        if self.rule.held:
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def edit_count(self, block_id: str) -> None:
        """A number box in place of a repeat's badge."""
        if self.base is None:
            return
        frame = self.base.by_id[block_id]
        view = self.view()
        left, top, width, _ = geometry.badge_at(frame)
        place = QRect(int(view.x(left + width)) - 84, int(view.y(top)) - 4, 84, 28)
        place.moveTop(max(4, place.top()))
        circuit = self.base.circuit
        box = CountBox(self.viewport(), frame.block.settings.integer("count"), place)
        box.kept.connect(
            lambda count: self.run(
                lambda: commands.keep(self.document, set_count(circuit, block_id, count))
            )
        )

    # ---- drops from the palette -----------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a block kind from the palette."""
        kind = bytes(event.mimeData().data(BLOCK_MIME).data()).decode("utf-8", "replace")
        if self.base is None or kind not in BLOCKS:
            event.ignore()
            return
        self.begin(Insert(self.base, kind, self.document.selected_blocks))
        self._drag_to(event)
        event.acceptProposedAction()  # a refused enter would be the last we hear of this drag

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Show the circuit that a drop here would make."""
        self._drag_to(event)

    def _drag_to(self, event: QDragMoveEvent) -> None:
        self._pointer.at = event.position()
        self.follow(self._pointer.point(event.position()))
        if self.outcome is None or self.outcome.refusal:
            event.ignore()
        else:
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Show the circuit as it was."""
        self.cancel()

    def dropEvent(self, event: QDropEvent) -> None:
        """Apply what the last move showed."""
        if self.gesture is None:
            event.ignore()
            return
        self.follow(self._pointer.point(event.position()))
        if self.outcome is not None and not self.outcome.refusal:
            event.acceptProposedAction()
        self.finish()

    # ---- zoom and scroll ------------------------------------------------------------------------

    def fit(self) -> None:
        """Zoom so that the circuit fits, and go on doing so."""
        self._zoom = 0.0
        self._fit()

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Magnify, keeping what is at ``at`` (the viewport's middle by default) in place."""
        at = QPointF(self.viewport().rect().center()) if at is None else at
        x, y = self.view().to_scene(at.x(), at.y())
        low, high = geometry.ZOOM_RANGE
        self._zoom = max(low, min(high, self._scale * factor))
        self._set_scale(self._zoom, self.view())
        self._set_ranges()
        self.scroll_by(self.view().x(x) - at.x(), self.view().y(y) - at.y())
        self.viewport().update()

    def scroll_by(self, right: float, down: float) -> None:
        """Move the content under the viewport."""
        for bar, by in ((self.horizontalScrollBar(), right), (self.verticalScrollBar(), down)):
            bar.setValue(bar.value() + round(by))

    def _scroll_at_edge(self) -> None:
        """While something is held near an edge, the content moves on."""
        view, at = self.view(), self._pointer.at
        left, right = at.x() - geometry.GUTTER, view.width - view.live - at.x()
        step = SCROLL_STEP * ((0 <= right < SCROLL_EDGE) - (0 <= left < SCROLL_EDGE))
        if step and view.inside(at.x(), at.y()):
            self.scroll_by(step, 0)
            self.follow(self._pointer.point(at))

    # ---- Qt ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit anew."""
        self._place_images()
        if self.gesture is None:
            self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for the live state of what comes into view."""
        super().showEvent(event)
        self._wanted = None
        self._ask()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """All is painted anew: header and live state stay where they are."""
        self.rule.place()
        self.viewport().update()

    def _place_images(self) -> None:
        width = 96
        self._images.setGeometry(self.viewport().width() - width - 16, 6, width, 26)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the whole viewport; only frames in sight cost anything."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = theme.current()
        view, scene = self.view(), self.scene()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.panel))
        painter.drawRoundedRect(QRectF(self.viewport().rect()), 8, 8)
        if scene is None:
            edges.paint_no_circuit(painter, view.width, view.height)
            return
        self._paint_content(painter, view, scene)
        taken = self._images.width() + 28 if self._images.isVisible() else 12
        edges.paint_header(painter, view, view.live - taken, self._example)
        edges.paint_footer(painter, view, self._summary, self._message)
        if scene.refusal or scene.note:
            at = (self._pointer.at.x(), self._pointer.at.y())
            text, room = scene.refusal or scene.note, (view.width, view.height)
            items.note(painter, at, text, bool(scene.refusal), room)
        if scene.focused:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QColor(colours.accent))
            painter.drawRoundedRect(QRectF(self.viewport().rect()).adjusted(1, 1, -1, -1), 7, 7)

    def _paint_content(self, painter: QPainter, view: View, scene: Scene) -> None:
        painter.save()
        rows = QRectF(0, geometry.HEADER, view.width, view.content_height)
        painter.setClipRect(rows)
        edges.paint_names(painter, scene, view)
        paint_live(painter, scene.layout, view, self._answer)
        painter.setClipRect(QRectF(geometry.GUTTER, rows.top(), view.content_width, rows.height()))
        painter.save()
        painter.translate(view.x(0), view.y(0))
        painter.scale(view.scale, view.scale)
        left, _ = view.to_scene(geometry.GUTTER, 0)
        right, _ = view.to_scene(view.width - view.live, 0)
        items.paint_scene(painter, scene, left, right)
        painter.restore()
        bar = self.horizontalScrollBar()
        edges.paint_fades(painter, view, bar.value() > 0, bar.value() < bar.maximum())
        painter.restore()
