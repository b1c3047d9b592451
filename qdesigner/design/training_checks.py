"""What is wrong or doubtful in how a Design is to be trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qdesigner.catalog.losses import LOSSES
from qdesigner.design import edits
from qdesigner.design.endings import ending
from qdesigner.design.problem import Fix, Problem
from qdesigner.design.spec import Design


def training_problems(design: Design) -> Iterator[Problem]:
    """Training values that do not fit the data, the model or each other."""
    yield from _loss_problems(design)
    yield from _without_effect(design)
    yield from _schedule_doubts(design)


def _use(loss: str) -> Fix:
    return _set(f"Use {LOSSES[loss].label}", loss=loss)


def _set(label: str, **values: Any) -> Fix:
    return Fix(label, lambda design: edits.set_training(design, **values))


def _error(text: str, fix: Fix) -> Problem:
    return Problem("error", "training", text, fix)


def _doubt(text: str, fix: Fix) -> Problem:
    return Problem("warning", "training", text, fix)


def _loss_problems(design: Design) -> Iterator[Problem]:
    loss, ends_with = LOSSES[design.training.loss], ending(design)
    numbers = design.data.task == "regress"
    if numbers and not loss.of_numbers:
        yield _error(
            f"{loss.label} is a loss of classes, but the table's label is a number to predict: "
            "use the mean squared or the mean absolute error.",
            _use("mse"),
        )
    elif loss.of_numbers and not numbers:
        yield _error(
            f"{loss.label} is a loss of a number to predict, but the data has classes: use "
            "cross-entropy.",
            _use("cross_entropy"),
        )
    elif loss.reads == "distribution" and ends_with != "distribution":
        instead = "bce" if ends_with == "chances" else "cross_entropy"
        yield _error(
            f"{loss.label} takes the model's outputs for probabilities that add up to 1, which "
            "these do not: end the model with one wire's ⟨Z⟩ to probability or with a circuit that "
            f"measures probabilities, or use {LOSSES[instead].label.lower()}.",
            _use(instead),
        )
    elif loss.reads == "logits" and ends_with != "numbers" and design.stages:
        better = "nll" if ends_with == "distribution" else "bce"
        yield _doubt(
            f"{loss.label} takes the model's outputs for logits, but they are probabilities, whose "
            f"softmax is never sure of a class; {LOSSES[better].label} reads them as they are.",
            _use(better),
        )


def _without_effect(design: Design) -> Iterator[Problem]:
    training = design.training
    if training.label_smoothing and training.loss != "cross_entropy":
        yield _doubt(
            f"Label smoothing belongs to cross-entropy and has no effect on "
            f"{LOSSES[training.loss].label}.",
            _set("No smoothing", label_smoothing=0.0),
        )
    if training.class_weights != "none" and design.data.task == "regress":
        yield _doubt(
            "Class weights have no effect where a number is predicted.",
            _set("No class weights", class_weights="none"),
        )
    if training.mixed and training.compute == "cpu":
        yield _doubt(
            "Half precision has no effect on the CPU.", _set("Full precision", mixed=False)
        )


def _schedule_doubts(design: Design) -> Iterator[Problem]:
    training = design.training
    if training.warmup >= training.epochs:
        yield _doubt(
            f"The warm-up takes {training.warmup:,} epochs of {training.epochs:,}, so the learning "
            "rate never reaches its full value.",
            _set("A shorter warm-up", warmup=training.epochs // 10),
        )
    if training.schedule == "plateau" and 0 < training.early_stopping <= training.patience:
        yield _doubt(
            f"Early stopping ends the run after {training.early_stopping:,} epochs without a "
            f"better validation loss, before the schedule lowers the learning rate after "
            f"{training.patience:,}.",
            _set("Wait longer", early_stopping=2 * training.patience),
        )
