"""`qdesigner bench`: what it reports, that it never times a wrong circuit, and how it says no."""

from __future__ import annotations

import io
import json
import subprocess
import time
from dataclasses import replace

import pytest
import torch
from rich.console import Console
from torch import nn
from typer.testing import CliRunner

from qdesigner.bench import alone, bench, measure, memory, on_devices, peers
from qdesigner.bench.circuits import complex_circuit, edited_circuit, tutorial_circuit
from qdesigner.bench.peers import PennyLaneCircuit, estimator_circuit, require_same
from qdesigner.bench.report import show
from qdesigner.catalog.devices import DEVICES
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.cli import cli
from qdesigner.design import codec
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices.layer import quantum_layer
from qdesigner.engine.layer import QuantumLayer
from qdesigner.errors import UserError
from qdesigner.paths import resource
from qdesigner.session.comparison import TITLES, Measuring, Row, duration, to_csv

CIRCUITS = {
    "tutorial": tutorial_circuit(), "complex": complex_circuit(3, 2), "edited": edited_circuit(7, 3)
}  # fmt: skip


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One turn of one call, and only the smallest of the circuits alone."""
    monkeypatch.setattr(measure, "TURNS", 1)
    monkeypatch.setattr(measure, "TURN", 0.0)
    monkeypatch.setattr(alone, "WIRES", (3, 4))
    monkeypatch.setattr(alone, "BATCHES", (2,))
    monkeypatch.setattr(alone, "COMPLEX", (3, 2))
    monkeypatch.setattr(alone, "gpu", lambda: "")


def said(*arguments: str) -> list[dict]:
    result = CliRunner().invoke(cli, ["bench", "--json", "--seconds", "0", *arguments])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


# ---- the circuits -------------------------------------------------------------------------------


def test_the_measured_circuit_is_the_tutorials() -> None:
    template = codec.load(resource("templates/quantum-transfer-learning.qdesign"))
    drawn = next(stage.circuit for stage in template.stages if stage.circuit is not None)

    def shape(circuit: Circuit) -> list[object]:
        rows = []
        for block in circuit.blocks:
            rows.append((block.kind, block.settings, [(b.kind, b.settings) for b in block.body]))
        return rows

    assert shape(tutorial_circuit()) == shape(drawn)


def test_the_complex_circuit_has_rx_rz_and_rot_and_a_complex_state() -> None:
    program = QuantumLayer(complex_circuit(3, 2)).program
    assert program.entries == 2 * 2**3


def test_no_two_edits_give_the_same_circuit() -> None:
    assert len({edited_circuit(number, 4) for number in range(50)}) == 50


# ---- the proof ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize(
    "options",
    [{}, {"batched": False}, {"batched": False, "method": "parameter-shift"}],
    ids=["batched", "per-sample", "parameter-shift"],
)
def test_the_peer_on_pennylane_computes_the_same_circuit(name: str, options: dict) -> None:
    reference = QuantumLayer(CIRCUITS[name])
    layer = PennyLaneCircuit(CIRCUITS[name], reference.weights, **options)
    require_same(layer, reference, 2)


@pytest.mark.parametrize("name", CIRCUITS)
def test_the_peer_on_qiskit_computes_the_same_circuit(name: str) -> None:
    pytest.importorskip("qiskit_machine_learning")
    reference = QuantumLayer(CIRCUITS[name])
    require_same(estimator_circuit(CIRCUITS[name], reference.weights), reference, 2)


def test_a_peer_of_another_circuit_is_refused() -> None:
    reference = QuantumLayer(tutorial_circuit())
    other = PennyLaneCircuit(complex_circuit(4, 2), torch.randn(4 * 2 * 4))
    with pytest.raises(UserError, match="its values differ by"):
        require_same(other, reference, 2)


@pytest.mark.parametrize(
    ("share", "why"), [(0.5, "its gradients differ by"), (0.0, "it gives no gradients")]
)
def test_a_peer_with_wrong_or_no_gradients_is_refused(share: float, why: str) -> None:
    class Shallow(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = self.inner(x)
            kept = out.detach()
            return kept + share * (out - kept) if share else kept

    reference = QuantumLayer(tutorial_circuit())
    with pytest.raises(UserError, match=why):
        require_same(Shallow(reference), reference, 2)


def test_shots_may_be_off_by_their_standard_error_and_no_more() -> None:
    class Off(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return reference(x) + 0.3

    reference = QuantumLayer(tutorial_circuit())
    require_same(Off(), reference, 2, shots=100)
    with pytest.raises(UserError, match="its values differ"):
        require_same(Off(), reference, 2, shots=10_000)


def test_a_peer_that_disagrees_is_not_timed(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(circuit: Circuit, weights: torch.Tensor) -> nn.Module:
        return PennyLaneCircuit(circuit, weights + 0.1)

    monkeypatch.setattr(alone, "PennyLaneCircuit", other)
    rows = list(bench(["circuit"], 0.0))
    mine, theirs = rows[0::2], rows[1::2]
    assert all(row.seconds and row.ratio == 1 for row in mine)
    assert all(row.seconds is None and "differ by" in row.skipped for row in theirs)


def test_a_library_that_breaks_costs_its_own_row_only(
    few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(circuit: Circuit, spec: DeviceSpec, seed: int) -> nn.Module:
        if spec.name == "default.qubit" and spec.shots:
            raise TypeError("no such\nthing")
        return quantum_layer(circuit, spec, seed)

    monkeypatch.setattr(on_devices, "quantum_layer", broken)
    rows = list(bench(["device"], 0.0))
    assert [row.skipped for row in rows[:4]] == ["", "", "", "it failed: TypeError: no such thing"]
    assert all(row.seconds for row in rows[5:8])


# ---- what is reported ---------------------------------------------------------------------------


def test_a_step_is_timed_beside_a_classical_head_pennylane_and_qiskit(quick: None) -> None:
    rows = said("--what", "step")
    assert rows[0] == {
        "what": "step", "engine": "built-in", "qubits": 4, "depth": 6, "batch": 4,
        "seconds": rows[0]["seconds"], "ratio": 1.0,
    }  # fmt: skip
    assert [row["engine"] for row in rows[1:]] == [
        "classical head", "built-in parameter-shift", "pennylane batched backprop",
        "pennylane per-sample loop", "pennylane per-sample parameter-shift",
        "qiskit EstimatorQNN",
    ]  # fmt: skip
    assert all(row["seconds"] > 0 for row in rows)


def test_edits_and_circuits_alone_are_timed_beside_pennylane(quick: None) -> None:
    rows = said("--what", "edit, circuit")
    places = [(row["what"], row["qubits"], row["batch"], row.get("gates")) for row in rows[0::2]]
    assert places == [
        ("circuit", 3, 2, None), ("circuit", 4, 2, None), ("circuit", 3, 2, "complex"),
        ("edit", 8, 4, None),
    ]  # fmt: skip
    assert {row["engine"] for row in rows[1::2]} == {"pennylane batched backprop"}
    assert all(row["seconds"] > 0 for row in rows)


@pytest.fixture
def few(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only some devices, one of them absent."""
    absent = replace(DEVICES["braket.local"], modules=("no_such_library",))
    some = {name: DEVICES[name] for name in ("built-in", "default.qubit", "braket.aws")}
    monkeypatch.setattr(on_devices, "DEVICES", some | {"braket.local": absent})
    monkeypatch.setattr(on_devices, "DEPTHS", (1, 2))


def test_devices_are_timed_exact_and_with_shots_and_absent_ones_named_once(few: None) -> None:
    rows = said("--what", "device")
    devices = [("built-in", None), ("built-in", 100), ("default.qubit", None),
               ("default.qubit", 100), ("braket.local", None)]  # fmt: skip
    found = [(row["depth"], row["engine"], row.get("shots")) for row in rows]
    assert found == [(depth, *device) for depth in (1, 2) for device in devices]
    for row in rows:
        if row["engine"] == "braket.local":
            assert 'pip install "qdesigner[braket]"' in row["skipped"] and row["seconds"] is None
        else:
            assert "skipped" not in row and row["seconds"] > 0


@pytest.mark.parametrize(
    "blocks",
    [
        (), (Block(id="a", kind="angle_embedding"),), (Block(id="a", kind="amplitude_embedding"),),
        (Block(id="a", kind="ry_layer"),),
    ],
)  # fmt: skip
def test_a_circuit_of_ones_own_is_timed_alone_on_the_devices(
    few: None, blocks: tuple[Block, ...]
) -> None:
    rows = list(bench(["device"], 0.0, circuit=Circuit(wires=2, blocks=blocks), batch=3))
    assert [(row.qubits, row.depth, row.batch) for row in rows] == [(2, 0, 3)] * 5
    assert all(row.seconds for row in rows[:-1]), [row.skipped for row in rows]


def test_what_a_device_refuses_is_not_timed_but_said(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_devices, "DEVICES", {"default.mixed": DEVICES["default.mixed"]})
    circuit = Circuit(wires=11, blocks=(Block(id="a", kind="angle_embedding"),))
    rows = list(bench(["device"], 0.0, circuit=circuit, batch=1))
    assert [row.engine for row in rows] == ["built-in", "default.mixed", "default.mixed"]
    assert all("takes at most 10 wires" in row.skipped for row in rows[1:])


def test_a_gpu_is_timed_beside_the_processor_where_there_is_one(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "BATCHES", ())
    monkeypatch.setattr(alone, "GPU_WIRES", (3,))
    monkeypatch.setattr(alone, "gpu", lambda: "cpu")  # the same path, without a GPU
    last = said("--what", "circuit")[-2:]
    assert [(row["engine"], row["qubits"]) for row in last] == [
        ("built-in", 3), ("built-in on cpu", 3)
    ]  # fmt: skip
    assert all(row["seconds"] > 0 for row in last)


def test_what_pennylane_cannot_hold_is_skipped_with_the_figure() -> None:
    assert alone.too_much(tutorial_circuit(12), 64) == ""
    assert alone.too_much(tutorial_circuit(16), 4) == ""
    assert "59 s and 1" in alone.too_much(tutorial_circuit(16), 256)
    assert memory.too_much(5) == "" and "GB" in memory.too_much(50)


def test_memory_is_measured_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    row = memory.measured(Row("memory", "built-in", 6, 2, 2))
    assert row.bytes is not None and row.bytes < 200e6
    monkeypatch.setattr(memory, "PATIENCE", 0.01)
    assert "more than" in memory.measured(Row("memory", "built-in", 6, 2, 2)).skipped
    assert memory.measured(Row("memory", "built-in", 6, 2, 2, skipped="no")).skipped == "no"


def test_a_process_that_fails_gives_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "Traceback:\nMemoryError: no room\n")

    monkeypatch.setattr(memory.subprocess, "run", failed)
    broken = memory.measured(Row("memory", "built-in", 20, 2, 2))
    assert broken.bytes is None
    assert broken.skipped == "its process failed: MemoryError: no room"


def test_peak_memory_sees_what_was_held_and_freed() -> None:
    held = bytearray(b"x") * 300_000_000
    size = len(held)
    del held
    assert memory.peak_bytes() > size


def test_progress_names_the_engine_and_counts_the_rows(quick: None) -> None:
    told: list[Measuring] = []
    rows = list(bench(["circuit"], 0.0, told.append))
    assert [step.done for step in told] == list(range(len(rows)))
    assert {step.total for step in told} == {len(rows)}
    assert told[1].text == f"Measuring pennylane batched backprop, 2 of {len(rows)} …"


def test_an_unknown_word_is_one_sentence() -> None:
    result = CliRunner().invoke(cli, ["bench", "--what", "step,speed"])
    assert result.exit_code == 2
    assert "Nothing is measured as 'speed'" in result.stderr and "memory" in result.stderr


def test_a_library_that_is_absent_is_named_with_its_command(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = peers.importlib.util.find_spec

    def absent(name: str) -> object:
        return None if name == "qiskit_machine_learning" else found(name)

    monkeypatch.setattr(peers.importlib.util, "find_spec", absent)
    with pytest.raises(UserError, match=r'pip install "qdesigner\[bench\]"'):
        estimator_circuit(tutorial_circuit(), torch.zeros(24))


# ---- how it looks -------------------------------------------------------------------------------


ROWS = [
    Row("step", "built-in", 4, 6, 4, 0.000412, 1.0),
    Row("step", "pennylane per-sample loop", 4, 6, 4, 0.062, 150.4),
    Row("step", "qiskit EstimatorQNN", 4, 6, 4, skipped='it is absent: pip install "x[bench]"'),
    Row("device", "lightning.qubit", 4, 2, 4, 0.012, 31.25, shots=100),
    Row("circuit", "pennylane batched backprop", 16, 6, 256, skipped="a step would take 59 s"),
    Row("memory", "built-in", 14, 5, 8, ratio=1.0, bytes=2_400_000),
]


def test_the_table_is_grouped_and_names_what_was_not_measured() -> None:
    console = Console(width=140, record=True, file=io.StringIO())
    show(ROWS, console)
    text = console.export_text()
    for word in ("412 µs", "× 150", "× 31.2", "lightning.qubit, 100 shots", "2.4 MB",
                 "a step would take 59 s", TITLES["memory"]):  # fmt: skip
        assert word in text
    assert text.rstrip().endswith('it is absent: pip install "x[bench]"')
    assert "qiskit EstimatorQNN" not in text and TITLES["edit"] not in text


def test_rows_become_a_table_for_other_programs() -> None:
    lines = to_csv(ROWS).splitlines()
    assert lines[0] == "what,engine,qubits,depth,batch,seconds,ratio,bytes,shots,gates,skipped"
    assert lines[4] == "device,lightning.qubit,4,2,4,0.012,31.25,,100,,"
    assert len(lines) == 1 + len(ROWS)


def test_times_have_three_digits_and_a_unit() -> None:
    told = [duration(value) for value in (3.214e-5, 0.000412, 0.0009999, 0.123456, 1.0345, 61.0)]
    assert told == ["32.1 µs", "412 µs", "1 ms", "123 ms", "1.03 s", "61 s"]


def test_a_peer_runs_on_as_many_threads_as_serve_it_best() -> None:
    seen: list[int] = []

    def step() -> None:
        seen.append(torch.get_num_threads())
        time.sleep(0.02 if seen[-1] == 1 else 0.001)

    with measure.torch_threads(3):
        best = measure.on_best_threads(step)
        seen.clear()
        best()
        assert seen == [3] and torch.get_num_threads() == 3
    with measure.torch_threads(1):
        seen.clear()
        measure.on_best_threads(step)()
        assert set(seen) == {1}
