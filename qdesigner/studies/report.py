"""What a study leaves: tables as CSV, plots, and all of it told in a Markdown file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import qdesigner
from qdesigner.design.codec import write_bytes, write_text
from qdesigner.design.study import Study
from qdesigner.errors import UserError
from qdesigner.session.comparison import duration
from qdesigner.session.runs import data_words
from qdesigner.session.studying import Result, RunFailed
from qdesigner.session.vanishing import Gradients, said
from qdesigner.session.verdict import Comparison, Score, Verdict, judge
from qdesigner.studies import plots

REPORT, RUNS, SUMMARY = "report.md", "runs.csv", "summary.csv"
MANY = 60  # variants, seeds or failures that are listed

_HOW = """\
A run's epoch is chosen by its score on the validation samples and then scored once on the test
samples, which nothing was chosen by. Seed s splits with s and trains with s, so all variants of a
seed see the same samples in the same order. Differences are of pairs of the same seed and the same
test samples. Intervals are of 95 %, by a bootstrap over seeds and test samples (10,000 resamples),
widened to what Student's t asks of so few seeds. Each stands by itself: of twenty, one is expected
to miss the truth."""


@dataclass(frozen=True, slots=True)
class Report:
    """The files that were written, and what they say."""

    path: Path
    verdict: Verdict
    files: tuple[str, ...]


def write_report(
    folder: Path,
    study: Study,
    results: Sequence[Result],
    failed: Sequence[RunFailed] = (),
    gradients: Sequence[Gradients] = (),
    repeat: str = "",
) -> Report:
    """Write report, tables and plots into the study's ``folder``, each file whole or not at all.

    ``repeat`` is the command that conducts the study again. Raises UserError when the folder cannot
    be written to.
    """
    verdict = judge(study, results)
    pictures = plots.pictures(study, verdict, gradients)
    files: dict[str, str | bytes] = {
        RUNS: runs_csv(results),
        SUMMARY: summary_csv(verdict),
    }
    for name, picture in pictures.items():
        files |= {f"{name}.svg": picture.svg, f"{name}.png": picture.png}
    files[REPORT] = markdown(study, verdict, tuple(pictures), failed, gradients, repeat)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            if isinstance(content, str):
                write_text(folder / name, content)
            else:
                write_bytes(folder / name, content)
    except OSError as error:
        raise UserError(
            f"The report cannot be written to {str(folder)[:300]!r}: {error.strerror}."
        ) from error
    return Report(folder / REPORT, verdict, tuple(files))


# ---- tables --------------------------------------------------------------------------------------

_OF_RUNS = (
    "key", "variant", "data", "seed", "epoch", "validation", "test", "loss", "errors",
    "parameters", "quantum", "seconds", "step",
)  # fmt: skip


def runs_csv(results: Iterable[Result]) -> str:
    """One row a run. Scores are shares of right answers, or errors where ``errors`` is true; other
    metrics of the test samples follow, each in a column of its own."""
    rows = list(results)
    metrics = sorted({name for row in rows for name in row.metrics})
    table: list[list[object]] = [[*_OF_RUNS, *metrics]]
    for row in rows:
        table.append(
            [getattr(row, name) for name in _OF_RUNS] + [row.metrics.get(m, "") for m in metrics]
        )
    return _csv(table)


_OF_SCORES = (
    "data", "variant", "seeds", "mean", "low", "high", "errors", "parameters", "quantum", "step",
    "seconds",
)  # fmt: skip
_OF_COMPARISONS = ("baseline", "seeds", "difference", "low", "high")


def summary_csv(verdict: Verdict) -> str:
    """One row for each variant on each set of data: its score, and its difference to what it is
    compared with. What there is no number for is empty."""
    of = {(c.data, c.variant): c for c in verdict.comparisons}
    names = ["baseline", "pairs", "difference", "difference_low", "difference_high", "shown"]
    table: list[list[object]] = [[*_OF_SCORES, *names]]
    for score in verdict.scores:
        found = of.get((score.data, score.variant))
        more: list[object] = [""] * len(names)
        if found is not None:
            more = [*(getattr(found, name) for name in _OF_COMPARISONS), found.shown]
        table.append([*(getattr(score, name) for name in _OF_SCORES), *more])
    return _csv(table)


def _csv(table: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in table:
        writer.writerow(["" if value != value else value for value in row])  # NaN is no number
    return out.getvalue()


# ---- the report ----------------------------------------------------------------------------------


def markdown(
    study: Study,
    verdict: Verdict,
    pictures: Sequence[str] = (),
    failed: Sequence[RunFailed] = (),
    gradients: Sequence[Gradients] = (),
    repeat: str = "",
) -> str:
    """The report as text; ``pictures`` are the names of the plots beside it."""
    parts = [f"# Study: {_plain(study.name)}"]
    if study.about:
        parts.append(_plain(study.about))
    parts += ["## In short", _items(map(_plain, verdict.whole))]
    parts.append("## Scores on test samples")
    for data in dict.fromkeys(score.data for score in verdict.scores):
        if data:
            parts.append(f"### {_plain(data)}")
        parts.append(_table(verdict, data))
    if verdict.comparisons:
        parts += ["## Differences", _items(_told(verdict.comparisons))]
    if gradients:
        parts += ["## Gradients early in training", _items(map(_plain, said(gradients)))]
    parts += [f"![{plots.TITLES[name.split('-')[0]]}]({name}.svg)" for name in pictures]
    parts += ["## What was compared", _items(_variants(study))]
    if study.data:
        parts.append("On the data:")
        parts.append(_items(f"**{_plain(d.name)}**: {data_words(d.spec)}" for d in study.data))
    parts.append(f"With the seeds {_some([str(seed) for seed in study.seeds])}.")
    parts += ["## How it was measured", _HOW]
    if failed:
        lines = [f"{f.task.variant}, seed {f.task.seed}: {f.reason}" for f in failed[:MANY]]
        parts += [f"## Runs that failed ({len(failed):,})", _items(map(_plain, lines))]
    parts.append("## How to repeat it")
    if repeat:
        parts.append(f"```\n{repeat.replace('```', '')}\n```")
    parts.append(
        f"With qdesigner {qdesigner.__version__}. The same seeds on the same versions and number "
        f"of threads give the same runs; one row a run is in [{RUNS}]({RUNS}), one a variant in "
        f"[{SUMMARY}]({SUMMARY})."
    )
    return "\n\n".join(parts) + "\n"


def _told(comparisons: Sequence[Comparison]) -> list[str]:
    several = len({c.data for c in comparisons}) > 1
    return [
        _plain((f"On {c.data}: " if several else "") + c.sentence) for c in comparisons[:MANY]
    ] + (
        [f"… and {len(comparisons) - MANY:,} more, in {SUMMARY}."]
        if len(comparisons) > MANY
        else []
    )


def _table(verdict: Verdict, data: str) -> str:
    scores = [score for score in verdict.scores if score.data == data]
    of = {c.variant: c for c in verdict.comparisons if c.data == data}
    errors = any(score.errors for score in scores)
    what = "mean absolute error" if errors else "accuracy"
    head = ["variant", f"{what} (95 %)", "difference (95 %)", "to", "seeds", "weights",
            "in circuits", "a step", "a run"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|:--|" + "--:|" * 2 + ":--|" + "--:|" * 5]
    for score in scores:
        cells = [_plain(score.variant), score.text, *_difference(of.get(score.variant))]
        cells += [str(score.seeds), f"{score.parameters:,}", f"{score.quantum:,}", *_times(score)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _difference(comparison: Comparison | None) -> tuple[str, str]:
    if comparison is None:
        return "", ""
    return comparison.text, _plain(comparison.baseline)


def _times(score: Score) -> tuple[str, str]:
    if not score.seeds:
        return "", ""
    return duration(score.step) if score.step else "", duration(score.seconds)


def _variants(study: Study) -> list[str]:
    lines = [
        f"**{_plain(v.name)}**" + (f": {_plain(v.about)}" if v.about else "")
        for v in study.variants[:MANY]
    ]
    left = len(study.variants) - MANY
    return [*lines, f"… and {left:,} more."] if left > 0 else lines


def _some(words: Sequence[str]) -> str:
    more = f" … ({len(words):,} in all)" if len(words) > MANY else ""
    return ", ".join(words[:MANY]) + more


def _items(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _plain(text: str) -> str:
    """A name or sentence that may be a stranger's, as it stands in Markdown."""
    line = " ".join(text.split())
    for sign in "\\`*_[]<>|#":
        line = line.replace(sign, f"\\{sign}")
    return line
