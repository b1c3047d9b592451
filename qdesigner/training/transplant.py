"""The weights of one model into another that an edit made of it: what survives stays as it is.

A stage survives by its id, and within a circuit each block by its own. New layers change as little
as they can of what the model computes: a square linear stage and a convolution that keeps its
shape begin as the identity, a new block's weights at 0 (a rotation's beside it), and what a stage
has grown by near 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from qdesigner.circuit.circuit import Circuit, expand, walk
from qdesigner.circuit.kinds import Group, drawn
from qdesigner.design.spec import Design
from qdesigner.engine.layer import CircuitLayer

NEAR = 0.01  # of a first draw: how far beside 0 new weights begin


@dataclass(frozen=True)
class Graft:
    """Entries ``since`` of an old weight that are entries ``now`` of a new one."""

    new: nn.Parameter
    old: nn.Parameter
    now: Any
    since: Any


@dataclass
class Grafted:
    """What was carried over: for the optimizer each `Graft`; how many of the ``trainable`` weights
    are ``kept`` as they were."""

    grafts: list[Graft] = field(default_factory=list)
    kept: int = 0
    trainable: int = 0


@dataclass(frozen=True)
class Grown:
    """A design and the trained part of its model."""

    design: Design
    tail: nn.Sequential


@torch.no_grad()
def transplant(old: Grown, new: Grown) -> Grafted:
    """Put what survives of the ``old`` model's weights into the ``new`` one, which holds its first
    ones."""
    done = Grafted()
    before = dict(old.tail.named_children())
    for name, module in new.tail.named_children():
        known = before.get(name) if _same_kind(old.design, new.design, name) else None
        if isinstance(module, CircuitLayer):
            _circuit(known if isinstance(known, CircuitLayer) else None, module, done)
        elif known is not None:
            _stage(known, module, done)
        elif _begins_as_before(old.design, new.design, name):
            done.kept += _count(module)
        else:
            _identity(module)
        done.trainable += _count(module)
    return done


def bound(old: Grown, new: Design) -> int:
    """How many stages at the front of ``new`` hold no weights of the run's own: a frozen front's
    features are computed from the design alone."""
    own = {name: module for name, module in old.tail.named_children() if any(module.state_dict())}
    for place, stage in enumerate(new.stages):
        if stage.id in own and _same_kind(old.design, new, stage.id):
            # The front of a backbone in part trained was never trained in this run.
            before = getattr(own[stage.id], "parts_before", 0)
            return -before if place == 0 else place
    return len(new.stages)


def _same_kind(old: Design, new: Design, name: str) -> bool:
    """Whether a stage of this id is in both and can take the other's weights."""
    was = next((stage for stage in old.stages if stage.id == name), None)
    now = new.stage(name)
    if was is None or was.kind != now.kind:
        return False
    return was.kind != "backbone" or was.settings["model"] == now.settings["model"]


def _begins_as_before(old: Design, new: Design, name: str) -> bool:
    """Whether a stage that stood in the frozen front has the same weights in the tail now."""
    was = next((stage for stage in old.stages if stage.id == name), None)
    now = new.stage(name)
    return was is not None and was.model_copy(update={"frozen": now.frozen}) == now


def _count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad)


def _stage(old: nn.Module, new: nn.Module, done: Grafted) -> None:
    """Every tensor of a stage as far as both have it; weights grown beyond begin near 0."""
    known = {**dict(old.named_parameters()), **dict(old.named_buffers())}
    for name, weight in new.named_parameters():
        was = known.get(name)
        if not isinstance(was, nn.Parameter) or was.ndim != weight.ndim:
            continue
        both = _overlap(was, weight)
        if was.shape != weight.shape:
            weight.mul_(NEAR)
        weight[both] = was[both]
        if weight.requires_grad:
            done.grafts.append(Graft(weight, was, both, both))
            done.kept += weight[both].numel()
    for name, buffer in new.named_buffers():
        was = known.get(name)
        if was is not None and was.ndim == buffer.ndim:
            both = _overlap(was, buffer)
            buffer[both] = was[both]


def _overlap(a: Tensor, b: Tensor) -> tuple[slice, ...]:
    return tuple(slice(0, min(m, n)) for m, n in zip(a.shape, b.shape, strict=True))


def _circuit(old: CircuitLayer | None, new: CircuitLayer, done: Grafted) -> None:
    """Weights block by block: those that were there, and new ones beside 0."""
    expanded = expand(new.circuit)
    keys, flat = expanded.weight_keys, new.flat().clone()
    blocks = {block.id: block.row for block, _ in walk(new.circuit.blocks)}
    for place, (key, start) in enumerate(zip(keys, expanded.starts, strict=True)):
        row = blocks[key.block]
        if expanded.trainable[place] and row.start is drawn:  # not the factors of an embedding
            draw = (float(flat[place]) - start.mean) / (start.spread or 1.0)
            flat[place] = 0.0 if row.group is Group.ENTANGLING else NEAR * draw
    places: dict[Any, int] = {}
    if old is not None:
        was, before = old.flat(), expand(old.circuit)
        places = {key: number for number, key in enumerate(before.weight_keys)}
        for place, key in enumerate(keys):
            if key in places:
                flat[place] = was[places[key]]
    trainable = torch.tensor(expanded.trainable, dtype=torch.bool)
    new.weights.copy_(flat[trainable])
    if not new.whole:
        new.fixed.copy_(flat[~trainable])
    if old is None or not new.weights.requires_grad:
        return
    trained = [key for key, trains in zip(keys, expanded.trainable, strict=True) if trains]
    done.kept += sum(key in places for key in trained)
    numbers = _trained(old.circuit)
    pairs = [(place, numbers[key]) for place, key in enumerate(trained) if key in numbers]
    if pairs:
        now, since = torch.tensor(pairs).T
        done.grafts.append(Graft(new.weights, old.weights, now, since))


def _trained(circuit: Circuit) -> dict[Any, int]:
    """The place of each trained weight among the trained ones."""
    expanded = expand(circuit)
    pairs = zip(expanded.weight_keys, expanded.trainable, strict=True)
    return {key: place for place, key in enumerate(key for key, trains in pairs if trains)}


def _identity(module: nn.Module) -> None:
    """A new stage as the identity, where its shape lets it be one."""
    match module:
        case nn.Linear() if module.in_features == module.out_features:
            nn.init.eye_(module.weight)
        case nn.Conv2d() if _keeps_shape(module):
            nn.init.dirac_(module.weight)
        case _:
            return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def _keeps_shape(conv: nn.Conv2d) -> bool:
    kernel, padding = conv.kernel_size[0], conv.padding[0]
    same = conv.in_channels == conv.out_channels and conv.stride[0] == 1
    return same and isinstance(padding, int) and kernel == 2 * padding + 1
