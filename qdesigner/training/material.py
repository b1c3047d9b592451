"""What a run works on: its data, its model, and the inputs of what is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from qdesigner.data.dataset import Dataset, open_dataset
from qdesigner.design.checks import require_trainable
from qdesigner.design.plan import one_thread, trains_batch_norm
from qdesigner.design.spec import Design
from qdesigner.devices.base import load, loading
from qdesigner.errors import UserError
from qdesigner.model.build import Split
from qdesigner.training.control import Telling
from qdesigner.training.inputs import Inputs, prefix_key, prepare


@dataclass(frozen=True)
class Material:
    """A design with its data and its model, cut after the frozen front, and what the trained part
    is fed with."""

    design: Design
    dataset: Dataset
    split: Split
    train: Inputs
    validation: Inputs

    @staticmethod
    def of(design: Design, tell: Telling, cut: int | None = None) -> Material:
        """Everything that ``design`` asks for; ``cut`` as `Split` takes it. Raises UserError, and
        StopTraining when the user has had enough."""
        require_trainable(design)
        load_device(design, tell)
        tell.say("reading the images")
        dataset = open_dataset(design.data, tell.progress("checking images"), tell.fetching)
        if len(dataset.train) < 2:
            raise UserError("Training needs at least two samples; add some, or raise the limit.")
        split = Split(design, dataset.outputs, tell.download, cut)
        made = Material(design, dataset, split, *_inputs(design, split, dataset, tell))
        tell.end_if_stopped()
        return made

    def threads(self, available: int) -> int:
        """How many of torch's threads this model trains fastest on."""
        return 1 if one_thread(self.design) else available

    @property
    def count(self) -> int:
        """How many samples an epoch has."""
        return len(self.dataset.train)

    def rest(self, order: Tensor, position: int) -> list[Tensor]:
        """The batches of an epoch's ``order`` from ``position`` on. A single sample that an edit
        leaves to a batch norm is taken together with the one before it, once more."""
        at_least_two = trains_batch_norm(self.design)
        if at_least_two and len(order) - position == 1:
            position = max(0, position - 1)
        return batches(order[position:], self.design.training.batch_size, at_least_two)

    def edited(self, design: Design, cut: int, tell: Telling) -> Material:
        """The same data for another design, cut after ``cut`` stages at most; inputs that are the
        same are not prepared anew. Raises UserError."""
        require_trainable(design)
        load_device(design, tell)
        split = Split(design, self.dataset.outputs, tell.download, cut)
        here, before = prefix_key(design, split.cut), prefix_key(self.design, self.split.cut)
        if split.cut == self.split.cut and here == before:
            return replace(self, design=design, split=split)
        inputs = _inputs(design, split, self.dataset, tell)
        return Material(design, self.dataset, split, *inputs)


def load_device(design: Design, tell: Telling) -> None:
    """What takes seconds the first time: compiling the simulator, or importing another one."""
    if any(stage.circuit is not None for stage in design.stages):
        tell.say(loading(design.device))
        load(design.device)


def batches(order: Tensor, size: int, at_least_two: bool) -> list[Tensor]:
    """``order`` cut into consecutive batches; with ``at_least_two`` a last batch of one image,
    which batch norm cannot take, joins the one before it."""
    parts = list(torch.split(order, size))
    if at_least_two and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def _inputs(design: Design, split: Split, dataset: Dataset, tell: Telling) -> list[Inputs]:
    """Those of the training and of the validation samples."""
    return [
        prepare(design, split, dataset, items, tell.progress, tell.stopped, vary=vary)
        for items, vary in ((dataset.train, True), (dataset.validation, False))
    ]
