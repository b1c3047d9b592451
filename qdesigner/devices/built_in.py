"""The built-in simulator as a device: exact values by the kernels, or shots drawn from them."""

from __future__ import annotations

import numpy as np

from qdesigner.circuit.free import Free
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices.base import Device, Floats
from qdesigner.engine.compile import Program, compile_free
from qdesigner.engine.sampling import Sampler
from qdesigner.engine.simulate import evaluate


def make(spec: DeviceSpec) -> Device:
    """The device; nothing of ``spec`` but shots, given to `run`, concerns it."""
    return BuiltIn()


class BuiltIn:
    """Keeps what it compiled for the last circuit: a training asks for the same one again."""

    def __init__(self) -> None:
        self._free: Free | None = None
        self._program: Program | None = None
        self._sampler: Sampler | None = None

    def run(
        self, free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int
    ) -> Floats:
        """See `Device`."""
        if self._free is not free:
            self._free, self._program, self._sampler = free, None, None
        if shots:
            self._sampler = self._sampler or Sampler(free)
            return self._sampler(angles, amplitudes, shots, seed)
        self._program = self._program or compile_free(free)
        return np.asarray(evaluate(self._program, angles, np.empty(0), amplitudes), np.float64)
