"""A run rehearsed for hardware: accuracy against shots, and under the noise of real machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from qdesigner.design import codec, edits
from qdesigner.design.spec import DeviceSpec
from qdesigner.paths import resource
from qdesigner.session.rehearsal import read_rehearsal
from qdesigner.training.evaluate import evaluate
from qdesigner.training.loop import train
from qdesigner.training.rehearse import rehearse

QUICKSTART = codec.load(resource("templates/quickstart.qdesign"))
SHORT = edits.set_training(edits.set_data(QUICKSTART, limit=12, test=0.3), epochs=3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rehearse") / "run"
    train(SHORT, lambda event: None, out=str(out))
    return out


def test_a_row_of_one_repeat_is_what_evaluate_says(run: Path, tmp_path: Path) -> None:
    found = rehearse(run, shots=(20,), snapshots=(), repeats=1, out=tmp_path)
    exact, (few,) = found.exact, found.with_shots
    assert exact is not None and found.begun.split == "test"
    assert exact.score == evaluate(run, DeviceSpec(), split="test").accuracy
    told = evaluate(run, DeviceSpec(shots=20), split="test")
    assert (few.score, few.circuits, few.images) == (
        told.accuracy, told.circuits, len(told.keys)
    )  # fmt: skip
    assert read_rehearsal(tmp_path) == found
