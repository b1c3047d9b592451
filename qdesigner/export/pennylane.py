"""Source text of a circuit as a torch module, computed by PennyLane."""

from __future__ import annotations

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.design.spec import DeviceSpec
from qdesigner.export.circuit_text import circuit_lines
from qdesigner.export.initial import all_trained, first_weights, whole_weights
from qdesigner.export.readouts import in_words, returned
from qdesigner.export.source import indented


def circuit_module(circuit: Circuit, name: str, device: DeviceSpec) -> list[str]:
    """Lines of a function that applies and measures the circuit, and of the class ``name`` that
    holds its weights."""
    function = name[0].lower() + name[1:].replace("Circuit", "_circuit")
    several = circuit.readout.kind != "probabilities"
    weights = "self.weights.double()" if all_trained(circuit) else "weights"
    count, inputs = len(expand(circuit).weight_keys), expand(circuit).inputs
    held = "1 weight" if count == 1 else f"{count} weights"
    return [
        *_decorators(circuit, device),
        f"def {function}(inputs: torch.Tensor, weights: torch.Tensor)"
        f" -> {'list' if several else 'torch.Tensor'}:",
        *indented(circuit_lines(circuit)),
        *indented(returned(circuit)),
        "",
        "",
        f"class {name}(nn.Module):",
        f'    """{held}: angles [batch, {inputs}] -> {in_words(circuit)}."""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *indented(first_weights(circuit), 2),
        "",
        "    def forward(self, angles: torch.Tensor) -> torch.Tensor:",
        *([] if all_trained(circuit) else indented(whole_weights(circuit), 2)),
        f"        values = {function}(angles.double(), {weights})",
        f"        return {'torch.stack(values, dim=1)' if several else 'values'}.to(angles.dtype)",
    ]


def _decorators(circuit: Circuit, device: DeviceSpec) -> list[str]:
    """What makes the function run on the device."""
    wires = circuit.wires
    return [
        f'@qml.qnode(qml.device("default.qubit", wires={wires}), interface="torch", '
        'diff_method="backprop")'
    ]
