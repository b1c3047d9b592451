"""The training loop: the one that the window shows, the command line prints and the tests run.

Everything random is keyed by (seed, epoch) so that a resumed run, and the exported script, replay
it: the order of epoch e is ``randperm`` by a generator seeded with ``epoch_seed(seed, e)``, and
``torch.manual_seed`` with the same number comes before the epoch's first step (dropout, shots).
A checkpoint within an epoch keeps the generators' state.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from qdesigner.design import codec
from qdesigner.design.plan import EPOCH_SEEDS
from qdesigner.design.spec import Design, TrainingSpec
from qdesigner.errors import UserError
from qdesigner.model.build import set_mode
from qdesigner.model.features import Interrupted
from qdesigner.session import events, record
from qdesigner.training import changing
from qdesigner.training.branch import Branch
from qdesigner.training.compute import choose
from qdesigner.training.control import OFTEN, Control, Emit, Free, StopTraining, Telling
from qdesigner.training.divergence import EXPLODED, refuse_divergence, sound
from qdesigner.training.history import History
from qdesigner.training.inputs import thumbnails
from qdesigner.training.losses import Criterion
from qdesigner.training.material import Material, batches
from qdesigner.training.measure import gradient_norms, validate
from qdesigner.training.optimizer import Descent
from qdesigner.training.pace import FORWARD, Pace
from qdesigner.training.plane import Plane, scatter
from qdesigner.training.runs import Run, load_weights, refuse_occupied
from qdesigner.training.state import Best, State, Within, set_random_state
from qdesigner.training.transplant import Grown, bound, transplant

__all__ = ["Control", "Emit", "Free", "batches", "epoch_seed", "train"]

PREDICTIONS_EVERY = 0.1  # s
SAVE_EVERY = 10.0  # s between checkpoints within an epoch
SAVE_SHARE = 50  # and at least so many times as long as the last one took

Checkpoint = dict[str, Any]


def epoch_seed(seed: int, epoch: int) -> int:
    """The number that everything random in an epoch (from 1) is seeded with."""
    return seed * EPOCH_SEEDS + epoch


def train(
    design: Design,
    emit: Emit,
    control: Control | None = None,
    out: str = "",
    resume: str = "",
    branch: str = "",
    epoch: int = 0,
    sparing: bool = False,
) -> Run | None:
    """Train ``design``, telling ``emit`` of everything; the last event is Finished or Stopped.

    ``out`` is the new run's folder ("" for one in the user's data folder); ``resume`` a run folder
    to go on with from its last checkpoint, with the design it has there; ``branch`` a run with
    whose weights after ``epoch`` a new one begins. With ``sparing`` it leaves nothing that only a
    look at it needs: no epochs to go back to, no small pictures, no plots. Returns the run, or None
    when it was stopped before there was one. Raises UserError for what the user can mend; any other
    exception is a fault of the program.
    """
    run, checkpoint = Run.open_for_resume(resume) if resume else (None, None)
    begin = Branch(design, branch, epoch) if branch and not resume else None
    design = run.design if run else begin.design if begin else design
    trainer = Trainer(design, emit, control or Free(), sparing)
    try:
        return trainer.run(run, checkpoint, out, begin)
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


class Trainer:
    """One run from data to last epoch. The state of the loop, and nothing else."""

    def __init__(self, design: Design, emit: Emit, control: Control, sparing: bool = False) -> None:
        self.sparing = sparing
        self.design = design
        self.emit_only = emit
        self.control = control
        self.tell = Telling(emit, control)
        self.state = State()
        self.pace = Pace()
        self.paused_for = 0.0
        self.last_predictions = 0.0
        self.first_loss = math.inf  # of the run's first step

    @property
    def spec(self) -> TrainingSpec:
        """How it is trained now."""
        return self.design.training

    def run(
        self, run: Run | None, checkpoint: Checkpoint | None, out: str, branch: Branch | None = None
    ) -> Run | None:
        refuse_occupied(out)
        begun = time.perf_counter()
        cut = checkpoint.get("cut") if checkpoint else None
        if branch is not None:
            cut = bound(branch.grown, branch.design)
        try:
            made = Material.of(self.design, self.tell, cut if isinstance(cut, int) else None)
        except (StopTraining, Interrupted):
            self.emit_only(events.Stopped(0, ""))
            return run
        self.available = torch.get_num_threads()
        self.work_on(made)
        run = run or Run.begin(self.design, out, classes=made.dataset.classes, **self.facts())
        self.folder = run
        try:
            if checkpoint is not None:
                self.take_up(checkpoint)
            if branch is not None:
                self.branch_off(branch)
            else:
                self.announce()
            self.seconds_features = time.perf_counter() - begun
            self.loop()
        except StopTraining:
            run.set_state("stopped")
            self.emit(events.Stopped(self.state.epoch, str(run.path)))
        except BaseException as error:
            with contextlib.suppress(UserError):  # a disk too full for it has its reason above
                run.set_state("failed")
                if isinstance(error, UserError):
                    resumable = (run.path / record.LAST).is_file()
                    run.record(events.Failed(str(error), str(run.path), resumable))
            raise
        finally:
            torch.set_num_threads(self.available)
            run.close()
        return run

    def facts(self) -> dict[str, Any]:
        """What run.json says of how it is trained."""
        return {
            "seed": self.spec.seed, "engine": self.design.device.name,
            "threads": self.made.threads(self.available), "prefix": self.made.split.cut,
        }  # fmt: skip

    def emit(self, event: events.Event) -> None:
        self.folder.record(event)
        self.emit_only(event)

    # ---- before the first step ------------------------------------------------------------------

    def work_on(self, made: Material) -> None:
        """Train this model from now on."""
        self.made = made
        self.device, self.note = choose(made.design)
        self.tail = made.split.tail.to(self.device)
        self.values_are(made.design)
        self.descent = Descent(self.spec, self.tail, self.device)
        self.criterion = Criterion.of(made.design, made.dataset).to(self.device)
        self.plane = None
        if not self.sparing:
            self.plane = Plane.of(made.design, made.dataset, made.split)
        torch.set_num_threads(made.threads(self.available))

    def values_are(self, design: Design) -> None:
        """The design as it is trained now, and what follows from its training values."""
        self.design = design
        self.design_text = codec.dumps(design.without_run())
        self.steps_per_epoch = len(self.made.rest(torch.arange(self.made.count), 0))

    def change_values(self, design: Design) -> None:
        """Train with the values of ``design`` from the next step on."""
        self.made = replace(self.made, design=design)
        self.values_are(design)
        self.descent.spec = design.training
        self.descent.begin_epoch(self.state.epoch + 1)
        self.pace.forget()

    def take_up(self, checkpoint: Checkpoint) -> None:
        """Stand where the checkpoint of a resumed run stands."""
        self.refuse_other_data()
        name = self.folder.path.name
        load_weights(self.tail, checkpoint["model"], name)
        try:
            self.descent.take(checkpoint)
            self.state = State.of(checkpoint, self.made.count)
        except Exception as error:  # a file from a stranger makes torch raise anything
            raise UserError(f"The checkpoint of {name!r} does not fit its own design.") from error
        self.folder.set_design(self.design)
        self.folder.set_state("running")

    def branch_off(self, branch: Branch) -> None:
        """Stand where the branch begins, with its weights and its way so far."""
        done = transplant(branch.grown, Grown(self.design, self.tail))
        items = [(item.key, item.label) for item in self.made.dataset.validation]
        if branch.same_samples(items, self.made.dataset.classes):
            branch.copy_epochs(self.folder)
        self.state.epoch, self.state.steps = branch.epoch, branch.copy_curve(self.folder)
        self.announce()
        self.save(anew=True)
        kept, trainable = done.kept, done.trainable
        self.emit(events.Mark(self.at, "branch", branch.words, kept, trainable))

    def refuse_other_data(self) -> None:
        """Raises UserError when a resumed run would be judged by other images than it began with,
        or its classes are no longer the ones that its outputs stand for."""
        ours = [(item.key, item.label) for item in self.made.dataset.validation]
        theirs = [(row["key"], row["label"]) for row in self.folder.items()]
        if self.made.dataset.classes != self.folder.classes or ours != theirs:
            raise UserError(
                f"The classes or the validation images of {self.folder.path.name!r} are not those "
                "that it began with; put them back, or train anew."
            )

    def announce(self) -> None:
        """Write what stays as it is, and say that the run begins or goes on."""
        data, state = self.made.dataset, self.state
        small = None
        if not self.sparing:
            small = thumbnails(data, self.tell.progress("making thumbnails"))
        self.folder.write_items(data.validation, small)
        if data.scaling is not None:
            self.folder.write_scaling(data.scaling)
        if not self.sparing:
            self.write_plots()
        self.history = History(self.folder, every=not self.sparing)
        self.history.forget_after(state.epoch)
        self.saved = state.steps if state.steps else -1
        self.emit(
            events.Started(
                run=str(self.folder.path), classes=data.classes, train=len(data.train),
                validation=len(data.validation), test=len(data.test), epochs=self.spec.epochs,
                steps_per_epoch=self.steps_per_epoch, first_epoch=state.epoch + 1,
                skipped=tuple((file.path, file.reason) for file in data.skipped), at=self.at,
                score="mae" if self.criterion.reading.of_numbers else "accuracy",
                compute=self.device.type, note=self.note,
            )
        )  # fmt: skip

    def write_plots(self) -> None:
        """Write where the samples lie of which the model is asked."""
        if self.plane is not None:
            self.folder.write_plane(self.plane.low, self.plane.high, self.plane.points)
        if (lying := scatter(self.made.validation)) is not None:
            self.folder.write_scatter(lying)

    # ---- the loop -------------------------------------------------------------------------------

    @property
    def at(self) -> float:
        """How far the run is, in epochs."""
        return self.state.epoch + self.state.within.position / self.made.count

    def loop(self) -> None:
        self.begun = time.perf_counter()
        self.plan_save(0.0)
        while not self.done:
            self.epoch(self.state.epoch + 1)
        self.folder.set_state("finished")
        state = self.state
        self.emit(
            events.Finished(
                best_val_accuracy=state.best.score, best_val_loss=state.best.loss,
                val_accuracy=state.score, val_loss=state.loss,
                epochs=state.epoch, seconds_features=self.seconds_features,
                seconds_training=time.perf_counter() - self.begun - self.paused_for,
                run=str(self.folder.path), early=state.epoch < self.spec.epochs,
            )
        )  # fmt: skip

    @property
    def done(self) -> bool:
        """Whether no epoch is to follow."""
        return self.state.epoch >= self.spec.epochs or self.descent.exhausted

    def epoch(self, epoch: int) -> None:
        """One epoch, or what is left of it, and its end."""
        self.epoch_begun = time.perf_counter() - self.state.within.seconds
        self.descent.begin_epoch(epoch)
        train_loss, train_score = self.train_epoch(epoch)
        norms = gradient_norms(self.tail)
        set_mode(self.design, self.tail, training=False)
        judged = validate(self.tail, self.made.validation, epoch, self.criterion, self.device)
        lowest = min(self.descent.stale.lowest, self.first_loss)
        refuse_divergence(train_loss, "The training loss", epoch, self.spec, lowest)
        refuse_divergence(judged.loss, "The validation loss", epoch, self.spec, lowest)
        rate = self.descent.rate
        self.descent.end_epoch(epoch, judged.loss)
        errors = self.criterion.reading.of_numbers
        best = self.state.best.beaten_by(judged.score, judged.loss, lower=errors)
        if best:
            self.state.best = Best(epoch, judged.score, judged.loss)
        self.state.epoch, self.state.within = epoch, Within()
        self.state.score, self.state.loss = judged.score, judged.loss
        event = events.Epoch(
            epoch, train_loss, train_score, judged.loss, judged.score, rate,
            time.perf_counter() - self.epoch_begun, best, norms, judged.metrics, judged.saturation,
        )  # fmt: skip
        predictions = judged.predictions
        if self.plane is not None:
            asked = self.plane.asked(self.tail, self.device)
            boundary = self.criterion.reading.probabilities(asked).cpu().numpy()
            predictions = replace(predictions, boundary=boundary)
        # Written before the checkpoint: killed in between, the epoch is run and told of again;
        # the other way round its point would be missing from the curve for ever.
        self.folder.record(event)
        self.history.keep(epoch, self.weights(), predictions, best)
        # The last checkpoint comes last: it is what a resume goes by, so whatever a kill leaves
        # undone before it is done again.
        self.save()
        self.history.thin(self.state.best.epoch)
        self.emit_only(event)
        now = time.perf_counter()
        if now - self.last_predictions > PREDICTIONS_EVERY or self.done:
            self.last_predictions = now
            self.emit_only(predictions)

    def train_epoch(self, epoch: int) -> tuple[float, float]:
        """One pass over the training samples, or what is left of it; their mean loss and score."""
        count = self.made.count
        number = epoch_seed(self.spec.seed, epoch)
        self.made.train.begin_epoch(epoch)
        order = torch.randperm(count, generator=torch.Generator().manual_seed(number))
        within = self.state.within
        if within.position:
            set_random_state(within.random)
        else:
            torch.manual_seed(number)
        set_mode(self.design, self.tail, training=True)
        self.pace.between()
        while within.position < count:
            for batch in self.made.rest(order, within.position):
                if self.control.wish() != "run" and self.obey():
                    break
                loss, score = self.step(batch, epoch)
                size = min(len(batch), count - within.position)
                within.position += size
                within.loss_sum += loss * size
                within.score_sum += score * (size / len(batch))
                self.state.steps += 1
                self.pace.add(loss, score / len(batch), size, epoch - 1 + within.position / count)
                if time.perf_counter() - self.pace.since >= OFTEN:
                    self.tell_steps()
                    if self.pace.since >= self.save_at and within.position < count:
                        self.save()
        self.tell_steps()
        return within.loss_sum / count, within.score_sum / count

    def step(self, batch: Tensor, epoch: int) -> tuple[float, float]:
        """One optimizer step; the batch's loss before it and the sum of its samples' scores."""
        x, labels = self.made.train.batch(batch)
        self.descent.clear()
        if self.device.type == "cpu":  # each call less counts in a step of half a millisecond
            outputs = self.tail(x)
        else:
            x, labels = x.to(self.device), labels.to(self.device)
            with self.descent.precision():
                outputs = self.tail(x).float()
        loss = self.criterion(outputs, labels)
        self.descent.step(loss)
        value = loss.item()
        if not math.isfinite(value) or value > EXPLODED:
            refuse_divergence(value, f"The loss of step {self.state.steps + 1}", epoch, self.spec)
        if not self.state.steps:
            self.first_loss = value
        return value, float(self.criterion.reading.scores(outputs.detach(), labels).sum())

    def tell_steps(self) -> None:
        """Tell of the steps that are not yet told of."""
        epoch, size = self.state.epoch, self.spec.batch_size
        epochs_left = max(0, self.spec.epochs - epoch)
        here = math.ceil((self.made.count - self.state.within.position) / size)
        steps_left = here + (epochs_left - 1) * self.steps_per_epoch
        ends = FORWARD * len(self.made.dataset.validation) / size
        told = self.pace.take(epoch + 1, self.state.steps, steps_left, epochs_left, ends)
        if told is not None:
            self.emit(told)

    # ---- between two steps ----------------------------------------------------------------------

    def obey(self) -> bool:
        """Pause, stop or change what is asked for; whether what comes next is cut otherwise now."""
        self.tell_steps()
        begun, changed = 0.0, False
        while (wish := self.control.wish()) != "run":
            if wish == "stop":
                self.save()
                raise StopTraining
            if wish == "change":
                changed = changing.apply(self, self.control.changes()) or changed
            elif not begun:
                self.save()
                begun = time.perf_counter()
                self.emit(events.Paused(self.state.steps))
            else:
                self.control.wait()
        if begun:
            self.waited(time.perf_counter() - begun)
            self.emit(events.Resumed())
        return changed

    def waited(self, seconds: float) -> None:
        """Time that counts for nothing."""
        self.paused_for += seconds
        self.epoch_begun += seconds
        self.pace.waited(seconds)

    # ---- checkpoints ----------------------------------------------------------------------------

    def weights(self) -> Checkpoint:
        """A checkpoint of the weights alone: those of the trained part, and of which model."""
        return {
            "epoch": self.state.epoch,
            "cut": self.made.split.cut,
            "design": self.design_text,
            "model": self.tail.state_dict(),
        }

    def save(self, anew: bool = False) -> None:
        """The last checkpoint: all that a resumed run goes on with; ``anew`` even where there was
        no step since the one before."""
        if self.saved == self.state.steps and not anew:
            return
        begun = time.perf_counter()
        within = self.state.within
        if within.position and not sound(self.tail):
            return  # the next step says that it has diverged: what was saved before is the better
        if within.position:
            within.seconds = begun - self.epoch_begun
        values = {**self.weights(), **self.state.to_values(), **self.descent.to_values()}
        self.folder.save_checkpoint(["last"], values)
        self.saved = self.state.steps
        self.plan_save(time.perf_counter() - begun)

    def plan_save(self, took: float) -> None:
        self.save_at = time.perf_counter() + max(SAVE_EVERY, SAVE_SHARE * took)
