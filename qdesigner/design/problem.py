"""A problem of a Design, and the edit that mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from qdesigner.design.spec import Design


@dataclass(frozen=True, slots=True)
class Fix:
    """One click that mends a problem: what the button says, and the edit."""

    label: str
    apply: Callable[[Design], Design]


@dataclass(frozen=True, slots=True)
class Problem:
    """A named problem. ``where`` is a stage's id, "data", "training", "device" or "stages"; an
    error blocks training."""

    severity: Literal["error", "warning"]
    where: str
    text: str
    fix: Fix | None = None
