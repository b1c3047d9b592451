"""The child that asks a run's checkpoints about images, also while the run goes on."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import referee
import torch
from PIL import Image

from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.data.dataset import open_dataset
from qdesigner.design import codec, edits
from qdesigner.design.spec import DataSpec, Design, DeviceSpec, Stage, TrainingSpec
from qdesigner.errors import UserError
from qdesigner.paths import resource
from qdesigner.session import record
from qdesigner.session.client import Child
from qdesigner.session.onlook import Predict, Predicted, Trace, Traced
from qdesigner.training.loop import train
from qdesigner.training.onlook import Onlooker
from qdesigner.training.runs import Run

Ask = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs of the quickstart."""
    design = codec.load(resource("templates/quickstart.qdesign"))
    out = tmp_path_factory.mktemp("onlook") / "run"
    train(edits.set_training(design, epochs=2), lambda event: None, out=str(out))
    return out


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The first validation images of the quickstart as PNG files."""
    folder = tmp_path_factory.mktemp("images")
    data = open_dataset(codec.load(resource("templates/quickstart.qdesign")).data)
    paths = [folder / f"{number}.png" for number in range(40)]
    for path, item in zip(paths, data.validation, strict=False):
        data.image(item, 1).save(path)
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    child = Child("qdesigner.onlooker")
    child.start()
    yield child
    child.stop()


@pytest.fixture(scope="module")
def ask(child: Child) -> Ask:
    """Sends requests and waits for the answer to the last one; all that was said till then."""

    def asked(*requests: Predict | Trace) -> list[Any]:
        for request in requests:
            child.send(request)
        said: list[Any] = []
        end = time.monotonic() + 60
        while time.monotonic() < end:
            said += child.poll()
            if any(answer.serial == requests[-1].serial for answer in said):
                return said
            time.sleep(0.005)
        raise AssertionError(f"no answer: {said}")

    return asked


def test_files_are_answered_as_the_run_itself_says_of_the_same_images(
    ask: Ask, run: Path, files: list[str], tmp_path: Path
) -> None:
    (tmp_path / "torn.png").write_bytes(b"torn")
    paths = (*files[:3], str(tmp_path / "torn.png"), str(tmp_path / "none.png"))
    (found,) = ask(Predict(1, str(run), paths))
    assert isinstance(found, Predicted) and (found.epoch, found.error) == (2, "")
    own = record.read_record(run)
    assert own.predictions is not None and found.classes == own.classes
    for number, said in enumerate(found.rows[:3]):
        np.testing.assert_allclose(said.probabilities, own.predictions.probabilities[number],
                                   atol=1e-5)  # fmt: skip
        for stage, angles in own.predictions.angles.items():
            np.testing.assert_allclose(said.angles[stage], angles[number], atol=1e-5)
    assert [said.error for said in found.rows[3:]] == [
        "torn.png: its content is not an image of a type we read.",
        "none.png: the file does not exist.",
    ]


def test_of_many_requests_the_newest_counts_and_a_trace_does_not_wait_for_files(
    ask: Ask, run: Path, files: list[str]
) -> None:
    many = tuple(files * 50)
    said = ask(Predict(11, str(run), many), Predict(12, str(run), many), Trace(13, str(run)))
    assert [answer.serial for answer in said] == [13]
    said = ask(Predict(14, str(run), tuple(files[:2])))
    assert [answer.serial for answer in said] == [14]


def test_what_is_left_without_each_operation_is_what_pennylane_says(ask: Ask, run: Path) -> None:
    image = 5
    (found,) = ask(Trace(21, str(run), image=image))
    assert isinstance(found, Traced) and (found.stage, found.epoch, found.error, found.note) == (
        "quantum-1", 2, "", "",
    )  # fmt: skip
    own = record.read_record(run)
    assert own.predictions is not None
    assert found.truth == own.items[image].label
    chance = own.predictions.probabilities[image, found.truth]
    assert found.probability == pytest.approx(float(chance), abs=1e-5)
    circuit = own.design.stage("quantum-1").circuit
    assert circuit is not None
    model = Run.open(run).model(best=False).double()
    linear = model.get_submodule("linear-2")
    weights = torch.tensor(own.predictions.weights["quantum-1"]).double()
    angles = torch.tensor(own.predictions.angles["quantum-1"][image])[None].double()
    np.testing.assert_allclose(found.angles, angles[0], atol=1e-6)

    def judged(without: tuple[int, ...]) -> tuple[float, float]:
        with torch.no_grad():
            logits = linear(referee.outputs(circuit, angles, weights, without).double())[0]
        others = [*logits[: found.truth], *logits[found.truth + 1 :]]
        margin = logits[found.truth] - max(others)
        return float(logits.softmax(0)[found.truth]), float(margin)

    whole = judged(())
    assert whole == pytest.approx((found.probability, found.margin), abs=1e-6)
    operations = expand(circuit).operations
    for each in found.removed:
        chance, margin = judged((each.operation,))
        assert (each.gate, each.wires) == (
            operations[each.operation].gate, operations[each.operation].wires,
        )  # fmt: skip
        assert each.probability == pytest.approx(chance - whole[0], abs=1e-6)
        assert each.margin == pytest.approx(margin - whole[1], abs=1e-6)
    assert max(abs(each.margin) for each in found.removed) > 0.01
    cnots = [n for n, operation in enumerate(operations) if operation.gate == "CNOT"]
    half = len(cnots) // 2
    assert [each.label[-6:] for each in found.entanglers] == ["pass 1", "pass 2"]
    assert {each.within for each in found.removed} <= {layer.label for layer in found.layers}
    for each, numbers in zip(found.entanglers, (cnots[:half], cnots[half:]), strict=True):
        assert each.margin == pytest.approx(judged(tuple(numbers))[1] - whole[1], abs=1e-6)


def test_a_file_is_traced_for_the_class_that_is_predicted(
    ask: Ask, run: Path, files: list[str]
) -> None:
    by_file, by_number = (
        ask(request)[0]
        for request in (Trace(31, str(run), path=files[0]), Trace(32, str(run), image=0))
    )
    own = record.read_record(run)
    assert own.predictions is not None
    assert by_file.truth == own.predictions.probabilities[0].argmax()
    np.testing.assert_allclose(by_file.angles, by_number.angles, atol=1e-5)
    for of_file, of_number in zip(by_file.layers, by_number.layers, strict=True):
        np.testing.assert_allclose(of_file.bloch, of_number.bloch, atol=1e-4)


def test_a_run_that_goes_on_is_asked_at_its_newest_epoch(
    ask: Ask, run: Path, files: list[str], tmp_path: Path
) -> None:
    going = tmp_path / "going"
    shutil.copytree(run, going)
    about = json.loads((going / "run.json").read_text())
    (going / "run.json").write_text(json.dumps({**about, "state": "running"}))
    kept = (going / "last.pt").read_bytes()
    (going / "last.pt").unlink()
    (found,) = ask(Predict(41, str(going), tuple(files[:1])))
    assert found.error == "The run 'going' can be asked after its first epoch."
    values = torch.load(run / "last.pt", weights_only=True)
    (going / "last.pt").write_bytes(kept)
    (first,) = ask(Predict(42, str(going), tuple(files[:1])))
    values["epoch"] = 3
    for weight in values["model"].values():
        weight.mul_(2)
    torch.save(values, going / "last.pt")
    (second,) = ask(Predict(43, str(going), tuple(files[:1])))
    assert (first.epoch, second.epoch) == (2, 3)
    assert abs(first.rows[0].probabilities - second.rows[0].probabilities).max() > 0.01
    (none,) = ask(Predict(44, str(going), tuple(files[:1]), epoch=77))
    assert "after epoch 77 of the run 'going' are not kept" in none.error


def test_shots_are_drawn_for_a_prediction_but_not_for_a_trace(run: Path, tmp_path: Path) -> None:
    sampled = tmp_path / "sampled"
    shutil.copytree(run, sampled)
    values = torch.load(sampled / "last.pt", weights_only=True)
    design = Run.open(run).design_of(values)
    spec = DeviceSpec(name="default.qubit", shots=100)
    values["design"] = codec.dumps(design.model_copy(update={"device": spec}))
    torch.save(values, sampled / "last.pt")
    onlooker = Onlooker()
    exact = onlooker.trace(Trace(51, str(run), image=2))
    found = onlooker.trace(Trace(52, str(sampled), image=2))
    assert found.note == (
        "The run's device is PennyLane default.qubit with 100 shots; the trace is of the exact "
        "state, by the built-in engine."
    )
    assert found.margin == pytest.approx(exact.margin, abs=1e-4)
    assert [each.label for each in found.removed] == [each.label for each in exact.removed]


def small(*stages: Stage) -> Design:
    return Design(
        data=DataSpec(classes=("0", "1"), limit=20),
        stages=(Stage(id="flatten-1", kind="flatten"), *stages),
        training=TrainingSpec(epochs=1, learning_rate=0.1),
    )


def test_an_activation_loses_an_operation_for_all_its_numbers(tmp_path: Path) -> None:
    design = small(
        Stage(id="linear-1", kind="linear", settings={"outputs": 3}),
        Stage(id="activation-1", kind="quantum_activation", circuit=edits.activation_circuit(True)),
        Stage(id="linear-2", kind="linear"),
    )
    train(design, lambda event: None, out=str(tmp_path / "run"))
    found = Onlooker().trace(Trace(1, str(tmp_path / "run"), stage="activation-1", image=1))
    assert found.note.startswith("The circuit runs for each of 3 numbers")
    model = Run.open(tmp_path / "run").model(best=False).double()
    own = record.read_record(tmp_path / "run").predictions
    assert own is not None
    numbers = torch.tensor(own.angles["activation-1"][1]).double()
    layer = model.get_submodule("activation-1")
    circuit = edits.activation_circuit(True)
    (number,) = {each.operation for each in found.removed if each.gate == "RY"}
    without = referee.outputs(circuit, numbers[:, None], layer.flat().detach(), (number,))
    with torch.no_grad():
        logits = model.get_submodule("linear-2")(without.reshape(1, -1).double())[0]
    expected = float(logits[found.truth] - logits[1 - found.truth]) - found.margin
    (removed,) = (each for each in found.removed if each.operation == number)
    assert removed.margin == pytest.approx(expected, abs=1e-5)


def test_a_circuit_in_the_frozen_front_is_traced_too(tmp_path: Path) -> None:
    circuit = Circuit(wires=2, blocks=(
        Block(id="in", kind="angle_embedding"), Block(id="ring", kind="cnot_ring"),
        Block(id="ry", kind="ry_layer"),
    ))  # fmt: skip
    design = small(
        Stage(id="linear-1", kind="linear", settings={"outputs": 2}, frozen=True),
        Stage(id="quantum-1", kind="quantum", circuit=circuit, frozen=True),
        Stage(id="linear-2", kind="linear"),
    )
    train(design, lambda event: None, out=str(tmp_path / "run"))
    found = Onlooker().trace(Trace(1, str(tmp_path / "run"), image=1))
    own = record.read_record(tmp_path / "run").predictions
    assert own is not None
    expected = float(own.probabilities[1, found.truth])
    assert found.probability == pytest.approx(expected, abs=1e-5)
    assert len(found.layers) == 3 and len(found.entanglers) == 1


def test_what_cannot_be_traced_is_said_in_a_sentence(ask: Ask, run: Path, tmp_path: Path) -> None:
    (found,) = ask(Trace(61, str(run), stage="quantum-9"))
    assert found.error == "The run has no quantum stage 'quantum-9'; it has quantum-1."
    (found,) = ask(Trace(62, str(run), image=100_000))
    assert "has no validation image number 100000" in found.error
    (found,) = ask(Trace(63, str(tmp_path / "none")))
    assert "is not a run folder" in found.error
    Image.new("RGB", (9, 9)).save(tmp_path / "tiny.png")
    (found,) = ask(Trace(64, str(run), path=str(tmp_path / "tiny.png")))
    assert not found.error and found.layers
    classical = small(Stage(id="linear-1", kind="linear"))
    train(classical, lambda event: None, out=str(tmp_path / "classical"))
    (found,) = ask(Trace(65, str(tmp_path / "classical")))
    assert found.error == "'Untitled' has no quantum circuit to trace an image through."


def test_a_predicted_number_is_traced_in_its_own_unit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{100 + 20 * a - 5 * b:.3f}" for a, b in rng.normal(size=(60, 2))]
    (tmp_path / "prices.csv").write_text("\n".join(["size,age,price", *rows]))
    design = edits.use_table(Design(), str(tmp_path / "prices.csv"), "price", "regress")
    circuit = Circuit(wires=2, blocks=(
        Block(id="in", kind="angle_embedding", settings={"axis": "Y"}),
        Block(id="ring", kind="cnot_ring"), Block(id="ry", kind="ry_layer"),
    ))  # fmt: skip
    stages = (Stage(id="quantum-1", kind="quantum", circuit=circuit),
              Stage(id="linear-1", kind="linear"))  # fmt: skip
    design = edits.set_training(design.model_copy(update={"stages": stages}), epochs=2, loss="mse")
    train(design, lambda event: None, out=str(tmp_path / "run"))
    found = Onlooker().trace(Trace(1, str(tmp_path / "run"), image=3))
    own = record.read_record(tmp_path / "run")
    assert own.predictions is not None
    price, predicted = own.items[3].label, float(own.predictions.probabilities[3, 0])
    assert found.probability == pytest.approx(predicted, rel=1e-4) and 50 < predicted < 150
    assert found.margin == pytest.approx(-abs(predicted - price), rel=1e-3)
    each = found.removed[0]
    without = found.probability + each.probability
    assert each.margin == pytest.approx(-abs(without - price) - found.margin, abs=1e-6)
    with pytest.raises(UserError, match="trained on rows of numbers"):
        Onlooker().trace(Trace(2, str(tmp_path / "run"), path="photo.jpg"))
