"""Peak memory of a circuit's forward and backward against its depth, each in a fresh process.

``python -m qdesigner.bench.memory built-in 14 50 64`` measures one and prints bytes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import torch
from torch import nn

from qdesigner.bench.alone import BYTES_EACH, both_ways
from qdesigner.bench.circuits import tutorial_circuit
from qdesigner.bench.measure import Task, Tell
from qdesigner.bench.peers import PENNYLANE, PennyLaneCircuit
from qdesigner.catalog.devices import BUILT_IN
from qdesigner.circuit.circuit import expand
from qdesigner.engine.layer import QuantumLayer
from qdesigner.session.comparison import Row

WIRES, BATCH = 14, 8
DEPTHS = (5, 20, 50)
MOST_BYTES = 1.5e9
PATIENCE = 120.0  # seconds for one process


def memory_task() -> Task:
    """A row for each depth and engine; ``ratio`` is to the built-in's at the same depth."""

    def run(seconds: float, tell: Tell) -> Iterator[Row]:
        for depth in DEPTHS:
            row = Row("memory", BUILT_IN, WIRES, depth, BATCH)
            tell(BUILT_IN)
            mine = measured(row)
            yield replace(mine, ratio=1.0 if mine.bytes else None)
            tell(PENNYLANE)
            theirs = measured(replace(row, engine=PENNYLANE, skipped=too_much(depth)))
            ratio = theirs.bytes / mine.bytes if mine.bytes and theirs.bytes else None
            yield replace(theirs, ratio=ratio)

    return Task(2 * len(DEPTHS), run)


def too_much(depth: int) -> str:
    """Why PennyLane is not run at this depth, "" when it is."""
    size = len(expand(tutorial_circuit(WIRES, depth)).operations) * 2**WIRES * BATCH * BYTES_EACH
    return "" if size <= MOST_BYTES else f"it would take about {size / 1e9:.2g} GB"


def measured(row: Row) -> Row:
    """The row with its bytes, or with why there are none."""
    if row.skipped:
        return row
    command = [sys.executable, "-m", "qdesigner.bench.memory", row.engine]
    command += [str(number) for number in (row.qubits, row.depth, row.batch)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return replace(row, skipped=f"it took more than {PATIENCE:.0f} s")
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        return replace(row, skipped=f"its process failed: {last[0][:200]}")
    return replace(row, bytes=int(done.stdout))


def peak_bytes() -> int:
    """The most memory this process has held.

    Not getrusage's maximum on Linux: a child inherits there what its parent had held.
    """
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text("ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def layer_on(engine: str, wires: int, depth: int) -> nn.Module:
    """The tutorial's circuit on an engine."""
    circuit = tutorial_circuit(wires, depth)
    if engine == BUILT_IN:
        return QuantumLayer(circuit)
    return PennyLaneCircuit(circuit, 0.01 * torch.randn(wires * depth))


def main(engine: str, wires: int, depth: int, batch: int) -> None:
    """Measure here: what a forward and backward takes beyond a warm process."""
    both_ways(layer_on(engine, 2, 1), 2, batch)()
    before = psutil.Process().memory_info().rss
    both_ways(layer_on(engine, wires, depth), wires, batch)()
    print(max(peak_bytes() - before, 0))


if __name__ == "__main__":
    main(sys.argv[1], *(int(word) for word in sys.argv[2:5]))
