"""The parameter-shift rule: exact gradients, in few calls, for the slots that need them."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from referee import Floats, RandomCircuits, verdict
from torch import Tensor

from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.free import Free, free
from qdesigner.engine import shift
from qdesigner.engine.angles import AngleTable, amplitudes
from qdesigner.engine.shift import evaluations, parameter_shift
from qdesigner.engine.tensors import TensorProgram

CASES = int(os.environ.get("QDESIGNER_CASES", "60"))
KINDS = tuple(BLOCKS)


class Counted:
    """Runs circuits exactly, and counts calls and rows."""

    def __init__(self, freed: Free) -> None:
        self.program = TensorProgram(freed)
        self.calls: list[int] = []

    def __call__(self, angles: Floats, states: Floats | None) -> Floats:
        self.calls.append(len(angles))
        given = None if states is None else torch.from_numpy(states)
        return self.program(torch.from_numpy(angles), given).numpy()


def placed(*kinds: str, wires: int = 2, **settings: object) -> Circuit:
    blocks = tuple(
        Block(
            id=f"{kind}-{k}", kind=kind, settings=settings.get(kind, {}),
            wires=tuple(range(BLOCKS[kind].wires)) if BLOCKS[kind].wires else None,
        )
        for k, kind in enumerate(kinds)
    )  # fmt: skip
    return Circuit(wires=wires, blocks=blocks)


def drawn(circuit: Circuit, batch: int = 3, seed: int = 0) -> tuple[Free, Tensor, Tensor]:
    freed = free(circuit)
    generator = torch.Generator().manual_seed(seed)
    x = 3 * torch.randn(batch, freed.inputs, dtype=torch.float64, generator=generator)
    w = 3 * torch.randn(freed.weights, dtype=torch.float64, generator=generator)
    return freed, x.requires_grad_(), w.requires_grad_()


@pytest.mark.parametrize("seed", range(0, 2 * CASES, 2))
def test_gradients_are_the_referee_s_for_inputs_and_weights(seed: int) -> None:
    circuit = RandomCircuits(seed).circuit(must=KINDS[seed // 2 % len(KINDS)])
    freed, x, w = drawn(circuit, seed=seed)
    g = np.random.default_rng(seed).normal(size=(3, circuit.outputs))
    run = Counted(freed)
    out = parameter_shift(run, freed, AngleTable(freed)(x, w), amplitudes(freed, x))
    grads = [np.zeros(x.shape), np.zeros(w.shape)]
    if out.requires_grad:
        (out * torch.from_numpy(g)).sum().backward()
        grads = [
            zero if each.grad is None else each.grad.numpy()
            for zero, each in zip(grads, (x, w), strict=True)
        ]
        assert run.calls == [3, sum(run.calls) - 3], "all shifted rows in one call"
    for ours, theirs in zip(
        (out.detach().numpy(), *grads),
        verdict(circuit, x.detach().numpy(), w.detach().numpy(), g),
        strict=True,
    ):
        largest = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * largest)


@pytest.mark.parametrize(("gate", "terms"), [("ry", 2), ("rxx", 2), ("crx", 4), ("crz", 4)])
def test_a_gate_takes_as_many_circuits_as_its_rule_has_terms(gate: str, terms: int) -> None:
    circuit = placed("h_ry_embedding", gate, "rx_layer")
    freed, x, w = drawn(circuit)
    wanted = AngleTable(freed).wanted(False, [True, False, False])
    run = Counted(freed)
    parameter_shift(run, freed, AngleTable(freed)(x, w), wanted=wanted).sum().backward()
    assert run.calls == [3, 3 * terms]
    assert evaluations(freed, 3, wanted) == sum(run.calls)


def test_only_the_slots_that_need_a_gradient_are_shifted() -> None:
    freed, x, w = drawn(placed("h_ry_embedding", "ry_layer"))
    table, run = AngleTable(freed), Counted(freed)
    parameter_shift(run, freed, table(x, w)).sum().backward()
    of_x, of_w = x.grad, w.grad
    w.grad = None
    wanted = table.wanted(False, [True, True])
    parameter_shift(run, freed, table(x.detach(), w), wanted=wanted).sum().backward()
    torch.testing.assert_close(w.grad, of_w, rtol=0, atol=0)
    x.grad = w.grad = None
    parameter_shift(
        run, freed, table(x, w), wanted=table.wanted(True, [False, False])
    ).sum().backward()
    torch.testing.assert_close(x.grad, of_x, rtol=0, atol=0)
    torch.testing.assert_close(w.grad, torch.zeros(2, dtype=torch.float64), rtol=0, atol=0)
    assert run.calls == [3, 24, 3, 12, 3, 12]


def test_amplitudes_learn_too() -> None:
    circuit = placed("amplitude_embedding", "crx", "ry_layer")
    freed, x, w = drawn(circuit)
    run = Counted(freed)
    with torch.no_grad():
        x[0] = torch.tensor([0.0, -2.0, 0.0, 0.0])  # a basis state
    states = amplitudes(freed, x)
    parameter_shift(run, freed, AngleTable(freed)(x, w), states).select(1, 0).sum().backward()
    assert sum(run.calls) == evaluations(freed, 3, amplitudes=True) == 3 * (1 + 4 + 4 + 8)
    g = np.zeros((3, 2))
    g[:, 0] = 1
    _, of_x, _ = verdict(circuit, x.detach().numpy(), w.detach().numpy(), g)
    np.testing.assert_allclose(x.grad.numpy(), of_x, rtol=0, atol=1e-12)


def test_rows_beyond_the_limit_go_into_further_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = placed("amplitude_embedding", "crx", "ry_layer")
    freed, x, w = drawn(circuit)

    def gradients() -> list[Tensor]:
        run = Counted(freed)
        states = amplitudes(freed, x)
        out = parameter_shift(run, freed, AngleTable(freed)(x, w), states)
        found = torch.autograd.grad(out.square().sum(), (x, w))
        calls.append(len(run.calls))
        return list(found)

    calls: list[int] = []
    whole = gradients()
    monkeypatch.setattr(shift, "NUMBERS_AT_ONCE", 60)
    torch.testing.assert_close(gradients(), whole)
    assert calls == [2, 9]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_answers_in_the_dtype_of_its_angles(dtype: torch.dtype) -> None:
    freed, x, w = drawn(placed("h_ry_embedding", "ry_layer"))
    x, w = x.detach().to(dtype), w.detach().to(dtype).requires_grad_()
    out = parameter_shift(Counted(freed), freed, AngleTable(freed)(x, w))
    out.sum().backward()
    assert out.dtype == w.grad.dtype == dtype


def test_without_gradients_it_is_one_call() -> None:
    freed, x, w = drawn(placed("h_ry_embedding", "ry_layer"))
    run = Counted(freed)
    with torch.no_grad():
        assert parameter_shift(run, freed, AngleTable(freed)(x, w)).grad_fn is None
    assert run.calls == [3]


def test_an_empty_batch_has_no_gradient_to_wait_for() -> None:
    freed, x, w = drawn(placed("h_ry_embedding", "ry_layer"), batch=0)
    run = Counted(freed)
    parameter_shift(run, freed, AngleTable(freed)(x, w)).sum().backward()
    assert run.calls == [0]
    torch.testing.assert_close(w.grad, torch.zeros(2, dtype=torch.float64))


def test_a_second_derivative_is_refused() -> None:
    freed, x, w = drawn(placed("h_ry_embedding", "ry_layer"))
    out = parameter_shift(Counted(freed), freed, AngleTable(freed)(x, w)).sum()
    (slope,) = torch.autograd.grad(out, w, create_graph=True)
    assert slope.requires_grad
    with pytest.raises(RuntimeError, match="first order only"):
        slope.sum().backward()
