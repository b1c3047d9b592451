"""The document as frozen values: Design, its data, its stages and its training."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

from pydantic import Field, field_validator, model_validator

from qdesigner.catalog import sources
from qdesigner.catalog.backbones import BACKBONES
from qdesigner.catalog.devices import BUILT_IN, DEVICES
from qdesigner.catalog.preprocess import Preprocess, plain
from qdesigner.circuit.circuit import Circuit
from qdesigner.circuit.fields import Settings, complete
from qdesigner.circuit.readout import Value
from qdesigner.design.stages import STAGES, StageKind

MAX_STAGES = 200
MAX_SHOTS = 1_000_000


class DataSpec(Value):
    """Where the images come from and how they are split.

    ``classes`` () means all of them; ``limit`` is images a class in each split, 0 for all;
    ``validation`` and ``test`` are shares of an unsplit source, drawn class by class with
    ``seed``. ``size`` and ``channels`` serve models without a backbone (0: the source's own).
    """

    source: Literal["digits", "folder"] = "digits"
    path: str = Field(default="", max_length=4096)
    classes: tuple[str, ...] = ()
    limit: int = Field(default=0, ge=0)
    validation: float = Field(default=0.25, ge=0.0, le=0.9)
    test: float = Field(default=0.0, ge=0.0, le=0.9)
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    size: int = Field(default=0, ge=0, le=1024)
    channels: Literal[0, 1, 3] = 0

    @model_validator(mode="after")
    def _check(self) -> DataSpec:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("a class is named twice")
        if self.validation + self.test > 0.95:
            raise ValueError("validation and test together leave too little to train on")
        return self


class WeightsSpec(Value):
    """Where a stage's first weights come from; ``path`` is the file for origin "file"."""

    origin: Literal["random", "pretrained", "file"] = "random"
    path: str = Field(default="", max_length=4096)

    @model_validator(mode="after")
    def _check(self) -> WeightsSpec:
        if (self.origin == "file") != bool(self.path):
            raise ValueError("weights from a file need its path, and only they")
        return self


class Stage(Value):
    """One stage of the model; ``circuit`` is set on a quantum stage and nowhere else."""

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
        if (self.circuit is not None) != (self.kind == "quantum"):
            raise ValueError("a quantum stage holds a circuit, and no other stage does")
        if self.weights.origin != "random" and self.kind != "backbone":
            raise ValueError("only a backbone takes pretrained weights or weights from a file")
        return self

    @property
    def row(self) -> StageKind:
        """The table row of this stage's kind."""
        return STAGES[self.kind]


class TrainingSpec(Value):
    """How to train. The step schedule multiplies the learning rate by ``gamma`` every
    ``step_size`` epochs; ``momentum`` is SGD's."""

    epochs: int = Field(default=20, ge=1, le=100_000)
    batch_size: int = Field(default=16, ge=1, le=65_536)
    learning_rate: float = Field(default=0.01, gt=0.0, le=100.0)
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    momentum: float = Field(default=0.9, ge=0.0, lt=1.0)
    weight_decay: float = Field(default=0.0, ge=0.0, le=10.0)
    schedule: Literal["constant", "step"] = "constant"
    step_size: int = Field(default=10, ge=1, le=100_000)
    gamma: float = Field(default=0.1, gt=0.0, le=1.0)
    loss: Literal["cross_entropy"] = "cross_entropy"
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


class Design(Value):
    """Everything a user edits, as one frozen value. ``run`` names its last run's folder, or ""."""

    name: str = Field(default="Untitled", min_length=1, max_length=200)
    about: str = Field(default="", max_length=20_000)
    data: DataSpec = DataSpec()
    stages: tuple[Stage, ...] = Field(default=(), max_length=MAX_STAGES)
    training: TrainingSpec = TrainingSpec()
    device: DeviceSpec = DeviceSpec()
    run: str = Field(default="", max_length=4096)

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
    digits = design.data.source == sources.DIGITS
    channels = design.data.channels or (1 if digits else 3)
    return plain(channels, design.data.size or (sources.DIGITS_SIZE if digits else 64))


def display_name(path: str) -> str:
    """A file's name without folders, of either platform."""
    return PurePath(path.replace("\\", "/")).name
