"""Which validation images are shown, and in which order: a value that knows no widget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.runview import RunView

# Orders by what they are kept as; of a regression those that have to do with classes are missing.
MOST_WRONG, LEAST_SURE, BY_CLASS, AS_IS = "most wrong", "least sure", "by class", "as is"
ORDERS = {
    MOST_WRONG: "Most wrong first", LEAST_SURE: "Least confident first", BY_CLASS: "By class",
    AS_IS: "In the data's order",
}  # fmt: skip
OF_NUMBERS = {MOST_WRONG: "Largest error first", BY_CLASS: "By true value", AS_IS: ORDERS[AS_IS]}


@dataclass(frozen=True, slots=True)
class Filter:
    """What lets an image through: right ones (True) or wrong ones (False), its true class, what it
    was taken for, and ``text`` that its name holds in whatever case. None and "" ask nothing."""

    right: bool | None = None
    true: int | None = None
    predicted: int | None = None
    text: str = ""

    @property
    def any(self) -> bool:
        """Whether it holds anything back."""
        return self != NOTHING

    def fitting(self, run: RunView) -> Filter:
        """Without what this run does not have."""
        classes = len(run.classes)
        return Filter(
            None if run.regression else self.right,
            self.true if self.true is not None and self.true < classes else None,
            self.predicted if self.predicted is not None and self.predicted < classes else None,
            self.text,
        )

    def parts(self, run: RunView) -> Iterator[tuple[str, Filter]]:
        """Each condition in words, with the filter that is left without it."""
        if self.right is not None:
            yield ("right" if self.right else "wrong"), replace(self, right=None)
        if self.true is not None and self.true == self.predicted:
            words = f"{run.class_name(self.true)}, recognised"
            yield words, replace(self, true=None, predicted=None)
        elif self.true is not None and self.predicted is not None:
            words = f"{run.class_name(self.true)} taken for {run.class_name(self.predicted)}"
            yield words, replace(self, true=None, predicted=None)
        elif self.true is not None:
            yield f"true class {run.class_name(self.true)}", replace(self, true=None)
        elif self.predicted is not None:
            yield f"taken for {run.class_name(self.predicted)}", replace(self, predicted=None)
        if self.text.strip():
            yield f"name with “{self.text.strip()}”", replace(self, text="")

    def lets(self, run: RunView) -> NDArray[np.bool_]:
        """Which images it lets through [images]."""
        through = np.ones(len(run.labels), dtype=bool)
        if self.right is not None:
            through &= run.right == self.right
        if self.true is not None:
            through &= run.labels == self.true
        if self.predicted is not None:
            through &= run.predicted == self.predicted
        words = self.text.strip().casefold()
        if words:
            named = np.zeros(len(through), dtype=bool)
            for image, item in enumerate(run.items[: len(named)]):
                named[image] = words in (item.key or item.path).casefold()
            through &= named
        return through


NOTHING = Filter()


def orders(run: RunView) -> dict[str, str]:
    """The orders that this run has, in words."""
    return OF_NUMBERS if run.regression else ORDERS


def in_order(run: RunView, order: str) -> NDArray[np.intp]:
    """Every image of the run."""
    if order == LEAST_SURE:
        return np.argsort(run.confidence, kind="stable")
    if order == BY_CLASS:
        return np.lexsort((run.true_probability, run.right, run.labels))
    if order == AS_IS:
        return np.arange(len(run.labels))
    return run.most_wrong()


def shown(run: RunView, order: str, only: Filter) -> list[int]:
    """The images that are let through, in order."""
    images = in_order(run, order)
    through = only.fitting(run).lets(run)[images]
    return [int(image) for image in images[through]]
