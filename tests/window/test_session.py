"""The session: states, the newest preview only, and children that die."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from shells import FakeChild, heard, quickstart, wait_until

from app import session as module
from app.session import Session
from qdesigner.circuit.circuit import Circuit
from qdesigner.session import events


@pytest.fixture
def session(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Session:
    FakeChild.made.clear()
    monkeypatch.setattr(module, "Child", FakeChild)
    made = Session()
    made.start()
    yield made
    made.close()


def newest(name: str) -> FakeChild:
    return [child for child in FakeChild.made if child.module.endswith(name)][-1]


def say(child: FakeChild, *said: Any) -> None:
    child.said += said
    wait_until(lambda: not child.said)


STARTED = events.Started("/run", ("a", "b"), 8, 4, 0, 3, 2)


def test_a_run_goes_through_its_states_and_its_events_arrive_in_order(session: Session) -> None:
    worker = newest("worker")
    with heard(session.state_changed) as states, heard(session.event) as said:
        say(worker, events.Ready(1.0))
        session.train(quickstart())
        say(worker, STARTED)
        session.pause()
        say(worker, events.Paused(3))
        session.resume()
        say(worker, events.Resumed())
        session.stop()
        say(worker, events.Stopped(1, "/run"))
    assert states == ["ready", "training", "paused", "training", "stopping", "ready"]
    assert [type(event).__name__ for event in said] == [
        "Ready", "Started", "Paused", "Resumed", "Stopped",
    ]  # fmt: skip
    assert [type(c).__name__ for c in worker.sent] == ["Train", "Pause", "Resume", "Stop"]
    assert session.run == "/run"


def test_a_killed_worker_is_a_failure_with_its_reason_and_a_new_one_is_warmed(
    session: Session, tmp_path: Any
) -> None:
    (tmp_path / "last.pt").write_bytes(b"")
    worker = newest("worker")
    session.train(quickstart())
    say(worker, events.Started(str(tmp_path), ("a", "b"), 8, 4, 0, 3, 2))
    with heard(session.event) as said:
        worker.alive = False
        wait_until(lambda: bool(said))
    (failed,) = said
    assert isinstance(failed, events.Failed)
    assert "SIGKILL" in failed.reason and failed.resumable and failed.run == str(tmp_path)
    assert newest("worker") is not worker and newest("worker").alive
    assert session.state == "warming"


def test_what_a_worker_said_before_it_died_is_still_heard(session: Session) -> None:
    worker = newest("worker")
    session.train(quickstart())
    say(worker, STARTED)
    with heard(session.event) as said:
        worker.alive = False
        worker.said = [events.Finished(1, 0, 1, 0, 3, 0, 1, "/run")]
        wait_until(lambda: newest("worker") is not worker)
    assert [type(event).__name__ for event in said] == ["Finished"]


def test_a_worker_that_cannot_start_is_tried_again_only_when_asked(session: Session) -> None:
    worker = newest("worker")
    with heard(session.event) as said:
        worker.alive = False
        wait_until(lambda: bool(said))
        count = len(FakeChild.made)
        module.QTimer.singleShot(150, lambda: said.append("later"))
        wait_until(lambda: "later" in said)
    assert len(FakeChild.made) == count
    session.train(quickstart())
    assert newest("worker").alive and session.state == "training"


def test_a_worker_that_does_not_stop_is_ended(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    worker = newest("worker")
    session.train(quickstart())
    with heard(session.event) as said:
        session.stop()
        wait_until(lambda: bool(said))
    assert isinstance(said[0], events.Failed) and worker.stopped.wait(2)
    assert newest("worker") is not worker and session.state == "warming"


def test_of_many_preview_requests_only_the_newest_is_answered(session: Session) -> None:
    child = newest("preview")
    circuits = [Circuit(wires=wires) for wires in (1, 2, 3)]
    with heard(session.preview) as answers:
        for circuit in circuits:
            session.ask_preview(circuit)
        assert [request.circuit.wires for request in child.sent] == [1]
        say(child, events.PreviewAnswer(child.sent[0].serial))
        wait_until(lambda: len(child.sent) == 2)
        assert child.sent[1].circuit.wires == 3 and answers == []
        say(child, events.PreviewAnswer(child.sent[1].serial))
    assert [answer.serial for answer in answers] == [3]


def test_rules_and_live_states_wait_for_each_other_and_displace_only_their_like(
    session: Session,
) -> None:
    child = newest("preview")
    with heard(session.preview) as states, heard(session.shift) as rules:
        session.ask_preview(Circuit(wires=1))
        for operation in (1, 2):
            session.ask_shift(Circuit(wires=1), operation)
        session.ask_preview(Circuit(wires=2))
        say(child, events.PreviewAnswer(child.sent[0].serial))
        wait_until(lambda: len(child.sent) == 2)
        assert child.sent[1].circuit.wires == 2, "a live state goes first"
        say(child, events.PreviewAnswer(child.sent[1].serial))
        wait_until(lambda: len(child.sent) == 3)
        assert child.sent[2].operation == 2
        say(child, events.ShiftAnswer(child.sent[2].serial))
    assert [answer.serial for answer in states] == [4]
    assert [answer.serial for answer in rules] == [3]


def test_a_request_that_kills_the_preview_again_and_again_is_given_up(session: Session) -> None:
    with heard(session.preview) as answers:
        session.ask_preview(Circuit(wires=2))
        for _ in range(3):
            child = newest("preview")
            wait_until(lambda child=child: bool(child.sent))
            child.alive = False
            wait_until(lambda child=child: newest("preview") is not child or bool(answers))
    assert "SIGKILL" in answers[0].error
    session.ask_preview(Circuit(wires=1))
    wait_until(lambda: bool(newest("preview").sent))
