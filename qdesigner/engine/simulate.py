"""Run a program on a batch of samples: expectation values, and their gradients, as NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.circuit.circuit import Circuit
from qdesigner.engine import kernels
from qdesigner.engine.compile import Program, compile
from qdesigner.engine.jit import threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

# Fixed, never timed: the way samples are cut into chunks decides the order of sums, and a resumed
# training has to repeat to the bit, on whatever number of threads.
LANES = 32  # samples side by side: two AVX-512 registers
LANES_LARGE = 16  # from `LARGE_ROWS` on, so that state and co-state stay in the second-level cache
LARGE_ROWS = 1 << 11
# Below this many turned numbers (about 0.3 ms) a busy core costs more than a second thread saves.
PARALLEL_WORK = 1 << 20
# Final states are kept from forward to backward up to this size; above, the backward starts over.
KEPT_BYTES = 1 << 28


def chunk_size(program: Program, batch: int) -> int:
    """How many samples go side by side: chunks of about equal size, at most `LANES`."""
    lanes = LANES_LARGE if program.rows * program.parts >= LARGE_ROWS else LANES
    chunks = -(-batch // lanes)
    return -(-batch // max(chunks, 1)) or 1


def _spread(program: Program, batch: int, chunk: int) -> bool:
    work = program.rows * program.parts * batch * len(program.steps)
    return threads.allowed and chunk < batch and work > PARALLEL_WORK


def forward(
    program: Program, inputs: Floats, weights: Floats, keep: bool
) -> tuple[Floats, Floats | None]:
    """⟨Z⟩ [batch, wires] and, with ``keep``, the final states for `backward`.

    ``inputs`` [batch, inputs] and ``weights`` [weights] are C-contiguous and of one dtype, float32
    or float64.
    """
    batch = len(inputs)
    out = np.empty((batch, program.wires), inputs.dtype)
    size = batch * program.rows * program.parts
    kept = keep and size * out.itemsize <= KEPT_BYTES
    states = np.empty(size if kept else 0, inputs.dtype)
    chunk = chunk_size(program, batch)
    spread = _spread(program, batch, chunk)
    kernels.forward(*program.arrays, inputs, weights, chunk, out, states, spread)
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

    ``grad`` [batch, wires] is the gradient of what `forward` gave, C-contiguous and of its dtype.
    """
    batch = len(inputs)
    dtype = inputs.dtype
    chunk = chunk_size(program, batch)
    chunks = -(-batch // chunk)
    stop = program.first_weight
    if want_inputs:
        stop = min(stop, program.first_input)
    grad_inputs = np.zeros(inputs.shape if want_inputs else (0, 0), dtype)
    grad_weights = np.empty(weights.shape, dtype)
    kernels.backward(
        *program.arrays, inputs, weights, chunk, np.empty(0, dtype) if states is None else states, grad,
        grad_inputs, np.empty((chunks, len(program.offset))), grad_weights, stop,
        _spread(program, batch, chunk),
    )  # fmt: skip
    return grad_inputs if want_inputs else None, grad_weights


def evaluate(program: Program, inputs: Floats, weights: Floats) -> Floats:
    """⟨Z⟩ on every wire, [batch, wires], for ``inputs`` [batch, inputs] and ``weights`` [weights].

    Computes in the dtype of ``inputs``: float32, or float64 for anything else. Raises ValueError
    when a shape does not fit the program.
    """
    inputs, weights = _checked(program, inputs, weights)
    return forward(program, inputs, weights, keep=False)[0]


def gradients(
    program: Program, inputs: Floats, weights: Floats, grad_outputs: Floats
) -> tuple[Floats, Floats]:
    """Gradients of Σ grad_outputs · outputs for inputs [batch, inputs] and weights [weights]."""
    inputs, weights = _checked(program, inputs, weights)
    grad = np.ascontiguousarray(grad_outputs, inputs.dtype)
    if grad.shape != (len(inputs), program.wires):
        raise ValueError(
            f"the gradient of the outputs has shape {grad.shape}, "
            f"not {(len(inputs), program.wires)}"
        )
    grad_inputs, grad_weights = backward(program, inputs, weights, None, grad)
    assert grad_inputs is not None
    return grad_inputs, grad_weights


def _checked(program: Program, inputs: Floats, weights: Floats) -> tuple[Floats, Floats]:
    dtype = np.float32 if getattr(inputs, "dtype", None) == np.float32 else np.float64
    inputs = np.ascontiguousarray(inputs, dtype)
    weights = np.ascontiguousarray(weights, dtype)
    if inputs.ndim != 2 or inputs.shape[1] != program.inputs:
        raise ValueError(f"the circuit reads [batch, {program.inputs}], not {inputs.shape}")
    if weights.shape != (program.weights,):
        raise ValueError(f"the circuit has {program.weights} weights, not {weights.shape}")
    return inputs, weights


def warm() -> None:
    """Compile the kernels, or load them from the cache, for float32 and float64."""
    program = compile(Circuit(wires=1))
    for dtype in (np.float32, np.float64):
        inputs, out, weights = np.zeros((1, 0), dtype), np.zeros((1, 1), dtype), np.zeros(0, dtype)
        _, states = forward(program, inputs, weights, keep=True)
        backward(program, inputs, weights, states, out)
