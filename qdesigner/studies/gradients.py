"""The first steps of a training, with a look at the gradients that pass through an activation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from qdesigner.design.plan import trained_prefix
from qdesigner.design.spec import Design
from qdesigner.design.study import Task
from qdesigner.errors import UserError
from qdesigner.model.build import set_mode
from qdesigner.session.vanishing import BINS, HIGHEST, LOWEST, VANISHING, Gradients
from qdesigner.training.compute import choose
from qdesigner.training.control import Free, Telling
from qdesigner.training.loop import epoch_seed
from qdesigner.training.losses import Criterion
from qdesigner.training.material import Material
from qdesigner.training.optimizer import Descent

STEPS = (1, 10, 50)


def watched(design: Design) -> tuple[str, ...]:
    """The stages whose weights are trained before the model's last activation, quantum ones
    included, or before its last circuit where it has none: the gradients that reach them have
    passed through it. Raises UserError where there are none."""
    stages = design.stages
    places = [n for n, s in enumerate(stages) if s.kind == "activation" or s.row.each_feature]
    places = places or [n for n, stage in enumerate(stages) if stage.circuit is not None]
    end = places[-1] if places else 0
    front = trained_prefix(design)
    before = [s for s in stages[front:end] if s.row.trainable and not s.frozen]
    found = tuple(stage.id for stage in before if not stage.row.each_feature)
    if not found:
        raise UserError(
            f"In {design.name!r} nothing is trained before an activation, so no gradient passes "
            "through one."
        )
    return found


def measure(
    task: Task, steps: Sequence[int] = STEPS, tell: Telling | None = None
) -> tuple[Gradients, ...]:
    """The gradients at these training steps (from 1) of the run that ``task`` is, before any
    clipping. The steps are those that the run itself takes. Raises UserError."""
    design = task.design
    names = watched(design)
    made = Material.of(design, tell or Telling(lambda event: None, Free()))
    available = torch.get_num_threads()
    torch.set_num_threads(made.threads(available))
    try:
        return tuple(
            _seen(task, step, gradients)
            for step, gradients in _walk(made, names, sorted(set(steps)))
        )
    finally:
        torch.set_num_threads(available)


def _walk(
    made: Material, names: Sequence[str], steps: Sequence[int]
) -> Iterator[tuple[int, list[Tensor]]]:
    """Train as far as the last of ``steps``; at each of them the gradients of the stages named."""
    device, _ = choose(made.design)
    tail = made.split.tail.to(device)
    descent = Descent(made.design.training, tail, device)
    criterion = Criterion.of(made.design, made.dataset).to(device)
    caught: list[Tensor] = []
    children = dict(tail.named_children())
    weights = [w for name in names for w in children[name].parameters() if w.requires_grad]
    # Caught on their way, before any clipping.
    hooks = [weight.register_hook(caught.append) for weight in weights]  # type: ignore[no-untyped-call]
    for step, batch in enumerate(_batches(made, tail, descent), start=1):
        x, labels = made.train.batch(batch)
        caught.clear()
        descent.clear()
        with descent.precision():
            outputs = tail(x.to(device)).float()
        loss = criterion(outputs, labels.to(device))
        if not math.isfinite(loss.item()):
            raise UserError(
                f"The loss of step {step} is no number any more; lower the learning rate."
            )
        descent.step(loss)
        if step in steps:
            yield step, [gradient.detach().cpu() for gradient in caught]
        if step >= steps[-1]:
            break
    for hook in hooks:
        hook.remove()


def _batches(made: Material, tail: nn.Module, descent: Descent) -> Iterator[Tensor]:
    """The batches of one epoch after another, in the order in which a run takes them."""
    epoch = 0
    while True:
        epoch += 1
        number = epoch_seed(made.design.training.seed, epoch)
        descent.begin_epoch(epoch)
        made.train.begin_epoch(epoch)
        order = torch.randperm(made.count, generator=torch.Generator().manual_seed(number))
        torch.manual_seed(number)
        set_mode(made.design, tail, training=True)
        yield from made.rest(order, 0)


def _seen(task: Task, step: int, gradients: Sequence[Tensor]) -> Gradients:
    sizes = torch.cat([gradient.reshape(-1) for gradient in gradients]).abs().double().numpy()
    logs = np.log10(np.maximum(sizes, 10.0**LOWEST))
    counts, _ = np.histogram(np.minimum(logs, HIGHEST), bins=BINS, range=(LOWEST, HIGHEST))
    return Gradients(
        variant=task.variant, data=task.data, seed=task.seed, step=step,
        counts=tuple(map(int, counts)), weights=len(sizes),
        vanished=int((sizes < VANISHING).sum()), norm=float(np.linalg.norm(sizes)),
    )  # fmt: skip
