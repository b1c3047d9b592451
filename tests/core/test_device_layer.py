"""The same circuit as a layer on any device: the same weights, values and gradients."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices import base
from qdesigner.devices.layer import DeviceLayer, quantum_layer
from qdesigner.engine.layer import QuantumLayer
from qdesigner.errors import UserError

CIRCUIT = Circuit(
    wires=3,
    blocks=(
        Block(id="in", kind="h_ry_embedding"),
        Block(id="rot", kind="rot_layer", settings={"spread": 0.5, "trainable": False}),
        Block(id="ring", kind="cnot_ring"),
        Block(id="crx", kind="crx", wires=(2, 0)),
        Block(id="turn", kind="ry_layer", settings={"spread": 2.0, "init": "uniform"}),
    ),
)
SHIFT = DeviceSpec(gradient="parameter-shift")
SHOTS = DeviceSpec(shots=200)
EXACT = (
    SHIFT,
    DeviceSpec(name="default.qubit"),
    DeviceSpec(name="default.qubit", gradient="parameter-shift"),
    DeviceSpec(name="lightning.qubit"),
)


def layer(spec: DeviceSpec = SHIFT, circuit: Circuit = CIRCUIT) -> DeviceLayer | QuantumLayer:
    torch.manual_seed(3)
    found = quantum_layer(circuit, spec)
    assert isinstance(found, DeviceLayer | QuantumLayer)
    return found


def reference() -> QuantumLayer:
    torch.manual_seed(3)
    return QuantumLayer(CIRCUIT)


def features(batch: int = 4) -> Tensor:
    return torch.randn(batch, 3, generator=torch.Generator().manual_seed(1))


def label(spec: DeviceSpec) -> str:
    return f"{spec.name}-{spec.gradient}"


class Counting(base.Device):
    """Passes everything on, and notes rows and seeds."""

    def __init__(self, device: base.Device) -> None:
        self.device = device
        self.rows: list[int] = []
        self.seeds: list[int] = []

    def run(self, free, angles, amplitudes, shots, seed):  # type: ignore[no-untyped-def]
        self.rows.append(len(angles))
        self.seeds.append(seed)
        return self.device.run(free, angles, amplitudes, shots, seed)


def counted(module: DeviceLayer | QuantumLayer) -> Counting:
    assert isinstance(module, DeviceLayer)
    module.device = Counting(module.device)
    return module.device


def test_the_built_in_device_is_the_layer_itself_unless_shots_or_shifts_are_asked_for() -> None:
    assert isinstance(layer(DeviceSpec()), QuantumLayer)
    assert isinstance(layer(DeviceSpec(gradient="adjoint")), QuantumLayer)
    assert isinstance(layer(SHIFT), DeviceLayer)
    assert isinstance(layer(SHOTS), DeviceLayer)


@pytest.mark.parametrize("spec", EXACT, ids=label)
def test_weights_values_and_gradients_are_those_of_the_built_in_engine(spec: DeviceSpec) -> None:
    ours, theirs = layer(spec).double(), reference().double()
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    torch.testing.assert_close(ours.flat(), theirs.flat(), rtol=0, atol=0)
    x = features().double()
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    out, expected = ours(a), theirs(b)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-10)
    out.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(a.grad, b.grad, rtol=0, atol=1e-10)
    torch.testing.assert_close(ours.weights.grad, theirs.weights.grad, rtol=0, atol=1e-10)
    torch.testing.assert_close(ours.eval()(x).detach(), expected.detach(), rtol=0, atol=1e-10)
    with torch.no_grad():
        assert ours(x).grad_fn is None


def test_its_gradients_pass_torch_s_own_check() -> None:
    module = layer().double()
    x = features(2).double().requires_grad_()

    def run(x: Tensor, weights: Tensor) -> Tensor:
        return torch.func.functional_call(module, {"weights": weights}, (x,))

    assert torch.autograd.gradcheck(run, (x, module.weights), atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_it_answers_in_the_dtype_of_its_input(dtype: torch.dtype) -> None:
    module = layer()
    x = features().to(dtype).requires_grad_()
    out = module(x)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == dtype and module.weights.grad.dtype == torch.float32
    whole = torch.tensor([[0, 1, 2], [3, -1, 0]])
    torch.testing.assert_close(module(whole), module(whole.float()), rtol=0, atol=0)


def test_what_needs_no_gradient_costs_no_circuits() -> None:
    module = layer()
    device = counted(module)
    module(features()).sum().backward()
    assert device.rows == [4, 4 * (3 * 2 + 4)], "four weights train, three features do not"
    device.rows.clear()
    module(features().requires_grad_()).sum().backward()
    assert device.rows == [4, 4 * (3 * 2 + 4 + 3 * 2)]
    device.rows.clear()
    module.requires_grad_(False)
    module(features().requires_grad_()).sum().backward()
    assert device.rows == [4, 4 * 3 * 2]
    device.rows.clear()
    assert module(features()).grad_fn is None and device.rows == [4]


def test_classical_layers_before_amplitudes_learn_on_any_device() -> None:
    circuit = Circuit(
        wires=2,
        blocks=(
            Block(id="in", kind="amplitude_embedding"),
            Block(id="ring", kind="cnot_ring"),
            Block(id="turn", kind="rot_layer"),
        ),
    )
    gradients = []
    for spec in (DeviceSpec(), SHIFT):
        module = layer(spec, circuit).double()
        before = nn.Linear(3, 4, dtype=torch.float64)
        with torch.no_grad():
            before.weight.copy_(torch.arange(12).reshape(4, 3).sin())
            before.bias.fill_(0.3)
        module(before(features().double())).square().sum().backward()
        gradients.append(before.weight.grad)
    assert gradients[0].abs().max() > 0.1
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=1e-10)


def test_shots_lie_within_four_standard_errors_and_so_do_their_gradients() -> None:
    module, exact = layer(SHOTS), reference()
    torch.manual_seed(0)
    x = features().requires_grad_()
    expected = exact(x)
    slopes = torch.autograd.grad(expected[:, 0].sum(), (x, exact.weights))
    outs, found = [], []
    for _ in range(60):
        out = module(x)
        outs.append(out.detach())
        found.append(torch.autograd.grad(out[:, 0].sum(), (x, module.weights)))
    for ours, theirs in (
        (outs, expected.detach()),
        ([each[0] for each in found], slopes[0]),
        ([each[1] for each in found], slopes[1]),
    ):
        runs = torch.stack(ours)
        error = runs.std(0) / len(runs) ** 0.5
        assert ((runs.mean(0) - theirs).abs() <= 4 * error + 1e-6).all()


def test_torch_s_seed_decides_the_shots_of_training_and_evaluation() -> None:
    def epoch(module: DeviceLayer | QuantumLayer) -> list[Tensor]:
        torch.manual_seed(5)
        out = module.train()(features())
        module.weights.grad = None
        out.sum().backward()
        return [out, module.weights.grad.clone(), module.eval()(features()), module(features())]

    module = layer(SHOTS)
    once = epoch(module)
    module(features())
    again, other = epoch(module), epoch(layer(SHOTS))
    for a, b, c in zip(once, again, other, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
        torch.testing.assert_close(a, c, rtol=0, atol=0)
    assert not torch.equal(once[2], once[3]), "every call has shots of its own"


def test_two_layers_and_a_forward_and_its_backward_have_different_shots() -> None:
    torch.manual_seed(3)
    seeds = []
    for seed in (0, 1):
        module = DeviceLayer(CIRCUIT, SHOTS, seed)
        device = counted(module)
        torch.manual_seed(5)
        module(features()).sum().backward()
        seeds += device.seeds
    assert len(set(seeds)) == 4
    assert all(0 <= seed < 1 << 63 for seed in seeds)


def test_exact_values_leave_torch_s_generator_alone() -> None:
    module = layer()
    torch.manual_seed(5)
    module(features())
    drawn = torch.rand(3)
    torch.manual_seed(5)
    torch.testing.assert_close(torch.rand(3), drawn, rtol=0, atol=0)


def test_a_state_saved_on_one_device_is_loaded_on_another() -> None:
    for spec in (SHOTS, SHIFT, EXACT[1]):
        torch.manual_seed(11)
        module = quantum_layer(CIRCUIT, spec)
        module.load_state_dict(reference().state_dict(), strict=True)
        torch.testing.assert_close(module.flat(), reference().flat(), rtol=0, atol=0)
        reference().load_state_dict(module.state_dict(), strict=True)


@pytest.mark.parametrize("spec", [SHIFT, EXACT[1]], ids=label)
def test_it_can_be_copied_and_pickled(spec: DeviceSpec) -> None:
    module, x = layer(spec), features()
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(twin(x), module(x), rtol=0, atol=0)
        twin(x).sum().backward()


@pytest.mark.parametrize("shape", [(2, 4), (3,), (1, 2, 3)])
def test_features_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="reads 3 features"):
        layer()(torch.zeros(shape))


def test_transforms_of_torch_func_are_for_the_built_in_engine() -> None:
    with pytest.raises(UserError, match=r"torch\.func"):
        torch.func.vmap(layer())(features()[:, None])


def test_a_device_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "missing", lambda kind: "Qiskit Aer needs qiskit_aer")
    with pytest.raises(UserError, match="needs qiskit_aer"):
        quantum_layer(CIRCUIT, DeviceSpec(name="qiskit.aer"))


def test_what_the_device_cannot_run_is_refused_before_it_is_opened() -> None:
    for spec in (
        DeviceSpec(name="default.mixed", noise="fake_manila"),
        DeviceSpec(name="qiskit.aer", noise="bit_flip"),
        DeviceSpec(noise="bit_flip"),
    ):
        with pytest.raises(UserError, match=f"has no noise '{spec.noise}'"):
            quantum_layer(CIRCUIT, spec)


def test_a_head_learns_two_clusters_from_shots() -> None:
    torch.manual_seed(0)
    labels = torch.arange(32) % 2
    x = torch.randn(32, 8) + 2 * labels[:, None]
    head = nn.Sequential(nn.Linear(8, 3), nn.Tanh(), layer(SHOTS), nn.Linear(3, 2))
    optimiser = torch.optim.Adam(head.parameters(), 0.05)
    before = copy.deepcopy(head[0].weight)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(head(x), labels).backward()
        optimiser.step()
    assert (head[0].weight - before).abs().max() > 0.1, "what stands before the circuit learns"
    assert (head(x).argmax(1) == labels).float().mean() > 0.9


def test_the_engine_runs_shifted_circuits_as_one_batch() -> None:
    module = layer(SHIFT, Circuit(wires=1, blocks=(Block(id="turn", kind="ry_layer"),)))
    device = counted(module)
    out = module(torch.zeros(5, 0))
    out.sum().backward()
    assert device.rows == [5, 10]
    np.testing.assert_allclose(
        module.weights.grad, -5 * torch.sin(module.weights.detach()), atol=1e-6
    )
