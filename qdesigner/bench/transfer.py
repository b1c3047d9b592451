"""Transfer learning, the whole of it: features once and all epochs here, beside the same model
trained as the tutorial does it, sample by sample and with the backbone run in every epoch."""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from qdesigner.bench.machine import machine
from qdesigner.bench.measure import torch_threads
from qdesigner.bench.peers import TOLERANCE, PennyLaneCircuit
from qdesigner.data.dataset import Dataset, Item, open_dataset
from qdesigner.data.images import transform
from qdesigner.design.spec import Design, preprocess
from qdesigner.engine.layer import QuantumLayer
from qdesigner.errors import UserError
from qdesigner.model.build import Split
from qdesigner.model.features import features_in
from qdesigner.session import events
from qdesigner.training import loop

WHOLE_RUN, PER_EPOCH = 15.0, 100.0  # at least so many times faster
PROVED = 2  # batches on which both models must say the same, gradients included

Say = Callable[[str], None]


@dataclass(frozen=True)
class Transfer:
    """What was measured, in seconds: here ``run`` from the call to the last event (with
    ``features`` once and all ``training`` within), there ``epoch``, one whole epoch."""

    design: Design
    images: tuple[int, int]
    classes: tuple[str, ...]
    accuracy: float
    run: float
    features: float
    training: float
    epoch: float
    steps: int
    threads: int

    @property
    def epochs(self) -> int:
        """How many are trained here."""
        return self.design.training.epochs

    @property
    def tutorial_run(self) -> float:
        """The tutorial's way for as many epochs, from the one that was measured."""
        return self.epochs * self.epoch

    @property
    def whole_run(self) -> float:
        """How many times faster the whole run is, features and looking through the data
        included."""
        return self.tutorial_run / self.run

    @property
    def per_epoch(self) -> float:
        """How many times faster an epoch is once features are kept, validation and checkpoints
        included."""
        return self.epoch / (self.training / self.epochs)

    def to_json(self) -> dict[str, Any]:
        """The measurement as JSON values."""
        training = self.design.training
        return {
            "event": "transfer",
            "images": {"train": self.images[0], "validation": self.images[1]},
            "classes": self.classes,
            "epochs": self.epochs,
            "batch": training.batch_size,
            "built_in": {
                "run_s": self.run, "features_s": self.features, "training_s": self.training,
                "epoch_s": self.training / self.epochs, "best_val_accuracy": self.accuracy,
            },
            "tutorial": {
                "epoch_s": self.epoch, "epochs_measured": 1, "steps_measured": self.steps,
                "threads": self.threads, "run_s": self.tutorial_run, "run_is_extrapolated": True,
            },
            "ratios": {"whole_run": self.whole_run, "per_epoch_cached": self.per_epoch},
            "bars": {"whole_run": WHOLE_RUN, "per_epoch_cached": PER_EPOCH},
            "machine": machine(),
        }  # fmt: skip


def transfer(design: Design, say: Say = lambda words: None) -> Transfer:
    """Measure ``design``, a frozen backbone with a head that holds one circuit measured by ⟨Z⟩.

    ``say`` hears what comes next. Nothing is timed before both models agree on values and
    gradients. Raises UserError.
    """
    say("Reading the data …")
    data = open_dataset(design.data)
    split = Split(design, data.outputs)
    tutorial = _Tutorial(design, split, data)
    say("Comparing the models …")
    tutorial.prove(split)
    say(f"Training {design.training.epochs} epochs here …")
    heard: list[events.Event] = []
    with tempfile.TemporaryDirectory() as folder, features_in(Path(folder, "features")):
        begun = time.perf_counter()
        loop.train(design, heard.append, out=str(Path(folder, "run")))
        run = time.perf_counter() - begun
    finished = heard[-1]
    assert isinstance(finished, events.Finished)
    threads = tutorial.best_threads()
    with torch_threads(threads):
        epoch, steps = tutorial.epoch(lambda done, total: say(
            f"The tutorial's way, one epoch: step {done} of {total} …"))  # fmt: skip
    return Transfer(
        design, (len(data.train), len(data.validation)), data.classes,
        finished.best_val_accuracy, run, finished.seconds_features, finished.seconds_training,
        epoch, steps, threads,
    )  # fmt: skip


class _Tutorial:
    """The same model and loop as a person writes them after the tutorial: images are read and the
    backbone runs in every step, the circuit sample by sample on default.qubit with backprop."""

    def __init__(self, design: Design, split: Split, data: Dataset) -> None:
        wanted = preprocess(design)
        self._channels, self._prepare = wanted.channels, transform(wanted)
        self._data, self._size = data, design.training.batch_size
        there = {name: _as_there(stage) for name, stage in split.tail.named_children()}
        if not split.cut or sum(isinstance(s, PennyLaneCircuit) for s in there.values()) != 1:
            raise UserError(
                "Only a frozen backbone with one circuit behind it, on the built-in device, is "
                "compared with the tutorial's way."
            )
        self._head = nn.Sequential(*there.values())
        self._model = nn.Sequential(split.prefix(), self._head)
        rate = design.training.learning_rate
        self._optimizer = torch.optim.Adam(self._head.parameters(), lr=rate)

    def prove(self, split: Split) -> None:
        """Raise UserError unless both models give the same logits and gradients; runs everything
        that is timed once."""
        same = nn.Sequential(split.prefix(), split.tail)
        for part in self._parts(self._data.train)[:PROVED]:
            images, labels = self._read(self._data.train, part)
            for mine, theirs in zip(*(_computed(m, images, labels) for m in (same, self._model)),
                                    strict=True):  # fmt: skip
                off = float((mine - theirs).abs().max())
                if not off <= TOLERANCE * max(1.0, float(mine.abs().max())):
                    raise UserError(f"The two models differ by {off:.1g}: they are not timed.")

    def best_threads(self) -> int:
        """How many torch threads serve this way best here: one, or as many as torch would take."""
        taken = {}
        parts = self._parts(self._data.train)[:4]
        for threads in dict.fromkeys((1, torch.get_num_threads())):
            with torch_threads(threads):
                begun = time.perf_counter()
                for part in parts:
                    self._step(part)
                taken[threads] = time.perf_counter() - begun
        return min(taken, key=taken.__getitem__)

    def epoch(self, tell: Callable[[int, int], None]) -> tuple[float, int]:
        """Seconds of one epoch, validation included, and how many steps that is."""
        train, validation = (self._parts(s) for s in (self._data.train, self._data.validation))
        total = len(train) + len(validation)
        begun = time.perf_counter()
        for number, part in enumerate(train, start=1):
            self._step(part)
            tell(number, total)
        with torch.no_grad():
            for number, part in enumerate(validation, start=len(train) + 1):
                images, labels = self._read(self._data.validation, part)
                logits = self._model(images)
                nn.functional.cross_entropy(logits, labels).item()
                int((logits.argmax(dim=1) == labels).sum())
                tell(number, total)
        return time.perf_counter() - begun, total

    def _parts(self, items: Sequence[Item]) -> list[Tensor]:
        return list(torch.split(torch.randperm(len(items)), self._size))

    def _read(self, items: Sequence[Item], part: Tensor) -> tuple[Tensor, Tensor]:
        """Images [batch, C, H, W] and labels, as a DataLoader without workers gives them."""
        chosen = [items[place] for place in part.tolist()]
        images = [self._prepare(self._data.image(item, self._channels)) for item in chosen]
        return torch.stack(images), torch.tensor([int(item.label) for item in chosen])

    def _step(self, part: Tensor) -> None:
        images, labels = self._read(self._data.train, part)
        self._optimizer.zero_grad()
        logits = self._model(images)
        loss = nn.functional.cross_entropy(logits, labels)
        torch.autograd.backward(loss)
        self._optimizer.step()
        loss.item()
        int((logits.argmax(dim=1) == labels).sum())


def _as_there(stage: nn.Module) -> nn.Module:
    """A copy of a stage; a circuit as the tutorial runs it."""
    if isinstance(stage, QuantumLayer):
        return PennyLaneCircuit(stage.circuit, stage.flat(), batched=False)
    return copy.deepcopy(stage)


def _computed(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [batch, classes], and the gradients of all that is trained, one after another."""
    logits = model(images)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    grads = torch.autograd.grad(nn.functional.cross_entropy(logits, labels), weights)
    return logits.detach(), torch.cat([grad.reshape(-1) for grad in grads])
