"""The card that makes the parameter-shift rule visible: f at the shifted angles, what they add up
to, and the exact gradient beside it. Paint only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app import theme
from app.canvas.pens import font

if TYPE_CHECKING:
    from qdesigner.session.events import ShiftAnswer

WIDTH, PAD = 272, 12
CURVE, LINE = 76, 18
DOT = 3.6
HALVES = {1: "π/2", 3: "3π/2"}  # by how many halves of π
KEYS = "← → gate    ↑ ↓ output    Esc close"


@dataclass(frozen=True, slots=True)
class Subject:
    """What the card is about: the gate, where it is and on which pass, the output f, and how many
    terms its rule has. Where its angle comes from the model before the circuit, ``through`` are the
    stages that the gradient passes, and ``into`` the one whose weights it reaches."""

    title: str
    where: str
    output: str
    terms: int = 2
    through: tuple[str, ...] = ()
    into: str = ""


def signed(value: float) -> str:
    """A number with its sign, as wide as any other; what rounds to zero has no sign of its own."""
    return f"{round(value, 4) + 0.0:+.4f}".replace("-", "−")


def shift_text(shift: float) -> str:
    """``f(θ + π/2)``."""
    halves = round(2 * shift / math.pi)
    return f"f(θ {'+' if halves > 0 else '−'} {HALVES[abs(halves)]})"


def coefficient_text(coefficient: float) -> str:
    """``× ½`` or ``× −0.073``."""
    number = "½" if abs(coefficient) == 0.5 else f"{abs(coefficient):.3f}"
    return f"× {'−' if coefficient < 0 else ''}{number}"


def rows(answer: ShiftAnswer) -> list[tuple[str, str, str]]:
    """What the rule evaluates, line by line: f where, its value, its coefficient."""
    return [
        ("f(θ)", signed(answer.value), ""),
        *((shift_text(s), signed(value), coefficient_text(c)) for c, s, value in answer.terms),
    ]


def results(answer: ShiftAnswer) -> list[tuple[str, str]]:
    """What the rule gives, and the gradient found another way."""
    added = "half the difference" if len(answer.terms) == 2 else "sum of these"
    return [(added, signed(answer.by_rule)), ("exact gradient", signed(answer.exact))]


def onward(subject: Subject, answer: ShiftAnswer) -> list[tuple[str, str]]:
    """How the gradient flows on into the classical weights before the circuit: of a linear stage
    right before it, that of its bias is the same, that of a weight the same times its input."""
    if not subject.into:
        return []
    if subject.through:
        return [(f"flows through {', '.join(subject.through)} into {subject.into}", "")]
    value = signed(answer.by_rule)
    return [(f"∂f/∂bias of {subject.into}", value), ("∂f/∂weight", f"{value} × its input")]


class RuleCard(QWidget):
    """One gate's rule; the mouse goes through it."""

    def __init__(self) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Parameter-shift rule")
        self._subject = Subject("", "", "")
        self._answer: ShiftAnswer | None = None
        self._keys = False
        self.hide()
        theme.changed.connect(self.update)

    def show_rule(self, subject: Subject, answer: ShiftAnswer | None, keys: bool) -> None:
        """Show a gate's rule, or dots until it is known; ``keys`` says which keys go on."""
        self._subject, self._answer, self._keys = subject, answer, keys
        flows = (1 if subject.through else 2) if subject.into else 0
        lines = 3 + 1 + subject.terms + 2 + flows + keys
        self.setFixedSize(WIDTH, 2 * PAD + CURVE + 22 + lines * LINE + (10 if flows else 0))
        self.setAccessibleDescription(self.text())
        self.update()

    def text(self) -> str:
        """All that the card says, line by line."""
        said = [self._subject.title, self._subject.where, self._subject.output]
        answer = self._answer
        if answer is None:
            return "\n".join(said)
        if answer.error:
            return "\n".join([*said, answer.error])
        said.append(f"θ = {answer.angle:.4f} rad")
        said += [" ".join(part for part in row if part) for row in rows(answer)]
        said += [f"{name} {value}" for name, value in results(answer)]
        said += [f"{name} {value}".strip() for name, value in onward(self._subject, answer)]
        return "\n".join(said)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Heading, curve, values, and the two gradients."""
        colours = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(colours.panel))
        painter.setPen(QPen(QColor(colours.accent), 1.2))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        top = self._heading(painter)
        answer = self._answer
        if answer is not None and answer.error:
            painter.setPen(QColor(colours.wrong))
            painter.setFont(font(12))
            room = QRectF(PAD, top, WIDTH - 2 * PAD, self.height() - top - PAD)
            painter.drawText(room, Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap,
                             answer.error)  # fmt: skip
            return
        box = QRectF(PAD, top, WIDTH - 2 * PAD, CURVE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.raised))
        painter.drawRoundedRect(box, 4, 4)
        if answer is not None and answer.curve is not None:
            _curve(painter, box.adjusted(6, 8, -6, -8), answer)
            self._numbers(painter, box.bottom() + 8, answer)
        if self._keys:
            painter.setPen(QColor(colours.muted))
            painter.setFont(font(10))
            line = QRectF(PAD, self.height() - PAD - LINE + 4, WIDTH - 2 * PAD, LINE)
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, KEYS)

    def _heading(self, painter: QPainter) -> float:
        colours = theme.current()
        lines = (
            (self._subject.title, font(13, bold=True), colours.text),
            (self._subject.where, font(11), colours.muted),
            (self._subject.output, font(11), colours.muted),
        )
        top = float(PAD - 3)
        for text, face, colour in lines:
            painter.setFont(face)
            painter.setPen(QColor(colour))
            shown = painter.fontMetrics().elidedText(
                text, Qt.TextElideMode.ElideRight, WIDTH - 2 * PAD
            )
            line = QRectF(PAD, top, WIDTH - 2 * PAD, LINE)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, shown)
            top += LINE
        return top + 6

    def _numbers(self, painter: QPainter, top: float, answer: ShiftAnswer) -> None:
        colours = theme.current()
        flags = Qt.AlignmentFlag.AlignVCenter
        right = flags | Qt.AlignmentFlag.AlignRight
        painter.setFont(font(12))
        for number, (name, value, coefficient) in enumerate(rows(answer)):
            line = QRectF(PAD, top, WIDTH - 2 * PAD, LINE)
            _dot(painter, QPointF(PAD + DOT + 1, line.center().y()), _colour(number))
            painter.setPen(QColor(colours.text))
            painter.drawText(line.adjusted(16, 0, 0, 0), flags, name)
            painter.drawText(line.adjusted(0, 0, -68, 0), right, value)
            painter.setPen(QColor(colours.muted))
            painter.drawText(line.adjusted(WIDTH - 2 * PAD - 60, 0, 0, 0), flags, coefficient)
            top += LINE
        for lines, gap in ((results(answer), 68), (onward(self._subject, answer), 0)):
            if not lines:
                continue
            painter.setPen(QPen(QColor(colours.border), 1.0))
            painter.drawLine(QPointF(PAD, top + 5), QPointF(WIDTH - PAD, top + 5))
            top += 10
            painter.setPen(QColor(colours.text))
            for name, value in lines:
                line = QRectF(PAD, top, WIDTH - 2 * PAD, LINE)
                painter.setFont(font(12))
                room = round(line.width())
                shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
                painter.drawText(line, flags, shown)
                painter.setFont(font(12, bold=True))
                painter.drawText(line.adjusted(0, 0, -gap, 0), right, value)
                top += LINE


def _colour(number: int) -> QColor:
    """Of the value at θ, then of those shifted to the right and to the left."""
    colours = theme.current()
    return QColor(colours.accent if number == 0 else colours.validation)


def _dot(painter: QPainter, at: QPointF, colour: QColor) -> None:
    painter.setPen(QPen(QColor(theme.current().panel), 1.2))
    painter.setBrush(colour)
    painter.drawEllipse(at, DOT + 0.6, DOT + 0.6)


def _curve(painter: QPainter, box: QRectF, answer: ShiftAnswer) -> None:
    """f over the shifts, the values that the rule takes, and the tangent it finds."""
    colours = theme.current()
    assert answer.curve is not None
    values = [float(value) for value in answer.curve]
    middle = (max(values) + min(values)) / 2
    half = max(max(values) - middle, 0.05)

    def at(shift: float, value: float) -> QPointF:
        x = box.center().x() + shift / answer.reach * box.width() / 2
        return QPointF(x, box.center().y() - (value - middle) / half * box.height() / 2)

    painter.setPen(QPen(QColor(colours.border), 1.0))
    painter.drawLine(at(0, middle - half), at(0, middle + half))
    if abs(middle) < half:
        painter.drawLine(at(-answer.reach, 0), at(answer.reach, 0))
    step = 2 * answer.reach / (len(values) - 1)
    points = [at(-answer.reach + step * k, value) for k, value in enumerate(values)]
    painter.setPen(QPen(QColor(colours.muted), 1.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(points))
    long = 0.22 * answer.reach
    painter.setPen(QPen(QColor(colours.accent), 1.6))
    painter.drawLine(
        at(-long, answer.value - long * answer.exact), at(long, answer.value + long * answer.exact)
    )
    for number, (shift, value) in enumerate(
        [(0.0, answer.value), *((shift, value) for _, shift, value in answer.terms)]
    ):
        _dot(painter, at(shift, value), _colour(number))
