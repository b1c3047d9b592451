"""The table of torchvision's backbones, made from torchvision itself.

``python -m qdesigner.model.tabulate --out resources/backbones.json`` writes the shipped table
again. Every network is built without numbers, so that even the largest takes no memory.
"""

from __future__ import annotations

import argparse
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import nn
from torchvision import models
from torchvision.models import regnet

from qdesigner.catalog.families import FAMILIES, Family, family_of
from qdesigner.model.places import bare, edit, found

# Of several sets of weights, the first that is there.
WEIGHTS = ("IMAGENET1K_V1", "IMAGENET1K_SWAG_LINEAR_V1")
SWAG = "CC BY-NC 4.0, not for commercial use"
IMAGENET = "BSD-3-Clause; ImageNet's terms are for research"

TOKENS = ("class_token", "encoder.pos_embedding")
BEHIND = ("avgpool", "dropout", "fc")  # what stands behind the parts of a network

_LABELS = (
    (r"alexnet", "AlexNet"),
    (r"convnext_(\w+)", r"ConvNeXt-\1"),
    (r"densenet(\d+)", r"DenseNet-\1"),
    (r"efficientnet_b(\d)", r"EfficientNet-B\1"),
    (r"efficientnet_v2_(\w)", r"EfficientNetV2-\1"),
    (r"googlenet", "GoogLeNet"),
    (r"inception_v3", "Inception v3"),
    (r"maxvit_t", "MaxViT-T"),
    (r"mnasnet(\d)_(\d+)", r"MNASNet \1.\2"),
    (r"mobilenet_v2", "MobileNetV2"),
    (r"mobilenet_v3_(\w+)", r"MobileNetV3-\1"),
    (r"regnet_([xy])_(\d+)_(\d)gf", r"RegNet-\1 \2.\3 GF"),
    (r"regnet_([xy])_(\d+)gf", r"RegNet-\1 \2 GF"),
    (r"regnet_([xy])_(\d+)mf", r"RegNet-\1 \2 MF"),
    (r"resnet(\d+)", r"ResNet-\1"),
    (r"resnext(\d+)_(\d+)x(\d)d", r"ResNeXt-\1 \2×\3d"),
    (r"shufflenet_v2_x(\d)_(\d)", r"ShuffleNetV2 ×\1.\2"),
    (r"squeezenet(\d)_(\d)", r"SqueezeNet \1.\2"),
    (r"swin_v2_(\w)", r"SwinV2-\1"),
    (r"swin_(\w)", r"Swin-\1"),
    (r"vgg(\d+)", r"VGG-\1"),
    (r"vgg(\d+)_bn", r"VGG-\1 with batch norm"),
    (r"vit_(\w)_(\d+)", r"ViT-\1/\2"),
    (r"wide_resnet(\d+)_2", r"Wide ResNet-\1-2"),
)


def label_of(name: str) -> str:
    """A model's name as its paper writes it."""
    for pattern, text in _LABELS:
        if match := re.fullmatch(pattern, name):
            return re.sub(r"(?<=-)[a-z]+", lambda word: word[0].title(), match.expand(text))
    raise LookupError(f"torchvision's {name!r} has no label yet")


@contextmanager
def numberless() -> Iterator[None]:
    """Build networks without numbers, their shapes alone, on torch's meta device."""
    inner = regnet.BlockParams.from_init_params

    def on_cpu(*args: Any, **more: Any) -> Any:  # it computes widths with tensors
        with torch.device("cpu"):
            return inner(*args, **more)

    with (
        torch.device("meta"),
        mock.patch.object(regnet.BlockParams, "from_init_params", on_cpu),
        warnings.catch_warnings(action="ignore"),
    ):
        yield


def row(name: str) -> dict[str, Any]:
    """What the shipped table says of one model."""
    kinds = models.get_model_weights(name)
    weights = next(kinds[kind] for kind in WEIGHTS if kind in kinds.__members__)
    prepare = weights.transforms()
    side = int(prepare.crop_size[0])
    family = FAMILIES[family_of(name)]
    with numberless():
        model = bare(name).eval()
        edit(model, family.head)
        parts, features = _parts(model, family, side)
    return {
        "name": name,
        "label": label_of(name),
        "family": family_of(name),
        "features": features,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "accuracy": weights.meta["_metrics"]["ImageNet-1K"]["acc@1"],
        "resize": int(prepare.resize_size[0]),
        "crop": side,
        "mean": list(prepare.mean),
        "std": list(prepare.std),
        "interpolation": prepare.interpolation.value,
        "weights": weights.name,
        "url": weights.url,
        "megabytes": weights.meta["_file_size"],
        "licence": SWAG if "SWAG" in weights.name else IMAGENET,
        "parts": parts,
    }


@dataclass(frozen=True, slots=True)
class _Step:
    """One module of the chain: its name, how many channels it gives, and the picture's side."""

    name: str
    module: nn.Module
    channels: int
    side: int


def _parts(model: nn.Module, family: Family, side: int) -> tuple[list[list[Any]], int]:
    """The parts in order, [place, modules, features, parameters up to it], and the features at
    the end."""
    steps, features = _chain(model, family, side)
    parts: list[list[Any]] = []
    first = counted = 0
    for end in _ends(steps, family, side):
        last = end == len(steps)
        modules = [*(() if first else family.stem), *_named(steps, family, first, end)]
        modules += family.behind if last and family.ends != "pool" else ()
        counted += _weights(model, modules)
        if not first:  # a vision transformer's class token and places
            counted += sum(w.numel() for name, w in model.named_parameters() if name in TOKENS)
        parts.append([steps[end - 1].name, modules, steps[end - 1].channels, counted])
        first = end
    if family.ends == "pool":
        counted += _weights(model, family.behind)
        parts.append([family.behind[-1], list(family.behind), features, counted])
    parts[-1][2] = features
    return parts, features


def _weights(model: nn.Module, modules: Iterable[str]) -> int:
    return sum(w.numel() for name in modules for m in found(model, name) for w in m.parameters())


def _chain(model: nn.Module, family: Family, side: int) -> tuple[list[_Step], int]:
    """The modules that run one after another, and the features behind them all."""
    if family.chain:
        children = list(model.get_submodule(family.chain).children())
        named = [(f"{family.chain}[{number}]", child) for number, child in enumerate(children)]
    else:
        named = [(name, m) for name, m in model.named_children() if name not in BEHIND]
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Callable[..., None]:
        return lambda module, args, out: shapes.update({name: tuple(out.shape)})

    for name, module in named:
        module.register_forward_hook(note(name))
    features = int(model(torch.empty(2, 3, side, side)).shape[1])
    steps = []
    for name, module in named:
        shape = shapes[name]
        channels = shape[1] if len(shape) == 4 and shape[2] == shape[3] else shape[-1]
        steps.append(_Step(name, module, channels, shape[-2]))
    return steps, features


def _ends(steps: list[_Step], family: Family, side: int) -> list[int]:
    """Behind which steps a part ends."""
    count = len(steps)
    if family.ends == "quarters":
        return [round(count * k / 4) for k in (1, 2, 3, 4)]
    if family.ends == "pool":
        ends = [n for n, step in enumerate(steps, 1) if isinstance(step.module, nn.MaxPool2d)]
        return ends if ends[-1] == count else [*ends, count]
    # The first layers see edges and colours: they are no part of their own.
    smaller = [
        n for n in range(1, count)
        if steps[n].side * 1.5 < steps[n - 1].side <= side / 4
    ]  # fmt: skip
    return [*smaller, count]


def _named(steps: list[_Step], family: Family, first: int, end: int) -> list[str]:
    if family.chain:
        return [f"{family.chain}[{first or ''}:{end if end < len(steps) else ''}]"]
    return [step.name for step in steps[first:end]]


def table() -> list[dict[str, Any]]:
    """Every classification model of torchvision."""
    return [row(name) for name in models.list_models(module=models)]


def text(rows: list[dict[str, Any]]) -> str:
    """The table as JSON, one row a line."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main(arguments: list[str] | None = None) -> None:
    """Write the table where ``--out`` says."""
    parser = argparse.ArgumentParser(prog="python -m qdesigner.model.tabulate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    chosen = parser.parse_args(arguments)
    rows = table()
    chosen.out.write_text(text(rows), encoding="utf-8", newline="\n")
    print(f"wrote {len(rows)} models to {chosen.out}")


if __name__ == "__main__":
    main()
