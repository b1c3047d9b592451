"""The document as frozen values: Design, its data, its stages and its training."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

from pydantic import Field, field_validator, model_validator

from qdesigner.catalog import sources
from qdesigner.catalog.backbones import BACKBONES
from qdesigner.catalog.devices import BUILT_IN, DEVICES
from qdesigner.catalog.preprocess import Preprocess, plain
from qdesigner.catalog.sets import SETS
from qdesigner.circuit.circuit import Circuit
from qdesigner.circuit.fields import Settings, complete
from qdesigner.circuit.readout import Value
from qdesigner.design.stages import STAGES, StageKind

MAX_STAGES = 200
MAX_SHOTS = 1_000_000


class Augmentation(Value):
    """How training images are varied. ``flip`` mirrors half of them left to right; ``crop`` is the
    smallest share of the area that a random crop keeps (1: no crop); ``rotation`` the largest
    angle in degrees; ``colour`` the strength of brightness, contrast and saturation changes.

    ``variants`` 0 draws anew in every epoch; K keeps K fixed variants of each image, whose frozen
    features are computed once.
    """

    flip: bool = False
    crop: float = Field(default=1.0, ge=0.05, le=1.0)
    rotation: float = Field(default=0.0, ge=0.0, le=180.0)
    colour: float = Field(default=0.0, ge=0.0, le=1.0)
    variants: int = Field(default=0, ge=0, le=64)

    @property
    def any(self) -> bool:
        """Whether it changes an image at all."""
        return self.flip or self.crop < 1 or self.rotation > 0 or self.colour > 0


class DataSpec(Value):
    """Where the samples come from and how they are split.

    ``path`` is a folder of images, a CSV of image paths and labels, a table, or a local copy of a
    set that is otherwise downloaded (""). ``classes`` () means all of them; ``limit`` is images a
    class in each split, 0 for all; ``balanced`` takes of every class in the training split as many
    as the smallest has. ``validation`` and ``test`` are shares of an unsplit source, drawn class by
    class with ``seed``. Data that comes with one held-out split beside that for training, such as
    train/ and val/, validates on it; ``held_out`` "test" keeps it for the test, and draws the
    validation share from the training split. ``size`` and ``channels`` serve models without a
    backbone (0: the source's own).

    A table's features are its ``columns``, brought to mean 0 and deviation 1 of the training rows
    if ``standardise``; its ``label`` column holds a class, or for ``task`` "regress" a number,
    which is learnt on the same scale and told of in its own unit.
    Generated points are ``samples`` in number, displaced by normal noise of deviation ``noise``.
    """

    source: Literal[
        "digits", "folder", "files", "mnist", "fashion_mnist", "cifar10", "hymenoptera",
        "table", "spirals", "moons",
    ] = "digits"  # fmt: skip
    path: str = Field(default="", max_length=4096)
    classes: tuple[str, ...] = ()
    limit: int = Field(default=0, ge=0)
    balanced: bool = False
    validation: float = Field(default=0.25, ge=0.0, le=0.9)
    test: float = Field(default=0.0, ge=0.0, le=0.9)
    held_out: Literal["validation", "test"] = "validation"
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    size: int = Field(default=0, ge=0, le=1024)
    channels: Literal[0, 1, 3] = 0
    augmentation: Augmentation = Augmentation()
    task: Literal["classify", "regress"] = "classify"
    label: str = Field(default="", max_length=256)
    columns: tuple[str, ...] = Field(default=(), max_length=4096)
    standardise: bool = True
    samples: int = Field(default=400, ge=20, le=100_000)
    noise: float = Field(default=0.1, ge=0.0, le=2.0)

    @model_validator(mode="after")
    def _check(self) -> DataSpec:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("a class is named twice")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("a column is named twice")
        if self.label and self.label in self.columns:
            raise ValueError(f"{self.label!r} is the label and cannot be a feature too")
        if self.validation + self.test > 0.95:
            raise ValueError("validation and test together leave too little to train on")
        if self.task == "regress" and self.source != sources.TABLE:
            raise ValueError("only a table has numbers to predict")
        if self.rows and self.augmentation.any:
            raise ValueError("only images can be augmented")
        return self

    @property
    def rows(self) -> bool:
        """Whether a sample is a row of numbers rather than an image."""
        return self.source in sources.ROWS


class WeightsSpec(Value):
    """Where a stage's first weights come from.

    ``path`` is the file for origin "file", and the run's folder for origin "run", of whose best
    epoch the stage ``stage`` is taken.
    """

    origin: Literal["random", "pretrained", "file", "run"] = "random"
    path: str = Field(default="", max_length=4096)
    stage: str = Field(default="", max_length=64)

    @model_validator(mode="after")
    def _check(self) -> WeightsSpec:
        if (self.origin in ("file", "run")) != bool(self.path):
            raise ValueError("weights from a file or a run need its path, and only they")
        if (self.origin == "run") != bool(self.stage):
            raise ValueError("weights from a run need the stage's name there, and only they")
        return self


class Stage(Value):
    """One stage of the model; ``circuit`` is set on quantum stages and nowhere else."""

    # The hyphen keeps ids apart from the names that torch's modules use for themselves.
    id: str = Field(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_]*-[A-Za-z0-9_-]+$")
    kind: str
    settings: Settings = Settings()
    frozen: bool = False
    weights: WeightsSpec = WeightsSpec()
    circuit: Circuit | None = None

    @model_validator(mode="after")
    def _check(self) -> Stage:
        row = STAGES.get(self.kind)
        if row is None:
            raise ValueError(f"unknown stage {self.kind!r}")
        object.__setattr__(self, "settings", complete(row.fields, self.settings))
        if (self.circuit is not None) != row.quantum:
            raise ValueError("a quantum stage holds a circuit, and no other stage does")
        if self.weights.origin in ("pretrained", "file") and self.kind != "backbone":
            raise ValueError("only a backbone takes pretrained weights or weights from a file")
        if self.weights.origin == "run" and not row.trainable:
            raise ValueError("a stage without weights takes none from a run")
        return self

    @property
    def row(self) -> StageKind:
        """The table row of this stage's kind."""
        return STAGES[self.kind]


class TrainingSpec(Value):
    """How to train.

    The schedule "step" multiplies the learning rate by ``gamma`` every ``step_size`` epochs,
    "plateau" when the validation loss has not improved for ``patience`` epochs, and "cosine" brings
    it to 0 over all epochs; before any of them it rises linearly over ``warmup`` epochs.
    ``momentum`` is SGD's. ``clip`` is the largest gradient norm, ``early_stopping`` the epochs
    without a better validation loss after which the run ends (0: none of either). ``compute`` is
    where torch computes; ``mixed`` uses half precision there where it can.
    """

    epochs: int = Field(default=20, ge=1, le=100_000)
    batch_size: int = Field(default=16, ge=1, le=65_536)
    learning_rate: float = Field(default=0.01, gt=0.0, le=100.0)
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    momentum: float = Field(default=0.9, ge=0.0, lt=1.0)
    weight_decay: float = Field(default=0.0, ge=0.0, le=10.0)
    schedule: Literal["constant", "step", "cosine", "plateau"] = "constant"
    step_size: int = Field(default=10, ge=1, le=100_000)
    gamma: float = Field(default=0.1, gt=0.0, le=1.0)
    patience: int = Field(default=5, ge=1, le=100_000)
    warmup: int = Field(default=0, ge=0, le=100_000)
    loss: Literal["cross_entropy", "nll", "bce", "mse", "mae"] = "cross_entropy"
    label_smoothing: float = Field(default=0.0, ge=0.0, lt=1.0)
    class_weights: Literal["none", "balanced"] = "none"
    clip: float = Field(default=0.0, ge=0.0, le=1e6)
    early_stopping: int = Field(default=0, ge=0, le=100_000)
    compute: Literal["auto", "cpu", "cuda"] = "auto"
    mixed: bool = False
    seed: int = Field(default=0, ge=0, le=2**31 - 1)


class DeviceSpec(Value):
    """Where the circuits run. ``gradient`` "auto" is the device's best; ``shots`` 0 means exact
    values.

    ``noise`` is a channel that follows every gate on each of its wires, with ``noise_level`` as
    its probability, or the name of a real backend whose calibration data is used. ``target`` names
    a remote machine: an ARN, or an IBM backend. See `qdesigner.catalog.devices`.
    """

    name: str = BUILT_IN
    gradient: Literal["auto", "adjoint", "backprop", "parameter-shift"] = "auto"
    shots: int = Field(default=0, ge=0, le=MAX_SHOTS)
    noise: str = Field(default="", max_length=64, pattern=r"^[a-z0-9_]*$")
    noise_level: float = Field(default=0.0, ge=0.0, le=1.0)
    target: str = Field(default="", max_length=256, pattern=r"^[A-Za-z0-9:/_.-]*$")

    @model_validator(mode="after")
    def _check(self) -> DeviceSpec:
        if self.name not in DEVICES:
            raise ValueError(f"unknown device {self.name!r}; known: {', '.join(DEVICES)}")
        return self


class Goal(Value):
    """What a template reaches when it is trained: at least ``threshold`` in ``metric`` on the
    samples of ``split``, with the weights of the epoch that validates best; of a loss or an error
    at most that."""

    metric: Literal["accuracy", "balanced_accuracy", "f1", "loss", "mae", "mse"] = "accuracy"
    split: Literal["validation", "test"] = "validation"
    threshold: float

    @property
    def lower(self) -> bool:
        """Whether lower values are better."""
        return self.metric in ("loss", "mae", "mse")

    def reached(self, value: float) -> bool:
        """Whether a measured value is good enough."""
        return value <= self.threshold if self.lower else value >= self.threshold


class Origin(Value):
    """The document that a template is built after.

    ``source`` says which in words, ``citation`` and ``link`` where to find it, and ``differs`` what
    is not as it is there. ``data`` and ``backbone`` are the document's own, where the template
    begins with embedded ones instead ("": the template has them), and ``own_goal`` is what it
    reaches on them. ``family`` is its place in the gallery.
    """

    family: str = Field(max_length=100)
    source: str = Field(max_length=500)
    citation: str = Field(default="", max_length=2000)
    link: str = Field(default="", max_length=1000)
    differs: str = Field(default="", max_length=10_000)
    goal: Goal | None = None
    data: DataSpec | None = None
    own_goal: Goal | None = None
    backbone: str = Field(default="", max_length=64)

    @field_validator("link")
    @classmethod
    def _on_the_web(cls, link: str) -> str:
        if link and not link.startswith("https://"):
            raise ValueError("a link begins with https://")
        return link

    @field_validator("backbone")
    @classmethod
    def _known(cls, backbone: str) -> str:
        if backbone and backbone not in BACKBONES:
            raise ValueError(f"unknown backbone {backbone!r}")
        return backbone


class Design(Value):
    """Everything a user edits, as one frozen value. ``run`` names its last run's folder, or "";
    ``origin`` is that of the template that it began as."""

    name: str = Field(default="Untitled", min_length=1, max_length=200)
    about: str = Field(default="", max_length=20_000)
    data: DataSpec = DataSpec()
    stages: tuple[Stage, ...] = Field(default=(), max_length=MAX_STAGES)
    training: TrainingSpec = TrainingSpec()
    device: DeviceSpec = DeviceSpec()
    run: str = Field(default="", max_length=4096)
    origin: Origin | None = None

    @field_validator("name")
    @classmethod
    def _one_line(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("a name is one line of printable characters")
        return name

    @model_validator(mode="after")
    def _check(self) -> Design:
        seen: set[str] = set()
        for stage in self.stages:
            if stage.id in seen:
                raise ValueError(f"two stages have the id {stage.id!r}")
            seen.add(stage.id)
        return self

    def stage(self, stage_id: str) -> Stage:
        """The stage with this id. Raises KeyError."""
        for stage in self.stages:
            if stage.id == stage_id:
                return stage
        raise KeyError(stage_id)

    @property
    def backbone(self) -> Stage | None:
        """The backbone, when the first stage is one."""
        first = self.stages[0] if self.stages else None
        return first if first is not None and first.kind == "backbone" else None

    def without_run(self) -> Design:
        """The same design with no run, to compare what was trained with what is drawn."""
        return self if not self.run else self.model_copy(update={"run": ""})


def preprocess(design: Design) -> Preprocess:
    """How this design's images are prepared: as its backbone wants, else as its data says."""
    if design.backbone is not None:
        return BACKBONES[design.backbone.settings.text("model")].preprocess
    channels, size = _own(design.data.source)
    return plain(design.data.channels or channels, design.data.size or size)


def _own(source: str) -> tuple[int, int]:
    """Channels and side of a source's own images; photographs of any size are shrunk to 64."""
    if source == sources.DIGITS:
        return 1, sources.DIGITS_SIZE
    row = SETS.get(source)
    return (row.channels, row.size or 64) if row else (3, 64)


def sample_shape(design: Design) -> tuple[int, ...]:
    """Shape of one sample as the first stage gets it: (channels, height, width) of an image,
    (features,) of a row of numbers."""
    if not design.data.rows:
        return preprocess(design).shape
    return (len(design.data.columns) if design.data.source == sources.TABLE else 2,)


def display_name(path: str) -> str:
    """A file's name without folders, of either platform."""
    return PurePath(path.replace("\\", "/")).name
