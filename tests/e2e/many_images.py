"""How the program stands 100,000 images: ``python tests/e2e/many_images.py [COUNT] [FOLDER]``.

Small pictures are generated; the real window opens them offscreen, looks through them and trains
on them at once. Printed are the gaps of the window (how late a timer of 5 ms is) while they are
listed, read and trained on, and the most memory that each process took. Exit code 1 when a bar is
broken: gaps ≤ 50 ms at the 99th percentile, the window below 500 MB, its worker below 2 GB.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QDESIGNER_HOME", tempfile.mkdtemp())

import numpy as np
import psutil
from drive import REPORT, Scenario, follow
from PIL import Image
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from app.start import run_window
from app.window import Window
from qdesigner.design import edits
from qdesigner.session.client import Child
from qdesigner.session.survey import Survey, Surveyed

CLASSES = 10
GAP, WINDOW, WORKER = 50.0, 500.0, 2000.0  # ms, MB, MB
EPOCHS = 20


def generate(root: Path, count: int) -> None:
    """``count`` pictures of 12 × 12 pixels, all different, in ten class folders."""
    rng = np.random.default_rng(0)
    for label in range(CLASSES):
        (root / f"class {label}").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        label = number % CLASSES
        pixels = rng.integers(0, 90, (12, 12, 3), dtype=np.uint8)
        pixels[label : label + 3, :, label % 3] += 160
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "PNG", compress_level=1)
        (root / f"class {label}" / f"{number:06}.png").write_bytes(content.getbuffer())


class Watch:
    """The window's gaps by phase, and the most memory (MB) that each process was seen with."""

    def __init__(self, window: Window) -> None:
        self.phase = "begin"
        self.gaps: dict[str, list[float]] = {}
        self.most: dict[str, float] = {}
        self.of: dict[str, int | None] = {"window": os.getpid()}
        self._last = time.perf_counter()
        self._clock = QTimer(window, interval=5)
        self._clock.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)
        self._clock.start()
        self._weigh = QTimer(window, interval=250)
        self._weigh.timeout.connect(self.weigh)
        self._weigh.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps.setdefault(self.phase, []).append(max(0.0, 1000 * (now - self._last) - 5))
        self._last = now

    def weigh(self) -> None:
        """Look at the memory of the processes."""
        for name, pid in self.of.items():
            try:
                size = psutil.Process(pid).memory_info().rss / 1e6 if pid else 0.0
            except psutil.NoSuchProcess:
                continue
            self.most[name] = max(size, self.most.get(name, 0.0))

    def stop(self) -> None:
        """The figures into the report."""
        self._clock.stop()
        self._weigh.stop()
        everything = [gap for gaps in self.gaps.values() for gap in gaps]
        for phase, gaps in {**self.gaps, "all": everything}.items():
            some = sorted(gaps)
            p99 = some[int(0.99 * (len(some) - 1))]
            REPORT[phase] = {"ticks": len(some), "p99 ms": round(p99, 1), "max ms": round(some[-1])}
        REPORT["MB"] = {name: round(size) for name, size in self.most.items()}


def open_and_train(window: Window, folder: Path) -> Scenario:
    """Open the folder, look through it, and train on it meanwhile."""
    yield lambda: window.session.state == "ready"
    watch = Watch(window)
    watch.of["worker"] = window.session.worker_pid
    yield _after(1.0)
    begun = time.perf_counter()

    def lap(name: str) -> None:
        REPORT[f"seconds until {name}"] = round(time.perf_counter() - begun, 1)

    watch.phase = "listing"
    design = edits.use_data(window.document.design, str(folder))
    design = edits.set_training(design, epochs=EPOCHS, batch_size=256)
    window.document.apply("100,000 images", design)
    yield lambda: window.checked.facts is not None and window.checked.facts.train > 0
    lap("listed")

    watch.phase = "reading"
    looking = Child("qdesigner.survey")
    looking.start()
    looking.send(Survey(1, design.data))
    watch.of["survey"] = looking.pid
    found: list[Surveyed] = []
    heard: list[str] = []
    poll = QTimer(window, interval=50)
    poll.timeout.connect(lambda: found.extend(e for e in looking.poll() if isinstance(e, Surveyed)))
    poll.start()

    def hear(event: object) -> None:
        heard.append(type(event).__name__)
        if heard[-1] == "Started":
            watch.phase = "training"

    window.session.event.connect(hear)
    window.actions_table.actions["train"].trigger()
    while "Started" not in heard and "Failed" not in heard:
        yield _after(1.0)
    lap("trained")
    while not ({"Finished", "Failed"} & set(heard) and found):
        window.tabs.setCurrentIndex(len(heard) % window.tabs.count())
        yield _after(0.2)
    lap("finished")
    watch.phase = "end"
    yield _after(2.0)
    poll.stop()
    looking.kill()
    watch.stop()
    REPORT["epochs"] = len(window.runview.epochs)
    REPORT["images"] = sum(c.train + c.validation + c.test for c in found[0].classes)
    REPORT["reason"] = window.notices.texts().get("run", "")
    REPORT["broken"] = [
        *(["gap"] if REPORT["all"]["p99 ms"] > GAP else []),
        *(["window"] if watch.most["window"] > WINDOW else []),
        *(["worker"] if watch.most["worker"] > WORKER else []),
    ]


def _after(seconds: float) -> object:
    due = time.perf_counter() + seconds
    return lambda: time.perf_counter() > due


def begin(folder: Path) -> None:
    """Once the window is there, start."""
    windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, Window)]
    follow(open_and_train(windows[0], folder))


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    kept = len(sys.argv) > 2
    folder = Path(sys.argv[2] if kept else tempfile.mkdtemp())
    try:
        if not (folder / "class 0").is_dir():
            generate(folder, count)
        application = QApplication(sys.argv[:1])
        QTimer.singleShot(0, lambda: begin(folder))
        REPORT["exit"] = run_window()
        del application
    finally:
        if not kept:
            shutil.rmtree(folder)
    print(json.dumps(REPORT, indent=1), flush=True)
    return 1 if REPORT["error"] or REPORT["broken"] or not REPORT["epochs"] else 0


if __name__ == "__main__":
    sys.exit(main())
