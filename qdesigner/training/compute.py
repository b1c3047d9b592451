"""Where torch computes the part of a model that is trained."""

from __future__ import annotations

import torch

from qdesigner.catalog.devices import BUILT_IN
from qdesigner.design.plan import one_thread
from qdesigner.design.spec import Design


def choose(design: Design) -> tuple[torch.device, str]:
    """The device for ``design``, and a sentence when it is not what was asked for, or half
    precision has no effect there; "" otherwise.

    "auto" takes CUDA where there is some and the trained part convolves: a small head on kept
    features is faster on one core.
    """
    wanted, cuda = design.training.compute, torch.cuda.is_available()
    note = ""
    if wanted == "auto":
        wanted = "cuda" if cuda and not one_thread(design) and _on_torch(design) else "cpu"
    elif wanted == "cuda" and not cuda:
        wanted = "cpu"
        note = "This run asks for CUDA, but torch finds no CUDA card here: it computes on the CPU."
    if design.training.mixed and wanted == "cpu":
        note = f"{note} Half precision has no effect on the CPU.".strip()
    return torch.device(wanted), note


def _on_torch(design: Design) -> bool:
    """Whether circuits, if there are any, are computed where torch computes."""
    exact = design.device.name == BUILT_IN and not design.device.shots
    return exact or all(stage.circuit is None for stage in design.stages)
