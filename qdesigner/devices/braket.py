"""Amazon Braket: its simulator on this machine, and SV1 and hardware by the user's credentials.

The bare SDK, without its PennyLane plugin: circuits go to it gate by gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from braket.circuits import Circuit, Observable
from braket.default_simulator import StateVectorSimulator
from braket.devices import LocalSimulator
from numpy.typing import NDArray

from qdesigner.circuit.free import Free
from qdesigner.circuit.groups import groups
from qdesigner.circuit.kinds import Amplitudes, Fixed, Input, Operation
from qdesigner.circuit.readout import Word
from qdesigner.devices import remote
from qdesigner.devices.preparation import preparation
from qdesigner.devices.remote import Consent, Plan, Price
from qdesigner.devices.spellings import spelled_out
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.design.spec import DeviceSpec
    from qdesigner.devices.base import Device

Floats = NDArray[np.float64]
Gate = tuple[str, tuple[int, ...], float | None]

# Braket's names where they are not ours in small letters.
NAMES = {"TOFFOLI": "ccnot", "RXX": "xx", "RYY": "yy", "RZZ": "zz"}
POLL_SECONDS = 1.0
EXAMPLE = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"


def make(spec: DeviceSpec) -> Device:
    """The device that ``spec`` names."""
    return LocalBraket() if spec.name == "braket.local" else AwsBraket(spec)


class LocalBraket:
    """Braket's state vector simulator: exact, or with shots."""

    def run(
        self, free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int
    ) -> Floats:
        """See `qdesigner.devices.base.Device`."""
        simulator = LocalSimulator(_Seeded(seed))
        circuits = _circuits(free, angles, amplitudes, _supported(simulator))
        # Not run_batch: it starts processes, each with a generator of the same seed.
        results = [simulator.run(circuit, shots=shots).result() for circuit in circuits]
        return _outputs(free, len(angles), results)


class _Seeded(StateVectorSimulator):  # type: ignore[misc]
    """The simulator with one generator for all its shots; Braket itself offers no seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._generator = np.random.default_rng(seed)

    def initialize_simulation(self, **settings: Any) -> Any:
        simulation = super().initialize_simulation(**settings)
        if not hasattr(simulation, "_rng_generator"):
            raise UserError(
                "This version of Braket's simulator draws its shots in a way that takes no seed; "
                'install one that qdesigner knows: pip install "qdesigner[braket]"'
            )
        simulation._rng_generator = self._generator
        return simulation


class AwsBraket:
    """A simulator or a machine on AWS, by the credentials that boto3 finds. It sends nothing but
    what was confirmed."""

    def __init__(self, spec: DeviceSpec) -> None:
        if not spec.target.startswith("arn:aws:braket:"):
            raise UserError(
                f"Amazon Braket needs the ARN of a device, such as {EXAMPLE}; "
                f"{spec.target!r} is none."
            )
        self._spec = spec
        self._consent = Consent()
        self._machine: Any = None

    def plan(self, free: Free, rows: int, shots: int) -> Plan:
        """What running ``rows`` rows would send and cost, by the price that the device tells."""
        return remote.plan(self._spec, free, rows, shots, _price(self._open()))

    def confirm(self, plan: Plan, confirmed: bool) -> None:
        """Allow `run` to send what ``plan`` says. Raises UserError unless ``confirmed``."""
        self._consent.confirm(plan, confirmed)

    def run(
        self, free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int
    ) -> Floats:
        """See `qdesigner.devices.base.Device`; AWS takes no seed."""
        machine = self._open()
        _check_shots(machine, self._spec.target, shots)
        circuits = list(_circuits(free, angles, amplitudes, _supported(machine)))
        self._consent.spend(len(circuits), len(circuits) * shots)
        if not circuits:
            return _outputs(free, len(angles), [])
        with _explained(self._spec.target, sending=True):
            batch = machine.run_batch(circuits, shots=shots, poll_interval_seconds=POLL_SECONDS)
            # No retries: each would be billed, and none was confirmed.
            results = batch.results(max_retries=0)
            failed = [task for task, got in zip(batch.tasks, results, strict=True) if got is None]
            reason = (
                failed[0].metadata(use_cached_value=True).get("failureReason") if failed else ""
            )
        if failed:
            raise UserError(
                f"{len(failed)} of {len(results)} tasks on {self._spec.target} gave no result"
                f"{f' ({reason})' if reason else ''}, the first of them {failed[0].id}; Braket's "
                "console tells more, and keeps the results of the others."
            )
        return _outputs(free, len(angles), results)

    def _open(self) -> Any:
        """The SDK's device. Asks AWS what it is, which costs nothing."""
        if self._machine is None:
            from braket.aws import AwsDevice

            with _explained(self._spec.target):
                self._machine = AwsDevice(self._spec.target)
        return self._machine


@contextmanager
def _explained(target: str, sending: bool = False) -> Iterator[None]:
    """Turns what boto3 and the SDK raise into sentences."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        CredentialRetrievalError,
        NoCredentialsError,
        NoRegionError,
        PartialCredentialsError,
    )

    sent = " Tasks sent before that are billed: see Braket's console." if sending else ""
    try:
        yield
    except NoRegionError as error:
        raise UserError(
            "Amazon Braket needs a region: set AWS_REGION, such as us-east-1, or write it into "
            "~/.aws/config."
        ) from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        raise UserError(
            "Amazon Braket needs AWS credentials, which are missing or incomplete: run "
            "`aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from error
    except ClientError as error:
        details = error.response.get("Error", {})
        message = str(details.get("Message") or details.get("Code") or error).rstrip(".")
        raise UserError(f"AWS refused {target}: {message}.{sent}") from error
    except BotoCoreError as error:
        raise UserError(f"AWS could not be asked about {target}: {error}.{sent}") from error
    except (ValueError, RuntimeError) as error:
        first = str(error).partition("\n")[0].rstrip(".")
        raise UserError(f"Amazon Braket cannot use {target}: {first}.{sent}") from error


def _supported(machine: Any) -> set[str]:
    """The gates that a device takes, by Braket's names; none where it does not tell."""
    actions = machine.properties.action if machine.properties else {}
    action = actions.get("braket.ir.openqasm.program")
    return {name.lower() for name in action.supportedOperations} if action else set()


def _price(machine: Any) -> Price | None:
    """What a device on AWS says it costs."""
    told = machine.properties.service.deviceCost if machine.properties else None
    if told is None or told.unit not in ("shot", "minute"):
        return None
    if told.unit == "shot":
        return Price(task=remote.TASK, shot=told.price, date="today")
    return Price(minute=told.price, date="today")


def _check_shots(machine: Any, target: str, shots: int) -> None:
    if not machine.properties:
        return
    least, most = machine.properties.service.shotsRange
    if not least <= shots <= most:
        raise UserError(f"{target} takes {least:,} to {most:,} shots a circuit, not {shots:,}.")


# ---- from our circuits to Braket's --------------------------------------------------------------


def _circuits(
    free: Free, angles: Floats, amplitudes: Floats | None, supported: set[str]
) -> Iterator[Circuit]:
    """One circuit for each row and each group of words, row by row."""
    observables = free.readout.observables(free.wires)
    for row, values in enumerate(angles.tolist()):
        state = None if amplitudes is None else amplitudes[row]
        circuit = _circuit(free.wires, _bound(free, values, state), supported)
        if free.readout.kind == "probabilities":
            # Upwards: with shots=0 Braket's simulator permutes the bits of other orders wrongly.
            yield circuit.probability(sorted(free.readout.on(free.wires)))
        for group in groups(observables):
            measured = circuit.copy()
            for word in group.words:
                measured.expectation(_observable(word), [wire for wire, _ in word])
            yield measured


def _bound(free: Free, values: Sequence[float], state: Floats | None) -> Iterator[Operation]:
    """The operations of one row, every angle a number."""
    for operation in free.operations:
        match operation.angle:
            case Amplitudes():
                if state is None:
                    raise ValueError("the circuit begins with amplitudes, but none were given")
                yield from preparation(operation.wires, state)
            case Input(slot):
                yield Operation(operation.gate, operation.wires, Fixed(values[slot]))
            case _:
                yield operation


def _circuit(wires: int, operations: Iterable[Operation], supported: set[str]) -> Circuit:
    circuit = Circuit()
    for operation in spelled_out(operations, lambda gate: _name(gate) in supported):
        angle = (operation.angle.value,) if isinstance(operation.angle, Fixed) else ()
        getattr(circuit, _name(operation.gate))(*operation.wires, *angle)
    for wire in sorted(set(range(wires)) - set(map(int, circuit.qubits))):
        circuit.rz(wire, 0.0)  # Braket knows only wires with a gate, and wants them without gaps
    return circuit


def _name(gate: str) -> str:
    return NAMES.get(gate, gate.lower())


def _observable(word: Word) -> Any:
    factors = [getattr(Observable, pauli)() for _, pauli in word]
    return factors[0] if len(factors) == 1 else Observable.TensorProduct(factors)


def _outputs(free: Free, rows: int, results: Sequence[Any]) -> Floats:
    """The readout [rows, outputs] from the results of the rows' circuits."""
    values = np.array([value for result in results for value in result.values], dtype=np.float64)
    if free.readout.kind == "probabilities":
        on = free.readout.on(free.wires)
        upwards = sorted(on)
        bits = values.reshape(rows, *[2] * len(on))
        return bits.transpose(0, *(1 + upwards.index(w) for w in on)).reshape(rows, free.outputs)
    observables = free.readout.observables(free.wires)
    words = [word for group in groups(observables) for word in group.words]
    table = np.hstack([values.reshape(rows, len(words)), np.ones((rows, 1))])
    shares = np.zeros((len(words) + 1, len(observables)))
    for output, observable in enumerate(observables):
        for coefficient, word in observable:
            shares[words.index(word) if word else -1, output] += coefficient
    return np.asarray(table @ shares)
