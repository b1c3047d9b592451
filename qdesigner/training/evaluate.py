"""A trained run on any device: the same weights and images, another simulator or a machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qdesigner.catalog.devices import BUILT_IN, DEVICES, missing, refusal
from qdesigner.circuit.free import free
from qdesigner.circuit.groups import circuits_per_row
from qdesigner.data.dataset import Dataset, Item, open_dataset
from qdesigner.design.plan import circuit_rows
from qdesigner.design.spec import Design, DeviceSpec
from qdesigner.devices.base import load, loading
from qdesigner.devices.layer import DeviceLayer
from qdesigner.devices.remote import Plan
from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.session.rehearsal_plan import BATCH
from qdesigner.training.inputs import Inputs, prepare
from qdesigner.training.losses import Criterion
from qdesigner.training.metrics import metrics
from qdesigner.training.runs import Run

Emit = Callable[[events.Event], None]
Agree = Callable[[str], bool]


@dataclass(frozen=True)
class Evaluation:
    """What a run says of the samples of ``split`` on ``device``; ``probabilities`` [samples,
    classes], of a regression [samples, 1] the predicted numbers. ``circuits`` were run, in
    ``seconds``; features are not counted."""

    device: DeviceSpec
    split: str
    classes: tuple[str, ...]
    keys: tuple[str, ...]
    labels: np.ndarray[Any, np.dtype[Any]]
    probabilities: np.ndarray[Any, np.dtype[np.float32]]
    loss: float
    circuits: int
    seconds: float

    @property
    def predictions(self) -> np.ndarray[Any, np.dtype[Any]]:
        """The most probable class of each sample, or the predicted number."""
        if not self.classes:
            return self.probabilities[:, 0]
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def accuracy(self) -> float:
        """The share of samples that it gets right; of a regression the mean absolute error."""
        if not self.classes:
            return self.metrics["mae"]
        return float((self.predictions == self.labels).mean())

    @property
    def metrics(self) -> dict[str, float]:
        """More figures, by the names of `Epoch.metrics`."""
        return metrics(self.probabilities, self.labels)

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON values, one row an image."""
        return {
            "event": "evaluated",
            "device": self.device.model_dump(mode="json"),
            "split": self.split,
            "images": len(self.keys),
            "accuracy" if self.classes else "mae": self.accuracy,
            "metrics": self.metrics,
            "loss": self.loss,
            "circuits": self.circuits,
            "seconds": self.seconds,
            "predictions": [
                self._row(key, label, row)
                for key, label, row in zip(self.keys, self.labels, self.probabilities, strict=True)
            ],
        }

    def _row(self, key: str, label: Any, row: np.ndarray[Any, Any]) -> dict[str, Any]:
        if not self.classes:
            return {"image": key, "label": float(label), "number": float(row[0])}
        return {
            "image": key,
            "label": self.classes[label],
            "class": self.classes[row.argmax()],
            "probabilities": [float(p) for p in row],
        }


def evaluate(
    folder: Path,
    spec: DeviceSpec,
    split: str = "validation",
    limit: int = 0,
    best: bool = True,
    emit: Emit = lambda event: None,
    agree: Agree = lambda sentence: False,
) -> Evaluation:
    """Ask the run in ``folder`` for the images of ``split`` ("train", "validation" or "test") with
    its circuits on ``spec``.

    ``limit`` takes that many of them, spread evenly; 0 all. Before a remote device is sent
    anything, ``agree`` is asked with a sentence that says how much and at what cost. Raises
    UserError.
    """
    run = Run.open(folder)
    design = run.design.model_copy(update={"device": spec})
    refuse_device(design)
    emit(events.Progress(loading(spec), 0, 0))
    load(spec)
    checkpoint = run.load_checkpoint("best" if best else "last")
    dataset = open_dataset(design.data, told(emit, "checking images"))
    items = chosen(dataset, split, limit)
    same_classes(run, dataset)
    model = run.split_of(checkpoint, design)
    _ask(model.tail, design, len(items), agree)
    inputs = prepare(
        design, model, dataset, items, lambda what: told(emit, what), stopped=lambda: False
    )
    torch.manual_seed(design.training.seed)  # of the shots
    begun = time.perf_counter()
    outputs = _outputs(model.tail.eval(), spec, inputs, emit)
    labels, criterion = inputs.labels, Criterion.of(design, dataset)
    return Evaluation(
        spec, split, run.classes, tuple(item.key for item in items), labels.numpy(),
        criterion.reading.probabilities(outputs).numpy(), float(criterion(outputs, labels)),
        circuits_run(design, len(items)), time.perf_counter() - begun,
    )  # fmt: skip


def refuse_device(design: Design) -> None:
    """Raises UserError when the circuits of ``design`` cannot even predict on its device. What has
    no circuit is asked here only."""
    circuits = [stage.circuit for stage in design.stages if stage.circuit is not None]
    if not circuits and design.device.name == BUILT_IN:
        return
    if not circuits:
        raise UserError(f"{design.name!r} has no quantum circuit that a device could run.")
    absent = missing(DEVICES[design.device.name])
    whys = (refusal(design.device, circuit, train=False) for circuit in circuits)
    why = absent or next((why for why in whys if why), "")
    if why:
        raise UserError(why)


def same_classes(run: Run, dataset: Dataset) -> None:
    """Raises UserError when the data has other classes than the run was trained on."""
    if dataset.classes != run.classes:
        raise UserError(
            f"The classes of the data are no longer those that {run.path.name!r} was trained on; "
            "put them back."
        )


def chosen(dataset: Dataset, split: str, limit: int) -> Sequence[Item]:
    """``limit`` images of a split, spread evenly over it (0: all). Raises UserError when there are
    none."""
    items: Sequence[Item] = getattr(dataset, split)
    if not items:
        raise UserError(
            f"The run's data has no images to {'test' if split == 'test' else 'validate'} on; "
            "choose another split."
        )
    if not 0 < limit < len(items):
        return items
    return [items[number * len(items) // limit] for number in range(limit)]


def circuits_run(design: Design, images: int) -> int:
    """How many circuits predict so many images. With shots, observables that cannot be measured
    together take a circuit each."""
    rows = circuit_rows(design)
    return images * sum(
        rows[stage.id] * (circuits_per_row(free(stage.circuit)) if design.device.shots else 1)
        for stage in design.stages
        if stage.circuit is not None
    )


def _ask(tail: nn.Module, design: Design, images: int, agree: Agree) -> None:
    """Let remote devices send what is agreed to. Raises UserError when it is not."""
    spec, rows = design.device, circuit_rows(design)
    if not DEVICES[spec.name].remote:
        return
    for name, layer in tail.named_children():
        if isinstance(layer, DeviceLayer):
            device: Any = layer.device
            plan: Plan = device.plan(free(layer.circuit), images * rows[name], spec.shots)
            device.confirm(plan, agree(plan.sentence))


@torch.no_grad()
def _outputs(tail: nn.Module, spec: DeviceSpec, inputs: Inputs, emit: Emit) -> Tensor:
    """The model's outputs [samples, outputs]. A remote device gets all images at once, in as few
    jobs as it takes them."""
    kind, count = DEVICES[spec.name], len(inputs.labels)
    tell = told(emit, f"running on {kind.label}")
    size = count if kind.remote else BATCH
    tell(0, count)
    rows = []
    for part in torch.split(torch.arange(count), size):
        rows.append(tail(inputs.batch(part)[0]))
        tell(int(part[-1]) + 1, count)
    return torch.cat(rows)


def told(emit: Emit, what: str) -> Callable[..., None]:
    """What tells ``emit`` of ``(done, total, rate=0)`` in the words ``what``, 30 times a second."""
    last = [0.0]

    def tell(done: int, total: int, rate: float = 0.0) -> None:
        now = time.perf_counter()
        if now - last[0] >= 1 / 30 or done == total:
            last[0] = now
            emit(events.Progress(what, done, total, rate))

    return tell
