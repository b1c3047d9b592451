"""Where the circuits run: chosen in the header, with what is legal there in the inspector."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QMenu, QWidget
from shells import end, heard, quickstart

from app.checked import Checked
from app.document import DEVICE, Document
from app.panels import devices
from app.panels.devices import DeviceButton, device_about, device_rows
from app.panels.inspector import Inspector
from app.panels.statusbar import gradients
from app.runview import RunView
from qdesigner.catalog.devices import DEVICES
from qdesigner.design import edits
from qdesigner.design.spec import Design


@pytest.fixture
def document(qapp: object) -> Document:
    return Document(quickstart())


def fields(design: Design) -> dict[str, tuple[str, ...]]:
    return {row.field.name: row.field.choices for row in device_rows(design)}


def on(name: str, **changes: object) -> Design:
    return edits.set_device(edits.set_device(quickstart(), name=name), **changes)


def choose(document: Document, label: str) -> QMenu:
    menu = QMenu()
    devices.fill(menu, document)
    next(action for action in menu.actions() if action.text().startswith(label)).trigger()
    return menu


def test_a_device_is_chosen_in_the_header_as_one_undo_step(document: Document) -> None:
    button = DeviceButton(document)
    assert button.text() == "Built-in simulator"
    with heard(document.stage_selected) as selected:
        choose(document, "PennyLane default.qubit")
    assert document.design.device.name == "default.qubit"
    assert button.text() == "PennyLane default.qubit"
    assert selected == [DEVICE]
    document.undo()
    assert button.text() == "Built-in simulator"
    end(button)


def test_a_device_that_is_not_installed_says_how(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = 'pip install "qdesigner[aer]"'
    monkeypatch.setattr(
        devices, "missing", lambda kind: sentence if kind.name == "qiskit.aer" else ""
    )
    menu = QMenu()
    devices.fill(menu, document)
    entries = {action.text(): action for action in menu.actions()}
    absent = entries["Qiskit Aer   (not installed)"]
    assert not absent.isEnabled() and absent.toolTip() == sentence
    assert entries["Built-in simulator"].isEnabled() and entries["Built-in simulator"].isChecked()
    shown = next(row for row in device_rows(document.design) if row.field.name == "name")
    assert "qiskit.aer" not in shown.field.choices


def test_only_what_is_legal_is_offered() -> None:
    assert fields(quickstart())["gradient"] == ("auto", "adjoint", "parameter-shift")
    assert fields(on("built-in", shots=100))["gradient"] == ("auto", "parameter-shift")
    assert "noise" not in fields(quickstart())
    mixed = fields(on("default.mixed"))
    assert mixed["noise"][0] == "" and "depolarizing" in mixed["noise"]
    assert "noise_level" not in mixed
    assert "noise_level" in fields(on("default.mixed", noise="depolarizing"))
    assert "target" in fields(on("ibm")) and "gradient" not in fields(on("ibm"))


def test_backend_snapshots_that_are_too_narrow_are_left_out() -> None:
    narrow = fields(on("qiskit.aer"))["noise"]
    design = edits.on_circuit(on("qiskit.aer"), "quantum-1", lambda circuit: circuit.but(wires=6))
    wide = fields(design)["noise"]
    assert set(wide) < set(narrow) and "fake_manila" not in wide


def test_the_cost_of_a_step_and_its_gradients_are_told() -> None:
    few, many = device_about(quickstart()), device_about(on("built-in", shots=100))
    assert "16 circuits by adjoint" in few
    assert "400 circuits by parameter-shift" in many
    assert gradients(quickstart()) == "exact gradients (adjoint)"
    assert gradients(on("built-in", shots=100)) == "gradients from 100 shots (parameter-shift)"
    assert gradients(on("built-in", shots=1)) == "gradients from 1 shot (parameter-shift)"
    assert gradients(on("ibm")) == "no gradients on this device"


@pytest.fixture
def panel(document: Document) -> Iterator[Inspector]:
    inspector = Inspector(document, RunView(), Checked(document))
    inspector.resize(260, 600)
    inspector.show()
    yield inspector
    end(inspector)


@pytest.mark.parametrize("name", [name for name, kind in DEVICES.items()])
def test_the_inspector_shows_every_device(panel: Inspector, document: Document, name: str) -> None:
    document.apply("x", edits.set_device(document.design, name=name))
    document.select_stage(DEVICE)
    panel.refresh()
    shown: dict[str, QWidget] = panel.editors()
    assert shown["name"].currentText() == DEVICES[name].label


def test_shots_are_set_in_the_inspector(panel: Inspector, document: Document) -> None:
    document.select_stage(DEVICE)
    panel.refresh()
    shots = panel.editors()["shots"]
    shots.setValue(100)
    shots.editingFinished.emit()
    assert document.design.device.shots == 100
