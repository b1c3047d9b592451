"""A program as one function of torch, whose gradient comes from the adjoint kernels.

A training step of a small circuit is nearly all overhead, so what can be spared here is spared:
tensors go to the kernels by their addresses, in the dtype they have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from qdesigner.engine import simulate
from qdesigner.engine.amplitudes import prepared
from qdesigner.engine.compile import Program

_SINGLE, _DOUBLE = torch.float32, torch.float64


class Simulated(torch.autograd.Function):
    """A program's readout [batch, outputs] of inputs [batch, inputs] and weights [weights]."""

    @staticmethod
    def forward(ctx: Any, program: Program, x: Tensor, weights: Tensor) -> Tensor:
        double = x.dtype == torch.float64
        inputs, flat = _plain(x, double), _plain(weights, double)
        batch = x.shape[0]
        plan = simulate.plan(program, batch, double)
        keep = ctx.needs_input_grad[1] or ctx.needs_input_grad[2]
        out = torch.empty(batch, program.outputs, dtype=inputs.dtype)
        first = None if program.amplitudes is None else prepared(program, inputs.detach().numpy())
        states = simulate.run(
            program, plan, inputs.data_ptr(), flat.data_ptr(),
            0 if first is None else first.ctypes.data, out.data_ptr(), keep,
        )  # fmt: skip
        if keep:
            ctx.save_for_backward(x, weights)
            ctx.kept = program, plan, states
        return _like(out, x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor | None, Tensor]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the simulator's kernels give gradients of first order only; "
                "use torch.func for derivatives of these"
            )
        x, weights = ctx.saved_tensors  # raises when one was changed in place since
        program, plan, states = ctx.kept
        double = x.dtype == torch.float64
        inputs, flat, slope = _plain(x, double), _plain(weights, double), _plain(grad, double)
        wanted = ctx.needs_input_grad[1]
        if plan.kept and program.amplitudes is None:
            of_inputs = torch.empty_like(inputs) if wanted else None
            of_weights = torch.empty_like(flat)
            simulate.run_back(
                program, plan, states, inputs.data_ptr(), flat.data_ptr(), slope.data_ptr(),
                0 if of_inputs is None else of_inputs.data_ptr(), 0, of_weights.data_ptr(),
            )  # fmt: skip
        else:
            of_inputs, of_weights = _back(
                program, inputs, flat, states if plan.kept else None, slope, wanted
            )
        return None, None if of_inputs is None else _like(of_inputs, x), _like(of_weights, weights)


def _back(
    program: Program, inputs: Tensor, flat: Tensor, states: np.ndarray[Any, Any] | None,
    slope: Tensor, wanted: bool,
) -> tuple[Tensor | None, Tensor]:  # fmt: skip
    """The gradients where features are amplitudes, or where the states were not kept."""
    of_inputs, of_weights = simulate.backward(
        program, inputs.detach().numpy(), flat.detach().numpy(), states, slope.numpy(), wanted
    )
    return None if of_inputs is None else torch.from_numpy(of_inputs), torch.from_numpy(of_weights)


def _plain(tensor: Tensor, double: bool) -> Tensor:
    """The numbers as the kernels read them: contiguous, in float64 if ``double``, else in float32
    (half is too coarse). They share the tensor's memory where that is possible."""
    dtype = _DOUBLE if double else _SINGLE
    if tensor.dtype is dtype and tensor.is_cpu and tensor.is_contiguous():
        return tensor
    return tensor.to("cpu", dtype).contiguous()


def _like(tensor: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype and on the device of ``other``."""
    return tensor if tensor.dtype == other.dtype and other.is_cpu else tensor.to(other)
