"""A run folder made up for tests: what a worker would have written, without training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from qdesigner.circuit.circuit import expand
from qdesigner.design import codec
from qdesigner.design.spec import Design, Stage
from qdesigner.paths import resource
from qdesigner.session import events
from qdesigner.session.record import EPOCHS

CLASSES = ("ants", "bees", "wasps")
STEPS = 4  # a whole epoch
STAGE = "quantum-1"


def design() -> Design:
    """The quickstart's design: four wires, one Repeat × 2 with an RY layer in it."""
    return codec.load(resource("templates/quickstart.qdesign"))


def quantum_stage() -> Stage:
    return design().stage(STAGE)


def started(folder: Path, epochs: int = 6, first_epoch: int = 1) -> events.Started:
    return events.Started(str(folder), CLASSES, 16, 12, 0, epochs, STEPS, first_epoch)


def steps(epoch: int, loss: float = 0.5) -> events.Steps:
    return events.Steps(epoch, (epoch - 1) * STEPS, (loss,) * STEPS, (0.75,) * STEPS, 100.0, 1.0)


def epoch(number: int, loss: float = 0.5, best: bool = True) -> events.Epoch:
    accuracy = 0.5 + 0.05 * number
    return events.Epoch(
        number, loss, accuracy, loss + 0.1, accuracy - 0.02, 0.01, 0.1, best, {STAGE: 0.25},
        {"balanced_accuracy": accuracy - 0.05, "f1": accuracy - 0.1}, {"squash-1": 0.1 * number},
    )  # fmt: skip


def predictions(number: int = 1, images: int = 12, seed: int = 0) -> events.Predictions:
    """Probabilities drawn by ``seed``; the labels go round through the classes."""
    rng = np.random.default_rng(seed)
    circuit = quantum_stage().circuit
    assert circuit is not None
    weights = np.arange(1.0, 1.0 + len(expand(circuit).weight_keys))
    return events.Predictions(
        number,
        rng.dirichlet(np.ones(len(CLASSES)), size=images).astype(np.float32),
        np.arange(images) % len(CLASSES),
        {STAGE: rng.normal(size=(images, 4)).astype(np.float32)},
        {STAGE: weights},
    )


def history(folder: Path, epochs: int, total: int = 6) -> list[events.Event]:
    """What a worker says up to the end of ``epochs`` epochs."""
    said: list[events.Event] = [started(folder, total)]
    for number in range(1, epochs + 1):
        said += [steps(number, 1 / number), epoch(number, 1 / number), predictions(number)]
    if epochs == total:
        said.append(events.Finished(0.8, 0.2, 0.78, 0.3, epochs, 1.0, 2.0, str(folder)))
    return said


def write_run(folder: Path, epochs: int = 6, total: int = 6, images: int = 12) -> Path:
    """Write a run folder as it stands after ``epochs`` of ``total`` epochs."""
    folder.mkdir(parents=True, exist_ok=True)
    codec.save(design(), folder / "design.json")
    state = "finished" if epochs == total else "running"
    about = {"classes": list(CLASSES), "state": state, "seed": 0}
    (folder / "run.json").write_text(json.dumps(about), encoding="utf-8")
    lines = [
        json.dumps(event.to_json()) + "\n"
        for event in history(folder, epochs, total)
        if not isinstance(event, events.Predictions)
    ]
    (folder / "events.jsonl").write_text("".join(lines), encoding="utf-8")
    items = [{"key": f"digits/{n}", "path": None, "label": n % 3} for n in range(images)]
    (folder / "items.json").write_text(json.dumps(items), encoding="utf-8")
    rng = np.random.default_rng(1)
    small = rng.integers(0, 255, (images, 8, 8, 3), dtype=np.uint8)
    np.save(folder / "thumbnails.npy", small.repeat(8, 1).repeat(8, 2))
    if epochs:
        write_predictions(folder, predictions(epochs, images))
    return folder


def keep_epochs(folder: Path, *numbers: int, images: int = 12) -> None:
    """What the worker keeps of epochs: each says something else, with other weights."""
    (folder / EPOCHS).mkdir(exist_ok=True)
    for number in numbers:
        said = predictions(number, images, seed=number)
        said.weights[STAGE][:] += 10 * number
        write_predictions(folder, said, f"{EPOCHS}/{number:06d}.npz")


def write_predictions(
    folder: Path, said: events.Predictions, name: str = "predictions.npz"
) -> None:
    np.savez(
        folder / name,
        epoch=np.int64(said.epoch),
        probabilities=said.probabilities,
        labels=said.labels,
        **{f"angles__{name}": rows for name, rows in said.angles.items()},
        **{f"weights__{name}": row for name, row in said.weights.items()},
    )
