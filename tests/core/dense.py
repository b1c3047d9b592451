"""A second referee: circuits as plain matrices in NumPy, owing nothing to any simulator.

Slow and small on purpose: density matrices of up to six wires, gates from their definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from qdesigner.circuit.free import Free
from qdesigner.circuit.kinds import Amplitudes, Fixed, Input

Floats = NDArray[np.float64]
Matrix = NDArray[np.complex128]

PAULIS = {
    "I": np.eye(2, dtype=complex),
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0, -1.0]).astype(complex),
}
_ON = np.diag([0.0, 1.0]).astype(complex)
_PLAIN = {
    "H": (PAULIS["X"] + PAULIS["Z"]) / np.sqrt(2),
    "X": PAULIS["X"],
    "Y": PAULIS["Y"],
    "Z": PAULIS["Z"],
    "S": np.diag([1, 1j]),
    "T": np.diag([1, np.exp(0.25j * np.pi)]),
}


def kron(*matrices: Matrix) -> Matrix:
    """The product of matrices, the first for the leftmost wire."""
    return reduce(np.kron, matrices)


def _turn(generator: Matrix, angle: float) -> Matrix:
    """exp(-i angle/2 generator) of one that is its own inverse."""
    return np.cos(angle / 2) * np.eye(len(generator)) - 1j * np.sin(angle / 2) * generator


def matrix(gate: str, angle: float = 0.0) -> Matrix:
    """The matrix of a gate on its own wires, the first as the leftmost bit."""
    if gate in _PLAIN:
        return _PLAIN[gate]
    if gate in ("CNOT", "CZ"):
        return _controlled(PAULIS["X" if gate == "CNOT" else "Z"])
    if gate == "TOFFOLI":
        return _controlled(_controlled(PAULIS["X"]))
    if gate == "SWAP":
        return sum(kron(p, p) for p in PAULIS.values()) / 2
    if gate.startswith("CR"):
        return _controlled(_turn(PAULIS[gate[2]], angle))
    pauli = PAULIS[gate[1]]
    return _turn(pauli if len(gate) == 2 else kron(pauli, pauli), angle)


def _controlled(inner: Matrix) -> Matrix:
    out = np.eye(2 * len(inner), dtype=complex)
    out[len(inner) :, len(inner) :] = inner
    return out


def on_wires(small: Matrix, wires: tuple[int, ...], count: int) -> Matrix:
    """A matrix of ``wires`` as one of all ``count`` wires."""
    others = [wire for wire in range(count) if wire not in wires]
    order = [*wires, *others]
    whole = kron(small, np.eye(1 << len(others))).reshape([2] * (2 * count))
    place = [order.index(wire) for wire in range(count)]
    moved = whole.transpose(*place, *(count + p for p in place))
    return moved.reshape(1 << count, 1 << count)


def kraus(noise: str, level: float) -> list[Matrix]:
    """The Kraus matrices of a channel (Nielsen & Chuang, section 8.3)."""
    x, y, z, one = (PAULIS[name] for name in "XYZI")
    match noise:
        case "depolarizing":
            return [np.sqrt(1 - level) * one, *(np.sqrt(level / 3) * p for p in (x, y, z))]
        case "bit_flip":
            return [np.sqrt(1 - level) * one, np.sqrt(level) * x]
        case "phase_damping":
            return [np.diag([1, np.sqrt(1 - level)]) + 0j, np.sqrt(level) * _ON]
        case "amplitude_damping":
            lower = np.array([[0, np.sqrt(level)], [0, 0]], dtype=complex)
            return [np.diag([1, np.sqrt(1 - level)]) + 0j, lower]
    raise ValueError(noise)


def density(
    free: Free, angles: Floats, amplitudes: Floats | None = None,
    noise: str = "", level: float = 0.0,
) -> Matrix:  # fmt: skip
    """The state of one row of angles [slots], after ``noise`` behind every gate on its wires."""
    count = free.wires
    state = np.zeros(1 << count, dtype=complex)
    state[0] = 1
    rho = np.outer(state, state)
    for operation in free.operations:
        angle, wires = operation.angle, operation.wires
        if isinstance(angle, Amplitudes):
            assert amplitudes is not None
            prepared = np.zeros((1 << len(wires),) * 2, dtype=complex)
            prepared[:, 0] = amplitudes  # acts on |0…0⟩ alone
            whole = on_wires(prepared, wires, count)
            rho = whole @ rho @ whole.conj().T
            continue
        value = angles[angle.index] if isinstance(angle, Input) else 0.0
        value = angle.value if isinstance(angle, Fixed) else value
        whole = on_wires(matrix(operation.gate, value), wires, count)
        rho = whole @ rho @ whole.conj().T
        for wire in wires if noise else ():
            terms = [on_wires(k, (wire,), count) for k in kraus(noise, level)]
            rho = sum(k @ rho @ k.conj().T for k in terms)
    return rho


def outputs(
    free: Free, angles: Floats, amplitudes: Floats | None = None,
    noise: str = "", level: float = 0.0,
) -> Floats:  # fmt: skip
    """The readout [rows, outputs] of angles [rows, slots]."""
    rows = [
        _read(free, density(free, row, None if amplitudes is None else amplitudes[k], noise, level))
        for k, row in enumerate(angles)
    ]
    return np.array(rows).reshape(len(angles), free.outputs)


def _read(free: Free, rho: Matrix) -> list[float]:
    if free.readout.kind == "probabilities":
        on = free.readout.on(free.wires)
        chances = np.diag(rho).real.reshape([2] * free.wires)
        rest = tuple(wire for wire in range(free.wires) if wire not in on)
        left = [wire for wire in range(free.wires) if wire in on]
        kept = chances.sum(axis=rest).transpose([left.index(wire) for wire in on])
        return [float(p) for p in kept.reshape(-1)]
    found = []
    for observable in free.readout.observables(free.wires):
        whole = np.zeros_like(rho)
        for coefficient, word in observable:
            paulis = dict(word)
            whole += coefficient * kron(*(PAULIS[paulis.get(w, "I")] for w in range(free.wires)))
        found.append(float(np.trace(whole @ rho).real))
    return found


def jacobian(free: Free, run: Callable[[Floats], Floats], angles: Floats) -> Floats:
    """d outputs / d slots [rows, outputs, slots] by the shift rules; ``run`` gives the outputs."""
    out = np.zeros((len(angles), free.outputs, len(free.angles)))
    for slot, rule in enumerate(free.rules):
        for coefficient, shift in rule:
            moved = angles.copy()
            moved[:, slot] += shift
            out[:, :, slot] += coefficient * run(moved)
    return out


def spread(free: Free, exact: Floats, shots: int) -> Floats:
    """A bound on the standard error of each output after ``shots`` shots."""
    if free.readout.kind == "probabilities":
        return np.sqrt(np.maximum(exact * (1 - exact), 0.5 / shots) / shots)
    observables = free.readout.observables(free.wires)
    whole = np.array([sum(abs(t.coefficient) for t in o if t.word) for o in observables])
    return np.broadcast_to(whole / np.sqrt(shots) + 1e-12, exact.shape)
