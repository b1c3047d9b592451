"""The plots of a study, as SVG and PNG: scores with their intervals, error against depth,
histograms of gradients; and that of a rehearsal."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from qdesigner.design.study import Study
from qdesigner.session.rehearsal import Rehearsal
from qdesigner.session.vanishing import HIGHEST, LOWEST, Gradients, edges, pooled
from qdesigner.session.verdict import Score, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {
    "scores": "Scores on test samples, with 95 % intervals",
    "depth": "Error on test samples against the circuit's depth, with 95 % intervals",
    "gradients": "Gradients early in training",
}
MOST = 100  # variants that a plot shows
_WIDE = 7.0  # inches
_DEPTH = re.compile(r"depth (\d+)")
_MARKS = "osD^vP*X"  # lines differ by their mark too


class Picture(NamedTuple):
    """One plot in both forms."""

    svg: bytes
    png: bytes


def pictures(
    study: Study, verdict: Verdict, gradients: Sequence[Gradients] = ()
) -> dict[str, Picture]:
    """The plots of a study by the name of their file, as far as there is something to plot."""
    made: dict[str, Picture] = {}
    scores = [score for score in verdict.scores if score.seeds]
    depths = {score.variant: _DEPTH.fullmatch(score.variant) for score in scores}
    if scores:
        made["scores"] = _saved(_scores(scores))
    if len(depths) > 1 and all(depths.values()):
        made["depth"] = _saved(_depth(scores))
    for number, data in enumerate(dict.fromkeys(row.data for row in gradients), start=1):
        name = "gradients" if number == 1 else f"gradients-{number}"
        rows = pooled(row for row in gradients if row.data == data)
        made[name] = _saved(_gradients(rows, [v.name for v in study.variants]))
    return made


def _figure(height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, list[list[Axes]]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDE, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).tolist()


def _saved(figure: Figure) -> Picture:
    """Both forms; the same figure gives the same bytes."""
    import matplotlib

    files = []
    with matplotlib.rc_context({"svg.hashsalt": "qdesigner", "svg.fonttype": "none"}):
        for kind, metadata in (("svg", {"Date": None}), ("png", {})):
            out = io.BytesIO()
            figure.savefig(out, format=kind, dpi=120, metadata=metadata)
            files.append(out.getvalue())
    return Picture(*files)


def _shown(text: str) -> str:
    """A name as a label; a dollar would begin a formula."""
    line = text if len(text) <= 50 else f"{text[:49]}…"
    return line.replace("$", r"\$")


def _in_percent(score: Score) -> tuple[float, float, float]:
    """Mean, and how far the interval reaches below and above it; 0 where there is none."""
    scale = 1.0 if score.errors else 100.0
    below, above = score.mean - score.low, score.high - score.mean
    reach = [0.0 if math.isnan(part) else max(0.0, scale * part) for part in (below, above)]
    return scale * score.mean, reach[0], reach[1]


def _axis(scores: Sequence[Score], error: bool = False) -> str:
    if any(score.errors for score in scores):
        return "mean absolute error (test)"
    return "error (test, %)" if error else "accuracy (test, %)"


def _scores(scores: Sequence[Score]) -> Figure:
    names = list(dict.fromkeys(score.variant for score in scores))[:MOST]
    sets = list(dict.fromkeys(score.data for score in scores))
    figure, ((axes, *_), *_) = _figure(1.3 + 0.3 * len(names) * max(1, len(sets) ** 0.5))
    step = 0.7 / len(sets)
    for number, data in enumerate(sets):
        rows = [s for s in scores if s.data == data and s.variant in names]
        values = [_in_percent(score) for score in rows]
        at = [names.index(s.variant) + step * (number - (len(sets) - 1) / 2) for s in rows]
        axes.errorbar(
            [v[0] for v in values], at, xerr=[[v[1] for v in values], [v[2] for v in values]],
            fmt=_MARKS[number % len(_MARKS)], capsize=3, label=_shown(data),
        )  # fmt: skip
    axes.set_yticks(range(len(names)), [_shown(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(_axis(scores))
    axes.grid(axis="x", alpha=0.3)
    _named(axes, sets)
    return figure


def _depth(scores: Sequence[Score]) -> Figure:
    from matplotlib.ticker import MaxNLocator

    figure, ((axes, *_), *_) = _figure(4.0)
    sets = list(dict.fromkeys(score.data for score in scores))
    for number, data in enumerate(sets):
        rows = sorted((_depth_of(s), _in_percent(s)) for s in scores if s.data == data)
        errors = any(score.errors for score in scores)
        # An error is what an accuracy leaves to 100 %; below and above change places.
        values = [v if errors else (100 - v[0], v[2], v[1]) for _, v in rows]
        axes.errorbar(
            [depth for depth, _ in rows], [v[0] for v in values],
            yerr=[[v[1] for v in values], [v[2] for v in values]],
            fmt=f"-{_MARKS[number % len(_MARKS)]}", capsize=3, label=_shown(data),
        )  # fmt: skip
    axes.set_xlabel("layers in the circuit")
    axes.set_ylabel(_axis(scores, error=True))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    _named(axes, sets)
    return figure


def _depth_of(score: Score) -> int:
    match = _DEPTH.fullmatch(score.variant)
    return int(match[1]) if match else 0


def _named(axes: Axes, sets: Sequence[str]) -> None:
    if any(sets):
        axes.legend(title="data")


def _gradients(rows: Sequence[Gradients], order: Sequence[str]) -> Figure:
    """A histogram for each variant and step: variants below each other, steps beside each other."""
    known = {row.variant for row in rows}
    names = [name for name in order if name in known][:MOST] or sorted(known)[:MOST]
    steps = sorted({row.step for row in rows})
    of = {(row.variant, row.step): row for row in rows}
    figure, grid = _figure(0.8 + 1.3 * len(names), len(names), len(steps))
    bins: Any = edges()
    for line, name in zip(grid, names, strict=True):
        for axes, step in zip(line, steps, strict=True):
            row = of.get((name, step))
            if row is not None:
                axes.stairs([100 * n / max(row.weights, 1) for n in row.counts], bins, fill=True)
                words = f"{100 * row.share:.0f} % vanish"
                axes.text(0.03, 0.93, words, transform=axes.transAxes, va="top", fontsize=8)
            axes.set_xlim(LOWEST, HIGHEST)
            axes.axvline(-6, color="0.6", linewidth=0.8, linestyle="--")
        line[0].set_ylabel(f"{_shown(name)}\n% of weights", fontsize=8)
    for axes, step in zip(grid[0], steps, strict=True):
        axes.set_title(f"step {step}", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("log₁₀ |gradient|")
    return figure


# ---- a rehearsal ---------------------------------------------------------------------------------


def rehearsal(found: Rehearsal) -> Picture:
    """Score against shots with its intervals; exact, and each machine's, as lines across."""
    figure, ((axes, *_), *_) = _figure(3.8)
    scale = 1.0 if found.begun.errors else 100.0
    rows = found.with_shots
    if found.exact is not None:
        axes.axhline(scale * found.exact.score, color="0.35", linewidth=1.2, label="exact")
    if rows:
        below = [scale * (row.score - row.low) for row in rows]
        above = [scale * (row.high - row.score) for row in rows]
        axes.errorbar(
            [row.shots for row in rows], [scale * row.score for row in rows],
            yerr=[below, above], fmt="-o", capsize=3, label="with shots",
        )  # fmt: skip
    for number, row in enumerate(found.machines):
        words = f"{row.device}, {row.shots:,} shots" if row.shots else f"{row.device}, any shots"
        style = ("--", "-.", ":")[number % 3]
        axes.axhline(
            scale * row.score, linestyle=style, linewidth=1.5, color=f"C{number + 1}", label=words
        )
        axes.axhspan(scale * row.low, scale * row.high, color=f"C{number + 1}", alpha=0.12, lw=0)
    axes.set_xscale("log")
    if not rows:
        axes.set_xticks([])
    axes.set_xlabel("shots of each circuit" if rows else "")
    score = "mean absolute error" if found.begun.errors else "accuracy"
    axes.set_ylabel(f"{score} ({found.begun.split}{'' if found.begun.errors else ', %'})")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return _saved(figure)
