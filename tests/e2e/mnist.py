"""Train on 2,000 images of MNIST and test the last epoch's weights on its whole test set.

    python tests/e2e/mnist.py FOLDER [--seeds 0 1 2] [--only two|ten] [--runs FOLDER]

FOLDER is a local copy as torchvision keeps it. Two tasks: zeros and ones by a LeNet that ends in
one wire, and all ten digits by a LeNet with a quantum activation. One JSON line a run: the
accuracies, and the seconds that it took. Everything about how it is trained was chosen by the
validation images, which are training images of MNIST; the test set is looked at once, after the
last epoch.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch

from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.data.dataset import open_dataset
from qdesigner.design import edits
from qdesigner.design.spec import DataSpec, Design
from qdesigner.session import events
from qdesigner.training.inputs import prepare
from qdesigner.training.loop import train
from qdesigner.training.losses import Reading
from qdesigner.training.runs import Run

WIRE = Circuit(
    wires=1, blocks=(Block(id="embed", kind="h_ry_embedding"), Block(id="turn", kind="ry_layer"))
)
LENET = (
    ("conv", {"channels": 16, "kernel": 5}),
    ("activation", {}),
    ("pool", {}),
    ("conv", {"channels": 32, "kernel": 5}),
    ("activation", {}),
    ("pool", {}),
    ("flatten", {}),
    ("dropout", {"rate": 0.4}),
)
TASKS = {
    # Zeros and ones, 1,000 of each; the textbook's ending: (p, 1 - p) of one wire, and its loss.
    "two": (
        DataSpec(source="mnist", classes=("0", "1"), limit=1000, validation=0.05),
        (*LENET, ("linear", {"outputs": 32}), ("activation", {}), ("linear", {"outputs": 1}),
         ("quantum", {}), ("probability", {})),
        {"loss": "nll", "epochs": 10, "batch_size": 32, "learning_rate": 1e-3,
         "schedule": "cosine"},
    ),
    "ten": (
        DataSpec(source="mnist", limit=200, validation=0.03),
        (*LENET, ("linear", {"outputs": 128}), ("batch_norm", {}), ("quantum_activation", {}),
         ("dropout", {"rate": 0.4}), ("linear", {})),
        {"epochs": 30, "batch_size": 32, "learning_rate": 2e-3, "schedule": "cosine",
         "warmup": 1, "label_smoothing": 0.05, "optimizer": "adamw", "weight_decay": 0.01},
    ),
}  # fmt: skip


def design_of(task: str, folder: str, seed: int) -> Design:
    """The design of a task."""
    data, stages, values = TASKS[task]
    design = Design(name=f"MNIST, {task}", data=data.but(path=folder, seed=seed))
    for kind, settings in stages:
        design = edits.insert_stage_kind(design, kind, "", **settings)
    for stage in design.stages:
        if stage.kind == "quantum":
            design = edits.on_circuit(design, stage.id, lambda circuit: WIRE)
    return edits.set_training(design, seed=seed, **values)


@torch.no_grad()
def tested(run: Run) -> tuple[float, int]:
    """The accuracy of the last epoch's weights on the whole test set, and its size."""
    design = run.design
    data = open_dataset(design.data.but(limit=0))
    split = run.split_of(run.load_checkpoint("last"))
    images = prepare(design, split, data, data.test, lambda what: lambda *told: None, lambda: False)
    model, reading = split.tail.eval(), Reading.of(design)
    right = 0.0
    for part in torch.split(torch.arange(len(data.test)), 256):
        x, labels = images.batch(part)
        right += float(reading.scores(model(x), labels).sum())
    return right / len(data.test), len(data.test)


def one(task: str, folder: str, seed: int, runs: Path) -> dict[str, object]:
    """Train a task with a seed, and test it."""
    heard: list[events.Event] = []
    begun = time.perf_counter()
    run = train(design_of(task, folder, seed), heard.append, out=str(runs / f"{task}-{seed}"))
    assert run is not None
    seconds = time.perf_counter() - begun
    started = next(event for event in heard if isinstance(event, events.Started))
    end = heard[-1]
    assert isinstance(end, events.Finished)
    accuracy, images = tested(run)
    return {
        "task": task, "seed": seed, "train": started.train, "validation": started.validation,
        "test": images, "epochs": end.epochs, "val_accuracy": end.val_accuracy,
        "test_accuracy": accuracy, "seconds": seconds, "run": end.run,
    }  # fmt: skip


def main() -> None:
    """Every task with every seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", choices=list(TASKS))
    parser.add_argument("--runs", type=Path, help="where the runs are kept; nowhere if not named")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for task in [args.only] if args.only else list(TASKS):
            for seed in args.seeds:
                row = one(task, args.folder, seed, args.runs or Path(temporary))
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
