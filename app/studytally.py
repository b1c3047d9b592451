"""The results of a study as they come, variant by variant, for a table to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean

from qdesigner.design.study import Study
from qdesigner.session.studying import Result
from qdesigner.session.verdict import Comparison, Score, Verdict

Key = tuple[str, str]  # data, variant


@dataclass(slots=True)
class Line:
    """One variant on one set of data: its results by seed, and once the study has ended its score
    and how it compares."""

    data: str
    variant: str
    about: str
    baseline: str
    results: dict[int, Result] = field(default_factory=dict)
    score: Score | None = None
    comparison: Comparison | None = None

    @property
    def errors(self) -> bool:
        """Whether its scores are errors."""
        return any(result.errors for result in self.results.values())

    @property
    def scored(self) -> str:
        """Its score with the interval, or the mean of what there is."""
        if self.score is not None and self.score.seeds:
            return self.score.text
        if not self.results:
            return ""
        mean = fmean(result.test for result in self.results.values())
        return f"{mean:.3g}" if self.errors else f"{100 * mean:.1f} %"

    @property
    def weights(self) -> str:
        """How many weights are trained, and how many of them in circuits."""
        some = next(iter(self.results.values()), None)
        if some is None:
            return ""
        return f"{some.parameters:,}" + (f" · {some.quantum:,} quantum" if some.quantum else "")


class Tally:
    """All lines of a study, in its order."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.lines: dict[Key, Line] = {}
        for data in [named.name for named in study.data] or [""]:
            for v in study.variants:
                baseline = v.against or study.baseline
                baseline = "" if baseline == v.name else baseline
                self.lines[data, v.name] = Line(data, v.name, v.about, baseline)

    @property
    def several(self) -> bool:
        """Whether there is more than one set of data."""
        return len(self.study.data) > 1

    def add(self, result: Result) -> None:
        """One more result."""
        line = self.lines.get((result.data, result.variant))
        if line is not None:
            line.results[result.seed] = result
            line.score = line.comparison = None

    def judge(self, verdict: Verdict) -> None:
        """What the study shows, now that it has ended."""
        for score in verdict.scores:
            self.lines[score.data, score.variant].score = score
        for comparison in verdict.comparisons:
            self.lines[comparison.data, comparison.variant].comparison = comparison

    def differences(self, line: Line) -> list[float]:
        """How much higher it is than its baseline, one number for each seed that both have: in
        points, or of errors in their unit."""
        other = self.lines.get((line.data, line.baseline))
        if other is None:
            return []
        scale = 1.0 if line.errors else 100.0
        return [
            scale * (result.test - other.results[seed].test)
            for seed, result in line.results.items()
            if seed in other.results
        ]

    @property
    def reach(self) -> float:
        """How far from zero a plot of all differences has to show."""
        ends = [0.0]
        for line in self.lines.values():
            ends += [abs(value) for value in self.differences(line)]
            if line.comparison is not None:
                scale = 1.0 if line.errors else 100.0
                ends += [abs(scale * end) for end in (line.comparison.low, line.comparison.high)]
        largest = max(end for end in ends if end == end)
        return largest or 1.0
