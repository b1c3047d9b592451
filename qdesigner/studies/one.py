"""One run of a study: trained by the loop that the window shows, then scored on the test."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NoReturn

import torch
from filelock import FileLock, Timeout
from torch import nn

from qdesigner.data.dataset import open_dataset
from qdesigner.design.study import Task
from qdesigner.engine.layer import CircuitLayer
from qdesigner.errors import UserError
from qdesigner.model.build import set_mode
from qdesigner.model.features import Interrupted
from qdesigner.session import events, record
from qdesigner.session.studying import Result
from qdesigner.training.control import Control, Emit, Free, StopTraining, Telling
from qdesigner.training.inputs import prepare
from qdesigner.training.loop import train
from qdesigner.training.losses import Criterion
from qdesigner.training.measure import Judged, validate
from qdesigner.training.runs import Run

LEAVING = 30.0  # s that a process which was told to end may take to save its run


def conduct_one(
    task: Task, folder: Path, emit: Emit = lambda event: None, control: Control | None = None
) -> Result | None:
    """Do the run ``task`` in ``folder``, going on with what is there of it; None when it was
    stopped.

    ``emit`` hears what the training says, and how far the rest is. The folder stays a run's, small:
    the weights of the best epoch, curves and predictions. Raises UserError: what the user can mend,
    or data without samples to test on.
    """
    control = control or Free()
    if not _finished(folder, task):
        resume = str(folder) if _begun(folder, task) else ""
        out = "" if resume else str(folder)

        def told(event: events.Event) -> None:
            if isinstance(event, events.Started) and not event.test:
                _refuse_untested(task)
            emit(event)

        run = train(task.design, told, control, out=out, resume=resume, sparing=True)
        if run is None or run.about["state"] != "finished":
            return None
    try:
        result = _scored(Run.open(folder), task, Telling(emit, control))
    except (StopTraining, Interrupted):
        return None
    with contextlib.suppress(
        OSError
    ):  # what only a run that goes on needs, three times the weights
        (folder / record.LAST).unlink(missing_ok=True)
    return result


def _finished(folder: Path, task: Task) -> bool:
    """Whether the run is trained and was only not scored yet. Waits for a process that is about to
    leave it."""
    if not (folder / record.DESIGN).is_file():
        return False
    try:
        with FileLock(folder / ".lock", timeout=LEAVING):
            run = Run.open(folder)
            run.load_checkpoint("best")
    except Timeout as error:
        raise UserError(
            f"The run {folder.name!r} is being trained by another process; wait for it."
        ) from error
    except (UserError, OSError, NotImplementedError):
        return False
    return run.about.get("state") == "finished" and run.design == task.design.without_run()


def _begun(folder: Path, task: Task) -> bool:
    """Whether there is a checkpoint of this very run to go on from; anything else is cleared
    away."""
    try:
        run = Run.open(folder)
        run.load_checkpoint("last")
        if run.design == task.design.without_run() and run.about.get("state") != "finished":
            return True
    except (UserError, OSError):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    return False


def _refuse_untested(task: Task) -> NoReturn:
    what = "rows" if task.design.data.rows else "images"
    raise UserError(
        f"The data has no {what} to test on, and a study is judged by them: give it a test share "
        "(--test 0.2), or a test/ folder."
    )


# ---- the test ------------------------------------------------------------------------------------


def _scored(run: Run, task: Task, tell: Telling) -> Result:
    """What the finished ``run`` came to, by the weights of its best epoch."""
    design, checkpoint = run.design, run.load_checkpoint("best")
    dataset = open_dataset(design.data, tell.progress("checking images"))
    if not dataset.test:
        _refuse_untested(task)
    split = run.split_of(checkpoint)
    inputs = prepare(design, split, dataset, dataset.test, tell.progress, tell.stopped)
    torch.manual_seed(design.training.seed)  # of shots
    set_mode(design, split.tail, training=False)
    criterion = Criterion.of(design, dataset)
    epoch = int(checkpoint["epoch"])
    judged = validate(split.tail, inputs, epoch, criterion, torch.device("cpu"))
    if not math.isfinite(judged.loss):
        raise UserError(f"The loss on the test samples is {judged.loss}: this run has diverged.")
    told = record.read_events(run.path)
    best = next(e for e in reversed(told) if isinstance(e, events.Epoch) and e.epoch == epoch)
    parameters, quantum = _weights(split.tail)
    values = _values(judged, criterion.reading.of_numbers)
    return Result(
        key=task.key, variant=task.variant, data=task.data, seed=task.seed, epoch=epoch,
        validation=best.val_accuracy, test=fmean(values), loss=judged.loss, metrics=judged.metrics,
        errors=criterion.reading.of_numbers, parameters=parameters, quantum=quantum,
        seconds=_seconds(told), step=_step(told), samples=tuple(item.key for item in dataset.test),
        values=values,
    )  # fmt: skip


def _values(judged: Judged, numbers: bool) -> tuple[float, ...]:
    """One number a sample: its absolute error, or whether it is right."""
    said, labels = judged.predictions.probabilities, judged.predictions.labels
    if numbers:
        return tuple(abs(said[:, 0].astype(float) - labels.astype(float)).tolist())
    return tuple((said.argmax(axis=1) == labels).astype(float).tolist())


def _weights(model: nn.Module) -> tuple[int, int]:
    """How many weights are trained, and how many of them in circuits."""
    count = sum(weights.numel() for weights in model.parameters() if weights.requires_grad)
    quantum = sum(
        module.weights.numel()
        for module in model.modules()
        if isinstance(module, CircuitLayer) and module.weights.requires_grad
    )
    return count, quantum


def _seconds(told: Sequence[events.Event]) -> float:
    """How long the run took, all that was gone on with counted: the epochs told of before the last
    start, and what the last one says of itself."""
    last = max(n for n, event in enumerate(told) if isinstance(event, events.Started))
    started = told[last]
    assert isinstance(started, events.Started)
    before = {e.epoch: e.seconds for e in told[:last] if isinstance(e, events.Epoch)}
    kept = sum(spent for epoch, spent in before.items() if epoch < started.first_epoch)
    ended = next((e for e in told[last:] if isinstance(e, events.Finished)), None)
    return kept + (ended.seconds_features + ended.seconds_training if ended else 0.0)


def _step(told: Sequence[events.Event]) -> float:
    """The mean of a training step in seconds, 0 when none was told of."""
    steps, seconds, at, count = 0, 0.0, 0.0, 0
    for event in told:
        if isinstance(event, events.Started):
            at, count = event.at, event.train
        elif isinstance(event, events.Steps) and event.at and event.images_per_second > 0:
            seconds += (event.at[-1] - at) * count / event.images_per_second
            steps += len(event.losses)
            at = event.at[-1]
    return seconds / steps if steps else 0.0
