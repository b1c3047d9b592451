"""Entry of the small child that answers every drag with the state of the circuit, and a look at a
gate with its parameter-shift rule.

It imports NumPy but neither torch nor Numba: it starts in a fraction of a second and never waits
behind a training step. Of each kind only the newest request counts.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.engine.compile import Program, compile
from qdesigner.engine.state import bloch_vectors, statevector
from qdesigner.errors import UserError
from qdesigner.rule import worked_out
from qdesigner.session.events import PreviewAnswer, PreviewRequest, ShiftAnswer, ShiftRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

MAX_WIRES = 14
MAX_BARS = 6  # wires up to which every basis state has a probability to show
MAX_WORK = 300_000_000  # steps × (entries + what a step costs anyway): about one second
EXAMPLE_WEIGHT = 0.3  # radians


def main(connection: Connection) -> None:
    """Answer requests on ``connection`` until it closes or brings None."""
    while True:
        try:
            requests = _newest(connection)
            for request in requests:
                connection.send(answer(request))
            if not requests:
                return
        except (EOFError, OSError):
            return


def _newest(connection: Connection) -> list[Any]:
    """The last of the waiting requests of each kind; none at the order to end, which is never
    passed over."""
    newest: dict[bool, Any] = {}
    while not newest or connection.poll():
        request = _receive(connection)
        if request is None:
            return []
        newest[isinstance(request, ShiftRequest)] = request
    return list(newest.values())


def _receive(connection: Connection) -> Any:
    """The next message; one that cannot be read is its own exception, to be answered as such."""
    try:
        return connection.recv()
    except (EOFError, OSError):
        raise
    except Exception as error:
        return error


def answer(request: Any) -> PreviewAnswer | ShiftAnswer:
    """What is asked for, or an answer whose ``error`` says why there is none."""
    serial = getattr(request, "serial", -1)
    said = ShiftAnswer if isinstance(request, ShiftRequest) else PreviewAnswer
    try:
        if isinstance(request, ShiftRequest):
            return _rule(request)
        if not isinstance(request, PreviewRequest):
            raise UserError(f"The preview cannot read a request of type {type(request).__name__}.")
        return _answer(request)
    except UserError as error:
        return said(serial, error=str(error))
    except Exception as error:  # whatever is wrong with one request, the next one is served
        reason = str(error) or type(error).__name__
        what = "rule" if said is ShiftAnswer else "state"
        return said(serial, error=f"The {what} could not be computed: {reason}.")


def _rule(request: ShiftRequest) -> ShiftAnswer:
    circuit = request.circuit
    worked = worked_out(
        circuit, request.operation, request.output,
        sample_angles(circuit, request.angles), sample_weights(circuit, request.weights),
    )  # fmt: skip
    return ShiftAnswer(request.serial, *worked)


def _answer(request: PreviewRequest) -> PreviewAnswer:
    circuit = request.circuit
    if circuit.wires > MAX_WIRES:
        raise UserError(
            f"The live state is shown for up to {MAX_WIRES} wires; this circuit has "
            f"{circuit.wires}."
        )
    program = compile(circuit)
    _check_work(program)
    state = statevector(
        program, sample_angles(circuit, request.angles), sample_weights(circuit, request.weights)
    )
    bloch = bloch_vectors(state, circuit.wires)
    probabilities = np.abs(state) ** 2 if circuit.wires <= MAX_BARS else None
    return PreviewAnswer(
        request.serial, bloch=bloch, z=bloch[:, 2].copy(), probabilities=probabilities
    )


def _check_work(program: Program) -> None:
    steps = len(program.steps)
    if steps * (program.entries + 2000) > MAX_WORK:
        raise UserError(
            f"The live state is not shown for a circuit this long: {steps:,} steps on "
            f"{program.wires} wires. Lower a repeat's count to see it."
        )


def sample_angles(circuit: Circuit, angles: Floats | None) -> Floats:
    """One feature per input [inputs]: those given, and an even ramp over (0, π) for those not."""
    ramp = np.linspace(0, np.pi, expand(circuit).inputs + 2)[1:-1]
    if angles is not None:
        given = np.asarray(angles, dtype=np.float64).reshape(-1)[: len(ramp)]
        ramp[: len(given)] = given
    return _finite(ramp, "angles")


def sample_weights(circuit: Circuit, weights: Floats | None) -> Floats:
    """The weights given; when there are none that fit, the mean of their first draw, and a small
    example angle on top where the draw has a spread."""
    starts = expand(circuit).starts
    if weights is None or np.shape(weights) != (len(starts),):
        return np.array([start.mean + (EXAMPLE_WEIGHT if start.spread else 0) for start in starts])
    return _finite(np.asarray(weights, dtype=np.float64), "weights")


def _finite(values: Floats, name: str) -> Floats:
    if not np.isfinite(values).all():
        raise UserError(f"The {name} hold a number that is not finite, so there is no state.")
    return values
