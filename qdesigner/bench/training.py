"""A whole run of the tutorial's head on cached features, beside the loop a person would write."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from qdesigner.bench.circuits import BATCH, DEPTH, WIRES
from qdesigner.bench.measure import Task, Tell, torch_threads
from qdesigner.catalog.devices import BUILT_IN
from qdesigner.data.dataset import open_dataset
from qdesigner.design import codec, edits
from qdesigner.design.spec import Design
from qdesigner.model.build import Split, set_mode
from qdesigner.paths import resource
from qdesigner.session import events
from qdesigner.session.comparison import Row
from qdesigner.training import loop
from qdesigner.training.inputs import Inputs, prepare
from qdesigner.training.optimizer import make_optimizer

EPOCHS, ROUNDS = 5, 3
BARE = "bare torch loop"


def training_task() -> Task:
    """The tutorial's head on the embedded digits' features, validation included in both."""

    def run(seconds: float, tell: Tell) -> Iterator[Row]:
        tell(BUILT_IN)
        design = _digits_design(EPOCHS)
        taken: list[tuple[float, float]] = []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(ROUNDS):
                program = _program_seconds(design, str(Path(folder, str(number))))
                with torch_threads(1):
                    taken.append((program, _bare_seconds(design)))
        row = Row("training", BUILT_IN, WIRES, DEPTH, BATCH)
        middle = statistics.median
        yield replace(row, seconds=middle(program for program, _ in taken), ratio=1.0)
        yield replace(
            row, engine=BARE, seconds=middle(bare for _, bare in taken),
            ratio=middle(bare / program for program, bare in taken),
        )  # fmt: skip

    return Task(2, run)


def _digits_design(epochs: int) -> Design:
    tutorial = codec.load(resource("templates/quantum-transfer-learning.qdesign"))
    design = edits.set_backbone(tutorial, "embedded")
    design = edits.set_data(design, source="digits", classes=tuple("56789"))
    return edits.set_training(design, epochs=epochs)


def _program_seconds(design: Design, out: str) -> float:
    heard: list[events.Event] = []
    loop.train(design, heard.append, out=out)
    assert isinstance(heard[-1], events.Finished)
    return heard[-1].seconds_training


def _bare_seconds(design: Design) -> float:
    """The loop a person would write for this head and these features, timed."""
    data = open_dataset(design.data)
    split = Split(design, len(data.classes))

    def inputs(items: Any) -> Inputs:
        return prepare(design, split, data, items, lambda what: lambda *told: None, lambda: False)

    train, validation = inputs(data.train), inputs(data.validation)
    model = split.tail
    optimizer = make_optimizer(design.training, model)
    every, gamma = design.training.step_size, design.training.gamma
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, every, gamma)
    begun = time.perf_counter()
    for _ in range(design.training.epochs):
        set_mode(design, model, training=True)
        loss_sum = right = 0.0
        for batch in torch.split(torch.randperm(len(data.train)), design.training.batch_size):
            x, labels = train.batch(batch)
            optimizer.zero_grad(set_to_none=True)
            logits = model(x)
            loss = nn.functional.cross_entropy(logits, labels)
            torch.autograd.backward(loss)
            optimizer.step()
            loss_sum += loss.item() * len(batch)
            right += int((logits.argmax(dim=1) == labels).sum())
        schedule.step()
        set_mode(design, model, training=False)
        with torch.no_grad():
            logits = model(validation.batch(torch.arange(len(data.validation)))[0])
            nn.functional.cross_entropy(logits, validation.labels).item()
            (logits.argmax(dim=1) == validation.labels).float().mean().item()
    return time.perf_counter() - begun
