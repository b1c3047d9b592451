"""Run a program on a batch of samples: expectation values, and their gradients, as NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.circuit.circuit import Circuit
from qdesigner.engine import kernels
from qdesigner.engine.compile import Program, compile
from qdesigner.engine.threads import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

# Fixed, never timed: how samples are cut into chunks decides the order of sums, and a resumed
# training has to repeat to the bit, on whatever number of threads.
LANES = 32  # samples side by side: two AVX-512 registers
LANES_LARGE = 16  # from `LARGE_ROWS` on, so that state and co-state stay in the second-level cache
LARGE_ROWS = 1 << 11
# Below this many turned numbers (about 0.3 ms) a second thread is not worth its start.
SPREAD_WORK = 1 << 20
# Final states are kept from forward to backward up to this size, which the largest state of one
# sample does not pass; above, the backward runs the batch again, a part at a time.
KEPT_BYTES = 1 << 28


def chunk_size(program: Program, batch: int) -> int:
    """How many samples go side by side: chunks of about equal size, at most `LANES`."""
    lanes = LANES_LARGE if program.rows * program.parts >= LARGE_ROWS else LANES
    chunks = max(-(-batch // lanes), 1)
    return max(-(-batch // chunks), 1)


def _each_chunk(call: Any, program: Program, batch: int, chunks: int) -> None:
    if program.rows * program.parts * batch * len(program.steps) > SPREAD_WORK:
        spread(call, chunks)
    else:
        call(0, chunks)


def _state_size(program: Program) -> int:
    return program.rows * program.parts


def forward(
    program: Program, inputs: Floats, weights: Floats, keep: bool
) -> tuple[Floats, Floats | None]:
    """⟨Z⟩ [batch, wires] and, with ``keep`` and if they are not too large, the final states.

    ``inputs`` [batch, inputs] and ``weights`` [weights] are C-contiguous and of one dtype, float32
    or float64.
    """
    batch = len(inputs)
    out = np.empty((batch, program.wires), inputs.dtype)
    size = batch * _state_size(program)
    kept = keep and size * out.itemsize <= KEPT_BYTES
    states = np.empty(size if kept else 0, inputs.dtype)
    chunk = chunk_size(program, batch)

    def call(start: int, end: int) -> None:
        kernels.forward(*program.arrays, inputs, weights, chunk, start, end, out, states)

    _each_chunk(call, program, batch, -(-batch // chunk))
    return out, states if kept else None


def backward(
    program: Program,
    inputs: Floats,
    weights: Floats,
    states: Floats | None,
    grad: Floats,
    want_inputs: bool = True,
) -> tuple[Floats | None, Floats]:
    """Gradients for ``inputs`` [batch, inputs], None if not wanted, and for ``weights``.

    ``grad`` [batch, wires] is the gradient of what `forward` gave, C-contiguous and of its dtype;
    ``states`` is what it kept, or None to run it again.
    """
    if states is None:
        return _backward_again(program, inputs, weights, grad, want_inputs)
    batch = len(inputs)
    chunk = chunk_size(program, batch)
    chunks = -(-batch // chunk)
    stop = min(program.first_weight, program.first_input if want_inputs else len(program.steps))
    grad_inputs = np.zeros(inputs.shape if want_inputs else (0, 0), inputs.dtype)
    grad_weights = np.empty(weights.shape, inputs.dtype)
    overlaps = np.empty((chunks, len(program.offset)))

    def call(start: int, end: int) -> None:
        kernels.backward(
            *program.arrays, inputs, weights, chunk, start, end, states, grad, grad_inputs,
            overlaps, stop,
        )  # fmt: skip

    _each_chunk(call, program, batch, chunks)
    kernels.collect(overlaps, program.weight_of, grad_weights)
    return grad_inputs if want_inputs else None, grad_weights


def _backward_again(
    program: Program, inputs: Floats, weights: Floats, grad: Floats, want_inputs: bool
) -> tuple[Floats | None, Floats]:
    """`backward` without kept states: forward and backward of a part of the batch at a time."""
    part = max(KEPT_BYTES // (_state_size(program) * inputs.itemsize), 1)
    grad_inputs = np.zeros(inputs.shape, inputs.dtype)
    total = np.zeros(weights.shape)
    for start in range(0, len(inputs), part):
        some = slice(start, start + part)
        _, states = forward(program, inputs[some], weights, keep=True)
        of_inputs, of_weights = backward(
            program, inputs[some], weights, states, grad[some], want_inputs
        )
        total += of_weights
        if of_inputs is not None:
            grad_inputs[some] = of_inputs
    return grad_inputs if want_inputs else None, total.astype(inputs.dtype)


def evaluate(program: Program, inputs: Floats, weights: Floats) -> Floats:
    """⟨Z⟩ on every wire, [batch, wires], for ``inputs`` [batch, inputs] and ``weights`` [weights].

    Computes in float32 if ``inputs`` are, else in float64. Raises ValueError when a shape does not
    fit the program.
    """
    inputs, weights = _checked(program, inputs, weights)
    return forward(program, inputs, weights, keep=False)[0]


def gradients(
    program: Program, inputs: Floats, weights: Floats, grad_outputs: Floats
) -> tuple[Floats, Floats]:
    """Gradients of Σ grad_outputs · outputs for inputs [batch, inputs] and weights [weights].

    ``grad_outputs`` is [batch, wires]. Raises ValueError as `evaluate` does.
    """
    inputs, weights = _checked(program, inputs, weights)
    grad = _plain(grad_outputs, inputs.dtype)
    if grad.shape != (len(inputs), program.wires):
        raise ValueError(
            f"grad_outputs must have the shape {(len(inputs), program.wires)}, not {grad.shape}"
        )
    grad_inputs, grad_weights = backward(program, inputs, weights, None, grad)
    assert grad_inputs is not None
    return grad_inputs, grad_weights


def _plain(array: Floats, dtype: Any) -> Floats:
    """The one kind of array the kernels are compiled for: contiguous and writable."""
    return np.require(array, dtype, ["C", "W"])


def _checked(program: Program, inputs: Floats, weights: Floats) -> tuple[Floats, Floats]:
    dtype = np.float32 if getattr(inputs, "dtype", None) == np.float32 else np.float64
    inputs, weights = _plain(inputs, dtype), _plain(weights, dtype)
    if inputs.ndim != 2 or inputs.shape[1] != program.inputs:
        raise ValueError(
            f"inputs must have the shape (batch, {program.inputs}), not {inputs.shape}"
        )
    if weights.shape != (program.weights,):
        raise ValueError(f"weights must have the shape ({program.weights},), not {weights.shape}")
    return inputs, weights


def warm() -> None:
    """Compile the kernels, or load them from the cache, for float32 and then float64."""
    program = compile(Circuit(wires=1))
    for dtype in (np.float32, np.float64):
        inputs: Floats = np.zeros((1, 0), dtype)
        weights: Floats = np.zeros(0, dtype)
        out, states = forward(program, inputs, weights, keep=True)
        backward(program, inputs, weights, states, out)
