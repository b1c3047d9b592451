"""Training steps measured side by side in one process: medians of interleaved runs.

``ratio`` is a row's seconds over the built-in engine's for the same ``what``.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.fields import Settings
from qdesigner.data.dataset import open_dataset
from qdesigner.design import codec, edits
from qdesigner.design.spec import Design
from qdesigner.engine.layer import QuantumLayer
from qdesigner.model.build import Split, Squash, set_mode
from qdesigner.paths import resource
from qdesigner.session import events
from qdesigner.training import loop
from qdesigner.training.inputs import Inputs, prepare
from qdesigner.training.optimizer import make_optimizer, make_schedule

Row = dict[str, Any]
FEATURES, WIRES, DEPTH, BATCH = 512, 4, 6, 4
BUILT_IN = "built-in"


def tutorial_circuit(wires: int = WIRES, depth: int = DEPTH) -> Circuit:
    """H + RY embedding, then ``depth`` times CNOT brick and RY layer."""
    body = (
        Block(id="cnot", kind="cnot_brick"),
        Block(id="ry", kind="ry_layer", settings=Settings({"spread": 0.01})),
    )
    return Circuit(
        wires=wires,
        blocks=(
            Block(id="embedding", kind="h_ry_embedding"),
            Block(id="layers", kind="repeat", settings=Settings({"count": depth}), body=body),
        ),
    )


class PennyLaneCircuit(nn.Module):
    """The tutorial's circuit on PennyLane's default.qubit: batched, or sample by sample as the
    tutorial's own ``forward`` has it."""

    def __init__(self, batched: bool) -> None:
        super().__init__()
        import pennylane as qml

        self.weights = nn.Parameter(0.01 * torch.randn(DEPTH, WIRES))
        self.batched = batched

        @qml.qnode(qml.device("default.qubit", wires=WIRES), interface="torch")  # type: ignore[untyped-decorator]
        def circuit(inputs: Tensor, weights: Tensor) -> list[Any]:
            for wire in range(WIRES):
                qml.Hadamard(wires=wire)
            for wire in range(WIRES):
                qml.RY(inputs[..., wire], wires=wire)
            for layer in range(DEPTH):
                for start in (0, 1):
                    for wire in range(start, WIRES - 1, 2):
                        qml.CNOT(wires=[wire, wire + 1])
                for wire in range(WIRES):
                    qml.RY(weights[layer, wire], wires=wire)
            return [qml.expval(qml.PauliZ(wire)) for wire in range(WIRES)]

        self.circuit = circuit

    def forward(self, x: Tensor) -> Tensor:
        """[batch, wires] -> [batch, wires]"""
        if self.batched:
            return torch.stack(self.circuit(x, self.weights), dim=-1).to(x.dtype)
        rows = [torch.stack(self.circuit(sample, self.weights)) for sample in x]
        return torch.stack(rows).to(x.dtype)


def bench(seconds: float = 20.0) -> list[Row]:
    """All rows; ``seconds`` is about how long the measuring of steps takes."""
    return [*step_rows(seconds), *training_rows()]


def step_rows(seconds: float) -> list[Row]:
    """One full training step of the tutorial's head: Linear 512→4, tanh·π/2, the circuit,
    Linear 4→2, cross-entropy, Adam; batch 4."""
    middles: dict[str, nn.Module] = {
        BUILT_IN: QuantumLayer(tutorial_circuit()),
        "classical head": nn.Linear(WIRES, WIRES),
        "pennylane batched backprop": PennyLaneCircuit(batched=True),
        "pennylane per-sample loop": PennyLaneCircuit(batched=False),
    }
    kept = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = _interleaved({name: _step(m) for name, m in middles.items()}, seconds)
    finally:
        torch.set_num_threads(kept)
    return _rows("step", times, WIRES, BATCH)


def _step(middle: nn.Module) -> Callable[[], None]:
    """One training step of a head with ``middle`` in the circuit's place."""
    model = nn.Sequential(nn.Linear(FEATURES, WIRES), Squash(), middle, nn.Linear(WIRES, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-4, fused=True)
    x, labels = torch.randn(BATCH, FEATURES), torch.arange(BATCH) % 2

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(nn.functional.cross_entropy(model(x), labels))
        optimizer.step()

    return step


def _interleaved(steps: dict[str, Callable[[], None]], seconds: float) -> dict[str, float]:
    """Median seconds a call of each, taken in turns so that a busy moment hits all alike.

    A fast step is called many times in its turn, so that the clock's own cost is nothing.
    """
    calls = {}
    for name, step in steps.items():
        step()
        begun = time.perf_counter()
        step()
        once = time.perf_counter() - begun
        calls[name] = max(1, min(200, math.ceil(0.02 / once)))
    taken: dict[str, list[float]] = {name: [] for name in steps}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken[BUILT_IN]) < 5:
        for name, step in steps.items():
            begun = time.perf_counter()
            for _ in range(calls[name]):
                step()
            taken[name].append((time.perf_counter() - begun) / calls[name])
    return {name: statistics.median(values) for name, values in taken.items()}


def training_rows(epochs: int = 5, rounds: int = 3) -> list[Row]:
    """A whole run of the tutorial's head on the embedded digits' cached features, beside a bare
    torch loop over the same features and head, validation included in both."""
    design = _digits_design(epochs)
    times: dict[str, list[float]] = {BUILT_IN: [], "bare torch loop": []}
    kept = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            times[BUILT_IN].append(_program_seconds(design, str(Path(folder, str(number)))))
            torch.set_num_threads(1)
            times["bare torch loop"].append(_bare_seconds(design))
            torch.set_num_threads(kept)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return _rows("training", medians, WIRES, BATCH)


def _digits_design(epochs: int) -> Design:
    tutorial = codec.load(resource("templates/quantum-transfer-learning.qdesign"))
    design = edits.set_backbone(tutorial, "embedded")
    design = edits.set_data(design, source="digits", classes=tuple("56789"))
    return edits.set_training(design, epochs=epochs)


def _program_seconds(design: Design, out: str) -> float:
    heard: list[events.Event] = []
    loop.train(design, heard.append, out=out)
    assert isinstance(heard[-1], events.Finished)
    return heard[-1].seconds_training


def _bare_seconds(design: Design) -> float:
    """The loop a person would write for this head and these features, timed."""
    data = open_dataset(design.data)
    split = Split(design, len(data.classes))

    def inputs(items: Any) -> Inputs:
        return prepare(design, split, data, items, lambda what: lambda *told: None, lambda: False)

    train, validation = inputs(data.train), inputs(data.validation)
    model = split.tail
    optimizer = make_optimizer(design.training, model)
    schedule = make_schedule(design.training, optimizer)
    begun = time.perf_counter()
    for _ in range(design.training.epochs):
        set_mode(design, model, training=True)
        loss_sum = right = 0.0
        for batch in torch.split(torch.randperm(len(data.train)), design.training.batch_size):
            x, labels = train.batch(batch)
            optimizer.zero_grad(set_to_none=True)
            logits = model(x)
            loss = nn.functional.cross_entropy(logits, labels)
            torch.autograd.backward(loss)
            optimizer.step()
            loss_sum += loss.item() * len(batch)
            right += int((logits.argmax(dim=1) == labels).sum())
        if schedule is not None:
            schedule.step()
        set_mode(design, model, training=False)
        with torch.no_grad():
            logits = model(validation.batch(torch.arange(len(data.validation)))[0])
            nn.functional.cross_entropy(logits, validation.labels).item()
            (logits.argmax(dim=1) == validation.labels).float().mean().item()
    return time.perf_counter() - begun


def _rows(what: str, seconds: dict[str, float], qubits: int, batch: int) -> list[Row]:
    return [
        {
            "what": what, "engine": engine, "qubits": qubits, "batch": batch,
            "seconds": value, "ratio": value / seconds[BUILT_IN],
        }
        for engine, value in seconds.items()
    ]  # fmt: skip
