"""The primitive gates: names, wires, and what other programs call them.

Matrices follow Nielsen & Chuang, *Quantum Computation and Quantum Information*, section 4.2;
RX, RY, RZ are exp(-iθP/2) for a Pauli matrix P, and RXX, RYY, RZZ the same for P ⊗ P.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gate:
    """One primitive gate, and its names in PennyLane and OpenQASM 2.

    ``wires`` is how many it takes, ``controls`` of them first, or 0 for any number. ``angle``: it
    takes one angle in radians. ``diagonal``: its matrix is diagonal, so it commutes with all other
    such gates. ``frequencies``: the positive differences of its generator's eigenvalues, which
    give its parameter-shift rule.
    """

    name: str
    wires: int
    pennylane: str
    qasm: str
    angle: bool = False
    diagonal: bool = False
    note: str = ""
    controls: int = 0
    frequencies: tuple[float, ...] = (1.0,)


_CONTROLLED = (0.5, 1.0)  # the generator's eigenvalues are -1/2, 0 and 1/2


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
        Gate("CNOT", 2, "CNOT", "cx", note="flips the target when the control is |1⟩", controls=1),
        Gate("CZ", 2, "CZ", "cz", diagonal=True, note="flips the phase of |11⟩"),
        Gate("SWAP", 2, "SWAP", "swap", note="exchanges two wires"),
        Gate("TOFFOLI", 3, "Toffoli", "ccx", controls=2,
             note="flips the target when both controls are |1⟩"),
        Gate("CRX", 2, "CRX", "crx", angle=True, controls=1, frequencies=_CONTROLLED,
             note="RX on the target when the control is |1⟩"),
        Gate("CRY", 2, "CRY", "cry", angle=True, controls=1, frequencies=_CONTROLLED,
             note="RY on the target when the control is |1⟩"),
        Gate("CRZ", 2, "CRZ", "crz", angle=True, diagonal=True, controls=1,
             frequencies=_CONTROLLED, note="RZ on the target when the control is |1⟩"),
        Gate("RXX", 2, "IsingXX", "rxx", angle=True, note="turn about X ⊗ X"),
        Gate("RYY", 2, "IsingYY", "ryy", angle=True, note="turn about Y ⊗ Y"),
        Gate("RZZ", 2, "IsingZZ", "rzz", angle=True, diagonal=True, note="turn about Z ⊗ Z"),
        Gate("AMPLITUDE", 0, "AmplitudeEmbedding", "initialize",
             note="features as the amplitudes of a state"),
    )
}  # fmt: skip
