"""The document: undo, files, locks, and a selection that never names what is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from shells import heard, quickstart

from app.document import Document
from app.openfile import ChangedOnDisk, FileInUse
from qdesigner.design import codec, edits
from qdesigner.design.spec import Design

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def document(qapp: QApplication) -> Document:
    return Document(quickstart())


def test_an_edit_is_one_undo_step_and_an_identical_one_is_none(document: Document) -> None:
    before = document.design
    with heard(document.changed) as changes:
        document.apply("Rename", edits.rename(before, "Other"))
        document.apply("Rename", edits.rename(document.design, "Other"))
    assert len(changes) == 1
    assert document.undo_label == "Rename"
    document.undo()
    assert document.design == before and document.redo_label == "Rename"


def test_a_run_is_no_undo_step_and_undo_never_takes_it_back(document: Document) -> None:
    document.apply("Rename", edits.rename(document.design, "Other"))
    document.set_run("/runs/one")
    assert document.undo_label == "Rename"
    document.undo()
    assert document.design.run == "/runs/one"
    document.apply("Forget the run", document.design.model_copy(update={"run": ""}))
    assert document.undo_label == "" and document.design.run == ""


def test_modified_says_whether_the_file_holds_what_is_on_screen(
    document: Document, tmp_path: Path
) -> None:
    document.save(tmp_path / "a.qdesign")
    assert not document.modified
    document.apply("Rename", edits.rename(document.design, "Other"))
    assert document.modified
    document.undo()
    assert not document.modified
    document.close()


def test_a_second_window_on_a_file_is_told_and_may_take_a_copy(
    document: Document, tmp_path: Path
) -> None:
    path = tmp_path / "a.qdesign"
    document.save(path)
    other = Document()
    with pytest.raises(FileInUse, match=r"a\.qdesign is open in another window"):
        other.open(path)
    assert other.path is None
    other.open(path, "copy")
    assert other.design == document.design and other.path is None
    other.open(path, "anyway")
    assert other.path == path
    document.close()
    third = Document()
    third.open(path)
    assert third.path == path
    third.close()
    assert [file.name for file in tmp_path.iterdir()] == ["a.qdesign"]


def test_a_file_changed_by_somebody_else_is_not_overwritten_unasked(
    document: Document, tmp_path: Path
) -> None:
    path = tmp_path / "a.qdesign"
    document.save(path)
    theirs = edits.rename(document.design, "Theirs")
    codec.save(theirs, path)
    document.apply("Rename", edits.rename(document.design, "Mine"))
    with pytest.raises(ChangedOnDisk):
        document.save()
    assert codec.load(path) == theirs
    document.save(overwrite=True)
    assert codec.load(path).name == "Mine"
    document.save()
    document.close()


def test_a_broken_file_leaves_the_open_project_alone(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "broken.qdesign"
    path.write_text('{"format": "qdesigner", "schema": 1, "sta', encoding="utf-8")
    before = document.design
    with pytest.raises(codec.DocumentError, match="not a readable project"):
        document.open(path)
    assert document.design is before


def test_saving_where_nothing_can_be_written_keeps_the_old_file(
    document: Document, tmp_path: Path
) -> None:
    document.save(tmp_path / "a.qdesign")
    with pytest.raises(codec.DocumentError, match="cannot be saved"):
        document.save(tmp_path / "missing" / "b.qdesign")
    assert document.path == tmp_path / "a.qdesign"
    document.close()


def test_selecting_a_block_selects_its_stage_and_a_card_no_blocks(document: Document) -> None:
    document.select_stage("linear-1")
    document.select_blocks({"ry_layer-1"})
    assert document.selected_stage == "quantum-1"
    document.select_stage("linear-1")
    assert not document.selected_blocks


def test_a_removed_stage_and_its_blocks_are_no_longer_selected(document: Document) -> None:
    document.select_blocks({"ry_layer-1"})
    document.apply("Remove", edits.remove_stage(document.design, "quantum-1"))
    assert document.selected_stage == "" and not document.selected_blocks
    assert document.circuit_stage() is None


def test_the_board_keeps_the_quantum_stage_selected_last(document: Document) -> None:
    design = edits.insert_stage_kind(document.design, "quantum", "")
    document.apply("Insert", design)
    document.select_stage("quantum-2")
    document.select_stage("linear-1")
    stage = document.circuit_stage()
    assert stage is not None and stage.id == "quantum-2"


def test_restored_work_counts_as_unsaved(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "a.qdesign"
    document.save(path)
    document.close()
    other = Document()
    other.restore(edits.rename(document.design, "Restored"), path)
    assert other.modified and other.path == path and other.design.name == "Restored"
    other.close()
    lost = Document()
    lost.restore(Design(name="Lost"), tmp_path / "gone.qdesign")
    assert lost.modified and lost.path is None
