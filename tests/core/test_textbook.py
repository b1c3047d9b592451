"""The Qiskit textbook's hybrid network, end to end: a LeNet whose last number turns one qubit.

https://github.com/Qiskit/textbook/blob/main/notebooks/ch-machine-learning: Hadamard, RY by the
feature, 100 shots on Aer, gradients by the parameter-shift rule, (p, 1 - p) as the two classes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from qdesigner.catalog.devices import SHIFT
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.design.spec import DataSpec, Design, DeviceSpec, Stage, TrainingSpec
from qdesigner.model.build import build_stages
from qdesigner.session import events
from qdesigner.training.evaluate import Evaluation, evaluate
from qdesigner.training.loop import train
from qdesigner.training.runs import Run

pytest.importorskip("qiskit_aer", reason='Aer is not installed: pip install "qdesigner[aer]"')

ONE_QUBIT = Circuit(
    wires=1,
    blocks=(
        Block(id="h", kind="h", wires=(0,)),
        Block(id="ry", kind="angle_embedding", settings={"axis": "Y"}),
    ),
)
AER = DeviceSpec(name="qiskit.aer", gradient=SHIFT, shots=100)


def _stage(name: str, **settings: object) -> Stage:
    return Stage(id=name, kind=name.partition("-")[0], settings=settings)


TEXTBOOK = Design(
    name="Textbook",
    data=DataSpec(classes=("0", "1"), size=28, limit=30),
    stages=(
        _stage("conv-1", channels=6, kernel=5),
        _stage("activation-1", function="relu"),
        _stage("pool-1", kernel=2),
        _stage("conv-2", channels=16, kernel=5),
        _stage("activation-2", function="relu"),
        _stage("pool-2", kernel=2),
        _stage("dropout-1"),
        _stage("flatten-1"),
        _stage("linear-1", outputs=64),
        _stage("activation-3", function="relu"),
        _stage("linear-2", outputs=1),
        Stage(id="quantum-1", kind="quantum", circuit=ONE_QUBIT),
        _stage("probability-1"),
    ),
    training=TrainingSpec(epochs=4, batch_size=4, learning_rate=0.002),
    device=AER,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[events.Epoch]]:
    out = tmp_path_factory.mktemp("textbook") / "run"
    heard: list[events.Event] = []
    train(TEXTBOOK, heard.append, out=str(out))
    return out, [event for event in heard if isinstance(event, events.Epoch)]


def test_it_learns_zeros_from_ones_by_a_hundred_shots_a_value(
    trained: tuple[Path, list[events.Epoch]],
) -> None:
    _, epochs = trained
    assert epochs[-1].train_loss < epochs[0].train_loss - 0.1
    assert epochs[-1].val_accuracy > 0.9


def test_every_classical_stage_before_the_qubit_has_learned(
    trained: tuple[Path, list[events.Epoch]],
) -> None:
    model = Run.open(trained[0]).model(best=False)
    first = build_stages(TEXTBOOK, 2)
    for name in ("conv-1", "conv-2", "linear-1", "linear-2"):
        before, after = first[name].weight, model.get_submodule(name).weight
        assert (before - after).abs().max() > 1e-3, name


def test_gradients_by_shots_point_where_the_exact_ones_do() -> None:
    images = torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    classes = torch.arange(16) % 2

    def slopes(device: DeviceSpec) -> torch.Tensor:
        modules = build_stages(TEXTBOOK.but(device=device), 2)
        model = torch.nn.Sequential(*modules.values()).eval()
        torch.manual_seed(1)
        torch.nn.functional.cross_entropy(model(images), classes).backward()
        return torch.cat([weight.grad.reshape(-1) for weight in model.parameters()])

    exact = slopes(DeviceSpec())
    assert exact.norm() > 0.01
    assert torch.cosine_similarity(slopes(AER.but(shots=10_000)), exact, dim=0) > 0.99
    assert torch.cosine_similarity(slopes(AER), exact, dim=0) > 0.9


@pytest.mark.parametrize("name", ["qiskit.aer", "qiskit.basic"])
def test_exact_values_agree_with_the_shots_within_their_noise(
    name: str, trained: tuple[Path, list[events.Epoch]]
) -> None:
    run, _ = trained
    exact, sampled = evaluate(run, DeviceSpec()), evaluate(run, DeviceSpec(name=name, shots=100))
    p = _probability(exact)
    error = np.sqrt(np.maximum(p * (1 - p), 1 / 100) / 100)
    assert (np.abs(_probability(sampled) - p) <= 4 * error).all()
    assert np.abs(_probability(sampled) - p).max() > 1e-3
    assert exact.accuracy > 0.9
    assert abs(sampled.loss - exact.loss) < 0.02


def _probability(found: Evaluation) -> np.ndarray:
    """The qubit's own (1 + ⟨Z⟩)/2, behind the softmax of (p, 1 - p)."""
    odds = np.log(found.probabilities[:, 0] / found.probabilities[:, 1])
    return np.clip((1 + odds) / 2, 0, 1)
