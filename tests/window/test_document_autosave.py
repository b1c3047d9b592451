"""Nothing is lost: unsaved work is kept, offered, and taken up again."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from shells import quickstart, wait_until

from app import autosave as autosave_room
from app.autosave import Autosave
from app.document import Document
from qdesigner.design import codec, edits


@pytest.fixture
def document(qapp: QApplication) -> Document:
    return Document(quickstart())


def _edit(document: Document, name: str) -> None:
    document.apply("Rename", edits.rename(document.design, name))


def test_unsaved_work_outlives_its_window(document: Document, tmp_path: Path) -> None:
    autosave = Autosave(document, tmp_path)
    _edit(document, "Half done")
    autosave.leave()
    (kept,) = Autosave(Document(), tmp_path).kept()
    assert kept.design == document.design and kept.path is None
    assert kept.title.startswith("Half done, unsaved")


def test_work_of_a_living_window_is_not_offered_to_another(
    document: Document, tmp_path: Path
) -> None:
    autosave = Autosave(document, tmp_path)
    _edit(document, "Mine")
    autosave.write()
    assert Autosave(Document(), tmp_path).kept() == []


def test_saving_makes_the_record_needless(document: Document, tmp_path: Path) -> None:
    autosave = Autosave(document, tmp_path / "autosave")
    _edit(document, "Other")
    autosave.write()
    document.save(tmp_path / "a.qdesign")
    assert list((tmp_path / "autosave").iterdir()) == []
    document.close()


def test_a_slow_disk_does_not_make_the_window_wait(
    document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    write = codec.write_text

    def slow(path: Path, text: str) -> None:
        threads.append(threading.current_thread())
        write(path, text)

    monkeypatch.setattr(autosave_room, "SETTLED", 0)
    monkeypatch.setattr(codec, "write_text", slow)
    autosave = Autosave(document, tmp_path)
    said: list[str] = []
    autosave.written.connect(said.append)
    _edit(document, "Settled")
    wait_until(lambda: bool(said))
    assert threads and threading.main_thread() not in threads
    autosave.leave()
    (kept,) = Autosave(Document(), tmp_path).kept()
    assert kept.design.name == "Settled"


def test_an_untouched_project_leaves_no_record(document: Document, tmp_path: Path) -> None:
    Autosave(document, tmp_path / "autosave").leave()
    assert not (tmp_path / "autosave").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"path": 3, "when": "x"}'])
def test_a_broken_record_is_passed_over(document: Document, tmp_path: Path, text: str) -> None:
    (tmp_path / "0123456789ab.json").write_text(text, encoding="utf-8")
    assert Autosave(document, tmp_path).kept() == []


def test_a_folder_that_cannot_be_written_costs_no_edit(document: Document, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    autosave = Autosave(document, tmp_path / "file" / "autosave")
    _edit(document, "Other")
    autosave.write()
    assert document.design.name == "Other"
