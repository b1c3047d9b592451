"""The log: what the program and its children said, with the versions in use."""

from __future__ import annotations

import contextlib
import logging
import platform
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from qdesigner.session import events

MAX_LINES = 5000


class LogLines(QObject):
    """Python's log as lines of text, delivered in the window's thread whatever thread they are
    from."""

    line = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._sink = _Sink(self.line.emit)
        logging.getLogger().addHandler(self._sink)
        for name in ("app", "qdesigner"):
            logging.getLogger(name).setLevel(logging.INFO)

    def take_event(self, event: events.Event) -> None:
        """A line for an event of the worker, but not for every step."""
        if isinstance(event, events.Steps | events.Progress | events.Predictions):
            return
        parts = []
        for name, value in event.to_json().items():
            if name == "event" or value in ("", [], {}, None):
                continue
            shown = f"{value:.4g}" if isinstance(value, float) else str(value)
            parts.append(f"{name}={shown[:200]}")
        logging.getLogger("qdesigner.worker").info(
            "%s %s", type(event).__name__.lower(), " ".join(parts)
        )

    def close(self) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self._sink)


class _Sink(logging.Handler):
    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._say = say
        self.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        )

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(RuntimeError):  # the window is gone
            self._say(self.format(record))


class LogPanel(QWidget):
    """The lines, and a button that copies what a report needs."""

    def __init__(self, lines: LogLines, before: list[str], copy: Callable[[], None]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        row = QHBoxLayout()
        about = QLabel(f"Python {platform.python_version()} · {platform.platform(terse=True)}")
        about.setProperty("role", "muted")
        button = QPushButton("Copy diagnostics")
        button.clicked.connect(copy)
        row.addWidget(about, 1)
        row.addWidget(button)
        self.text = QPlainTextEdit(readOnly=True, maximumBlockCount=MAX_LINES)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setAccessibleName("Log")
        column.addLayout(row)
        column.addWidget(self.text, 1)
        for line in before:
            self.text.appendPlainText(line)
        lines.line.connect(self.text.appendPlainText)
