"""How a Design is trained wherever that happens: in the program and in the script it exports."""

from __future__ import annotations

import math
from typing import NamedTuple

from qdesigner.catalog.devices import circuits_per_step, predicted_ms
from qdesigner.design.shapes import trace
from qdesigner.design.spec import Design
from qdesigner.design.stages import still_parts

# Everything random in epoch e (from 1) is seeded with seed * EPOCH_SEEDS + e.
EPOCH_SEEDS = 100_003
USUAL_CLASSES = 10  # as long as the data was not asked


def trained_prefix(design: Design) -> int:
    """How many stages at the front hold nothing to train, beginning with a frozen backbone or
    other frozen weights: their output is the same in every epoch and is computed once.

    Dropout ends the prefix unless it is frozen (it draws anew each time), and so do shots, and
    batch norm that is not frozen.
    A prefix without weights is not worth keeping and counts as 0.
    """
    prefix = 0
    holds_weights = False
    for number, stage in enumerate(design.stages, start=1):
        draws = (stage.kind == "dropout" and not stage.frozen) or (
            stage.circuit is not None and design.device.shots
        )
        if draws or (stage.row.trainable and not stage.frozen):
            break
        holds_weights = holds_weights or stage.row.trainable
        if holds_weights:
            prefix = number
    return prefix


def front_end(design: Design, limit: int | None = None) -> int:
    """Where the part begins that is trained: behind so many stages, or for -k within the backbone,
    behind k of its parts. What stands before is the same in every epoch. With ``limit``, no later
    than there."""
    end = trained_prefix(design)
    if end == 0 and design.backbone is not None:
        end = -still_parts(design.backbone)
    return end if limit is None else min(end, limit, key=_position)


def _position(end: int) -> float:
    return end if end >= 0 else -end / 100  # a backbone has fewer parts than that


def same_model(a: Design, b: Design) -> bool:
    """Whether a run of ``a`` has trained the model of ``b``: the same stages on the same data."""
    return a.stages == b.stages and a.data == b.data


def trains_batch_norm(design: Design) -> bool:
    """Whether a batch norm is in training, which cannot take a batch of a single image."""
    backbone = design.backbone
    norm = any(stage.kind == "batch_norm" and not stage.frozen for stage in design.stages)
    return norm or (backbone is not None and not backbone.frozen)


def one_thread(design: Design) -> bool:
    """Whether one thread trains faster than many: nothing behind the frozen front convolves."""
    behind = design.stages[trained_prefix(design) :]
    return not any(stage.kind in ("backbone", "conv") for stage in behind)


def learns_before(design: Design, stage_id: str) -> bool:
    """Whether something before this stage trains, so that gradients must reach its features."""
    for stage in design.stages:
        if stage.id == stage_id:
            return False
        if stage.row.trainable and not stage.frozen:
            return True
    return False


class StepCost(NamedTuple):
    """What one training step asks of the device: circuits to run, and about how long."""

    circuits: int
    milliseconds: float


def circuit_rows(design: Design, classes: int = 0) -> dict[str, int]:
    """How often the circuit of each quantum stage runs for one sample: once, or once for each
    number that comes in. ``classes`` 0 takes those that the design names."""
    rows = {}
    for step in trace(design, classes or len(design.data.classes) or USUAL_CLASSES):
        if step.stage.circuit is not None:
            each = step.stage.row.each_feature and step.shape_in is not None
            rows[step.stage.id] = math.prod(step.shape_in or ()) if each else 1
    return rows


def step_cost(design: Design, classes: int = 0) -> StepCost:
    """The cost of a training step on the design's device, all its circuits together."""
    circuits, milliseconds = 0, 0.0
    rows = circuit_rows(design, classes)
    for stage in design.stages:
        if stage.circuit is not None:
            samples = design.training.batch_size * rows[stage.id]
            at = (design.device, stage.circuit, samples)
            learned = learns_before(design, stage.id)
            circuits += circuits_per_step(*at, learned)
            milliseconds += predicted_ms(*at, learned)
    return StepCost(circuits, milliseconds)


def duration(milliseconds: float) -> str:
    """A rough time with its unit: 0.4 ms, 12 ms, 3 s, 5 min, 2 h; never less than 0.1 ms."""
    milliseconds = max(milliseconds, 0.1)
    if milliseconds < 1:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
