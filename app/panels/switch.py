"""Pages in one place, chosen by a row of buttons; an empty page is not offered."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)


class Switch(QWidget):
    """The buttons above the page that is shown."""

    moved = Signal(str)  # name of the page that is shown now

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._offered: set[str] = set()
        self._wanted = ""  # the page that was chosen last; the first one until then
        self.buttons: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        self._pages = QStackedWidget()
        self.line = QHBoxLayout()  # what stands beside the buttons goes to its end
        self.line.setSpacing(2)
        self.line.addStretch(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self.line)
        column.addWidget(self._pages, 1)

    def add(self, name: str, text: str, page: QWidget) -> None:
        """One more page; the first one is shown."""
        button = self.buttons[name] = QPushButton(text)
        button.setProperty("kind", "segment")
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        button.setChecked(not self._names)
        button.clicked.connect(lambda _=False: self.go(name))
        self._group.addButton(button)
        self.line.insertWidget(len(self._names), button)
        self._pages.addWidget(page)
        self._names.append(name)
        self.offer(name, True)

    def offer(self, name: str, on: bool, text: str = "") -> None:
        """Whether a page can be chosen, and what its button says. A single page needs no button."""
        if text and text != self.buttons[name].text():
            self.buttons[name].setText(text)
        (self._offered.add if on else self._offered.discard)(name)
        there = [each for each in self._names if each in self._offered]
        for each, button in self.buttons.items():
            button.setVisible(each in self._offered and len(there) > 1)
        self._pages.setVisible(bool(there))
        if there:
            self._turn(self._wanted if self._wanted in there else there[0])

    def go(self, name: str) -> None:
        """Show a page, whenever it is offered."""
        self._wanted = name
        if name in self._offered:
            self._turn(name)

    def _turn(self, name: str) -> None:
        self.buttons[name].setChecked(True)
        if name != self.shown:
            self._pages.setCurrentIndex(self._names.index(name))
            self.moved.emit(name)

    def offers(self, name: str) -> bool:
        """Whether a page can be chosen."""
        return name in self._offered

    @property
    def shown(self) -> str:
        """Name of the page that is shown."""
        return self._names[self._pages.currentIndex()]
