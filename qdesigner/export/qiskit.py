"""Source text of circuits on Qiskit's simulators."""

from __future__ import annotations

from collections.abc import Mapping

from qdesigner.circuit.circuit import Circuit
from qdesigner.design.spec import DeviceSpec
from qdesigner.export.device import dialect
from qdesigner.export.shifted import circuit_module, parameters, preparation, rules, shift
from qdesigner.export.source import filled

# Snapshots whose class in qiskit_ibm_runtime.fake_provider bears no V2 behind its name.
_NEWER = (
    "oslo perth algiers auckland geneva peekskill prague berlin miami brisbane brussels cusco "
    "kawasaki kyiv kyoto osaka quebec sherbrooke strasbourg torino aachen boston fez kingston "
    "marrakesh pittsburgh"
)

_MEASURED = '''

def measured(circuit: QuantumCircuit, wires: list[int], paulis: str) -> QuantumCircuit:
    """The circuit with these Paulis of the wires turned into Z<<and>>."""
    turned = QuantumCircuit(circuit.num_qubits, len(wires))
    turned.compose(circuit, inplace=True)
    for wire, pauli in zip(wires, paulis, strict=True):
        if pauli == "X":
            turned.ry(-math.pi / 2, wire)
        elif pauli == "Y":
            turned.rx(math.pi / 2, wire)
    <<end>>
'''

_MEASURE = """
for place, wire in enumerate(wires):
    turned.measure(wire, len(wires) - 1 - place)  # the first wire is the leftmost bit
"""

_SHARES = '''

def outcomes(circuit: QuantumCircuit, wires: list[int], angles: np.ndarray) -> list[dict]:
    """How often the wires show each string of bits, for each row of angles."""
    rows = [{name: row[name.index] for name in circuit.parameters} for row in angles]
    bound = [circuit.assign_parameters(row) for row in rows]
    <<found>>
'''

_COUNTED = """
result = SIMULATOR.run(bound, shots=SHOTS, seed_simulator=int(SEEDS.integers(2**31))).result()
counts = [result.get_counts(row) for row in range(len(bound))]
return [{bits: count / SHOTS for bits, count in row.items()} for row in counts]
"""

_EXACT = """
# Qiskit writes the first wire rightmost, we leftmost.
return [Statevector(row).probabilities_dict(wires[::-1]) for row in bound]
"""

_SAVED = """
result = SIMULATOR.run(bound).result()
shares = [result.data(row)["probabilities"] for row in range(len(bound))]
return [{f"{n:0{len(wires)}b}": share for n, share in enumerate(row)} for row in shares]
"""


def imports(device: DeviceSpec) -> list[str]:
    """Lines that import what the circuits need, in the order of their names."""
    lines = ["from qiskit import QuantumCircuit" + (", transpile" if _runs(device) else "")]
    lines.append("from qiskit.circuit import Parameter, ParameterVector")
    if device.name == "qiskit.basic" and device.shots:
        lines.append("from qiskit.providers.basic_provider import BasicSimulator")
    if device.name == "qiskit.basic" and not device.shots:
        lines.append("from qiskit.quantum_info import Statevector")
    if device.name == "qiskit.aer":
        lines.append("from qiskit_aer import AerSimulator")
    if device.noise:
        lines.append("from qiskit_aer.noise import NoiseModel")
        lines.append(f"from qiskit_ibm_runtime.fake_provider import {snapshot(device.noise)}")
    return lines


def _runs(device: DeviceSpec) -> bool:
    """Whether a simulator runs the circuits; else their states are computed."""
    return bool(device.shots) or device.name == "qiskit.aer"


def snapshot(noise: str) -> str:
    """The class of a recorded backend, ``FakeManilaV2``."""
    name = noise.removeprefix("fake_")
    return f"Fake{name.capitalize()}{'' if name in _NEWER.split() else 'V2'}"


def modules(circuits: Mapping[Circuit, str], device: DeviceSpec, target: str) -> list[str]:
    """Lines of the classes of the circuits, and of all that they need. ``target`` names the backend
    that the design would run on."""
    simulator = _simulator(device, target)
    lines = ["", "", *simulator, *([""] if simulator else []), *rules(list(circuits))]
    lines.append(f'ANGLES = ParameterVector("angle", {parameters(list(circuits))})')
    lines += shift("Parameter", "ANGLES[len(self.columns) - 1]")
    cx = "circuit.cx(wires[place - moved], wire)"
    ry = "circuit.ry(angle(turns[:, (step - 1) ^ ((step - 1) >> 1)]), wire)"
    lines += preparation(list(circuits), "QuantumCircuit", ry, cx)
    lines += _measuring(device)
    for circuit, name in circuits.items():
        begun = [f"circuit = QuantumCircuit({circuit.wires})"]
        how = dialect(device, circuit)
        lines += ["", "", *circuit_module(circuit, name, how, "QuantumCircuit", begun)]
    return lines


def _simulator(device: DeviceSpec, target: str) -> list[str]:
    if not _runs(device):
        return []
    lines = []
    if target:
        lines += [
            "# To run on IBM Quantum, give QiskitRuntimeService().backend("
            f'"{target}") to transpile,',
            "# and its circuits to a SamplerV2 of qiskit_ibm_runtime instead of SIMULATOR.run.",
        ]
    if device.noise:
        lines.append(f"SNAPSHOT = {snapshot(device.noise)}()")
        lines.append("SIMULATOR = AerSimulator(noise_model=NoiseModel.from_backend(SNAPSHOT))")
    else:
        lines.append(f"SIMULATOR = {'Aer' if device.name == 'qiskit.aer' else 'Basic'}Simulator()")
    return [
        *lines,
        *(["SEEDS = np.random.default_rng(SEED)  # of the shots"] if device.shots else []),
    ]


def _measuring(device: DeviceSpec) -> list[str]:
    """Lines of ``measured`` and ``outcomes``."""
    if device.shots:
        to = "SNAPSHOT, optimization_level=2, seed_transpiler=0" if device.noise else "SIMULATOR"
        end, and_, found = filled(_MEASURE, {})[1:], ", and measured", _COUNTED
        if device.noise:
            end.append("# Another version of Qiskit may transpile otherwise, and noise follow it.")
        end = [*end, f"return transpile(turned, {to})"]
    elif _runs(device):
        end, and_, found = ["turned.save_probabilities(wires[::-1])"], ", and saved", _SAVED
        end = [*end, "return transpile(turned, SIMULATOR)"]
    else:
        end, and_, found = ["return turned"], "", _EXACT
    lines = filled(_MEASURED, {"and": and_, "end": end})
    return lines + filled(_SHARES, {"found": filled(found, {})[1:]})
