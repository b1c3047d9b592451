"""An exported script trains by the run's own loss, schedule and all that goes with them: it finds
the program's losses again, epoch by epoch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from test_export_files import HEAD, Call, call, text_module  # noqa: F401
from test_losses import LOGITS, ONE_WIRE, WIRE, table_of_numbers

from qdesigner.artifacts.export import export
from qdesigner.design import edits
from qdesigner.design.spec import DataSpec, Design, Stage
from qdesigner.export.script import script
from qdesigner.session import events
from qdesigner.training.loop import train
from qdesigner.training.predict import predict

DIGITS = DataSpec(classes=("1", "7"), limit=30)
UNEVEN = DataSpec(classes=("1", "7", "8"), limit=30)
FLAT = (Stage(id="flat-1", kind="flatten"), *HEAD)
NUMBERS = (
    Stage(id="two-1", kind="linear", settings={"outputs": 1}),
    Stage(id="wire-1", kind="quantum", circuit=WIRE),
    Stage(id="line-1", kind="linear"),
)
EPOCH = re.compile(r"train loss (\S+) (\w+) (\S+)  validation loss (\S+) \w+ (\S+)")
TRAININGS = {
    "a cosine with warm-up, clipped, smoothed": (
        DIGITS, FLAT,
        {"schedule": "cosine", "warmup": 2, "clip": 0.1, "label_smoothing": 0.1, "epochs": 5},
    ),
    "steps after a warm-up": (
        DIGITS, FLAT, {"schedule": "step", "warmup": 1, "step_size": 1, "gamma": 0.5, "epochs": 4},
    ),
    "a warm-up alone": (DIGITS, FLAT, {"warmup": 2, "epochs": 3}),
    "a plateau after a warm-up, stopped early": (
        DIGITS, FLAT,
        {"schedule": "plateau", "warmup": 1, "patience": 1, "gamma": 0.5, "early_stopping": 3,
         "learning_rate": 0.3, "epochs": 30},
    ),
    "balanced cross-entropy": (UNEVEN, FLAT, {"class_weights": "balanced", "epochs": 2}),
    "NLL on one wire": (DIGITS, ONE_WIRE, {"loss": "nll", "class_weights": "balanced"}),
    "BCE of logits": (UNEVEN, LOGITS, {"loss": "bce", "class_weights": "balanced"}),
    "BCE of chances": (DIGITS, ONE_WIRE, {"loss": "bce"}),
    "half precision where there is CUDA": (
        DIGITS,
        (Stage(id="conv-1", kind="conv", settings={"channels": 2, "kernel": 3}), *FLAT),
        {"compute": "cuda", "mixed": True, "clip": 1.0, "class_weights": "balanced"},
    ),
}  # fmt: skip


def told_epochs(design: Design, out: Path) -> list[events.Epoch]:
    heard: list[events.Event] = []
    train(design, heard.append, out=str(out))
    return [event for event in heard if isinstance(event, events.Epoch)]


def figures(said: str) -> list[list[float]]:
    return [[float(m[k]) for k in (1, 3, 4, 5)] for m in EPOCH.finditer(said)]


@pytest.mark.parametrize("name", list(TRAININGS))
def test_the_script_finds_the_programs_losses_again(
    name: str,
    tmp_path: Path,
    call: Call,  # noqa: F811
) -> None:
    data, stages, values = TRAININGS[name]
    design = Design(data=data, stages=stages)
    design = edits.set_training(design, **{"epochs": 3, "learning_rate": 0.02, **values})
    told = told_epochs(design, tmp_path / "run")
    from qdesigner.training.runs import Run

    path = export(Run.open(tmp_path / "run"), tmp_path / "model.py")
    code, said = call(path, "--train")
    assert code == 0, said
    ours = [[e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy] for e in told]
    theirs = figures(said)
    assert len(theirs) == len(ours), said
    np.testing.assert_allclose(theirs, ours, atol=1e-3)
    assert ("no lower validation loss" in said) == (len(told) < design.training.epochs)
    code, said = call(path, "--verify")
    assert code == 0, said
    image = str(next((tmp_path / "model_files" / "images").iterdir()))
    answer = predict(tmp_path / "run", [Path(image)])[0]
    said = call(path, image)[1]
    assert f"{answer.name} ({answer.confidence:.1%})" in said


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_the_script_learns_a_number_as_the_program_does_and_tells_it_in_its_unit(
    loss: str,
    standardise: bool,
    tmp_path: Path,
    call: Call,  # noqa: F811
) -> None:
    table = table_of_numbers(tmp_path)
    design = edits.use_table(Design(stages=NUMBERS), str(table), "y")
    design = edits.set_training(design, loss=loss, epochs=4, learning_rate=0.05)
    design = edits.set_data(design, standardise=standardise)
    told = told_epochs(design, tmp_path / "run")
    from qdesigner.training.runs import Run

    run = Run.open(tmp_path / "run")
    path = export(run, tmp_path / "model.py")
    code, said = call(path, "--train", str(table))
    assert code == 0, said
    ours = [[e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy] for e in told]
    np.testing.assert_allclose(figures(said), ours, rtol=1e-3)
    code, said = call(path, "--verify")
    assert code == 0, said
    weights = str(tmp_path / "model_trained.pt")
    code, said = call(path, "--weights", weights, str(table))
    assert code == 0
    numbers = [float(line.rsplit(" ", 1)[1]) for line in said.splitlines()]
    truth = np.genfromtxt(table, delimiter=",", names=True)["y"]
    assert len(numbers) == len(truth)
    if standardise:
        errors = np.abs(np.array(numbers) - truth).mean()
        assert errors == pytest.approx(min(e.val_accuracy for e in told), rel=0.5)


def test_a_script_says_nothing_of_what_it_does_not_do() -> None:
    plain = script(Design(data=DIGITS, stages=FLAT), ("1", "7"), "model_files")
    for word in ("loss_of", "learning_rate(", "CLIP", "DEVICE", "balance", "unit", "scaler"):
        assert word not in plain, word
    many = Design(data=DIGITS, stages=FLAT)
    many = edits.set_training(
        many, schedule="cosine", warmup=3, clip=0.5, early_stopping=4, label_smoothing=0.1,
        class_weights="balanced", compute="cuda", mixed=True,
    )  # fmt: skip
    text = script(many, ("1", "7"), "model_files")
    for word in ("WARMUP = 3", "CLIP = 0.5", "EARLY_STOPPING = 4", "LABEL_SMOOTHING = 0.1",
                 "circuits stay exact", "GradScaler"):  # fmt: skip
        assert word in text, word
    assert max(map(len, text.splitlines())) <= 100
