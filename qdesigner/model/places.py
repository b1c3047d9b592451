"""Places in torchvision's networks: finding them, and putting something else there.

The expressions are those of `qdesigner.catalog.families`; an exported script runs them as Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import torchvision
from torch import nn

from qdesigner.catalog.families import FAMILIES, IDENTITY, POOL, Edit, family_of
from qdesigner.model.embedded import EmbeddedBackbone

_PLACE = re.compile(r"([A-Za-z_][\w.]*?)(?:\[(\d*)(:?)(\d*)\])?")
_NEW: dict[str, Callable[[], nn.Module]] = {
    IDENTITY: nn.Identity,
    POOL: lambda: nn.AdaptiveAvgPool2d(1),
    "nn.Flatten()": nn.Flatten,
    f"nn.Sequential({POOL}, nn.Flatten())": lambda: nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ),
}


def bare(name: str) -> nn.Module:
    """A model with random weights, as torchvision builds it: images to ImageNet's classes. The
    embedded one has no head."""
    if name == "embedded":
        return EmbeddedBackbone()
    arguments = dict(FAMILIES[family_of(name)].arguments)
    model: nn.Module = torchvision.models.get_model(name, **arguments)
    return model


def found(model: nn.Module, expression: str) -> list[nn.Module]:
    """The modules that an expression names: ``layer1``, ``features[3]`` or ``features[2:5]``."""
    name, index = _parsed(expression)
    module = model.get_submodule(name)
    if index is None:
        return [module]
    children = list(module.children())
    return children[index] if isinstance(index, slice) else [children[index]]


def edit(model: nn.Module, edits: Iterable[Edit]) -> set[str]:
    """Put something else into places of the model; gives the state dict's keys that went."""
    before = set(model.state_dict())
    for target, expression in edits:
        name, index = _parsed(target)
        parent, _, last = name.rpartition(".")
        owner = model.get_submodule(parent)
        if isinstance(index, int):
            owner, last = model.get_submodule(name), str(index)
        if expression.startswith("["):
            kept = owner.get_submodule(last)
            assert isinstance(kept, nn.Sequential | nn.ModuleList)
            _, part = _parsed(last + expression)
            assert isinstance(part, slice)
            new: nn.Module = kept[part]
        else:
            new = _NEW[expression]()
        owner.register_module(last, new)
    return before - set(model.state_dict())


def put(model: nn.Module, expression: str, modules: Iterable[nn.Module]) -> None:
    """Put modules into the places that an expression names, one each."""
    name, index = _parsed(expression)
    owner, _, last = name.rpartition(".")
    if index is None:
        [module] = modules
        model.get_submodule(owner).register_module(last, module)
        return
    chain = model.get_submodule(name)
    keys = list(dict(chain.named_children()))
    chosen = keys[index] if isinstance(index, slice) else [keys[index]]
    for key, module in zip(chosen, modules, strict=True):
        chain.register_module(key, module)


def _parsed(expression: str) -> tuple[str, int | slice | None]:
    """The name of a place, and which of its children are meant."""
    match = _PLACE.fullmatch(expression)
    assert match is not None, expression
    name, first, colon, last = match.groups()
    if colon:
        return name, slice(int(first) if first else None, int(last) if last else None)
    return name, int(first) if first else None
