"""Every kind of stage: one row each, with its settings, its shape rule and its weight count.

Shapes leave the batch out: (features,) or (channels, height, width). A shape rule raises
ShapeError with a sentence when the stage cannot take what comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qdesigner.catalog.backbones import BACKBONES, Part
from qdesigner.circuit.circuit import expand
from qdesigner.circuit.fields import Field

if TYPE_CHECKING:
    from qdesigner.design.spec import Stage

Shape = tuple[int, ...]


class ShapeError(ValueError):
    """A stage that cannot take the shape it is given; the text is a sentence."""


ShapeRule = Callable[["Stage", Shape, int], Shape]
CountRule = Callable[["Stage", Shape, int], int]


@dataclass(frozen=True, slots=True)
class StageKind:
    """One row of the stage table.

    ``shape(stage, shape_in, classes)`` gives the shape that comes out; ``count`` the number of
    weights. ``trainable`` says that the stage holds weights at all. ``quantum`` stages hold a
    circuit, which ``each_feature`` applies to each number of the input by itself.
    """

    kind: str
    label: str
    hint: str
    shape: ShapeRule
    fields: tuple[Field, ...] = ()
    count: CountRule | None = None
    quantum: bool = False
    each_feature: bool = False

    @property
    def trainable(self) -> bool:
        """Whether it holds weights."""
        return self.count is not None

    def parameters(self, stage: Stage, shape: Shape, classes: int) -> int:
        """How many weights it holds for this input."""
        return self.count(stage, shape, classes) if self.count else 0


def _text(shape: Shape) -> str:
    return " × ".join(str(size) for size in shape)


def _flat(stage: Stage, shape: Shape) -> int:
    """Size of a one-dimensional input."""
    if len(shape) != 1:
        raise ShapeError(
            f"{stage.row.label} takes a row of numbers but {_text(shape)} comes in; "
            "insert a Flatten stage before it"
        )
    return shape[0]


def _image(stage: Stage, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ShapeError(
            f"{stage.row.label} takes images but {_text(shape)} numbers come in; "
            "move it before Flatten and any backbone, or remove it"
        )
    return shape[0], shape[1], shape[2]


def _window(stage: Stage, size: int, kernel: int, stride: int, padding: int) -> int:
    out = (size + 2 * padding - kernel) // stride + 1
    if size + 2 * padding < kernel or out < 1:
        raise ShapeError(
            f"{stage.row.label}'s window of {kernel} pixels is larger than its {size}-pixel input; "
            "make the window smaller or the images larger"
        )
    return out


def _backbone_shape(stage: Stage, shape: Shape, classes: int) -> Shape:
    if len(shape) != 3:
        raise ShapeError("a backbone takes images, but the data is rows of numbers; remove it")
    return (_kept_parts(stage)[-1].features,)


def _kept_parts(stage: Stage) -> tuple[Part, ...]:
    row, cut = BACKBONES[stage.settings.text("model")], stage.settings.text("cut")
    try:
        return row.kept(cut)
    except ValueError as error:
        raise ShapeError(f"{error}; choose another place") from error


def still_parts(stage: Stage) -> int:
    """How many parts at the front of a backbone stay as they are though it is not frozen as a
    whole."""
    if stage.kind != "backbone" or stage.frozen or not stage.settings.integer("trained"):
        return 0
    try:
        kept = len(_kept_parts(stage))
    except ShapeError:
        return 0
    return max(0, kept - stage.settings.integer("trained"))


def trained_places(stage: Stage) -> tuple[str, ...]:
    """The places of a backbone that are trained, where some of its parts are not."""
    parts = _kept_parts(stage)[still_parts(stage) :]
    return tuple(place for part in parts for place in part.modules)


def _backbone_count(stage: Stage, shape: Shape, classes: int) -> int:
    return _kept_parts(stage)[-1].parameters


def _flatten_shape(stage: Stage, shape: Shape, classes: int) -> Shape:
    size = 1
    for side in shape:
        size *= side
    return (size,)


def linear_outputs(stage: Stage, classes: int) -> int:
    """A linear stage's outputs: its setting, or one a class when that is 0."""
    return stage.settings.integer("outputs") or classes


def _linear_shape(stage: Stage, shape: Shape, classes: int) -> Shape:
    _flat(stage, shape)
    return (linear_outputs(stage, classes),)


def _linear_count(stage: Stage, shape: Shape, classes: int) -> int:
    bias = 1 if stage.settings["bias"] else 0
    return (_flat(stage, shape) + bias) * linear_outputs(stage, classes)


def _same_shape(stage: Stage, shape: Shape, classes: int) -> Shape:
    return shape


def _norm_count(stage: Stage, shape: Shape, classes: int) -> int:
    return 2 * shape[0]


def _conv_shape(stage: Stage, shape: Shape, classes: int) -> Shape:
    _, height, width = _image(stage, shape)
    kernel, stride, padding = (stage.settings.integer(n) for n in ("kernel", "stride", "padding"))
    return (
        stage.settings.integer("channels"),
        _window(stage, height, kernel, stride, padding),
        _window(stage, width, kernel, stride, padding),
    )


def _conv_count(stage: Stage, shape: Shape, classes: int) -> int:
    channels, _, _ = _image(stage, shape)
    kernel = stage.settings.integer("kernel")
    return (channels * kernel * kernel + 1) * stage.settings.integer("channels")


def _pool_shape(stage: Stage, shape: Shape, classes: int) -> Shape:
    channels, height, width = _image(stage, shape)
    kernel = stage.settings.integer("kernel")
    return (
        channels,
        _window(stage, height, kernel, kernel, 0),
        _window(stage, width, kernel, kernel, 0),
    )


def _quantum_shape(stage: Stage, shape: Shape, classes: int) -> Shape:
    assert stage.circuit is not None
    size = _flat(stage, shape)
    wanted = expand(stage.circuit).inputs
    if wanted and size != wanted:
        raise ShapeError(
            f"the circuit embeds {wanted} features but {size} come in; "
            f"set the Linear stage before it to {wanted} outputs, or change the number of wires"
        )
    if not wanted:
        raise ShapeError(
            "the circuit has no embedding, so nothing of the image reaches it; "
            "drag an embedding to its start"
        )
    return (stage.circuit.outputs,)


def _activation_shape(stage: Stage, shape: Shape, classes: int) -> Shape:
    assert stage.circuit is not None
    if stage.circuit.wires != 1:
        raise ShapeError(
            f"the circuit of a quantum activation has one wire, but this one has "
            f"{stage.circuit.wires}; remove wires, or use a Quantum circuit stage"
        )
    if expand(stage.circuit).inputs != 1:
        raise ShapeError(
            "the circuit has no embedding, so no feature reaches it; drag an embedding to its start"
        )
    if stage.circuit.outputs != 1:
        raise ShapeError(
            f"a quantum activation gives one number a feature, but its readout gives "
            f"{stage.circuit.outputs}; measure one expectation value"
        )
    return shape


def _quantum_count(stage: Stage, shape: Shape, classes: int) -> int:
    assert stage.circuit is not None
    return len(expand(stage.circuit).weight_keys)


def _probability_shape(stage: Stage, shape: Shape, classes: int) -> Shape:
    size = _flat(stage, shape)
    return (2,) if size == 1 else (size,)


# An activation's name in a document, and its class in torch.nn.
ACTIVATIONS = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "gelu": "GELU",
    "leaky_relu": "LeakyReLU",
}

# Every place where some backbone may be cut; which of them a model has, its own row says.
CUTS = dict.fromkeys(cut for row in BACKBONES.values() for cut in row.cuts)

STAGES: dict[str, StageKind] = {
    row.kind: row
    for row in (
        StageKind(
            "backbone", "Backbone", "A pretrained network without its head: features of an image",
            _backbone_shape,
            (
                Field("model", "Model", "choice", "embedded", choices=tuple(BACKBONES)),
                Field("cut", "Cut behind", "choice", "", choices=tuple(CUTS),
                      hint="Take the features from an earlier layer, the mean over the picture"),
                Field("trained", "Trained parts", "int", 0, 0, 32,
                      hint="Of a backbone that is not frozen, how many of its last parts are "
                      "trained; 0: all of them"),
            ),
            _backbone_count,
        ),
        StageKind(
            "conv", "Convolution", "2-D convolution over an image", _conv_shape,
            (
                Field("channels", "Channels out", "int", 10, 1, 4096),
                Field("kernel", "Kernel (px)", "int", 5, 1, 64),
                Field("stride", "Stride (px)", "int", 1, 1, 64),
                Field("padding", "Padding (px)", "int", 0, 0, 64),
            ),
            _conv_count,
        ),
        StageKind(
            "pool", "Pooling", "The largest or the mean value of each window", _pool_shape,
            (
                Field("mode", "Mode", "choice", "max", choices=("max", "average")),
                Field("kernel", "Window (px)", "int", 2, 1, 64),
            ),
        ),
        StageKind("flatten", "Flatten", "An image as one row of numbers", _flatten_shape),
        StageKind(
            "linear", "Linear", "A fully connected layer", _linear_shape,
            (
                Field("outputs", "Outputs", "int", 0, 0, 65_536, hint="0: one for each class"),
                Field("bias", "Bias", "bool", True,
                      hint="A batch norm right after it takes any bias away again"),
            ),
            _linear_count,
        ),
        StageKind(
            "activation", "Activation", "A function of each number", _same_shape,
            (
                Field("function", "Function", "choice", "relu", choices=tuple(ACTIVATIONS)),
            ),
        ),
        StageKind(
            "dropout", "Dropout", "Sets a share of the numbers to zero while training", _same_shape,
            (Field("rate", "Rate", "float", 0.5, 0.0, 0.99),),
        ),
        StageKind(
            "batch_norm", "Batch norm",
            "Scales each feature to mean 0 and deviation 1 over the batch", _same_shape,
            count=_norm_count,
        ),
        StageKind(
            "squash", "tanh · π/2", "Brings each number between -π/2 and π/2, as an angle",
            _same_shape,
        ),
        StageKind(
            "quantum", "Quantum circuit", "The variational circuit drawn on the board",
            _quantum_shape, count=_quantum_count, quantum=True,
        ),
        StageKind(
            "quantum_activation", "Quantum activation",
            "A circuit of one wire applied to each number, with the same weights for all",
            _activation_shape, count=_quantum_count, quantum=True, each_feature=True,
        ),
        StageKind(
            "probability", "⟨Z⟩ to probability", "(1 + ⟨Z⟩)/2; of one wire, the pair (p, 1 - p)",
            _probability_shape,
        ),
    )
}  # fmt: skip
