"""Gradients layer by layer: what the layers are called, and whether any of them has vanished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from app.runcurves import Floats
from qdesigner.design.spec import Stage

LATELY = 3  # epochs that are looked at together: a norm is that of a single step
SMALL = 1e-4  # beside the largest layer's norm, from which on a layer hardly learns
NOTHING = 1e-7  # below it no layer learns at all, whatever the others do


def short_names(stages: Sequence[Stage]) -> list[str]:
    """Stages in a word each, numbered where several are the same: linear 1, circuit, linear 2."""
    words = ["circuit" if stage.row.quantum else stage.row.label.lower() for stage in stages]
    return [
        f"{word} {words[: place + 1].count(word)}" if words.count(word) > 1 else word
        for place, word in enumerate(words)
    ]


def lately(norms: Mapping[str, Floats]) -> dict[str, float]:
    """The median norm of the last epochs, by stage id; without those that have none."""
    found = {name: values[-LATELY:][~np.isnan(values[-LATELY:])] for name, values in norms.items()}
    return {name: float(np.median(values)) for name, values in found.items() if len(values)}


def vanished(norms: Mapping[str, float]) -> list[str]:
    """The ids of the stages whose norm is next to nothing."""
    largest = max(norms.values(), default=0.0)
    return [name for name, norm in norms.items() if norm < max(NOTHING, SMALL * largest)]


def sentence(norms: Mapping[str, float], names: Mapping[str, str]) -> str:
    """What the norms of late say, for people; ``names`` are the stages' by id."""
    gone = vanished(norms)
    if not norms:
        return ""
    if not gone:
        least = min(norms, key=lambda name: norms[name])
        name = names.get(least, least)
        return f"No gradient vanishes; the smallest is that of {name}, {norms[least]:.1e}."
    which = " and ".join(names.get(name, name) for name in gone)
    smallest = min(norms[name] for name in gone)
    verb = "has" if len(gone) == 1 else "have"
    return (
        f"The gradient of {which} {verb} vanished ({smallest:.0e}): it learns next to nothing. "
        "Fewer layers or wires, a smaller spread of the first weights, or measuring single wires "
        "often help."
    )
