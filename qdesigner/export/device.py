"""Where an exported script runs its circuits: the design's device, or what stands for it."""

from __future__ import annotations

from typing import Literal

from qdesigner.catalog.devices import ADJOINT, BACKPROP, BUILT_IN, DEVICES, SHIFT, gradient
from qdesigner.circuit.circuit import Circuit
from qdesigner.circuit.free import free
from qdesigner.design.plan import learns_before
from qdesigner.design.spec import Design, DeviceSpec, Stage
from qdesigner.export.formulas import (
    BRAKET,
    NOISY_QISKIT,
    PENNYLANE,
    QISKIT,
    SHIFTED_PENNYLANE,
    Dialect,
)

RUNS = 25  # of each image, when the circuits draw shots: their mean is what --verify compares
NOISY_SHOTS = 10_000  # stand for the exact values of a noisy backend
_NUMBERS = 1 << 24  # amplitudes at once

_PACKAGES: dict[str, tuple[str, ...]] = {
    "default.qubit": ("pennylane",),
    "default.mixed": ("pennylane",),
    "lightning.qubit": ("pennylane", "pennylane-lightning"),
    "qiskit.basic": ("qiskit",),
    "qiskit.aer": ("qiskit", "qiskit-aer"),
    "braket.local": ("amazon-braket-sdk",),
}

Library = Literal["pennylane", "qiskit", "braket"]


def runs_on(design: Design) -> DeviceSpec:
    """The device of the script: what every user of the libraries has, none that costs money."""
    device = design.device
    changes: dict[str, object] = {}
    if not any(stage.circuit for stage in design.stages):
        return DeviceSpec(name="default.qubit")
    if device.name == BUILT_IN:
        method = BACKPROP if device.gradient == ADJOINT else device.gradient
        changes = {"name": "default.qubit", "gradient": method}
    elif device.name == "ibm":
        changes = {"name": "qiskit.aer", "target": ""}
    elif device.name == "braket.aws":
        changes = {"name": "braket.local", "target": ""}
    elif device.name == "qiskit.aer" and device.noise and not device.shots:
        changes = {"shots": NOISY_SHOTS}
    chosen: DeviceSpec = device.but(**changes)
    return chosen


def packages(device: DeviceSpec) -> tuple[str, ...]:
    """What the script needs for its circuits."""
    of_snapshot = ("qiskit-ibm-runtime",) if device.noise and library(device) == "qiskit" else ()
    return _PACKAGES[device.name] + of_snapshot


def library(device: DeviceSpec) -> Library:
    """Whose circuits the script writes."""
    name = device.name.partition(".")[0]
    if name == "qiskit":
        return "qiskit"
    return "braket" if name == "braket" else "pennylane"


def dialect(device: DeviceSpec, circuit: Circuit) -> Dialect:
    """How the circuit is written."""
    if library(device) == "pennylane":
        return PENNYLANE if method(device, circuit) == BACKPROP else SHIFTED_PENNYLANE
    if library(device) == "braket":
        return BRAKET
    return NOISY_QISKIT if device.noise else QISKIT


def circuit_names(design: Design) -> dict[Circuit, str]:
    """A class name for each different circuit of the design."""
    circuits = list(dict.fromkeys(s.circuit for s in design.stages if s.circuit is not None))
    # Qiskit and Braket have classes of circuits themselves.
    name = "QuantumCircuit" if library(runs_on(design)) == "pennylane" else "QuantumLayer"
    if len(circuits) == 1:
        return {circuits[0]: name}
    return {circuit: f"{name}{number}" for number, circuit in enumerate(circuits, start=1)}


def method(device: DeviceSpec, circuit: Circuit) -> str:
    """How gradients come about."""
    return gradient(device, circuit) or SHIFT


def rows_at_once(design: Design) -> int:
    """How many runs of an image are computed together, so that their states fit in memory."""
    wires = max((s.circuit.wires for s in design.stages if s.circuit), default=0)
    if design.device.name == "default.mixed":
        wires *= 2
    return max(1, min(RUNS, _NUMBERS >> wires))


def in_words(design: Design) -> list[str]:
    """Lines of the docstring that say where the circuits run; none for the plain case."""
    device = runs_on(design)
    lines = []
    noise = f", noise {device.noise}" if device.noise else ""
    if device.noise_level:
        noise += f" {device.noise_level:g}"
    shots = f", {device.shots:,} shots" if device.shots else ""
    if noise or shots or device.name != "default.qubit":
        lines.append(f"Its circuits run on {DEVICES[device.name].label}{noise}{shots}.")
    if any(_holds_back(design, device, stage) for stage in design.stages):
        lines.append("It trains nothing that stands before an amplitude embedding.")
    if DEVICES[design.device.name].remote:
        lines.append(f"It was drawn for {DEVICES[design.device.name].label}: see where it runs.")
    return lines


def _holds_back(design: Design, device: DeviceSpec, stage: Stage) -> bool:
    """Whether stages before this one would learn, but get no gradient through its amplitudes."""
    circuit = stage.circuit
    return (
        circuit is not None
        and free(circuit).prepared is not None
        and dialect(device, circuit).constant_state
        and learns_before(design, stage.id)
    )


def constants(design: Design) -> list[str]:
    """Lines of the constants that shots need."""
    device = runs_on(design)
    if not device.shots:
        return []
    rows = rows_at_once(design)
    return [
        "",
        "# How the circuits are measured.",
        f"SHOTS = {device.shots}",
        f"RUNS = {RUNS}  # of each image in --verify",
        f"ROWS = {rows}  # runs at once",
    ]
