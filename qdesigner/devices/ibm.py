"""IBM Quantum, by the account that the user has saved with qiskit-ibm-runtime.

Everything is read from what the runtime's Sampler counts, so that a job holds exactly the
circuits and shots that its plan told; its Estimator adds circuits of its own against errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from ibm_cloud_sdk_core import ApiException  # type: ignore[import-untyped]
from qiskit import transpile
from qiskit.exceptions import QiskitError
from qiskit_ibm_runtime import QiskitRuntimeService, Sampler
from qiskit_ibm_runtime.accounts import AccountNotFoundError

from qdesigner.circuit.free import Free
from qdesigner.circuit.groups import circuits_per_row
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices import remote
from qdesigner.devices.base import Device, Floats
from qdesigner.devices.counts import Counts, bases, readout
from qdesigner.devices.qiskit_circuits import Built, build, columns, measured
from qdesigner.devices.remote import Consent, Plan
from qdesigner.errors import UserError

SAVE = 'QiskitRuntimeService.save_account(channel="ibm_quantum_platform", token="…")'


def make(spec: DeviceSpec) -> Device:
    """The device that ``spec`` names; it asks for the account when first used."""
    return Ibm(spec)


class Ibm:
    """One of IBM's machines: the one that the spec's target names, or the least busy. It sends
    nothing but what was confirmed.

    ``service`` stands in for `QiskitRuntimeService`; its machines may be simulated ones.
    """

    def __init__(self, spec: DeviceSpec, service: Any = None) -> None:
        self._spec = spec
        self._service = service
        self._machine: Any = None
        self._consent = Consent()
        self._placed = lru_cache(maxsize=8)(self._place)

    def plan(self, free: Free, rows: int, shots: int) -> Plan:
        """What running ``rows`` rows would send and cost; asks IBM for the machine, which is free.
        Raises UserError."""
        return remote.plan(self._spec.but(target=self._open(free).name), free, rows, shots)

    def confirm(self, plan: Plan, confirmed: bool) -> None:
        """Allow `run` to send what ``plan`` says. Raises UserError unless ``confirmed``."""
        self._consent.confirm(plan, confirmed)

    def run(
        self, free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int
    ) -> Floats:
        """See `Device`; hardware takes no seed. Waits in IBM's queue. Raises UserError."""
        if not shots:
            raise UserError("IBM Quantum gives no exact values; choose shots, such as 1000.")
        values = columns(free, angles, amplitudes)
        machine = self._open(free)
        circuits = len(values) * circuits_per_row(free)
        self._consent.spend(circuits, circuits * shots)
        if not circuits:
            return readout(free, [], len(values))
        with _explained(f"run on {machine.name}", sending=True):
            step = remote.rows_per_ibm_job(free, shots)
            parts = [values[first : first + step] for first in range(0, len(values), step)]
            # All are sent before the first is waited for, so that they queue together.
            placed = self._placed(free)
            jobs = [
                _sampler(machine, seed + number).run(_pubs(placed, part), shots=shots)
                for number, part in enumerate(parts)
            ]
            results = [iter(job.result()) for job in jobs]
        out = [
            readout(free, [_counts(built, result, len(part)) for built in placed], len(part))
            for result, part in zip(results, parts, strict=True)
        ]
        return np.concatenate(out)

    def _open(self, free: Free) -> Any:
        """IBM's backend, wide enough for the circuit."""
        if self._machine is None:
            with _explained(f"reach {self._spec.target or 'a machine'}"):
                service = self._service or QiskitRuntimeService()
                if self._spec.target:
                    self._machine = service.backend(self._spec.target)
                else:
                    self._machine = service.least_busy(min_num_qubits=free.wires)
        if self._machine.num_qubits < free.wires:
            raise UserError(
                f"{self._machine.name} has {self._machine.num_qubits} qubits, but the circuit has "
                f"{free.wires} wires; name a larger machine as the device's target."
            )
        return self._machine

    def _place(self, free: Free) -> list[Built]:
        built = build(free)
        circuits = [measured(built.circuit, group) for group in bases(free)]
        placed = transpile(circuits, self._machine, optimization_level=2, seed_transpiler=0)
        return [built._replace(circuit=circuit) for circuit in placed]


def _sampler(machine: Any, seed: int) -> Any:
    sampler = Sampler(mode=machine)
    if not hasattr(machine, "service"):  # simulated: the runtime runs it on this machine
        sampler.options.simulator.seed_simulator = seed % (1 << 31)
    return sampler


def _pubs(placed: list[Built], values: Floats) -> list[Any]:
    """One bloc for each group of words, with all rows; where nothing turns, one for each row."""
    pubs: list[Any] = []
    for circuit, column in placed:
        names = circuit.parameters
        turning = (circuit, values[:, [column[name] for name in names]])
        pubs += [turning] if names else [(circuit,)] * len(values)
    return pubs


def _counts(built: Built, results: Iterator[Any], rows: int) -> Counts:
    """What the blocs of one group of words counted: every shot of every row."""
    blocs = 1 if built.circuit.parameters else rows
    found = np.concatenate([next(results).data.c.array for _ in range(blocs)])
    digits = found.reshape(rows, -1, found.shape[-1]).astype(np.int64)  # of 256, the highest first
    bits = digits @ (256 ** np.arange(digits.shape[2])[::-1])
    shots = bits.shape[1]
    row = np.repeat(np.arange(rows), shots)
    return Counts(row, bits.reshape(-1), np.ones(bits.size), shots)


@contextmanager
def _explained(what: str, sending: bool = False) -> Iterator[None]:
    """Turns what the runtime raises into sentences."""
    sent = " Jobs sent before that count: see https://quantum.cloud.ibm.com." if sending else ""
    try:
        yield
    except AccountNotFoundError as error:
        raise UserError(
            f"IBM Quantum needs your account: run {SAVE} from qiskit_ibm_runtime once in Python; "
            "the token comes from https://quantum.cloud.ibm.com."
        ) from error
    except (QiskitError, ApiException, OSError, ValueError, RuntimeError) as error:
        said = str(getattr(error, "message", error)).strip().rstrip(".")
        raise UserError(f"IBM Quantum could not {what}: {said}.{sent}") from error
