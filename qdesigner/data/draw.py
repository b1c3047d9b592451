"""Which samples each split gets: by seed, share, limit and balance, class by class."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

from qdesigner.design.facts import serving, split_counts
from qdesigner.design.spec import DataSpec

Thing = TypeVar("Thing")
Drawn = dict[tuple[str, str], list[Thing]]  # by (split, class), in the order a limit takes them


def shuffled(things: Sequence[Thing], spec: DataSpec, name: str) -> list[Thing]:
    """In the order that the seed gives this class: the same on every machine, whatever the other
    classes hold."""
    order = list(things)
    random.Random(f"{spec.seed}/{name}").shuffle(order)
    return order


def drawn(
    spec: DataSpec, classes: Sequence[str], pools: Mapping[str, Mapping[str, Sequence[Thing]]]
) -> Drawn[Thing]:
    """The samples of each split and class, before limit and balance. ``pools`` are those of the
    data's own splits, "all" of unsplit data; where it has none to validate on, they are taken from
    those to train on."""
    wanted: Drawn[Thing] = {}
    pools = serving(spec, pools)
    for name in classes:
        parts = {split: shuffled(named.get(name, ()), spec, name) for split, named in pools.items()}
        if "all" in parts:
            parts = _parts(parts["all"], spec.validation, spec.test)
        elif "validation" not in parts:
            cut = _parts(parts.get("train", []), spec.validation, 0.0)
            parts |= {"train": cut["train"], "validation": cut["validation"]}
        wanted |= {(split, name): part for split, part in parts.items()}
    return wanted


def limited(spec: DataSpec, wanted: Drawn[Thing]) -> Drawn[Thing]:
    """At most ``limit`` samples of a class in each split, and if ``balanced`` of every class in
    training as many as the smallest has."""
    kept = {place: things[: spec.limit or None] for place, things in wanted.items()}
    if spec.balanced:
        smallest = min((len(v) for (split, _), v in kept.items() if split == "train"), default=0)
        kept |= {place: v[:smallest] for place, v in kept.items() if place[0] == "train"}
    return kept


def _parts(things: Sequence[Thing], validation: float, test: float) -> dict[str, list[Thing]]:
    train, validated, _ = split_counts(len(things), validation, test)
    held = train + validated
    return {
        "train": list(things[:train]),
        "validation": list(things[train:held]),
        "test": list(things[held:]),
    }
