"""Changes to a run on its way: other training values, and an edited model that takes over the
weights which survive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qdesigner.catalog.devices import DEVICES
from qdesigner.design import edits
from qdesigner.design.spec import Design, Stage
from qdesigner.errors import UserError
from qdesigner.model.build import set_mode
from qdesigner.model.features import Interrupted
from qdesigner.session import events
from qdesigner.training.control import Changes, StopTraining
from qdesigner.training.state import Best, random_state, set_random_state
from qdesigner.training.transplant import Grown, bound, transplant

if TYPE_CHECKING:
    from qdesigner.training.loop import Trainer

MOST_SAID = 3  # edits that are named, of many
NAMES = {"learning_rate": "learning rate", "batch_size": "batch size", "epochs": "epochs"}


def apply(trainer: Trainer, asked: Changes) -> bool:
    """Do what is ``asked``, between two steps; whether anything came of it. What cannot be done is
    told of by `Refused`, and the run goes on as it was."""
    done = False
    for one in asked:
        try:
            if isinstance(one, events.Edit):
                done = _edit(trainer, one.design) or done
            else:
                done = _set(trainer, one) or done
        except (StopTraining, Interrupted):
            return done  # the wish to stop is obeyed next
        except UserError as error:
            trainer.emit_only(events.Refused(str(error)))
    return done


def _set(trainer: Trainer, asked: events.Change) -> bool:
    """Use other training values."""
    now = trainer.spec
    wanted = {name: getattr(asked, name) for name in NAMES}
    new = {n: v for n, v in wanted.items() if v is not None and v != getattr(now, n)}
    if not new:
        return False
    design = edits.set_training(trainer.design, **new)
    trainer.change_values(design)
    text = ", ".join(f"{NAMES[name]} {getattr(now, name):g} → {new[name]:g}" for name in new)
    _record(trainer, events.Mark(trainer.at, "change", text))
    return True


def _edit(trainer: Trainer, wanted: Design) -> bool:
    """Go on with another model on the same data, trained in the same way."""
    was = trainer.design
    design = wanted.model_copy(update={"data": was.data, "training": was.training})
    if design.stages == was.stages and design.device == was.device:
        return False
    old, descent, folder = Grown(was, trainer.tail), trainer.descent, trainer.folder
    fed = trainer.made.validation
    drawn = random_state()  # the new model's first weights are drawn from the same generator
    try:
        made = trainer.made.edited(design, bound(old, design), trainer.tell)
    finally:
        set_random_state(drawn)
    done = transplant(old, Grown(design, made.split.tail))
    folder.keep_design(trainer.state.epoch)
    trainer.work_on(made)
    trainer.descent.go_on_from(descent, done.grafts)
    made.train.begin_epoch(trainer.state.epoch + 1)
    if made.validation is not fed:
        trainer.write_plots()
    set_mode(design, trainer.tail, training=True)
    trainer.pace.forget()
    trainer.state.best = Best()  # what was best was another model
    if trainer.state.epoch:
        folder.save_checkpoint(["best"], trainer.weights())
    folder.about.update(trainer.facts())
    folder.set_state("running")
    text = edited(was, design)
    _record(trainer, events.Mark(trainer.at, "edit", text, done.kept, done.trainable))
    return True


def _record(trainer: Trainer, mark: events.Mark) -> None:
    """Write it down so that a resume goes on with it; the checkpoint counts, and comes first."""
    trainer.save(anew=True)
    trainer.folder.set_design(trainer.design)
    trainer.emit(mark)


def edited(was: Design, now: Design) -> str:
    """What an edit has changed, in a few words."""
    before, after = ({stage.id: stage for stage in design.stages} for design in (was, now))
    said = [f"{_label(stage)} added" for name, stage in after.items() if name not in before]
    said += [f"{_label(stage)} removed" for name, stage in before.items() if name not in after]
    said += [
        f"{_label(stage)} {_how(before[name], stage)}"
        for name, stage in after.items()
        if name in before and before[name] != stage
    ]
    if was.device != now.device:
        said.append(f"on {DEVICES[now.device.name].label}")
    if not said:
        said = ["stages in another order"]
    more = [f"{len(said) - MOST_SAID} more"] if len(said) > MOST_SAID else []
    return ", ".join(said[:MOST_SAID] + more)


def _label(stage: Stage) -> str:
    return stage.row.label


def _how(was: Stage, now: Stage) -> str:
    if was.model_copy(update={"frozen": now.frozen}) == now:
        return "frozen" if now.frozen else "unfrozen"
    return "changed"
