"""The simulator as torch: a circuit as a module whose gradients come from the adjoint kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.engine.compile import Program, compile
from qdesigner.engine.simulate import backward, forward, in_double


class _Expectation(torch.autograd.Function):
    """⟨Z⟩ on every wire as a function of inputs [batch, inputs] and weights [weights]."""

    @staticmethod
    def forward(ctx: Any, program: Program, x: Tensor, weights: Tensor) -> Tensor:
        double = in_double(program, x.dtype == torch.float64)
        dtype = torch.float64 if double else torch.float32  # half is too coarse
        inputs, flat = _array(x, dtype), _array(weights, dtype)
        out, states = forward(program, inputs, flat, keep=any(ctx.needs_input_grad))
        # The arrays may share the tensors' memory: saving these tells of a change in place.
        ctx.save_for_backward(x, weights)
        ctx.program, ctx.dtype = program, dtype
        ctx.inputs, ctx.flat, ctx.states = inputs, flat, states
        return _tensor(out, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        x, weights = ctx.saved_tensors  # raises when one was changed in place since
        grad_inputs, grad_weights = backward(
            ctx.program, ctx.inputs, ctx.flat, ctx.states, _array(grad, ctx.dtype),
            want_inputs=ctx.needs_input_grad[1],
        )  # fmt: skip
        of_x = None if grad_inputs is None else _tensor(grad_inputs, x)
        return None, of_x, _tensor(grad_weights, weights)


def _array(tensor: Tensor, dtype: torch.dtype) -> np.ndarray[Any, Any]:
    """The tensor's numbers, C-contiguous, sharing its memory where that is possible."""
    tensor = tensor.detach()
    if tensor.dtype != dtype or tensor.device.type != "cpu":
        tensor = tensor.to("cpu", dtype)
    return tensor.contiguous().numpy()


def _tensor(array: np.ndarray[Any, Any], like: Tensor) -> Tensor:
    """The array as a tensor of the dtype and on the device of ``like``."""
    tensor = torch.from_numpy(array)
    if tensor.dtype != like.dtype or like.device.type != "cpu":
        tensor = tensor.to(like)
    return tensor


class QuantumLayer(nn.Module):
    """A circuit as a layer: features [batch, inputs] in radians to ⟨Z⟩ [batch, wires].

    ``weights`` is the circuit's flat weight vector; each starts as its block's spread times
    N(0, 1), drawn from ``generator`` or torch's own. It computes on the CPU, at least in the dtype
    of its input (whole numbers as torch's default); a tensor on another device goes there and back.
    Gradients are of first order only.
    """

    def __init__(self, circuit: Circuit, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.circuit = circuit
        self.program = compile(circuit)
        starts = expand(circuit).starts
        spreads = torch.tensor([start.spread for start in starts], dtype=torch.float32)
        normal = torch.randn(len(spreads), dtype=torch.float32, generator=generator)
        self.weights = nn.Parameter(spreads * normal)

    def forward(self, x: Tensor) -> Tensor:
        """⟨Z⟩ on every wire, [batch, wires]. Raises ValueError unless x is [batch, inputs]."""
        if x.ndim != 2 or x.shape[1] != self.program.inputs:
            raise ValueError(
                f"the circuit reads {self.program.inputs} features of each sample, "
                f"but its input has the shape {list(x.shape)}, not [batch, {self.program.inputs}]"
            )
        if not x.is_floating_point():
            x = x.to(torch.get_default_dtype())
        out: Tensor = _Expectation.apply(self.program, x, self.weights)
        return out

    def extra_repr(self) -> str:
        """Wires, inputs and weights, for print(model)."""
        program = self.program
        return f"wires={program.wires}, inputs={program.inputs}, weights={program.weights}"
