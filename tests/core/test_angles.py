"""Every formula of an angle gives the number it says, for a whole batch, and its gradient."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor

from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.free import Free, free
from qdesigner.circuit.kinds import Amplitudes, Bit, Input, Operation, Product, Weight
from qdesigner.circuit.readout import Readout
from qdesigner.engine.angles import AngleTable, amplitudes

FORMULAS = (
    Input(2),
    Weight(1),
    Product(0.5, (0,)),
    Product(2.0, (0, 2), shift=-math.pi),
    Product(3.0, (1,), weight=0),
    Product(-1.0, (), weight=1),
    Product(1.5, (2, 0, 1), weight=1, shift=0.25),
    Bit(1, 0.5),
    Weight(1),
)


def slots(*formulas: object) -> Free:
    operations = tuple(Operation("RY", (0,), Input(k)) for k in range(len(formulas)))
    return Free(1, operations, formulas, Readout(), 3, 2)  # type: ignore[arg-type]


def by_hand(x: Tensor, w: Tensor) -> Tensor:
    a, b, c = x.T
    bit = math.pi * (b > 0.5).to(x.dtype)
    one = torch.ones_like(a)
    return torch.stack(
        [
            c, w[1] * one, a / 2, 2 * (a - math.pi) * (c - math.pi), 3 * b * w[0], -w[1] * one,
            1.5 * w[1] * (c + 0.25) * (a + 0.25) * (b + 0.25), bit, w[1] * one,
        ],
        dim=1,
    )  # fmt: skip


def numbers(batch: int = 5, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(batch)
    x = torch.randn(batch, 3, dtype=dtype, generator=generator)
    return x, torch.randn(2, dtype=dtype, generator=generator)


@pytest.mark.parametrize("batch", [0, 1, 5])
def test_the_angles_are_what_their_formulas_say(batch: int) -> None:
    x, w = numbers(batch)
    torch.testing.assert_close(AngleTable(slots(*FORMULAS))(x, w), by_hand(x, w))


@pytest.mark.parametrize("formula", FORMULAS)
def test_each_formula_alone_is_what_it_says(formula: object) -> None:
    x, w = numbers()
    alone = AngleTable(slots(formula))(x, w)
    expected = by_hand(x, w)[:, [FORMULAS.index(formula)]]
    torch.testing.assert_close(alone, expected)


def test_gradients_of_first_and_second_order_are_torch_s_own() -> None:
    table = AngleTable(slots(*FORMULAS))
    x, w = (tensor.requires_grad_() for tensor in numbers())
    assert torch.autograd.gradcheck(table, (x, w))
    assert torch.autograd.gradgradcheck(table, (x, w))
    ours = torch.autograd.grad(table(x, w).sin().sum(), (x, w))
    theirs = torch.autograd.grad(by_hand(x, w).sin().sum(), (x, w))
    torch.testing.assert_close(ours, theirs)


def test_it_works_under_vmap_and_keeps_the_wider_dtype() -> None:
    table = AngleTable(slots(*FORMULAS))
    x, w = numbers(6)
    halves = torch.func.vmap(table, in_dims=(0, None))(x.reshape(2, 3, 3), w)
    torch.testing.assert_close(halves.flatten(0, 1), by_hand(x, w))
    assert table(x.float(), w).dtype == torch.float64
    assert table(x.float(), w.float()).dtype == torch.float32


def test_numbers_first_seen_without_gradients_train_all_the_same() -> None:
    table = AngleTable(slots(*FORMULAS))
    x, w = numbers()
    with torch.inference_mode():
        table(x, w)
    table(x.requires_grad_(), w).sum().backward()
    assert x.grad is not None


def test_it_knows_which_slots_need_a_gradient() -> None:
    table = AngleTable(slots(*FORMULAS))
    reads = [True, False, True, True, True, False, True, True, False]
    weighs = [False, True, False, False, True, True, True, False, True]
    assert table.of_weights_only.tolist() == [not each for each in reads]
    assert table.wanted(False, [True, True]).tolist() == weighs
    assert table.wanted(False, [True, False]).tolist() == [k == 4 for k in range(9)]
    assert table.wanted(True, [False, False]).tolist() == [*reads[:7], False, False]


def test_a_circuit_with_no_slots_has_no_angles() -> None:
    table = AngleTable(free(Circuit(wires=2)))
    assert table(torch.zeros(3, 0), torch.zeros(0)).shape == (3, 0)
    assert table.wanted(True, []).shape == (0,)


def test_a_copy_gives_the_same() -> None:
    table = AngleTable(slots(*FORMULAS))
    x, w = numbers()
    expected = table(x, w)
    for twin in (copy.deepcopy(table), pickle.loads(pickle.dumps(table))):
        torch.testing.assert_close(twin(x, w), expected, rtol=0, atol=0)


def prepared(features: int, first: int = 0, pad: float = 0.0) -> Free:
    settings = {"features": features, "first": first, "pad": pad}
    block = Block(id="a", kind="amplitude_embedding", wires=(2, 0), settings=settings)
    return free(Circuit(wires=3, blocks=(block,)))


def test_features_become_amplitudes_of_norm_one() -> None:
    freed = prepared(3, first=1, pad=0.5)
    assert freed.prepared is not None and isinstance(freed.prepared.angle, Amplitudes)
    x = torch.tensor([[9.0, 1.0, 2.0, 2.0], [9.0, -3.0, 0.0, 4.0]], dtype=torch.float64)
    expected = np.array([[1, 2, 2, 0.5], [-3, 0, 4, 0.5]])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = amplitudes(freed, x)
    assert found is not None
    np.testing.assert_allclose(found.numpy(), expected)
    assert amplitudes(free(Circuit(wires=3)), x) is None


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_very_small_and_very_large_features_keep_their_directions(size: float) -> None:
    found = amplitudes(prepared(4), size * torch.tensor([[3.0, 0.0, 4.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.0, 0.8, 0.0]]))


def test_amplitudes_have_gradients_and_those_of_zero_are_zero() -> None:
    freed = prepared(4)
    x = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(lambda x: amplitudes(freed, x), (x.requires_grad_(),))
    nothing = torch.zeros(2, 4, requires_grad=True)
    found = amplitudes(freed, nothing)
    assert found is not None
    torch.testing.assert_close(found, torch.eye(4)[:1].expand(2, 4))
    (found * torch.randn(2, 4)).sum().backward()
    torch.testing.assert_close(nothing.grad, torch.zeros(2, 4), rtol=0, atol=0)
