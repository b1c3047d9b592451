"""How to train, as rows: only what has an effect. No widget here."""

from __future__ import annotations

from app.panels.rows import Row
from qdesigner.catalog.losses import LOSSES
from qdesigner.circuit.fields import Field
from qdesigner.design import edits
from qdesigner.design.spec import Design, TrainingSpec

_FIELDS = (
    Field("epochs", "Epochs", "int", 20, 1, 100_000),
    Field("batch_size", "Batch size", "int", 16, 1, 65_536),
    Field("learning_rate", "Learning rate", "float", 0.01, 1e-12, 100.0),
    Field("optimizer", "Optimizer", "choice", "adam", choices=("adam", "adamw", "sgd")),
    Field("momentum", "Momentum", "float", 0.9, 0.0, 0.999_999),
    Field("weight_decay", "Weight decay", "float", 0.0, 0.0, 10.0),
    Field("schedule", "Schedule", "choice", "constant",
          choices=("constant", "step", "cosine", "plateau"),
          hint="How the learning rate goes over the epochs"),
    Field("step_size", "Step length", "int", 10, 1, 100_000,
          hint="Epochs after which the learning rate is lowered"),
    Field("patience", "Patience", "int", 5, 1, 100_000,
          hint="Epochs without a better validation loss before the rate is lowered"),
    Field("gamma", "Times", "float", 0.1, 1e-12, 1.0, hint="Learning rate is multiplied by this"),
    Field("loss", "Loss", "choice", "cross_entropy", choices=tuple(LOSSES)),
    Field("seed", "Seed", "int", 0, 0, 2**31 - 1, hint="First weights and the order of images"),
    Field("warmup", "Warm-up", "int", 0, 0, 100_000,
          hint="Epochs over which the learning rate rises to its value; 0: none"),
    Field("label_smoothing", "Smoothing", "float", 0.0, 0.0, 0.999,
          hint="Share of each label that is spread over all classes; 0: none"),
    Field("class_weights", "Class weights", "choice", "none", choices=("none", "balanced"),
          hint="Balanced: the loss of a rare class counts more"),
    Field("clip", "Clip gradients", "float", 0.0, 0.0, 1e6,
          hint="Largest norm of the gradient; 0: none"),
    Field("early_stopping", "Stop early", "int", 0, 0, 100_000,
          hint="After so many epochs without a better validation loss; 0: never"),
    Field("compute", "Compute on", "choice", "auto", choices=("auto", "cpu", "cuda"),
          hint="Where torch computes; without a CUDA card it is the processor"),
    Field("mixed", "Half precision", "bool", False,
          hint="Half precision on a CUDA card where it can be used"),
)  # fmt: skip
# Seldom needed: they are folded away, and the fold tells whether any was changed.
MORE = Field("more", "More", "choice", "", hint="Warm-up, clipping, early stopping and the like")
_FOLDED = (
    "warmup", "label_smoothing", "class_weights", "clip", "early_stopping", "compute", "mixed",
)  # fmt: skip
_TEXTS = {
    "optimizer": ("Adam", "AdamW", "SGD"),
    "schedule": ("constant", "in steps", "cosine", "on a plateau"),
    "class_weights": ("none", "balanced"),
    "compute": ("automatic", "processor", "CUDA card"),
}


def training_rows(design: Design) -> list[Row]:
    """The training values of ``design``, with the losses that its data can have."""
    training = design.training
    gone = _without_effect(training)
    shown = [field for field in _FIELDS if field.name not in gone]
    rows = [_loss_row(design) if f.name == "loss" else _training(f) for f in shown]
    first = next(place for place, row in enumerate(rows) if row.fold)
    told = [row for row in rows if row.fold]
    rows.insert(first, Row(MORE, lambda d: _more(d, told), lambda d, _: d, look="fold"))
    return rows


def _more(design: Design, rows: list[Row]) -> str:
    """How many of the folded values were changed; of a single one its name."""
    changed = [row.field.label for row in rows if row.get(design) != row.field.default]
    return f"{len(changed)} changed" if len(changed) > 1 else (*changed, "as usual")[0]


def _without_effect(training: TrainingSpec) -> set[str]:
    gone = set()
    if training.optimizer != "sgd":
        gone.add("momentum")
    if training.schedule != "step":
        gone.add("step_size")
    if training.schedule != "plateau":
        gone.add("patience")
    if training.schedule not in ("step", "plateau"):
        gone.add("gamma")
    if training.loss != "cross_entropy":
        gone.add("label_smoothing")
    if training.loss in edits.NUMBER_LOSSES:
        gone.add("class_weights")
    if training.compute == "cpu":
        gone.add("mixed")
    return gone


def _loss_row(design: Design) -> Row:
    numbers = design.data.task == "regress"
    known = tuple(name for name, loss in LOSSES.items() if loss.of_numbers == numbers)
    if design.training.loss not in known:  # a file may say so; the problem is named elsewhere
        known = (*known, design.training.loss)
    hint = LOSSES[design.training.loss].hint
    field = Field("loss", "Loss", "choice", known[0], choices=known, hint=hint)
    return _training(field, tuple(LOSSES[name].label for name in known))


def _training(field: Field, texts: tuple[str, ...] = ()) -> Row:
    name = field.name
    return Row(
        field, lambda d: getattr(d.training, name),
        lambda d, value: edits.set_training(d, **{name: value}), texts or _TEXTS.get(name, ()),
        fold=MORE.name if name in _FOLDED else "",
    )  # fmt: skip
