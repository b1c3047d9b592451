"""The thin bar above the board: what is wrong or doubtful, each with its fix one click away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.checked import Checked
from app.document import DATA, DEVICE, LOSS, Document
from app.sentences import sentence
from qdesigner.catalog.sources import FILES, FOLDER, TABLE
from qdesigner.design.checks import Fix, Problem
from qdesigner.errors import UserError


class ProblemBar(QWidget):
    """The worst problem with its fix, and the others when they are asked for."""

    def __init__(self, document: Document, checked: Checked, actions: dict[str, QAction]) -> None:
        super().__init__()
        self._document, self._checked, self._actions = document, checked, actions
        self._all = False
        self._shown: tuple[Problem, ...] | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.GRID)
        checked.changed.connect(self._refresh)
        theme.changed.connect(self._rebuild)
        self._refresh()

    def _refresh(self) -> None:
        if self._checked.problems != self._shown:
            self._rebuild()

    def _rebuild(self) -> None:
        self._shown = self._checked.problems
        while (item := self._column.takeAt(0)) is not None:
            item.widget().hide()
            item.widget().deleteLater()
        count = len(self._shown)
        if count <= 1:
            self._all = False
        for place, problem in enumerate(self._shown if self._all else self._shown[:1]):
            line = self._line(problem)
            if place == 0 and count > 1:
                line.layout().addWidget(self._more(count))
            self._column.addWidget(line)
        self.setVisible(count > 0)

    def _more(self, count: int) -> QPushButton:
        button = QPushButton("Show one" if self._all else f"{count - 1} more")
        button.setProperty("kind", "link")
        button.clicked.connect(self._toggle)
        return button

    def _toggle(self) -> None:
        self._all = not self._all
        self._rebuild()

    def _line(self, problem: Problem) -> QFrame:
        line = QFrame()
        line.setObjectName("problem")
        now = theme.current()
        error = problem.severity == "error"
        colour = theme.QColor(now.wrong if error else now.warning)
        fill = theme.blend(colour, theme.QColor(now.panel), 0.09).name()
        edge = theme.blend(colour, theme.QColor(now.panel), 0.40).name()
        line.setStyleSheet(
            f"#problem {{ background: {fill}; border: 1px solid {edge}; border-radius: 6px; }}"
        )
        row = QHBoxLayout(line)
        row.setContentsMargins(10, 3, 6, 3)
        mark = QLabel("✕" if error else "!", alignment=Qt.AlignmentFlag.AlignCenter)
        mark.setFixedSize(14, 14)
        mark.setStyleSheet(
            f"background: {colour.name()}; color: {now.panel}; border-radius: 7px;"
            "font-size: 9px; font-weight: 700;"
        )
        mark.setToolTip("Blocks training" if error else "Doubtful")
        text = QLabel(problem.text, wordWrap=True)
        text.setTextFormat(Qt.TextFormat.PlainText)
        row.addWidget(mark)
        row.addWidget(text, 1)
        for name, press in self._ways(problem):
            button = QPushButton(name)
            button.setProperty("kind", "fix")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(press)
            row.addWidget(button)
        return line

    def _ways(self, problem: Problem) -> Iterator[tuple[str, Callable[[], None]]]:
        fix = problem.fix
        if fix is not None:
            yield fix.label, lambda: self._mend(fix)
        place = {"data": DATA, "stages": "", "run": "", "training": LOSS, "device": DEVICE}.get(
            problem.where, problem.where
        )
        source = self._document.design.data.source
        if problem.where == "data" and source == FOLDER:
            yield "Choose folder…", self._actions["choose_data"].trigger
        elif problem.where == "data" and source in (FILES, TABLE):
            yield "Choose file…", self._actions["open_data"].trigger
        if problem.where == "run":
            yield "Train again", self._actions["train"].trigger
            yield "Open run…", self._actions["open_run"].trigger
        if place:
            yield "Show", lambda: self._document.select_stage(place)

    def _mend(self, fix: Fix) -> None:
        try:
            self._document.apply(fix.label, fix.apply(self._document.design))
        except UserError as error:
            self.setToolTip(sentence(error))
