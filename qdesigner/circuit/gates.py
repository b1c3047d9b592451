"""The primitive gates: names, wires, and what other programs call them.

Matrices follow Nielsen & Chuang, *Quantum Computation and Quantum Information*, section 4.2;
RX, RY and RZ are exp(-iθP/2) for a Pauli matrix P.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gate:
    """One primitive gate, and its names in PennyLane and OpenQASM 2.

    ``angle``: it takes one angle in radians. ``diagonal``: its matrix is diagonal, so it commutes
    with all other such gates.
    """

    name: str
    wires: int
    pennylane: str
    qasm: str
    angle: bool = False
    diagonal: bool = False
    note: str = ""


GATES: dict[str, Gate] = {
    gate.name: gate
    for gate in (
        Gate("H", 1, "Hadamard", "h", note="equal superposition"),
        Gate("X", 1, "PauliX", "x", note="bit flip"),
        Gate("Y", 1, "PauliY", "y", note="bit and phase flip"),
        Gate("Z", 1, "PauliZ", "z", diagonal=True, note="phase flip"),
        Gate("S", 1, "S", "s", diagonal=True, note="quarter turn about Z"),
        Gate("T", 1, "T", "t", diagonal=True, note="eighth turn about Z"),
        Gate("RX", 1, "RX", "rx", angle=True, note="turn about X"),
        Gate("RY", 1, "RY", "ry", angle=True, note="turn about Y"),
        Gate("RZ", 1, "RZ", "rz", angle=True, diagonal=True, note="turn about Z"),
        Gate("CNOT", 2, "CNOT", "cx", note="flips the target when the control is |1⟩"),
        Gate("CZ", 2, "CZ", "cz", diagonal=True, note="flips the phase of |11⟩"),
        Gate("SWAP", 2, "SWAP", "swap", note="exchanges two wires"),
    )
}
