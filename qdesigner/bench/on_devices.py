"""The tutorial's model, or another circuit in its place, on every device that is present."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from torch import nn

from qdesigner.bench.alone import both_ways
from qdesigner.bench.circuits import BATCH, DEPTH, WIRES, tutorial_circuit
from qdesigner.bench.measure import Peer, Step, Task, beside, on_one_thread
from qdesigner.bench.peers import require_same
from qdesigner.bench.steps import batch_step, head
from qdesigner.catalog.devices import BUILT_IN, DEVICES, missing, refusal
from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices.layer import quantum_layer
from qdesigner.engine.layer import QuantumLayer
from qdesigner.session.comparison import Row

DEPTHS = (2, DEPTH)
SHOTS = 100


def device_tasks(circuit: Circuit | None = None, batch: int = BATCH) -> Iterator[Task]:
    """A task for the tutorial's model at each depth, or one for ``circuit`` alone; each device
    with its own gradient method, exact and with shots where it has them."""
    if circuit is not None:
        inputs = expand(circuit).inputs
        yield _task(circuit, 0, batch, lambda layer: both_ways(layer, inputs, batch))
        return
    for depth in DEPTHS:
        yield _task(tutorial_circuit(depth=depth), depth, BATCH, _tutorial_model)


def _tutorial_model(layer: nn.Module) -> Step:
    return batch_step(head(layer, WIRES, WIRES))


def _task(circuit: Circuit, depth: int, batch: int, step: Callable[[nn.Module], Step]) -> Task:
    reference = QuantumLayer(circuit)
    row = Row("device", BUILT_IN, circuit.wires, depth, batch)
    peers = [
        _peer(replace(row, engine=kind.name, shots=shots), reference, step)
        for kind in DEVICES.values() if not kind.remote
        for shots in ((0,) if missing(kind) else (0, SHOTS)) if (kind.name, shots) != (BUILT_IN, 0)
    ]  # fmt: skip
    return on_one_thread(beside(row, lambda: step(reference), peers))


def _peer(row: Row, reference: QuantumLayer, step: Callable[[nn.Module], Step]) -> Peer:
    spec = DeviceSpec(name=row.engine, shots=row.shots)
    circuit = reference.circuit
    reason = missing(DEVICES[spec.name]) or refusal(spec, circuit, row.batch)

    def made() -> Step:
        layer = quantum_layer(circuit, spec, seed=0)
        layer.load_state_dict(reference.state_dict())
        require_same(layer, reference, row.batch, row.shots)
        return step(layer)

    return Peer(replace(row, skipped=reason), made)
