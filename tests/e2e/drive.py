"""Drives the real program in a process of its own, as a person would; prints a JSON report.

``python drive.py SCENARIO FOLDER [SHARED]``: `app.start.run_window` shows the window, and a
scenario, a generator that yields what it waits for, is stepped by a timer beside it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QApplication
from views import views

from app.canvas.gestures import BLOCK_MIME
from app.start import run_window
from app.window import Window
from qdesigner.circuit.text import diagram
from qdesigner.design import edits

Scenario = Generator[Callable[[], Any], None, None]
REPORT: dict[str, Any] = {}
PATIENCE = 120.0  # s for any one thing to happen
NONE = Qt.KeyboardModifier.NoModifier


class Hand:
    """Drags a block from the palette over the board, by the events that Qt would send."""

    def __init__(self, window: Window, kind: str) -> None:
        self.board = window.board
        self.data = QMimeData()
        self.data.setData(BLOCK_MIME, kind.encode())

    def _send(self, event: QEvent) -> bool:
        event.setAccepted(False)
        QApplication.sendEvent(self.board.viewport(), event)
        return event.isAccepted()

    def _rest(self) -> tuple[Any, ...]:
        return Qt.DropAction.CopyAction, self.data, Qt.MouseButton.LeftButton, NONE

    def enter(self, at: QPointF) -> bool:
        return self._send(QDragEnterEvent(at.toPoint(), *self._rest())) and self.move(at)

    def move(self, at: QPointF) -> bool:
        return self._send(QDragMoveEvent(at.toPoint(), *self._rest()))

    def drop(self, at: QPointF) -> bool:
        return self._send(QDropEvent(at, *self._rest()))

    def leave(self) -> None:
        self._send(QDragLeaveEvent())


def place(window: Window, share: float) -> QPointF:
    """A point on the first wire, a share of the board's width from the left."""
    view = window.board.view()
    base = window.board.base
    return QPointF(round(view.x(base.measure[1] * share)), round(view.y(base.wire_y(0))))


def press(window: Window, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        QApplication.sendEvent(window, QKeyEvent(kind, key, modifier))


def drawn(window: Window) -> str:
    stage = window.document.circuit_stage()
    assert stage is not None and stage.circuit is not None
    return diagram(stage.circuit)


def main_job(window: Window, folder: Path, _: str) -> Scenario:
    """Drop, undo, train, kill, resume, export: the main job, an accident included."""
    start = drawn(window)
    window.document.apply("More epochs", edits.set_training(window.document.design, epochs=400))
    answers: list[Any] = []
    window.session.preview.connect(answers.append)
    yield lambda: answers and answers[-1].z is not None  # the live state has answered

    hand = Hand(window, "rx_layer")
    before = len(answers)
    REPORT["over"] = hand.enter(place(window, 0.99))
    yield lambda: len(answers) > before  # the state of the result, before the drop
    REPORT["design while dragging"] = drawn(window)
    REPORT["dropped"] = hand.drop(place(window, 0.99))
    REPORT["after drop"] = drawn(window)
    window.actions_table.actions["undo"].trigger()
    REPORT["after undo"] = drawn(window)
    REPORT["start"] = start

    yield lambda: window.session.state == "ready"
    window.actions_table.actions["train"].trigger()
    yield lambda: len(window.runview.epochs) >= 3 and window.runview.predictions is not None
    REPORT["curve"] = list(map(float, window.runview.epochs["val_loss"][:3]))
    REPORT["predictions"] = list(window.runview.predictions.probabilities.shape)
    REPORT["run"] = window.session.run
    REPORT["thumbnails"] = window.runview.thumbnails is not None

    first = window.session.worker_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    yield lambda: "run" in window.notices.texts()
    REPORT["reason"] = window.notices.texts()["run"]
    known = len(window.runview.epochs)
    window.notices.press("run", "Resume from checkpoint")
    yield lambda: len(window.runview.epochs) > known + 2
    REPORT["worker is another"] = window.session.worker_pid != first
    REPORT["resumed at"] = int(window.runview.epochs["epoch"][-1])
    REPORT["epochs in order"] = bool((window.runview.epochs["epoch"][1:]
                                      > window.runview.epochs["epoch"][:-1]).all())  # fmt: skip
    REPORT["same run"] = window.session.run == REPORT["run"]
    window.actions_table.actions["stop"].trigger()
    yield lambda: window.session.state == "ready"

    window.runs.export_to(folder / "model.py")
    yield lambda: "written" in window.notices.texts().get("export", "")
    REPORT["exported"] = window.notices.texts()["export"]
    window.document.save(folder / "mine.qdesign")
    REPORT["loaded"] = sorted({"torch", "torchvision", "pennylane", "qiskit"} & set(sys.modules))


def reopened(window: Window, folder: Path, _: str) -> Scenario:
    """The project that `main_job` saved: its curves, predictions and live state are back."""
    answers: list[Any] = []
    window.session.preview.connect(answers.append)
    yield lambda: len(window.runview.epochs) > 0
    REPORT["epochs"] = len(window.runview.epochs)
    REPORT["predictions"] = list(window.runview.predictions.probabilities.shape)
    yield lambda: answers and answers[-1].z is not None
    stage = window.document.circuit_stage()
    assert stage is not None and stage.circuit is not None
    weights = window.runview.weights_for(stage.id, stage.circuit)
    REPORT["weights"] = [] if weights is None else list(map(float, weights))


def gaps(window: Window, folder: Path, shared: str) -> Scenario:
    """Photographs are read and trained on while a block is dragged to and fro: how long is the
    window ever away? A timer of 5 ms tells; its lateness is the gap."""
    shared_folder = Path(shared)
    design = window.document.design
    photos = str(shared_folder / "data" / "hymenoptera")
    weights = str(shared_folder / "weights" / "mobilenet_v2_imagenet1k_rebuilt.pth")
    design = edits.set_data(design, source="folder", path=photos, classes=())
    design = edits.set_backbone(design, "mobilenet_v2", weights)
    design = edits.set_training(design, epochs=60, batch_size=4, learning_rate=4e-4)
    window.document.apply("Photographs", design)
    yield lambda: window.session.state == "ready" and not window.checked.error

    heard: list[str] = []
    window.session.event.connect(lambda event: heard.append(type(event).__name__))
    late: list[float] = []
    phases: list[str] = []
    last = [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        late.append(max(0.0, now - last[0] - 0.005))
        phases.append("training" if "Started" in heard else "features")
        last[0] = now

    clock = QTimer(window)
    clock.setTimerType(Qt.TimerType.PreciseTimer)
    clock.timeout.connect(tick)
    clock.start(5)
    window.actions_table.actions["train"].trigger()
    hand = Hand(window, "ry_layer")
    hand.enter(place(window, 0.5))
    turn = 0
    while "Finished" not in heard and "Failed" not in heard:
        window.tabs.setCurrentIndex(turn // 50 % 2)  # the curves, the whole grid, the curves, …
        share = 0.1 + 0.8 * abs((turn % 40) / 20 - 1)
        hand.move(place(window, share))
        turn += 1
        due = time.perf_counter() + 0.02
        yield lambda due=due: time.perf_counter() > due
    hand.leave()
    clock.stop()
    REPORT["moves"] = turn
    for phase in ("features", "training"):
        some = sorted(1000 * g for g, p in zip(late, phases, strict=True) if p == phase)
        REPORT[phase] = {
            "ticks": len(some),
            "p99 ms": round(some[int(0.99 * (len(some) - 1))], 1) if some else None,
            "max ms": round(some[-1], 1) if some else None,
        }
    REPORT["epochs"] = len(window.runview.epochs)
    REPORT["reason"] = window.notices.texts().get("run", "")


def data_tab(window: Window, folder: Path, pets: str) -> Scenario:
    """The folder ``pets`` is dropped and looked through; how long is the window ever away?"""
    late: list[float] = []
    last = [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        late.append(max(0.0, now - last[0] - 0.005))
        last[0] = now

    yield lambda: window.session.state == "ready"
    window.actions_table.actions["data"].trigger()
    yield lambda: window.surveying.found is not None  # the digits of the quickstart
    clock = QTimer(window)
    clock.setTimerType(Qt.TimerType.PreciseTimer)
    clock.timeout.connect(tick)
    last[0] = time.perf_counter()
    clock.start(5)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(pets)])
    rest = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, NONE)
    QApplication.sendEvent(window, QDragEnterEvent(QPointF(9, 9).toPoint(), *rest))
    QApplication.sendEvent(window, QDropEvent(QPointF(9, 9), *rest))
    yield lambda: window.surveying.found.spec.path == pets and window.checked.facts is not None
    clock.stop()
    gaps = sorted(1000 * gap for gap in late)
    REPORT["p99 ms"] = round(gaps[int(0.99 * (len(gaps) - 1))], 1)
    REPORT["max ms"] = round(gaps[-1], 1)
    REPORT["window MB"] = round(memory(os.getpid()))
    panel = window.data
    REPORT["words"] = panel.words.text()
    REPORT["classes"] = [[row.name, row.total, row.counts] for row in panel.classes.rows.rows]
    REPORT["skipped"] = [list(line) for line in panel.found.skipped.rows]
    REPORT["twice"] = [list(line) for line in panel.found.twice.rows[:5]]

    panel.found.go("varied")
    yield lambda: "flip" in panel.found.variants.fields.editors()
    augmentation = window.document.design.data.augmentation.but(rotation=30.0, crop=0.5)
    changed = edits.set_data(window.document.design, augmentation=augmentation)
    window.document.apply("Augment", changed)
    yield lambda: panel.found.variants.pictures.count() > 1
    REPORT["variants"] = panel.found.variants.pictures.count()

    spirals = edits.use_source(window.document.design, "spirals")
    window.document.apply("Spirals", spirals)
    yield lambda: panel.found.scatter is not None and panel.found.scatter.isVisible()
    REPORT["points"] = len(window.surveying.found.points.labels)
    for _ in range(3):
        window.document.undo()
    REPORT["undone"] = window.document.design.data.source
    REPORT["loaded"] = sorted({"torch", "torchvision", "pennylane", "qiskit"} & set(sys.modules))


def memory(pid: int) -> float:
    """MB that a process holds; 0 where the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


SCENARIOS = {
    "main_job": main_job,
    "reopened": reopened,
    "gaps": gaps,
    "data_tab": data_tab,
    "views": lambda window, folder, _: views(window, folder, REPORT),
}


def follow(scenario: Scenario) -> None:
    """Step the scenario whenever what it waits for has happened; then close the window."""
    waiting: list[Callable[[], Any]] = []
    since = [time.monotonic()]
    timer = QTimer(QApplication.instance())

    def finish(error: str = "") -> None:
        timer.stop()
        REPORT["error"] = error
        for window in QApplication.topLevelWidgets():
            window.close()

    def step() -> None:
        try:
            if waiting and not waiting[0]():
                if time.monotonic() - since[0] > PATIENCE:
                    raise TimeoutError(f"waited {PATIENCE} s at line {scenario.gi_frame.f_lineno}")
                return
            waiting[:] = [next(scenario)]
            since[0] = time.monotonic()
        except StopIteration:
            finish()
        except Exception as error:
            finish(f"{type(error).__name__}: {error}")

    timer.timeout.connect(step)
    timer.start(10)


def begin(name: str, folder: Path, shared: str) -> None:
    """Once the window is there, start the scenario."""
    windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, Window)]
    follow(SCENARIOS[name](windows[0], folder, shared))


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    shared = sys.argv[3] if len(sys.argv) > 3 else ""
    application = QApplication(sys.argv[:1])
    QTimer.singleShot(0, lambda: begin(name, folder, shared))
    project = folder / "mine.qdesign"
    code = run_window(project if name == "reopened" else None)
    del application
    print(json.dumps({**REPORT, "exit": code}), flush=True)


if __name__ == "__main__":
    main()
