"""Banners above the board: what happened and what to do about it, without a modal dialog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme

Tone = Literal["info", "warning", "error"]
Button = tuple[str, Callable[[], object]]
MARKS = {"info": "i", "warning": "!", "error": "✕"}


class Notices(QWidget):
    """A stack of banners, newest below. A banner is known by its key: posting it again replaces it,
    and any of its buttons takes it away."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.GRID)
        self._banners: dict[str, Banner] = {}
        self.hide()
        theme.changed.connect(self._restyle)

    def post(
        self, key: str, text: str, tone: Tone = "info", buttons: tuple[Button, ...] = ()
    ) -> None:
        """Show ``text`` with its buttons."""
        self.dismiss(key)
        banner = Banner(text, tone, buttons, lambda: self.dismiss(key))
        self._banners[key] = banner
        self._column.addWidget(banner)
        self.show()

    def dismiss(self, key: str) -> None:
        """Take a banner away, where there is one."""
        banner = self._banners.pop(key, None)
        if banner is not None:
            banner.hide()
            self._column.removeWidget(banner)
            banner.deleteLater()
        self.setVisible(bool(self._banners))

    def texts(self) -> dict[str, str]:
        """What is shown, by key."""
        return {key: banner.text for key, banner in self._banners.items()}

    def press(self, key: str, label: str) -> None:
        """Press a banner's button, as a click does. Raises KeyError where there is none."""
        self._banners[key].buttons[label].click()

    def _restyle(self) -> None:
        for banner in self._banners.values():
            banner.restyle()


class Banner(QFrame):
    """One message with its buttons and a cross."""

    def __init__(
        self, text: str, tone: Tone, buttons: tuple[Button, ...], dismiss: Callable[[], None]
    ) -> None:
        super().__init__()
        self.text = text
        self._tone = tone
        self.setAccessibleName(text)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.setSpacing(8)
        self._mark = QLabel(MARKS[tone], alignment=Qt.AlignmentFlag.AlignCenter)
        self._mark.setFixedSize(16, 16)
        label = QLabel(text, wordWrap=True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(self._mark)
        row.addWidget(label, 1)
        self.buttons: dict[str, QPushButton] = {}
        for name, action in (*buttons, ("Dismiss", None)):
            button = QPushButton(name)
            button.setProperty("kind", "fix" if action else "link")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, action=action: _press(dismiss, action))
            row.addWidget(button)
            self.buttons[name] = button
        self.restyle()

    def restyle(self) -> None:
        """Take on the theme's colours."""
        now = theme.current()
        colours = {"info": now.accent, "warning": now.warning, "error": now.wrong}
        colour = theme.QColor(colours[self._tone])
        fill = theme.blend(colour, theme.QColor(now.panel), 0.10).name()
        line = theme.blend(colour, theme.QColor(now.panel), 0.45).name()
        self.setStyleSheet(
            f"Banner {{ background: {fill}; border: 1px solid {line}; border-radius: 6px; }}"
        )
        self._mark.setStyleSheet(
            f"background: {colour.name()}; color: {now.panel}; border-radius: 8px;"
            "font-weight: 700; font-size: 10px;"
        )


def _press(dismiss: Callable[[], None], action: Callable[[], object] | None) -> None:
    dismiss()
    if action is not None:
        action()
