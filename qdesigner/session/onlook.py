"""What passes between the window and the onlooker, the child that asks a run's checkpoints about
images while the run may still go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qdesigner.session.events import Event


@dataclass(frozen=True, slots=True)
class Predict:
    """What the run says of image files after ``epoch`` (0: its newest checkpoint)."""

    serial: int
    run: str
    paths: tuple[str, ...]
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """How one image passes through the quantum stage ``stage`` ("": the first): the validation
    image number ``image``, or the file ``path``."""

    serial: int
    run: str
    stage: str = ""
    image: int = 0
    path: str = ""
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """Of one file: probabilities by class [classes], its angles [features] at each quantum stage,
    or ``error``, a sentence. In a regression ``probabilities`` is the number, [1]."""

    path: str
    probabilities: Any = None
    angles: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Predicted(Event):
    """The answer to `Predict`: a row a file, of the weights after ``epoch``."""

    serial: int
    epoch: int = 0
    classes: tuple[str, ...] = ()
    rows: tuple[Said, ...] = field(default=(), metadata={"json": False})
    error: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """The state after one block (one pass of it, inside a repeat): Bloch vectors [wires, 3]."""

    block: str
    label: str
    bloch: Any


@dataclass(frozen=True, slots=True)
class Removed:
    """What taking one operation away does: ``operation`` is its number in the expanded circuit,
    ``within`` the label of the `Layer` it belongs to.
    ``probability`` and ``margin`` are the changes of the true class's probability, and of its logit
    minus the largest other one, without the operation minus with it: negative where it helped. In a
    regression they are the changes of the predicted number, and of its closeness to the true one
    (the distance, negative)."""

    operation: int
    block: str
    label: str
    gate: str
    wires: tuple[int, ...]
    entangling: bool
    probability: float
    margin: float
    within: str = ""


@dataclass(frozen=True, slots=True)
class Traced(Event):
    """The answer to `Trace`. ``truth`` is the place of the class that is traced: the true one of a
    validation image, the predicted one of a file; ``probability`` and ``margin`` are its own with
    the whole circuit; in a regression 0, the predicted number, and its closeness. ``angles`` are
    the features that the circuit gets. ``removed`` has every operation but those of the embedding,
    ``entanglers`` every whole entangling block. ``note`` says in a sentence what is to be borne in
    mind, ``error`` why there is no trace."""

    serial: int
    stage: str = ""
    epoch: int = 0
    truth: int = 0
    probability: float = 0.0
    margin: float = 0.0
    angles: Any = None
    layers: tuple[Layer, ...] = field(default=(), metadata={"json": False})
    removed: tuple[Removed, ...] = field(default=(), metadata={"json": False})
    entanglers: tuple[Removed, ...] = field(default=(), metadata={"json": False})
    note: str = ""
    error: str = ""
