"""Run a program on a batch of samples: its readout, and gradients, as NumPy arrays.

The batch is cut into chunks of samples that lie side by side in memory, so that every gate is one
vectorised loop; a kernel runs a chunk at a time, and `threads` spreads the chunks over the cores
where there is enough to do. Nothing is timed: the same batch is cut alike on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.circuit.circuit import Circuit
from qdesigner.engine import kernels
from qdesigner.engine.amplitudes import add_gradient, prepared
from qdesigner.engine.compile import Program, compile
from qdesigner.engine.threads import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

# Fixed, never timed: how samples are cut into chunks decides the order of sums, and a resumed
# training has to repeat to the bit, on whatever number of threads.
LANES = 32  # samples side by side: two AVX-512 registers
# Fewer from so many entries on, for state and co-state to stay in the second-level cache.
LANES_LARGE = 16
LARGE_ENTRIES = 1 << 11
# Below this many turned numbers (about 0.3 ms) a second thread is not worth its start.
SPREAD_WORK = 1 << 20
# A chunk's states are no larger than this, which a single sample's never are. Up to this size the
# final states of a batch are kept from forward to backward; above, the backward runs the batch
# again, a part at a time.
KEPT_BYTES = 1 << 28

# A state of up to so many numbers (six wires) is computed in float64 whatever is asked for: there
# it costs next to nothing, and a hundred gates in float32 would lose the sixth digit.
SMALL_ENTRIES = 1 << 7


def in_double(program: Program, asked: bool) -> bool:
    """Whether a circuit is computed in float64; ``asked`` says that the caller's numbers are."""
    return asked or program.entries <= SMALL_ENTRIES


def chunk_size(program: Program, batch: int) -> int:
    """How many samples go side by side: chunks of about equal size, at most `LANES`."""
    lanes = LANES_LARGE if program.entries >= LARGE_ENTRIES else LANES
    lanes = min(lanes, _samples_kept(program, itemsize=8))
    chunks = max(-(-batch // lanes), 1)
    return max(-(-batch // chunks), 1)


def _samples_kept(program: Program, itemsize: int) -> int:
    """How many samples' states fit into `KEPT_BYTES`, at least one."""
    return max(KEPT_BYTES // (program.entries * itemsize), 1)


def _each_chunk(call: Callable[[int, int], None], program: Program, batch: int) -> None:
    """``call(start, end)`` for all chunks of the batch, spread over threads when it is worth it."""
    chunks = -(-batch // chunk_size(program, batch))
    if program.entries * batch * len(program.steps) > SPREAD_WORK:
        spread(call, chunks)
    else:
        call(0, chunks)


def forward(
    program: Program,
    inputs: Floats,
    weights: Floats,
    keep: bool,
    amplitudes: Floats | None = None,
) -> tuple[Floats, Floats | None]:
    """The readout [batch, outputs] and, with ``keep`` and if not too large, the final states.

    ``inputs`` [batch, inputs] and ``weights`` [weights] are C-contiguous and of one dtype, float32
    or float64; so are ``amplitudes`` [batch, places], of a program whose first states are given.
    """
    batch = len(inputs)
    if amplitudes is None:
        amplitudes = prepared(program, inputs)
    out = np.empty((batch, program.outputs), inputs.dtype)
    size = batch * program.entries
    kept = keep and size * out.itemsize <= KEPT_BYTES
    states = np.empty(size if kept else 0, inputs.dtype)
    chunk = chunk_size(program, batch)

    def call(start: int, end: int) -> None:
        kernels.forward(
            *program.arrays, inputs, weights, amplitudes, chunk, start, end, out, states
        )

    _each_chunk(call, program, batch)
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

    ``grad`` [batch, outputs] is the gradient of what `forward` gave, C-contiguous and of its dtype;
    ``states`` is what it kept, or None to run it again.
    """
    if states is None:
        return _backward_again(program, inputs, weights, grad, want_inputs)
    batch = len(inputs)
    chunk = chunk_size(program, batch)
    stop = min(program.first_weight, program.first_input if want_inputs else len(program.steps))
    made = want_inputs and program.amplitudes is not None
    grad_inputs = np.zeros(inputs.shape if want_inputs else (0, 0), inputs.dtype)
    grad_amplitudes = np.empty((batch, len(program.places)) if made else (0, 0), inputs.dtype)
    grad_weights = np.empty(weights.shape, inputs.dtype)
    overlaps = np.empty((-(-batch // chunk), len(program.sources)))

    def call(start: int, end: int) -> None:
        kernels.backward(
            *program.arrays, inputs, weights, chunk, start, end, states, grad, grad_inputs,
            grad_amplitudes, overlaps, stop,
        )  # fmt: skip

    _each_chunk(call, program, batch)
    kernels.collect(overlaps, program.sources, grad_weights)
    if made:
        add_gradient(program, inputs, grad_amplitudes, grad_inputs)
    return grad_inputs if want_inputs else None, grad_weights


def _backward_again(
    program: Program, inputs: Floats, weights: Floats, grad: Floats, want_inputs: bool
) -> tuple[Floats | None, Floats]:
    """`backward` without kept states: forward and backward of a part of the batch at a time."""
    part = _samples_kept(program, inputs.itemsize)
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


def evaluate(
    program: Program, inputs: Floats, weights: Floats, amplitudes: Floats | None = None
) -> Floats:
    """The readout [batch, outputs] for ``inputs`` [batch, inputs] and ``weights`` [weights].

    ``amplitudes`` [batch, places], of norm one, are the first states of a program that is given
    them. All are of float32 if ``inputs`` are, else of float64. Raises ValueError when a shape does
    not fit the program.
    """
    dtype = _dtype(inputs)
    inputs, weights = _checked(program, inputs, weights)
    given = len(program.places) if program.amplitudes is None else 0
    if amplitudes is not None or given:
        amplitudes = _plain(np.empty((0, 0)) if amplitudes is None else amplitudes, inputs.dtype)
        if amplitudes.shape != (len(inputs), given):
            raise ValueError(
                f"amplitudes must have the shape {(len(inputs), given)}, not {amplitudes.shape}"
            )
    return forward(program, inputs, weights, False, amplitudes)[0].astype(dtype, copy=False)


def gradients(
    program: Program, inputs: Floats, weights: Floats, grad_outputs: Floats
) -> tuple[Floats, Floats]:
    """Gradients of Σ grad_outputs · outputs for inputs [batch, inputs] and weights [weights].

    ``grad_outputs`` is [batch, outputs]. Raises ValueError as `evaluate` does.
    """
    dtype = _dtype(inputs)
    inputs, weights = _checked(program, inputs, weights)
    grad = _plain(grad_outputs, inputs.dtype)
    if grad.shape != (len(inputs), program.outputs):
        raise ValueError(
            f"grad_outputs must have the shape {(len(inputs), program.outputs)}, not {grad.shape}"
        )
    grad_inputs, grad_weights = backward(program, inputs, weights, None, grad)
    assert grad_inputs is not None
    return grad_inputs.astype(dtype, copy=False), grad_weights.astype(dtype, copy=False)


def _dtype(inputs: Floats) -> Any:
    """What goes out for these inputs."""
    return np.float32 if getattr(inputs, "dtype", None) == np.float32 else np.float64


def _plain(array: Floats, dtype: Any) -> Floats:
    """The one kind of array the kernels are compiled for: contiguous and writable."""
    return np.require(array, dtype, ["C", "W"])


def _checked(program: Program, inputs: Floats, weights: Floats) -> tuple[Floats, Floats]:
    double = in_double(program, _dtype(inputs) == np.float64)
    dtype = np.float64 if double else np.float32
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
