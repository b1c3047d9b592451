"""Histograms of gradients early in a training: which activation lets them vanish."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from qdesigner.circuit.readout import Value

LOWEST, HIGHEST, PER_DECADE = -12, 2, 4
BINS = (HIGHEST - LOWEST) * PER_DECADE
VANISHING = 1e-6  # a gradient below is as good as none
MANY = 0.5  # of all weights


class Gradients(Value):
    """The gradient of the loss with respect to the weights before an activation, at training step
    ``step`` (from 1) of one run.

    ``counts`` is the histogram of log10 |g| in bins of a quarter decade from `LOWEST` to `HIGHEST`;
    what lies beyond is in the first and the last one, and so are zeros in the first. ``vanished``
    of its ``weights`` are below `VANISHING`. ``norm`` is the Euclidean norm of all of them.
    """

    variant: str
    data: str
    seed: int
    step: int
    counts: tuple[int, ...]
    weights: int
    vanished: int
    norm: float

    @property
    def share(self) -> float:
        """The share of the weights whose gradient has vanished."""
        return self.vanished / max(self.weights, 1)


def edges() -> list[float]:
    """The bins' ends, as powers of ten; one more than there are bins."""
    return [LOWEST + k / PER_DECADE for k in range(BINS + 1)]


def pooled(rows: Iterable[Gradients]) -> tuple[Gradients, ...]:
    """The rows of all seeds taken together, for each variant, data and step; ``norm`` is their
    geometric mean, and ``seed`` how many they are."""
    groups: dict[tuple[str, str, int], list[Gradients]] = {}
    for row in rows:
        groups.setdefault((row.data, row.variant, row.step), []).append(row)
    return tuple(
        Gradients(
            variant=variant, data=data, step=step, seed=len(group),
            counts=tuple(map(sum, zip(*(row.counts for row in group), strict=True))),
            weights=sum(row.weights for row in group),
            vanished=sum(row.vanished for row in group),
            norm=_geometric([row.norm for row in group]),
        )
        for (data, variant, step), group in groups.items()
    )  # fmt: skip


def _geometric(values: Sequence[float]) -> float:
    if min(values) <= 0:
        return 0.0
    return math.exp(sum(map(math.log, values)) / len(values))


def said(rows: Iterable[Gradients]) -> tuple[str, ...]:
    """Who vanishes, in plain words: a sentence for each variant at the last step measured."""
    together = pooled(rows)
    sentences = []
    for data in dict.fromkeys(row.data for row in together):
        here = [row for row in together if row.data == data]
        last = max(row.step for row in here)
        for row in (row for row in here if row.step == last):
            how = "vanish" if row.share > MANY else "do not vanish"
            where = f"On {data}: " if data else ""
            sentences.append(
                f'{where}Gradients before "{row.variant}" {how}: at step {last}, '
                f"{100 * row.share:.0f} % of {row.weights:,} are below 10⁻⁶; their norm is "
                f"{row.norm:.2g}."
            )
    return tuple(sentences)
