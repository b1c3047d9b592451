"""Makes README's pictures: ``python tests/e2e/screenshots.py [FOLDER]`` (default: .github).

The real window trains the quickstart offscreen; its pictures are grabbed on the way.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.setdefault("QDESIGNER_HOME", tempfile.mkdtemp())

from drive import Scenario, follow
from PySide6.QtCore import QElapsedTimer, QTimer
from PySide6.QtWidgets import QApplication

from app import theme
from app.start import run_window
from app.window import Window
from qdesigner.design import edits

LARGE, SMALL = (1440, 900), (1100, 700)


def pictures(window: Window, folder: Path) -> Scenario:
    """Train, then one picture after the other."""

    def settled(milliseconds: int = 900) -> object:
        clock = QElapsedTimer()
        clock.start()
        return lambda: clock.elapsed() > milliseconds

    def grab(name: str) -> None:
        window.grab().save(str(folder / f"{name}.png"))

    window.use_theme("light")
    window.resize(*LARGE)
    yield lambda: window.runview.phase == "finished"
    window.document.select_blocks(frozenset({"ry_layer-1"}))
    yield settled()
    grab("quickstart")
    window.use_theme("dark")
    yield settled()
    grab("dark")
    window.use_theme("light")
    window.resize(*SMALL)
    window.tabs.setCurrentIndex(1)
    yield settled()
    grab("small")
    window.resize(*LARGE)
    window.tabs.setCurrentIndex(0)
    wrong = edits.set_stage_settings(window.document.design, "linear-1", outputs=3)
    window.document.apply("Three outputs", wrong)
    window.document.select_stage("linear-1")
    yield settled()
    grab("error")
    window.project.new("")
    yield settled()
    grab("empty")


def begin(folder: Path) -> None:
    """Once the window is there, take the pictures."""
    windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, Window)]
    theme.apply("light")
    follow(pictures(windows[0], folder))


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ".github")
    application = QApplication(sys.argv[:1])
    QTimer.singleShot(0, lambda: begin(target))
    sys.exit(run_window(None, quickstart=True))
