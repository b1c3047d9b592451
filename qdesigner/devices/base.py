"""What a device is, and how one is opened. Its library is imported only then."""

from __future__ import annotations

import importlib
from typing import NamedTuple, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import Tensor

from qdesigner.catalog.devices import BUILT_IN, DEVICES, missing
from qdesigner.circuit.free import Free
from qdesigner.design.spec import DeviceSpec
from qdesigner.engine.simulate import warm
from qdesigner.errors import UserError

Floats = npt.NDArray[np.float64]

# The module of this package where each device lives; it has ``make(spec) -> Device``.
ROOMS = {
    "built-in": "built_in",
    "default.qubit": "pennylane",
    "default.mixed": "pennylane",
    "lightning.qubit": "pennylane",
    "qiskit.basic": "qiskit",
    "qiskit.aer": "qiskit",
    "braket.local": "braket",
    "braket.aws": "braket",
    "ibm": "ibm",
}


class Device(Protocol):
    """Runs circuits whose angles are given as numbers."""

    def run(
        self, free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int
    ) -> Floats:
        """The readout of each row: angles [rows, slots] in radians -> [rows, outputs].

        ``amplitudes`` [rows, 2**k] is the normalised state of the circuit's AMPLITUDE operation,
        None where it has none. ``shots`` 0 gives exact values; otherwise ``seed`` seeds them.
        Raises UserError.
        """


@runtime_checkable
class Differentiable(Protocol):
    """A device that differentiates by its own means: backprop, or the adjoint method."""

    def expectations(self, free: Free, angles: Tensor, amplitudes: Tensor | None) -> Tensor:
        """Exact readouts, differentiable: angles [batch, slots] -> [batch, outputs], in the dtype
        of ``angles``; gradients reach ``angles`` and, where the device can, ``amplitudes``."""


class Size(NamedTuple):
    """A circuit as a machine would run it: how deep, and how many of its gates join two qubits."""

    depth: int
    two_qubit: int


@runtime_checkable
class Transpiling(Protocol):
    """A device that fits circuits to a machine's gates and couplings."""

    def sizes(self, free: Free) -> list[Size]:
        """Of each circuit that a readout takes, measurements not counted."""


def open_device(spec: DeviceSpec) -> Device:
    """The device that ``spec`` names. Raises UserError when what it needs is missing."""
    absent = missing(DEVICES[spec.name])
    if absent:
        raise UserError(absent)
    room = importlib.import_module(f"qdesigner.devices.{ROOMS[spec.name]}")
    return cast(Device, room.make(spec))


def load(spec: DeviceSpec) -> None:
    """Compile or import what the device needs, which takes seconds the first time. Raises UserError
    when it is missing."""
    if spec.name == BUILT_IN:
        warm()
    else:
        open_device(spec)


def loading(spec: DeviceSpec) -> str:
    """What to tell meanwhile."""
    return f"loading {'the simulator' if spec.name == BUILT_IN else DEVICES[spec.name].label}"
