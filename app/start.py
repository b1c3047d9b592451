"""Starts Qt, shows the window, and runs until it closes."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.window import Window

_log = logging.getLogger(__name__)


def run_window(file: Path | None = None, quickstart: bool = False) -> int:
    """Open the window on ``file``, on the quickstart (which starts training), or on the last
    session; the exit code when it closes."""
    application = QApplication.instance() or QApplication(sys.argv[:1])
    application.setApplicationName("qdesigner")
    application.setDesktopFileName("qdesigner")
    sys.excepthook = _log_and_go_on
    window = Window()
    window.begin(file, template="quickstart" if quickstart else "", train=quickstart)
    window.show()
    _listen_to_ctrl_c(window)
    return application.exec()


def _log_and_go_on(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """A fault in one handler is logged; the window, and the user's work, stay."""
    if issubclass(kind, KeyboardInterrupt):
        QApplication.quit()
        return
    _log.error("A fault in the window", exc_info=(kind, error, trace))  # type: ignore[arg-type]


def _listen_to_ctrl_c(window: Window) -> None:
    """Ctrl+C in the terminal closes the window as a click would."""
    signal.signal(signal.SIGINT, lambda *_: window.close())
    # Python runs its signal handlers between byte codes, so it must get a turn now and then.
    turn = QTimer(window)
    turn.timeout.connect(lambda: None)
    turn.start(250)
