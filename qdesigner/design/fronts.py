"""Fronts that are trained first and then stand frozen before another model: taken out of a run, or
LeNet, which is small enough to be trained from scratch.
"""

from __future__ import annotations

from pathlib import Path

from qdesigner.circuit.circuit import fresh_id
from qdesigner.circuit.fields import Scalar, complete
from qdesigner.design import codec, edits
from qdesigner.design.edits import EditError
from qdesigner.design.shapes import Traced, trace
from qdesigner.design.spec import Design, Stage, WeightsSpec, preprocess, sample_shape
from qdesigner.design.stages import STAGES
from qdesigner.paths import SHIPPED, run_folder

_DESIGN, _BEST = "design.json", "best.pt"  # of a run folder
_OF_IMAGES = frozenset(("conv", "pool", "flatten"))
LENET_SIDE = 28  # px: what its two convolutions are made for
_LENET: tuple[tuple[str, dict[str, Scalar]], ...] = (
    ("conv", {"channels": 10, "kernel": 5}),
    ("activation", {"function": "relu"}),
    ("pool", {"mode": "max", "kernel": 2}),
    ("conv", {"channels": 20, "kernel": 5}),
    ("activation", {"function": "relu"}),
    ("pool", {"mode": "max", "kernel": 2}),
    ("flatten", {}),
    ("linear", {"outputs": 50}),
    ("activation", {"function": "relu"}),
)


def is_trained_run(path: str) -> bool:
    """Whether a folder holds a run with the weights of a best epoch."""
    try:
        return all((run_folder(path) / name).is_file() for name in (_DESIGN, _BEST))
    except OSError:
        return False


def run_design(path: str) -> Design:
    """The design of the run in a folder. Raises EditError when it has trained nothing yet, or is
    not there."""
    if not is_trained_run(path):
        raise EditError(
            f"{path!r} is not the folder of a run that has trained an epoch; choose another run."
        )
    return codec.load(run_folder(path) / _DESIGN)


def use_front(design: Design, run: str, upto: str = "") -> Design:
    """The stages at the front of a trained run, frozen with their weights of its best epoch, before
    this model: the pre-trained half of transfer learning, classical or quantum.

    ``upto`` is the last of the run's stages that is taken; "" takes all but its head, which is the
    last stage with weights and what follows it. They replace what this model has at its front: its
    backbone, its stages that take images, or those that are the run's own. Without a backbone the
    images are prepared as the run had them. Raises EditError when there is nothing to take.
    """
    path = run if run.startswith(SHIPPED) else str(Path(run).absolute())
    there = run_design(path)
    taken = _taken(there, run_folder(path).name, upto)
    kept = design.stages[_replaced(design, taken) :]
    names = {stage.id for stage in kept}
    front = []
    for stage in taken:
        name = stage.id if stage.id not in names else fresh_id(names, stage.kind)
        names.add(name)
        front.append(_frozen(stage, name, path))
    changed: Design = design.but(stages=(*front, *kept))
    if there.backbone is None and not (there.data.rows or design.data.rows):
        shape = preprocess(there)
        changed = edits.set_data(changed, size=shape.crop, channels=shape.channels)
    return changed


def _taken(there: Design, name: str, upto: str) -> list[Stage]:
    """The stages of the run that are taken; dropout does nothing in a frozen front."""
    ids = [stage.id for stage in there.stages]
    if upto and upto not in ids:
        raise EditError(f"the run {name!r} has no stage {upto!r}; it has {', '.join(ids)}")
    if upto:
        end = ids.index(upto) + 1
    else:
        weighty = [number for number, stage in enumerate(there.stages) if stage.row.trainable]
        end = weighty[-1] if weighty else 0
    front = [stage for stage in there.stages[:end] if stage.kind != "dropout"]
    if not any(stage.row.trainable for stage in front):
        raise EditError(
            f"the run {name!r} has nothing to take: no stage with weights stands before its head"
        )
    return front


def _replaced(design: Design, taken: list[Stage]) -> int:
    """How many stages of a model a front takes the place of."""
    same = 0
    for ours, theirs in zip(design.stages, taken, strict=False):
        if (ours.id, ours.kind) != (theirs.id, theirs.kind):
            break
        same += 1
    if design.backbone is not None:
        return max(same, 1)
    images = [number for number, stage in enumerate(design.stages, 1) if stage.kind in _OF_IMAGES]
    return max(same, images[-1] if images else 0)


def _frozen(stage: Stage, name: str, path: str) -> Stage:
    """The stage as part of a frozen front. What was frozen in the run has the weights that it began
    with, which are had from where the run had them."""
    changed: Stage = stage.but(id=name)
    if not stage.row.trainable:
        return changed
    if stage.frozen and stage.weights.origin != "random":
        return changed
    weights = WeightsSpec(origin="run", path=path, stage=stage.id)
    return changed.but(frozen=True, weights=weights)  # type: ignore[no-any-return]


def misfit(design: Design, stage: Stage, classes: int) -> str:
    """Why a stage cannot take the weights of the run that it names, as the end of a sentence; ""
    when it can, as far as the two designs say."""
    there = run_design(stage.weights.path)
    steps = (step for step in trace(there, classes) if step.stage.id == stage.weights.stage)
    source = next(steps, None)
    here = next(step for step in trace(design, classes) if step.stage.id == stage.id)
    if source is None:
        return f"it has no stage {stage.weights.stage!r}"
    if source.stage.kind != stage.kind:
        return f"{stage.weights.stage!r} is no {stage.row.label} there"
    if here.shape_in is None or source.shape_in is None or _weights(here) == _weights(source):
        return ""
    if stage.kind == "backbone" and stage.settings["model"] == source.stage.settings["model"]:
        return ""  # cut elsewhere: the weights themselves decide
    return f"it has {source.parameters:,} weights there and {here.parameters:,} here"


def _weights(step: Traced) -> tuple[object, ...]:
    model = step.stage.settings.get("model")
    shape = step.shape_in if step.stage.kind in ("linear", "batch_norm", "conv") else ()
    return model, shape[:1] if shape else (), step.parameters


def _complete() -> list[tuple[str, dict[str, Scalar]]]:
    """LeNet's stages with all their settings."""
    return [(kind, dict(complete(STAGES[kind].fields, given))) for kind, given in _LENET]


def lenet(design: Design) -> Design:
    """LeNet's two convolutions and first linear stage as the model's front, with random weights, as
    the textbooks of hybrid networks have it (10 and 20 channels, 50 features).

    They replace the model's own front as in `use_front`; images are brought to 28 pixels where they
    would be smaller. Raises EditError when the data has no images.
    """
    if design.data.rows:
        raise EditError("LeNet takes images, but the data is rows of numbers")
    if [(s.kind, dict(s.settings)) for s in design.stages[: len(_LENET)]] == _complete():
        return design
    kept = design.stages[_replaced(design, []) :]
    made: Design = design.but(stages=kept)
    first = kept[0].id if kept else ""
    for kind, settings in _LENET:
        made = edits.insert_stage_kind(made, kind, first, **settings)
    if min(sample_shape(made)[1:]) < LENET_SIDE or not made.data.size:
        made = edits.set_data(made, size=max(LENET_SIDE, made.data.size))
    return made
