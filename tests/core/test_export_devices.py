"""An exported script runs its circuits where the design does, and verifies what shots allow."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector
from referee import RandomCircuits, state
from torch import nn

from qdesigner.artifacts import export as exporting
from qdesigner.artifacts.export import export
from qdesigner.catalog.devices import DEVICES, missing
from qdesigner.catalog.snapshots import SNAPSHOTS
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.readout import Readout
from qdesigner.design.edits import activation_circuit
from qdesigner.design.spec import DataSpec, Design, DeviceSpec, Stage, TrainingSpec
from qdesigner.errors import UserError
from qdesigner.export.circuit_text import circuit_lines
from qdesigner.export.formulas import NOISY_QISKIT, QISKIT
from qdesigner.export.qiskit import snapshot
from qdesigner.export.script import script
from qdesigner.export.shifted import preparation
from qdesigner.session import events
from qdesigner.training.loop import train

Run = Callable[..., tuple[int, str]]
SUMS = Readout(kind="pauli_sum", sums=("0.5 Z0 Z1 - X2 + 0.3", "Y1 X0"))
REPEAT = Block(
    id="r", kind="repeat", settings={"count": 2},
    body=(
        Block(id="s", kind="ry_layer", settings={"same_passes": True}),
        Block(id="c", kind="controlled_layer"),
        Block(id="i", kind="ising_layer", settings={"trainable": False, "init": "uniform"}),
    ),
)  # fmt: skip
ANGLES = Circuit(
    wires=3, blocks=(Block(id="e", kind="h_ry_embedding", settings={"scale": "trainable"}), REPEAT)
)
PRODUCTS = Circuit(wires=3, blocks=(Block(id="e", kind="iqp_embedding"), REPEAT), readout=SUMS)
AMPLITUDES = Circuit(
    wires=3,
    blocks=(
        Block(id="a", kind="amplitude_embedding", settings={"features": 5, "pad": 0.2}),
        Block(id="b", kind="basis_embedding"),
        Block(id="t", kind="toffoli", wires=(2, 0, 1)),
        Block(id="l", kind="ry_layer"),
    ),
    readout=Readout(kind="probabilities", wires=(2, 0)),
)
CIRCUITS = {"angles": ANGLES, "products": PRODUCTS, "amplitudes": AMPLITUDES}
RUNS = {
    "built-in with shots": DeviceSpec(shots=100),
    "built-in by shifts": DeviceSpec(gradient="parameter-shift"),
    "default.qubit": DeviceSpec(name="default.qubit"),
    "default.mixed": DeviceSpec(name="default.mixed", noise="depolarizing", noise_level=0.05),
    "default.mixed with shots": DeviceSpec(
        name="default.mixed", noise="amplitude_damping", noise_level=0.1, shots=50
    ),
    "lightning.qubit": DeviceSpec(name="lightning.qubit"),
    "lightning.qubit with shots": DeviceSpec(name="lightning.qubit", shots=100),
    "qiskit.basic": DeviceSpec(name="qiskit.basic"),
    "qiskit.basic with shots": DeviceSpec(name="qiskit.basic", shots=100),
    "qiskit.aer": DeviceSpec(name="qiskit.aer"),
    "qiskit.aer with shots": DeviceSpec(name="qiskit.aer", shots=100),
    "qiskit.aer with noise": DeviceSpec(name="qiskit.aer", noise="fake_manila", shots=500),
    "braket.local": DeviceSpec(name="braket.local"),
    "braket.local with shots": DeviceSpec(name="braket.local", shots=100),
}


def design(circuit: Circuit, device: DeviceSpec, *behind: Stage) -> Design:
    stages = (
        Stage(id="flat-1", kind="flatten"),
        Stage(id="in-1", kind="linear", settings={"outputs": expand(circuit).inputs}, frozen=True),
        Stage(id="quantum-1", kind="quantum", circuit=circuit),
        *behind,
        Stage(id="out-1", kind="linear"),
    )
    return Design(
        data=DataSpec(classes=("1", "7"), limit=16), stages=stages, device=device,
        training=TrainingSpec(epochs=1, learning_rate=0.1, batch_size=8),
    )  # fmt: skip


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a script's main() as ``python model.py ...`` would: exit code and what it printed."""
    monkeypatch.setattr(exporting, "GOLDEN_SAMPLES", 2)

    def call(path: Path, *arguments: str) -> tuple[int, str]:
        module = ModuleType("exported")
        module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, "exported", module)
        monkeypatch.setattr(sys, "argv", [str(path), *arguments])
        for stream in (sys.stdout, sys.stderr):
            monkeypatch.setattr(stream, "reconfigure", lambda **_: None, raising=False)
        capsys.readouterr()
        threads = torch.get_num_threads()
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
        try:
            code = module.main()
        finally:
            torch.set_num_threads(threads)
        return code, capsys.readouterr().out

    return call


def have(device: DeviceSpec) -> None:
    lacking = missing(DEVICES[device.name])
    if lacking:
        pytest.skip(lacking)


# ---- verify --------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("circuit", list(CIRCUITS))
@pytest.mark.parametrize("name", list(RUNS))
def test_every_device_exports_runs_and_verifies(
    name: str, circuit: str, tmp_path: Path, run: Run
) -> None:
    have(RUNS[name])
    path = export(design(CIRCUITS[circuit], RUNS[name]), tmp_path / "model.py")
    code, said = run(path, "--verify")
    assert code == 0, said
    assert "over 2 images\nverified" in said
    golden = json.loads((tmp_path / "model_files/golden.json").read_text())
    assert ("shot" in golden["images"][0]) == bool(RUNS[name].shots)


@pytest.mark.parametrize("name", list(RUNS))
def test_every_device_exports_and_verifies_a_quantum_activation(
    name: str, tmp_path: Path, run: Run
) -> None:
    have(RUNS[name])
    activation = Stage(
        id="activation-1", kind="quantum_activation", circuit=activation_circuit(trained=True)
    )
    drawn = design(CIRCUITS["angles"], RUNS[name], activation)
    stages = tuple(stage for stage in drawn.stages if stage.kind != "quantum")
    path = export(drawn.but(stages=stages), tmp_path / "model.py")
    code, said = run(path, "--verify")
    assert code == 0, said
    assert "over 2 images\nverified" in said


def test_every_device_that_trains_here_is_in_the_test_above() -> None:
    named = {spec.name for spec in RUNS.values()}
    assert named == {name for name, kind in DEVICES.items() if not kind.remote}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("built-in with shots", "qml.RY(weights[0]", "qml.RX(weights[0]"),
        ("default.mixed", "op_args=0.05", "op_args=0.06"),
        ("default.mixed with shots", "op_args=0.1", "op_args=0.5"),
        ("qiskit.aer with shots", "circuit.ry(angle(weights[0])", "circuit.rx(angle(weights[0])"),
        ("qiskit.aer with noise", "(noise_model=NoiseModel.from_backend(SNAPSHOT))", "()"),
    ],
)
def test_a_script_that_computes_something_else_fails(
    name: str, before: str, after: str, tmp_path: Path, run: Run
) -> None:
    have(RUNS[name])
    turn = Block(id="t", kind="ry", wires=(0,), settings={"init": "uniform", "mean": 1.0})
    entangled = (Block(id=f"c{k}", kind="cnot_ring") for k in range(3))
    circuit = Circuit(wires=3, blocks=(turn, Block(id="e", kind="angle_embedding"), *entangled))
    path = export(design(circuit, RUNS[name]), tmp_path / "model.py")
    text = path.read_text(encoding="utf-8")
    assert before in text
    assert run(path, "--verify")[0] == 0
    path.write_text(text.replace(before, after), encoding="utf-8")
    code, said = run(path, "--verify")
    assert code == 1 and "differs by" in said


def test_what_is_curved_behind_shots_is_compared_with_shots_of_the_program(
    tmp_path: Path, run: Run
) -> None:
    behind = (
        Stage(id="curve-1", kind="activation"),
        Stage(id="quantum-2", kind="quantum", circuit=Circuit(wires=3, blocks=(
            Block(id="e", kind="angle_embedding"), Block(id="c", kind="cnot_ring"),
        ))),
    )  # fmt: skip
    path = export(design(ANGLES, DeviceSpec(shots=10), *behind), tmp_path / "model.py")
    golden = json.loads((tmp_path / "model_files/golden.json").read_text())
    assert all(error > 0 for error in golden["images"][0]["errors"])
    assert run(path, "--verify")[0] == 0


def test_outcomes_too_rare_to_be_seen_are_no_difference(tmp_path: Path, run: Run) -> None:
    """Four standard errors of runs that all agree would be nothing."""
    turn = Block(id="t", kind="rx", wires=(0,), settings={"trainable": False, "angle": 0.05})
    circuit = Circuit(wires=1, blocks=(Block(id="b", kind="basis_embedding"), turn))
    path = export(design(circuit, DeviceSpec(shots=10)), tmp_path / "model.py")
    code, said = run(path, "--verify")
    assert code == 0, said


# ---- train ---------------------------------------------------------------------------------------

LOSSES = re.compile(r"train loss (\S+) .* validation loss (\S+) ")


@pytest.mark.parametrize(
    "name",
    ["built-in by shifts", "default.qubit", "default.mixed", "lightning.qubit", "qiskit.aer",
     "braket.local"],
)  # fmt: skip
def test_training_again_gives_the_programs_losses(name: str, tmp_path: Path, run: Run) -> None:
    have(RUNS[name])
    told: list[events.Epoch] = []

    def note(event: events.Event) -> None:
        if isinstance(event, events.Epoch):
            told.append(event)

    circuit = Circuit(wires=2, blocks=(
        Block(id="e", kind="angle_embedding", settings={"scale": "trainable"}),
        Block(id="c", kind="controlled_layer", settings={"mean": 0.5}),
        Block(id="r", kind="rx_layer", settings={"trainable": False}),
    ), readout=Readout(observable="Y"))  # fmt: skip
    learning = design(circuit, RUNS[name])
    learning = learning.but(
        stages=tuple(s.but(frozen=False) for s in learning.stages),
        data=learning.data.but(limit=6),
    )
    trained = train(learning, note, out=str(tmp_path / "run"))
    assert trained is not None
    code, said = run(export(trained, tmp_path / "model.py"), "--train")
    found = LOSSES.search(said)
    assert code == 0 and found is not None
    ours = [told[0].train_loss, told[0].val_loss]
    np.testing.assert_allclose([float(found[1]), float(found[2])], ours, atol=1e-4)


@pytest.mark.parametrize("name", ["built-in with shots", "qiskit.basic with shots"])
def test_shots_train_too(name: str, tmp_path: Path, run: Run) -> None:
    path = export(design(Circuit(wires=2, blocks=ANGLES.blocks[:1]), RUNS[name]), tmp_path / "m")
    code, said = run(path, "--train", "--epochs", "2")
    assert code == 0 and "best validation accuracy" in said


# ---- the text ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", [QISKIT, NOISY_QISKIT], ids=lambda d: d.name)
@pytest.mark.parametrize("seed", range(len(BLOCKS)))
def test_the_statements_of_qiskit_apply_the_circuit_that_was_drawn(seed: int, dialect: Any) -> None:
    circuit = RandomCircuits(seed).circuit(list(BLOCKS)[seed], max_wires=5)
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=expand(circuit).inputs)
    weights = rng.normal(size=len(expand(circuit).weight_keys))
    found = QuantumCircuit(circuit.wires)
    names: dict[str, Any] = {
        "circuit": found, "math": math, "torch": torch, "nn": nn, "combinations": combinations,
        "inputs": torch.tensor(inputs)[None], "weights": torch.tensor(weights),
        "angle": lambda value, rule=(): float(value), "FOUR_TERMS": (), "QuantumCircuit": None,
    }  # fmt: skip
    helper = preparation(
        [circuit], "QuantumCircuit",
        "circuit.ry(angle(turns[:, (step - 1) ^ ((step - 1) >> 1)]), wire)",
        "circuit.cx(wires[place - moved], wire)",
    )  # fmt: skip
    exec("\n".join([*helper, *circuit_lines(circuit, dialect)]), names)
    there = np.asarray(Statevector(found.reverse_bits()))
    assert abs(np.vdot(state(circuit, inputs, weights), there)) == pytest.approx(1.0, abs=1e-7)


def test_the_names_of_the_snapshots_are_those_of_the_library() -> None:
    provider = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    for name in SNAPSHOTS:
        assert getattr(provider, snapshot(name)).backend_name == name


def test_weights_that_passes_share_stand_before_those_of_each_pass() -> None:
    assert circuit_lines(ANGLES.but(blocks=ANGLES.blocks[1:])) == [
        "for layer in range(2):",
        "    # RY layer",
        "    for wire in range(3):",
        "        qml.RY(weights[wire], wires=wire)",
        "    # Controlled rotations",
        "    for wire in range(2):",
        "        qml.CRX(weights[4 * layer + wire + 3], wires=[wire, wire + 1])",
        "    # Ising rotations",
        "    for wire in range(2):",
        "        qml.IsingXX(weights[4 * layer + wire + 5], wires=[wire, wire + 1])",
    ]


def test_a_remote_machine_is_named_beside_the_simulator_that_stands_for_it() -> None:
    arn = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
    text = script(
        design(ANGLES, DeviceSpec(name="braket.aws", target=arn, shots=10)), ("1", "7"), "f"
    )
    assert f'SIMULATOR = LocalSimulator()  # or AwsDevice("{arn}"), of braket.aws' in text
    text = script(
        design(ANGLES, DeviceSpec(name="ibm", target="ibm_fez", shots=10)), ("1", "7"), "f"
    )
    assert 'QiskitRuntimeService().backend("ibm_fez")' in text
    assert "qiskit, qiskit-aer" in text


def test_a_device_that_is_not_here_hides_no_code_but_an_illegal_one_does() -> None:
    assert "LocalSimulator" in script(design(ANGLES, RUNS["braket.local"]), ("1", "7"), "f")
    illegal = DeviceSpec(name="lightning.qubit", gradient="backprop")
    with pytest.raises(UserError, match="Backprop does not exist"):
        script(design(ANGLES, illegal), ("1", "7"), "f")


def test_a_script_says_when_amplitudes_hold_gradients_back() -> None:
    said = "trains nothing that stands before an amplitude embedding"
    for name, held in (("default.qubit", False), ("qiskit.aer", True), ("lightning.qubit", True)):
        frozen = design(AMPLITUDES, RUNS[name])
        free = frozen.but(stages=tuple(s.but(frozen=False) for s in frozen.stages))
        assert said not in script(frozen, ("1", "7"), "f")
        assert (said in script(free, ("1", "7"), "f")) == held


def test_what_a_script_needs_is_named() -> None:
    for name, spec in RUNS.items():
        text = script(design(ANGLES, spec), ("1", "7"), "f")
        needs = re.search(r"^Needs (.*)\.$", text, re.MULTILINE)
        assert needs is not None
        assert ("pennylane" in needs[1]) == text.count("import pennylane"), name
        assert ("amazon-braket-sdk" in needs[1]) == text.count("from braket.circuits"), name
        assert ("qiskit-ibm-runtime" in needs[1]) == text.count("qiskit_ibm_runtime"), name
