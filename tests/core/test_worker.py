"""The training child as its owner sees it: commands down, events up, and every way to end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from same_runs import assert_same

from qdesigner.design import codec, edits
from qdesigner.paths import resource
from qdesigner.session import events
from qdesigner.session.client import Child
from qdesigner.training.loop import train
from qdesigner.training.runs import Run

DESIGN = edits.set_data(
    edits.set_training(codec.load(resource("templates/quickstart.qdesign")), epochs=2000), limit=40
)


class Listener:
    """A started worker, and everything it has said."""

    def __init__(self) -> None:
        self.child = Child("qdesigner.worker")
        self.child.start()
        self.heard: list[object] = []

    def wait_for(self, kind: type, count: int = 1, seconds: float = 90) -> object:
        """The ``count``-th event of a kind, waiting for it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.heard += self.child.poll()
            found = [event for event in self.heard if isinstance(event, kind)]
            if len(found) >= count:
                return found[count - 1]
            time.sleep(0.01)
        raise AssertionError(f"no {kind.__name__} within {seconds} s; heard {self.heard[-3:]}")

    def wait_for_end(self, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while self.child.alive and time.monotonic() < end:
            time.sleep(0.01)
        assert not self.child.alive


@pytest.fixture
def worker() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.child.stop()
    assert not listener.child.alive


def test_a_warm_worker_trains_pauses_goes_on_stops_and_trains_again(
    worker: Listener, tmp_path: Path
) -> None:
    worker.wait_for(events.Ready)
    worker.child.send(events.Train(DESIGN, out=str(tmp_path / "one")))
    worker.wait_for(events.Epoch, 2)
    worker.child.send(events.Pause())
    worker.wait_for(events.Paused)
    time.sleep(0.2)
    worker.heard += worker.child.poll()
    count = len(worker.heard)
    time.sleep(0.3)
    assert len(worker.child.poll()) == 0, "a paused run says nothing"
    worker.child.send(events.Resume())
    worker.wait_for(events.Resumed)
    assert len(worker.heard) > count
    worker.child.send(events.Stop())
    stopped = worker.wait_for(events.Stopped)
    assert isinstance(stopped, events.Stopped) and stopped.epochs >= 2
    short = edits.set_training(DESIGN, epochs=2)
    worker.child.send(events.Train(short, out=str(tmp_path / "two")))
    finished = worker.wait_for(events.Finished)
    assert isinstance(finished, events.Finished) and finished.epochs == 2


def test_a_mistake_is_a_failed_event_and_the_worker_lives_on(
    worker: Listener, tmp_path: Path
) -> None:
    away = edits.set_data(DESIGN, source="folder", path=str(tmp_path / "away"), classes=())
    worker.child.send(events.Train(away, out=str(tmp_path / "run")))
    failed = worker.wait_for(events.Failed)
    assert isinstance(failed, events.Failed)
    assert "does not exist" in failed.reason and not failed.resumable
    assert worker.child.alive


LONG = edits.set_training(DESIGN, epochs=120)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of `LONG` that nothing befell."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(LONG, lambda event: None, out=str(out))
    return out


def gone_on_with(out: Path) -> events.Started:
    heard: list[events.Event] = []
    train(LONG, heard.append, resume=str(out))
    return next(event for event in heard if isinstance(event, events.Started))


def test_a_killed_worker_tells_why_and_its_run_goes_on_as_if_nothing_had_been(
    worker: Listener, whole: Path, tmp_path: Path
) -> None:
    worker.child.send(events.Train(LONG, out=str(tmp_path / "run")))
    worker.wait_for(events.Epoch, 3)
    worker.child.kill()
    worker.wait_for_end()
    assert "SIGKILL" in worker.child.exit_reason() or "exit code" in worker.child.exit_reason()
    assert gone_on_with(tmp_path / "run").first_epoch >= 3
    assert_same(tmp_path / "run", whole)


@pytest.mark.parametrize("end", ["the window is gone", "the system asks it to end"])
def test_a_worker_saves_its_run_before_it_ends(
    end: str, worker: Listener, whole: Path, tmp_path: Path
) -> None:
    worker.child.send(events.Train(LONG, out=str(tmp_path / "run")))
    worker.wait_for(events.Steps, 2)
    if end == "the window is gone":
        assert worker.child._connection is not None
        worker.child._connection.close()
    else:
        os.kill(worker.child.pid or 0, signal.SIGTERM)
    worker.wait_for_end()
    assert Run.open(tmp_path / "run").about["state"] == "stopped"
    gone_on_with(tmp_path / "run")
    assert_same(tmp_path / "run", whole)


def test_a_worker_takes_up_changes_and_edits_and_refuses_what_it_cannot(
    worker: Listener, tmp_path: Path
) -> None:
    worker.child.send(events.Train(DESIGN, out=str(tmp_path / "run")))
    worker.wait_for(events.Epoch)
    worker.child.send(events.Pause())
    worker.wait_for(events.Paused)
    worker.child.send(events.Change(learning_rate=0.005))
    changed = worker.wait_for(events.Mark)
    assert isinstance(changed, events.Mark) and changed.kind == "change"
    worker.child.send(events.Change(batch_size=0))
    worker.wait_for(events.Refused)
    worker.child.send(events.Resume())
    worker.wait_for(events.Resumed)
    worker.child.send(events.Edit(edits.insert_stage_kind(DESIGN, "dropout", "squash-1")))
    edited = worker.wait_for(events.Mark, 2)
    assert isinstance(edited, events.Mark) and edited.kept == edited.trainable
    worker.child.send(events.Stop())
    worker.wait_for(events.Stopped)


def test_messages_stay_under_thirty_a_second_and_a_stalled_owner_loses_steps_only(
    worker: Listener, tmp_path: Path
) -> None:
    worker.wait_for(events.Ready)
    worker.child.send(events.Train(edits.set_training(DESIGN, batch_size=2), str(tmp_path / "r")))
    worker.wait_for(events.Epoch)
    begun = time.monotonic()
    time.sleep(1.0)
    said = worker.child.poll()
    seconds = time.monotonic() - begun
    steps = [event for event in said if isinstance(event, events.Steps)]
    # One message ends each epoch besides those at the fixed rate.
    ends = sum(isinstance(event, events.Epoch) for event in said)
    assert 0 < len(steps) <= 30 * seconds + ends + 2
    assert sum(len(event.losses) for event in steps) > len(steps)


def test_a_full_queue_drops_the_oldest_steps_first() -> None:
    child = Child("qdesigner.worker", capacity=3)
    steps = [events.Steps(1, k, (0.1,), (1.0,), 1.0, 1.0) for k in range(3)]
    keep = events.Resumed()
    for message in (steps[0], keep, steps[1], steps[2]):
        if len(child._queue) >= 3:
            child._drop()
        child._queue.append(message)
    assert child.poll() == [keep, steps[1], steps[2]]
