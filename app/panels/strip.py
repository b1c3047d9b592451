"""The model from left to right: data, stages, loss. Click selects, drag reorders, plus inserts."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import (
    QCursor,
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QScrollArea, QToolTip, QWidget

from app import theme
from app.checked import Checked
from app.document import DATA, LOSS, Document
from app.focus import has_keyboard
from app.panels.cards import HEIGHT, Card, Face, Gap, data_face, loss_face, stage_face, with_cache
from app.sentences import sentence
from qdesigner.design import edits
from qdesigner.design.plan import trained_prefix
from qdesigner.design.spec import Design
from qdesigner.design.stages import STAGES

MIME = "application/x-qdesigner-stage"


class Strip(QScrollArea):
    """The cards of ``document``'s design; scrolls sideways when there are many."""

    def __init__(self, document: Document, checked: Checked) -> None:
        super().__init__()
        self._document, self._checked = document, checked
        self._cached = False  # the frozen front's features are on disk
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFixedHeight(HEIGHT + 12)
        self._inside = Inside(self)
        self._row = QHBoxLayout(self._inside)
        self._row.setContentsMargins(0, 0, 0, 10)
        self._row.setSpacing(0)
        self.setWidget(self._inside)
        self._cards: dict[str, Card] = {}
        self._gaps: list[Gap] = []
        checked.changed.connect(self._refresh)
        document.stage_selected.connect(self._selected)
        theme.changed.connect(self._inside.update)
        self._refresh()

    # ---- what is shown --------------------------------------------------------------------------

    def cards(self) -> list[Card]:
        """The cards from left to right."""
        return list(self._cards.values())

    def gaps(self) -> list[Gap]:
        """The gaps from left to right."""
        return self._gaps

    def _refresh(self) -> None:
        design = self._document.design
        if len(self._checked.traced) != len(design.stages):
            return  # a selection is told before the edit is checked, which comes here next
        names = [DATA, *(stage.id for stage in design.stages), LOSS]
        if names != list(self._cards):
            self._rebuild(names)
        faces = [data_face(design, self._checked.facts)]
        faces += [stage_face(step) for step in self._checked.traced]
        front = trained_prefix(design)
        if self._cached and front:
            faces[front] = with_cache(faces[front])
        faces.append(loss_face(design, self._checked.facts))
        for name, face in zip(names, faces, strict=True):
            self._cards[name].show_face(
                self._with_problems(name, face), name == self._document.selected_stage
            )

    def show_cached(self, cached: bool) -> None:
        """Whether the features of the frozen front are cached."""
        if cached != self._cached:
            self._cached = cached
            self._refresh()

    def _with_problems(self, name: str, face: Face) -> Face:
        where = {DATA: "data", LOSS: "training"}.get(name, name)
        found = self._checked.at(where)
        if not found:
            return face
        tip = "\n".join(problem.text for problem in found)
        return replace(face, severity=found[0].severity, tip=tip)

    def _rebuild(self, names: list[str]) -> None:
        focused = has_keyboard(self._inside)
        while (item := self._row.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        self._cards, self._gaps = {}, []
        for position, name in enumerate(names):
            if position:
                gap = Gap(position - 1, only=len(names) == 2)
                gap.pressed.connect(self._ask_kind)
                self._gaps.append(gap)
                self._row.addWidget(gap)
            card = Card(name)
            card.chosen.connect(self._document.select_stage)
            card.stepped.connect(self._step)
            card.dragged.connect(self._drag)
            card.menu_wanted.connect(self._menu)
            self._cards[name] = card
            self._row.addWidget(card)
        self._row.addStretch(0)
        if focused and self._document.selected_stage in self._cards:
            self._cards[self._document.selected_stage].setFocus()

    def _selected(self, name: str) -> None:
        self._refresh()
        self._reveal()

    def _reveal(self) -> None:
        card = self._cards.get(self._document.selected_stage)
        if card is not None:
            self.ensureWidgetVisible(card, 30, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The selected card stays in sight."""
        super().resizeEvent(event)
        self._reveal()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel scrolls sideways."""
        delta = event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (delta.x() or delta.y()))

    # ---- edits ----------------------------------------------------------------------------------

    def _step(self, name: str, step: int) -> None:
        names = list(self._cards)
        there = names.index(name) + step
        if 0 <= there < len(names):
            self._cards[names[there]].setFocus()
            self._document.select_stage(names[there])

    def _ask_kind(self, index: int) -> None:
        menu = QMenu(self)
        fill_with_kinds(menu, self._document, index)
        gap = self._gaps[index]
        menu.exec(gap.mapToGlobal(QPoint(0, gap.height())))
        menu.deleteLater()

    def _menu(self, name: str, spot: QPoint) -> None:
        self._document.select_stage(name)
        design = self._document.design
        menu = QMenu(self)
        names = [stage.id for stage in design.stages]
        index = {DATA: 0, LOSS: len(names)}.get(name)
        if index is None:
            index = names.index(name) + 1
        insert = menu.addMenu("Insert after" if name != LOSS else "Insert before")
        fill_with_kinds(insert, self._document, index)
        if name in names:
            stage = design.stage(name)
            if stage.row.trainable:
                menu.addAction(
                    "Unfreeze" if stage.frozen else "Freeze", lambda: toggle_frozen(self._document)
                )
            menu.addAction("Remove", lambda: remove_selected(self._document))
        menu.exec(spot)
        menu.deleteLater()

    def _drag(self, name: str) -> None:
        card = self._cards[name]
        drag = QDrag(self)
        data = QMimeData()
        data.setData(MIME, name.encode())
        drag.setMimeData(data)
        drag.setPixmap(card.grab())
        drag.setHotSpot(QPoint(card.width() // 2, 12))
        drag.exec(Qt.DropAction.MoveAction)
        self.mark(None)

    def gap_at(self, x: float) -> Gap:
        """The gap nearest to ``x``, in px of the row of cards."""
        return min(self._gaps, key=lambda gap: abs(gap.geometry().center().x() - x))

    def moved(self, name: str, gap: Gap) -> Design:
        """The design after dropping a card into a gap. Raises EditError, or KeyError when the
        card is not of this design."""
        return edits.move_stage(self._document.design, name, gap.index)

    def drop(self, name: str, gap: Gap) -> None:
        """Drop a card into a gap: one undo step."""
        label = self._document.design.stage(name).row.label
        self._document.apply(f"Move {label}", self.moved(name, gap))

    def mark(self, target: Gap | None) -> None:
        """Show where a drop would land."""
        for gap in self._gaps:
            gap.mark_target(gap is target)


class Inside(QWidget):
    """The row of cards: takes a dragged card."""

    def __init__(self, strip: Strip) -> None:
        super().__init__()
        self._strip = strip
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Only cards come in."""
        if event.mimeData().hasFormat(MIME):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Show where it would land, or why it cannot."""
        gap = self._strip.gap_at(event.position().x())
        try:
            self._strip.moved(_name(event.mimeData()), gap)
        except (edits.EditError, KeyError) as error:
            self._strip.mark(None)
            if isinstance(error, edits.EditError):
                QToolTip.showText(QCursor.pos(), sentence(error), self)
            event.ignore()
            return
        self._strip.mark(gap)
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Nothing lands."""
        self._strip.mark(None)

    def dropEvent(self, event: QDropEvent) -> None:
        """The same edit as the one shown."""
        self._strip.mark(None)
        try:
            self._strip.drop(_name(event.mimeData()), self._strip.gap_at(event.position().x()))
        except (edits.EditError, KeyError):
            event.ignore()
            return
        event.acceptProposedAction()


def _name(data: QMimeData) -> str:
    return bytes(data.data(MIME).data()).decode(errors="replace")


def fill_with_kinds(menu: QMenu, document: Document, index: int) -> None:
    """One entry for each kind of stage; those that cannot stand there are grey and say why."""
    menu.setToolTipsVisible(True)
    for kind, row in STAGES.items():
        action = menu.addAction(row.label, lambda kind=kind: insert_kind(document, kind, index))
        action.setToolTip(row.hint)
        try:
            edits.insert_stage(document.design, index, edits.new_stage(document.design, kind))
        except edits.EditError as error:
            action.setEnabled(False)
            action.setToolTip(sentence(error))


def insert_kind(document: Document, kind: str, index: int) -> None:
    """Insert a new stage before the one at ``index`` and select it. Raises EditError."""
    stage = edits.new_stage(document.design, kind)
    design = edits.insert_stage(document.design, index, stage)
    document.apply(f"Insert {stage.row.label}", design)
    document.select_stage(stage.id)


def remove_selected(document: Document) -> None:
    """Remove the selected stage and select its neighbour."""
    names = [stage.id for stage in document.design.stages]
    name = document.selected_stage
    if name not in names:
        return
    position = names.index(name)
    label = document.design.stage(name).row.label
    document.apply(f"Remove {label}", edits.remove_stage(document.design, name))
    left = [stage.id for stage in document.design.stages]
    if left:
        document.select_stage(left[min(position, len(left) - 1)])


def toggle_frozen(document: Document) -> None:
    """Freeze the selected stage, or let it train again."""
    stage = document.design.stage(document.selected_stage)
    label = "Unfreeze" if stage.frozen else "Freeze"
    document.apply(
        f"{label} {stage.row.label}",
        edits.set_frozen(document.design, stage.id, not stage.frozen),
    )
