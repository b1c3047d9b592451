"""The training loop: the one that the window shows, the command line prints and the tests run.

Everything random is keyed by (seed, epoch) so that a resumed run, and the exported script, replay
it: the order of epoch e is ``randperm`` by a generator seeded with ``epoch_seed(seed, e)``, and
``torch.manual_seed`` with the same number comes before the epoch's first step (dropout, shots).
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from qdesigner.data.dataset import Dataset, open_dataset
from qdesigner.design.checks import require_trainable
from qdesigner.design.plan import EPOCH_SEEDS, one_thread, trains_batch_norm
from qdesigner.design.spec import Design
from qdesigner.devices.base import load, loading
from qdesigner.errors import UserError
from qdesigner.model.build import Split, set_mode
from qdesigner.model.features import Interrupted
from qdesigner.session import events, record
from qdesigner.training.inputs import Inputs, prepare, thumbnails
from qdesigner.training.measure import gradient_norms, validate
from qdesigner.training.optimizer import load_optimizer, make_optimizer, make_schedule
from qdesigner.training.runs import Run, load_weights, refuse_occupied

STEPS_EVERY = 1 / 30  # s: at most this many messages a second
PREDICTIONS_EVERY = 0.1  # s

Emit = Callable[[events.Event], None]


class Control(Protocol):
    """What the loop asks between steps."""

    def wish(self) -> str:
        """ "run", "pause" or "stop"; never blocks."""

    def wait(self) -> None:
        """Sleep until the wish may have changed."""


class Free:
    """The control of a run that nobody interrupts."""

    def wish(self) -> str:
        """Always "run"."""
        return "run"

    def wait(self) -> None:
        """Nothing to wait for."""


class StopTraining(Exception):
    """Raised inside the loop when the user ends the run."""


def epoch_seed(seed: int, epoch: int) -> int:
    """The number that everything random in an epoch (from 1) is seeded with."""
    return seed * EPOCH_SEEDS + epoch


def batches(order: Tensor, size: int, at_least_two: bool) -> list[Tensor]:
    """``order`` cut into consecutive batches; with ``at_least_two`` a last batch of one image,
    which batch norm cannot take, joins the one before it."""
    parts = list(torch.split(order, size))
    if at_least_two and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def train(
    design: Design,
    emit: Emit,
    control: Control | None = None,
    out: str = "",
    resume: str = "",
) -> Run | None:
    """Train ``design``, telling ``emit`` of everything; the last event is Finished or Stopped.

    ``out`` is the new run's folder ("" for one in the user's data folder); ``resume`` a run folder
    to go on with from its last checkpoint, with the design it was begun with. Returns the run, or
    None when it was stopped before there was one. Raises UserError for what the user can mend;
    any other exception is a fault of the program.
    """
    run = Run.open_for_resume(resume) if resume else None
    trainer = _Trainer(run.design if run else design, emit, control or Free())
    try:
        return trainer.run(run, out)
    except (MemoryError, RuntimeError) as error:
        # torch says it by a RuntimeError: "can't allocate memory", "not enough memory".
        if isinstance(error, MemoryError) or "memory" in str(error):
            raise UserError(
                "There is not enough memory for this run; use smaller batches, smaller images or "
                "fewer wires."
            ) from error
        raise
    finally:
        if run is not None:
            run.close()


@dataclass
class _Best:
    epoch: int = 0
    accuracy: float = -1.0
    loss: float = math.inf

    def beaten_by(self, accuracy: float, loss: float) -> bool:
        return (accuracy, -loss) > (self.accuracy, -self.loss)


@dataclass
class _Pending:
    """Steps not yet told of."""

    epoch: int = 0
    first: int = 0
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    images: int = 0
    since: float = field(default_factory=time.perf_counter)


class _Trainer:
    """One run from data to last epoch. The state of the loop, and nothing else."""

    def __init__(self, design: Design, emit: Emit, control: Control) -> None:
        self.design = design
        self.spec = design.training
        self.emit_only = emit
        self.control = control
        self.best = _Best()
        self.steps = 0
        self.paused_for = 0.0
        self.last_predictions = 0.0

    def run(self, run: Run | None, out: str) -> Run | None:
        self.load_device()
        begun = time.perf_counter()
        refuse_occupied(out)
        try:
            self.prepare()
        except (StopTraining, Interrupted):
            self.emit_only(events.Stopped(0, ""))
            return run
        run = run or Run.begin(
            self.design, out, classes=self.dataset.classes, seed=self.spec.seed,
            engine=self.design.device.name, threads=self.threads, prefix=self.split.cut,
        )  # fmt: skip
        self.folder = run
        try:
            first = self.take_up()
            self.announce(first)
            self.seconds_features = time.perf_counter() - begun
            self.loop(first)
        except StopTraining:
            run.set_state("stopped")
            self.emit(events.Stopped(self.epoch_done, str(run.path)))
        except BaseException:
            with contextlib.suppress(UserError):  # a disk too full for it has its reason above
                run.set_state("failed")
            raise
        finally:
            run.close()
        return run

    def emit(self, event: events.Event) -> None:
        self.folder.record(event)
        self.emit_only(event)

    # ---- before the first step ------------------------------------------------------------------

    def load_device(self) -> None:
        """What takes seconds the first time: compiling the simulator, or importing another one."""
        if all(stage.circuit is None for stage in self.design.stages):
            return
        self.emit_only(events.Progress(loading(self.design.device), 0, 0))
        load(self.design.device)

    def prepare(self) -> None:
        """Data, model, and the inputs of what is trained."""
        require_trainable(self.design)
        self.emit_only(events.Progress("reading the images", 0, 0))
        self.dataset: Dataset = open_dataset(
            self.design.data, self.progress("checking images"), self.fetching
        )
        if len(self.dataset.train) < 2:
            raise UserError("Training needs at least two samples; add some, or raise the limit.")
        self.split = Split(self.design, self.dataset.outputs, self.download)
        inputs = [
            prepare(
                self.design, self.split, self.dataset, items, self.progress, self.stopped,
                vary=items is self.dataset.train,
            )
            for items in (self.dataset.train, self.dataset.validation)
        ]  # fmt: skip
        if self.stopped():
            raise StopTraining
        self.train_inputs: Inputs = inputs[0]
        self.val_inputs: Inputs = inputs[1]
        self.tail = self.split.tail
        self.threads = 1 if one_thread(self.design) else torch.get_num_threads()
        self.optimizer = make_optimizer(self.spec, self.tail)
        self.schedule = make_schedule(self.spec, self.optimizer)
        self.loss = nn.CrossEntropyLoss()

    def progress(self, what: str) -> Callable[..., None]:
        """Tells of ``(done, total, rate=0)`` in the words ``what``, at most 30 times a second;
        raises StopTraining when the user has had enough."""
        last = [0.0]

        def tell(done: int, total: int, rate: float = 0.0) -> None:
            now = time.perf_counter()
            if now - last[0] >= STEPS_EVERY or done == total:
                last[0] = now
                self.emit_only(events.Progress(what, done, total, rate))
                if self.stopped():
                    raise StopTraining

        return tell

    def download(self, what: str, done: int, total: int) -> None:
        self.emit_only(events.Progress(f"downloading {what}", done, total))

    def fetching(self, what: str, done: int, total: int) -> None:
        """Tells of a download of data, which ends when the user has had enough: it is resumed."""
        self.download(what, done, total)
        if self.stopped():
            raise StopTraining

    def stopped(self) -> bool:
        return self.control.wish() == "stop"

    def take_up(self) -> int:
        """The first epoch to run: 1, or the one after the checkpoint of a resumed run."""
        self.epoch_done = 0
        if not (self.folder.path / record.LAST).exists():
            return 1
        values = self.folder.load_checkpoint("last")
        self.refuse_other_data()
        load_weights(self.tail, values["model"], self.folder.path.name)
        try:
            load_optimizer(self.optimizer, values["optimizer"])
            if self.schedule is not None:
                self.schedule.load_state_dict(values["schedule"])
            best_epoch, accuracy, loss = values["best"]
            self.best = _Best(int(best_epoch), float(accuracy), float(loss))
            self.epoch_done, self.steps = int(values["epoch"]), int(values["steps"])
            self.val_accuracy, self.val_loss = map(float, values["validation"])
        except Exception as error:  # a file from a stranger makes torch raise anything
            raise UserError(
                f"The checkpoint of {self.folder.path.name!r} does not fit its own design."
            ) from error
        self.folder.set_state("running")
        return self.epoch_done + 1

    def refuse_other_data(self) -> None:
        """Raises UserError when a resumed run would be judged by other images than it began with,
        or its classes are no longer the ones that its outputs stand for."""
        ours = [(item.key, item.label) for item in self.dataset.validation]
        theirs = [(row["key"], row["label"]) for row in self.folder.items()]
        if self.dataset.classes != self.folder.classes or ours != theirs:
            raise UserError(
                f"The classes or the validation images of {self.folder.path.name!r} are not those "
                "that it began with; put them back, or train anew."
            )

    def announce(self, first: int) -> None:
        data = self.dataset
        pictures = thumbnails(data, self.progress("making thumbnails"))
        self.folder.write_items(data.validation, pictures)
        if data.scaling is not None:
            self.folder.write_scaling(data.scaling)
        self.steps_per_epoch = len(self.cut(torch.arange(len(data.train))))
        self.emit(
            events.Started(
                run=str(self.folder.path), classes=data.classes, train=len(data.train),
                validation=len(data.validation), test=len(data.test), epochs=self.spec.epochs,
                steps_per_epoch=self.steps_per_epoch, first_epoch=first,
                skipped=tuple((file.path, file.reason) for file in data.skipped),
            )
        )  # fmt: skip

    # ---- the loop -------------------------------------------------------------------------------

    def cut(self, order: Tensor) -> list[Tensor]:
        return batches(order, self.spec.batch_size, trains_batch_norm(self.design))

    def loop(self, first: int) -> None:
        kept = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        self.begun = time.perf_counter()
        self.first_step = self.steps
        try:
            for epoch in range(first, self.spec.epochs + 1):
                self.epoch(epoch)
        finally:
            torch.set_num_threads(kept)
        self.folder.set_state("finished")
        self.emit(
            events.Finished(
                best_val_accuracy=self.best.accuracy, best_val_loss=self.best.loss,
                val_accuracy=self.val_accuracy, val_loss=self.val_loss,
                epochs=self.spec.epochs, seconds_features=self.seconds_features,
                seconds_training=time.perf_counter() - self.begun - self.paused_for,
                run=str(self.folder.path),
            )
        )  # fmt: skip

    def epoch(self, epoch: int) -> None:
        begun, paused = time.perf_counter(), self.paused_for
        rate = self.optimizer.param_groups[0]["lr"]
        train_loss, train_accuracy = self.train_epoch(epoch)
        norms = gradient_norms(self.tail)
        if self.schedule is not None:
            self.schedule.step()
        set_mode(self.design, self.tail, training=False)
        predictions, self.val_loss, self.val_accuracy = validate(self.tail, self.val_inputs, epoch)
        self.finite(self.val_loss, f"The validation loss became {{}} after epoch {epoch}")
        best = self.best.beaten_by(self.val_accuracy, self.val_loss)
        if best:
            self.best = _Best(epoch, self.val_accuracy, self.val_loss)
        event = events.Epoch(
            epoch, train_loss, train_accuracy, self.val_loss, self.val_accuracy, float(rate),
            time.perf_counter() - begun - (self.paused_for - paused), best, norms,
        )  # fmt: skip
        # Written before the checkpoint: killed in between, the epoch is run and told of again;
        # the other way round its point would be missing from the curve for ever.
        self.folder.record(event)
        self.save(epoch, best, predictions)
        self.epoch_done = epoch
        self.emit_only(event)
        now = time.perf_counter()
        if now - self.last_predictions > PREDICTIONS_EVERY or epoch == self.spec.epochs:
            self.last_predictions = now
            self.emit_only(predictions)

    def train_epoch(self, epoch: int) -> tuple[float, float]:
        """One pass over the training images; mean loss and accuracy over them."""
        number = epoch_seed(self.spec.seed, epoch)
        count = len(self.dataset.train)
        self.train_inputs.begin_epoch(epoch)
        order = torch.randperm(count, generator=torch.Generator().manual_seed(number))
        torch.manual_seed(number)
        set_mode(self.design, self.tail, training=True)
        pending = _Pending(epoch, self.steps)
        loss_sum = right = 0.0
        for batch in self.cut(order):
            self.obey(pending)
            loss, hits = self.step(batch)
            loss_sum += loss * len(batch)
            right += hits
            self.steps += 1
            pending.losses.append(loss)
            pending.accuracies.append(hits / len(batch))
            pending.images += len(batch)
            if time.perf_counter() - pending.since >= STEPS_EVERY:
                pending = self.tell(pending)
        self.tell(pending)
        return loss_sum / count, right / count

    def step(self, batch: Tensor) -> tuple[float, int]:
        """One optimizer step; the batch's loss before it and the number of right answers."""
        x, labels = self.train_inputs.batch(batch)
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.tail(x)
        loss = self.loss(logits, labels)
        loss.backward()
        self.optimizer.step()
        value = self.finite(loss.item(), f"The loss became {{}} at step {self.steps + 1}")
        return value, int((logits.detach().argmax(dim=1) == labels).sum())

    def finite(self, loss: float, what: str) -> float:
        """The loss, when it is a number. Raises UserError."""
        if math.isfinite(loss):
            return loss
        raise UserError(
            f"{what.format(loss)}: training has diverged. "
            "Lower the learning rate or add a batch norm, and train again."
        )

    def tell(self, pending: _Pending) -> _Pending:
        if not pending.losses:
            return pending
        now = time.perf_counter()
        done = self.steps - self.first_step
        left = self.spec.epochs * self.steps_per_epoch - self.steps
        spent = now - self.begun - self.paused_for
        self.emit(
            events.Steps(
                pending.epoch, pending.first, tuple(pending.losses), tuple(pending.accuracies),
                images_per_second=pending.images / max(now - pending.since, 1e-9),
                seconds_left=spent / max(done, 1) * left,
            )
        )  # fmt: skip
        return _Pending(pending.epoch, self.steps)

    def obey(self, pending: _Pending) -> None:
        """Pause or stop when asked to."""
        wish = self.control.wish()
        if wish == "run":
            return
        if wish == "pause":
            begun = time.perf_counter()
            self.emit(events.Paused(self.steps))
            while (wish := self.control.wish()) == "pause":
                self.control.wait()
            waited = time.perf_counter() - begun
            self.paused_for += waited
            pending.since += waited
            if wish == "run":
                self.emit(events.Resumed())
        if wish == "stop":
            raise StopTraining

    def save(self, epoch: int, best: bool, predictions: events.Predictions) -> None:
        """Checkpoint of this epoch; the best one apart."""
        model = self.tail.state_dict()
        values: dict[str, Any] = {
            "epoch": epoch,
            "steps": self.steps,
            "model": model,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule is not None else {},
            "best": [self.best.epoch, self.best.accuracy, self.best.loss],
            "validation": [self.val_accuracy, self.val_loss],
        }
        # The last checkpoint comes last: it is what a resume goes by, so whatever a kill leaves
        # undone before it is done again.
        if best:
            self.folder.save_checkpoint("best", {"epoch": epoch, "model": model})
            self.folder.write_predictions("best_predictions", predictions)
        self.folder.write_predictions("predictions", predictions)
        self.folder.save_checkpoint("last", values)
