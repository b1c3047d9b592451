"""The Code tab: the script that follows every edit."""

from __future__ import annotations

from pathlib import Path

import made_run
import pytest
from made_run import STAGE
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app import theme
from app.document import Document
from app.panels.code import QASM, SCRIPT, WAIT, CodePanel, changed_lines
from app.runview import RunView
from qdesigner.circuit.circuit import Circuit
from qdesigner.design import edits
from qdesigner.design.spec import Design
from qdesigner.export.script import script

CLASSES = ("5", "6", "7", "8", "9")


@pytest.fixture
def panel(qapp: QApplication) -> CodePanel:
    view = CodePanel(Document(made_run.design()))
    view.resize(720, 340)
    view.show()
    return view


def document(panel: CodePanel) -> Document:
    return panel._document


def edit(panel: CodePanel, design: Design) -> None:
    document(panel).apply("edit", design)
    QTest.qWait(WAIT + 60)


def with_rx(circuit: Circuit) -> Circuit:
    return edits.insert_block(circuit, edits.Slot("", 1), edits.new_block(circuit, "rx_layer"))


def test_it_shows_what_export_writes(panel: CodePanel) -> None:
    assert panel.text.toPlainText() == script(made_run.design(), CLASSES, "model_files")
    assert panel.text.isReadOnly() and panel.marked_lines == []


def test_it_follows_an_edit_and_marks_the_lines_that_changed(panel: CodePanel) -> None:
    edited = edits.on_circuit(made_run.design(), STAGE, with_rx)
    edit(panel, edited)
    lines = script(edited, CLASSES, "model_files").splitlines()
    assert panel.text.toPlainText().splitlines() == lines
    marked = [lines[number].strip() for number in panel.marked_lines]
    assert "# RX layer" in marked and len(marked) < 15
    assert len(panel.text.extraSelections()) == len(marked)


def test_the_marks_fade(panel: CodePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.panels.code.SHINE", 200)
    edit(panel, edits.on_circuit(made_run.design(), STAGE, with_rx))
    QTest.qWait(300)
    assert panel.marked_lines == [] and panel.text.extraSelections() == []


def test_the_place_scrolled_to_is_kept(panel: CodePanel) -> None:
    panel.text.verticalScrollBar().setValue(60)
    edit(panel, edits.set_training(made_run.design(), seed=7))
    assert "SEED = 7" in panel.text.toPlainText()
    assert panel.text.verticalScrollBar().value() == 60


def test_undo_brings_the_text_back(panel: CodePanel) -> None:
    before = panel.text.toPlainText()
    edit(panel, edits.set_training(made_run.design(), seed=7))
    document(panel).undo()
    QTest.qWait(WAIT + 60)
    assert panel.text.toPlainText() == before


def test_a_model_that_cannot_be_built_shows_why_and_no_old_code(panel: CodePanel) -> None:
    edit(panel, edits.set_stage_settings(made_run.design(), "linear-1", outputs=7))
    assert panel.error.isVisible() and "embeds 4 features but 7 come in" in panel.error.text()
    assert not panel.text.isVisible() and not panel.copy.isEnabled()
    edit(panel, made_run.design())
    assert panel.text.isVisible() and not panel.error.isVisible() and panel.copy.isEnabled()


def test_without_data_the_classes_have_made_up_names(qapp: QApplication, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    design = edits.set_data(made_run.design(), source="folder", path=gone, classes=())
    panel = CodePanel(Document(design))
    panel.show()
    assert '"class 0", "class 1"' in panel.text.toPlainText()


def test_edits_made_while_it_is_hidden_are_there_when_it_shows(panel: CodePanel) -> None:
    panel.hide()
    edit(panel, edits.set_training(made_run.design(), seed=7))
    assert "SEED = 7" not in panel.text.toPlainText()
    panel.show()
    assert "SEED = 7" in panel.text.toPlainText()


def test_copy_takes_the_whole_text(panel: CodePanel) -> None:
    panel.copy.click()
    assert QGuiApplication.clipboard().text() == panel.text.toPlainText()
    assert panel.copy.text() == "Copied"


def test_the_circuit_is_shown_as_openqasm(panel: CodePanel) -> None:
    panel.kind.setCurrentText(QASM)
    text = panel.text.toPlainText()
    assert "OPENQASM 2.0;" in text and "cx q[0],q[1];" in text and "ry(0.0) q[0];" in text
    panel.kind.setCurrentText(SCRIPT)
    assert panel.text.toPlainText().startswith('"""Digits quickstart')


def test_the_openqasm_holds_the_runs_weights_and_the_images_features(
    qapp: QApplication, tmp_path: Path
) -> None:
    run = RunView()
    run.open(made_run.write_run(tmp_path / "run"))
    run.chosen_image = 3
    panel = CodePanel(Document(made_run.design()), run)
    panel.show()
    panel.kind.setCurrentText(QASM)
    angles = run.angles_for(STAGE, made_run.quantum_stage().circuit)  # type: ignore[arg-type]
    assert angles is not None
    text = panel.text.toPlainText()
    assert f"ry({float(angles[0])!r}) q[0];" in text and "ry(8.0) q[3];" in text
    assert "image 3" in panel.note.text()


def test_a_model_without_circuit_says_so(panel: CodePanel) -> None:
    panel.kind.setCurrentText(QASM)
    edit(panel, edits.remove_stage(made_run.design(), STAGE))
    assert panel.error.isVisible() and "no quantum stage" in panel.error.text()


def _colour(panel: CodePanel, word: str) -> str:
    """The colour in which the first ``word`` of the text is drawn."""
    document = panel.text.document()
    found = document.find(word)
    block = found.block()
    place = found.selectionStart() - block.position()
    for part in block.layout().formats():
        if part.start <= place < part.start + part.length:  # type: ignore[attr-defined]
            return str(part.format.foreground().color().name())  # type: ignore[attr-defined]
    return ""


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_python_is_coloured_in_both_themes(panel: CodePanel, look: theme.Theme) -> None:
    theme.use(look)
    assert _colour(panel, "import argparse") == look.ink(look.template).name()
    assert _colour(panel, "# CNOT brick") == look.ink(look.muted).name()
    assert _colour(panel, "A hybrid quantum-classical") == look.ink(look.right).name()
    assert _colour(panel, "build_model()") == look.ink(look.rotation).name()
    assert _colour(panel, "argparse") == ""


def test_changed_lines_are_the_new_and_the_different_ones() -> None:
    assert changed_lines("a\nb\nc", "a\nb\nc") == []
    assert changed_lines("a\nb\nc", "a\nX\nb\nc") == [1]
    assert changed_lines("a\nb\nc", "a\nB\nc\nd") == [1, 3]
    assert changed_lines("a\nb\nc", "a\nc") == []
    assert changed_lines("", "a\nb") == [0, 1]
    assert changed_lines("a\na\na", "a\na") == []
