"""Source text of circuits on Amazon Braket's simulator."""

from __future__ import annotations

from collections.abc import Mapping

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.design.spec import DeviceSpec
from qdesigner.export.formulas import BRAKET, CONTROLLED
from qdesigner.export.shifted import circuit_module, parameters, preparation, rules, shift
from qdesigner.export.source import filled

_CONTROLLED = {
    "CRX": """

def crx(circuit: Circuit, control: int, target: int, angle: FreeParameter | float) -> None:
    circuit.h(target)
    crz(circuit, control, target, angle)
    circuit.h(target)
""",
    "CRY": """

def cry(circuit: Circuit, control: int, target: int, angle: FreeParameter | float) -> None:
    circuit.ry(target, angle / 2)
    circuit.cnot(control, target)
    circuit.ry(target, -angle / 2)
    circuit.cnot(control, target)
""",
    "CRZ": """

def crz(circuit: Circuit, control: int, target: int, angle: FreeParameter | float) -> None:
    circuit.rz(target, angle / 2)
    circuit.cnot(control, target)
    circuit.rz(target, -angle / 2)
    circuit.cnot(control, target)
""",
}

_MEASURED = '''

def measured(circuit: Circuit, wires: list[int], paulis: str) -> Circuit:
    """The circuit with these Paulis of the wires turned into Z, and measured."""
    turned = circuit.copy()
    for wire, pauli in zip(wires, paulis, strict=True):
        if pauli == "X":
            turned.ry(wire, -math.pi / 2)
        elif pauli == "Y":
            turned.rx(wire, math.pi / 2)
    return <<measured>>


def outcomes(circuit: Circuit, wires: list[int], angles: np.ndarray) -> list[dict]:
    """How often the wires show each string of bits, for each row of angles."""
    rows = [{f"angle{k}": float(value) for k, value in enumerate(row)} for row in angles]
    bound = [circuit.make_bound_circuit(row) for row in rows]
    <<found>>
'''

_COUNTED = """
results = [SIMULATOR.run(row, shots=SHOTS).result() for row in bound]
counts = [result.measurement_counts for result in results]
return [{bits: count / SHOTS for bits, count in row.items()} for row in counts]
"""

_EXACT = """
results = [SIMULATOR.run(row, shots=0).result() for row in bound]
order = [sorted(wires).index(wire) for wire in wires]
strings = [f"{n:0{len(wires)}b}" for n in range(2 ** len(wires))]
bits = ["".join(string[place] for place in order) for string in strings]
return [dict(zip(bits, result.values[0], strict=True)) for result in results]
"""


def imports() -> list[str]:
    """Lines that import what the circuits need, in the order of their names."""
    return [
        "from braket.circuits import Circuit, FreeParameter",
        "from braket.devices import LocalSimulator",
    ]


def modules(circuits: Mapping[Circuit, str], device: DeviceSpec, target: str) -> list[str]:
    """Lines of the classes of the circuits, and of all that they need. ``target`` is the ARN of the
    device that the design would run on."""
    gates = {op.gate for circuit in circuits for op in expand(circuit).operations}
    if "CRX" in gates:
        gates.add("CRZ")  # which it is made of
    remote = f'  # or AwsDevice("{target}"), of braket.aws' if target else ""
    lines = ["", "", f"SIMULATOR = LocalSimulator(){remote}", "", *rules(list(circuits))]
    count = parameters(list(circuits))
    lines.append(f'ANGLES = [FreeParameter(f"angle{{k}}") for k in range({count})]')
    lines += shift("FreeParameter", "ANGLES[len(self.columns) - 1]")
    for gate in sorted(gates & CONTROLLED, reverse=True):
        lines += filled(_CONTROLLED[gate], {})
    cx = "circuit.cnot(wires[place - moved], wire)"
    ry = "circuit.ry(wire, angle(turns[:, (step - 1) ^ ((step - 1) >> 1)]))"
    lines += preparation(list(circuits), "Circuit", ry, cx)
    of = "turned.measure(wires)" if device.shots else "turned.probability(sorted(wires))"
    found = filled(_COUNTED if device.shots else _EXACT, {})[1:]
    lines += filled(_MEASURED, {"measured": of, "found": found})
    for circuit, name in circuits.items():
        begun = [
            "circuit = Circuit()",
            f"for wire in range({circuit.wires}):",
            "    circuit.i(wire)  # Braket counts only wires that have a gate",
        ]
        lines += ["", "", *circuit_module(circuit, name, BRAKET, "Circuit", begun)]
    return lines
