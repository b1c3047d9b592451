"""The simulator as torch: a circuit as a module whose gradients come from the adjoint kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.engine.compile import Program, compile
from qdesigner.engine.simulate import backward, forward


class _Expectation(torch.autograd.Function):
    """⟨Z⟩ on every wire as a function of inputs [batch, inputs] and weights [weights]."""

    @staticmethod
    def forward(ctx: Any, program: Program, x: Tensor, weights: Tensor) -> Tensor:  # type: ignore[override]
        wanted = ctx.needs_input_grad
        inputs, flat = _array(x, x.dtype), _array(weights, x.dtype)
        out, states = forward(program, inputs, flat, keep=wanted[1] or wanted[2])
        # Copies are not needed: a tensor changed in place is caught by the versions kept here.
        ctx.save_for_backward(x, weights)
        ctx.program, ctx.inputs, ctx.flat, ctx.states = program, inputs, flat, states
        return torch.from_numpy(out).to(x.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor | None, Tensor | None]:  # type: ignore[override]
        x, weights = ctx.saved_tensors  # raises when one was changed in place since
        want_inputs = ctx.needs_input_grad[1]
        grad_inputs, grad_weights = backward(
            ctx.program, ctx.inputs, ctx.flat, ctx.states, _array(grad, x.dtype), want_inputs
        )
        return (
            None,
            None if grad_inputs is None else torch.from_numpy(grad_inputs).to(x.device),
            torch.from_numpy(grad_weights).to(weights),
        )


def _array(tensor: Tensor, dtype: torch.dtype) -> np.ndarray[Any, Any]:
    """The tensor's numbers, C-contiguous, sharing its memory where that is possible."""
    return tensor.detach().to("cpu", dtype).contiguous().numpy()


class QuantumLayer(nn.Module):
    """A circuit as a layer: features [batch, inputs] in radians to ⟨Z⟩ [batch, wires].

    ``weights`` is the circuit's flat weight vector; each starts as its block's spread times
    N(0, 1), drawn from ``generator`` or torch's own. It computes on the CPU, in the dtype of its
    input; a tensor on another device goes there and back.
    """

    def __init__(self, circuit: Circuit, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.circuit = circuit
        self.program = compile(circuit)
        spreads = torch.tensor(expand(circuit).spreads, dtype=torch.float32)
        self.weights = nn.Parameter(spreads * torch.randn(len(spreads), generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        """⟨Z⟩ on every wire, [batch, wires]. Raises ValueError unless x is [batch, inputs]."""
        if x.ndim != 2 or x.shape[1] != self.program.inputs:
            raise ValueError(
                f"the circuit reads {self.program.inputs} features of each sample, "
                f"but its input has the shape {list(x.shape)}, not [batch, {self.program.inputs}]"
            )
        out: Tensor = _Expectation.apply(self.program, x, self.weights)
        return out

    def extra_repr(self) -> str:
        """Wires, inputs and weights, for print(model)."""
        program = self.program
        return f"wires={program.wires}, inputs={program.inputs}, weights={program.weights}"
