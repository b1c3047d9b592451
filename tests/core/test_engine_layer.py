"""A circuit behaves as any other torch layer: shapes, dtypes, gradients, seeds, saving."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.engine.layer import QuantumLayer
from qdesigner.engine.simulate import evaluate

CIRCUIT = Circuit(
    wires=3,
    blocks=(
        Block(id="in", kind="h_ry_embedding"),
        Block(id="rot", kind="rot_layer", settings={"spread": 0.5}),
        Block(id="ring", kind="cnot_ring"),
        Block(id="again", kind="angle_embedding"),
        Block(id="turn", kind="ry_layer", settings={"spread": 2.0}),
    ),
)


def layer(seed: int = 0) -> QuantumLayer:
    return QuantumLayer(CIRCUIT, torch.Generator().manual_seed(seed))


def test_its_gradients_pass_torch_s_own_check() -> None:
    module = layer().double()
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)

    def run(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(module, {"weights": weights}, (x,))

    assert torch.autograd.gradcheck(run, (x, module.weights), atol=1e-8)


def test_its_weights_start_as_spread_times_normal_numbers_of_the_generator() -> None:
    spreads = torch.tensor([start.spread for start in expand(CIRCUIT).starts])
    expected = spreads * torch.randn(len(spreads), generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(layer(3).weights.data, expected, rtol=0, atol=0)
    torch.manual_seed(3)
    torch.testing.assert_close(QuantumLayer(CIRCUIT).weights.data, expected, rtol=0, atol=0)
    assert not torch.equal(layer(3).weights, layer(4).weights)


@pytest.mark.parametrize("batch", [0, 1, 4, 50])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_it_answers_in_the_dtype_of_its_input(batch: int, dtype: torch.dtype) -> None:
    module = layer()
    x = torch.randn(batch, 3).to(dtype).requires_grad_()
    out = module(x)
    assert out.dtype == dtype and out.shape == (batch, 3)
    out.sum().backward()
    assert x.grad is not None and x.grad.dtype == dtype
    assert module.weights.grad is not None and module.weights.grad.dtype == torch.float32
    expected = evaluate(
        module.program, x.detach().double().numpy(), module.weights.detach().double().numpy()
    )
    coarse = {torch.float16: 1e-3, torch.bfloat16: 1e-2}.get(dtype, 1e-6)
    np.testing.assert_allclose(out.detach().double().numpy(), expected, atol=coarse)


def test_whole_numbers_are_angles_too() -> None:
    module, x = layer(), torch.tensor([[0, 1, 2], [3, -1, 0]])
    torch.testing.assert_close(module(x), module(x.float()), rtol=0, atol=0)


def test_a_view_with_gaps_gives_what_its_copy_gives() -> None:
    module = layer()
    x = torch.randn(3, 8).T[::2]
    assert not x.is_contiguous()
    torch.testing.assert_close(module(x), module(x.contiguous()), rtol=0, atol=0)
    mixing = torch.randn(3, 3)
    out = module(x)
    (out @ mixing).T.sum().backward()  # its gradient comes with strides of zero
    kept = module.weights.grad.clone()
    module.weights.grad = None
    (module(x.contiguous()) @ mixing).sum().backward()
    torch.testing.assert_close(kept, module.weights.grad, rtol=0, atol=0)


def test_without_gradients_nothing_is_kept() -> None:
    module = layer()
    with torch.no_grad():
        assert module(torch.randn(2, 3)).grad_fn is None
    module.requires_grad_(False)
    assert module(torch.randn(2, 3)).grad_fn is None
    x = torch.randn(2, 3, requires_grad=True)
    module(x).sum().backward()
    assert x.grad is not None and module.weights.grad is None


def test_a_frozen_layer_passes_on_the_gradient_of_a_free_one() -> None:
    free, frozen = layer(), layer()
    frozen.requires_grad_(False)
    x = torch.randn(5, 3)
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    free(a).square().sum().backward()
    frozen(b).square().sum().backward()
    torch.testing.assert_close(a.grad, b.grad, rtol=0, atol=0)
    free.weights.grad = None
    free(x).square().sum().backward()  # inputs that need none
    kept = free.weights.grad.clone()
    free.weights.grad = None
    free(a).square().sum().backward()
    torch.testing.assert_close(free.weights.grad, kept, rtol=0, atol=0)


def test_backward_may_run_twice_but_not_after_a_change_in_place() -> None:
    module = layer()
    out = module(torch.randn(2, 3)).sum()
    out.backward(retain_graph=True)
    once = module.weights.grad.clone()
    out.backward(retain_graph=True)
    torch.testing.assert_close(module.weights.grad, 2 * once)
    with torch.no_grad():
        module.weights.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


@pytest.mark.parametrize("shape", [(2, 4), (2, 2), (3,), (1, 2, 3)])
def test_features_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="reads 3 features"):
        layer()(torch.zeros(shape))


def test_a_circuit_without_weights_or_inputs_is_a_layer_too() -> None:
    fixed = QuantumLayer(Circuit(wires=2, blocks=(Block(id="in", kind="angle_embedding"),)))
    assert fixed.weights.shape == (0,)
    x = torch.randn(4, 2, requires_grad=True)
    fixed(x).sum().backward()
    torch.testing.assert_close(x.grad, -torch.sin(x.detach()), atol=1e-6, rtol=0)
    torch.optim.Adam(fixed.parameters()).step()
    blind = QuantumLayer(Circuit(wires=2, blocks=(Block(id="turn", kind="ry_layer"),)))
    blind(torch.zeros(4, 0)).sum().backward()
    torch.testing.assert_close(
        blind.weights.grad, -4 * torch.sin(blind.weights.detach()), atol=1e-6, rtol=0
    )
    assert QuantumLayer(Circuit(wires=2))(torch.zeros(3, 0)).tolist() == [[1.0, 1.0]] * 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_tensor_on_another_device_goes_there_and_back() -> None:
    module, far = layer(), layer().cuda()
    x = torch.randn(4, 3)
    near_x, far_x = x.clone().requires_grad_(), x.cuda().requires_grad_()
    module(near_x).square().sum().backward()
    out = far(far_x)
    assert out.is_cuda
    out.square().sum().backward()
    torch.testing.assert_close(far_x.grad.cpu(), near_x.grad)
    torch.testing.assert_close(far.weights.grad.cpu(), module.weights.grad)


def test_it_can_be_copied_pickled_and_loaded() -> None:
    module, x = layer(), torch.randn(2, 3)
    other = layer(1)
    other.load_state_dict(module.state_dict())
    for twin in (other, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(twin(x), module(x), rtol=0, atol=0)


def test_a_head_learns_two_clusters() -> None:
    torch.manual_seed(0)
    labels = torch.arange(64) % 2
    x = torch.randn(64, 8) + 2 * labels[:, None]
    head = nn.Sequential(nn.Linear(8, 3), nn.Tanh(), layer(), nn.Linear(3, 2))
    optimiser = torch.optim.Adam(head.parameters(), 0.05)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(head(x), labels).backward()
        optimiser.step()
    assert (head(x).argmax(1) == labels).float().mean() > 0.95


def test_uniform_weights_are_drawn_after_the_normal_ones_and_means_are_added() -> None:
    turn = {"init": "uniform", "mean": 1.0, "spread": 0.5}
    circuit = Circuit(
        wires=2,
        blocks=(
            Block(id="a", kind="ry_layer", settings={"mean": -2.0, "spread": 0.1}),
            Block(id="b", kind="ry_layer", settings=turn),
        ),
    )
    generator = torch.Generator().manual_seed(5)
    normal = torch.randn(4, generator=generator)
    uniform = 2 * torch.rand(4, generator=generator) - 1
    expected = torch.cat([-2 + 0.1 * normal[:2], 1 + 0.5 * uniform[2:]])
    module = QuantumLayer(circuit, torch.Generator().manual_seed(5))
    torch.testing.assert_close(module.weights.data, expected, rtol=0, atol=0)


def test_fixed_weights_keep_their_values_and_their_places() -> None:
    blocks = tuple(
        Block(id=name, kind="ry_layer", settings={"trainable": trainable, "spread": 1.0})
        for name, trainable in (("a", True), ("b", False), ("c", True))
    )
    circuit = Circuit(wires=2, blocks=(Block(id="in", kind="angle_embedding"), *blocks))
    module = QuantumLayer(circuit, torch.Generator().manual_seed(1))
    begun = torch.randn(6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(module.flat(), begun, rtol=0, atol=0)
    assert dict(module.named_parameters()).keys() == {"weights"}
    assert module.weights.shape == (4,) and module.state_dict().keys() == {"weights", "fixed"}
    optimizer = torch.optim.SGD(module.parameters(), 0.5)
    module(torch.randn(3, 2)).sum().backward()
    optimizer.step()
    changed = (module.flat() != begun).tolist()
    assert changed == [True, True, False, False, True, True]
    other = QuantumLayer(circuit)
    other.load_state_dict(module.state_dict())
    torch.testing.assert_close(other.flat(), module.flat(), rtol=0, atol=0)


def test_a_copy_stands_on_memory_of_its_own() -> None:
    """The kernels are given addresses: those of the original must not go along."""
    module, x = layer(), torch.randn(2, 3)
    expected = module(x)
    twins = [copy.deepcopy(module), pickle.loads(pickle.dumps(module))]
    program = module.program
    for twin in twins:
        addresses = {array.ctypes.data for array in (program.steps, program.numbers)}
        assert not addresses & set(twin.program.where.tolist())
        torch.testing.assert_close(twin(x), expected, rtol=0, atol=0)


def test_second_derivatives_are_refused_not_wrong() -> None:
    x = torch.randn(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="first order"):
        torch.autograd.grad(layer()(x).sum(), x, create_graph=True)
