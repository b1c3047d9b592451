"""Source text of a circuit as a torch module, computed by PennyLane."""

from __future__ import annotations

from qdesigner.catalog.devices import CHANNELS, SHIFT
from qdesigner.circuit.circuit import Circuit
from qdesigner.design.spec import DeviceSpec
from qdesigner.export.circuit_text import circuit_lines
from qdesigner.export.device import dialect, method
from qdesigner.export.initial import all_trained, first_weights, title, whole_weights
from qdesigner.export.readouts import returned
from qdesigner.export.source import bracketed, indented


def circuit_module(circuit: Circuit, name: str, device: DeviceSpec) -> list[str]:
    """Lines of a function that applies and measures the circuit, and of the class ``name`` that
    holds its weights."""
    function = name[0].lower() + name[1:].replace("Circuit", "_circuit")
    several = circuit.readout.kind != "probabilities"
    return [
        *_decorators(circuit, device),
        f"def {function}(inputs: torch.Tensor, weights: torch.Tensor)"
        f" -> {'list' if several else 'torch.Tensor'}:",
        *indented(circuit_lines(circuit, dialect(device, circuit))),
        *indented(returned(circuit)),
        "",
        "",
        f"class {name}(nn.Module):",
        f'    """{title(circuit)}"""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *indented(first_weights(circuit), 2),
        "",
        "    def forward(self, angles: torch.Tensor) -> torch.Tensor:",
        *indented(_values(circuit, function, method(device, circuit)), 2),
        f"        return {'torch.stack(values, dim=1)' if several else 'values'}.to(angles.dtype)",
    ]


def _values(circuit: Circuit, function: str, how: str) -> list[str]:
    """Lines that set ``values`` to what the circuit gives."""
    lines = [] if all_trained(circuit) else whole_weights(circuit)
    weights = "self.weights.double()" if all_trained(circuit) else "weights"
    if how != SHIFT:
        return [*lines, f"values = {function}(angles.double(), {weights})"]
    return [
        *lines,
        f"circuit = {function}",
        "if torch.is_grad_enabled():  # the shift rule takes one sample at a time",
        "    circuit = qml.transforms.broadcast_expand(circuit)",
        f"values = circuit(angles.double(), {weights})",
    ]


def _decorators(circuit: Circuit, device: DeviceSpec) -> list[str]:
    """What makes the function run on the device."""
    lines = []
    if device.noise:
        channel = f"qml.{CHANNELS[device.noise]}"
        level = f"op_args={device.noise_level!r}"
        lines.append(f'@qml.noise.insert(op={channel}, {level}, position="all")')
    if device.shots:
        lines.append("@qml.set_shots(SHOTS)")
    seed = ", seed=SEED" if device.shots else ""
    arguments = [
        f'qml.device("{device.name}", wires={circuit.wires}{seed})',
        'interface="torch"',
        f'diff_method="{method(device, circuit)}"',
    ]
    return [*lines, *bracketed("@qml.qnode(", arguments, ")")]
