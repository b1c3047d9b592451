"""A run folder is read for showing, whatever state or hands it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import made_run
import numpy as np
import pytest

from qdesigner.errors import UserError
from qdesigner.session import events, record
from qdesigner.session.record import parse_event, read_record


def test_a_finished_run_reads_back_as_it_was_told(tmp_path: Path) -> None:
    found = read_record(made_run.write_run(tmp_path / "run"))
    told = [e for e in made_run.history(tmp_path / "run", 6) if type(e) is not events.Predictions]
    assert list(found.events) == told
    assert (found.state, found.classes, found.unreadable) == ("finished", made_run.CLASSES, 0)
    assert found.design == made_run.design()
    assert [item.label for item in found.items] == [n % 3 for n in range(12)]
    assert found.predictions is not None and found.thumbnails is not None
    wanted = made_run.predictions(6)
    assert np.array_equal(found.predictions.probabilities, wanted.probabilities)
    assert np.array_equal(found.predictions.angles["quantum-1"], wanted.angles["quantum-1"])
    assert found.predictions.epoch == 6


@pytest.mark.parametrize(
    "event",
    [
        events.Ready(1.5),
        events.Progress("computing features", 3, 9, 12.5),
        events.Paused(3),
        events.Resumed(),
        events.Stopped(3, "runs/a"),
        events.Failed("It broke.", "runs/a", True),
        events.Exported("model.py"),
        events.Started("r", ("a", "b"), 1, 2, 3, 4, 5, 6, (("x.gif", "no image"),)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_survives_its_line_in_the_file(event: events.Event) -> None:
    assert parse_event(json.dumps(event.to_json())) == event


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        '{"event": 3}',
        '{"event": "paused"}',
        '{"event": "paused", "steps": "3"}',
        '{"event": "paused", "steps": true}',
        '{"event": "paused", "steps": 1e3}',
        '{"event": "paused", "steps": 99999999999999999999}',
        '{"event": "stopped", "epochs": 1, "run": null}',
        '{"event": "steps", "epoch": 1, "first": 0, "losses": 3, "accuracies": []}',
    ],
)
def test_a_line_of_other_types_is_no_event(line: str) -> None:
    with pytest.raises(ValueError):
        parse_event(line)


def test_an_event_of_a_newer_version_is_passed_over() -> None:
    assert parse_event('{"event": "entangled", "depth": 3}') is None


def test_a_run_whose_writer_was_killed_mid_line_keeps_all_before(tmp_path: Path) -> None:
    folder = made_run.write_run(tmp_path / "run", epochs=3)
    whole = read_record(folder)
    text = (folder / "events.jsonl").read_text(encoding="utf-8")
    (folder / "events.jsonl").write_text(text[:-20], encoding="utf-8")
    cut = read_record(folder)
    assert cut.events == whole.events[:-1]
    assert (cut.state, cut.unreadable) == ("running", 1)


def test_a_run_that_has_only_begun_is_read(tmp_path: Path) -> None:
    folder = made_run.write_run(tmp_path / "run", epochs=0)
    for name in ("items.json", "thumbnails.npy", "run.json"):
        (folder / name).unlink()
    found = read_record(folder)
    assert found.predictions is None and found.thumbnails is None and found.items == ()
    assert found.classes == made_run.CLASSES  # as the first event says


def _refused(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_record(folder)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text
    return text


def test_what_is_no_run_is_refused_in_a_sentence(tmp_path: Path) -> None:
    assert "is not there" in _refused(tmp_path / "nowhere")
    assert "is not a run" in _refused(tmp_path)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "is not a run" in _refused(tmp_path / "file")


class _Trap:
    """Unpickling this would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_no_pickle_in_a_run_is_ever_opened(tmp_path: Path) -> None:
    folder = made_run.write_run(tmp_path / "run")
    sprung = tmp_path / "sprung"
    trap = np.array([_Trap(sprung)], dtype=object)
    np.save(folder / "thumbnails.npy", trap, allow_pickle=True)
    assert "thumbnails.npy" in _refused(folder)
    (folder / "thumbnails.npy").unlink()
    np.savez(folder / "predictions.npz", probabilities=trap, labels=np.zeros(1))
    assert "predictions.npz" in _refused(folder)
    assert not sprung.exists()


BROKEN_PREDICTIONS = {
    "two classes for three": {"probabilities": np.ones((12, 2))},
    "eleven images for twelve": {"probabilities": np.ones((11, 3))},
    "flat": {"probabilities": np.ones(36)},
    "text": {"probabilities": np.full((12, 3), "x")},
    "a label too large": {"labels": np.full(12, 3)},
    "a negative label": {"labels": np.full(12, -1)},
    "labels in between": {"labels": np.full(12, 0.5)},
    "angles of other images": {"angles__quantum-1": np.ones((5, 4))},
    "weights in a square": {"weights__quantum-1": np.ones((2, 2))},
}


@pytest.mark.parametrize("what", BROKEN_PREDICTIONS)
def test_predictions_that_cannot_be_are_refused(tmp_path: Path, what: str) -> None:
    folder = made_run.write_run(tmp_path / "run")
    said = made_run.predictions(6)
    arrays = {"probabilities": said.probabilities, "labels": said.labels}
    np.savez(folder / "predictions.npz", **{**arrays, **BROKEN_PREDICTIONS[what]})
    assert "predictions.npz" in _refused(folder)


def test_a_predictions_file_cut_short_is_refused(tmp_path: Path) -> None:
    folder = made_run.write_run(tmp_path / "run")
    file = folder / "predictions.npz"
    file.write_bytes(file.read_bytes()[:300])
    assert "predictions.npz" in _refused(folder)


def test_predictions_of_other_images_than_listed_are_refused(tmp_path: Path) -> None:
    folder = made_run.write_run(tmp_path / "run")
    made_run.write_predictions(folder, made_run.predictions(6, images=9))
    assert "12 images" in _refused(folder)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("items.json", "{}"),
        ("items.json", "[1]"),
        ("items.json", '[{"key": "a", "path": null, "label": 7}]'),
        ("items.json", '[{"key": "a", "path": 3, "label": 0}]'),
        ("items.json", "["),
        ("items.json", "[" * 100_000),
        ("run.json", "[]"),
        ("run.json", '{"classes": [1, 2]}'),
        ("events.jsonl", "hello\nworld\n"),
        ("design.json", "{}"),
        ("thumbnails.npy", "not an array"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, file: str, text: str) -> None:
    folder = made_run.write_run(tmp_path / "run")
    (folder / file).write_text(text, encoding="utf-8")
    assert file in _refused(folder)


def test_files_too_large_to_be_true_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made_run.write_run(tmp_path / "run")
    for limit in ("MAX_TEXT", "MAX_ARRAYS", "MAX_THUMBNAILS"):
        with monkeypatch.context() as patch:
            patch.setattr(record, limit, 1)
            assert "larger than" in _refused(folder) or "unpacks to" in _refused(folder)
    read_record(folder)
