"""PennyLane's simulators: default.qubit, default.mixed with noise, lightning.qubit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pennylane as qml
import torch
from pennylane.devices import ExecutionConfig
from torch import Tensor
from torch.autograd.function import once_differentiable

from qdesigner.catalog.devices import CHANNELS
from qdesigner.circuit.free import Free
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Amplitudes, Fixed, Input
from qdesigner.circuit.readout import Word
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices.base import Device, Floats
from qdesigner.engine.shift import parameter_shift

STATE_BYTES = 1 << 28  # states held at once while a batch runs
ONE_THREAD = 14  # wires


def make(spec: DeviceSpec) -> Device:
    """The device that ``spec`` names."""
    return {"default.qubit": Reference, "lightning.qubit": Lightning}.get(spec.name, Simulator)(
        spec
    )


class Simulator:
    """A simulator of PennyLane. A batch is broadcast, in pieces that fit in memory."""

    def __init__(self, spec: DeviceSpec) -> None:
        self.spec = spec
        self.channel = getattr(qml, CHANNELS[spec.noise]) if spec.noise else None

    def run(
        self, free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int
    ) -> Floats:
        """See `Device`."""
        readout = _Readout(free)
        rows = len(angles)
        out = np.empty((rows, free.outputs))
        for number, part in enumerate(self._pieces(free, rows)):
            state = None if amplitudes is None else amplitudes[part]
            script = self._script(free, readout, angles[part].T, state, shots)
            # Each piece has shots of its own; NumPy mixes the two numbers into one seed.
            device = self._device(free, np.random.default_rng((seed, number)) if shots else None)
            (values,) = qml.execute([script], device, diff_method=None)
            out[part] = readout.of_arrays(values).reshape(-1, free.outputs)
        return out

    def _device(self, free: Free, seed: Any = None) -> Any:
        return qml.device(self.spec.name, wires=free.wires, seed=seed)

    def _pieces(self, free: Free, rows: int) -> Iterator[slice]:
        density = self.spec.name == "default.mixed"
        size = 16 << (free.wires * (2 if density else 1))
        step = max(1, STATE_BYTES // size)
        return (slice(first, first + step) for first in range(0, rows, step))

    def _script(
        self, free: Free, readout: _Readout, angles: Any, amplitudes: Any, shots: int
    ) -> Any:
        """The circuit as PennyLane's tape, ``angles[k]`` the values of slot k."""
        return qml.tape.QuantumScript(
            list(self._operations(free, angles, amplitudes)),
            readout.measurements,
            shots=shots or None,
        )

    def _operations(self, free: Free, angles: Any, amplitudes: Any) -> Iterator[Any]:
        for operation in free.operations:
            angle = operation.angle
            if isinstance(angle, Amplitudes):
                # Normalised already; PennyLane's own check is too strict for single precision.
                yield qml.StatePrep(amplitudes, wires=operation.wires, validate_norm=False)
                continue
            gate = getattr(qml, GATES[operation.gate].pennylane)
            if angle is None:
                yield gate(wires=operation.wires)
            else:
                assert isinstance(angle, Input | Fixed)
                value = angles[angle.index] if isinstance(angle, Input) else angle.value
                yield gate(value, wires=operation.wires)
            if self.channel is not None:
                for wire in operation.wires:
                    yield self.channel(self.spec.noise_level, wires=wire)


class Reference(Simulator):
    """default.qubit, which torch can differentiate through."""

    def expectations(self, free: Free, angles: Tensor, amplitudes: Tensor | None) -> Tensor:
        """See `Differentiable`: the whole batch at once, by backprop."""
        readout = _Readout(free)
        script = self._script(free, readout, angles.T, amplitudes, shots=0)
        device = self._device(free)
        (values,) = qml.execute([script], device, diff_method="backprop", interface="torch")
        out: Tensor = readout.of_tensors(values).to(angles.dtype)
        return out.expand(len(angles), -1) if out.ndim == 2 else out.repeat(len(angles), 1)


class Lightning(Simulator):
    """lightning.qubit, whose adjoint method takes one sample at a time."""

    def run(
        self, free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int
    ) -> Floats:
        """See `Device`."""
        with _few_threads(free.wires):
            return super().run(free, angles, amplitudes, shots, seed)

    def expectations(self, free: Free, angles: Tensor, amplitudes: Tensor | None) -> Tensor:
        """See `Differentiable`: sample by sample, by the adjoint method. It takes a prepared state
        for a constant, so gradients for amplitudes come from their shift rule."""
        constant = None if amplitudes is None else amplitudes.detach()
        out: Tensor = _Adjoint.apply(self, free, angles, constant)
        if amplitudes is None or not amplitudes.requires_grad:
            return out
        shifted = parameter_shift(
            lambda a, s: self.run(free, a, s, 0, 0), free, angles.detach(), amplitudes,
            np.zeros(len(free.angles), dtype=bool),
        )  # fmt: skip
        return out + (shifted - shifted.detach())

    def with_jacobian(
        self, free: Free, angles: Floats, amplitudes: Floats | None
    ) -> tuple[Floats, Floats]:
        """Outputs [rows, outputs] and their derivatives [rows, outputs, slots]."""
        readout = _Readout(free)
        states = [None] * len(angles) if amplitudes is None else list(amplitudes)
        scripts = [
            self._script(free, readout, row, state, shots=0)
            for row, state in zip(angles, states, strict=True)
        ]
        for script in scripts:
            script.trainable_params = _slot_places(free)
        device = self._device(free)
        config = device.setup_execution_config(ExecutionConfig(gradient_method="adjoint"))
        prepared, _ = device.preprocess_transforms(config)(scripts)
        with _few_threads(free.wires):
            values, slopes = device.execute_and_compute_derivatives(prepared, config)
        out = np.stack([readout.of_arrays(row) for row in values])
        shape = (len(angles), len(readout.words), len(free.angles))
        jacobian = np.array(slopes, dtype=np.float64).reshape(shape)
        return out, np.einsum("rws,wo->ros", jacobian, readout.factors)


@contextmanager
def _few_threads(wires: int) -> Iterator[None]:
    """One OpenMP thread for small states: Lightning's threads wait by spinning, which made a step
    ten times slower on two cores that had something else to do. Torch and it share OpenMP."""
    kept = torch.get_num_threads()
    if wires <= ONE_THREAD:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(kept)


def _slot_places(free: Free) -> list[int]:
    """Where the slots stand among all parameters of the tape."""
    angles = [operation.angle for operation in free.operations if operation.angle is not None]
    return [place for place, angle in enumerate(angles) if isinstance(angle, Input)]


class _Adjoint(torch.autograd.Function):
    """Lightning's values with its own derivatives, in double precision whatever torch's default."""

    @staticmethod
    def forward(
        ctx: Any, device: Lightning, free: Free, angles: Tensor, amplitudes: Tensor | None
    ) -> Tensor:
        rows = angles.detach().cpu().double().numpy()
        state = None if amplitudes is None else amplitudes.detach().cpu().double().numpy()
        if ctx.needs_input_grad[2] and rows.size:
            out, ctx.jacobian = device.with_jacobian(free, rows, state)
        else:
            out, ctx.jacobian = device.run(free, rows, state, 0, 0), None
        return torch.from_numpy(out).to(angles)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, Tensor | None, None]:
        if ctx.jacobian is None:
            return None, None, None, None
        pulled = np.einsum("ro,ros->rs", grad.cpu().double().numpy(), ctx.jacobian)
        return None, None, torch.from_numpy(pulled).to(grad), None


class _Readout:
    """A circuit's readout as PennyLane's measurements, and their results as its outputs.

    Each Pauli word is measured once, however many of the outputs it occurs in.
    """

    def __init__(self, free: Free) -> None:
        self.probabilities = free.readout.kind == "probabilities"
        observables = free.readout.observables(free.wires)
        words = {term.word: None for terms in observables for term in terms if term.word}
        places = {word: place for place, word in enumerate(words)}
        # Without any word something is measured all the same, and counts nothing.
        self.words = tuple(words) or (((0, "Z"),),)
        self.factors = np.zeros((len(self.words), free.outputs))
        self.constants = np.zeros(free.outputs)
        for output, terms in enumerate(observables):
            for coefficient, word in terms:
                if word:
                    self.factors[places[word], output] = coefficient
                else:
                    self.constants[output] = coefficient
        self.measurements = (
            [qml.probs(wires=free.readout.on(free.wires))]
            if self.probabilities
            else [qml.expval(_observable(word)) for word in self.words]
        )

    def of_arrays(self, values: Any) -> Floats:
        """The outputs [..., outputs] of what PennyLane returns for a tape."""
        if self.probabilities:
            return np.asarray(values)
        several = values if len(self.words) > 1 else (values,)
        out: Floats = np.stack(several, -1) @ self.factors + self.constants
        return out

    def of_tensors(self, values: Any) -> Tensor:
        """The same of tensors, in double precision."""
        if self.probabilities:
            return torch.as_tensor(values).double()
        several = values if len(self.words) > 1 else (values,)
        stacked = torch.stack([torch.as_tensor(value).double() for value in several], -1)
        return stacked @ torch.from_numpy(self.factors) + torch.from_numpy(self.constants)


def _observable(word: Word) -> Any:
    paulis = [getattr(qml, pauli)(wire) for wire, pauli in word]
    return paulis[0] if len(paulis) == 1 else qml.prod(*paulis)
