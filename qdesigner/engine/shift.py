"""The parameter-shift rule: gradients by nothing but running the circuit at shifted angles.

A slot's derivative is a sum of values at shifted angles (`Free.rules`; Wierichs et al.,
arXiv 2107.12390). A sample's real amplitudes a have one too: turning a towards the j-th direction u
perpendicular to it, the readout is a constant plus a wave of one frequency, so its slope is
f((a + u)/√2) - f((a - u)/√2). All shifted rows of a batch go into one call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from qdesigner.circuit.free import Free

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Run = Callable[[Floats, Floats | None], Floats]

# So many numbers (128 MB) go into one call at most, angles, amplitudes and outputs together; rows
# beyond go into further calls.
NUMBERS_AT_ONCE = 1 << 24


def parameter_shift(
    run: Run,
    free: Free,
    angles: Tensor,
    amplitudes: Tensor | None = None,
    wanted: Bools | None = None,
) -> Tensor:
    """The readout [batch, outputs] of ``free`` at ``angles`` [batch, slots], by ``run``.

    ``run(angles, amplitudes)`` takes [rows, slots] and [rows, 2**k] or None, float64, and gives
    [rows, outputs]. It is called once, and in the backward once more for all shifted rows, unless
    they are beyond `NUMBERS_AT_ONCE`. Only the slots that ``wanted`` [slots] marks are shifted, all
    by default; the gradient of the others is zero. Gradients are of first order only: a second
    backward through the first raises RuntimeError, as do the transforms of `torch.func`.
    """
    out: Tensor = _Shifted.apply(run, free, angles, amplitudes, wanted)
    return out


def evaluations(
    free: Free, batch: int, wanted: Bools | None = None, amplitudes: bool = False
) -> int:
    """How many circuits a forward and a backward run; ``amplitudes`` says whether their gradient
    is wanted too."""
    size = 1 << len(free.prepared.wires) if amplitudes and free.prepared is not None else 0
    return batch * (1 + len(_terms(free, wanted)[0]) + 2 * size)


def _terms(
    free: Free, wanted: Bools | None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Slot, coefficient and shift of every shifted circuit."""
    terms = [
        (slot, *term)
        for slot, rule in enumerate(free.rules)
        if wanted is None or wanted[slot]
        for term in rule
    ]
    table = np.array(terms, dtype=np.float64).reshape(-1, 3)
    return table[:, 0].astype(np.int64), table[:, 1], table[:, 2]


class _Shifted(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, run: Run, free: Free, angles: Tensor, amplitudes: Tensor | None,
        wanted: Bools | None,
    ) -> Tensor:  # fmt: skip
        # Saved for torch to tell of a change in place.
        ctx.save_for_backward(angles, amplitudes)
        ctx.run, ctx.free, ctx.wanted = run, free, wanted
        ctx.numbers = _array(angles), None if amplitudes is None else _array(amplitudes)
        return torch.from_numpy(run(*ctx.numbers)).to(angles)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        angles, amplitudes = ctx.saved_tensors
        numbers, states = ctx.numbers
        shifted = _Rows(ctx.free, numbers, states, ctx.wanted, ctx.needs_input_grad[3])
        of_angles, of_amplitudes = shifted.gradients(ctx.run, _array(grad))
        slopes = [torch.from_numpy(of_angles).to(angles)]
        if amplitudes is not None:
            slopes.append(torch.from_numpy(of_amplitudes).to(amplitudes))
        if torch.is_grad_enabled():  # someone means to differentiate the gradient
            slopes = [_Last.apply(slope, angles, amplitudes, grad) for slope in slopes]
        return None, None, slopes[0], slopes[1] if len(slopes) > 1 else None, None


class _Last(torch.autograd.Function):
    """A gradient that has none itself, and says so instead of counting as a constant."""

    @staticmethod
    def forward(ctx: Any, slope: Tensor, *sources: Tensor | None) -> Tensor:
        return slope.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        raise RuntimeError(
            "the parameter-shift rule gives gradients of first order only; for second derivatives "
            "use the built-in device without shots, under torch.func"
        )


def _array(tensor: Tensor) -> Floats:
    return tensor.detach().to("cpu", torch.float64).contiguous().numpy()


class _Rows:
    """The shifted circuits of a batch: first those of the slots' terms, then, two for each
    direction, those of the amplitudes; each stands for all samples."""

    def __init__(
        self, free: Free, angles: Floats, amplitudes: Floats | None, wanted: Bools | None,
        of_amplitudes: bool,
    ) -> None:  # fmt: skip
        self.angles, self.amplitudes = angles, amplitudes
        self.slots, self.coefficients, self.shifts = _terms(free, wanted)
        self.directions = amplitudes.shape[1] if of_amplitudes and amplitudes is not None else 0
        self.count = len(self.slots) + 2 * self.directions
        numbers = angles.shape[1] + free.outputs
        numbers += 0 if amplitudes is None else amplitudes.shape[1]
        self.part = max(1, NUMBERS_AT_ONCE // max(1, len(angles) * numbers))

    def gradients(self, run: Run, grad: Floats) -> tuple[Floats, Floats]:
        """Of Σ grad · outputs, for the angles and for the amplitudes."""
        batch = len(self.angles)
        slopes = np.empty((self.count, batch))
        for start in range(0, self.count if batch else 0, self.part):
            end = min(start + self.part, self.count)
            out = run(*self._rows(start, end)).reshape(end - start, batch, -1)
            slopes[start:end] = np.einsum("tbo,bo->tb", out, grad)
        terms = len(self.slots)
        of_angles = np.zeros(self.angles.shape[::-1])
        np.add.at(of_angles, self.slots, slopes[:terms] * self.coefficients[:, None])
        of_amplitudes = np.zeros(0 if self.amplitudes is None else self.amplitudes.shape)
        if self.directions:
            up, down = slopes[terms:].reshape(self.directions, 2, batch).transpose(1, 2, 0)
            of_amplitudes = _lengths(self.amplitudes) * (up - down)
        return np.ascontiguousarray(of_angles.T), of_amplitudes

    def _rows(self, start: int, end: int) -> tuple[Floats, Floats | None]:
        """Angles and amplitudes of the circuits from ``start`` to ``end``, for all samples."""
        angles = np.repeat(self.angles[None], end - start, 0)
        some = slice(start, min(end, len(self.slots)))
        slots = self.slots[some]
        angles[np.arange(len(slots)), :, slots] += self.shifts[some, None]
        angles = angles.reshape((end - start) * len(self.angles), self.angles.shape[1])
        if self.amplitudes is None:
            return angles, None
        amplitudes = np.repeat(self.amplitudes[None], end - start, 0)
        for number in range(max(start, len(self.slots)), end):
            direction, down = divmod(number - len(self.slots), 2)
            turned = self._turned(direction, -1.0 if down else 1.0)
            amplitudes[number - start] = turned
        return angles, amplitudes.reshape(len(angles), -1)

    def _turned(self, direction: int, sign: float) -> Floats:
        """(a ± u)/√2 for the unit vector u along ``direction``, made perpendicular to a."""
        assert self.amplitudes is not None
        component = self.amplitudes[:, direction, None]
        across = -component * self.amplitudes
        across[:, direction] += 1.0
        length = _lengths(self.amplitudes)[:, direction, None]
        across = np.divide(across, length, out=np.zeros_like(across), where=length > 0)
        turned = self.amplitudes + sign * across
        norm: Floats = np.linalg.norm(turned, axis=1, keepdims=True)
        return turned / norm


def _lengths(amplitudes: Floats | None) -> Floats:
    """How much of each unit vector [batch, 2**k] is perpendicular to the sample's amplitudes."""
    assert amplitudes is not None
    return np.asarray(np.sqrt(np.maximum(1.0 - amplitudes**2, 0.0)))
