"""What passes between the window and its children: plain frozen values, nothing else.

Commands go down, events come up. Everything here pickles and holds only builtins, Designs and
NumPy arrays. ``to_json`` gives the line that the command line prints and run folders keep.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from qdesigner.circuit.circuit import Circuit
from qdesigner.design.spec import Design

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]


# ---- commands, window to training worker --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Train:
    """Train ``design`` into the new run folder ``out`` ("" for the user's data folder).

    ``resume`` names a run folder to take up from its last checkpoint instead. ``branch`` names a
    run whose weights after ``epoch`` (0: its last) the new run begins with, where they fit; its
    curve up to there comes along.
    """

    design: Design
    out: str = ""
    resume: str = ""
    branch: str = ""
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop after the current step, keeping everything in memory."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on after a pause."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run after the current step; its checkpoints stay."""


@dataclass(frozen=True, slots=True)
class Change:
    """Use other training values from the next step on, without a reset: of ``learning_rate``,
    ``batch_size`` and ``epochs`` those that are not None."""

    learning_rate: float | None = None
    batch_size: int | None = None
    epochs: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Go on training with ``design`` in the place of the run's own: surviving weights stay, new
    layers enter as identity or near zero."""

    design: Design


@dataclass(frozen=True, slots=True)
class Export:
    """Write the script of a run, or of a design without one, to ``path``."""

    path: str
    design: Design
    run: str = ""


# ---- events, training worker to window ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    def to_json(self) -> dict[str, Any]:
        """The event as JSON values, arrays left out; ``event`` is its name in small letters."""
        out: dict[str, Any] = {"event": type(self).__name__.lower()}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.metadata.get("json", True):
                out[item.name] = list(value) if isinstance(value, tuple) else value
        return out


@dataclass(frozen=True, slots=True)
class Ready(Event):
    """The worker has imported what it needs and takes commands."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Started(Event):
    """A run begins: its folder, classes, sizes, and what of the data could not be used.

    ``score`` is what stands as "accuracy" in this run's events: "accuracy" of a classification,
    "mae" (the mean absolute error, in the label's unit; lower is better) of a regression, which has
    no classes. ``compute`` is the torch device in use, ``note`` a sentence when that is not the one
    asked for. ``at`` is how far a run that goes on is already, in epochs: what was told of beyond
    it is run again.
    """

    run: str
    classes: tuple[str, ...]
    train: int
    validation: int
    test: int
    epochs: int
    steps_per_epoch: int
    first_epoch: int = 1
    skipped: tuple[tuple[str, str], ...] = ()
    score: str = "accuracy"
    compute: str = "cpu"
    note: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """Long work before the first step: what, how much is done, images a second."""

    what: str
    done: int
    total: int
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Steps(Event):
    """One or more finished steps, batched: ``first`` is the first one's number, from 0 over the
    whole run. Losses and accuracies are of each step's batch. ``at`` is how far the run is after
    each step, in epochs: 2.25 is a quarter through the third."""

    epoch: int
    first: int
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    images_per_second: float
    seconds_left: float
    at: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Epoch(Event):
    """The end of an epoch: means over the epoch's steps, and over the validation images.

    ``metrics`` are more of the validation set, by name: "balanced_accuracy" and "f1" (macro) of a
    classification, "mse" and "mae" of a regression. ``saturation`` is the share of a squash's
    outputs that stand at its ends, by stage id.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    best: bool
    gradient_norms: dict[str, float]
    metrics: dict[str, float] = field(default_factory=dict)
    saturation: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark(Event):
    """Something happened to the run ``at`` this many epochs, to be marked on its curves: ``kind``
    "change" of a training value, "edit" of the design, or "branch" of another run; ``text`` says
    it in a few words. After an edit ``trainable`` weights are trained, ``kept`` of them as they
    were."""

    at: float
    kind: str
    text: str
    kept: int = 0
    trainable: int = 0


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """A change or an edit that the run cannot take up, for a ``reason`` in a sentence; it goes on
    as it was."""

    reason: str


@dataclass(frozen=True, slots=True)
class Predictions(Event):
    """What the model says of the validation images now.

    ``probabilities`` [images, classes] and ``labels`` [images] are in the order of the run's
    ``items.json``; of a regression ``probabilities`` [images, 1] are the predicted numbers and
    ``labels`` the true ones. ``angles`` [images, features] are the inputs of each quantum stage,
    ``outputs`` [images, outputs] what it gives, and ``weights`` its flat weight vector, by stage
    id. ``boundary`` [rows, columns, classes] are the probabilities over the plane of two-feature
    data, rows from the smallest second feature up, over the rectangle that ``plane.npz`` of the run
    names.
    """

    epoch: int
    probabilities: Floats = field(metadata={"json": False})
    labels: Any = field(metadata={"json": False})
    angles: dict[str, Floats] = field(metadata={"json": False})
    weights: dict[str, Floats] = field(metadata={"json": False})
    outputs: dict[str, Floats] = field(default_factory=dict, metadata={"json": False})
    boundary: Floats | None = field(default=None, metadata={"json": False})


@dataclass(frozen=True, slots=True)
class Paused(Event):
    """Training waits after this many finished steps."""

    steps: int


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """Training goes on."""


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """All epochs are done. The best epoch is the one with the highest validation accuracy (the
    lowest error of a regression), and of those the lowest validation loss; ``val_*`` are the last
    epoch's. ``early`` says that early stopping ended it."""

    best_val_accuracy: float
    best_val_loss: float
    val_accuracy: float
    val_loss: float
    epochs: int
    seconds_features: float
    seconds_training: float
    run: str
    early: bool = False


@dataclass(frozen=True, slots=True)
class Stopped(Event):
    """The user ended the run after ``epochs`` whole epochs."""

    epochs: int
    run: str


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """The run ended with ``reason``, a sentence. ``run`` is "" when none was begun;
    ``resumable`` says that a checkpoint is there to go on from."""

    reason: str
    run: str = ""
    resumable: bool = False
    details: str = field(default="", metadata={"json": False})


@dataclass(frozen=True, slots=True)
class Exported(Event):
    """An export was written to ``path``."""

    path: str


@dataclass(frozen=True, slots=True)
class ExportFailed(Event):
    """An export could not be written; ``reason`` is a sentence."""

    reason: str


# ---- the live state: window to preview child, and back ------------------------------------------


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """Ask for the state after ``circuit``; only the newest request is answered.

    ``angles`` [inputs] are one sample's features in radians, None for evenly spaced ones;
    ``weights`` [weights] the flat weight vector, None for small example angles.
    """

    serial: int
    circuit: Circuit
    angles: Floats | None = None
    weights: Floats | None = None


@dataclass(frozen=True, slots=True)
class PreviewAnswer:
    """The state asked for by the request with the same ``serial``.

    ``bloch`` [wires, 3] is (⟨X⟩, ⟨Y⟩, ⟨Z⟩) of each wire's reduced state, ``z`` [wires] its last
    column, ``probabilities`` [2**wires] of the basis states up to 6 wires, else None. ``error``
    is a sentence when there is no state.
    """

    serial: int
    bloch: Floats | None = None
    z: Floats | None = None
    probabilities: Floats | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ShiftRequest:
    """Ask for the parameter-shift rule of one gate: operation number ``operation`` of the expanded
    circuit, for output number ``output``; angles and weights as in a PreviewRequest."""

    serial: int
    circuit: Circuit
    operation: int
    output: int = 0
    angles: Floats | None = None
    weights: Floats | None = None


@dataclass(frozen=True, slots=True)
class ShiftAnswer:
    """The rule asked for by the request with the same ``serial``.

    ``value`` is the output f at the gate's ``angle`` in radians. ``terms`` are (coefficient, shift,
    f(angle + shift)), whose products add up to ``by_rule``; ``exact`` is the derivative found by
    another way. ``curve`` is f over evenly spaced shifts from -``reach`` to ``reach``. ``error`` is
    a sentence when there is none of it.
    """

    serial: int
    angle: float = 0.0
    value: float = 0.0
    terms: tuple[tuple[float, float, float], ...] = ()
    by_rule: float = 0.0
    exact: float = 0.0
    curve: Floats | None = None
    reach: float = 0.0
    error: str | None = None
