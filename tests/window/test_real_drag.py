"""One drag as a person makes it: a real X screen, a real mouse, palette to board."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget
from app.canvas.view import Board
from app.document import Document
from app.panels.palette import Palette
from qdesigner.circuit.text import diagram
from qdesigner.design.edits import starting_circuit
from qdesigner.design.spec import Design, Stage

app = QApplication([])
document = Document(
    Design(stages=(Stage(id="quantum-1", kind="quantum", circuit=starting_circuit()),))
)
window = QWidget()
row = QHBoxLayout(window)
palette, board = Palette(document), Board(document)
palette.setFixedWidth(208)
row.addWidget(palette)
row.addWidget(board, 1)
window.setGeometry(0, 0, 1200, 600)
window.show()

def say(*words):
    print(*words, flush=True)

def ready():
    item = next(i for i in palette.items() if i.row.kind == "rx_layer")
    start = item.mapToGlobal(item.rect().center())
    frame, view = board.base.by_id["ry_layer-1"], board.view()
    end = QPoint(round(view.x(frame.left + 2)), round(view.y(board.base.wire_y(1))))
    end = board.viewport().mapToGlobal(end)
    say("ready", start.x(), start.y(), end.x(), end.y())

board.preview_wanted.connect(lambda circuit: say("shown", diagram(circuit)))
document.changed.connect(
    lambda _: (say("dropped", document.undo_label, diagram(board.circuit)), app.quit())
)
QTimer.singleShot(500, ready)
QTimer.singleShot(25000, app.quit)
app.exec()
"""

pytestmark = pytest.mark.xvfb


@pytest.fixture
def screen() -> Iterator[str]:
    """A virtual X screen of its own; its display's name."""
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool} on this machine")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=(write,), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        with os.fdopen(read) as told:
            number = told.readline().strip()
        if not number:
            pytest.skip("Xvfb could not open a display here")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


def _mouse(display: str, *words: object) -> None:
    subprocess.run(
        ["xdotool", *map(str, words)], env={**os.environ, "DISPLAY": display}, check=True
    )


def _drag(display: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Press, eight moves 80 ms apart, release."""
    _mouse(display, "mousemove", *start)
    time.sleep(0.1)
    _mouse(display, "mousedown", 1)
    for step in range(1, 9):
        x, y = (a + (b - a) * step // 8 for a, b in zip(start, end, strict=True))
        _mouse(display, "mousemove", x, y)
        time.sleep(0.08)
    time.sleep(0.2)
    _mouse(display, "mouseup", 1)


def test_a_block_dragged_from_the_palette_with_a_real_mouse_lands_where_it_was_shown(
    screen: str,
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        env={**os.environ, "DISPLAY": screen, "QT_QPA_PLATFORM": "xcb"}, encoding="utf-8",
    )  # fmt: skip
    try:
        assert program.stdout is not None
        first = next((line for line in program.stdout if line.startswith("ready")), "")
        assert first, "the window did not open"
        x, y, to_x, to_y = (int(word) for word in first.split()[1:])
        _drag(screen, (x, y), (to_x, to_y))
        said = program.stdout.read().splitlines()
    finally:
        program.kill()
        program.wait(10)
    wanted = "H + RY embedding | CNOT brick | RX layer | RY layer | ⟨Z⟩"
    assert f"shown {wanted}" in said
    assert f"dropped Add RX layer {wanted}" in said
    assert said.index(f"shown {wanted}") < said.index(f"dropped Add RX layer {wanted}")
