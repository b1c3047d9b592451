"""What a study says in the end: what its seeds show, and no more."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qdesigner.design.controls import BOTTLENECK
from qdesigner.design.spec import DataSpec, Design
from qdesigner.design.study import NamedData, Study, Variant
from qdesigner.session.bootstrap import ENOUGH, RESAMPLES, intervals
from qdesigner.session.studying import Result
from qdesigner.session.verdict import Comparison, Score, judge

NAMES = ("as drawn", "without entanglers", "frozen random circuit", "MLP", "linear head")


def study(*names: str, seeds: int = 10, data: tuple[str, ...] = ()) -> Study:
    return Study(
        name="s", variants=tuple(Variant(name=name, design=Design()) for name in names),
        seeds=tuple(range(seeds)), data=tuple(NamedData(name=n, spec=DataSpec()) for n in data),
    )  # fmt: skip


def result(variant: str, seed: int, values: np.ndarray, data: str = "", **more: object) -> Result:
    return Result(
        key="k", variant=variant, data=data, seed=seed, epoch=1, validation=0.5,
        test=float(values.mean()), loss=0.1, samples=tuple(f"i/{k}" for k in range(len(values))),
        values=tuple(map(float, values)), **more,
    )  # type: ignore[arg-type] # fmt: skip


def simulated(rng: np.random.Generator, rates: dict[str, float], seeds: int, samples: int = 500,
              spread: float = 0.01) -> list[Result]:  # fmt: skip
    """Runs that are right with a variant's own rate: samples have a difficulty that all share, and
    each run a luck of its own."""
    hard = rng.random(samples)
    return [
        result(name, seed, (0.7 * hard + 0.3 * rng.random(samples) < rate + rng.normal(0, spread)))
        for name, rate in rates.items()
        for seed in range(seeds)
    ]


def said(results: list[Result], *names: str, **more: object) -> list[str]:
    return [c.sentence for c in judge(study(*names, **more), results).comparisons]  # type: ignore


def test_a_difference_that_is_there_is_shown_with_its_interval() -> None:
    found = simulated(np.random.default_rng(1), {"a": 0.5, "b": 0.6}, seeds=10)
    (comparison,) = judge(study("a", "b"), found).comparisons
    assert comparison.shown == "better"
    assert 0 < comparison.low < comparison.difference < comparison.high < 0.2
    assert comparison.sentence.startswith(f'"b" is {100 * comparison.difference:.1f} points better')
    assert "(95 % interval " in comparison.sentence


def test_equals_are_not_told_apart() -> None:
    found = simulated(np.random.default_rng(2), {"a": 0.5, "b": 0.5}, seeds=10)
    (sentence,) = said(found, "a", "b")
    assert sentence.startswith('"b" and "a": no difference that 10 seeds can show (−')


def test_one_seed_shows_nothing() -> None:
    found = [result("a", 0, np.array([1, 1, 0, 0])), result("b", 0, np.array([1, 1, 1, 0]))]
    (sentence,) = said(found, "a", "b")
    assert sentence == '1 seed shows nothing: with it, "b" and "a" differ by 25.0 points.'
    verdict = judge(study("a", "b"), found)
    assert verdict.scores[0].text == "50.0 %"
    assert verdict.whole[0].startswith("Nothing can be said yet")
    assert verdict.whole[1] == "18 of 20 runs are missing; this rests on the others."


def test_runs_that_are_all_alike_differ_by_nothing() -> None:
    same = np.array([1, 0, 1, 1])
    found = [result(name, seed, same) for name in "ab" for seed in range(3)]
    (comparison,) = judge(study("a", "b", seeds=3), found).comparisons
    assert (comparison.difference, comparison.low, comparison.high) == (0, 0, 0)
    assert "no difference that 3 seeds can show (0.0 to 0.0 points)" in comparison.sentence


def test_only_pairs_of_the_same_seed_and_samples_count() -> None:
    low, high = np.array([0, 0, 1, 0]), np.array([1, 1, 1, 0])
    a = [result("a", seed, low) for seed in (0, 1, 2)]
    b = [result("b", seed, high) for seed in (1, 2, 3)]
    (comparison,) = judge(study("a", "b"), a + b).comparisons
    assert (comparison.seeds, comparison.difference) == (2, 0.5)
    other = [r.but(samples=tuple(f"other/{k}" for k in range(4))) for r in b]
    (sentence,) = said(a + other, "a", "b")
    assert sentence == '"b" and "a" share no seed and test samples yet.'


def test_a_variant_may_be_compared_with_another_than_the_baseline() -> None:
    rng = np.random.default_rng(8)
    found = simulated(rng, {"a": 0.3, "b": 0.5, "c": 0.7}, seeds=5)
    plain = study("a", "b", "c", seeds=5)
    third = plain.variants[2].but(against="b")
    verdict = judge(plain.but(variants=(*plain.variants[:2], third)), found)
    assert [(c.variant, c.baseline) for c in verdict.comparisons] == [("b", "a"), ("c", "b")]
    assert verdict.whole == tuple(c.sentence for c in verdict.comparisons)
    same = judge(plain.but(variants=(*plain.variants[:2], third)),
                 simulated(rng, {"a": 0.5, "b": 0.5, "c": 0.8}, seeds=5))  # fmt: skip
    assert same.whole == (
        same.comparisons[1].sentence, "The other is no difference that 5 seeds can show."
    )  # fmt: skip
    with pytest.raises(ValueError, match="none of the variants"):
        plain.but(variants=(*plain.variants[:2], third.but(against="d")))


def test_a_run_that_is_no_part_of_the_study_is_left_out() -> None:
    found = [result("a", seed, np.array([1.0, 0.0])) for seed in (0, 1, 77)]
    assert judge(study("a", "b", seeds=2), found).scores[0].seeds == 2


def test_of_errors_the_lower_is_better() -> None:
    rng = np.random.default_rng(3)
    found = [
        result(name, seed, rng.normal(mean, 0.1, 200), errors=True)
        for name, mean in (("a", 1.0), ("b", 1.2))
        for seed in range(5)
    ]
    verdict = judge(study("a", "b", seeds=5), found)
    assert verdict.comparisons[0].sentence.startswith('"b" is 0.')
    assert "worse than" in verdict.comparisons[0].sentence
    assert verdict.whole == ('Compared with "a", "b" is worse.',)
    assert "%" not in verdict.scores[0].text


@pytest.mark.parametrize(
    ("rates", "whole"),
    [
        ((0.5, 0.3, 0.3, 0.3, 0.3), "The quantum part helps: the circuit as drawn is better than "
         "the MLP and the linear head. Its entanglers help. Training the circuit helps."),
        ((0.3, 0.5, 0.5, 0.5, 0.3), "The quantum part does not help: the MLP is better than the "
         "circuit as drawn. It is better without its entanglers. It is better left at random than "
         "trained."),
        ((0.5, 0.5, 0.5, 0.5, 0.3), "It is not shown that the quantum part helps: the circuit as "
         "drawn is better than the linear head, but 10 seeds show no difference to the MLP. Its "
         "entanglers make no difference that 10 seeds can show. Training the circuit makes no "
         "difference that 10 seeds can show."),
    ],
)  # fmt: skip
def test_controls_say_whether_the_quantum_part_helps(rates: tuple[float, ...], whole: str) -> None:
    named = dict(zip(NAMES, rates, strict=True))
    found = simulated(np.random.default_rng(7), named, seeds=10)
    assert judge(study(*NAMES), found).whole == (whole,)


def test_an_mlp_that_is_a_bottleneck_is_no_proof() -> None:
    named = dict(zip(NAMES, (0.5, 0.5, 0.5, 0.3, 0.3), strict=True))
    found = simulated(np.random.default_rng(7), named, seeds=10)
    made = study(*NAMES)
    narrow = tuple(v.but(about=BOTTLENECK) if v.name == "MLP" else v for v in made.variants)
    (whole,) = judge(made.but(variants=narrow), found).whole
    assert whole.startswith("It is not shown that the quantum part helps: the circuit as drawn is")
    assert "is a bottleneck" in whole


def test_controls_speak_of_the_circuit_as_drawn() -> None:
    seeds, values = range(4), np.ones(8)
    found = [result("as drawn", s, values) for s in seeds]
    found += [result("linear head", s, np.array([1, 1, 1, 1, 1, 1, 1, 0])) for s in seeds]
    found += [result("MLP", s, values) for s in seeds]
    one, two = said(found, "as drawn", "MLP", "linear head", seeds=4)
    assert one.startswith("The circuit as drawn and the MLP: no difference that 4 seeds can show")
    assert two.startswith("The circuit as drawn and the linear head: no difference")


def test_each_set_of_data_is_judged_by_itself() -> None:
    rng = np.random.default_rng(5)
    found = [
        result(name, seed, rng.random(300) < rate, data)
        for data, rates in (("x", {"a": 0.5, "b": 0.9}), ("y", {"a": 0.9, "b": 0.5}))
        for name, rate in rates.items()
        for seed in range(5)
    ]
    verdict = judge(study("a", "b", seeds=5, data=("x", "y")), found)
    assert verdict.whole == (
        'On x: Compared with "a", "b" is better.', 'On y: Compared with "a", "b" is worse.'
    )  # fmt: skip
    assert [(s.data, s.variant, s.seeds) for s in verdict.scores] == [
        ("x", "a", 5), ("x", "b", 5), ("y", "a", 5), ("y", "b", 5)
    ]  # fmt: skip


def test_no_accuracy_is_beyond_all_and_none() -> None:
    nearly = [np.array([1] * 39 + [k % 2]) for k in range(3)]
    found = [result("a", seed, values) for seed, values in enumerate(nearly)]
    (score,) = judge(study("a", seeds=3), found).scores
    assert score.mean < 1 and score.high == 1.0
    assert "to 100.0)" in score.text


def test_small_differences_that_are_shown_do_not_read_as_none() -> None:
    small = Comparison("", "b", "a", 10, 0.0004, 0.0002, 0.0006)
    assert small.sentence == '"b" is 0.04 points better than "a" (95 % interval 0.02 to 0.06).'
    assert Score("", "a", 0, math.nan, math.nan, math.nan).text == "no run yet"


@pytest.mark.parametrize("shared", [True, False], ids=["the same samples", "samples of their own"])
@pytest.mark.parametrize("seeds", [3, 10])
def test_intervals_cover_the_truth_as_often_as_they_say(seeds: int, shared: bool) -> None:
    """200 studies of differences around 0: seeds spread, samples spread, and both together."""
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        luck = rng.normal(0, 0.03, (seeds, 1))
        images = rng.normal(0, 0.5, (1 if shared else seeds, 60))
        values = luck + images + rng.normal(0, 0.2, (seeds, 60))
        names = [[f"{0 if shared else s}/{k}" for k in range(60)] for s in range(seeds)]
        group = [dict(zip(n, v, strict=True)) for n, v in zip(names, values, strict=True)]
        (found,) = intervals([group], resamples=800)
        covered += found.low <= 0 <= found.high
    # 0.95 ± 0.04 is what 200 draws of it give; of few seeds it may be more.
    assert 0.91 <= covered / 200 <= (0.99 if seeds >= ENOUGH else 1.0)


def test_an_interval_is_that_of_students_t_where_only_seeds_differ() -> None:
    means = np.random.default_rng(4).normal(0.8, 0.02, 8)
    (found,) = intervals([[{"": mean} for mean in means]])
    half = 2.365 * means.std(ddof=1) / math.sqrt(8)
    assert found.mean == pytest.approx(means.mean(), abs=1e-6)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.08)


def test_the_same_results_give_the_same_interval_however_many_others_there_are() -> None:
    rng = np.random.default_rng(6)
    groups = [[{f"{k}": v for k, v in enumerate(rng.random(40))} for _ in range(5)] for _ in "ab"]
    assert intervals(groups)[0] == intervals(groups[:1])[0]
    many = intervals(groups * 40, resamples=50)
    assert len(many) == 80 and many[0] == many[78]
    assert RESAMPLES == 10_000
