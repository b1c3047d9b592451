"""The same circuit on other libraries, as a person would write it there, and the proof that it is
the same: nothing is timed before its values and gradients agree with the built-in engine's."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Angle, Fixed, Input, Weight
from qdesigner.engine.layer import QuantumLayer
from qdesigner.errors import UserError

PENNYLANE = "pennylane batched backprop"
TOLERANCE = 1e-5
STANDARD_ERRORS = 5  # that shots may be off by: one in two million


class PennyLaneCircuit(nn.Module):
    """A circuit that measures ⟨Z⟩ on every wire, on PennyLane's default.qubit: batched, or sample
    by sample as the tutorial's own ``forward`` has it."""

    def __init__(
        self, circuit: Circuit, weights: Tensor, batched: bool = True, method: str = "backprop"
    ) -> None:
        super().__init__()
        import pennylane as qml

        self.weights = nn.Parameter(weights.detach().clone())
        self.batched = batched
        operations = [
            (getattr(qml, GATES[op.gate].pennylane), op.wires, op.angle)
            for op in expand(circuit).operations
        ]

        @qml.qnode(  # type: ignore[untyped-decorator]
            qml.device("default.qubit", wires=circuit.wires), interface="torch", diff_method=method
        )
        def node(inputs: Tensor, weights: Tensor) -> list[Any]:
            for gate, wires, angle in operations:
                if angle is None:
                    gate(wires=wires)
                else:
                    gate(_value(angle, lambda i: inputs[..., i], weights), wires=wires)
            return [qml.expval(qml.PauliZ(wire)) for wire in range(circuit.wires)]

        self.node = node

    def forward(self, x: Tensor) -> Tensor:
        """[batch, inputs] -> [batch, wires]"""
        if self.batched:
            return torch.stack(self.node(x, self.weights), dim=-1).to(x.dtype)
        rows = [torch.stack(self.node(sample, self.weights)) for sample in x]
        return torch.stack(rows).to(x.dtype)


def _value(angle: Angle | None, feature: Callable[[int], Any], weights: Any) -> Any:
    """An angle in the other library's terms."""
    if isinstance(angle, Input):
        return feature(angle.index)
    if isinstance(angle, Weight):
        return weights[angle.index]
    if isinstance(angle, Fixed):
        return angle.value
    raise TypeError(f"no circuit that is measured has an angle such as {angle}")


def estimator_circuit(circuit: Circuit, initial: Tensor) -> nn.Module:
    """The circuit as qiskit-machine-learning's EstimatorQNN behind its TorchConnector, exact.

    Raises UserError when the library is not installed.
    """
    if importlib.util.find_spec("qiskit_machine_learning") is None:
        raise UserError('qiskit-machine-learning is not installed: pip install "qdesigner[bench]"')
    from qiskit.circuit import ParameterVector, QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp
    from qiskit_machine_learning.connectors import TorchConnector
    from qiskit_machine_learning.neural_networks import EstimatorQNN

    expanded = expand(circuit)
    inputs = ParameterVector("x", expanded.inputs)
    weights = ParameterVector("w", len(expanded.starts))
    drawn = QuantumCircuit(circuit.wires)
    for op in expanded.operations:
        angle = () if op.angle is None else (_value(op.angle, inputs.__getitem__, weights),)
        getattr(drawn, GATES[op.gate].qasm)(*angle, *op.wires)
    sums = [
        SparsePauliOp.from_sparse_list([("Z", [wire], 1.0)], num_qubits=circuit.wires)
        for wire in range(circuit.wires)
    ]
    network = EstimatorQNN(
        circuit=drawn, observables=sums, input_params=list(inputs), weight_params=list(weights),
        input_gradients=True,
    )  # fmt: skip
    connector: nn.Module = TorchConnector(network, initial_weights=initial.detach().numpy())
    return connector


# ---- the proof ----------------------------------------------------------------------------------


def require_same(layer: nn.Module, like: QuantumLayer, batch: int, shots: int = 0) -> None:
    """Raise UserError unless ``layer`` computes what ``like`` does, gradients of inputs and weights
    included; with shots, values only, within their standard error."""
    x = torch.linspace(-1.5, 1.4, batch * like.program.inputs).reshape(batch, -1)
    want, got = _computed(like, x), _computed(layer, x, differentiate=not shots)
    tolerance = STANDARD_ERRORS / shots**0.5 if shots else TOLERANCE
    if not shots and len(got) < len(want):
        raise UserError("it gives no gradients, so it is not timed")
    for what, mine, theirs in zip(("values", "gradients"), want, got, strict=False):
        if mine.shape != theirs.shape:
            raise UserError(f"its {what} have the shape {list(theirs.shape)}, so it is not timed")
        off = float((mine - theirs).abs().max())
        # Gradients are sums over the batch, in single precision.
        if not off <= tolerance * max(1.0, float(mine.abs().max())):
            raise UserError(f"its {what} differ by {off:.1g} from the built-in's: not timed")


def _computed(layer: nn.Module, x: Tensor, differentiate: bool = True) -> list[Tensor]:
    """Values [batch, outputs], and the gradients of a sum of them for inputs and weights."""
    x = x.clone().requires_grad_(differentiate)
    out = layer(x)
    wanted = [tensor for tensor in (x, *layer.parameters()) if tensor.numel()]
    if not (differentiate and wanted and out.requires_grad):
        return [out.detach()]
    factors = torch.linspace(0.3, 1.7, out.numel()).reshape(out.shape)
    grads = torch.autograd.grad(out, wanted, factors)
    return [out.detach(), torch.cat([grad.reshape(-1).cpu() for grad in grads])]
