"""The simulator as torch: a circuit as a module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qdesigner.circuit.circuit import Circuit, Expanded, expand
from qdesigner.circuit.free import free
from qdesigner.engine.angles import AngleTable, amplitudes
from qdesigner.engine.choice import TENSORS, engine
from qdesigner.engine.compile import compile
from qdesigner.engine.simulate import in_double
from qdesigner.engine.simulated import Simulated
from qdesigner.engine.tensors import TensorProgram, transformed


def initial_weights(expanded: Expanded, generator: torch.Generator | None = None) -> Tensor:
    """The weights a circuit begins with, [weights] in float32: mean + spread · draw each.

    Drawn from ``generator`` or torch's own: first N(0, 1) for all weights; then, if any begins
    uniform, U(-1, 1) for all, which the uniform ones take instead.
    """
    starts = expanded.starts
    draw = torch.randn(len(starts), dtype=torch.float32, generator=generator)
    uniform = torch.tensor([start.distribution == "uniform" for start in starts], dtype=torch.bool)
    if uniform.any():
        other = 2 * torch.rand(len(starts), dtype=torch.float32, generator=generator) - 1
        draw = torch.where(uniform, other, draw)
    means = torch.tensor([start.mean for start in starts], dtype=torch.float32)
    spreads = torch.tensor([start.spread for start in starts], dtype=torch.float32)
    return means + spreads * draw


class CircuitLayer(nn.Module):
    """A circuit's weights and inputs, whatever computes it.

    ``weights`` are the trainable ones of the circuit's flat weight vector and the buffer ``fixed``
    the others, if there are any; they begin as `initial_weights` says.

    With ``each_feature`` a circuit of one input and one output is applied to every number of its
    input by itself, all of them one batch with the same weights: [...] to [...].
    """

    fixed: Tensor
    _order: Tensor

    def __init__(self, circuit: Circuit, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.circuit = circuit
        self.each_feature = False
        expanded = expand(circuit)
        self.inputs = expanded.inputs
        initial = initial_weights(expanded, generator)
        self.whole = all(expanded.trainable)
        if self.whole:
            self.weights = nn.Parameter(initial)
        else:
            trainable = torch.tensor(expanded.trainable)
            self.weights = nn.Parameter(initial[trainable])
            self.register_buffer("fixed", initial[~trainable])
            places = torch.cat([trainable.nonzero(), (~trainable).nonzero()])[:, 0]
            self.register_buffer("_order", places.argsort(), persistent=False)

    def flat(self) -> Tensor:
        """The circuit's whole weight vector, [weights], fixed weights in their places."""
        if self.whole:
            return self.weights
        return torch.cat([self.weights, self.fixed])[self._order]

    def forward(self, x: Tensor) -> Tensor:
        """The readout [batch, outputs]. Raises ValueError unless x is [batch, inputs]."""
        if self.each_feature:
            return self.readout(self.features(x.reshape(-1, 1))).reshape(x.shape)
        return self.readout(self.features(x))

    def readout(self, x: Tensor) -> Tensor:
        """The readout [batch, outputs] of features [batch, inputs] in floating point."""
        raise NotImplementedError

    def features(self, x: Tensor) -> Tensor:
        """``x`` in floating point. Raises ValueError unless it is [batch, inputs]."""
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise ValueError(
                f"the circuit reads {self.inputs} features of each sample, "
                f"but its input has the shape {list(x.shape)}, not [batch, {self.inputs}]"
            )
        return x if x.is_floating_point() else x.to(torch.get_default_dtype())

    def extra_repr(self) -> str:
        """Wires, inputs and weights, for print(model)."""
        weights = len(expand(self.circuit).weight_keys)
        return f"wires={self.circuit.wires}, inputs={self.inputs}, weights={weights}"


class QuantumLayer(CircuitLayer):
    """A circuit as a layer: features [batch, inputs] in radians to its readout [batch, outputs].

    It computes at least in the dtype of its input (whole numbers as torch's default), by the
    engine that `choice` says: on CUDA and under the transforms of torch.func as torch operations,
    else by the kernels on the CPU, whose gradients are of first order only.
    """

    def __init__(self, circuit: Circuit, generator: torch.Generator | None = None) -> None:
        super().__init__(circuit, generator)
        self.program = compile(circuit)
        self._tensors: tuple[AngleTable, TensorProgram] | None = None

    def readout(self, x: Tensor) -> Tensor:
        """The readout [batch, outputs] in the dtype of x."""
        device = "cpu" if x.is_cpu else x.device.type  # the name takes longer than the question
        if engine(device, transformed()) == TENSORS:
            return self._as_tensors(x)
        out: Tensor = Simulated.apply(self.program, x, self.flat())
        return out

    def _as_tensors(self, x: Tensor) -> Tensor:
        if x.is_cuda and torch.is_autocast_enabled("cuda"):
            # Half precision is for the network around a circuit: a state would lose its norm.
            with torch.autocast("cuda", enabled=False):
                return self._as_tensors(x.float())
        freed = free(self.circuit)
        if self._tensors is None:
            table = AngleTable(freed)
            self._tensors = table, TensorProgram(freed, table.of_weights_only)
        table, program = self._tensors
        double = in_double(self.program, x.dtype == torch.float64)
        numbers, weights = x.double(), self.flat().to(x.device, torch.float64)
        angles, state = table(numbers, weights), amplitudes(freed, numbers)
        out = program(angles, state, torch.float64 if double else torch.float32)
        return out.to(x.dtype)
