"""What a study shows, and what it does not: scores and paired differences with their intervals, and
each in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from qdesigner.design.controls import (
    AS_DRAWN,
    BOTTLENECK,
    FROZEN,
    LINEAR,
    MLP,
    WITHOUT_ENTANGLERS,
)
from qdesigner.design.study import Study
from qdesigner.session.bootstrap import Interval, Samples, intervals
from qdesigner.session.events import Event
from qdesigner.session.studying import Result

Shown = Literal["better", "worse", ""]
Key = tuple[str, str]  # data, variant

_PHRASES = {
    AS_DRAWN: "the circuit as drawn",
    WITHOUT_ENTANGLERS: "the circuit without entanglers",
    FROZEN: "the frozen random circuit",
    MLP: "the MLP",
    LINEAR: "the linear head",
}


@dataclass(frozen=True, slots=True)
class Score:
    """What one variant reaches on one set of data: its mean test score over ``seeds`` runs, an
    error where ``errors`` (the lower the better), else an accuracy; NaN without a run.
    ``parameters`` are trained, ``quantum`` of them in circuits; ``step`` and ``seconds`` are the
    means of a training step and of a whole run."""

    data: str
    variant: str
    seeds: int
    mean: float
    low: float
    high: float
    errors: bool = False
    parameters: int = 0
    quantum: int = 0
    step: float = 0.0
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """ "94.2 % (93.1 to 95.0)", or of an error "0.31 (0.28 to 0.35)"."""
        if not self.seeds:
            return "no run yet"
        scale, sign = (1.0, "") if self.errors else (100.0, " %")
        one = _three if self.errors else _tenth
        mean = f"{one(scale * self.mean)}{sign}"
        if math.isnan(self.low):
            return mean
        return f"{mean} ({one(scale * self.low)} to {one(scale * self.high)})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much higher a variant's score is than the baseline's, in pairs of the same seed and the
    same test samples; ``seeds`` pairs. Of errors lower is better."""

    data: str
    variant: str
    baseline: str
    seeds: int
    difference: float
    low: float
    high: float
    errors: bool = False

    @property
    def shown(self) -> Shown:
        """Whether the variant is shown to be better or worse than the baseline."""
        if math.isnan(self.low) or self.low <= 0 <= self.high:
            return ""
        return "better" if (self.difference > 0) != self.errors else "worse"

    @property
    def sentence(self) -> str:
        """It in plain words. Of controls the circuit as drawn is spoken of."""
        turned = self.baseline == AS_DRAWN
        subject, other = phrase(self.variant), phrase(self.baseline)
        if turned:
            subject, other = other, subject
        if not self.seeds:
            return f"{_begun(subject)} and {other} share no seed and test samples yet."
        if self.seeds == 1:
            return (
                f"1 seed shows nothing: with it, {subject} and {other} differ by "
                f"{self._words(abs(self.difference))}."
            )
        sign = -1 if turned != self.errors else 1  # so that more is better for the subject
        low, high = sorted((sign * self.low, sign * self.high))
        if not self.shown:
            return (
                f"{_begun(subject)} and {other}: no difference that {self.seeds} seeds can show "
                f"({self._number(low)} to {self._words(high)})."
            )
        how = "better" if low > 0 else "worse"
        near, far = sorted((abs(low), abs(high)))
        return (
            f"{_begun(subject)} is {self._words(abs(self.difference))} {how} than {other} "
            f"(95 % interval {self._number(near)} to {self._number(far)})."
        )

    @property
    def text(self) -> str:
        """ "+1.2 (0.3 to 2.1)" in points, or of an error in its unit: above 0 the variant's score
        is the higher."""
        if not self.seeds:
            return "no pairs yet"
        sign = "+" if self.difference > 0 else ""
        mean = f"{sign}{self._number(self.difference)}"
        if math.isnan(self.low):
            return mean
        return f"{mean} ({self._number(self.low)} to {self._number(self.high)})"

    def _number(self, value: float) -> str:
        if self.errors:
            return _three(value)
        # More digits where a difference that is shown would else read as none.
        small = bool(self.shown) and abs(self.difference) < 0.001
        return _signed(f"{100 * value:.2f}") if small else _tenth(100 * value)

    def _words(self, value: float) -> str:
        return f"{self._number(value)}{'' if self.errors else ' points'}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """All of it, in the order of the study; ``whole`` are the sentences on the study as a whole."""

    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...]
    whole: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reported(Event):
    """The report on a study is written to the file ``path``; it shows ``verdict``."""

    path: str
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """The event as JSON values: null for a number that there is none of."""
        rows = {
            name: [{key: _number(value) for key, value in asdict(row).items()} for row in rows]
            for name, rows in (
                ("scores", self.verdict.scores), ("comparisons", self.verdict.comparisons)
            )
        }  # fmt: skip
        return {"event": "reported", "path": self.path, **rows, "shown": list(self.verdict.whole)}


def phrase(variant: str) -> str:
    """How a variant is called in a sentence."""
    return _PHRASES.get(variant, f'"{variant}"')


def judge(study: Study, results: Iterable[Result]) -> Verdict:
    """What the results there are of a study show. Only pairs count in a difference."""
    wanted = set(study.seeds)
    runs: dict[Key, dict[int, Result]] = {}
    for result in results:
        if result.seed in wanted:
            runs.setdefault((result.data, result.variant), {})[result.seed] = result
    scores: list[Score] = []
    comparisons: list[Comparison] = []
    for data in [named.name for named in study.data] or [""]:
        of = {v.name: runs.get((data, v.name), {}) for v in study.variants}
        against = {v.name: v.against or study.baseline for v in study.variants}
        others = [name for name in of if name != against[name]]
        pairs = {name: _pairs(of[name], of[against[name]]) for name in others}
        groups = [_values(of[name].values()) for name in of]
        found = intervals([*groups, *pairs.values()])
        scores += [_score(data, name, of[name], i) for name, i in zip(of, found, strict=False)]
        errors = any(run.errors for seeds in of.values() for run in seeds.values())
        for name, interval in zip(others, found[len(of) :], strict=True):
            seeds = len(pairs[name])
            comparisons.append(
                Comparison(data, name, against[name], seeds, *interval, errors=errors)
            )
    said = tuple(comparisons)
    whole = (*_whole(study, said), *_missing(study, scores))
    return Verdict(tuple(scores), said, whole)


def _values(results: Iterable[Result]) -> list[Samples]:
    return [_samples(result) for result in results]


def _samples(result: Result) -> Samples:
    """A run's values by sample; its score alone where it has none."""
    named = dict(zip(result.samples, result.values, strict=False))
    return named or {"": result.test}


def _pairs(ours: Mapping[int, Result], theirs: Mapping[int, Result]) -> list[Samples]:
    """Differences sample by sample, of every seed that both have; of samples that only one was
    tested on, nothing can be said."""
    pairs: list[Samples] = []
    for seed in sorted(ours.keys() & theirs.keys()):
        a, b = _samples(ours[seed]), _samples(theirs[seed])
        both = {name: a[name] - b[name] for name in a if name in b}
        if both:
            pairs.append(both)
    return pairs


def _score(data: str, name: str, runs: Mapping[int, Result], interval: Interval) -> Score:
    if not runs:
        return Score(data, name, 0, *interval)
    rows = list(runs.values())
    most = math.inf if rows[0].errors else 1.0
    low, high = (x if math.isnan(x) else min(max(x, 0.0), most) for x in interval[1:])
    return Score(
        data, name, len(rows), interval.mean, low, high, errors=rows[0].errors,
        parameters=rows[0].parameters, quantum=rows[0].quantum,
        step=sum(row.step for row in rows) / len(rows),
        seconds=sum(row.seconds for row in rows) / len(rows),
    )  # fmt: skip


# ---- the study as a whole ------------------------------------------------------------------------


def _whole(study: Study, comparisons: Sequence[Comparison]) -> list[str]:
    sentences: list[str] = []
    for data in dict.fromkeys(comparison.data for comparison in comparisons):
        of = {c.variant: c for c in comparisons if c.data == data}
        enough = {name: c for name, c in of.items() if c.seeds > 1}
        if not enough:
            said = ["Nothing can be said yet: it takes two seeds at least, and ten to say much."]
        elif study.baseline == AS_DRAWN and {MLP, LINEAR} & enough.keys():
            narrow = any(v.name == MLP and BOTTLENECK in v.about for v in study.variants)
            said = [_quantum(enough, narrow)]
        else:
            pairs = list(enough.values())
            several = len({c.baseline for c in pairs}) > 1
            said = _steps(pairs) if several else [_counted(pairs[0].baseline, pairs)]
        where = f"On {data}: " if len(study.data) > 1 else ""
        sentences += [where + sentence for sentence in said]
    return sentences


def _quantum(of: Mapping[str, Comparison], narrow: bool) -> str:
    """Whether the quantum part helps. A control that is better speaks against the circuit; that it
    beats an MLP which is a bottleneck (``narrow``) does not speak for it."""
    classical = [of[name] for name in (MLP, LINEAR) if name in of]
    better = [phrase(c.variant) for c in classical if c.shown == "better"]
    beaten = [phrase(c.variant) for c in classical if c.shown == "worse"]
    equal = [phrase(c.variant) for c in classical if not c.shown]
    drawn, seeds = phrase(AS_DRAWN), min(c.seeds for c in classical)
    if better:
        said = f"The quantum part does not help: {_listed(better)} "
        said += f"{'is' if len(better) == 1 else 'are'} better than {drawn}."
    elif not equal and narrow and MLP in of:
        said = f"It is not shown that the quantum part helps: {drawn} is better than "
        said += f"{_listed(beaten)}, but an MLP of so few weights is a bottleneck, which any wider "
        said += "layer would beat."
    elif not equal:
        said = f"The quantum part helps: {drawn} is better than {_listed(beaten)}."
    elif beaten:
        said = f"It is not shown that the quantum part helps: {drawn} is better than "
        said += f"{_listed(beaten)}, but {seeds} seeds show no difference to {_listed(equal)}."
    else:
        said = f"It is not shown that the quantum part helps: {seeds} seeds show no difference "
        said += f"between {drawn} and {_listed(equal)}."
    words = {
        WITHOUT_ENTANGLERS: (
            "Its entanglers help", "It is better without its entanglers",
            "Its entanglers make no difference",
        ),
        FROZEN: (
            "Training the circuit helps", "It is better left at random than trained",
            "Training the circuit makes no difference",
        ),
    }  # fmt: skip
    for name, (helps, harms, neither) in words.items():
        if name in of:
            shown = of[name].shown
            none = f"{neither} that {of[name].seeds} seeds can show"
            said += f" {helps if shown == 'worse' else harms if shown == 'better' else none}."
    return said


def _counted(baseline: str, of: Sequence[Comparison]) -> str:
    better, worse = ([c.variant for c in of if c.shown == how] for how in ("better", "worse"))
    parts = [
        f"{_listed([phrase(n) for n in names])} {'is' if len(names) == 1 else 'are'} {how}"
        for how, names in (("better", better), ("worse", worse))
        if names
    ]
    left = len(of) - len(better) - len(worse)
    seeds = min(c.seeds for c in of)
    if left:
        parts.append(f"for {left} of {len(of)} there is no difference that {seeds} seeds can show")
    return f"Compared with {phrase(baseline)}, {_listed(parts)}."


def _steps(of: Sequence[Comparison]) -> list[str]:
    """Of comparisons with one baseline each: those that show something, and how many do not."""
    shown = [c.sentence for c in of if c.shown]
    left, seeds = len(of) - len(shown), min(c.seeds for c in of)
    if not shown:
        return [f"None of the {len(of)} differences is one that {seeds} seeds can show."]
    if left:
        other = "other is" if left == 1 else f"other {left} are"
        shown.append(f"The {other} no difference that {seeds} seeds can show.")
    return shown


def _missing(study: Study, scores: Sequence[Score]) -> list[str]:
    total = len(study.variants) * max(1, len(study.data)) * len(study.seeds)
    missing = total - sum(score.seeds for score in scores)
    if not missing:
        return []
    return [f"{missing:,} of {total:,} runs are missing; this rests on the others."]


def _listed(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _signed(text: str) -> str:
    """With a minus as print has it, and none before a zero."""
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", "−")


def _tenth(value: float) -> str:
    return _signed(f"{value:.1f}")


def _three(value: float) -> str:
    return _signed(f"{value:.3g}")


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
