"""Circuits give on Qiskit's devices what their matrices and PennyLane say, wire 0 leftmost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dense
import numpy as np
import pytest
import referee
import torch
from qiskit import transpile
from qiskit.exceptions import QiskitError
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_ibm_runtime import fake_provider
from qiskit_ibm_runtime.accounts import management
from referee import RandomCircuits

from qdesigner.catalog.snapshots import SNAPSHOTS
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.free import Free, free
from qdesigner.circuit.readout import Readout
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices import ibm, remote
from qdesigner.devices.base import Device, open_device
from qdesigner.devices.counts import bases
from qdesigner.devices.ibm import Ibm
from qdesigner.devices.qiskit_circuits import build, measured
from qdesigner.engine.angles import AngleTable, amplitudes
from qdesigner.errors import UserError

NAMES = ["qiskit.basic", "qiskit.aer"]
READOUTS = {
    "Z": Readout(),
    "X of some": Readout(observable="X", wires=(2, 0)),
    "sums": Readout(kind="pauli_sum", sums=("0.5 Z0 Z1 - X2 + 0.25", "Y1 Z2", "3")),
    "probabilities": Readout(kind="probabilities", wires=(2, 0)),
}


def _circuit(readout: Readout, *first: Block) -> Circuit:
    """Every gate there is, on three wires, after some angles."""
    gates = [
        Block(id=f"g-{row.kind}", kind=row.kind, wires=tuple(range(row.wires))[::-1])
        for row in BLOCKS.values()
        if row.wires is not None
    ]
    before = (*first, Block(id="in", kind="angle_embedding", settings={"axis": "Y"}))
    return Circuit(
        wires=3, blocks=(*before, Block(id="turn", kind="rot_layer"), *gates), readout=readout
    )


def _numbers(freed: Free, rows: int = 3) -> tuple[np.ndarray, np.ndarray | None]:
    rng = np.random.default_rng(5)
    angles = rng.uniform(-3, 3, (rows, len(freed.angles)))
    if freed.prepared is None:
        return angles, None
    states = rng.normal(size=(rows, 1 << len(freed.prepared.wires)))
    return angles, states / np.linalg.norm(states, axis=1, keepdims=True)


def _open(name: str, noise: str = "") -> Device:
    return open_device(DeviceSpec(name=name, noise=noise))


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("name", NAMES)
class TestEveryGateAndReadout:
    def test_is_exactly_what_its_matrix_says(self, name: str, readout: str) -> None:
        freed = free(_circuit(READOUTS[readout]))
        angles, _ = _numbers(freed)
        out = _open(name).run(freed, angles, None, 0, 0)
        np.testing.assert_allclose(out, dense.outputs(freed, angles), rtol=0, atol=1e-10)

    def test_lies_within_four_standard_errors_and_follows_the_seed(
        self, name: str, readout: str
    ) -> None:
        freed = free(_circuit(READOUTS[readout]))
        angles, _ = _numbers(freed)
        device = _open(name)
        out = device.run(freed, angles, None, 2000, 7)
        exact = dense.outputs(freed, angles)
        assert (np.abs(out - exact) <= 4 * dense.spread(freed, exact, 2000)).all()
        np.testing.assert_array_equal(out, device.run(freed, angles, None, 2000, 7))
        assert (out != device.run(freed, angles, None, 2000, 8)).any()


@pytest.mark.parametrize("name", NAMES)
class TestNumbers:
    @pytest.mark.parametrize("wires", [(1,), (2, 0), (0, 2, 1)])
    def test_features_may_be_amplitudes_of_any_sign(
        self, name: str, wires: tuple[int, ...]
    ) -> None:
        first = Block(id="state", kind="amplitude_embedding", wires=wires)
        freed = free(_circuit(READOUTS["sums"], first))
        angles, states = _numbers(freed, rows=4)
        assert states is not None
        states[:3] = 0
        states[0, 0], states[1, -1] = 1, -1
        states[2, 0], states[2, -1] = 0.6, -0.8  # every other one is nothing
        out = _open(name).run(freed, angles, states, 0, 0)
        np.testing.assert_allclose(out, dense.outputs(freed, angles, states), rtol=0, atol=1e-10)

    def test_features_and_weights_give_what_pennylane_gives(self, name: str) -> None:
        """Every kind of angle: products, bits, shifts, amplitudes."""
        kinds = ("amplitude_embedding", "basis_embedding", "zz_feature_map", "iqp_embedding")
        blocks = [Block(id=kind, kind=kind) for kind in kinds]
        scaled = Block(id="scaled", kind="angle_embedding", settings={"scale": "trainable"})
        circuit = Circuit(wires=3, blocks=(*blocks, scaled, Block(id="rot", kind="rot_layer")))
        freed = free(circuit)
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(2, freed.inputs, generator=generator, dtype=torch.float64)
        weights = torch.randn(freed.weights, generator=generator, dtype=torch.float64)
        angles, state = AngleTable(freed)(x, weights), amplitudes(freed, x)
        assert state is not None
        out = _open(name).run(freed, angles.numpy(), state.numpy(), 0, 0)
        expected = referee.outputs(circuit, x, weights)
        np.testing.assert_allclose(out, expected.numpy(), rtol=0, atol=1e-10)

    def test_random_circuits_agree_after_the_order_of_wires(self, name: str) -> None:
        device = _open(name)
        for seed, kind in enumerate(BLOCKS):
            freed = free(RandomCircuits(seed).circuit(kind, max_wires=4))
            angles, states = _numbers(freed, rows=2)
            out = device.run(freed, angles, states, 0, 0)
            exact = dense.outputs(freed, angles, states)
            np.testing.assert_allclose(out, exact, rtol=0, atol=1e-10, err_msg=f"{kind}, {seed}")

    def test_rows_of_equal_angles_draw_shots_of_their_own(self, name: str) -> None:
        freed = free(_circuit(READOUTS["Z"]))
        angles = np.repeat(_numbers(freed, rows=1)[0], 20, axis=0)
        out = _open(name).run(freed, angles, None, 50, 3)
        assert len(np.unique(out[:, 0])) > 5

    def test_a_circuit_without_angles_runs_once_for_each_row(self, name: str) -> None:
        freed = free(Circuit(wires=2, blocks=(Block(id="h", kind="h", wires=(0,)),)))
        nothing = np.empty((8, 0))
        device = _open(name)
        np.testing.assert_allclose(
            device.run(freed, nothing, None, 0, 0), [[0, 1]] * 8, rtol=0, atol=1e-12
        )
        assert len(np.unique(device.run(freed, nothing, None, 50, 1)[:, 0])) > 2

    @pytest.mark.parametrize("shots", [0, 10])
    def test_no_rows_give_no_rows(self, name: str, shots: int) -> None:
        freed = free(_circuit(READOUTS["X of some"]))
        out = _open(name).run(freed, np.empty((0, len(freed.angles))), None, shots, 0)
        assert out.shape == (0, 2)

    def test_one_shot_gives_one_or_minus_one(self, name: str) -> None:
        freed = free(_circuit(READOUTS["X of some"]))
        out = _open(name).run(freed, _numbers(freed)[0], None, 1, 0)
        assert set(np.abs(out).reshape(-1)) == {1.0}


class TestNoise:
    def test_a_snapshot_takes_the_edge_off_a_certain_result(self) -> None:
        """A bit that is surely 1 is read as 0 now and then, and decays besides."""
        freed = free(Circuit(wires=1, blocks=(Block(id="x", kind="x", wires=(0,)),)))
        noisy = _open("qiskit.aer", "fake_manila")
        exact = noisy.run(freed, np.empty((1, 0)), None, 0, 0)[0, 0]
        assert -0.99 < exact < -0.85
        out = noisy.run(freed, np.empty((1, 0)), None, 4000, 0)[0, 0]
        assert abs(out - exact) <= 4 * np.sqrt((1 - exact**2) / 4000)

    def test_noise_lowers_the_purity(self) -> None:
        blocks = (Block(id="ry", kind="ry_layer"), Block(id="cnot", kind="cnot_ring"))
        readout = Readout(kind="pauli_sum", sums=("X0", "Y0", "Z0"))
        freed = free(Circuit(wires=3, blocks=blocks, readout=readout))
        still = np.zeros((1, 3))  # wire 0 is in no entangled state
        pure = _open("qiskit.aer").run(freed, still, None, 0, 0)
        mixed = _open("qiskit.aer", "fake_manila").run(freed, still, None, 0, 0)
        assert np.linalg.norm(pure) == pytest.approx(1.0)
        assert np.linalg.norm(mixed) < 0.99

    @pytest.mark.parametrize("readout", READOUTS)
    def test_few_and_many_shots_come_from_the_exact_values(self, readout: str) -> None:
        first = Block(id="state", kind="amplitude_embedding", wires=(2, 0))
        freed = free(_circuit(READOUTS[readout], first))
        angles, states = _numbers(freed, rows=2)
        device = _open("qiskit.aer", "fake_manila")
        exact = device.run(freed, angles, states, 0, 0)
        for shots in (3, 4000):  # as single shots, and from a density matrix
            out = device.run(freed, angles, states, shots, 5)
            assert (np.abs(out - exact) <= 4 * dense.spread(freed, exact, shots)).all()
            np.testing.assert_array_equal(out, device.run(freed, angles, states, shots, 5))

    @pytest.mark.parametrize("kind", ["FakeQuitoV2", "FakeLagosV2"])
    def test_exact_values_are_those_of_aers_own_noise_model(self, kind: str) -> None:
        """Where the couplings force swaps, so that wires end on other qubits than they began."""
        pairs = [(0, 1), (0, 2), (0, 3), (1, 3), (2, 1)]
        cnots = [Block(id=f"b{k}", kind="cnot", wires=pair) for k, pair in enumerate(pairs)]
        readout = Readout(kind="probabilities", wires=(3, 0, 2))
        blocks = (Block(id="ry", kind="ry_layer"), *cnots, Block(id="rx", kind="rx_layer"))
        freed = free(Circuit(wires=4, blocks=blocks, readout=readout))
        angles = np.random.default_rng(2).uniform(0, 3, (1, 8))
        machine = getattr(fake_provider, kind)()
        out = _open("qiskit.aer", machine.name).run(freed, angles, None, 0, 0)[0]

        (group,) = bases(freed)
        circuit = measured(build(freed).circuit, group).assign_parameters(list(angles[0]))
        placed = transpile(circuit, machine, optimization_level=2, seed_transpiler=0)
        own = AerSimulator(noise_model=NoiseModel.from_backend(machine), method="density_matrix")
        counts = own.run(placed, shots=50_000, seed_simulator=1).result().get_counts()
        expected = np.array([counts.get(f"{k:03b}", 0) for k in range(8)]) / 50_000
        assert (np.abs(out - expected) <= 4 * np.sqrt(out * (1 - out) / 50_000)).all()
        effect = np.abs(out - dense.outputs(freed, angles)[0]).max()
        assert 0.01 < effect < 0.2

    def test_too_many_qubits_for_exact_values_are_named(self) -> None:
        freed = free(Circuit(wires=13, blocks=(Block(id="r", kind="cnot_chain"),)))
        device = _open("qiskit.aer", "fake_hanoi")
        with pytest.raises(UserError, match=r"uses 1\d qubits, too many for exact values"):
            device.run(freed, np.empty((1, 0)), None, 0, 0)

    def test_every_shipped_snapshot_is_the_installed_one(self) -> None:
        kinds = (getattr(fake_provider, name) for name in dir(fake_provider))
        installed = {k.backend_name: k for k in kinds if getattr(k, "backend_name", None)}
        for name in list(SNAPSHOTS)[::9]:
            assert installed[name]().num_qubits == SNAPSHOTS[name]
        assert set(SNAPSHOTS) <= set(installed)

    def test_a_snapshot_that_is_not_installed_is_named(self) -> None:
        with pytest.raises(UserError, match="no snapshot 'fake_nowhere'"):
            _open("qiskit.aer", "fake_nowhere")


class Account:
    """Stands in for `QiskitRuntimeService`: its machines are simulated ones."""

    def __init__(self, *machines: Any) -> None:
        self.machines = machines
        self.asked: list[str] = []

    def backend(self, name: str) -> Any:
        self.asked.append(name)
        for machine in self.machines:
            if machine.name == name:
                return machine
        raise QiskitError("No backend matches the criteria.")

    def least_busy(self, min_num_qubits: int) -> Any:
        self.asked.append(f"least busy of {min_num_qubits}")
        return next(m for m in self.machines if m.num_qubits >= min_num_qubits)


def _ibm(target: str, *machines: Any) -> Ibm:
    spec = DeviceSpec(name="ibm", target=target, shots=1000)
    return Ibm(spec, Account(*(machines or (AerSimulator(),))))


class TestIBM:
    @pytest.mark.parametrize("readout", READOUTS)
    def test_every_gate_and_readout_comes_back_through_the_runtime(self, readout: str) -> None:
        first = Block(id="state", kind="amplitude_embedding", wires=(2, 0))
        freed = free(_circuit(READOUTS[readout], first))
        angles, states = _numbers(freed)
        device = _ibm("aer_simulator")
        device.confirm(device.plan(freed, len(angles), 2000), True)
        out = device.run(freed, angles, states, 2000, 7)
        exact = dense.outputs(freed, angles, states)
        assert (np.abs(out - exact) <= 4 * dense.spread(freed, exact, 2000)).all()

    def test_a_plan_says_what_run_will_send_and_run_sends_no_more(self) -> None:
        freed = free(_circuit(READOUTS["sums"]))
        angles, _ = _numbers(freed)
        device = _ibm("fake_manila", fake_provider.FakeManilaV2())
        plan = device.plan(freed, 3, 100)
        groups = len(bases(freed))
        assert (plan.jobs, plan.circuits, plan.shots) == (1, 3 * groups, 300 * groups)
        assert f"1 job of {3 * groups} circuits to fake_manila" in plan.sentence
        with pytest.raises(UserError, match="Nothing was sent"):
            device.run(freed, angles, None, 100, 0)
        device.confirm(plan, True)
        with pytest.raises(UserError, match="Nothing was sent"):
            device.run(freed, angles, None, 101, 0)
        device.run(freed, angles, None, 100, 0)
        with pytest.raises(UserError, match="Nothing was sent"):
            device.run(freed, angles, None, 100, 0)

    def test_rows_that_one_job_cannot_hold_go_into_more(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        freed = free(_circuit(READOUTS["Z"]))
        angles, _ = _numbers(freed, rows=5)
        monkeypatch.setattr(remote, "IBM_EXECUTIONS", 4000)
        device = _ibm("aer_simulator")
        plan = device.plan(freed, 5, 2000)
        assert plan.jobs == 3
        device.confirm(plan, True)
        exact = dense.outputs(freed, angles)
        out = device.run(freed, angles, None, 2000, 1)
        assert (np.abs(out - exact) <= 4 * dense.spread(freed, exact, 2000)).all()

    def test_a_circuit_without_angles_is_sent_once_for_each_row(self) -> None:
        freed = free(Circuit(wires=2, blocks=(Block(id="h", kind="h", wires=(0,)),)))
        device = _ibm("aer_simulator")
        device.confirm(device.plan(freed, 6, 50), True)
        out = device.run(freed, np.empty((6, 0)), None, 50, 1)
        assert len(np.unique(out[:, 0])) > 1
        np.testing.assert_array_equal(out[:, 1], 1)

    def test_without_a_target_the_least_busy_machine_that_is_wide_enough_serves(self) -> None:
        freed = free(Circuit(wires=6))
        account = Account(fake_provider.FakeManilaV2(), fake_provider.FakeLagosV2())
        device = Ibm(DeviceSpec(name="ibm", shots=10), account)
        assert "fake_lagos" in device.plan(freed, 1, 10).sentence
        assert account.asked == ["least busy of 6"]

    def test_a_machine_too_small_or_unknown_is_named(self) -> None:
        freed = free(Circuit(wires=6))
        with pytest.raises(UserError, match="fake_manila has 5 qubits, but the circuit has 6"):
            _ibm("fake_manila", fake_provider.FakeManilaV2()).plan(freed, 1, 10)
        with pytest.raises(UserError, match="IBM Quantum could not reach ibm_atlantis: No backend"):
            _ibm("ibm_atlantis").plan(freed, 1, 10)

    def test_without_an_account_one_sentence_says_how_to_save_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        nothing = str(tmp_path / "qiskit-ibm.json")
        monkeypatch.setattr(management, "_DEFAULT_ACCOUNT_CONFIG_JSON_FILE", nothing)
        for name in [name for name in os.environ if name.startswith("QISKIT_IBM")]:
            monkeypatch.delenv(name)
        device = open_device(DeviceSpec(name="ibm", target="ibm_torino", shots=10))
        with pytest.raises(UserError, match=r"IBM Quantum needs your account: .*save_account"):
            device.run(free(Circuit(wires=1)), np.empty((1, 0)), None, 10, 0)

    def test_a_failed_job_is_a_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> None:
            raise QiskitError("the calibration moved.")

        freed = free(Circuit(wires=1))
        device = _ibm("aer_simulator")
        device.confirm(device.plan(freed, 1, 10), True)
        monkeypatch.setattr(ibm.Sampler, "run", fail)
        with pytest.raises(UserError, match="could not run on aer_simulator: the calibration"):
            device.run(freed, np.empty((1, 0)), None, 10, 0)
