"""Backbones give what the catalog says, with weights from wherever the user says, or a sentence."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from weights_site import Site

from qdesigner.catalog.backbones import BACKBONES
from qdesigner.catalog.families import FAMILIES
from qdesigner.circuit.fields import Settings
from qdesigner.data import weights
from qdesigner.data.download import DownloadError, download
from qdesigner.design.spec import Stage, WeightsSpec
from qdesigner.errors import UserError
from qdesigner.model import embedded, tabulate
from qdesigner.model.backbones import build_backbone, weights_identity
from qdesigner.model.places import bare, edit, found
from qdesigner.paths import resource


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def stage(model: str, origin: str = "random", path: Path | str = "", cut: str = "") -> Stage:
    weights = WeightsSpec.model_validate({"origin": origin, "path": str(path)})
    settings = Settings({"model": model, "cut": cut})
    return Stage(id="backbone-1", kind="backbone", settings=settings, weights=weights)


def numbers(model: nn.Module) -> int:
    return sum(weights.numel() for weights in model.parameters())


def test_the_catalog_is_torchvisions_own_registry() -> None:
    rows = [row for row in BACKBONES.values() if row.url]
    assert [row.name for row in rows] == torchvision.models.list_models(module=torchvision.models)
    for row in rows:
        weights = torchvision.models.get_model_weights(row.name)[row.weights]
        prepare = weights.transforms()
        assert row.url == weights.url
        assert row.megabytes == weights.meta["_file_size"]
        assert row.accuracy == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        assert [row.preprocess.resize] == prepare.resize_size
        assert [row.preprocess.crop] == prepare.crop_size
        assert row.preprocess.interpolation == prepare.interpolation.value
        assert row.preprocess.mean == tuple(prepare.mean)
        assert row.preprocess.std == tuple(prepare.std)
        assert row.parts[-1].parameters == row.parameters < weights.meta["num_params"]
        assert row.parts[-1].features == row.features
        assert ("BY-NC" in row.licence) == ("license" in weights.meta), row.name


def test_every_backbones_features_are_what_its_head_takes_and_its_weights_as_many() -> None:
    for row in BACKBONES.values():
        with tabulate.numberless():
            model = bare(row.name)
            heads = [m for name, _ in row.edits() for m in found(model, name)]
            edit(model, row.edits())
        assert numbers(model) == row.parameters, row.name
        sizes = [
            m.in_features for head in heads for m in head.modules() if hasattr(m, "in_features")
        ]
        assert sizes[:1] in ([], [row.features]), row.name
        assert sizes or row.name == "embedded" or row.family == "squeezenet"


# One of each family, the least; and what differs within one.
ONE_OF_EACH = (
    "embedded", "alexnet", "convnext_tiny", "densenet121", "efficientnet_v2_s", "googlenet",
    "inception_v3", "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small",
    "regnet_y_400mf", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "swin_v2_t",
    "vgg11", "vit_b_32",
)  # fmt: skip


def test_no_family_is_left_out_of_the_tests_below() -> None:
    assert {BACKBONES[name].family for name in ONE_OF_EACH} == set(FAMILIES)


def test_the_shipped_table_is_what_its_command_writes() -> None:
    shipped = json.loads(resource("backbones.json").read_text(encoding="utf-8"))
    for row in shipped:
        if row["name"] in ONE_OF_EACH:
            assert row == tabulate.row(row["name"])
    assert resource("backbones.json").read_text(encoding="utf-8") == tabulate.text(shipped)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_backbone_cut_anywhere_gives_the_features_and_holds_the_weights_that_the_catalog_says(
    name: str,
) -> None:
    row = BACKBONES[name]
    assert len(row.cuts) >= 3
    for cut, part in zip(row.cuts, reversed(row.parts), strict=True):
        with tabulate.numberless():
            model = build_backbone(stage(name, cut=cut)).eval()
            features = model(torch.empty(2, *row.preprocess.shape))
        assert tuple(features.shape) == (2, part.features), cut
        assert numbers(model) == part.parameters, cut


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "squeezenet1_1"])
def test_features_from_an_earlier_layer_are_its_mean_over_the_picture(name: str) -> None:
    row = BACKBONES[name]
    torch.manual_seed(3)
    whole = build_backbone(stage(name)).eval()
    image = torch.randn(1, *row.preprocess.shape)
    for part in row.parts[:-1]:
        torch.manual_seed(3)
        cut = build_backbone(stage(name, cut=part.name)).eval()
        cut.load_state_dict({k: whole.state_dict()[k] for k in cut.state_dict()})
        seen: list[torch.Tensor] = []
        [last] = found(whole, part.name)
        noted = last.register_forward_hook(lambda m, args, out, seen=seen: seen.append(out))
        with torch.no_grad():
            whole(image)
            features = cut(image)
        noted.remove()
        assert torch.allclose(features, seen[0].mean((2, 3)), atol=1e-5)


def test_random_weights_follow_the_seed() -> None:
    def first(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return next(build_backbone(stage("squeezenet1_1")).parameters())

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))
    assert weights_identity(stage("squeezenet1_1"), 1) != weights_identity(
        stage("squeezenet1_1"), 2
    )


def test_the_embedded_backbone_tells_the_digits_apart_that_it_learned_and_that_it_did_not() -> None:
    """Nearest class mean in feature space: enough to see that the shipped weights are trained."""
    from qdesigner.data.dataset import open_dataset
    from qdesigner.data.images import transform
    from qdesigner.design.spec import DataSpec

    model = build_backbone(stage("embedded", "pretrained")).eval()
    prepare = transform(BACKBONES["embedded"].preprocess)
    for classes, least in (("01234", 0.97), ("56789", 0.85)):
        data = open_dataset(DataSpec(classes=tuple(classes)))
        with torch.no_grad():
            train, validation = (
                model(torch.stack([prepare(data.image(item, 1)) for item in items]))
                for items in (data.train, data.validation)
            )
        labels = torch.tensor([item.label for item in data.train])
        means = torch.stack([train[labels == k].mean(0) for k in range(5)])
        found = torch.cdist(validation, means).argmin(1)
        right = found == torch.tensor([item.label for item in data.validation])
        assert float(right.float().mean()) >= least


def test_the_command_that_makes_the_embedded_weights_writes_a_file_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embedded, "EPOCHS", 2)
    threads = torch.get_num_threads()
    out = tmp_path / "again.pt"
    embedded.main(["--out", str(out)])
    torch.set_num_threads(threads)
    printed = capsys.readouterr().out
    assert "9424 weights" in printed
    assert float(printed.split("accuracy ")[1].split()[0]) > 0.5
    assert numbers(build_backbone(stage("embedded", "file", out))) == 9424


def full_file(path: Path, name: str = "squeezenet1_1", **changes: Any) -> Path:
    """A file of a whole torchvision model's weights, head included, with some keys changed."""
    state = torchvision.models.get_model(name).state_dict()
    for key, value in changes.items():
        state = {k: v for k, v in state.items() if k != key} | ({key: value} if value else {})
    torch.save(state, path)
    return path


def test_a_whole_models_file_and_one_without_the_head_both_load(tmp_path: Path) -> None:
    whole = full_file(tmp_path / "whole.pth")
    model = build_backbone(stage("squeezenet1_1", "file", whole))
    torch.save(model.state_dict(), tmp_path / "features.pth")
    again = build_backbone(stage("squeezenet1_1", "file", tmp_path / "features.pth"))
    for key, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
    assert weights_identity(stage("squeezenet1_1", "file", whole), 0) != weights_identity(
        stage("squeezenet1_1", "file", tmp_path / "features.pth"), 0
    )


def test_a_file_of_weights_is_known_by_its_content(tmp_path: Path) -> None:
    path = full_file(tmp_path / "a.pth")
    first = weights_identity(stage("squeezenet1_1", "file", path), 0)
    moved = path.rename(tmp_path / "b.pth")
    assert weights_identity(stage("squeezenet1_1", "file", moved), 5) == first
    moved.write_bytes(moved.read_bytes() + b" ")
    assert weights_identity(stage("squeezenet1_1", "file", moved), 0) != first


class Danger:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("was-run",))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist"),
        (b"", "is not a file of PyTorch weights"),
        (b"PK\x03\x04 cut short", "is not a file of PyTorch weights"),
        (b"hello world\n" * 30, "is not a file of PyTorch weights"),
        ({"a": Danger()}, "could run code when they are loaded"),
        (nn.Linear(2, 2), "holds a whole model"),
        ({"model": nn.Linear(2, 2)}, "holds a whole model"),
        ({"model": {"w": torch.zeros(1)}, "state_dict": {"w": torch.ones(1)}}, "is not a tensor"),
        ({"state_dict": {"epoch": 3}}, "'epoch' is not a tensor"),
        ([1, 2], "holds no state dict"),
        ({"epoch": 3}, "'epoch' is not a tensor"),
        ({"w": torch.tensor([float("nan")])}, "not numbers, in 'w'"),
        ({"w": torch.zeros(1)}, "is missing"),
        (nn.Linear(2, 2).state_dict(), "not those of SqueezeNet 1.1"),
    ],
    ids=[
        "missing",
        "empty",
        "torn",
        "text",
        "code",
        "whole",
        "inside",
        "two",
        "inner",
        "list",
        "checkpoint",
        "nan",
        "other",
        "linear",
    ],
)
def test_a_file_that_holds_no_fitting_weights_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(UserError, match=sentence) as refused:
        build_backbone(stage("squeezenet1_1", "file", path))
    assert str(path) in str(refused.value)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("name", ["state_dict", "model", "model_state_dict"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_weights_in_a_training_scripts_checkpoint_are_found(
    tmp_path: Path, name: str, prefix: str
) -> None:
    weights = torch.load(full_file(tmp_path / "plain.pth"), weights_only=True)
    held = {prefix + key: value for key, value in weights.items()}
    torch.save({"epoch": 3, name: held, "optimizer": {"state": {}}}, tmp_path / "held.pth")
    plain, found = (
        build_backbone(stage("squeezenet1_1", "file", tmp_path / f"{file}.pth"))
        for file in ("plain", "held")
    )
    for key, value in plain.state_dict().items():
        assert torch.equal(value, found.state_dict()[key])


def test_weights_of_another_shape_or_with_a_stranger_among_them_are_refused(
    tmp_path: Path,
) -> None:
    wrong = full_file(tmp_path / "a.pth", **{"features.0.bias": torch.ones(1)})
    with pytest.raises(UserError, match=r"'features.0.bias' is \[1\] instead of \[64\]"):
        build_backbone(stage("squeezenet1_1", "file", wrong))
    more = full_file(tmp_path / "b.pth", **{"features.99.bias": torch.ones(1)})
    with pytest.raises(UserError, match=r"'features.99.bias' is not part of it"):
        build_backbone(stage("squeezenet1_1", "file", more))


def test_a_safetensors_file_without_its_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(UserError, match="pip install safetensors"):
        build_backbone(stage("squeezenet1_1", "file", path))


def test_a_safetensors_file_loads(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    path = tmp_path / "weights.safetensors"
    state = torchvision.models.get_model("squeezenet1_1").state_dict()
    library.save_file(state, path)
    model = build_backbone(stage("squeezenet1_1", "file", path))
    assert torch.equal(model.state_dict()["features.0.bias"], state["features.0.bias"])


@pytest.mark.shared
@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1"])
def test_real_imagenet_weights_load_from_a_local_file(shared_data: Path, name: str) -> None:
    path = shared_data / "weights" / f"{name}_imagenet1k_rebuilt.pth"
    model = build_backbone(stage(name, "file", path))
    state = torch.load(path, weights_only=True)
    for key, value in model.state_dict().items():
        assert torch.equal(value, state[key]), key


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site()
    site.content = full_file(tmp_path / "on-the-server.pth").read_bytes()
    yield site
    site.close()


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(weights, "weights_url", lambda row: url)


def test_pretrained_weights_are_downloaded_once_and_progress_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, site.url())
    told: list[tuple[str, int, int]] = []
    wanted = stage("squeezenet1_1", "pretrained")
    model = build_backbone(wanted, lambda *now: told.append(now))
    assert len(told) > 3
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][0].startswith("squeezenet1_1-")
    assert told[-1][1:] == (len(site.content), len(site.content))
    again = build_backbone(wanted, lambda *now: told.append(now))
    assert len(site.ranges) == 1
    for key, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])


def test_a_download_that_broke_off_goes_on_where_it_stopped(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, site.url())
    site.cut = 1_000_000
    with pytest.raises(UserError, match="broke off"):
        build_backbone(stage("squeezenet1_1", "pretrained"))
    build_backbone(stage("squeezenet1_1", "pretrained"))
    assert site.ranges == [None, "bytes=1000000-"]
    assert not list((tmp_path / "torch").rglob("*.partial"))


@pytest.mark.parametrize(
    ("failure", "reason"),
    [("checksum", "checksum"), ("offline", "no connection"), ("not found", "answers 404")],
)
def test_a_failed_download_says_how_to_go_on_without_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failure: str, reason: str
) -> None:
    url = site.url("0" * 8) if failure == "checksum" else site.url()
    if failure == "offline":
        url = "http://127.0.0.1:9/models/squeezenet1_1-00000000.pth"
    if failure == "not found":
        url = url.replace("/models/", "/moved/")
    use(monkeypatch, url)
    with pytest.raises(UserError) as refused:
        build_backbone(stage("squeezenet1_1", "pretrained"))
    sentence = str(refused.value)
    assert reason in sentence
    assert "SqueezeNet 1.1" in sentence
    assert "--backbone-weights FILE" in sentence
    assert "random" in sentence
    assert "\n" not in sentence
    assert not list((tmp_path / "torch").rglob("*.pth"))


def test_a_damaged_download_is_not_kept(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "torch" / "squeezenet1_1.pth"
    with pytest.raises(DownloadError, match="checksum"):
        download(site.url("0" * 8), target)
    assert not target.exists()
    download(site.url(), target)
    assert target.read_bytes() == site.content


def test_a_damaged_file_in_the_download_folder_is_named(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, site.url())
    build_backbone(stage("squeezenet1_1", "pretrained"))
    kept = next((tmp_path / "torch").rglob("*.pth"))
    kept.write_bytes(kept.read_bytes()[:5000])
    with pytest.raises(UserError, match="delete it, and it is downloaded again") as refused:
        build_backbone(stage("squeezenet1_1", "pretrained"))
    assert str(kept) in str(refused.value)


def test_a_download_that_was_complete_when_the_program_died_is_used(
    site: Site, tmp_path: Path
) -> None:
    target = tmp_path / "squeezenet1_1.pth"
    (tmp_path / "squeezenet1_1.pth.partial").write_bytes(site.content)
    download(site.url(), target)
    assert target.read_bytes() == site.content
    assert site.ranges == [f"bytes={len(site.content)}-"]


def test_the_embedded_weights_are_shipped_with_their_attribution() -> None:
    about = resource("embedded_backbone.md").read_text(encoding="utf-8")
    assert "Alpaydin" in about
    assert "CC BY 4.0" in about
    assert resource("embedded_backbone.pt").stat().st_size < 100_000
