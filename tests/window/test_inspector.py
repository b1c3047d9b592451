"""The inspector: every field changes the design at once, as one undo step."""

from __future__ import annotations

from pathlib import Path

import made_run
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu
from shells import heard, quickstart, wait_until

from app.checked import Checked
from app.document import DATA, LOSS, Document
from app.panels.figures import length
from app.panels.inspector import Inspector
from app.panels.rows import wires_text, wires_value
from app.runview import RunView
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Circuit, walk
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.circuit.fields import Field
from qdesigner.circuit.readout import Readout
from qdesigner.design import edits
from qdesigner.session import events

FIRST_SLOT = edits.Slot("", 0)


@pytest.fixture
def panel(qapp: QApplication) -> Inspector:
    document = Document(quickstart())
    made = Inspector(document, RunView(), Checked(document))
    made.document, made.runview = document, made._runview
    made.show()
    return made


def select(panel: Inspector, stage: str, *blocks: str) -> dict:
    panel.document.select_stage(stage)
    if blocks:
        panel.document.select_blocks(blocks)
    panel.refresh()
    return panel.editors()


def test_training_fields_change_the_design_one_step_each(panel: Inspector) -> None:
    fields = select(panel, LOSS)
    fields["epochs"].setValue(7)
    assert panel.document.design.training.epochs == 7
    assert panel.document.undo_label == "Change epochs"
    panel.document.undo()
    panel.refresh()
    assert fields["epochs"].value() == 20 and panel.document.undo_label == ""


def test_a_learning_rate_may_be_written_as_one_writes_it(panel: Inspector) -> None:
    field = select(panel, LOSS)["learning_rate"]
    field.selectAll()
    QTest.keyClicks(field, "4e-4")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert panel.document.design.training.learning_rate == 4e-4
    panel.refresh()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fast", "'fast' is not a number."),
        ("-1", "Learning rate must lie between 1e-12 and 100, not -1.0."),
    ],
)
def test_a_text_that_is_no_value_is_refused_with_a_sentence(
    panel: Inspector, text: str, reason: str
) -> None:
    field = select(panel, LOSS)["learning_rate"]
    field.selectAll()
    with heard(panel.refused) as said:
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)
    assert said == [reason]
    assert (field.text(), panel.document.design.training.learning_rate) == ("0.02", 0.02)


def test_only_fields_that_have_an_effect_are_shown(panel: Inspector) -> None:
    assert "momentum" not in select(panel, LOSS)
    design = edits.set_training(panel.document.design, optimizer="sgd", schedule="constant")
    panel.document.apply("x", design)
    panel.refresh()
    assert "momentum" in panel.editors() and "step_size" not in panel.editors()
    assert "size" not in select(panel, DATA)


def test_a_field_keeps_the_keyboard_when_its_choice_brings_other_fields(panel: Inspector) -> None:
    panel.activateWindow()
    field = select(panel, LOSS)["optimizer"]
    field.setFocus()
    wait_until(field.hasFocus)
    field.setCurrentIndex(field.findData("sgd"))
    field.activated.emit(field.currentIndex())
    panel.refresh()
    assert "momentum" in panel.editors() and panel.editors()["optimizer"].hasFocus()


def test_unticking_a_class_leaves_it_out_but_two_stay(panel: Inspector) -> None:
    classes = select(panel, DATA)["classes"]
    texts = [classes.item(row).text() for row in range(classes.count())]
    assert texts[5] == "5   (182)"
    classes.item(5).setCheckState(Qt.CheckState.Unchecked)
    assert panel.document.design.data.classes == ("6", "7", "8", "9")
    for row in (6, 7):
        classes.item(row).setCheckState(Qt.CheckState.Unchecked)
    classes.item(8).setCheckState(Qt.CheckState.Unchecked)
    assert panel.document.design.data.classes == ("8", "9")


def test_a_folder_with_its_own_validation_images_asks_for_no_share(
    panel: Inspector, tmp_path: Path
) -> None:
    for split in ("train", "val"):
        for name in ("cats", "dogs"):
            (tmp_path / split / name).mkdir(parents=True)
            (tmp_path / split / name / "a.png").write_bytes(b"")
    design = edits.set_data(
        panel.document.design, source="folder", path=str(tmp_path), classes=()
    )  # fmt: skip
    panel.document.apply("x", design)
    panel.document.select_stage(DATA)
    wait_until(lambda: "classes" in panel.editors())
    classes = panel.editors()["classes"]
    assert [classes.item(k).text() for k in range(2)] == ["cats   (2)", "dogs   (2)"]
    assert "validation" not in panel.editors()


def test_the_backbone_is_chosen_with_its_features_and_frozen_by_a_tick(panel: Inspector) -> None:
    fields = select(panel, "backbone-1")
    model = fields["model"]
    place = model.findData("resnet18")
    assert model.itemText(place) == "ResNet-18 · 512 features · 11.2 M"
    model.setCurrentIndex(place)
    model.activated.emit(place)
    stage = panel.document.design.stage("backbone-1")
    assert stage.settings["model"] == "resnet18" and stage.frozen
    fields["frozen"].click()
    assert not panel.document.design.stage("backbone-1").frozen


def test_wires_of_a_layer_are_written_as_numbers(panel: Inspector) -> None:
    field = select(panel, "quantum-1", "ry_layer-1")["wires"]
    assert field.text() == "all (0–3)"
    field.selectAll()
    QTest.keyClicks(field, "0, 2-3")
    QTest.keyClick(field, Qt.Key.Key_Return)
    circuit = panel.document.design.stage("quantum-1").circuit
    assert circuit.find("ry_layer-1").wires == (0, 2, 3)
    panel.refresh()
    assert field.text() == "0, 2–3"


def test_an_end_of_a_gate_moved_onto_the_other_exchanges_them(panel: Inspector) -> None:
    document = panel.document
    document.change_circuit(
        "x", lambda c: edits.insert_block(c, edits.Slot("", 0), edits.new_block(c, "cnot"))
    )
    fields = select(panel, "quantum-1", "cnot-1")
    fields["wire0"].setValue(1)
    assert document.design.stage("quantum-1").circuit.find("cnot-1").wires == (1, 0)


def test_a_field_left_by_selecting_something_else_still_changes_its_own_thing(
    panel: Inspector,
) -> None:
    field = select(panel, LOSS)["learning_rate"]
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "0.5")
    select(panel, "linear-1")
    field.editingFinished.emit()
    assert panel.document.design.training.learning_rate == 0.5
    assert panel.document.design.stage("linear-1") == quickstart().stage("linear-1")


@pytest.mark.parametrize("text", ["0, 0", "7", "x", "1–", "-1", "0,,1"])
def test_wires_that_are_none_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        wires_value(text, Field("wires", "Qubits", "choice", "", maximum=3))


@pytest.mark.parametrize("wires", [None, (0,), (0, 1, 2), (0, 2, 3), (3, 1)])
def test_what_is_written_of_wires_reads_back(wires: tuple[int, ...] | None) -> None:
    field = Field("wires", "Qubits", "choice", "", maximum=3)
    assert wires_value(wires_text((wires, 4)), field) == wires


def test_weights_of_the_run_show_as_a_heat_map_with_their_numbers(panel: Inspector) -> None:
    assert not panel._figures.heat.isVisible()
    panel.runview.design = panel.document.design
    weights = {"quantum-1": np.arange(8) / 10}
    panel.runview.predictions = events.Predictions(
        1, np.zeros((1, 5)), np.zeros(1, int), {}, weights
    )
    select(panel, "quantum-1")
    heat = panel._figures.heat
    assert heat.isVisible()
    assert heat.tip_at(2, 2) == "RY layer, pass 1, weight 0: +0.0000 rad"
    assert heat.tip_at(heat.width() - 2, heat.height() - 6).endswith("weight 3: +0.7000 rad")


def test_gradient_norms_show_layer_by_layer(panel: Inspector) -> None:
    norms = {"linear-1": 1.0, "quantum-1": 0.01}
    panel.runview.on_event(events.Epoch(1, 1, 0.5, 1, 0.5, 0.01, 1, True, norms))
    panel.refresh()
    bars = panel._figures.bars
    assert bars.isVisible() and bars.accessibleName() == "linear 1.00e+00, circuit 1.00e-02"
    assert length(1.0, 1.0) == 1.0 and length(0.01, 1.0) == 0.5 and length(0.0, 1.0) == 0.0


def test_a_long_weights_file_name_leaves_the_fields_inside_the_panel(
    panel: Inspector, tmp_path: Path
) -> None:
    panel.resize(240, 700)
    path = str(tmp_path / "mobilenet_v2_imagenet1k_rebuilt_with_a_long_name.pth")
    design = edits.set_backbone(panel.document.design, "mobilenet_v2", weights=path)
    panel.document.apply("x", design)
    fields = select(panel, design.backbone.id)
    wait_until(lambda: fields["model"].width() > 0)
    QApplication.processEvents()
    assert panel.widget().width() <= panel.viewport().width()


# ---- blocks: only what matters ------------------------------------------------------------------


def add(panel: Inspector, kind: str, **settings: object) -> str:
    """Put a block at the end of the circuit and select it; its id."""

    def change(circuit: Circuit) -> Circuit:
        block = edits.new_block(circuit, kind)
        block = block.but(settings=block.settings.replace(**settings))
        return edits.insert_block(circuit, edits.Slot("", 99), block)

    panel.document.change_circuit("x", change)
    select(panel, "quantum-1", f"{kind}-1")
    return f"{kind}-1"


def test_a_gate_shows_its_angles_only_while_they_are_fixed(panel: Inspector) -> None:
    add(panel, "u3")
    assert {"theta", "phi", "delta"}.isdisjoint(panel.editors())
    assert "start" in panel.editors()
    panel.editors()["trainable"].click()
    panel.refresh()
    assert {"theta", "phi", "delta"} <= set(panel.editors())
    assert "start" not in panel.editors()


def test_first_weights_are_told_in_short_and_open_by_a_click(panel: Inspector) -> None:
    add(panel, "rx_layer", init="uniform", mean=0.5)
    fold = panel.editors()["start"]
    assert fold.text() == "0.5 + 0.1·U(-1,1)" and "spread" not in panel.editors()
    fold.click()
    field = panel.editors()["spread"]
    field.selectAll()
    QTest.keyClicks(field, "2")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert panel.document.undo_label == "Change init spread"
    panel.refresh()
    assert panel.editors()["start"].text() == "0.5 + 2·U(-1,1)"
    panel.editors()["start"].click()
    assert "spread" not in panel.editors()


def test_of_several_blocks_only_fields_that_matter_to_all_show(panel: Inspector) -> None:
    add(panel, "rx")
    add(panel, "rx", trainable=False)
    panel.document.select_blocks({"rx-1", "rx-2"})
    panel.refresh()
    assert list(panel.editors()) == ["trainable"]


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("toffoli", ["Control", "Control", "Target"]),
        ("crx", ["Control", "Target"]),
        ("rzz", ["First qubit", "Second qubit"]),
        ("u3", ["Qubit"]),
    ],
)
def test_the_ends_of_a_gate_are_named(panel: Inspector, kind: str, labels: list[str]) -> None:
    add(panel, kind)
    named = [row.field.label for row, _ in panel._rows if row.field.name.startswith("wire")]
    assert named == labels


# ---- the readout --------------------------------------------------------------------------------


def measured(panel: Inspector) -> dict:
    panel.document.select_stage("quantum-1")
    panel.document.select_readout()
    panel.refresh()
    return panel.editors()


def choose(panel: Inspector, name: str, value: str) -> None:
    field = panel.editors()[name]
    field.setCurrentIndex(field.findData(value))
    field.activated.emit(field.currentIndex())
    panel.refresh()


def readout(panel: Inspector) -> Readout:
    return panel.document.design.stage("quantum-1").circuit.readout


def test_the_readout_shows_what_matters_for_its_kind(panel: Inspector) -> None:
    assert list(measured(panel)) == ["kind", "observable", "wires"]
    assert panel._title.text() == "MEASURE" and panel._about.text().startswith("4 outputs: ⟨Z⟩")
    choose(panel, "kind", "probabilities")
    assert list(panel.editors()) == ["kind", "wires"]
    assert panel._about.text().startswith("16 outputs")
    choose(panel, "kind", "pauli_sum")
    assert list(panel.editors()) == ["kind", "sums"]
    assert readout(panel).sums == ("Z0", "Z1", "Z2", "Z3")
    assert panel.document.undo_label == "Change readout"
    panel.document.undo()
    panel.document.undo()
    panel.refresh()
    assert readout(panel) == Readout() and panel.document.undo_label == ""
    assert list(panel.editors()) == ["kind", "observable", "wires"]


def test_the_readouts_wires_keep_the_order_they_are_written_in(panel: Inspector) -> None:
    field = measured(panel)["wires"]
    field.selectAll()
    QTest.keyClicks(field, "2, 0")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert readout(panel).wires == (2, 0)
    panel.refresh()
    assert panel._about.text() == "2 outputs: ⟨Z⟩ of q2 q0."


def test_pauli_sums_are_written_line_by_line_as_one_step(panel: Inspector) -> None:
    measured(panel)
    choose(panel, "kind", "pauli_sum")
    field = panel.editors()["sums"]
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "0.5 Z0 Z1 - X2")
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClicks(field, "Y3")
    assert len(readout(panel).sums) == 4, "nothing is taken while it is written"
    QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert readout(panel).sums == ("0.5 Z0 Z1 - X2", "Y3")
    panel.document.undo()
    panel.refresh()
    assert field.toPlainText() == "Z0\nZ1\nZ2\nZ3"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Z0 Q1", "The Pauli sum 'Z0 Q1' cannot be read at 'Q1'; "),
        ("Z9", "The readout measures wire 9, but the circuit has wires 0 to 3."),
        ("", "A readout of Pauli sums needs at least one, "),
    ],
)
def test_a_pauli_sum_that_is_none_stays_to_be_mended(
    panel: Inspector, text: str, reason: str
) -> None:
    measured(panel)
    choose(panel, "kind", "pauli_sum")
    field, before = panel.editors()["sums"], readout(panel)
    field.selectAll()
    with heard(panel.refused) as said:
        QTest.keyClicks(field, text) if text else QTest.keyClick(field, Qt.Key.Key_Delete)
        QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert len(said) == 1 and said[0].startswith(reason)
    panel.refresh()
    assert field.toPlainText() == text and readout(panel) == before
    assert field.property("wrong")
    with heard(panel.refused) as said:
        QTest.keyClick(field, Qt.Key.Key_Escape)
    assert said == [""]
    assert field.toPlainText() == "Z0\nZ1\nZ2\nZ3" and not field.property("wrong")


@pytest.mark.parametrize("kind", sorted(BLOCKS))
def test_no_blocks_fields_outgrow_the_narrow_panel(panel: Inspector, kind: str) -> None:
    panel.resize(216, 700)
    if kind == AMPLITUDE:
        block = edits.new_block(Circuit(wires=4), kind)
        panel.document.change_circuit("x", lambda c: edits.insert_block(c, FIRST_SLOT, block))
        select(panel, "quantum-1", block.id)
    elif BLOCKS[kind].kind in ("repeat", "ry_layer", "h_ry_embedding"):
        circuit = panel.document.design.stage("quantum-1").circuit
        select(panel, "quantum-1", next(b.id for b, _ in walk(circuit.blocks) if b.kind == kind))
    else:
        add(panel, kind)
    if "start" in panel.editors():
        panel.editors()["start"].click()
    QApplication.processEvents()
    assert panel.widget().width() <= panel.viewport().width()
    assert all(w.width() >= 56 for w in panel.editors().values() if isinstance(w, QLineEdit))


# ---- the newer fields of training, weights and data ----------------------------------------------


def test_a_schedule_asks_only_for_its_own_values(panel: Inspector) -> None:
    select(panel, LOSS)["more"].click()
    shown = {}
    for schedule in ("constant", "step", "cosine", "plateau"):
        panel.document.apply("x", edits.set_training(panel.document.design, schedule=schedule))
        names = set(select(panel, LOSS))
        shown[schedule] = names & {"step_size", "gamma", "patience", "warmup"}
    assert shown == {
        "constant": {"warmup"},
        "step": {"step_size", "gamma", "warmup"},
        "cosine": {"warmup"},
        "plateau": {"patience", "gamma", "warmup"},
    }


def test_a_zero_that_means_none_says_so_and_may_be_written_so(panel: Inspector) -> None:
    fold = select(panel, LOSS)["more"]
    assert fold.text() == "as usual" and "clip" not in panel.editors()
    fold.click()
    field = panel.editors()["clip"]
    assert field.text() == "none"
    for typed, value, shown in (("1.5", 1.5, "1.5"), ("none", 0.0, "none")):
        field.selectAll()
        QTest.keyClicks(field, typed)
        QTest.keyClick(field, Qt.Key.Key_Return)
        panel.refresh()
        assert (panel.document.design.training.clip, field.text()) == (value, shown)
    assert panel.editors()["early_stopping"].text() == "never"
    panel.document.apply("x", edits.set_training(panel.document.design, clip=1.0))
    panel.refresh()
    assert panel.editors()["more"].text() == "Clip gradients"
    panel.document.apply("x", edits.set_training(panel.document.design, warmup=2))
    panel.refresh()
    assert panel.editors()["more"].text() == "2 changed"


def table(tmp_path: Path) -> str:
    file = tmp_path / "iris.csv"
    rows = (f"{k % 7}.5,{k % 5},{k}.25,{'abc'[k % 3]}" for k in range(60))
    file.write_text("\n".join(["long,wide,weight,kind", *rows]))
    return str(file)


def test_a_table_offers_its_columns_and_the_losses_of_its_task(
    panel: Inspector, tmp_path: Path
) -> None:
    document = panel.document
    document.apply("x", edits.use_data(document.design, table(tmp_path)))
    document.select_stage(DATA)
    wait_until(lambda: "columns" in panel.editors())
    fields = panel.editors()
    ticks = fields["columns"].ticks
    assert ticks.names == ("long", "wide", "weight") and "task" not in fields
    ticks.setData(ticks.index(1), Qt.CheckState.Unchecked.value, Qt.ItemDataRole.CheckStateRole)
    assert document.design.data.columns == ("long", "weight")
    label = fields["label"]
    label.setCurrentIndex(label.findData("weight"))
    label.activated.emit(label.currentIndex())
    data, training = document.design.data, document.design.training
    assert (data.label, data.task, data.columns) == ("weight", "regress", ("long",))
    assert training.loss == "mse"
    loss = select(panel, LOSS)["loss"]
    assert [loss.itemData(k) for k in range(loss.count())] == ["mse", "mae"]
    document.undo()
    assert document.design.data.label == "kind"


def test_weights_of_a_stage_may_come_from_a_kept_run(
    panel: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path))
    run = made_run.write_run(tmp_path / "data" / "runs" / "first", 3)
    (run / "best.pt").write_bytes(b"")
    button = select(panel, "linear-1")["run"]
    assert "run" not in select(panel, "squash-1")
    button = select(panel, "linear-1")["run"]
    button.click()
    wait_until(lambda: bool(button.findChildren(QMenu)))
    offered = button.findChildren(QMenu)[0].actions()
    assert [action.text() for action in offered] == [
        "Digits quickstart: linear-1 · digits", "Digits quickstart: linear-2 · digits",
    ]  # fmt: skip
    offered[1].trigger()
    button.findChildren(QMenu)[0].close()
    weights = panel.document.design.stage("linear-1").weights
    assert (weights.origin, weights.path, weights.stage) == ("run", str(run), "linear-2")
    panel.refresh()
    origin = panel.editors()["origin"]
    assert origin.currentText() == "from a run"
    origin.setCurrentIndex(origin.findData("random"))
    origin.activated.emit(origin.currentIndex())
    assert panel.document.design.stage("linear-1").weights.origin == "random"
