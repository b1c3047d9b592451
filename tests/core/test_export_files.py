"""An export is whole and honest: its script computes what the program computes, says so, and trains
the same model again."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from referee import RandomCircuits

from qdesigner import worker
from qdesigner.artifacts.export import export
from qdesigner.catalog.backbones import BACKBONES
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.data.dataset import Dataset, open_dataset
from qdesigner.data.images import load_image, transform
from qdesigner.design import codec
from qdesigner.design.spec import (
    DataSpec,
    Design,
    DeviceSpec,
    Stage,
    TrainingSpec,
    WeightsSpec,
    preprocess,
)
from qdesigner.design.stages import STAGES
from qdesigner.errors import UserError
from qdesigner.export.script import script
from qdesigner.model.backbones import build_backbone
from qdesigner.model.build import build
from qdesigner.paths import resource
from qdesigner.session import events
from qdesigner.training.loop import train
from qdesigner.training.runs import Run

QUICKSTART = codec.load(resource("templates/quickstart.qdesign"))


def module(path: Path) -> ModuleType:
    """The script as a module: its functions without a process of its own."""
    loaded = ModuleType("exported")
    loaded.__file__ = str(path)
    sys.modules["exported"] = loaded
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), loaded.__dict__)
    return loaded


def text_module(design: Design, classes: tuple[str, ...], folder: Path) -> ModuleType:
    path = folder / "model.py"
    path.write_text(script(design, classes, "model_files"), encoding="utf-8")
    return module(path)


class Call:
    """Runs a script's main() as ``python model.py ...`` would: exit code and what it printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def __call__(self, path: Path, *arguments: str) -> tuple[int, str]:
        self._patch.setattr(sys, "argv", [str(path), *arguments])
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        threads = torch.get_num_threads()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                code: Any = module(path).main()
        except SystemExit as end:
            code = end.code
            if isinstance(code, str):
                print(code, file=out)
                code = 1
        finally:
            torch.set_num_threads(threads)
        out.seek(0)
        return int(code or 0), out.read()


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    return Call(monkeypatch)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[events.Epoch]]:
    """The quickstart, three epochs of it."""
    told: list[events.Epoch] = []
    design = QUICKSTART.but(training=QUICKSTART.training.but(epochs=3))
    out = str(tmp_path_factory.mktemp("runs") / "run")
    run = train(design, lambda e: told.append(e) if isinstance(e, events.Epoch) else None, out=out)
    assert run is not None
    return run, told


def test_a_run_is_exported_on_the_device_chosen_since(
    trained: tuple[Run, list[events.Epoch]], tmp_path: Path
) -> None:
    device = DeviceSpec(name="qiskit.aer", shots=1000)
    job = events.Export(
        str(tmp_path / "model.py"),
        trained[0].design.model_copy(update={"device": device}),
        str(trained[0].path),
    )
    said: list[events.Event] = []
    worker._export(job, SimpleNamespace(send=said.append))
    assert said == [events.Exported(job.path)]
    assert "Qiskit Aer, 1,000 shots" in Path(job.path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def exported(
    trained: tuple[Run, list[events.Epoch]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return export(trained[0], tmp_path_factory.mktemp("export") / "model.py")


def copied(exported: Path, to: Path) -> Path:
    shutil.copytree(exported.parent, to, dirs_exist_ok=True)
    return to / exported.name


# ---- verify --------------------------------------------------------------------------------------


def test_a_fresh_export_of_a_run_verifies(exported: Path, call: Call) -> None:
    code, said = call(exported, "--verify")
    assert code == 0, said
    found = re.search(r"max \|Δlogit\| = (\S+) over 8 images\nverified\n", said)
    assert found and float(found[1]) <= 1e-5
    entries = json.loads((exported.parent / "model_files/golden.json").read_text())["images"]
    assert {entry["class"] for entry in entries} == set("56789")


@pytest.mark.parametrize("key", ["backbone-1.conv1.weight", "linear-1.weight",
                                 "quantum-1.weights", "linear-2.bias"])  # fmt: skip
def test_one_perturbed_weight_fails_the_verification(
    exported: Path, tmp_path: Path, call: Call, key: str
) -> None:
    path = copied(exported, tmp_path)
    weights = torch.load(tmp_path / "model_files/weights.pt", weights_only=True)
    weights[key].view(-1)[0] += 0.01
    torch.save(weights, tmp_path / "model_files/weights.pt")
    code, said = call(path, "--verify")
    assert code == 1
    assert "differs by" in said and "verified" not in said


def test_a_weight_that_is_not_a_number_fails_the_verification(
    exported: Path, tmp_path: Path, call: Call
) -> None:
    path = copied(exported, tmp_path)
    weights = torch.load(tmp_path / "model_files/weights.pt", weights_only=True)
    weights["linear-2.bias"][0] = float("nan")
    torch.save(weights, tmp_path / "model_files/weights.pt")
    assert call(path, "--verify")[0] == 1


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [("weights.pt", "cannot read weights"), ("golden.json", "cannot verify"),
     ("images/01-5.png", "cannot verify")],
)  # fmt: skip
def test_a_missing_file_fails_the_verification_with_a_sentence(
    exported: Path, tmp_path: Path, call: Call, lost: str, sentence: str
) -> None:
    path = copied(exported, tmp_path)
    (tmp_path / "model_files" / lost).unlink()
    code, said = call(path, "--verify")
    assert code == 1
    assert sentence in said and Path(lost).name in said


def test_weights_of_another_model_are_refused_with_a_sentence(
    exported: Path, tmp_path: Path, call: Call
) -> None:
    torch.save({"linear.weight": torch.zeros(2)}, tmp_path / "other.pt")
    code, said = call(exported, "--weights", str(tmp_path / "other.pt"), "--verify")
    assert code == 1
    assert "holds other weights" in said


def test_it_names_pictures_and_what_it_cannot_read(
    exported: Path, tmp_path: Path, call: Call
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    good = sorted((exported.parent / "model_files/images").iterdir())
    code, said = call(exported, *map(str, good), str(tmp_path / "broken.png"))
    assert code == 1
    assert "broken.png: cannot identify image file" in said
    lines = [line for line in said.splitlines() if "broken" not in line]
    assert len(lines) == len(good)
    assert all(re.search(r"\.png: [5-9] \(\d+\.\d%\)$", line) for line in lines)


# ---- the model of the script is the model of the program -----------------------------------------


def agree(design: Design, classes: tuple[str, ...], folder: Path) -> None:
    """The script's model takes the program's weights strictly and gives its logits, and begins
    with the program's first weights."""
    ours = build(design, len(classes)).eval()
    theirs = text_module(design, classes, folder).build_model().eval()
    if design.backbone is None or design.backbone.weights.origin == "random":
        for key, value in theirs.state_dict().items():
            torch.testing.assert_close(value, ours.state_dict()[key], rtol=0, atol=0)
    theirs.load_state_dict(ours.state_dict())
    how = preprocess(design)
    size = min(how.crop, 64)  # enough for any convolution, and quick
    images = torch.randn(3, how.channels, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(theirs(images), ours(images), rtol=0, atol=1e-5)


def with_circuits(*circuits: Circuit) -> Design:
    stages = [Stage(id="flat-1", kind="flatten")]
    for number, circuit in enumerate(circuits):
        inputs = expand(circuit).inputs
        stages += [
            Stage(id=f"linear-{number}", kind="linear", settings={"outputs": inputs}),
            Stage(id=f"quantum-{number}", kind="quantum", circuit=circuit),
        ]
    return Design(stages=(*stages, Stage(id="last-1", kind="linear")))


def reading(circuits: RandomCircuits, kind: str) -> Circuit:
    """A circuit with a block of this kind, which reads a feature on every wire."""
    made = circuits.circuit(kind, max_wires=4)
    embed = Block(id="reads", kind="angle_embedding", settings={"axis": "Y"})
    at = 1 if made.blocks[0].kind == AMPLITUDE else 0
    return made.but(blocks=(*made.blocks[:at], embed, *made.blocks[at:]))


@pytest.mark.parametrize("kind", list(BLOCKS))
def test_every_block_is_exported_as_the_program_computes_it(kind: str, tmp_path: Path) -> None:
    agree(with_circuits(reading(RandomCircuits(len(kind)), kind)), ("1", "2", "3"), tmp_path)


def test_several_circuits_in_a_row_are_exported(tmp_path: Path) -> None:
    circuits = RandomCircuits(5)
    a, b = (circuits.circuit("h_ry_embedding", max_wires=3) for _ in range(2))
    agree(with_circuits(a, b, a), ("1", "2"), tmp_path)


ONE_WIRE = Circuit(wires=1, blocks=(Block(id="e", kind="angle_embedding"),))
STAGE_LISTS: dict[str, tuple[Stage, ...]] = {
    "conv": (
        Stage(
            id="c-1", kind="conv", settings={"channels": 3, "kernel": 3, "stride": 2, "padding": 1}
        ),
        Stage(id="n-1", kind="batch_norm"),
        Stage(id="p-1", kind="pool", settings={"mode": "average", "kernel": 2}),
        Stage(id="f-1", kind="flatten"),
    ),
    "pool": (Stage(id="p-1", kind="pool"), Stage(id="f-1", kind="flatten")),
    "flatten": (Stage(id="f-1", kind="flatten"),),
    "linear": (
        Stage(id="f-1", kind="flatten"),
        Stage(id="l-1", kind="linear", settings={"outputs": 5}),
    ),
    **{
        f"activation {name}": (
            Stage(id="a-1", kind="activation", settings={"function": name}),
            Stage(id="f-1", kind="flatten"),
        )
        for name in STAGES["activation"].fields[0].choices
    },
    "dropout": (Stage(id="d-1", kind="dropout"), Stage(id="f-1", kind="flatten")),
    "batch_norm": (Stage(id="f-1", kind="flatten"), Stage(id="n-1", kind="batch_norm")),
    "squash": (Stage(id="f-1", kind="flatten"), Stage(id="s-1", kind="squash")),
    "quantum": with_circuits(ONE_WIRE).stages[:-1],
    "quantum_activation": (
        Stage(
            id="q-1",
            kind="quantum_activation",
            circuit=Circuit(
                wires=1,
                blocks=(*ONE_WIRE.blocks, Block(id="r", kind="ry_layer")),
            ),
        ),
        Stage(id="f-1", kind="flatten"),
    ),
    "probability": (
        *with_circuits(ONE_WIRE).stages[:-1],
        Stage(id="p-1", kind="probability"),
    ),
    "backbone": (Stage(id="b-1", kind="backbone", weights=WeightsSpec(origin="pretrained")),),
}


@pytest.mark.parametrize("name", list(STAGE_LISTS))
def test_every_stage_is_exported_as_the_program_computes_it(name: str, tmp_path: Path) -> None:
    design = Design(stages=(*STAGE_LISTS[name], Stage(id="last-1", kind="linear")))
    agree(design, ("1", "2", "3"), tmp_path)


def test_every_kind_of_stage_is_in_the_test_above() -> None:
    assert {name.split()[0] for name in STAGE_LISTS} == set(STAGES)


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("embedded", ""), ("embedded", "conv2"), ("googlenet", ""), ("googlenet", "inception4e"),
        ("mobilenet_v2", "features[13]"), ("resnet18", ""), ("resnet18", "layer2"),
        ("shufflenet_v2_x0_5", "stage3"), ("squeezenet1_1", ""), ("swin_t", "features[3]"),
    ],
)  # fmt: skip
def test_a_backbone_is_cut_as_the_program_cuts_it(name: str, cut: str, tmp_path: Path) -> None:
    stages = (
        Stage(id="b-1", kind="backbone", settings={"model": name, "cut": cut}),
        Stage(id="l-1", kind="linear"),
    )
    agree(Design(stages=stages), ("1", "2"), tmp_path)


def test_every_backbone_cut_anywhere_is_written_with_the_programs_edits() -> None:
    for name, row in BACKBONES.items():
        for cut in row.cuts:
            stage = Stage(id="b-1", kind="backbone", settings={"model": name, "cut": cut})
            text = script(Design(stages=(stage, Stage(id="l-1", kind="linear"))), "12", "files")
            for target, new in row.edits(cut):
                part = f"backbone.{target}" if new.startswith("[") else ""
                assert f"\n    backbone.{target} = {part}{new}" in text, (name, cut)


@pytest.mark.parametrize(
    ("name", "cut"),
    [("vit_b_16", "encoder.layers[5]"), ("maxvit_t", "blocks[1]"), ("vgg11", "features[20]"),
     ("inception_v3", ""), ("densenet121", "features[6]"), ("convnext_tiny", "features[3]")],
)  # fmt: skip
def test_a_large_backbone_has_the_programs_weights_and_shapes(
    name: str, cut: str, tmp_path: Path
) -> None:
    stage = Stage(id="b-1", kind="backbone", settings={"model": name, "cut": cut})
    design = Design(stages=(stage, Stage(id="l-1", kind="linear")))
    with torch.device("meta"):
        theirs = text_module(design, ("1", "2"), tmp_path).build_model()
        ours = build_backbone(stage).state_dict()
        logits = theirs.eval()(torch.empty(2, *preprocess(design).shape))
    keys = {key.removeprefix("b-1.") for key in theirs.state_dict() if key.startswith("b-1.")}
    assert keys == set(ours)
    assert tuple(logits.shape) == (2, 2)


# ---- images --------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_the_script_prepares_files_as_the_program_does(channels: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (40, 30, 4), dtype=np.uint8))
    grey = rng.integers(0, 65536, (30, 20))
    upright = colour.convert("RGB").getexif()
    upright[0x0112] = 6
    colour.save(tmp_path / "rgba.png")
    colour.convert("P").save(tmp_path / "palette.png", transparency=3)
    colour.convert("LA").save(tmp_path / "la.png")
    colour.convert("CMYK").save(tmp_path / "cmyk.jpg")
    colour.convert("RGB").save(tmp_path / "turned.jpg", exif=upright)
    Image.fromarray(grey.astype(np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(grey.astype(np.int32)).save(tmp_path / "deeper.tif")
    Image.fromarray((grey / 65535).astype(np.float32)).save(tmp_path / "float.tif")
    stages = (Stage(id="f-1", kind="flatten"), Stage(id="l-1", kind="linear"))
    design = Design(data=DataSpec(channels=channels, size=16), stages=stages)
    files = sorted(tmp_path.iterdir())
    exported = text_module(design, ("1", "2"), tmp_path)
    prepare = transform(preprocess(design))
    for path in files:
        theirs = exported.preprocess(exported.load_image(path))
        assert torch.equal(theirs, prepare(load_image(path, channels))), path.name
    assert len(files) == 8


def tree(root: Path, *folders: str, count: int = 9) -> Path:
    """Folders of little pictures, one broken file and one of another type in each."""
    rng = np.random.default_rng(len(folders))
    for folder in folders:
        (root / folder / "deeper").mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            place = root / folder / ("deeper" if number % 3 == 0 else "")
            Image.fromarray(pixels).save(place / f"{number}.png")
        (root / folder / "broken.jpg").write_bytes(b"no picture")
        (root / folder / "notes.txt").write_text("x")
    return root


def chosen(data: Dataset) -> list[list[tuple[Path | None, int]]]:
    return [[(item.path, item.label) for item in part] for part in (data.train, data.validation)]


SPLIT = Design(stages=(Stage(id="f-1", kind="flatten"), Stage(id="l-1", kind="linear")))


@pytest.mark.parametrize("limit", [0, 4])
@pytest.mark.parametrize("test", [0.0, 0.2])
@pytest.mark.parametrize(
    "folders",
    [("ants", "bees"), ("train/ants", "train/bees"),
     ("Train/ants", "Train/bees", "val/ants", "val/bees", "test/ants", "test/bees")],
    ids=["one folder a class", "train only", "train and val"],
)  # fmt: skip
def test_the_script_splits_a_folder_as_the_program_does(
    folders: tuple[str, ...], test: float, limit: int, tmp_path: Path
) -> None:
    root = tree(tmp_path / "data", *folders)
    spec = DataSpec(source="folder", path=str(root), limit=limit, seed=7, validation=0.3, test=test)
    exported = text_module(SPLIT.but(data=spec), ("ants", "bees"), tmp_path)
    with contextlib.redirect_stderr(io.StringIO()) as told:
        found = exported.read_folder(root)
    assert list(found) == chosen(open_dataset(spec))
    assert "broken.jpg" in told.getvalue()


@pytest.mark.parametrize("limit", [0, 12])
def test_the_script_splits_the_digits_as_the_program_does(limit: int, tmp_path: Path) -> None:
    spec = DataSpec(classes=("3", "8"), limit=limit, seed=2, test=0.1)
    exported = text_module(SPLIT.but(data=spec), ("3", "8"), tmp_path)
    ours = open_dataset(spec)
    for found, items in zip(exported.read_digits(), (ours.train, ours.validation), strict=True):
        assert [label for _, label in found] == [item.label for item in items]
        for (image, _), item in zip(found, items, strict=True):
            assert image.tobytes() == ours.image(item, 1).tobytes()


# ---- train ---------------------------------------------------------------------------------------

EPOCH = re.compile(
    r"epoch (\d+)/(\d+)  train loss (\d+\.\d{6}) accuracy (\S+)"
    r"  validation loss (\d+\.\d{6}) accuracy (\S+)"
)


def losses(said: str) -> np.ndarray[Any, Any]:
    return np.array([[float(m[3]), float(m[5])] for m in EPOCH.finditer(said)])


def test_training_again_gives_the_programs_losses(
    exported: Path, trained: tuple[Run, list[events.Epoch]], tmp_path: Path, call: Call
) -> None:
    golden = (exported.parent / "model_files/weights.pt").read_bytes()
    path = copied(exported, tmp_path)
    code, said = call(path, "--train", "--epochs", "3")
    assert code == 0, said
    np.testing.assert_allclose(
        losses(said)[:, 0], [epoch.train_loss for epoch in trained[1]], atol=1e-3
    )
    np.testing.assert_allclose(
        losses(said)[:, 1], [epoch.val_loss for epoch in trained[1]], atol=1e-3
    )
    assert (tmp_path / "model_files/weights.pt").read_bytes() == golden
    weights = str(tmp_path / "model_trained.pt")
    assert call(path, "--weights", weights, str(tmp_path / "model_files/images/01-5.png"))[0] == 0


def test_training_never_overwrites_the_weights_that_are_verified(
    exported: Path, call: Call
) -> None:
    weights = exported.parent / "model_files/weights.pt"
    before = weights.read_bytes()
    code, said = call(exported, "--train", "--out", str(weights))
    assert code == 2
    assert "must not overwrite" in said and weights.read_bytes() == before


CIRCUIT = Circuit(
    wires=2,
    blocks=(
        Block(id="e", kind="h_ry_embedding"),
        Block(id="c", kind="cnot_chain"),
        Block(id="w", kind="rot_layer"),
    ),
)
HEAD = (
    Stage(id="angles-1", kind="linear", settings={"outputs": 2}),
    Stage(id="squash-1", kind="squash"),
    Stage(id="circuit-1", kind="quantum", circuit=CIRCUIT),
    Stage(id="last-1", kind="linear"),
)
TRAININGS = {
    "all trained, with dropout": (
        (Stage(id="flat-1", kind="flatten"), Stage(id="drop-1", kind="dropout"), *HEAD),
        TrainingSpec(epochs=2, batch_size=7, optimizer="sgd", seed=3),
    ),
    "a frozen circuit in the middle": (
        (Stage(id="flat-1", kind="flatten"), *HEAD[:2], HEAD[2].but(frozen=True), HEAD[3]),
        TrainingSpec(epochs=2, optimizer="adamw", schedule="step", step_size=1, weight_decay=0.1),
    ),
    "a frozen front without a backbone": (
        (
            Stage(id="conv-1", kind="conv", settings={"channels": 2, "kernel": 3}, frozen=True),
            Stage(id="flat-1", kind="flatten"),
            *HEAD,
        ),
        TrainingSpec(epochs=2),
    ),
    "a pretrained backbone that trains on": (
        (Stage(id="b-1", kind="backbone", weights=WeightsSpec(origin="pretrained")), *HEAD),
        TrainingSpec(epochs=2, batch_size=23, learning_rate=1e-3),
    ),
    "a random backbone that trains": (
        (Stage(id="b-1", kind="backbone"), *HEAD),
        TrainingSpec(epochs=2, learning_rate=1e-3),
    ),
}


@pytest.mark.parametrize("name", list(TRAININGS))
def test_every_way_to_train_gives_the_programs_losses(
    name: str, tmp_path: Path, call: Call
) -> None:
    stages, training = TRAININGS[name]
    data = DataSpec(classes=("1", "7"), limit=24)
    design = Design(data=data, stages=stages, training=training)
    told: list[events.Epoch] = []

    def note(event: events.Event) -> None:
        if isinstance(event, events.Epoch):
            told.append(event)

    run = train(design, note, out=str(tmp_path / "run"))
    assert run is not None
    path = export(run, tmp_path / "model.py")
    code, said = call(path, "--train")
    assert code == 0, said
    ours = [[epoch.train_loss, epoch.val_loss] for epoch in told]
    np.testing.assert_allclose(losses(said), ours, atol=1e-3)
    assert call(path, "--verify")[0] == 0


# ---- writing -------------------------------------------------------------------------------------


def test_a_design_without_a_run_is_exported_with_its_first_weights(
    tmp_path: Path, call: Call
) -> None:
    path = export(QUICKSTART, tmp_path / "fresh")
    assert path == tmp_path / "fresh.py"
    assert "It is untrained" in path.read_text(encoding="utf-8")
    assert call(path, "--verify")[0] == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fresh.py", "fresh_files"]


def test_photographs_are_copied_byte_for_byte_under_plain_names(tmp_path: Path, call: Call) -> None:
    root = tree(
        tmp_path / "data", "an\u00efts & co", 'be\'es "x"' if sys.platform != "win32" else "b"
    )
    spec = DataSpec(source="folder", path=str(root))
    path = export(SPLIT.but(data=spec), tmp_path / "it's a model.py")
    files = tmp_path / "it's a model_files" / "images"
    originals = {file.read_bytes() for file in root.rglob("*.png")}
    copies = sorted(files.iterdir())
    assert len(copies) == 4  # two of each class are held back
    assert all(re.fullmatch(r"\d\d-[a-z0-9-]+\.png", file.name) for file in copies)
    assert {file.read_bytes() for file in copies} <= originals
    code, said = call(path, "--verify")
    assert code == 0, said
    code, said = call(path, "--train", str(root), "--epochs", "1")
    assert code == 0, said


def test_exporting_again_replaces_the_older_export(exported: Path, tmp_path: Path) -> None:
    path = copied(exported, tmp_path)
    (tmp_path / "model_files/images/stale.png").write_bytes(b"old")
    export(QUICKSTART, path)
    assert not (tmp_path / "model_files/images/stale.png").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.py", "model_files"]


Refused = tuple[Callable[[Path], Path], str]


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (lambda root: root / "nowhere" / "model.py", "does not exist"),
        (lambda root: root / "torch.py", "would hide the library"),
        (lambda root: root / "taken.py", "no export of ours"),
        (lambda root: root / "folder.py", "is a folder"),
    ],
)
def test_a_place_where_no_script_can_stand_is_refused(
    place: Callable[[Path], Path], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "taken_files").mkdir()
    (tmp_path / "taken_files" / "mine.txt").write_text("mine")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(UserError, match=sentence):
        export(QUICKSTART, place(tmp_path))
    assert (tmp_path / "taken_files" / "mine.txt").exists()


def test_a_failed_export_leaves_the_older_one_as_it_was(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(exported, tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    place = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target == path:
            raise OSError(28, "No space left on device")
        return place(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match="No space left"):
        export(QUICKSTART, path)
    assert {f: f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()} == before


def test_validation_images_that_are_gone_are_passed_over_and_none_at_all_is_said(
    tmp_path: Path, call: Call
) -> None:
    root = tree(tmp_path / "data", "a", "b")
    design = SPLIT.but(
        data=DataSpec(source="folder", path=str(root)), training=TrainingSpec(epochs=1)
    )
    run = train(design, lambda event: None, out=str(tmp_path / "run"))
    assert run is not None
    first, *others = (Path(row["path"]) for row in run.items())
    first.unlink()
    path = export(run, tmp_path / "model.py")
    assert f"over {len(others)} images" in call(path, "--verify")[1]
    for other in others:
        other.unlink()
    with pytest.raises(UserError, match="None of the validation samples"):
        export(run, tmp_path / "model.py")


# ---- real photographs ----------------------------------------------------------------------------


@pytest.mark.shared
def test_the_tutorial_on_real_photographs_verifies(
    shared_data: Path, tmp_path: Path, call: Call
) -> None:
    design = codec.load(resource("templates/quantum-transfer-learning.qdesign"))
    file = shared_data / "weights/mobilenet_v2_imagenet1k_rebuilt.pth"
    backbone = design.stages[0].but(
        settings={"model": "mobilenet_v2"}, weights=WeightsSpec(origin="file", path=str(file))
    )
    data = DataSpec(source="folder", path=str(shared_data / "data/hymenoptera"))
    path = export(
        design.but(stages=(backbone, *design.stages[1:]), data=data), tmp_path / "model.py"
    )
    code, said = call(path, "--verify")
    assert code == 0, said
    assert "over 8 images\nverified" in said
