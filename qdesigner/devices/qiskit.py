"""Qiskit's simulators: its BasicSimulator, and Aer, with the noise of a recorded backend if wanted.

A circuit is built and transpiled once, and all its rows go into one job for each group of words.
Exact values of "qiskit.basic" come from `qiskit.quantum_info.Statevector`: the BasicSimulator
itself only draws shots.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from qiskit import transpile
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.quantum_info import Statevector

from qdesigner.circuit.free import Free
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices.base import Device, Floats, Size
from qdesigner.devices.counts import Counts, bases, dense, readout
from qdesigner.devices.qiskit_circuits import Built, build, columns, measured, operators
from qdesigner.errors import UserError

MAX_DENSITY = 12  # qubits whose density matrix is held: 256 MiB
WIDE = 18  # a state of 2**18 numbers is worth more than one thread
CONTROLLED = {"crx", "cry", "crz"}
KEPT = 32  # circuits that stay transpiled


def make(spec: DeviceSpec) -> Device:
    """The device that ``spec`` names. Raises UserError."""
    if spec.name == "qiskit.basic":
        return Basic()
    return Noisy(spec.noise) if spec.noise else Aer()


class Basic:
    """Qiskit's BasicSimulator, written in Python: the one of its textbook."""

    def __init__(self) -> None:
        self._backend = BasicSimulator()
        self._build = lru_cache(maxsize=KEPT)(build)
        self._measured = lru_cache(maxsize=KEPT)(self._measure)

    def run(
        self, free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int
    ) -> Floats:
        """See `Device`."""
        values = columns(free, angles, amplitudes)
        if not shots:
            return self._exact(free, values)
        found = []
        for number, built in enumerate(self._measured(free)):
            job = [_bound(built, row) for row in values]
            # All rows of a job draw from one stream of random numbers.
            run = self._backend.run(job, shots=shots, seed_simulator=_seed(seed, number))
            found.append(_counts([each.data for each in run.result().results], shots))
        return readout(free, found, len(values))

    def _measure(self, free: Free) -> list[Built]:
        built = self._build(free)
        circuits = [measured(built.circuit, group) for group in bases(free)]
        return [
            built._replace(circuit=transpile(circuit, self._backend, optimization_level=0))
            for circuit in circuits
        ]

    def _exact(self, free: Free, values: Floats) -> Floats:
        built, observables = self._build(free), operators(free)
        backwards = free.readout.on(free.wires)[::-1]
        out = np.empty((len(values), free.outputs))
        for row, numbers in enumerate(values):
            state = Statevector(_bound(built, numbers))
            if free.readout.kind == "probabilities":
                out[row] = state.probabilities(backwards)
            else:
                out[row] = [state.expectation_value(each).real for each in observables]
        return out


class _Ready(NamedTuple):
    """A circuit and the Aer simulator that runs it."""

    simulator: Any
    built: Built

    def run(self, values: Floats, shots: int, seed: int) -> list[Any]:
        """What Aer found for each row, in one job; each row has random numbers of its own."""
        if not len(values):
            return []
        circuit, column = self.built
        names = circuit.parameters  # transpiling may have dropped some
        binds = {name: values[:, column[name]].tolist() for name in names}
        circuits = [circuit] if names else [circuit] * len(values)
        job = self.simulator.run(
            circuits, [binds] if names else None, shots=shots, seed_simulator=seed
        )
        result = job.result()
        if not result.success:
            raise UserError(f"Aer could not run the circuit: {result.status}")
        return [each.data for each in result.results]


class Aer:
    """Aer without noise."""

    def __init__(self) -> None:
        self._measured = lru_cache(maxsize=KEPT)(self._measure)
        self._saved = lru_cache(maxsize=KEPT)(self._save)

    def run(
        self, free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int
    ) -> Floats:
        """See `Device`."""
        values = columns(free, angles, amplitudes)
        if not shots:
            return self._exact(free, values)
        found = []
        for number, ready in enumerate(self._measured(free)):
            found.append(_counts(ready.run(values, shots, _seed(seed, number)), shots))
        return readout(free, found, len(values))

    def _measure(self, free: Free) -> list[_Ready]:
        built, simulator = _plain(build(free)), _simulator("statevector", free.wires)
        return [
            _Ready(simulator, built._replace(circuit=measured(built.circuit, group)))
            for group in bases(free)
        ]

    def _exact(self, free: Free, values: Floats) -> Floats:
        names = [f"output {k}" for k in range(free.outputs)]
        out = np.empty((len(values), free.outputs))
        for row, data in enumerate(self._saved(free).run(values, 1, 0)):
            if free.readout.kind == "probabilities":
                out[row] = data.probabilities
            else:
                out[row] = [getattr(data, name) for name in names]
        return out

    def _save(self, free: Free) -> _Ready:
        # Importing Aer is what gives circuits their methods save_….
        simulator, built = _simulator("statevector", free.wires), _plain(build(free))
        if free.readout.kind == "probabilities":
            built.circuit.save_probabilities(free.readout.on(free.wires)[::-1])
        for number, operator in enumerate(operators(free)):
            everywhere = range(free.wires)
            built.circuit.save_expectation_value(operator, everywhere, label=f"output {number}")
        return _Ready(simulator, built)


class Noisy:
    """Aer with the gate and readout errors of one of IBM's backends, as its snapshot records them.

    Circuits are transpiled to the backend's gates and couplings, onto the qubits with the fewest
    errors: some snapshots record a qubit that was out of order that day. Exact values are what
    infinitely many shots would give, wrongly read bits included.
    """

    def __init__(self, noise: str) -> None:
        self._snapshot = _snapshot(noise)
        self._measured = lru_cache(maxsize=KEPT)(self._measure)

    def run(
        self, free: Free, angles: Floats, amplitudes: Floats | None, shots: int, seed: int
    ) -> Floats:
        """See `Device`. Raises UserError where exact values would take too large a matrix."""
        values = columns(free, angles, amplitudes)
        found = []
        for number, placed in enumerate(self._measured(free)):
            if not shots:
                found.append(dense(self._probabilities(placed, values)))
                continue
            # A density matrix serves all shots; a state vector is run for every single shot.
            few = placed.used <= MAX_DENSITY and 1 << placed.used <= 2 * shots
            ready = placed.density if few else placed.single
            found.append(_counts(ready.run(values, shots, _seed(seed, number)), shots))
        return readout(free, found, len(values))

    def sizes(self, free: Free) -> list[Size]:
        """See `Transpiling`."""
        return [_size(placed.density.built.circuit) for placed in self._measured(free)]

    def _measure(self, free: Free) -> list[_Placed]:
        built = build(free)
        circuits = [
            transpile(
                measured(built.circuit, group), self._snapshot.backend,
                optimization_level=2, seed_transpiler=0,
            )
            for group in bases(free)
        ]  # fmt: skip
        return [self._place(built._replace(circuit=circuit)) for circuit in circuits]

    def _place(self, built: Built) -> _Placed:
        """The transpiled circuit with the noise of the gates it has: Aer reads the noise anew in
        every job, and that of a whole machine takes a fifth of a second."""
        qubit = {bit: number for number, bit in enumerate(built.circuit.qubits)}
        steps = {
            (step.operation.name, tuple(qubit[bit] for bit in step.qubits))
            for step in built.circuit.data
        }
        used = {number for _, qubits in steps for number in qubits}
        noise = self._snapshot.noise(steps)
        density = _simulator("density_matrix", 2 * len(used), noise_model=noise)
        # Shots in parallel would depend on how many cores there are.
        single = _simulator("statevector", len(used), noise_model=noise, max_parallel_shots=1)
        return _Placed(len(used), _Ready(density, built), _Ready(single, built))

    def _probabilities(self, placed: _Placed, values: Floats) -> Floats:
        """Exact probabilities [rows, 2**wires] of what is read, the leftmost bit first."""
        if placed.used > MAX_DENSITY:
            raise UserError(
                f"On {self._snapshot.backend.name} this circuit uses {placed.used} qubits, "
                "too many for exact values with noise; choose a number of shots, such as 1000."
            )
        circuit = placed.density.built.circuit
        qubit = {bit: number for number, bit in enumerate(circuit.qubits)}
        clbit = {bit: number for number, bit in enumerate(circuit.clbits)}
        bare, read = circuit.copy_empty_like(), [0] * len(clbit)
        for step in circuit.data:
            if step.operation.name == "measure":
                read[clbit[step.clbits[0]]] = qubit[step.qubits[0]]
            else:
                bare.append(step)
        bare.save_probabilities(read)
        exact = np.empty((len(values), 1 << len(read)))
        saving = placed.density._replace(built=placed.density.built._replace(circuit=bare))
        for row, data in enumerate(saving.run(values, 1, 0)):
            exact[row] = data.probabilities
        return self._snapshot.misread(exact, read[::-1])


class _Placed(NamedTuple):
    """A circuit on ``used`` qubits of a backend, ready as a density matrix and shot by shot."""

    used: int
    density: _Ready
    single: _Ready


class _Snapshot:
    """A recorded backend and its errors."""

    def __init__(self, backend: Any) -> None:
        from qiskit_aer.noise.device import basic_device_gate_errors, basic_device_readout_errors

        self.backend = backend
        self._gates = basic_device_gate_errors(target=backend.target)
        self._readout = basic_device_readout_errors(target=backend.target)

    def noise(self, steps: set[tuple[str, tuple[int, ...]]]) -> Any:
        """What `NoiseModel.from_backend` gives, for these gates on these qubits alone."""
        from qiskit_aer.noise import NoiseModel

        model = NoiseModel(basis_gates=self.backend.operation_names)
        for on, error in self._readout:
            if ("measure", tuple(on)) in steps:
                model.add_readout_error(error, on)
        for gate, on, error in self._gates:
            if (gate, tuple(on)) in steps:
                model.add_quantum_error(error, gate, on)
        return model

    def misread(self, probabilities: Floats, qubits: Sequence[int]) -> Floats:
        """The probabilities [rows, 2**qubits] of what is read, the first qubit's bit leftmost."""
        tables = {tuple(on): np.asarray(error.probabilities) for on, error in self._readout}
        shape = probabilities.shape
        found = probabilities.reshape(len(probabilities), *[2] * len(qubits))
        for place, qubit in enumerate(qubits, start=1):
            table = tables.get((qubit,), np.eye(2))  # [true bit, bit read]
            found = np.moveaxis(np.tensordot(found, table, (place, 0)), -1, place)
        return found.reshape(shape)


@lru_cache(maxsize=4)
def _snapshot(name: str) -> _Snapshot:
    """The snapshot of this name; for a hundred qubits its errors take seconds to work out."""
    from qiskit_ibm_runtime import fake_provider

    kinds = (getattr(fake_provider, kind) for kind in dir(fake_provider))
    for kind in kinds:
        if getattr(kind, "backend_name", None) == name:
            return _Snapshot(kind())
    raise UserError(
        f"The installed qiskit-ibm-runtime has no snapshot {name!r}; choose another noise, or "
        'update it: pip install -U "qdesigner[aer]"'
    )


def _simulator(method: str, size: int, **options: Any) -> Any:
    """Aer for states of 2**size numbers.

    It binds parameters itself: the tutorial's 224 shifted rows take 13 ms, else 33. Small states
    are left to one thread: two would be nearly twice as fast alone, but up to ten times slower
    while anything else computes, because each waits for the other after every step.
    """
    from qiskit_aer import AerSimulator

    threads = 1 if size < WIDE else 0  # 0: all cores
    return AerSimulator(
        method=method, runtime_parameter_bind_enable=True, max_parallel_threads=threads, **options
    )


def _plain(built: Built) -> Built:
    """The circuit with CRX, CRY and CRZ spelled out: Aer binds their parameters to wrong angles
    (qiskit-aer's issues 2323, 2391 and 2403)."""
    gates = built.circuit.count_ops().keys()
    if gates.isdisjoint(CONTROLLED):
        return built
    basis = sorted({*gates, "h", "rx", "ry", "rz", "cx"} - CONTROLLED)
    plain = transpile(built.circuit, basis_gates=basis, optimization_level=0)
    return built._replace(circuit=plain)


def _bound(built: Built, row: Floats) -> Any:
    names = built.circuit.parameters
    return built.circuit.assign_parameters([float(row[built.column[name]]) for name in names])


def _size(circuit: Any) -> Size:
    gates = circuit.copy_empty_like()
    for step in circuit.data:
        if step.operation.name not in ("measure", "barrier"):
            gates.append(step)
    return Size(gates.depth(), gates.num_nonlocal_gates())


def _counts(data: list[Any], shots: int) -> Counts:
    found = [each.counts for each in data]
    row = np.repeat(np.arange(len(found)), [len(counts) for counts in found])
    bits = np.array([int(key, 16) for counts in found for key in counts], dtype=np.int64)
    times = np.array([n for counts in found for n in counts.values()], dtype=np.int64)
    return Counts(row, bits, times, shots)


def _seed(seed: int, number: int) -> int:
    """Seeds that are near each other mixed far apart: Aer adds a multiple of the row's number."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0] >> 1)
