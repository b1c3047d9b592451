"""How torchvision's networks are built, family by family: where their parts lie, and what a person
writes to take features out of one of them instead of classes.

An edit is (target, expression): ``model.<target> = <expression>``, which both the program and an
exported script do; an expression like ``[:7]`` keeps the first 7 modules of the target.
"""

from __future__ import annotations

from dataclasses import dataclass

Edit = tuple[str, str]

IDENTITY = "nn.Identity()"
POOL = "nn.AdaptiveAvgPool2d(1)"


@dataclass(frozen=True, slots=True)
class Family:
    """One family of networks.

    ``head`` are the edits after which the features come out, ``early`` those instead when the
    network is cut before its end. ``chain`` is the module whose children are run one after
    another, "" where the parts are the model's own attributes; ``stem`` are modules that run before
    the chain, ``behind`` those between it and the head. ``ends`` says how children are gathered
    into parts: where the picture becomes smaller ("size"), behind each pooling ("pool", and what is
    behind the chain is a part too), or into four equal parts ("quarters"). ``arguments`` are given
    to torchvision's function.
    """

    head: tuple[Edit, ...]
    early: tuple[Edit, ...]
    chain: str = ""
    stem: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    ends: str = "size"
    arguments: tuple[tuple[str, bool], ...] = ()


_FC = (("fc", IDENTITY),)
_CLASSIFIER = (("classifier", IDENTITY),)
_PLAIN = Family(_CLASSIFIER, _CLASSIFIER, "features")
# Without the second classifiers that help training from scratch; the pretrained weights want their
# input scaled otherwise than all others, which the networks do themselves.
_ALONE = (("aux_logits", False), ("init_weights", True), ("transform_input", True))

FAMILIES: dict[str, Family] = {
    # What follows a convolution in AlexNet and VGG keeps 6 × 6 or 7 × 7 places apart: without the
    # large classifier they are pooled.
    "alexnet": Family(
        (("classifier[6]", IDENTITY),),
        (("avgpool", POOL), ("classifier", IDENTITY)),
        "features", behind=("classifier",), ends="pool",
    ),
    "convnext": Family(
        (("classifier[2]", IDENTITY),), (("classifier", "nn.Flatten()"),),
        "features", behind=("classifier",),
    ),
    "densenet": _PLAIN,
    "efficientnet": _PLAIN,
    "googlenet": Family(_FC, _FC, arguments=_ALONE),
    "inception": Family(_FC, _FC, arguments=_ALONE),
    "maxvit": Family(
        (("classifier[5]", IDENTITY),),
        (("classifier", f"nn.Sequential({POOL}, nn.Flatten())"),),
        "blocks", stem=("stem",), behind=("classifier",),
    ),
    "mnasnet": Family(_CLASSIFIER, _CLASSIFIER, "layers"),
    "mobilenet": _PLAIN,
    "regnet": Family(_FC, _FC, "trunk_output", stem=("stem",)),
    "resnet": Family(_FC, _FC),
    "shufflenet": Family(_FC, _FC),
    "squeezenet": Family((("classifier", POOL),), (("classifier", POOL),), "features"),
    "swin": Family(
        (("head", IDENTITY),), (("norm", IDENTITY), ("head", IDENTITY)), "features",
        behind=("norm",),
    ),
    "vgg": Family(
        (("classifier[6]", IDENTITY),),
        (("avgpool", POOL), ("classifier", IDENTITY)),
        "features", behind=("classifier",), ends="pool",
    ),
    "vit": Family(
        (("heads", IDENTITY),), (("encoder.ln", IDENTITY), ("heads", IDENTITY)), "encoder.layers",
        stem=("conv_proj",), behind=("encoder.ln",), ends="quarters",
    ),
    "embedded": Family((), ()),
}  # fmt: skip


def family_of(name: str) -> str:
    """The family that a model of torchvision's belongs to, by its name."""
    plain = name.replace("resnext", "resnet")
    return max((family for family in FAMILIES if family in plain), key=len)
