"""A circuit as a torch layer on any device."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qdesigner.catalog.devices import ADJOINT, BUILT_IN, SHIFT, gradient, refusal
from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.circuit.free import free
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices.base import Differentiable, Floats, open_device
from qdesigner.engine.angles import AngleTable, amplitudes
from qdesigner.engine.layer import CircuitLayer, QuantumLayer
from qdesigner.engine.shift import parameter_shift
from qdesigner.engine.tensors import transformed
from qdesigner.errors import UserError


def quantum_layer(
    circuit: Circuit, spec: DeviceSpec, seed: int = 0, each_feature: bool = False
) -> CircuitLayer:
    """The layer that runs ``circuit`` as ``spec`` says; its weights are drawn from torch's
    generator, alike on every device. ``each_feature`` applies it to every feature by itself.

    The built-in device without shots, by the adjoint method, is a `QuantumLayer`; ``seed`` is for
    the shots of the others. Raises UserError when what the device needs is missing, or when it
    cannot run the circuit as ``spec`` says.
    """
    why = refusal(spec, circuit, train=False)
    if why:
        raise UserError(why)
    layer: CircuitLayer
    if spec.name == BUILT_IN and not spec.shots and gradient(spec, circuit) == ADJOINT:
        layer = QuantumLayer(circuit)
    else:
        layer = DeviceLayer(circuit, spec, seed)
    layer.each_feature = each_feature
    return layer


class DeviceLayer(CircuitLayer):
    """A circuit as a layer whose numbers come from a device: features [batch, inputs] in radians
    to its readout [batch, outputs], with the weights and the state of a `QuantumLayer`.

    Gradients come from the device's own method where ``spec`` asks for it, else from the
    parameter-shift rule; they are of first order.

    The shots of a call are seeded by ``seed`` and by a number drawn from torch's own generator in
    the forward, in training and in evaluation. So ``torch.manual_seed`` decides them as it decides
    dropout: an epoch that is seeded anew repeats its shots, with nothing to keep in a checkpoint.
    Exact values draw nothing.
    """

    def __init__(
        self,
        circuit: Circuit,
        spec: DeviceSpec,
        seed: int = 0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(circuit, generator)
        self.spec = spec
        self.seed = seed
        self.free = free(circuit)
        self.table = AngleTable(self.free)
        self.device = open_device(spec)
        # "" is a device that only predicts.
        method = gradient(spec, circuit)
        self.own_gradient = method not in ("", SHIFT) and isinstance(self.device, Differentiable)

    def __getstate__(self) -> dict[str, Any]:
        """All but the device, which holds what cannot be written down: a copy opens its own."""
        return {**self.__dict__, "device": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        opened = {**state, "device": open_device(state["spec"])}
        super().__setstate__(opened)  # type: ignore[no-untyped-call]

    def readout(self, x: Tensor) -> Tensor:
        """The readout [batch, outputs] in the dtype of x. Raises UserError when the device refuses
        or fails."""
        if transformed():
            raise UserError(
                "Only the built-in device without shots works under the transforms of torch.func."
            )
        # Devices compute in float64, as their angles had better be.
        numbers, weights = x.to("cpu", torch.float64), self.flat().to("cpu", torch.float64)
        angles, state = self.table(numbers, weights), amplitudes(self.free, numbers)
        wants = angles.requires_grad or (state is not None and state.requires_grad)
        if self.own_gradient and wants and torch.is_grad_enabled():
            assert isinstance(self.device, Differentiable)
            return self.device.expectations(self.free, angles, state).to(x)
        return self._shifted(x, angles, state).to(x)

    def _shifted(self, x: Tensor, angles: Tensor, state: Tensor | None) -> Tensor:
        shots = self.spec.shots
        drawn = int(torch.randint(1 << 62, ())) if shots else 0
        calls = count()

        def run(angles: Floats, state: Floats | None) -> Floats:
            """The forward is call 0, the shifted rows of the backward are the calls after it."""
            seed = _seed(self.seed, drawn, next(calls)) if shots else 0
            return self.device.run(self.free, angles, state, shots, seed)

        wanted = self.table.wanted(x.requires_grad, self._trained())
        return parameter_shift(run, self.free, angles, state, wanted)

    def _trained(self) -> list[bool]:
        """Which entries of the flat weight vector need a gradient."""
        trains = self.weights.requires_grad
        return [trains and each for each in expand(self.circuit).trainable]


def _seed(*numbers: int) -> int:
    """One number of 63 bits from several, each of which matters."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
