"""What a run keeps of its way: epochs to go back to, where each step lies, points in the plane."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from qdesigner.design import codec, edits
from qdesigner.design.spec import DataSpec, Design
from qdesigner.errors import UserError
from qdesigner.paths import resource
from qdesigner.session import events, record
from qdesigner.training import history
from qdesigner.training.inputs import Kept
from qdesigner.training.loop import train
from qdesigner.training.plane import scatter
from qdesigner.training.runs import Run

SHORT = edits.set_data(
    edits.set_training(codec.load(resource("templates/quickstart.qdesign")), epochs=4), limit=20
)


def trained(design: Design, out: Path) -> list[events.Event]:
    heard: list[events.Event] = []
    train(design, heard.append, out=str(out))
    return heard


def of(heard: list[events.Event], kind: type) -> list:
    return [event for event in heard if isinstance(event, kind)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[events.Event], Path]:
    out = tmp_path_factory.mktemp("history") / "run"
    return trained(SHORT, out), out


def test_one_can_go_back_to_each_epoch_and_ask_its_model_again(
    run: tuple[list[events.Event], Path],
) -> None:
    _, out = run
    assert record.kept_epochs(out) == (1, 2, 3, 4)
    told = [record.read_epoch(out, epoch, 5) for epoch in (1, 4)]
    first, last = told
    assert first is not None and last is not None and first.epoch == 1
    assert (first.probabilities != last.probabilities).any()
    opened = Run.open(out)
    for said in (first, last):
        model = opened.model_at(said.epoch)
        quantum = next(name for name, _ in model.named_children() if name.startswith("quantum"))
        layer = model.get_submodule(quantum)
        found = layer(torch.from_numpy(said.angles[quantum])).detach().numpy()
        assert found == pytest.approx(said.outputs[quantum], abs=1e-6)
        assert (layer.flat().detach().numpy() == said.weights[quantum]).all()
    for key, value in opened.weights_at(0).items():
        assert torch.equal(value, opened.weights_at(4)[key])
    with pytest.raises(UserError, match=r"epoch 9 .* not kept"):
        opened.model_at(9)


def test_steps_say_where_they_lie(run: tuple[list[events.Event], Path]) -> None:
    at = [x for event in of(run[0], events.Steps) for x in event.at]
    steps = of(run[0], events.Started)[0].steps_per_epoch
    assert len(at) == 4 * steps and at == sorted(at) and at[-1] == 4.0
    assert at[steps - 1] == 1.0 and 0 < at[0] < 1 / (steps - 1)


def test_an_epoch_says_how_many_angles_stand_at_the_squashs_ends(
    run: tuple[list[events.Event], Path],
) -> None:
    (squash,) = [stage.id for stage in SHORT.stages if stage.kind == "squash"]
    for event in of(run[0], events.Epoch):
        said = record.read_epoch(run[1], event.epoch, 5)
        assert said is not None
        (angles,) = said.angles.values()
        assert event.saturation == {squash: (np.abs(angles) > 0.95 * np.pi / 2).mean()}


def test_a_long_run_keeps_its_first_best_and_last_epoch_and_others_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST", 8)
    heard = trained(edits.set_training(SHORT, epochs=21), tmp_path / "run")
    best = [event.epoch for event in of(heard, events.Epoch) if event.best][-1]
    assert set(record.kept_epochs(tmp_path / "run")) == {1, 4, 8, 12, 16, 20, 21, best}
    kept = {int(file.stem) for file in (tmp_path / "run" / "epochs").glob("*.pt")}
    assert kept == set(record.kept_epochs(tmp_path / "run"))


def test_kept_epochs_stay_within_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_BYTES", 100_000)
    trained(edits.set_training(SHORT, epochs=12), tmp_path / "run")
    files = list((tmp_path / "run" / "epochs").iterdir())
    assert 0 < sum(file.stat().st_size for file in files) <= 100_000


def test_points_in_the_plane_are_asked_everywhere_between_their_corners(tmp_path: Path) -> None:
    design = edits.insert_stage_kind(Design(), "linear", "", outputs=16)
    design = design.but(data=DataSpec(source="moons", samples=200, noise=0.05))
    for kind in ("activation", "linear"):
        design = edits.insert_stage_kind(design, kind, "")
    design = edits.set_training(design, epochs=30, learning_rate=0.05)
    heard = trained(design, tmp_path / "run")
    said = of(heard, events.Predictions)[-1]
    found = record.read_plane(tmp_path / "run")
    assert found is not None and said.boundary is not None
    low, high = found
    points = record.read_points(tmp_path / "run", 2)
    assert points is not None and len(points.train) == len(points.labels) == 150
    assert len(points.validation) == len(record.read_items(tmp_path / "run", 2))
    for some in (points.train, points.validation):
        assert (some > low).all() and (some < high).all()
    assert points.train[points.labels == 0, 1].mean() > points.train[points.labels == 1, 1].mean()
    rows, columns, classes = said.boundary.shape
    assert classes == 2 and said.boundary.sum(axis=2) == pytest.approx(1.0, abs=1e-5)
    # The upper moon is class 0, and its crown is well above the lower one.
    place = [
        round((value - a) / (b - a) * (count - 1))
        for value, a, b, count in zip((0.0, 1.0), low, high, (columns, rows), strict=True)
    ]
    assert said.boundary[place[1], place[0]].argmax() == 0
    kept = record.read_epoch(tmp_path / "run", 30, 2)
    assert kept is not None and kept.boundary is not None
    assert (kept.boundary == said.boundary).all()


def test_the_scatter_shows_the_directions_in_which_features_differ_most() -> None:
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(700, 2)) * (9, 3)
    turned = plane @ np.linalg.qr(rng.normal(size=(20, 20)))[0][:2]
    inputs = Kept(torch.from_numpy(turned.astype(np.float32)), torch.zeros(700))
    found = scatter(inputs)
    assert found is not None and found.shape == (700, 2)
    for axis in range(2):
        assert abs(np.corrcoef(found[:, axis], plane[:, axis])[0, 1]) > 0.99
    assert scatter(Kept(torch.zeros(5, 1), torch.zeros(5))) is None
