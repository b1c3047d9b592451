"""Holds the program to what it promises of accidents and edits while photographs train; no part of
the suite: ``python tests/e2e/bars.py SHARED [NAME …]`` (Linux; the full disk needs root).

Each accident befalls the real program, offscreen, in a process of its own. Its run is then taken
up again, and its last checkpoint held against that of an uninterrupted run, bit for bit.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from drive import REPORT, Hand, Scenario, follow, place
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.start import run_window
from app.window import Window
from qdesigner.circuit.circuit import expand
from qdesigner.design import edits
from qdesigner.design.spec import Augmentation, Design
from qdesigner.session import events
from qdesigner.session.client import Child
from qdesigner.session.onlook import Predict, Trace

EPOCHS, ACCIDENT = 300, 100  # of a head on kept features: some ten seconds
READ_EPOCHS, READ_ACCIDENT = 8, 3  # where every epoch reads its images
DISK = 64  # MB of the small disk
NOTHING = 1e-30  # a learning rate by which no weight in single precision moves


# ---- in the program's process -------------------------------------------------------------------


def photographs(window: Window, folder: Path, shared: Path, epochs: int) -> Design:
    """The tutorial's head on MobileNetV2, on the photographs that lie in ``folder``."""
    window.project.new("quantum-transfer-learning")
    weights = str(shared / "weights" / "mobilenet_v2_imagenet1k_rebuilt.pth")
    design = edits.use_data(window.document.design, str(folder / "hymenoptera"))
    design = edits.set_backbone(design, "mobilenet_v2", weights)
    return edits.set_training(design, epochs=epochs, batch_size=4)


def begun(window: Window, design: Design, folder: Path, epoch: int) -> Scenario:
    """Save the project, train, and wait until ``epoch`` has ended."""
    window.document.apply("Photographs", design)
    window.document.save(folder / "mine.qdesign")
    yield lambda: window.session.state == "ready" and not window.checked.error
    window.actions_table.actions["train"].trigger()
    yield lambda: failed(window) or len(window.runview.epochs) >= epoch
    assert not failed(window), window.notices.texts()
    REPORT["run"] = window.session.run


def failed(window: Window) -> bool:
    return "run" in window.notices.texts()


def resumed(window: Window) -> Scenario:
    """Note the reason that stands there, press the button beside it, and wait for the end."""
    yield lambda: failed(window)
    REPORT["reason"] = window.notices.texts()["run"]
    REPORT["epochs seen"] = len(window.runview.epochs)
    window.notices.press("run", "Resume from checkpoint")
    yield lambda: window.session.state == "training"
    yield lambda: failed(window) or window.runview.phase == "finished"
    assert not failed(window), window.notices.texts()
    REPORT["epochs"] = len(window.runview.epochs)
    REPORT["in order"] = list(window.runview.epochs["epoch"]) == list(
        range(1, len(window.runview.epochs) + 1)
    )


def finished(window: Window) -> Scenario:
    yield lambda: failed(window) or window.runview.phase == "finished"
    assert not failed(window), window.notices.texts()


def uninterrupted(window: Window, folder: Path, shared: Path) -> Scenario:
    yield from begun(window, photographs(window, folder, shared, EPOCHS), folder, 1)
    yield from finished(window)


def kill_the_worker(window: Window, folder: Path, shared: Path) -> Scenario:
    yield from begun(window, photographs(window, folder, shared, EPOCHS), folder, ACCIDENT)
    os.kill(window.session.worker_pid or 0, signal.SIGKILL)
    yield from resumed(window)


def kill_the_window(window: Window, folder: Path, shared: Path) -> Scenario:
    """Says where it has got to, and is killed from outside."""
    yield from begun(window, photographs(window, folder, shared, EPOCHS), folder, ACCIDENT)
    pids = {"window": os.getpid(), "worker": window.session.worker_pid}
    print(json.dumps({**REPORT, "pids": pids, "epochs seen": ACCIDENT}), flush=True)
    yield lambda: False


def open_again(window: Window, folder: Path, shared: Path) -> Scenario:
    """The next start: the last session is there, and Train resumes its run."""
    yield lambda: len(window.runview.epochs) > 0 and window.session.state == "ready"
    REPORT["reason"] = f"{window.runview.phase}; the button says {window.runs.verb!r}"
    REPORT["run"] = window.runview.path
    window.actions_table.actions["train"].trigger()
    yield lambda: window.session.state == "training"
    yield from finished(window)
    REPORT["same run"] = window.session.run == REPORT["run"]


def fill_the_disk(window: Window, folder: Path, shared: Path) -> Scenario:
    yield from begun(window, photographs(window, folder, shared, EPOCHS), folder, ACCIDENT)
    filler = folder / "home" / "data" / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            REPORT["disk"] = error.strerror
    yield lambda: failed(window)
    filler.unlink()
    yield from resumed(window)


def pull_the_folder_while_features_are_computed(
    window: Window, folder: Path, shared: Path
) -> Scenario:
    heard: list[Any] = []
    window.session.event.connect(heard.append)
    window.document.apply("Photographs", photographs(window, folder, shared, EPOCHS))
    yield lambda: window.session.state == "ready" and not window.checked.error
    window.actions_table.actions["train"].trigger()
    yield lambda: any(isinstance(e, events.Progress) and "features" in e.what and e.done > 50
                      for e in heard)  # fmt: skip
    (folder / "hymenoptera").rename(folder / "elsewhere")
    yield lambda: failed(window)
    REPORT["reason"] = window.notices.texts()["run"]
    (folder / "elsewhere").rename(folder / "hymenoptera")
    window.checked.refresh(again=True)
    yield lambda: window.session.state == "ready" and not window.checked.error
    window.actions_table.actions["train"].trigger()
    yield lambda: window.session.state == "training" and len(window.runview.epochs) > 0
    yield from finished(window)
    REPORT["run"] = window.session.run


def read_each_epoch(window: Window, folder: Path, shared: Path) -> Design:
    """A few images, varied anew in every epoch."""
    design = photographs(window, folder, shared, READ_EPOCHS)
    return edits.set_data(design, limit=12, augmentation=Augmentation(flip=True, crop=0.8))


def uninterrupted_reading(window: Window, folder: Path, shared: Path) -> Scenario:
    yield from begun(window, read_each_epoch(window, folder, shared), folder, 1)
    yield from finished(window)


def pull_the_folder_while_images_are_read(window: Window, folder: Path, shared: Path) -> Scenario:
    design = read_each_epoch(window, folder, shared)
    yield from begun(window, design, folder, READ_ACCIDENT)
    (folder / "hymenoptera").rename(folder / "elsewhere")
    yield lambda: failed(window)
    (folder / "elsewhere").rename(folder / "hymenoptera")
    yield from resumed(window)


def edit_while_it_trains(window: Window, folder: Path, shared: Path) -> Scenario:
    """Learning rate, batch size and circuit: how soon the curve goes on, and with what weights."""
    heard: list[tuple[float, Any]] = []
    window.session.event.connect(lambda event: heard.append((time.perf_counter(), event)))
    yield from begun(window, photographs(window, folder, shared, 100_000), folder, 30)

    def point_after(begun: float, kind: str) -> Callable[[], float]:
        """Seconds from then to the first step that is told of after the mark of ``kind``."""

        def seconds() -> float:
            since = [(t, e) for t, e in heard if t > begun]
            marks = [n for n, (_, e) in enumerate(since)
                     if isinstance(e, events.Mark) and e.kind == kind]  # fmt: skip
            steps = (
                [t for t, e in since[marks[0] :] if isinstance(e, events.Steps)] if marks else ()
            )
            return steps[0] - begun if steps else 0.0

        return seconds

    for name, value in (("batch_size", 8), ("learning_rate", NOTHING)):
        at = time.perf_counter()
        training = edits.set_training(window.document.design, **{name: value})
        window.document.apply(name, training)
        taken = point_after(at, "change")
        yield taken
        REPORT[f"{name}, s"] = round(taken(), 3)
    known = len(window.runview.epochs)
    yield lambda: len(window.runview.epochs) > known + 3
    stage, before = circuit_weights(window)
    at = time.perf_counter()
    hand = Hand(window, "rx_layer")
    hand.enter(place(window, 0.99))
    assert hand.drop(place(window, 0.99))
    yield lambda: "live-edit" in window.notices.texts()
    window.notices.press("live-edit", "Continue with these weights")
    taken = point_after(at, "edit")
    yield taken
    REPORT["circuit, s"] = round(taken(), 3)
    marked = next(e for _, e in heard if isinstance(e, events.Mark) and e.kind == "edit")
    REPORT["mark"] = f"{marked.text} ({marked.kept} of {marked.trainable} weights kept)"
    edited = len(heard)
    yield lambda: any(isinstance(e, events.Predictions) and stage in e.weights
                      and len(e.weights[stage]) > len(before)
                      for _, e in heard[edited:])  # fmt: skip
    after = circuit_weights(window)[1]
    REPORT["weights kept to the bit"] = all(after[key] == value for key, value in before.items())
    REPORT["new weights"] = len(after) - len(before)
    epochs = window.runview.epochs["epoch"]
    REPORT["curve goes on"] = list(epochs) == list(range(1, len(epochs) + 1))
    window.actions_table.actions["stop"].trigger()
    yield lambda: window.session.state == "ready"


def circuit_weights(window: Window) -> tuple[str, dict[Any, float]]:
    """The circuit's stage, and its weights at the newest predictions by what they belong to."""
    stage = window.document.circuit_stage()
    assert stage is not None and stage.circuit is not None
    assert window.runview.predictions is not None
    values = window.runview.predictions.weights[stage.id]
    keys = expand(stage.circuit).weight_keys
    return stage.id, dict(zip(keys, map(float, values), strict=True))


def ask_while_it_trains(window: Window, folder: Path, shared: Path) -> Scenario:
    """Files are predicted and images traced without pause: what does it cost the training?"""
    onlooker = Child("qdesigner.onlooker")
    onlooker.start()
    yield from begun(window, photographs(window, folder, shared, 100_000), folder, 30)
    files = sorted(map(str, (folder / "hymenoptera" / "val").rglob("*.jpg")))
    run, answers, pace, waits = window.session.run, [0], {}, []

    def epochs_in(seconds: float) -> Callable[[], bool]:
        first, end = len(window.runview.epochs), time.perf_counter() + seconds

        def over() -> bool:
            if time.perf_counter() < end:
                return False
            pace[len(pace)] = (len(window.runview.epochs) - first) / seconds
            return True

        return over

    yield epochs_in(4)
    onlooker.send(Predict(0, run, tuple(files[:1])))
    yield onlooker.poll  # the model is loaded
    asked = [time.perf_counter()]

    def ask() -> None:
        said = onlooker.poll()
        if said or not answers[0]:
            assert not any(answer.error for answer in said), said
            now = time.perf_counter()
            waits.extend([now - asked[0]] * bool(said))
            answers[0] += 1
            file = files[answers[0] % len(files)]
            kind = Trace if answers[0] % 2 else Predict
            rest = {"path": file} if kind is Trace else {"paths": (file,)}
            onlooker.send(kind(answers[0], run, **rest))
            asked[0] = now

    clock = QTimer(window)
    clock.timeout.connect(ask)
    clock.start(5)
    yield epochs_in(4)
    clock.stop()
    REPORT["epochs a second"] = [round(value, 1) for value in pace.values()]
    REPORT["answers"] = len(waits)
    REPORT["median wait, s"] = round(statistics.median(waits), 3)
    onlooker.stop()
    window.actions_table.actions["stop"].trigger()
    yield lambda: window.session.state == "ready"


def begin(name: str, folder: Path, shared: Path) -> None:
    """Once the window is there, start the scenario."""
    windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, Window)]
    follow(globals()[name](windows[0], folder, shared))


def program(name: str, folder: Path, shared: Path) -> None:
    """Show the window and step it through a scenario; its report is the last line."""
    application = QApplication(sys.argv[:1])
    QTimer.singleShot(0, lambda: begin(name, folder, shared))
    run_window(None)
    del application
    print(json.dumps(REPORT), flush=True)


# ---- beside it ----------------------------------------------------------------------------------


class Bars:
    """Runs the scenarios, each with a home of its own but the same features, and says what held."""

    def __init__(self, folder: Path, shared: Path) -> None:
        self.folder, self.shared = folder, shared
        self.reports: dict[str, dict[str, Any]] = {}
        self.missed = 0

    def say(self, held: bool, name: str, text: str) -> None:
        self.missed += not held
        print(f"{'held  ' if held else 'MISSED'} {name}: {text}", flush=True)

    def place(self, name: str, features: bool = True) -> Path:
        """A folder with the photographs and a home, with the features kept so far."""
        folder = self.folder / name
        folder.mkdir()
        shutil.copytree(self.shared / "data" / "hymenoptera", folder / "hymenoptera")
        (folder / "home" / "data").mkdir(parents=True)
        if features:
            cache = self.folder / "cache"
            cache.mkdir(exist_ok=True)
            (folder / "home" / "cache").symlink_to(cache)
        return folder

    def start(self, name: str, folder: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, __file__, "--program", name, str(folder), str(self.shared)],
            stdout=subprocess.PIPE, text=True, encoding="utf-8",
            env={**os.environ, "QDESIGNER_HOME": str(folder / "home"), "PYTHONUTF8": "1"},
        )  # fmt: skip

    def drive(self, name: str, folder: Path) -> dict[str, Any]:
        """What the scenario reports."""
        lines = (self.start(name, folder).communicate(timeout=600)[0] or "").splitlines()
        report: dict[str, Any] = json.loads(lines[-1]) if lines else {"error": "it said nothing"}
        return report

    def live(self, name: str) -> None:
        """A scenario that says what it took, in seconds, and what stayed as it was."""
        report = self.drive(name, self.place(name))
        seconds = [value for key, value in report.items() if key.endswith(", s")]
        held = not report["error"] and all(value < 1 for value in seconds)
        broken = any(value is False for value in report.values())
        self.say(held and not broken, name, json.dumps(report))

    def accident(self, name: str, like: str, features: bool) -> None:
        """A scenario whose run must end as that of ``like`` did."""
        folder = self.place(name, features)
        with small_disk(folder / "home" / "data") if name == "fill_the_disk" else nullcontext():
            report = self.drive(name, folder)
            self.compare(name, report, like)

    def compare(self, name: str, report: dict[str, Any], like: str) -> None:
        error = report.get("error")
        if error or "run" not in report:
            self.say(False, name, str(report))
            return
        other = self.reports[like]["run"]
        differs = different(Path(report["run"]), Path(other))
        lost = not report.get("in order", True)
        seen = report.get("epochs seen")
        text = f"{report.get('reason', '')} | after {seen or 'no'} epochs | "
        text += ", ".join(differs) if differs else "resumed, and equal to the bit"
        self.say(not differs and not lost, name, text)

    def kill_the_window(self, like: str) -> None:
        name = "kill_the_window"
        folder = self.place(name)
        going = self.start(name, folder)
        assert going.stdout is not None
        said = json.loads(going.stdout.readline())
        if "pids" not in said:
            self.say(False, name, str(said))
            return
        os.kill(going.pid, signal.SIGKILL)
        going.wait()
        ended = time.perf_counter()
        while Path(f"/proc/{said['pids']['worker']}").exists() and time.perf_counter() < ended + 20:
            time.sleep(0.02)
        self.say(time.perf_counter() < ended + 10, f"{name}, its worker",
                 f"ended {time.perf_counter() - ended:.1f} s later")  # fmt: skip
        report = self.drive("open_again", folder)
        self.compare(name, {**said, **report}, like)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of `DISK` MB at ``folder`` meanwhile."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def different(run: Path, other: Path) -> list[str]:
    """What of two runs is not equal to the bit: checkpoints, predictions, and the curve."""
    import numpy as np
    import torch

    def parts(value: Any, name: str) -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from parts(inner, f"{name}.{key}")
        elif isinstance(value, list | tuple):
            for number, inner in enumerate(value):
                yield from parts(inner, f"{name}.{number}")
        else:
            yield name, value.numpy().tobytes() if isinstance(value, torch.Tensor) else value

    def all_of(folder: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in ("last", "best"):
            saved = torch.load(folder / f"{name}.pt", weights_only=True)
            # The photographs lie elsewhere, beside the run's home.
            saved["design"] = saved["design"].replace(str(folder.parents[3]), "")
            found |= dict(parts(saved, name))
        with np.load(folder / "predictions.npz") as arrays:
            found |= {f"predictions.{key}": arrays[key].tobytes() for key in arrays.files}
        for line in (folder / "events.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            if row["event"] == "epoch":
                timeless = {key: value for key, value in row.items() if key != "seconds"}
                found[f"epoch {row['epoch']}"] = timeless
        return found

    mine, theirs = all_of(run), all_of(other)
    return sorted(name for name in mine | theirs if mine.get(name) != theirs.get(name))


LIKE = "uninterrupted", "uninterrupted_reading"
ACCIDENTS = {  # what befalls a run, and the run that it must end as
    "kill_the_worker": LIKE[0],
    "kill_the_window": LIKE[0],
    "fill_the_disk": LIKE[0],
    "pull_the_folder_while_features_are_computed": LIKE[0],
    "pull_the_folder_while_images_are_read": LIKE[1],
}
LIVE = "edit_while_it_trains", "ask_while_it_trains"


def main(shared: Path, names: list[str]) -> int:
    """How many of the bars called ``names``, or of all, were missed."""
    names = names or [*ACCIDENTS, *LIVE]
    unknown = [name for name in names if name not in (*ACCIDENTS, *LIVE)]
    if unknown:
        sys.exit(f"There is no bar {unknown[0]!r}; choose of {', '.join((*ACCIDENTS, *LIVE))}.")
    with tempfile.TemporaryDirectory(prefix="bars-") as folder:
        bars = Bars(Path(folder), shared)
        for name in LIKE:
            if any(ACCIDENTS.get(each) == name for each in names):
                bars.reports[name] = bars.drive(name, bars.place(name))
        for name in names:
            if name in LIVE:
                bars.live(name)
            elif name == "kill_the_window":
                bars.kill_the_window(ACCIDENTS[name])
            else:
                # Features that are kept would leave no time to pull the folder away.
                bars.accident(name, ACCIDENTS[name], features="features" not in name)
    return bars.missed


if __name__ == "__main__":
    if sys.argv[1] == "--program":
        program(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))
