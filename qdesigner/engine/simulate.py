"""Run a program on a batch of samples: its readout, and gradients, as NumPy arrays.

The batch is cut into chunks of samples that lie side by side in memory, so that every gate is one
vectorised loop; a kernel runs a chunk at a time, and `threads` spreads the chunks over the cores
where there is enough to do. Nothing is timed: the same batch is cut alike on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qdesigner.circuit import cost
from qdesigner.circuit.circuit import Circuit
from qdesigner.engine import kernels, threads
from qdesigner.engine.amplitudes import add_gradient, prepared
from qdesigner.engine.compile import Program, compile
from qdesigner.engine.memory import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

# Below this many turned numbers (about 0.3 ms) a second thread is not worth its start.
SPREAD_WORK = 1 << 20


def in_double(program: Program, asked: bool) -> bool:
    """Whether a circuit is computed in float64; ``asked`` says that the caller's numbers are."""
    return cost.itemsize(program.entries, asked) == 8


class Plan(NamedTuple):
    """How a batch of some size is run: ``kind``, an empty array, has the dtype of its numbers and
    ``inside`` is that of the states; samples per chunk, chunks, whether threads share them; and how
    many numbers the kept states are, 0 if they are too large to keep."""

    batch: int
    kind: Floats
    inside: Any
    chunk: int
    chunks: int
    spread: bool
    kept: int


def plan(program: Program, batch: int, double: bool) -> Plan:
    """The plan for ``batch`` samples in float64 if ``double``, else in float32.

    Raises UserError when they do not fit in memory.
    """
    found: Plan | None = program.plans.get((batch, double))
    if found is None:
        require(
            cost.bytes_needed(program.wires, program.parts, batch, threads.COUNT, double),
            f"The circuit on {program.wires} wires with a batch of {batch:,}",
        )
        inside = np.dtype(np.float64 if in_double(program, double) else np.float32)
        chunk = cost.chunk_size(program.entries, batch)
        kept = batch <= cost.samples_kept(program.entries, inside.itemsize)
        chunks = -(-batch // chunk)
        found = Plan(
            batch,
            np.empty(0, np.float64 if double else np.float32),
            inside,
            chunk,
            chunks,
            chunks > 1 and program.entries * batch * len(program.steps) > SPREAD_WORK,
            batch * program.entries if kept else 0,
        )
        program.plans[batch, double] = found
    return found


def run(
    program: Program, plan: Plan, inputs: int, weights: int, amplitudes: int, out: int, keep: bool
) -> Floats:
    """`kernels.forward`, which explains the addresses, of all chunks: the states, if to be kept."""
    batch, kind, inside, chunk, chunks, spread, kept = plan
    states = np.empty(kept if keep else 0, inside)
    rest = inputs, weights, amplitudes, out
    if spread:
        threads.spread(
            lambda start, end: kernels.forward(
                program.where, kind, states, batch, chunk, start, end, *rest
            ),
            chunks,
        )
    else:
        kernels.forward(program.where, kind, states, batch, chunk, 0, chunks, *rest)
    return states


def run_back(
    program: Program, plan: Plan, states: Floats, inputs: int, weights: int, grad: int,
    grad_inputs: int, grad_amplitudes: int, grad_weights: int,
) -> None:  # fmt: skip
    """`kernels.backward`, which explains the addresses, of all chunks."""
    batch, kind, _, chunk, chunks, spread, _ = plan
    stop = min(program.first_weight, program.first_input if grad_inputs else len(program.steps))
    overlaps = np.empty((chunks, len(program.sources)))
    rest = (
        inputs, weights, grad, grad_inputs, grad_amplitudes, grad_weights, overlaps, stop
    )  # fmt: skip
    if spread:
        threads.spread(
            lambda start, end: kernels.backward(
                program.where, kind, states, batch, chunk, start, end, *rest
            ),
            chunks,
        )
        kernels.collect(program.where, kind, overlaps, grad_weights)
    else:
        kernels.backward(program.where, kind, states, batch, chunk, 0, chunks, *rest)


def forward(
    program: Program,
    inputs: Floats,
    weights: Floats,
    keep: bool,
    amplitudes: Floats | None = None,
) -> tuple[Floats, Floats | None]:
    """The readout [batch, outputs] and, with ``keep`` and if not too large, the final states.

    ``inputs`` [batch, inputs] and ``weights`` [weights] are C-contiguous and of one dtype, float32
    or float64; so are ``amplitudes`` [batch, places], of a program whose first states are given,
    and so is the readout. The states are of float64 where `in_double` says so.
    """
    if amplitudes is None:
        amplitudes = prepared(program, inputs)
    out = np.empty((len(inputs), program.outputs), inputs.dtype)
    how = plan(program, len(inputs), inputs.dtype == np.float64)
    states = run(program, how, _at(inputs), _at(weights), _at(amplitudes), _at(out), keep)
    return out, states if keep and (how.kept or not len(inputs)) else None


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
    made = want_inputs and program.amplitudes is not None
    grad_inputs = np.empty(inputs.shape if want_inputs else 0, inputs.dtype)
    grad_amplitudes = np.empty((len(inputs), len(program.places)) if made else 0, inputs.dtype)
    grad_weights = np.empty(weights.shape, inputs.dtype)
    run_back(
        program, plan(program, len(inputs), inputs.dtype == np.float64), states, _at(inputs),
        _at(weights), _at(grad), _at(grad_inputs) if want_inputs else 0,
        _at(grad_amplitudes) if made else 0, _at(grad_weights),
    )  # fmt: skip
    if made:
        add_gradient(program, inputs, grad_amplitudes, grad_inputs)
    return grad_inputs if want_inputs else None, grad_weights


def _at(array: Floats) -> int:
    """The address of an array's numbers."""
    return int(array.ctypes.data)


def _backward_again(
    program: Program, inputs: Floats, weights: Floats, grad: Floats, want_inputs: bool
) -> tuple[Floats | None, Floats]:
    """`backward` without kept states: forward and backward of a part of the batch at a time."""
    size = cost.itemsize(program.entries, inputs.dtype == np.float64)
    part = cost.samples_kept(program.entries, size)
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
    inputs, weights = _checked(program, inputs, weights)
    given = len(program.places) if program.amplitudes is None else 0
    if amplitudes is not None or given:
        amplitudes = _plain(np.empty((0, 0)) if amplitudes is None else amplitudes, inputs.dtype)
        if amplitudes.shape != (len(inputs), given):
            raise ValueError(
                f"amplitudes must have the shape {(len(inputs), given)}, not {amplitudes.shape}"
            )
    return forward(program, inputs, weights, False, amplitudes)[0]


def gradients(
    program: Program, inputs: Floats, weights: Floats, grad_outputs: Floats
) -> tuple[Floats, Floats]:
    """Gradients of Σ grad_outputs · outputs for inputs [batch, inputs] and weights [weights].

    ``grad_outputs`` is [batch, outputs]. Raises ValueError as `evaluate` does.
    """
    inputs, weights = _checked(program, inputs, weights)
    grad = _plain(grad_outputs, inputs.dtype)
    if grad.shape != (len(inputs), program.outputs):
        raise ValueError(
            f"grad_outputs must have the shape {(len(inputs), program.outputs)}, not {grad.shape}"
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
    """Compile the kernels, or load them from the cache, for all that float32 numbers need."""
    for wires in (1, 8):  # computed in float64 and in float32
        program = compile(Circuit(wires=wires))
        inputs: Floats = np.zeros((1, 0), np.float32)
        weights: Floats = np.zeros(0, np.float32)
        out, states = forward(program, inputs, weights, keep=True)
        backward(program, inputs, weights, states, out)
