"""The circuit as torch operations: the referee's numbers, under every transform torch has."""

from __future__ import annotations

import copy
import os
import pickle

import numpy as np
import pytest
import torch
from referee import RandomCircuits, state, verdict
from torch import Tensor

from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.free import Free, free
from qdesigner.circuit.readout import Readout
from qdesigner.engine import tensors
from qdesigner.engine.angles import AngleTable, amplitudes
from qdesigner.engine.choice import KERNELS, TENSORS, engine
from qdesigner.engine.layer import QuantumLayer
from qdesigner.engine.tensor_steps import Gather, Phase, Rotate
from qdesigner.engine.tensors import TensorProgram, expectations

CASES = int(os.environ.get("QDESIGNER_CASES", "60"))
KINDS = tuple(BLOCKS)


class Whole:
    """A circuit from features and weights to its readout."""

    def __init__(self, circuit: Circuit, shared: bool = True) -> None:
        self.free: Free = free(circuit)
        self.table = AngleTable(self.free)
        self.program = TensorProgram(self.free, self.table.of_weights_only if shared else None)

    def __call__(self, x: Tensor, w: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        return self.program(self.table(x, w), amplitudes(self.free, x), dtype)

    def numbers(self, batch: int, seed: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        shapes = (batch, self.free.inputs), (self.free.weights,)
        return [
            2 * torch.randn(shape, dtype=dtype, generator=generator).requires_grad_()
            for shape in shapes
        ]


def wide(wires: int, rotation: str = "rot_layer", readout: Readout | None = None) -> Circuit:
    """Something of every kind of step, on many wires."""
    kinds = ("h_ry_embedding", "cnot_ring", "iqp_embedding", rotation, "cz_chain", "ry_layer")
    blocks = tuple(Block(id=f"b{k}", kind=kind) for k, kind in enumerate(kinds))
    return Circuit(wires=wires, blocks=blocks, readout=readout or Readout())


@pytest.mark.parametrize("seed", range(1, 2 * CASES, 2))
def test_values_and_gradients_are_the_referee_s(seed: int) -> None:
    circuit = RandomCircuits(seed).circuit(must=KINDS[seed // 2 % len(KINDS)])
    whole = Whole(circuit, shared=seed % 4 == 1)
    x, w = (tensor.detach().requires_grad_() for tensor in whole.numbers(3, seed))
    out = whole(x, w)
    g = torch.randn(out.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    total = (out * g).sum() + 0 * (x.sum() + w.sum())
    found = (out, *torch.autograd.grad(total, (x, w)))
    expected = verdict(circuit, *(tensor.detach().numpy() for tensor in (x, w, g)))
    for ours, theirs in zip(found, expected, strict=True):
        largest = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(ours.detach(), theirs, rtol=0, atol=1e-10 * largest)
    coarse = whole(x.detach(), w.detach(), torch.float32)
    assert coarse.dtype == torch.float32
    largest = max(1.0, float(out.abs().max()))
    np.testing.assert_allclose(coarse, out.detach(), rtol=0, atol=5e-6 * largest)


@pytest.mark.parametrize("seed", range(30))
def test_the_state_is_the_referee_s_with_its_phase(seed: int) -> None:
    circuit = RandomCircuits(seed + 10_000).circuit(must=KINDS[seed % len(KINDS)])
    whole = Whole(circuit)
    x, w = (tensor.detach() for tensor in whole.numbers(2, seed))
    found = whole.program.state(whole.table(x, w), amplitudes(whole.free, x))
    np.testing.assert_allclose(found[0], state(circuit, x[0].numpy(), w.numpy()), atol=1e-12)


@pytest.mark.parametrize("wires", [1, 5, 9, 11])
def test_many_wires_agree_with_the_referee(wires: int) -> None:
    sums = (f"0.5 X0 Z{wires - 1} - Y0 + 2", "Z0")
    readout = Readout(kind="pauli_sum", sums=sums if wires > 1 else ("X0 - 1",))
    circuit = wide(wires, readout=readout)
    whole = Whole(circuit)
    x, w = (tensor.detach().requires_grad_() for tensor in whole.numbers(3, wires))
    out = whole(x, w)
    found = (out, *torch.autograd.grad(out.sum(), (x, w)))
    expected = verdict(circuit, x.detach().numpy(), w.detach().numpy(), np.ones(out.shape))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.detach(), theirs, rtol=0, atol=1e-10)


def test_gradients_of_first_and_second_order_pass_torch_s_own_check() -> None:
    for kinds in (("ry_layer",), ("rot_layer", "crx")):
        blocks = [Block(id="in", kind="zz_feature_map", settings={"reps": 1})]
        blocks += [
            Block(id=kind, kind=kind, wires=(1, 0) if kind == "crx" else None) for kind in kinds
        ]
        whole = Whole(Circuit(wires=2, blocks=tuple(blocks)))
        x, w = (tensor.detach().requires_grad_() for tensor in whole.numbers(2, 0))
        assert torch.autograd.gradcheck(whole, (x, w))
        assert torch.autograd.gradgradcheck(whole, (x, w))


@pytest.mark.parametrize("kind", ["amplitude_embedding", "h_ry_embedding"])
def test_it_works_under_the_transforms_of_torch_func(kind: str) -> None:
    blocks = tuple(
        Block(id=each, kind=each) for each in (kind, "cnot_ring", "rot_layer", "ising_layer")
    )
    whole = Whole(Circuit(wires=3, blocks=blocks))
    x, w = (tensor.detach() for tensor in whole.numbers(4, 1))
    slopes = torch.func.jacrev(whole, argnums=1)(x, w)
    torch.testing.assert_close(torch.func.jacfwd(whole, argnums=1)(x, w), slopes)
    for k in range(3):
        leaf = w.clone().requires_grad_()
        whole(x, leaf)[0, k].backward()
        torch.testing.assert_close(slopes[0, k], leaf.grad)
    apart = torch.func.vmap(whole, in_dims=(0, None))(x[:, None], w)
    torch.testing.assert_close(apart[:, 0], whole(x, w))
    several = torch.stack([w, -w, 2 * w])
    models = torch.func.vmap(whole, in_dims=(None, 0))(x, several)
    torch.testing.assert_close(models, torch.stack([whole(x, each) for each in several]))


@pytest.mark.parametrize("layer", ["ry_layer", "rot_layer"])
def test_states_too_large_to_keep_are_computed_again(
    layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = wide(4, layer).blocks[1:]
    deep = Block(id="deep", kind="repeat", settings={"count": 10}, body=body)
    whole = Whole(Circuit(wires=4, blocks=(deep,)))
    x, w = whole.numbers(3, 2)

    def kept() -> int:
        """How many states are kept for the backward."""
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            out = whole(x, w)
        gradients.append(torch.autograd.grad(out.square().sum(), (x, w)))
        return sizes.count(3 * 16)

    gradients: list[tuple[Tensor, ...]] = []
    all_of_them = kept()
    monkeypatch.setattr(tensors, "KEPT_BYTES", 0)
    assert kept() < all_of_them / 4
    torch.testing.assert_close(gradients[1], gradients[0])


def test_it_is_real_where_every_gate_is_and_starts_as_a_product() -> None:
    whole = Whole(wide(4, "ry_layer").but(blocks=wide(4).blocks[:2]))
    assert whole.program.real
    assert not Whole(wide(4)).program.real
    assert isinstance(whole.program._first, Rotate)
    assert [type(step) for step in whole.program._steps] == [Gather]


def test_the_layers_of_a_repeat_share_one_table() -> None:
    body = (Block(id="pairs", kind="cnot_brick"), Block(id="turns", kind="ry_layer"))
    deep = Block(id="deep", kind="repeat", settings={"count": 6}, body=body)
    whole = Whole(Circuit(wires=4, blocks=(Block(id="in", kind="h_ry_embedding"), deep)))
    gathers = [step for step in whole.program._steps if isinstance(step, Gather)]
    assert len(gathers) == 6 and len({id(step) for step in gathers}) == 1


def test_diagonal_gates_become_one_phase() -> None:
    whole = Whole(Circuit(wires=5, blocks=(Block(id="map", kind="iqp_embedding"),)))
    assert [type(step) for step in whole.program._steps] == [Phase]


def test_an_empty_batch_and_a_batch_that_is_all_alike() -> None:
    whole = Whole(wide(3))
    x, w = whole.numbers(0, 0)
    assert whole(x, w).shape == (0, 3)
    blind = Whole(Circuit(wires=2, blocks=(Block(id="turn", kind="ry_layer"),)))
    x, w = (tensor.detach().requires_grad_() for tensor in blind.numbers(4, 0))
    out = blind(x, w)
    torch.testing.assert_close(out, torch.cos(w).expand(4, 2))
    out.sum().backward()
    torch.testing.assert_close(w.grad, -4 * torch.sin(w.detach()))
    assert Whole(Circuit(wires=2))(torch.zeros(3, 0), torch.zeros(0)).tolist() == [[1.0, 1.0]] * 3


def test_a_copy_gives_the_same_and_inference_comes_before_training() -> None:
    whole = Whole(wide(3))
    x, w = whole.numbers(2, 4)
    with torch.inference_mode():
        expected = whole(x, w).clone()
    for twin in (copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))):
        torch.testing.assert_close(twin(x, w), expected, rtol=0, atol=0)
    whole(x, w).sum().backward()
    torch.testing.assert_close(
        expectations(whole.free, whole.table(x, w)), expected, rtol=0, atol=1e-14
    )


def test_a_gate_it_does_not_know_is_named() -> None:
    freed = free(wide(2))
    odd = freed.operations[0].__class__("FREDKIN", (0, 1))
    with pytest.raises(ValueError, match="FREDKIN"):
        TensorProgram(freed._replace(operations=(odd,)))


@pytest.mark.parametrize("wires", [2, 7])
def test_the_layer_computes_this_way_under_the_transforms_of_torch_func(wires: int) -> None:
    fixed = Block(id="fixed", kind="rot_layer", settings={"trainable": False, "spread": 1.0})
    kinds = ("h_ry_embedding", "cnot_ring", "rx_layer")
    blocks = (*(Block(id=kind, kind=kind) for kind in kinds), fixed)
    module = QuantumLayer(Circuit(wires=wires, blocks=blocks))
    x = torch.randn(3, wires, generator=torch.Generator().manual_seed(0))
    weights = module.weights.detach()

    def run(weights: Tensor) -> Tensor:
        return torch.func.functional_call(module, {"weights": weights}, (x,))

    out = module(x)
    apart = torch.func.vmap(module)(x[:, None])[:, 0]
    assert apart.dtype == out.dtype
    torch.testing.assert_close(apart, out, rtol=0, atol=2e-6)
    slopes = torch.func.jacrev(run)(weights)
    (expected,) = torch.autograd.grad(out.sum(), module.weights)
    torch.testing.assert_close(slopes.sum((0, 1)), expected, rtol=0, atol=2e-5)
    several = torch.func.vmap(run)(torch.stack([weights, -weights]))
    torch.testing.assert_close(several[0], out, rtol=0, atol=2e-6)
    curved = torch.func.hessian(lambda w: run(w)[0, 0])(weights)
    torch.testing.assert_close(curved, curved.T, rtol=0, atol=1e-5)
    torch.testing.assert_close(module(x), out, rtol=0, atol=0)


def test_what_serves_a_device_is_written_down() -> None:
    assert engine("cpu", transformed=False) == KERNELS
    assert engine("cpu", transformed=True) == engine("cuda", transformed=False) == TENSORS
    assert engine("some-other-device", transformed=False) == KERNELS


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("layer", ["ry_layer", "rot_layer"])
def test_a_cuda_device_gives_what_the_cpu_gives(layer: str) -> None:
    whole = Whole(wide(6, layer))
    near = whole.numbers(4, 5)
    far = [tensor.detach().cuda().requires_grad_() for tensor in near]
    near = [tensor.detach().requires_grad_() for tensor in near]
    outs = [whole(*some) for some in (near, far)]
    assert outs[1].is_cuda
    grads = [
        torch.autograd.grad(out.square().sum(), some)
        for out, some in zip(outs, (near, far), strict=True)
    ]
    torch.testing.assert_close(outs[1].cpu(), outs[0], rtol=0, atol=1e-10)
    for ours, theirs in zip(grads[1], grads[0], strict=True):
        torch.testing.assert_close(ours.cpu(), theirs, rtol=0, atol=1e-10)
