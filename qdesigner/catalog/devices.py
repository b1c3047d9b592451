"""The devices a circuit may run on, which combinations are legal, and what a step costs there.

Facts only: no device's library is imported here.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from qdesigner.catalog.snapshots import SNAPSHOTS
from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.circuit.cost import bytes_needed, table_bytes
from qdesigner.circuit.free import free
from qdesigner.circuit.groups import circuits_per_row
from qdesigner.circuit.kinds import Bit, inputs_of, weight_of

BUILT_IN = "built-in"
AUTO = "auto"
ADJOINT = "adjoint"
BACKPROP = "backprop"
SHIFT = "parameter-shift"
GRADIENTS = {
    ADJOINT: "The adjoint method",
    BACKPROP: "Backprop",
    SHIFT: "The parameter-shift rule",
}

# PennyLane's channels, by our name.
CHANNELS = {
    "depolarizing": "DepolarizingChannel",
    "amplitude_damping": "AmplitudeDamping",
    "phase_damping": "PhaseDamping",
    "bit_flip": "BitFlip",
}
EXACT_NOISE = 10  # wires of a circuit whose noise a density matrix follows exactly


class Spec(Protocol):
    """What is read here of a design's device; see `DeviceSpec`."""

    @property
    def name(self) -> str: ...
    @property
    def gradient(self) -> str: ...
    @property
    def shots(self) -> int: ...
    @property
    def noise(self) -> str: ...
    @property
    def noise_level(self) -> float: ...
    @property
    def target(self) -> str: ...


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """One device.

    ``modules`` must be importable; ``extra`` is the part of qdesigner that brings them, "" where
    it always does. ``gradients`` are the methods that train here, the one of "auto" first; none:
    it only predicts. ``exact``: it gives expectation values without shots; ``shots``: it can draw
    them. ``noises`` are the names that its noise may have. ``leveled``: the noise has a level.
    ``remote``: running sends circuits away and may cost money; ``target`` then says what names
    the machine.
    """

    name: str
    label: str
    hint: str
    modules: tuple[str, ...] = ()
    extra: str = ""
    gradients: tuple[str, ...] = (SHIFT,)
    exact: bool = True
    shots: bool = True
    noises: tuple[str, ...] = ()
    leveled: bool = False
    remote: bool = False
    target: str = ""
    max_wires: int = 24


DEVICES: dict[str, DeviceKind] = {
    kind.name: kind
    for kind in (
        DeviceKind(
            BUILT_IN, "Built-in simulator", "The fastest by far; exact, or with shots",
            gradients=(ADJOINT, SHIFT),
        ),
        DeviceKind(
            "default.qubit", "PennyLane default.qubit", "PennyLane's reference simulator",
            ("pennylane",), gradients=(BACKPROP, SHIFT),
        ),
        DeviceKind(
            # No backprop: for ⟨Z⟩ at angles of 0 it gives gradients that are no numbers.
            "default.mixed", "PennyLane default.mixed", "Density matrices: noise channels",
            ("pennylane",), noises=tuple(CHANNELS), leveled=True, max_wires=10,
        ),
        DeviceKind(
            "lightning.qubit", "PennyLane lightning.qubit", "PennyLane's simulator in C++",
            ("pennylane", "pennylane_lightning"), gradients=(ADJOINT, SHIFT),
        ),
        DeviceKind(
            "qiskit.basic", "Qiskit BasicSimulator", "Qiskit's own simulator, as in its textbook",
            ("qiskit",),
        ),
        DeviceKind(
            "qiskit.aer", "Qiskit Aer", "Shots, and the noise of real machines",
            ("qiskit", "qiskit_aer", "qiskit_ibm_runtime"), "aer", noises=tuple(SNAPSHOTS),
        ),
        DeviceKind(
            "braket.local", "Braket local simulator", "Amazon Braket's simulator on this machine",
            ("braket.devices", "braket.default_simulator"), "braket",
        ),
        DeviceKind(
            "braket.aws", "Amazon Braket", "SV1 and hardware, by your own AWS credentials",
            ("braket.aws", "boto3"), "braket", gradients=(), remote=True,
            target="the ARN of the Braket device", exact=False,
        ),
        DeviceKind(
            "ibm", "IBM Quantum", "IBM's hardware, by your own account",
            ("qiskit", "qiskit_ibm_runtime"), "ibm", gradients=(), remote=True,
            target="the name of the IBM backend, or nothing for the least busy", exact=False,
        ),
    )
}  # fmt: skip


def missing(kind: DeviceKind) -> str:
    """What must be installed before ``kind`` can run, as a sentence; "" when nothing."""
    absent = next((module for module in kind.modules if not _importable(module)), "")
    if not absent:
        return ""
    name = f'"qdesigner[{kind.extra}]"' if kind.extra else absent.replace("_", "-")
    return f"{kind.label} needs {absent}, which is not installed: pip install {name}"


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # the package around it is missing, or broken
        return False


# ---- what is legal ------------------------------------------------------------------------------


def legal_gradients(spec: Spec, circuit: Circuit) -> tuple[str, ...]:
    """The gradient methods that can train ``circuit`` as ``spec`` runs it, that of "auto" first."""
    methods = DEVICES[spec.name].gradients
    if spec.shots:
        methods = tuple(method for method in methods if method == SHIFT)
    if spec.name == "lightning.qubit" and circuit.readout.kind == "probabilities":
        methods = tuple(method for method in methods if method != ADJOINT)
    return methods


def gradient(spec: Spec, circuit: Circuit | None = None) -> str:
    """The gradient method that ``spec`` names; for "auto" the first that is legal, "" if none."""
    if spec.gradient != AUTO:
        return spec.gradient
    if circuit is not None:
        return next(iter(legal_gradients(spec, circuit)), "")
    methods = DEVICES[spec.name].gradients
    return next((method for method in methods if not spec.shots or method == SHIFT), "")


def refusal(spec: Spec, circuit: Circuit, batch: int = 1, train: bool = True) -> str:
    """Why ``circuit`` cannot run as ``spec`` says, as a sentence; "" when it can.

    ``train`` False asks for predictions only.
    """
    kind = DEVICES[spec.name]
    if train and not kind.gradients:
        return (
            f"{kind.label} does not train here, it predicts: train on another device, then "
            "evaluate the run there."
        )
    return _cannot_run(spec, circuit) or (_cannot_train(spec, circuit) if train else "")


def _cannot_run(spec: Spec, circuit: Circuit) -> str:
    kind = DEVICES[spec.name]
    if circuit.wires > kind.max_wires:
        return (
            f"{kind.label} takes at most {kind.max_wires} wires, but the circuit has "
            f"{circuit.wires}; use another device or fewer wires."
        )
    if spec.shots and not kind.shots:
        return f"{kind.label} draws no shots; set shots to 0 for exact values."
    if not spec.shots and not kind.exact:
        return f"{kind.label} gives no exact values; choose a number of shots, such as 1000."
    if spec.noise and spec.noise not in kind.noises:
        known = f"it knows {', '.join(kind.noises)}" if kind.noises else "it knows none"
        return f"{kind.label} has no noise {spec.noise!r}; {known}."
    if circuit.wires > SNAPSHOTS.get(spec.noise, circuit.wires):
        return (
            f"{spec.noise} has {SNAPSHOTS[spec.noise]} qubits, but the circuit has "
            f"{circuit.wires} wires; choose a larger one."
        )
    if spec.noise in SNAPSHOTS and not spec.shots and circuit.wires > EXACT_NOISE:
        return (
            f"Exact values with the noise of {spec.noise} need at most {EXACT_NOISE} wires, but "
            f"the circuit has {circuit.wires}; choose a number of shots, such as 1000."
        )
    if spec.target and not kind.target:
        return f"{kind.label} runs on this machine and takes no target; leave it out."
    if spec.name == "braket.aws" and not spec.target:
        return f"{kind.label} needs {kind.target}; name it as the device's target."
    return ""


def _cannot_train(spec: Spec, circuit: Circuit) -> str:
    kind = DEVICES[spec.name]
    methods = legal_gradients(spec, circuit)
    if spec.gradient in (AUTO, *methods):
        return ""
    method = GRADIENTS[spec.gradient]
    if spec.gradient not in kind.gradients:
        return f"{method} does not exist on {kind.label}; use {' or '.join(methods)}."
    if spec.shots:
        return f"{method} needs exact values; with shots use {SHIFT}."
    return f"{method} gives no gradient of probabilities on {kind.label}; use {methods[0]}."


# ---- what it costs ------------------------------------------------------------------------------


class Cost(NamedTuple):
    """Milliseconds: of a call, of each gate in it (``step``), of each circuit of the call, of each
    gate of each circuit, of each gate and amplitude (2**wires of a state, 4**wires of a density
    matrix), and of each circuit's shot."""

    call: float
    step: float
    circuit: float
    gate: float
    amplitude: float
    shot: float = 0.0
    density: bool = False


# Fitted to runs of 1 to 12 wires, 3 to 150 gates and 1 to 64 samples on two cores, within about a
# third. Remote machines are guesses, and their queue comes on top.
COSTS: dict[str, Cost] = {
    BUILT_IN: Cost(0.01, 1.5e-4, 3e-5, 9e-6, 9e-8, 1e-6),
    "default.qubit": Cost(0.2, 0.075, 1e-5, 0.0, 3.6e-6, 5e-5),
    "default.mixed": Cost(0.25, 0.12, 1e-3, 0.0, 9e-5, 6e-5, density=True),
    "lightning.qubit": Cost(0.1, 0.025, 0.05, 0.006, 1.1e-6, 5e-5),
    "qiskit.basic": Cost(0.1, 0.002, 0.03, 0.016, 5e-6, 5e-4),
    "qiskit.aer": Cost(0.33, 0.015, 0.026, 6e-4, 2.5e-6, 5e-4),
    "braket.local": Cost(1.0, 0.0, 3.0, 0.35, 3e-6, 1e-3),
    "braket.aws": Cost(3000.0, 0.0, 500.0, 0.0, 0.0, 0.1),
    "ibm": Cost(10_000.0, 0.0, 100.0, 0.0, 0.0, 0.3),
}
# Aer with the noise of a recorded machine follows a density matrix, or, where that is larger than
# the shots are many, runs every shot by itself.
NOISY = Cost(3.6, 0.18, 0.026, 4e-3, 2.5e-5, 6e-4, density=True)
SINGLE = Cost(3.6, 0.18, 0.0, 8e-3, 1e-5)
# The built-in simulator draws how often each outcome was seen: of a call, and of each outcome.
DRAWING, OUTCOME = 0.2, 4e-5
BACKWARD = 3  # a backward pass costs about twice its forward pass


@lru_cache(maxsize=128)
def shifts(circuit: Circuit, learned: bool = True) -> int:
    """How many shifted circuits give one sample's gradient by the parameter-shift rule; for its
    features too when they are ``learned``, which is when something before the circuit trains."""
    freed = free(circuit)
    trainable = expand(circuit).trainable
    count = 0
    for angle, rule in zip(freed.angles, freed.rules, strict=True):
        weight = weight_of(angle)
        moves = weight is not None and trainable[weight]
        if moves or (learned and inputs_of(angle) and not isinstance(angle, Bit)):
            count += len(rule)
    if learned and freed.prepared is not None:
        count += 2 << len(freed.prepared.wires)  # each amplitude is turned up and down
    return count


def circuits_per_step(spec: Spec, circuit: Circuit, batch: int, learned: bool = True) -> int:
    """How many circuits one training step runs: one a sample, and the shifted ones."""
    if gradient(spec, circuit) != SHIFT:
        return batch
    return batch * (1 + shifts(circuit, learned))


def predicted_ms(spec: Spec, circuit: Circuit, batch: int, learned: bool = True) -> float:
    """About how many milliseconds one training step spends on the device."""
    if gradient(spec, circuit) != SHIFT:
        return BACKWARD * predicted_run_ms(spec, circuit, batch)
    shifted = circuits_per_step(spec, circuit, batch, learned) - batch
    forward = predicted_run_ms(spec, circuit, batch)
    return forward + (predicted_run_ms(spec, circuit, shifted) if shifted else 0.0)


def memory_bytes(spec: Spec, circuit: Circuit, batch: int) -> int:
    """About how much memory a training step's states take. Backprop keeps every gate's of every
    sample, half as much again with what lies between; all else runs in pieces."""
    if spec.name == BUILT_IN:
        threads = os.cpu_count() or 1
        return bytes_needed(circuit.wires, 2, batch, threads) + table_bytes(circuit.wires, 1)
    state = 16 << (circuit.wires * (2 if COSTS[spec.name].density else 1))
    if gradient(spec, circuit) == BACKPROP:
        return 3 * batch * len(free(circuit).operations) * state // 2
    return 8 * state


def predicted_run_ms(spec: Spec, circuit: Circuit, samples: int) -> float:
    """About how many milliseconds the device takes to predict ``samples`` samples."""
    cost = COSTS[spec.name]
    if spec.shots:  # what cannot be measured together takes a circuit each
        samples *= circuits_per_row(free(circuit))
    if spec.noise in SNAPSHOTS:
        single = 0 < 2 * spec.shots < 1 << circuit.wires
        cost, samples = (SINGLE, samples * spec.shots) if single else (NOISY, samples)
    gates = len(free(circuit).operations)
    if spec.noise in CHANNELS:
        gates += sum(len(operation.wires) for operation in free(circuit).operations)
    size = 1 << (circuit.wires * (2 if cost.density else 1))
    each = cost.circuit + gates * (cost.gate + cost.amplitude * size) + spec.shots * cost.shot
    call = cost.call
    if spec.name == BUILT_IN and spec.shots:
        call, each = call + DRAWING, each + OUTCOME * size
    return call + gates * cost.step + samples * each
