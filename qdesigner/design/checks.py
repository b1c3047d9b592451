"""What is wrong or doubtful in a Design, named before training, with a fix where one exists."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from qdesigner.catalog.backbones import BACKBONES, EMBEDDED
from qdesigner.catalog.devices import (
    AUTO,
    BUILT_IN,
    DEVICES,
    memory_bytes,
    missing,
    refusal,
)
from qdesigner.catalog.sources import PHOTOGRAPHS
from qdesigner.circuit.circuit import Circuit, expand, walk
from qdesigner.design import edits
from qdesigner.design.facts import DataFacts, data_facts
from qdesigner.design.fronts import is_trained_run, misfit
from qdesigner.design.origin_checks import origin_problems
from qdesigner.design.plan import circuit_rows, duration, step_cost
from qdesigner.design.problem import Fix, Problem
from qdesigner.design.shapes import Traced, trace
from qdesigner.design.spec import Design, Stage, display_name
from qdesigner.design.training_checks import training_problems
from qdesigner.errors import UserError

__all__ = ["Fix", "Problem", "facts_or_error", "machine_bytes", "problems", "require_trainable"]

UNEVEN = 4  # times as many samples as the smallest class has: that deserves a word
SLOW_STEP = 2000.0  # ms: a training step that long deserves a word


def problems(design: Design, facts: DataFacts | UserError | None = None) -> tuple[Problem, ...]:
    """Everything to say about ``design``, errors first.

    ``facts`` are those of its data when the caller has them already (or why there are none).
    """
    if facts is None:
        facts = facts_or_error(design)
    found = list(_data_problems(design, facts))
    classes = facts.outputs if isinstance(facts, DataFacts) else 1 if _predicts(design) else 2
    found += _stage_problems(design, classes)
    found += training_problems(design)
    found += _device_problems(design, classes)
    found += _doubts(design, facts)
    found += origin_problems(design)
    return tuple(sorted(found, key=lambda problem: problem.severity != "error"))


def facts_or_error(design: Design) -> DataFacts | UserError:
    """The facts of the design's data, or the reason why there are none."""
    try:
        return data_facts(design.data)
    except UserError as error:
        return error


def require_trainable(design: Design) -> DataFacts:
    """The data's facts when nothing blocks training. Raises UserError with the first error."""
    facts = facts_or_error(design)
    for problem in problems(design, facts):
        if problem.severity == "error":
            raise UserError(problem.text)
    assert isinstance(facts, DataFacts)
    return facts


def _data_problems(design: Design, facts: DataFacts | UserError) -> Iterator[Problem]:
    if isinstance(facts, UserError):
        fix = None
        if design.data.classes:
            fix = Fix("Use all classes", lambda d: edits.set_data(d, classes=()))
        yield Problem("error", "data", str(facts), fix)
        return
    what = "row" if design.data.rows else "image"
    for split, count in (("train on", facts.train), ("validate on", facts.validation)):
        if count == 0:
            yield Problem(
                "error", "data",
                f"There are no {what}s to {split}; raise the share of that split or add {what}s.",
            )  # fmt: skip
            return
    for name, (train, validation, _) in zip(facts.classes, facts.by_class, strict=False):
        if not (train and validation):
            rest = tuple(other for other in facts.classes if other != name)
            split = "validation" if train else "training"
            yield Problem(
                "error", "data",
                f"The class {name!r} has no {split} {what}; add {what}s to it, or leave it out.",
                Fix(f"Leave {name!r} out", lambda d: edits.set_data(d, classes=rest))  # noqa: B023
                if len(rest) > 1 else None,
            )  # fmt: skip
            return


def _predicts(design: Design) -> bool:
    """Whether the design predicts a number rather than a class."""
    return design.data.task == "regress"


def _stage_problems(design: Design, classes: int) -> Iterator[Problem]:
    if not design.stages:
        text = "The model has no stages yet; insert some in the strip."
        yield Problem("error", "stages", text, Fix("Insert a small model", edits.small_model))
        return
    traced = trace(design, classes)
    for step in traced:
        if step.error:
            text = f"{_name(step.stage)}: {step.error}."
            yield Problem("error", step.stage.id, text, _shape_fix(traced, step))
        yield from _weights_problems(step.stage)
        if step.stage.weights.origin == "run":
            yield from _run_problems(design, step.stage, classes)
    last = traced[-1]
    if last.shape_out is not None and last.shape_out != (classes,):
        size = " × ".join(map(str, last.shape_out))
        wanted = (
            "there is one to predict: the last stage must give just that."
            if _predicts(design)
            else f"there are {classes} classes: the last stage must give one number a class"
            f"{', also for binary cross-entropy' if design.training.loss == 'bce' else ''}."
        )
        yield Problem(
            "error", last.stage.id,
            f"{_name(last.stage)} ends the model with {size} numbers, but {wanted}",
            _ending_fix(last, _predicts(design)),
        )  # fmt: skip
    norm = next((s for s in design.stages if s.kind == "batch_norm" and not s.frozen), None)
    if norm is not None and design.training.batch_size == 1:
        yield Problem(
            "error", norm.id,
            f"{_name(norm)} needs at least two samples in a batch, but the batch size is 1.",
            Fix("Batches of 4", lambda d: edits.set_training(d, batch_size=4)),
        )  # fmt: skip
    if not any(s.row.trainable and not s.frozen for s in design.stages):
        yield Problem("error", "stages", "Every stage is frozen, so there is nothing to train.")


def _name(stage: Stage) -> str:
    return f"{stage.row.label} ({stage.id})"


def _weights_problems(stage: Stage) -> Iterator[Problem]:
    if stage.weights.origin == "file" and not _is_file(stage.weights.path):
        name = display_name(stage.weights.path)
        yield Problem(
            "error", stage.id,
            f"The weights file {name!r} of {_name(stage)} is not at {stage.weights.path!r}; "
            "choose it again.",
        )  # fmt: skip


def _run_problems(design: Design, stage: Stage, classes: int) -> Iterator[Problem]:
    """For a stage that takes its weights from a run which is gone, or of another model."""
    name = display_name(stage.weights.path)
    random = Fix("Random weights", lambda d: edits.set_weights(d, stage.id, "random"))
    if not is_trained_run(stage.weights.path):
        yield Problem(
            "error", stage.id,
            f"The run {name!r}, from which {_name(stage)} takes its weights, is not there any "
            f"more (at {stage.weights.path!r}); choose another run, or random weights.",
            random,
        )  # fmt: skip
        return
    try:
        why = misfit(design, stage, classes)
    except UserError as error:
        why = str(error).rstrip(".")
    if why:
        yield Problem(
            "error", stage.id,
            f"{_name(stage)} cannot take its weights from the run {name!r}: {why}; choose another "
            "run, or random weights.",
            random,
        )  # fmt: skip


def _is_file(path: str) -> bool:
    """Whether there is such a file; a path that no system takes names none."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _shape_fix(traced: tuple[Traced, ...], step: Traced) -> Fix | None:
    """For a circuit that is given the wrong number of features, and for a missing Flatten."""
    stage, shape = step.stage, step.shape_in
    if stage.row.each_feature:
        usual = edits.activation_circuit()
        return Fix("Use -sin x", lambda d: edits.on_circuit(d, stage.id, lambda c: usual))
    if shape is not None and len(shape) == 3 and stage.kind in ("linear", "quantum", "probability"):
        return Fix("Insert Flatten", lambda d: edits.insert_stage_kind(d, "flatten", stage.id))
    if stage.kind in ("backbone", "conv", "pool") and shape is not None and len(shape) == 1:
        return Fix("Remove it", lambda d: edits.remove_stage(d, stage.id))
    if stage.circuit is None or shape is None or not expand(stage.circuit).inputs:
        return None
    wanted = expand(stage.circuit).inputs
    before = [t.stage for t in traced[: traced.index(step)]]
    linear = next((s for s in reversed(before) if s.row.trainable and s.kind != "batch_norm"), None)
    if linear is not None and linear.kind == "linear":
        return Fix(
            f"Set Linear to {wanted} outputs",
            lambda d: edits.set_stage_settings(d, linear.id, outputs=wanted),
        )
    return Fix(
        f"Insert Linear → {wanted}",
        lambda d: edits.insert_stage_kind(d, "linear", stage.id, outputs=wanted),
    )


def _ending_fix(last: Traced, predicts: bool) -> Fix | None:
    stage = last.stage
    if stage.kind == "linear":
        label = "One output" if predicts else "One output a class"
        return Fix(label, lambda d: edits.set_stage_settings(d, stage.id, outputs=0))
    if last.shape_out is not None and len(last.shape_out) == 1:
        return Fix("Append Linear", lambda d: edits.insert_stage_kind(d, "linear", ""))
    return None


def _device_problems(design: Design, classes: int) -> Iterator[Problem]:
    circuits = [stage.circuit for stage in design.stages if stage.circuit is not None]
    if not circuits:
        return
    spec, kind = design.device, DEVICES[design.device.name]
    fix = Fix("Use the built-in device", lambda d: edits.set_device(d, name=BUILT_IN))
    if spec.name == BUILT_IN:
        fix = Fix("Automatic gradients", lambda d: edits.set_device(d, gradient=AUTO))
    absent = missing(kind)
    if absent:
        yield Problem("error", "device", absent, fix)
        return
    why = next((w for c in circuits if (w := refusal(spec, c, design.training.batch_size))), "")
    if why:
        mends = not any(refusal(fix.apply(design).device, circuit) for circuit in circuits)
        yield Problem("error", "device", why, fix if mends else None)
        return
    rows = circuit_rows(design, classes)
    needed = max(
        memory_bytes(spec, stage.circuit, design.training.batch_size * rows[stage.id])
        for stage in design.stages
        if stage.circuit is not None
    )
    if needed > machine_bytes():
        fits = int(design.training.batch_size * machine_bytes() / needed / 2)
        smaller = Fix(f"Batches of {fits}", lambda d: edits.set_training(d, batch_size=fits))
        yield Problem(
            "error", "device",
            f"A training step on {kind.label} needs about {needed / 1e9:,.0f} GB of memory, and "
            f"this machine has {machine_bytes() / 1e9:,.0f} GB; use smaller batches, fewer wires "
            "or the built-in device.",
            smaller if fits else fix,
        )  # fmt: skip
        return
    step = step_cost(design, classes)
    if step.milliseconds > SLOW_STEP:
        yield Problem(
            "warning", "device",
            f"A training step runs {step.circuits:,} circuits on {kind.label} and takes about "
            f"{duration(step.milliseconds)}; use smaller batches, fewer weights or a faster "
            "device.",
            fix if spec.name != BUILT_IN else None,
        )  # fmt: skip


@cache
def machine_bytes() -> int:
    """How much memory this machine has."""
    import psutil  # takes time, and not every design has a circuit

    return int(psutil.virtual_memory().total)


def _doubts(design: Design, facts: DataFacts | UserError) -> Iterator[Problem]:
    yield from _data_doubts(design, facts)
    backbone = design.backbone
    if backbone is not None:
        model = backbone.settings.text("model")
        if model == EMBEDDED and design.data.source in PHOTOGRAPHS and not edits.stands_in(design):
            yield Problem(
                "warning", backbone.id,
                "The embedded backbone sees 8 × 8 grey pixels and knows only handwritten digits; "
                "choose a backbone trained on photographs.",
                Fix("Use MobileNetV2", lambda d: edits.set_backbone(d, "mobilenet_v2")),
            )  # fmt: skip
        if backbone.frozen and backbone.weights.origin == "random":
            yield Problem(
                "warning", backbone.id,
                f"{BACKBONES[model].label} is frozen with random weights: its features mean "
                "nothing. Use pretrained weights, or train it.",
                Fix("Train it", lambda d: edits.set_frozen(d, backbone.id, False)),
            )  # fmt: skip
    for stage in design.stages:
        if stage.circuit is not None:
            yield from _circuit_doubts(stage, stage.circuit)


def _data_doubts(design: Design, facts: DataFacts | UserError) -> Iterator[Problem]:
    """Classes of very different sizes, where nothing is done about them."""
    if not isinstance(facts, DataFacts) or not facts.by_class:
        return
    if design.training.class_weights == "balanced":
        return
    counts = [train for train, _, _ in facts.by_class]
    few, many = min(counts), max(counts)
    if few > 0 and many >= UNEVEN * few:
        names = [facts.classes[counts.index(count)] for count in (many, few)]
        yield Problem(
            "warning", "data",
            f"The class {names[0]!r} has {many / few:.0f} times as many training samples as "
            f"{names[1]!r}: a model that always says {names[0]!r} looks good. Balance the "
            "classes, or weight them.",
            Fix("Balance them", lambda d: edits.set_data(d, balanced=True)),
        )  # fmt: skip


def _circuit_doubts(stage: Stage, circuit: Circuit) -> Iterator[Problem]:
    for block, _ in walk(circuit.blocks):
        if block.row.container and not block.body:
            yield Problem(
                "warning", stage.id,
                f"The repeat {block.id} is empty; drag blocks into it or remove it.",
                Fix("Remove it", lambda d, b=block.id: edits.on_circuit(  # type: ignore[misc]
                    d, stage.id, lambda c: edits.remove_blocks(c, {b}))),
            )  # fmt: skip
        elif len(block.on(circuit.wires)) < block.row.min_wires:
            yield Problem(
                "warning", stage.id,
                f"{block.row.label} needs {block.row.min_wires} wires and does nothing on "
                f"{circuit.wires}.",
            )  # fmt: skip
