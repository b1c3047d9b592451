"""The exported text: readable, safe whatever the names, and the circuit that was drawn.

The golden text is rewritten by ``QDESIGNER_GOLDEN=write python -m pytest tests/core -k golden``.
"""

from __future__ import annotations

import ast
import math
import os
import random
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pennylane as qml
import pytest
import torch
from qiskit import qasm2
from qiskit.quantum_info import Statevector
from referee import RandomCircuits, state

from qdesigner.catalog.devices import DEVICES, refusal
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.design import codec
from qdesigner.design.origins import on_own_data
from qdesigner.design.spec import DataSpec, Design, DeviceSpec, Stage, TrainingSpec
from qdesigner.design.stages import STAGES
from qdesigner.errors import UserError
from qdesigner.export.circuit_text import circuit_lines
from qdesigner.export.qasm import qasm
from qdesigner.export.script import script
from qdesigner.paths import resource

GOLDEN = Path(__file__).parent.parent / "golden"
RUFF = ("ruff", "check", "--isolated", "--no-cache", "--select", "E,F,I,UP,B", "-q",
        "--line-length", "100", "--target-version", "py311")  # fmt: skip
HOSTILE = (
    '"""',
    "'''; import os #",
    "\\",
    'ends with a backslash \\" and """ and \\',
    "line\nbreak\r\u2028\0",
    "{CLASSES} %(prog)s %s {0}",
    "ants 🐜 蟻" * 20,
    "no_space_at_all" * 12,
    "\ud800 lone surrogate",
)


def template(name: str) -> Design:
    return codec.load(resource(f"templates/{name}.qdesign"))


def embedding(wires: int, *blocks: Block) -> Circuit:
    return Circuit(wires=wires, blocks=(Block(id="in", kind="angle_embedding"), *blocks))


def head(circuit: Circuit, data: DataSpec | None = None) -> Design:
    stages = (
        Stage(id="flatten-1", kind="flatten"),
        Stage(id="linear-1", kind="linear", settings={"outputs": circuit.wires}),
        Stage(id="quantum-1", kind="quantum", circuit=circuit),
        Stage(id="out-1", kind="linear"),
    )
    return Design(data=data or DataSpec(classes=("5", "6")), stages=stages)


def ruff(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *RUFF, str(folder)], capture_output=True, text=True
    )
    return done.stdout + done.stderr


# ---- the circuit ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2 * len(BLOCKS)))
def test_the_statements_apply_the_circuit_that_was_drawn(seed: int) -> None:
    circuit = RandomCircuits(seed).circuit(list(BLOCKS)[seed % len(BLOCKS)])
    expanded = expand(circuit)
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=expanded.inputs)
    weights = rng.normal(size=len(expanded.weight_keys))
    lines = circuit_lines(circuit)
    assert max((len(line) for line in lines), default=0) <= 96

    @qml.qnode(qml.device("default.qubit", wires=circuit.wires), interface="torch")
    def node() -> qml.measurements.StateMP:
        names = {"qml": qml, "combinations": combinations, "math": math, "torch": torch}
        values = {"inputs": torch.tensor(inputs)[None, :], "weights": torch.tensor(weights)}
        exec("\n".join(lines), names | values)
        return qml.state()

    padded = any("pad_with" in line for line in lines)  # PennyLane pads in single precision
    np.testing.assert_allclose(
        node().numpy().reshape(-1), state(circuit, inputs, weights),
        rtol=0, atol=1e-7 if padded else 1e-12,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(len(BLOCKS)))
def test_qiskit_reads_the_qasm_and_reaches_the_same_state(seed: int) -> None:
    circuit = RandomCircuits(seed).circuit(list(BLOCKS)[seed])
    expanded = expand(circuit)
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=expanded.inputs)
    weights = rng.normal(scale=1e-3, size=len(expanded.weight_keys))
    loaded = qasm2.loads(qasm(circuit, inputs.tolist(), weights.tolist()))
    # Qiskit's wire 0 is the rightmost bit, ours the leftmost.
    there = np.asarray(Statevector(loaded.reverse_bits()))
    overlap = abs(np.vdot(state(circuit, inputs, weights), there))
    assert overlap == pytest.approx(1.0, abs=1e-9)


def test_qasm_says_what_it_took_for_zero_and_refuses_wrong_numbers() -> None:
    circuit = embedding(2, Block(id="t", kind="ry_layer"))
    assert "// all 2 weights are 0 here" in qasm(circuit)
    with pytest.raises(ValueError, match="takes 2 angles, not 1"):
        qasm(circuit, [0.1])
    with pytest.raises(ValueError, match="must be finite"):
        qasm(circuit, [0.1, math.nan])


def test_layers_become_loops_and_names_stand_above_them() -> None:
    body = (Block(id="a", kind="cnot_brick"), Block(id="b", kind="ry_layer"))
    circuit = embedding(6, Block(id="r", kind="repeat", settings={"count": 6}, body=body))
    assert circuit_lines(circuit) == [
        "# Angle (RX · RY · RZ)",
        "for wire in range(6):",
        "    qml.RX(inputs[:, wire], wires=wire)",
        "for layer in range(6):",
        "    # CNOT brick",
        "    for wire in range(0, 5, 2):",
        "        qml.CNOT(wires=[wire, wire + 1])",
        "    for wire in range(1, 4, 2):",
        "        qml.CNOT(wires=[wire, wire + 1])",
        "    # RY layer",
        "    for wire in range(6):",
        "        qml.RY(weights[6 * layer + wire], wires=wire)",
    ]


def test_repeats_nested_eight_deep_still_fit_the_line() -> None:
    block = Block(id="b", kind="rot_layer", wires=(2, 0, 1))
    for depth in range(8):
        turn = Block(id=f"t{depth}", kind="ry", wires=(0,))
        block = Block(id=f"r{depth}", kind="repeat", settings={"count": 2}, body=(block, turn))
    circuit = embedding(3, block)
    lines = circuit_lines(circuit)
    assert max(map(len, lines)) <= 96
    seen: list[int] = []

    class Weights:
        def __getitem__(self, index: int) -> None:
            seen.append(index)

    class Gates:
        def __getattr__(self, name: str) -> object:
            return lambda *angle, wires: None

    exec("\n".join(lines), {"qml": Gates(), "weights": Weights(), "inputs": np.zeros((1, 3))})
    assert seen == list(range(len(expand(circuit).weight_keys)))


def test_a_circuit_of_hundreds_of_blocks_stays_short_and_quick() -> None:
    kinds = ("ry_layer", "cz_ring", "rot_layer", "cnot_all", "h")
    blocks = tuple(
        Block(id=f"b{n}", kind=kinds[n % 5], wires=(n % 8,) if n % 5 == 4 else None)
        for n in range(300)
    )
    design = head(embedding(8, *blocks))
    script(design, ("a", "b"), "model_files")
    begun = time.perf_counter()
    text = script(design.but(name="Another"), ("a", "b"), "model_files")
    assert time.perf_counter() - begun < 0.2
    assert len(text.splitlines()) < 1800


# ---- the script ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "classes"),
    [("quantum-transfer-learning", ("ants", "bees")), ("quickstart", ("5", "6", "7", "8", "9"))],
)
def test_the_golden_text_of_a_template(name: str, classes: tuple[str, ...]) -> None:
    text = script(on_own_data(template(name)), classes, "model_files")
    golden = GOLDEN / f"{name.replace('-', '_')}.py.txt"
    if os.environ.get("QDESIGNER_GOLDEN") == "write":
        golden.write_text(text, encoding="utf-8", newline="\n")
    assert text == golden.read_text(encoding="utf-8")


def test_the_templates_scripts_are_formatted_as_ruff_would(tmp_path: Path) -> None:
    for name in ("quickstart", "quantum-transfer-learning"):
        text = script(template(name), ("0", "1"), "model_files")
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--diff",
         "--line-length", "100", str(tmp_path)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_names_from_a_stranger_stay_names(tmp_path: Path) -> None:
    base = template("quickstart")
    for number, name in enumerate(HOSTILE):
        design = base.model_copy(update={"name": name})
        classes = (name, "b" + name, "c")
        text = script(design, classes, f"{name}_files")
        tree = ast.parse(text)
        found = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CLASSES"
        ]
        assert found == [list(classes)]
        assert ast.dump(_without_names(tree)) == ast.dump(_without_names(_plain_script(base)))
        (tmp_path / f"hostile{number}.py").write_text(text, encoding="utf-8")
    assert ruff(tmp_path) == ""


def _plain_script(design: Design) -> ast.Module:
    return ast.parse(script(design.but(name="plain"), ("a", "b", "c"), "model_files"))


def _without_names(tree: ast.Module) -> ast.Module:
    """The code with the docstring, CLASSES and the folder's name taken out."""
    kept = [
        node
        for node in tree.body[1:]
        if not (
            isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("CLASSES", "FILES")
        )
    ]
    return ast.Module(kept, [])


def random_design(seed: int) -> Design:
    """Stages in random order that fit together, on digits or on a folder."""
    rng = random.Random(seed)
    circuits = RandomCircuits(seed)
    stages: list[Stage] = []

    def add(kind: str, **more: object) -> None:
        frozen = rng.random() < 0.3
        settings = more.pop("settings", {})
        stages.append(
            Stage(id=f"{kind}-{len(stages)}", kind=kind, frozen=frozen, settings=settings, **more)
        )

    if rng.random() < 0.5:
        add("backbone", settings={"model": rng.choice(STAGES["backbone"].fields[0].choices)})
    else:
        if rng.random() < 0.5:
            add("conv", settings={"channels": 3, "kernel": 3, "padding": rng.randint(0, 1)})
            add(rng.choice(("batch_norm", "dropout", "activation")))
            add("pool", settings={"mode": rng.choice(("max", "average"))})
        add("flatten")
    for _ in range(rng.randint(0, 3)):
        circuit = circuits.circuit(rng.choice(("angle_embedding", "h_ry_embedding")))
        if rng.random() < 0.3 and stages[-1].circuit is not None:
            continue
        add("linear", settings={"outputs": expand(circuit).inputs})
        add(rng.choice(("squash", "batch_norm", "dropout", "activation")))
        add("quantum", circuit=circuit)
        if rng.random() < 0.3:
            add("probability")
    stages.append(Stage(id="last-1", kind="linear"))
    data = DataSpec(
        source=rng.choice(("digits", "folder")),
        limit=rng.choice((0, 5)), test=rng.choice((0.0, 0.1)), channels=rng.choice((0, 1, 3)),
    )  # fmt: skip
    training = TrainingSpec(
        optimizer=rng.choice(("adam", "adamw", "sgd")),
        schedule=rng.choice(("constant", "step")), weight_decay=rng.choice((0.0, 1e-4)),
    )  # fmt: skip
    design = Design(name=f"Random {seed}", data=data, stages=tuple(stages), training=training)
    return design.but(device=random_device(rng, [s.circuit for s in stages if s.circuit]))


def random_device(rng: random.Random, circuits: list[Circuit]) -> DeviceSpec:
    """Any device that may run these circuits, with its settings."""
    for _ in range(20):
        kind = rng.choice(list(DEVICES.values()))
        noise = rng.choice(("", *kind.noises[:3]))
        spec = DeviceSpec(
            name=kind.name, shots=rng.choice((0, 100)), noise=noise,
            noise_level=0.1 if noise and kind.leveled else 0.0, target="x:y/z_1" * kind.remote,
        )  # fmt: skip
        if not any(refusal(spec, circuit, train=False) for circuit in circuits):
            return spec
    return DeviceSpec()


def test_any_design_gives_a_script_that_compiles_and_that_a_linter_likes(tmp_path: Path) -> None:
    for seed in range(60):
        text = script(random_design(seed), ("3", "5", "8"), "model_files")
        compile(text, f"random{seed}", "exec")
        (tmp_path / f"random{seed}.py").write_text(text, encoding="utf-8")
    assert ruff(tmp_path) == ""


def test_a_model_that_cannot_be_built_is_refused_with_the_problems_sentence() -> None:
    circuit = embedding(4)
    stages = (
        Stage(id="flatten-1", kind="flatten"),
        Stage(id="linear-1", kind="linear", settings={"outputs": 3}),
        Stage(id="quantum-1", kind="quantum", circuit=circuit),
    )
    with pytest.raises(UserError, match="embeds 4 features but 3 come in"):
        script(Design(stages=stages), ("a", "b"), "model_files")
    with pytest.raises(UserError, match="no stages yet"):
        script(Design(), ("a", "b"), "model_files")


def test_a_missing_file_of_weights_does_not_hide_the_code() -> None:
    design = on_own_data(template("quantum-transfer-learning"))
    first = design.stages[0].but(weights={"origin": "file", "path": "/nowhere/weights.pth"})
    text = script(design.but(stages=(first, *design.stages[1:])), ("a", "b"), "model_files")
    assert "models.resnet18(weights=None)" in text
    assert "nowhere" not in text


def test_an_untrained_export_says_so() -> None:
    design = template("quickstart")
    assert "untrained" not in script(design, ("5", "6"), "f")
    assert "It is untrained" in script(design, ("5", "6"), "f", trained=False)


def test_text_needs_no_numerical_library() -> None:
    code = (
        "import sys; from qdesigner.design import codec; from qdesigner.paths import resource;"
        "from qdesigner.export.script import script;"
        "script(codec.load(resource('templates/quickstart.qdesign')), ('5', '6'), 'f');"
        "print(sorted({'torch', 'numpy', 'pennylane', 'PIL', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
