"""Which devices there are, what is legal on them, and what a design says of its own."""

from __future__ import annotations

import importlib.util
import json

import pytest

from qdesigner.catalog.devices import (
    BUILT_IN,
    DEVICES,
    circuits_per_step,
    gradient,
    legal_gradients,
    memory_bytes,
    missing,
    predicted_ms,
    predicted_run_ms,
    refusal,
    shifts,
)
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.readout import Readout
from qdesigner.design import checks, codec, edits
from qdesigner.design.checks import problems
from qdesigner.design.plan import learns_before, step_cost
from qdesigner.design.spec import Design, DeviceSpec
from qdesigner.errors import UserError
from qdesigner.paths import resource


def _circuit(wires: int = 2, **readout: object) -> Circuit:
    blocks = (
        Block(id="in", kind="angle_embedding"),
        Block(id="turn", kind="ry_layer"),
        Block(id="still", kind="ry_layer", settings={"trainable": False}),
    )
    return Circuit(wires=wires, blocks=blocks, readout=Readout(**readout))


def _design(**device: object) -> Design:
    design = codec.load(resource("templates/quickstart.qdesign"))
    return edits.set_device(design, **device) if device else design


def _of_device(design: Design) -> list[tuple[str, str]]:
    return [(p.severity, p.text) for p in problems(design) if p.where == "device"]


def test_the_first_schema_named_the_device_by_a_word() -> None:
    body = json.loads(codec.dumps(_design()))
    old = {**body, "schema": 1, "device": "built-in"}
    assert codec.loads(json.dumps(old)).device == DeviceSpec()
    with pytest.raises(UserError, match="unknown device 'quantum toaster'"):
        codec.loads(json.dumps({**old, "device": "quantum toaster"}))


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_survives_the_file(name: str) -> None:
    design = _design(name=name, shots=100)
    assert codec.loads(codec.dumps(design)).device == DeviceSpec(name=name, shots=100)


@pytest.mark.parametrize(
    ("spec", "methods"),
    [
        (DeviceSpec(), ("adjoint", "parameter-shift")),
        (DeviceSpec(shots=100), ("parameter-shift",)),
        (DeviceSpec(name="default.qubit"), ("backprop", "parameter-shift")),
        (DeviceSpec(name="default.qubit", shots=100), ("parameter-shift",)),
        (DeviceSpec(name="default.mixed"), ("parameter-shift",)),
        (DeviceSpec(name="lightning.qubit"), ("adjoint", "parameter-shift")),
        (DeviceSpec(name="qiskit.basic"), ("parameter-shift",)),
        (DeviceSpec(name="qiskit.aer", shots=100), ("parameter-shift",)),
        (DeviceSpec(name="braket.local"), ("parameter-shift",)),
        (DeviceSpec(name="ibm", shots=100), ()),
    ],
)
def test_every_device_has_its_gradient_methods(spec: DeviceSpec, methods: tuple[str, ...]) -> None:
    assert legal_gradients(spec, _circuit()) == methods
    assert gradient(spec, _circuit()) == (methods[0] if methods else "")


def test_lightning_gives_no_adjoint_gradient_of_probabilities() -> None:
    spec = DeviceSpec(name="lightning.qubit", gradient="adjoint")
    circuit = _circuit(kind="probabilities")
    assert gradient(DeviceSpec(name="lightning.qubit"), circuit) == "parameter-shift"
    assert "no gradient of probabilities" in refusal(spec, circuit)
    assert refusal(spec, _circuit()) == ""


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (DeviceSpec(gradient="backprop"), "does not exist on Built-in simulator; use adjoint or"),
        (DeviceSpec(gradient="adjoint", shots=10), "needs exact values; with shots use"),
        (DeviceSpec(name="default.qubit", noise="bit_flip"), "knows none"),
        (DeviceSpec(name="default.mixed", noise="fake_manila"), "knows depolarizing"),
        (DeviceSpec(name="ibm", shots=10, target="ibm_fez"), "train on another device, then"),
        (DeviceSpec(target="ibm_fez"), "takes no target"),
    ],
)
def test_what_is_illegal_is_refused_in_a_sentence(spec: DeviceSpec, says: str) -> None:
    assert says in refusal(spec, _circuit())


def test_a_remote_device_predicts() -> None:
    spec = DeviceSpec(name="ibm", shots=10, target="ibm_fez")
    assert refusal(spec, _circuit(), train=False) == ""
    for lacking, says in (
        (DeviceSpec(name="ibm"), "choose a number of shots"),
        (DeviceSpec(name="braket.aws", shots=10), "the ARN of the Braket device"),
    ):
        assert says in refusal(lacking, _circuit(), train=False)


def test_a_circuit_must_fit_the_device_and_its_noise() -> None:
    assert "at most 10 wires" in refusal(DeviceSpec(name="default.mixed"), _circuit(11))
    noisy = DeviceSpec(name="qiskit.aer", shots=10, noise="fake_manila")
    assert refusal(noisy, _circuit(5)) == ""
    assert "fake_manila has 5 qubits" in refusal(noisy, _circuit(6))
    exact = DeviceSpec(name="qiskit.aer", noise="fake_hanoi")
    assert refusal(exact, _circuit(10)) == ""
    assert "need at most 10 wires" in refusal(exact, _circuit(11))
    assert refusal(exact.but(shots=100), _circuit(11)) == ""


def test_a_missing_library_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_found(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib.util, "find_spec", none_found)
    assert 'pip install "qdesigner[aer]"' in missing(DEVICES["qiskit.aer"])
    assert "pip install pennylane" in missing(DEVICES["default.qubit"])
    assert missing(DEVICES[BUILT_IN]) == ""
    found = _of_device(_design(name="qiskit.aer"))
    assert [severity for severity, _ in found] == ["error"]


def test_the_shift_rule_runs_two_circuits_for_each_angle_that_learns() -> None:
    circuit = _circuit()
    assert shifts(circuit, learned=False) == 4  # two trained angles; the fixed ones stay
    assert shifts(circuit, learned=True) == 8  # and two features
    crx = Circuit(wires=2, blocks=(Block(id="c", kind="crx", wires=(0, 1)),))
    assert shifts(crx) == 4
    assert circuits_per_step(DeviceSpec(shots=9), circuit, 3, learned=False) == 15
    assert circuits_per_step(DeviceSpec(), circuit, 3) == 3


def test_amplitudes_that_learn_are_turned_up_and_down() -> None:
    state = Block(id="state", kind="amplitude_embedding")
    circuit = Circuit(wires=3, blocks=(state, Block(id="turn", kind="ry_layer")))
    assert shifts(circuit, learned=False) == 6
    assert shifts(circuit, learned=True) == 6 + 2 * 8


@pytest.mark.parametrize("name", DEVICES)
def test_more_samples_wires_and_shots_are_predicted_to_take_longer(name: str) -> None:
    spec = DeviceSpec(name=name, shots=100)
    assert predicted_ms(spec, _circuit(), 8) > predicted_ms(spec, _circuit(), 2) > 0
    assert predicted_run_ms(spec, _circuit(), 80) > predicted_run_ms(spec, _circuit(), 8)


def test_the_built_in_device_draws_outcomes_not_shots() -> None:
    few, many = DeviceSpec(shots=10), DeviceSpec(shots=1000)
    circuit = Circuit(wires=12, blocks=(Block(id="a", kind="ry_layer"),))
    exact, ten = (predicted_run_ms(spec, circuit, 100) for spec in (DeviceSpec(), few))
    assert ten > 2 * exact and predicted_run_ms(many, circuit, 100) < 1.2 * ten


def test_noise_takes_longer() -> None:
    for name, noise in (("default.mixed", "bit_flip"), ("qiskit.aer", "fake_manila")):
        quiet = predicted_ms(DeviceSpec(name=name), _circuit(), 4)
        assert predicted_ms(DeviceSpec(name=name, noise=noise), _circuit(), 4) > quiet


def test_another_device_drops_what_it_does_not_know() -> None:
    noisy = _design(name="default.mixed", noise="bit_flip", noise_level=0.1, shots=50)
    moved = edits.set_device(noisy, name="default.qubit").device
    assert moved == DeviceSpec(name="default.qubit", shots=50)
    adjoint = edits.set_device(_design(), gradient="adjoint")
    assert edits.set_device(adjoint, name="qiskit.aer").device.gradient == "auto"
    kept = edits.set_device(adjoint, name="lightning.qubit").device
    assert kept.gradient == "adjoint"
    with pytest.raises(edits.EditError, match="shots"):
        edits.set_device(_design(), shots=-1)


def test_an_illegal_device_is_a_problem_with_a_fix() -> None:
    design = _design(name="ibm", shots=100, target="ibm_fez")
    (problem,) = (p for p in problems(design) if p.where == "device")
    assert problem.severity == "error" and problem.fix is not None
    assert problem.fix.label == "Use the built-in device"
    assert _of_device(problem.fix.apply(design)) == []


def test_a_gradient_method_that_cannot_be_has_its_fix_too() -> None:
    design = _design(gradient="adjoint", shots=100)
    (problem,) = (p for p in problems(design) if p.where == "device")
    assert problem.fix is not None and problem.fix.label == "Automatic gradients"
    assert _of_device(problem.fix.apply(design)) == []


def test_a_step_that_takes_long_is_told_of() -> None:
    design = edits.set_training(_design(name="qiskit.basic", shots=1000), batch_size=256)
    ((severity, text),) = _of_device(design)
    assert severity == "warning" and f"{step_cost(design).circuits:,} circuits" in text
    assert _of_device(_design()) == []


def test_what_does_not_fit_in_memory_is_told_with_the_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "machine_bytes", lambda: 1_000_000)
    design = edits.set_training(_design(name="default.qubit"), batch_size=512)
    (problem,) = (p for p in problems(design) if p.where == "device")
    assert problem.severity == "error" and "GB of memory" in problem.text
    assert problem.fix is not None and problem.fix.label.startswith("Batches of ")
    assert _of_device(problem.fix.apply(design)) == []
    assert memory_bytes(DeviceSpec(), _circuit(20), 512) < 10**10
    assert memory_bytes(DeviceSpec(name="default.qubit"), _circuit(20), 512) > 10**11


def test_what_trains_before_a_circuit_asks_for_gradients_of_its_features() -> None:
    design = _design()
    quantum = next(stage for stage in design.stages if stage.circuit is not None)
    assert learns_before(design, quantum.id)
    for stage in design.stages[: design.stages.index(quantum)]:
        design = edits.set_frozen(design, stage.id, True)
    assert not learns_before(design, quantum.id)


def test_what_a_device_cannot_do_without_it_begins_with() -> None:
    assert _design(name="ibm").device.shots == 1000
    assert _design(name="ibm", shots=20).device.shots == 20
    mixed = _design(name="default.mixed")
    assert edits.set_device(mixed, noise="bit_flip").device.noise_level == 0.01
    assert edits.set_device(mixed, noise="bit_flip", noise_level=0.2).device.noise_level == 0.2


def test_observables_that_are_measured_apart_cost_a_circuit_each() -> None:
    def predicted(*sums: str) -> float:
        readout = Readout(kind="pauli_sum", sums=sums)
        return predicted_run_ms(
            DeviceSpec(name="qiskit.aer", shots=1000), Circuit(wires=4, readout=readout), 64
        )

    together, apart = predicted("Z0 Z1 + Z2"), predicted("Z0 + X0 + Y0")
    assert apart > 2 * together
