"""The cards of the strip, and the gaps between them: what they say and how they are painted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from app import theme
from app.panels.header import number
from qdesigner.catalog.backbones import BACKBONES, EMBEDDED
from qdesigner.catalog.losses import LOSSES
from qdesigner.circuit.circuit import resources
from qdesigner.design.facts import DataFacts
from qdesigner.design.shapes import Traced
from qdesigner.design.spec import Design, Stage, display_name, sample_shape

HEIGHT = 66
MIN_WIDTH, MAX_WIDTH = 78, 184
MAX_LINE = 130  # px: a long file name is cut before it pushes other cards out of sight
FROZEN = "❄"


@dataclass(frozen=True, slots=True)
class Face:
    """What one card says: a bold title, two lines, the colour's category, a tip, and the worst
    problem's severity ("", "warning", "error")."""

    title: str
    lines: tuple[str, str]
    category: str
    tip: str = ""
    severity: str = ""


def data_face(design: Design, facts: DataFacts | None) -> Face:
    """The card at the left end."""
    needed = {"folder": "choose a folder", "files": "choose a file", "table": "choose a file"}
    counts = needed.get(design.data.source, "")
    if facts is not None:
        counts = f"{number(facts.train)} train · {number(facts.validation)} val"
    elif design.data.path:
        counts = display_name(design.data.path)
    shape = sample_shape(design)
    size = f"{shape[0]} features" if design.data.rows else _sizes(shape)
    return Face("Data", (counts, size), "Data")


def loss_face(design: Design, facts: DataFacts | None) -> Face:
    """The card at the right end."""
    classes = facts.classes if facts is not None else design.data.classes
    named = " · ".join(classes)
    if design.data.task == "regress":
        named = design.data.label or "a number"
    elif len(named) > 18 or not classes:
        named = f"{len(classes)} classes" if classes else "classes"
    training = design.training
    optimizer = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}[training.optimizer]
    title = LOSSES[training.loss].label
    return Face(title, (named, f"{optimizer} {training.learning_rate:g}"), "Data")


def stage_face(step: Traced) -> Face:
    """The card of a stage."""
    stage = step.stage
    title, lines = _stage_text(step)
    if stage.frozen:
        title += f" {FROZEN}"
    weights = f"{number(step.parameters)} weights" if stage.row.trainable else "no weights"
    tip = f"{stage.row.hint}\n{weights}{', frozen' if stage.frozen else ''}"
    return Face(title, lines, "Quantum" if stage.row.quantum else "Classical", tip)


def with_cache(face: Face) -> Face:
    """The card of the last stage of a frozen front whose features are cached."""
    first, second = face.lines
    tip = f"{face.tip}\nIts features are cached: another run begins at once"
    return replace(face, lines=(first, f"{second} · cached"), tip=tip)


def _stage_text(step: Traced) -> tuple[str, tuple[str, str]]:
    stage, settings = step.stage, step.stage.settings
    out = f"→ {_sizes(step.shape_out)}" if step.shape_out else "→ ?"
    count = f"{number(step.parameters)} params"
    label = stage.row.label
    match stage.kind:
        case "backbone":
            return _backbone_label(stage), (_origin(stage), out)
        case "linear":
            size = step.shape_in[0] if step.shape_in and len(step.shape_in) == 1 else "?"
            return label, (f"{size} {out}", count if step.shape_out else "")
        case "quantum":
            assert stage.circuit is not None
            cost = resources(stage.circuit)
            wires = stage.circuit.wires
            return label, (
                f"{wires} qubit{'s' if wires > 1 else ''} · depth {cost.depth}",
                f"{number(cost.weights)} params",
            )
        case "quantum_activation":
            assert stage.circuit is not None
            weights = resources(stage.circuit).weights
            return label, ("each feature", f"{number(weights)} params" if weights else out)
        case "conv":
            return label, (f"{settings['channels']} channels, {settings['kernel']} px", out)
        case "pool":
            return label, (f"{settings['mode']}, {settings['kernel']} px", out)
        case "activation":
            return settings.text("function").replace("_", " "), ("activation", out)
        case "dropout":
            return label, (f"rate {settings.number('rate'):g}", out)
        case "batch_norm":
            return label, ("each feature" if stage.frozen else "over the batch", out)
        case "squash":
            return label, ("squash", f"{out} angles")
        case "flatten":
            return label, (_sizes(step.shape_in) if step.shape_in else "", out)
        case "probability":
            return label, ("(1 + ⟨Z⟩) / 2", out)
    return label, (stage.row.hint, out)


def _backbone_label(stage: Stage) -> str:
    name = stage.settings.text("model")
    return "Embedded CNN" if name == EMBEDDED else BACKBONES[name].label


def _origin(stage: Stage) -> str:
    if stage.weights.origin == "file":
        text = display_name(stage.weights.path)
    elif stage.weights.origin == "random":
        text = "random weights"
    else:
        text = "digits 0–4" if stage.settings["model"] == EMBEDDED else "ImageNet"
    return f"{text}, {'frozen' if stage.frozen else 'trained'}"


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(str(size) for size in shape)


class Card(QWidget):
    """One card: painted, clickable, reachable by Tab and the arrow keys."""

    chosen = Signal(str)
    stepped = Signal(str, int)  # from this card, -1 or +1
    dragged = Signal(str)
    menu_wanted = Signal(str, object)  # global position

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.movable = not name.startswith(":")
        self._face = Face("", ("", ""), "Data")
        self._selected = False
        self._pressed: QPointF | None = None
        self.setFixedHeight(HEIGHT)
        self.setMaximumWidth(MAX_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(
            lambda spot: self.menu_wanted.emit(self.name, self.mapToGlobal(spot))
        )

    def show_face(self, face: Face, selected: bool) -> None:
        """Say something else."""
        if (face, selected) != (self._face, self._selected):
            self._face, self._selected = face, selected
            self.setToolTip(face.tip)
            self.setAccessibleName(", ".join((face.title, *face.lines, face.severity)).strip(", "))
            self.updateGeometry()
            self.update()

    @property
    def face(self) -> Face:
        """What it says."""
        return self._face

    def sizeHint(self) -> QSize:
        """Wide enough for its text."""
        bold, small = self._fonts()
        mark = 18 if self._face.severity else 0
        texts = [QFontMetrics(bold).horizontalAdvance(self._face.title) + mark]
        for line in self._face.lines:
            texts.append(min(MAX_LINE, QFontMetrics(small).horizontalAdvance(line)))
        return QSize(min(MAX_WIDTH, max(MIN_WIDTH, max(texts) + 22)), HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """As wide as its text: the strip scrolls before text is cut."""
        return self.sizeHint()

    def _fonts(self) -> tuple[QFont, QFont]:
        bold, small = QFont(self.font()), QFont(self.font())
        bold.setPixelSize(12)
        bold.setBold(True)
        small.setPixelSize(10)
        return bold, small

    def paintEvent(self, event: QPaintEvent) -> None:
        """Panel, category bar, text, and a mark where there is a problem."""
        now, face = theme.current(), self._face
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        shape = QPainterPath()
        shape.addRoundedRect(box, 6, 6)
        painter.fillPath(shape, QColor(now.panel))
        painter.save()
        painter.setClipPath(shape)
        painter.fillRect(QRectF(box.left(), box.top(), box.width(), 4), now.group(face.category))
        painter.restore()
        edge = {"error": now.wrong, "warning": now.warning}.get(face.severity, now.border)
        on = self._selected or self.hasFocus()
        painter.setPen(QPen(QColor(now.accent if on else edge), 2 if self._selected else 1))
        painter.drawPath(shape)
        self._paint_text(painter, box)
        if face.severity:
            self._paint_mark(painter, box, edge)

    def _paint_text(self, painter: QPainter, box: QRectF) -> None:
        now, face = theme.current(), self._face
        bold, small = self._fonts()
        left, width = box.left() + 9, box.width() - 16
        for font, text, colour, top in (
            (bold, face.title, now.text, 9),
            (small, face.lines[0], now.muted, 28),
            (small, face.lines[1], now.muted, 44),
        ):
            painter.setFont(font)
            painter.setPen(QColor(colour))
            room = width - (18 if top == 9 and face.severity else 0)
            shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, int(room))
            place = QRectF(left, box.top() + top, width, 16)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)

    def _paint_mark(self, painter: QPainter, box: QRectF, colour: str) -> None:
        spot = QRectF(box.right() - 21, box.top() + 10, 14, 14)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawEllipse(spot)
        font = QFont(self.font())
        font.setPixelSize(10)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(theme.current().panel))
        mark = "✕" if self._face.severity == "error" else "!"
        painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, mark)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select; a drag may follow."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position()
            self.chosen.emit(self.name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Begin to drag once the mouse has gone far enough."""
        if self._pressed is None or not self.movable:
            return
        way = (event.position() - self._pressed).manhattanLength()
        if way >= QApplication.startDragDistance():
            self._pressed = None
            self.dragged.emit(self.name)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """No drag."""
        self._pressed = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter selects; left and right go to the neighbours."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.name)
        elif step is not None:
            self.stepped.emit(self.name, step)
        else:
            super().keyPressEvent(event)


class Gap(QWidget):
    """Between two cards: a chevron, and a plus under the mouse that inserts a stage there."""

    pressed = Signal(int)

    def __init__(self, index: int, only: bool) -> None:
        super().__init__()
        self.index = index  # a new stage goes before the stage with this index
        self._only = only  # the only gap of an empty model always shows its plus
        self._hot = self._target = False
        self.setFixedSize(15, HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Insert a stage here")
        self.setAccessibleName("Insert a stage here")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def mark_target(self, target: bool) -> None:
        """Show that a drop would land here."""
        if target != self._target:
            self._target = target
            self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        """The plus appears."""
        self._hot = True
        self.update()

    def leaveEvent(self, event: object) -> None:
        """The chevron is back."""
        self._hot = False
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ask what to insert."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit(self.index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter asks too."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.pressed.emit(self.index)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A chevron, a plus, or the line where a drop lands."""
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = QRectF(self.rect()).center()
        pen = QPen(QColor(now.faint), 1.5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        if self._target:
            painter.setPen(QPen(QColor(now.accent), 3))
            painter.drawLine(QPointF(middle.x(), 4), QPointF(middle.x(), HEIGHT - 4))
        elif self._hot or self._only or self.hasFocus():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(now.accent))
            painter.drawEllipse(middle, 7.5, 7.5)
            pen.setColor(QColor(now.accent_text))
            painter.setPen(pen)
            painter.drawLine(middle - QPointF(3.5, 0), middle + QPointF(3.5, 0))
            painter.drawLine(middle - QPointF(0, 3.5), middle + QPointF(0, 3.5))
        else:
            painter.setPen(pen)
            tip = middle + QPointF(2, 0)
            painter.drawLine(tip, tip + QPointF(-4, -4))
            painter.drawLine(tip, tip + QPointF(-4, 4))
