"""Intervals of means over seeds and test samples, by a bootstrap of two levels.

Seeds are drawn anew, and test samples too. Where several seeds are judged by the same sample it is
drawn for all of them together: what is hard in one run is hard in the next, and such samples must
not count as so many.

Two corrections make the interval cover the truth as often as it says. The spread over seeds is
widened to what Student's t asks of so few, since a bare bootstrap of five covers far too seldom
(Hesterberg, arXiv 1411.5279). And the noise that a seed's test samples bring into its mean is taken
out of that spread, since drawing samples anew counts it already; with fewer than `ENOUGH` seeds it
cannot be told from their own, stays, and makes the interval rather too wide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

RESAMPLES = 10_000
LEVEL = 0.95
ENOUGH = 5  # seeds
_SEED = 20_240_607  # of the draws: the same results give the same interval
_ENTRIES = 1 << 23  # of weights that are drawn at once
_ROWS = 256  # that are multiplied at once

# The 97.5 % quantile of Student's t for 1, 2, … degrees of freedom.
_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_NORMAL = 1.960

Samples = Mapping[str, float]  # of one seed: a value for each test sample, by its name


class Interval(NamedTuple):
    """A mean with its 95 % interval, NaN where one seed alone gives none."""

    mean: float
    low: float
    high: float


def widening(seeds: int) -> float:
    """How much wider the spread over so many seeds is than that of their bootstrap: n - 1 of n
    makes up for the mean being their own, and t for the normal. At least two seeds."""
    freedom = seeds - 1
    # Beyond the table by its first term in 1/n: 1.96 + 2.37 / n.
    quantile = _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else _NORMAL + 2.37 / freedom
    return quantile / _NORMAL * math.sqrt(seeds / freedom)


def intervals(
    groups: Sequence[Sequence[Samples]], resamples: int = RESAMPLES
) -> tuple[Interval, ...]:
    """The mean over seeds of each group, a seed's own mean being that over its test samples.

    A group has one mapping a seed, none of them empty; groups share the draws of the samples that
    they have in common. A group without seeds is NaN.
    """
    import numpy as np

    names = {name: k for k, name in enumerate(dict.fromkeys(_names(groups)))}
    found: list[Interval] = []
    for part in _parts(groups):
        values = np.zeros((sum(map(len, part)), len(names)), np.float32)
        there = np.zeros_like(values)
        for row, seed in enumerate(seed for group in part for seed in group):
            places = [names[name] for name in seed]
            values[row, places] = list(seed.values())
            there[row, places] = 1.0
        plain = values.sum(axis=1, dtype=np.float64) / there.sum(axis=1, dtype=np.float64)
        means = _resampled(values, there, resamples)
        first = 0
        for group in part:
            own = slice(first, first := first + len(group))
            found.append(_interval(plain[own], means[:, own]))
    return tuple(found)


def _names(groups: Sequence[Sequence[Samples]]) -> Iterator[str]:
    for group in groups:
        for seed in group:
            yield from seed


def _parts(groups: Sequence[Sequence[Samples]]) -> Iterator[list[Sequence[Samples]]]:
    """The groups in order, few enough at a time for memory."""
    part: list[Sequence[Samples]] = []
    for group in groups:
        if part and sum(map(len, part)) + len(group) > _ROWS:
            yield part
            part = []
        part.append(group)
    if part:
        yield part


def _resampled(values: Floats, there: Floats, resamples: int) -> npt.NDArray[np.float64]:
    """The mean of every row [resamples, rows] with its samples drawn anew: how often each sample
    is drawn follows Poisson's law of mean 1, as it nearly does when n are drawn out of n."""
    import numpy as np

    rng = np.random.default_rng(_SEED)
    steps = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(9)])
    table = np.searchsorted(steps, (np.arange(1 << 16) + 0.5) / (1 << 16)).astype(np.float32)
    rows, samples = values.shape
    out = np.empty((resamples, rows))
    chunk = max(1, _ENTRIES // max(samples, 1))
    for first in range(0, resamples, chunk):
        size = min(chunk, resamples - first)
        times = table[rng.integers(0, 1 << 16, (size, samples), np.uint16)]
        drawn = times @ there.T
        sums = times @ values.T
        lost = drawn == 0  # none of a row's samples was drawn
        out[first : first + size] = np.where(lost, np.nan, sums / np.where(lost, 1, drawn))
    plain = values.sum(axis=1) / there.sum(axis=1)
    return np.where(np.isnan(out), plain, out)


def _interval(plain: npt.NDArray[np.float64], means: npt.NDArray[np.float64]) -> Interval:
    """Of seeds' means [seeds] and the same with samples drawn anew [resamples, seeds]."""
    import numpy as np

    seeds = len(plain)
    if not seeds:
        return Interval(math.nan, math.nan, math.nan)
    mean = float(plain.mean())
    if seeds == 1:
        return Interval(mean, math.nan, math.nan)
    rng = np.random.default_rng(_SEED + 1)
    centre = means.mean(axis=1)
    chosen = plain[rng.integers(0, seeds, means.shape)].mean(axis=1)
    between = plain.var(ddof=1)
    noise = (means - centre[:, None]).var(axis=0).mean() * seeds / (seeds - 1)
    noise = noise if seeds >= ENOUGH else 0.0
    share = math.sqrt(max(0.0, 1 - noise / between)) if between else 0.0
    spread = centre + share * widening(seeds) * (chosen - mean)
    low, high = np.quantile(spread, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean, float(low), float(high))
