"""Training steps of the tutorial's head: with the circuit on each engine, and after an edit."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from qdesigner.bench.circuits import BATCH, DEPTH, WIRES, edited_circuit, tutorial_circuit
from qdesigner.bench.measure import Peer, Step, Task, beside, on_one_thread
from qdesigner.bench.peers import PENNYLANE, PennyLaneCircuit, estimator_circuit, require_same
from qdesigner.catalog.devices import BUILT_IN
from qdesigner.circuit.circuit import Circuit
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices.layer import quantum_layer
from qdesigner.engine.layer import QuantumLayer
from qdesigner.model.build import Squash
from qdesigner.session.comparison import Row

FEATURES, CLASSES = 512, 2  # ResNet-18's, and the tutorial's ants and bees
EDITED_WIRES = 8

Layer = Callable[[Circuit, Tensor], nn.Module]


def step_task() -> Task:
    """One full training step of the tutorial's head, batch 4."""
    reference = QuantumLayer(tutorial_circuit())
    engines: dict[str, Layer] = {
        "built-in parameter-shift": _shifted,
        PENNYLANE: PennyLaneCircuit,
        "pennylane per-sample loop": partial(PennyLaneCircuit, batched=False),
        "pennylane per-sample parameter-shift": partial(
            PennyLaneCircuit, batched=False, method="parameter-shift"
        ),
        "qiskit EstimatorQNN": estimator_circuit,
    }
    row = Row("step", BUILT_IN, WIRES, DEPTH, BATCH)
    classical = replace(row, engine="classical head")
    peers = [
        Peer(classical, lambda: training_step(nn.Linear(WIRES, WIRES), WIRES)),
        *(_peer(row, name, make, reference) for name, make in engines.items()),
    ]
    return on_one_thread(beside(row, lambda: training_step(reference, WIRES), peers))


def _shifted(circuit: Circuit, weights: Tensor) -> nn.Module:
    layer = quantum_layer(circuit, DeviceSpec(gradient="parameter-shift"), seed=0)
    layer.load_state_dict({"weights": weights})
    return layer


def _peer(row: Row, name: str, make: Layer, reference: QuantumLayer) -> Peer:
    def made() -> Step:
        layer = make(reference.circuit, reference.weights)
        require_same(layer, reference, BATCH)
        return training_step(layer, WIRES)

    return Peer(replace(row, engine=name), made)


def head(middle: nn.Module, wires: int, outputs: int) -> nn.Module:
    """The tutorial's head with ``middle`` in the circuit's place."""
    return nn.Sequential(nn.Linear(FEATURES, wires), Squash(), middle, nn.Linear(outputs, CLASSES))


def batch_step(model: nn.Module, batch: int = BATCH) -> Callable[[], None]:
    """Forward and backward of a batch; gradients add up unless they are cleared."""
    x, labels = torch.randn(batch, FEATURES), torch.arange(batch) % CLASSES

    def step() -> None:
        torch.autograd.backward(nn.functional.cross_entropy(model(x), labels))

    return step


def training_step(middle: nn.Module, wires: int) -> Callable[[], None]:
    """One training step of the head: forward, backward, Adam."""
    model = head(middle, wires, wires)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-4, fused=True)
    both = batch_step(model)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        both()
        optimizer.step()

    return step


def edit_task() -> Task:
    """From a circuit that was never seen to the first finished training step, 8 wires, batch 4;
    everything is warm but what depends on the circuit."""
    row = Row("edit", BUILT_IN, EDITED_WIRES, DEPTH, BATCH)
    peer = Peer(replace(row, engine=PENNYLANE), lambda: _after_edit(_on_pennylane))
    return on_one_thread(beside(row, lambda: _after_edit(QuantumLayer), [peer]))


def _on_pennylane(circuit: Circuit) -> nn.Module:
    return PennyLaneCircuit(circuit, 0.01 * torch.randn(DEPTH * EDITED_WIRES))


def _after_edit(layer: Callable[[Circuit], nn.Module]) -> Step:
    numbers = itertools.count()

    def step() -> None:
        circuit = edited_circuit(next(numbers), EDITED_WIRES)
        training_step(layer(circuit), EDITED_WIRES)()

    step()
    return step
