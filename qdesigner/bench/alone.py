"""The circuit alone, forward and backward, over wires and batch, beside PennyLane."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from qdesigner.bench.circuits import DEPTH, complex_circuit, tutorial_circuit
from qdesigner.bench.measure import Peer, Step, Task, beside, on_best_threads
from qdesigner.bench.peers import PENNYLANE, PennyLaneCircuit, require_same
from qdesigner.catalog.devices import BUILT_IN
from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.engine.layer import QuantumLayer
from qdesigner.session.comparison import Row

WIRES = (4, 8, 12, 16)
BATCHES = (1, 4, 64, 256)
COMPLEX = (8, 64)  # wires and batch of the complex circuit
GPU_WIRES, GPU_BATCH = (16, 20), 4  # beside the CPU, where there is one
# PennyLane's backprop keeps the state after every gate; what is beyond these is not run.
SECONDS_EACH, BYTES_EACH = 1.6e-8, 32  # measured: for each gate, amplitude and sample
MOST_SECONDS, MOST_BYTES = 1.5, 3e9


def circuit_tasks() -> Iterator[Task]:
    """A task for each number of wires and batch, one for the complex circuit, and those of a GPU
    where there is one."""
    for wires in WIRES:
        for batch in BATCHES:
            yield _task(tutorial_circuit(wires), batch)
    wires, batch = COMPLEX
    yield _task(complex_circuit(wires), batch, gates="complex")
    if device := gpu():
        for wires in GPU_WIRES:
            yield _gpu_task(tutorial_circuit(wires), device)


def _task(circuit: Circuit, batch: int, gates: str = "") -> Task:
    row = Row("circuit", BUILT_IN, circuit.wires, DEPTH, batch, gates=gates)
    theirs = replace(row, engine=PENNYLANE, skipped=too_much(circuit, batch))
    made: list[QuantumLayer] = []

    def mine() -> Step:
        made.append(QuantumLayer(circuit))
        return both_ways(made[0], made[0].program.inputs, batch)

    def pennylane() -> Step:
        layer = PennyLaneCircuit(circuit, made[0].weights)
        require_same(layer, made[0], batch)
        return on_best_threads(both_ways(layer, made[0].program.inputs, batch))

    return beside(row, mine, [Peer(theirs, pennylane)])


def gpu() -> str:
    """Torch's name of the GPU that is present, or ""."""
    return "cuda" if torch.cuda.is_available() else ""


def _gpu_task(circuit: Circuit, device: str) -> Task:
    row = Row("circuit", BUILT_IN, circuit.wires, DEPTH, GPU_BATCH)
    layer = QuantumLayer(circuit)

    def mine() -> Step:
        return both_ways(layer, circuit.wires, GPU_BATCH)

    def there() -> Step:
        moved = copy.deepcopy(layer).to(device)
        require_same(_Moved(moved, device), layer, GPU_BATCH)
        step = both_ways(moved, circuit.wires, GPU_BATCH, device)

        def finished() -> None:
            step()
            torch.cuda.synchronize()

        return finished if device == "cuda" else step

    return beside(row, mine, [Peer(replace(row, engine=f"{BUILT_IN} on {device}"), there)])


class _Moved(nn.Module):
    """A layer on another device, asked and heard on the CPU."""

    def __init__(self, layer: nn.Module, device: str) -> None:
        super().__init__()
        self.layer, self.device = layer, device

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x.to(self.device))
        return out.cpu()


def too_much(circuit: Circuit, batch: int) -> str:
    """Why PennyLane is not run on this, "" when it is."""
    size = len(expand(circuit).operations) * 2**circuit.wires * batch
    seconds, memory = size * SECONDS_EACH, size * BYTES_EACH
    if seconds <= MOST_SECONDS and memory <= MOST_BYTES:
        return ""
    return f"a step would take about {seconds:.2g} s and {memory / 1e9:,.3g} GB"


def both_ways(layer: nn.Module, inputs: int, batch: int, device: str = "cpu") -> Callable[[], None]:
    """Forward and backward of the layer alone, for inputs and weights."""
    x = torch.randn(batch, inputs, device=device, requires_grad=True)
    wanted = [tensor for tensor in (x, *layer.parameters()) if tensor.numel()]
    grad = torch.randn_like(layer(x))

    def step() -> None:
        out = layer(x)
        if wanted and out.requires_grad:
            torch.autograd.grad(out, wanted, grad)

    return step
