"""Circuits give on PennyLane's devices what their matrices say: values, gradients, noise, shots."""

from __future__ import annotations

import dense
import numpy as np
import pytest
import torch

from qdesigner.catalog.devices import CHANNELS, DEVICES, missing
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.free import Free, free
from qdesigner.circuit.readout import Readout
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices.base import Differentiable, open_device
from qdesigner.devices.layer import DeviceLayer

NAMES = ["default.qubit", "default.mixed", "lightning.qubit"]
READOUTS = {
    "Z": Readout(),
    "X of some": Readout(observable="X", wires=(2, 0)),
    "sums": Readout(kind="pauli_sum", sums=("0.5 Z0 Z1 - X2 + 0.25", "Y1", "3")),
    "probabilities": Readout(kind="probabilities", wires=(2, 0)),
}


def _circuit(readout: Readout, *first: Block) -> Circuit:
    """Every gate there is, on three wires, after some angles."""
    gates = [row for row in BLOCKS.values() if row.wires is not None]
    blocks = [
        Block(id=f"g-{row.kind}", kind=row.kind, wires=tuple(range(row.wires or 0))[::-1])
        for row in gates
    ]
    before = (*first, Block(id="in", kind="angle_embedding", settings={"axis": "Y"}))
    turn = Block(id="turn", kind="rot_layer")
    return Circuit(wires=3, blocks=(*before, turn, *blocks), readout=readout)


def _numbers(freed: Free, rows: int = 3) -> tuple[np.ndarray, np.ndarray | None]:
    rng = np.random.default_rng(5)
    angles = rng.uniform(-3, 3, (rows, len(freed.angles)))
    if freed.prepared is None:
        return angles, None
    states = rng.normal(size=(rows, 1 << len(freed.prepared.wires)))
    return angles, states / np.linalg.norm(states, axis=1, keepdims=True)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("name", NAMES)
def test_every_gate_and_readout_is_what_its_matrix_says(name: str, readout: str) -> None:
    freed = free(_circuit(READOUTS[readout]))
    angles, _ = _numbers(freed)
    out = open_device(DeviceSpec(name=name)).run(freed, angles, None, 0, 0)
    np.testing.assert_allclose(out, dense.outputs(freed, angles), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_features_may_be_amplitudes(name: str) -> None:
    first = Block(id="state", kind="amplitude_embedding", wires=(2, 0))
    freed = free(_circuit(READOUTS["sums"], first))
    angles, states = _numbers(freed)
    out = open_device(DeviceSpec(name=name)).run(freed, angles, states, 0, 0)
    np.testing.assert_allclose(out, dense.outputs(freed, angles, states), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "readout"),
    [
        (name, readout)
        for name in ("default.qubit", "lightning.qubit")
        for readout in READOUTS
        if (name, readout) != ("lightning.qubit", "probabilities")  # it has no such gradient
    ],
)
def test_its_own_gradients_are_those_of_the_shift_rules(name: str, readout: str) -> None:
    first = Block(id="state", kind="amplitude_embedding", wires=(2, 0))
    freed = free(_circuit(READOUTS[readout], first))
    angles, states = _numbers(freed)
    device = open_device(DeviceSpec(name=name))
    assert isinstance(device, Differentiable)
    tensor = torch.tensor(angles, requires_grad=True)
    out = device.expectations(freed, tensor, torch.tensor(states))
    np.testing.assert_allclose(
        out.detach(), dense.outputs(freed, angles, states), rtol=0, atol=1e-10
    )
    pull = torch.tensor(np.random.default_rng(1).normal(size=out.shape))
    (out * pull).sum().backward()
    slopes = dense.jacobian(freed, lambda a: dense.outputs(freed, a, states), angles)
    expected = np.einsum("ro,ros->rs", pull.numpy(), slopes)
    np.testing.assert_allclose(tensor.grad, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["default.qubit", "lightning.qubit"])
def test_gradients_reach_features_that_are_amplitudes(name: str) -> None:
    first = Block(id="state", kind="amplitude_embedding", wires=(2, 0))
    freed = free(_circuit(READOUTS["sums"], first))
    angles, _ = _numbers(freed)
    features = np.random.default_rng(2).normal(size=(3, 4))

    def total(x: np.ndarray) -> float:
        states = x / np.linalg.norm(x, axis=1, keepdims=True)
        return float(dense.outputs(freed, angles, states).sum())

    x = torch.tensor(features, requires_grad=True)
    device = open_device(DeviceSpec(name=name))
    assert isinstance(device, Differentiable)
    states = x / x.norm(dim=1, keepdim=True)
    device.expectations(freed, torch.tensor(angles), states).sum().backward()
    for row, column in ((0, 0), (2, 3)):
        step = np.zeros_like(features)
        step[row, column] = 1e-5
        slope = (total(features + step) - total(features - step)) / 2e-5
        assert x.grad is not None
        assert x.grad[row, column].item() == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("noise", CHANNELS)
def test_noise_follows_every_gate_on_each_of_its_wires(noise: str) -> None:
    freed = free(_circuit(READOUTS["sums"]))
    angles, _ = _numbers(freed)
    spec = DeviceSpec(name="default.mixed", noise=noise, noise_level=0.02)
    out = open_device(spec).run(freed, angles, None, 0, 0)
    expected = dense.outputs(freed, angles, None, noise, 0.02)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-10)
    assert np.abs(out - dense.outputs(freed, angles)).max() > 0.01


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("name", NAMES)
def test_shots_lie_within_four_standard_errors_and_follow_their_seed(
    name: str, readout: str
) -> None:
    freed = free(_circuit(READOUTS[readout]))
    angles, _ = _numbers(freed)
    device = open_device(DeviceSpec(name=name, shots=2000))
    out = device.run(freed, angles, None, 2000, 7)
    exact = dense.outputs(freed, angles)
    assert (np.abs(out - exact) <= 4 * dense.spread(freed, exact, 2000)).all()
    np.testing.assert_array_equal(out, device.run(freed, angles, None, 2000, 7))
    assert (out != device.run(freed, angles, None, 2000, 8)).any()


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_that_does_not_fit_at_once_goes_in_pieces(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed = free(_circuit(READOUTS["Z"]))
    angles, _ = _numbers(freed, rows=5)
    device = open_device(DeviceSpec(name=name))
    monkeypatch.setattr("qdesigner.devices.pennylane.STATE_BYTES", 16 * 64 * 2)
    out = device.run(freed, angles, None, 0, 0)
    np.testing.assert_allclose(out, dense.outputs(freed, angles), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_a_circuit_without_angles_gives_every_sample_the_same(name: str) -> None:
    freed = free(Circuit(wires=2, blocks=(Block(id="h", kind="h", wires=(1,)),)))
    out = open_device(DeviceSpec(name=name)).run(freed, np.zeros((3, 0)), None, 0, 0)
    np.testing.assert_allclose(out, [[1.0, 0.0]] * 3, rtol=0, atol=1e-10)


def test_what_pennylane_needs_is_here() -> None:
    assert [missing(DEVICES[name]) for name in NAMES] == ["", "", ""]


def test_density_matrices_give_gradients_where_backprop_through_them_gives_none() -> None:
    blocks = (Block(id="ry", kind="ry_layer"), Block(id="cx", kind="cnot_chain"))
    circuit = Circuit(wires=2, blocks=(Block(id="in", kind="angle_embedding"), *blocks))
    with_angles_of_zero = DeviceLayer(circuit, DeviceSpec(name="default.mixed"))
    torch.nn.init.zeros_(with_angles_of_zero.weights)
    x = torch.zeros(1, 2, requires_grad=True)
    with_angles_of_zero(x).sum().backward()
    assert with_angles_of_zero.weights.grad is not None
    assert with_angles_of_zero.weights.grad.abs().max() < 1e-6
    assert x.grad is not None and x.grad.abs().max() < 1e-6
