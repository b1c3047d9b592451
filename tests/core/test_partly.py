"""A backbone of which only the last parts are trained: what stays, stays to the bit and is computed
once; what learns, learns as if nothing had been cut apart."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from qdesigner.artifacts.export import export
from qdesigner.catalog.backbones import BACKBONES
from qdesigner.circuit.fields import Settings
from qdesigner.design import edits
from qdesigner.design.plan import front_end
from qdesigner.design.spec import DataSpec, Design, Stage, WeightsSpec
from qdesigner.model import tabulate
from qdesigner.model.backbones import build_backbone
from qdesigner.model.build import Split, build, set_mode
from qdesigner.model.partly import join, still_front, trained_end
from qdesigner.session import cache, events
from qdesigner.training import inputs
from qdesigner.training.loop import train
from qdesigner.training.runs import Run

ONE_OF_EACH = (
    "embedded", "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet",
    "inception_v3", "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small",
    "regnet_y_400mf", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "vgg11",
    "vit_b_32",
)  # fmt: skip
DIGITS = DataSpec(classes=("5", "6", "7"), limit=40)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))


def backbone(model: str, trained: int, cut: str = "", origin: str = "random") -> Stage:
    settings = Settings({"model": model, "cut": cut, "trained": trained})
    weights = WeightsSpec.model_validate({"origin": origin})
    return Stage(id="backbone-1", kind="backbone", settings=settings, weights=weights)


def design(stage: Stage, **training: float) -> Design:
    made = Design(data=DIGITS, stages=(stage, Stage(id="linear-1", kind="linear")))
    values = {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, "weight_decay": 0.1}
    return edits.set_training(made, **{**values, **training})


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_front_and_end_together_are_the_whole_wherever_it_is_cut(name: str) -> None:
    row = BACKBONES[name]
    stage = backbone(name, 1)
    for count in range(1, len(row.parts)):
        with tabulate.numberless():
            whole, model, other = (build_backbone(stage).eval() for _ in range(3))
            front = still_front(stage, model, count)
            end = trained_end(stage, other, count)
            assert tuple(end(front(torch.empty(2, *row.preprocess.shape))).shape) == (
                2, row.features,
            )  # fmt: skip
        before = row.parts[count - 1].parameters
        assert sum(w.numel() for w in front.parameters()) == before
        assert sum(w.numel() for w in end.parameters()) == row.parameters - before
        kept = dict(end.named_parameters())
        join(stage, whole, end, count)
        joined = dict(whole.named_parameters())
        assert all(joined[key] is value for key, value in kept.items())


@pytest.mark.parametrize(
    ("name", "cut"),
    [("embedded", ""), ("mobilenet_v3_small", ""), ("resnet18", "layer3"), ("swin_t", ""),
     ("squeezenet1_1", "features[7]"), ("googlenet", ""), ("shufflenet_v2_x0_5", "")],
)  # fmt: skip
def test_front_and_end_compute_what_the_whole_computes(name: str, cut: str) -> None:
    row, stage = BACKBONES[name], backbone(name, 1, cut)
    torch.manual_seed(0)
    whole = build_backbone(stage).eval()
    image = torch.randn(1, *row.preprocess.shape)
    for count in range(1, len(row.kept(cut))):
        front, end = build_backbone(stage).eval(), build_backbone(stage).eval()
        for model in (front, end):
            model.load_state_dict(whole.state_dict())
        with torch.no_grad():
            pieces = trained_end(stage, end, count)(still_front(stage, front, count)(image))
            assert torch.allclose(pieces, whole(image), atol=1e-5)


def norms(model: nn.Module) -> dict[str, bool]:
    return {n: m.training for n, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}


def test_only_the_last_parts_have_gradients_and_train_their_batch_norms() -> None:
    made = design(backbone("resnet18", 2))
    assert front_end(made) == -2
    whole = build(made, 3)
    learning = {name.split(".")[1] for name, w in whole.named_parameters() if w.requires_grad}
    assert learning == {"layer3", "layer4", "weight", "bias"}
    set_mode(made, whole, training=True)
    assert {name.split(".")[1] for name, on in norms(whole).items() if on} == {"layer3", "layer4"}
    tail = Split(made, 3).tail
    set_mode(made, tail, training=True)
    assert norms(tail) and all(norms(tail).values())
    set_mode(made, tail, training=False)
    assert not any(norms(tail).values())
    for stage in (backbone("resnet18", 0), backbone("resnet18", 4), backbone("resnet18", 9)):
        assert front_end(design(stage)) == 0
        assert all(w.requires_grad for w in build(design(stage), 3).parameters())
    assert front_end(design(backbone("resnet18", 2, cut="layer3"))) == -1


def trained(made: Design, out: Path) -> tuple[Run, list[events.Epoch]]:
    told: list[events.Epoch] = []

    def tell(event: events.Event) -> None:
        if isinstance(event, events.Epoch):
            told.append(event)

    run = train(made, tell, out=str(out))
    assert run is not None
    return run, told


def test_what_stays_is_unchanged_to_the_bit_and_computed_once_and_the_rest_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = design(backbone("embedded", 1, origin="pretrained"))
    run, told = trained(made, tmp_path / "run")
    before, after = build(made, 3).state_dict(), run.model().state_dict()
    changed = {key for key, value in after.items() if not torch.equal(value, before[key])}
    assert changed == {
        "backbone-1.conv3.weight", "backbone-1.conv3.bias", "linear-1.weight", "linear-1.bias",
    }  # fmt: skip
    assert set(run.load_checkpoint("best")["model"]) == changed
    [entry] = cache.entries()
    assert (entry.what, entry.shape) == ("Embedded (digits 0–4) up to conv2", (32, 8, 8))
    # Where it is too large to be kept, the front runs each time, and the same comes out.
    monkeypatch.setattr(inputs, "KEEP_PICTURES", 0)
    _, again = trained(made, tmp_path / "again")
    assert [e.train_loss for e in again] == pytest.approx([e.train_loss for e in told], abs=1e-5)
    assert told[-1].train_loss < told[0].train_loss


def test_augmented_images_pass_through_the_front_in_every_epoch(tmp_path: Path) -> None:
    made = design(backbone("embedded", 1, origin="pretrained"))
    augmented = edits.set_data(made, augmentation=made.data.augmentation.but(flip=True))
    losses = [epoch.train_loss for epoch in trained(augmented, tmp_path / "augmented")[1]]
    assert losses[0] != trained(made, tmp_path / "run")[1][0].train_loss
    assert losses[-1] < losses[0]


def test_a_partly_trained_backbone_exports_verifies_and_trains_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = design(backbone("embedded", 2, origin="pretrained"))
    run, told = trained(made, tmp_path / "run")
    script = export(run, tmp_path / "model.py")

    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [str(script), *arguments])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(script), run_name="__main__")
        assert not end.value.code
        return capsys.readouterr().out

    assert call("--verify").endswith("verified\n")
    said = [line for line in call("--train").splitlines() if line.startswith("epoch")]
    losses = [float(line.split("train loss ")[1].split()[0]) for line in said]
    assert losses == pytest.approx([epoch.train_loss for epoch in told], abs=1e-4)


@pytest.mark.shared
def test_the_last_blocks_of_mobilenet_learn_on_real_photographs(
    shared_data: Path, tmp_path: Path
) -> None:
    """With real weights and photographs: no frozen batch norm moves, and the script verifies."""
    path = shared_data / "weights" / "mobilenet_v2_imagenet1k_rebuilt.pth"
    stage = backbone("mobilenet_v2", 1).but(weights=WeightsSpec(origin="file", path=str(path)))
    data = DataSpec(source="folder", path=str(shared_data / "data" / "hymenoptera"), limit=8)
    made = edits.set_training(
        Design(data=data, stages=(stage, Stage(id="linear-1", kind="linear"))),
        epochs=1, batch_size=4, learning_rate=0.001,
    )  # fmt: skip
    run, _ = trained(made, tmp_path / "run")
    before, after = build(made, 2).state_dict(), run.model().state_dict()
    moved = {key for key, value in after.items() if not torch.equal(value, before[key])}
    assert all(
        key.startswith(("linear", *(f"backbone-1.features.{n}." for n in range(14, 19))))
        for key in moved
    )
    assert any("running_mean" in key for key in moved)
    image = torch.stack([torch.zeros(3, 224, 224)])
    assert torch.isfinite(run.model()(image)).all()
