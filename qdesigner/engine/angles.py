"""The angles of a free circuit's slots from features and weights, as torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from qdesigner.circuit.free import Free
from qdesigner.circuit.kinds import Amplitudes, Bit, Product, inputs_of, weight_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]


class AngleTable:
    """Features [batch, inputs] and weights [weights] to angles [batch, slots], in radians.

    Every formula is a scale times a product of (number + shift), the numbers being taken from one
    row of features, weights and a one; so all slots are computed together. It can be
    differentiated as often as one likes, on any device, and under `torch.func`.
    """

    def __init__(self, free: Free) -> None:
        formulas = free.angles
        one = free.inputs + free.weights
        factors = [_factors(angle, free.inputs) for angle in formulas]
        depth = max((len(some) for some in factors), default=0)
        padded = [some + [(one, 0.0)] * (depth - len(some)) for some in factors]
        taken = np.array(padded, dtype=np.float64).reshape(len(formulas), depth, 2)
        self._weights = free.weights
        self._numbers = taken[:, :, 0].T.astype(np.int64)
        self._shifts = taken[:, :, 1].T.copy()
        self._scales = np.array([a.scale if isinstance(a, Product) else 1.0 for a in formulas])
        self._bits = np.array([isinstance(angle, Bit) for angle in formulas], dtype=bool)
        self._thresholds = np.array([a.threshold if isinstance(a, Bit) else 0 for a in formulas])
        self._weight_of = np.array([_or(weight_of(a), -1) for a in formulas], dtype=np.int64)
        self._reads = np.array([len(inputs_of(a)) > 0 for a in formulas], dtype=bool)
        self._constants: dict[tuple[torch.device, torch.dtype], tuple[Any, ...]] = {}

    @property
    def of_weights_only(self) -> Bools:
        """Which slots have one angle for all samples [slots]."""
        return ~self._reads

    def wanted(self, inputs: bool, trainable: Sequence[bool] | Bools) -> Bools:
        """Which slots' angles need a gradient [slots].

        ``inputs`` says whether the features do, ``trainable`` [weights] which weights do. Bits
        never do.
        """
        flags = np.append(np.asarray(trainable, dtype=bool), False)
        of_weights: Bools = flags[self._weight_of]
        return np.asarray(of_weights | (inputs & self._reads & ~self._bits))

    def __getstate__(self) -> dict[str, Any]:
        """All but the constants on the devices: a copy makes its own."""
        return {**self.__dict__, "_constants": {}}

    def __call__(self, x: Tensor, weights: Tensor) -> Tensor:
        """The angles [batch, slots], in the wider dtype of both."""
        dtype = torch.promote_types(x.dtype, weights.dtype)
        batch = x.shape[0]
        if not len(self._scales):
            return x.new_zeros((batch, 0), dtype=dtype)
        numbers, shifts, scales, bits, thresholds = self._on(x.device, dtype)
        row = torch.cat(
            [x.to(dtype), weights.to(dtype).expand(batch, self._weights), x.new_ones(batch, 1)], 1
        )
        first = row.index_select(1, numbers[0])
        angles = first if shifts is None else first + shifts[0]
        for place in range(1, len(numbers)):
            factor = row.index_select(1, numbers[place])
            angles = angles * (factor if shifts is None else factor + shifts[place])
        if scales is not None:
            angles = angles * scales
        if bits is not None:
            angles = torch.where(bits, math.pi * (first > thresholds).to(dtype), angles)
        return angles

    def _on(self, device: torch.device, dtype: torch.dtype) -> tuple[Any, ...]:
        """The tables as tensors, None for those that change nothing."""
        if (device, dtype) not in self._constants:
            with torch.inference_mode(False):  # they may serve a training later
                self._constants[device, dtype] = self._made(device, dtype)
        return self._constants[device, dtype]

    def _made(self, device: torch.device, dtype: torch.dtype) -> tuple[Any, ...]:
        def real(values: Any) -> Tensor:
            return torch.tensor(values, device=device, dtype=dtype)

        return (
            [torch.tensor(some, device=device) for some in self._numbers],
            real(self._shifts) if self._shifts.any() else None,
            real(self._scales) if (self._scales != 1).any() else None,
            torch.tensor(self._bits, device=device) if self._bits.any() else None,
            real(self._thresholds),
        )


def _factors(angle: Any, inputs: int) -> list[tuple[int, float]]:
    """(place in the row, shift) of each factor of a slot's formula."""
    shift = angle.shift if isinstance(angle, Product) else 0.0
    factors = [(index, shift) for index in inputs_of(angle)]
    weight = weight_of(angle)
    return factors if weight is None else [*factors, (inputs + weight, 0.0)]


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def amplitudes(free: Free, x: Tensor) -> Tensor | None:
    """The real amplitudes [batch, 2**k] that the circuit's AMPLITUDE operation prepares, or None.

    They have norm one; features that are all zero give |0…0⟩, whose gradient is zero.
    """
    operation = free.prepared
    if operation is None:
        return None
    assert isinstance(operation.angle, Amplitudes)
    first, count, pad = operation.angle.first, operation.angle.count, operation.angle.pad
    values = x[:, first : first + count]
    missing = (1 << len(operation.wires)) - count
    if missing:
        values = torch.cat([values, x.new_full((x.shape[0], missing), pad)], 1)
    # The largest to one, so that no square is lost. The result does not depend on it.
    largest = values.detach().abs().amax(1, keepdim=True)
    nothing = largest == 0
    values = values / torch.where(nothing, 1.0, largest)
    squares = torch.where(nothing, 1.0, values.square().sum(1, keepdim=True))
    ground = torch.zeros_like(values)
    ground[:, 0] = 1.0
    return torch.where(nothing, ground, values / squares.sqrt())
