"""What a study leaves in its folder."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from qdesigner.design.spec import DataSpec, Design
from qdesigner.design.study import NamedData, Study, Variant
from qdesigner.errors import UserError
from qdesigner.session.studying import Result, RunFailed
from qdesigner.session.vanishing import BINS, Gradients
from qdesigner.studies.report import write_report

HOSTILE = "a|b $x_1$ <script> [l](u) `c`\n# d"


def study(*names: str, data: tuple[str, ...] = (), seeds: int = 3, name: str = "s") -> Study:
    return Study(
        name=name, variants=tuple(Variant(name=n, about=f"About {n}.", design=Design())
                                  for n in names),
        data=tuple(NamedData(name=n, spec=DataSpec()) for n in data), seeds=tuple(range(seeds)),
    )  # fmt: skip


def results(study: Study, errors: bool = False) -> list[Result]:
    rng = np.random.default_rng(0)
    found = []
    for task in study.tasks():
        rate = 0.5 + 0.1 * [v.name for v in study.variants].index(task.variant)
        values = rng.normal(rate, 0.1, 200) if errors else (rng.random(200) < rate) * 1.0
        found.append(Result(
            key=task.key, variant=task.variant, data=task.data, seed=task.seed, epoch=2,
            validation=0.5, test=float(values.mean()), loss=0.3, metrics={"f1": 0.4},
            errors=errors, parameters=1234, quantum=24, seconds=61.0, step=0.00123,
            samples=tuple(f"s/{k}" for k in range(200)), values=tuple(map(float, values)),
        ))  # fmt: skip
    return found


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_a_report_tells_what_was_compared_and_how_it_came_out(tmp_path: Path) -> None:
    made = study("one", "two", "three")
    report = write_report(tmp_path / "out", made, results(made), repeat="qdesigner study x")
    text = report.path.read_text()
    assert text.startswith('# Study: s\n\n## In short\n\n- Compared with "one"')
    table = [line.split(" | ") for line in text.splitlines() if line.startswith("| two")]
    assert len(table) == 1
    _, score, difference, to, seeds, weights, quantum, step, run = table[0]
    assert score == report.verdict.scores[1].text and " % (" in score
    assert difference.startswith("+") and to == "one"
    assert (seeds, weights, quantum, step, run) == ("3", "1,234", "24", "1.23 ms", "61 s |")
    assert report.verdict.comparisons[0].sentence in text
    assert "- **three**: About three." in text and "With the seeds 0, 1, 2." in text
    assert "```\nqdesigner study x\n```" in text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(report.files)


def test_tables_for_other_programs(tmp_path: Path) -> None:
    made = study("one", "two", data=("x", "y"))
    report = write_report(tmp_path, made, results(made)[:-2])
    runs = rows(tmp_path / "runs.csv")
    assert len(runs) == 10 and runs[0]["f1"] == "0.4" and runs[0]["errors"] == "False"
    summary = rows(tmp_path / "summary.csv")
    assert [(r["data"], r["variant"], r["seeds"], r["pairs"]) for r in summary] == [
        ("x", "one", "3", ""), ("x", "two", "3", "3"),
        ("y", "one", "2", ""), ("y", "two", "2", "2"),
    ]  # fmt: skip
    assert float(summary[1]["difference"]) == pytest.approx(
        report.verdict.comparisons[0].difference
    )
    one = write_report(tmp_path, made, results(made)[:1])
    assert rows(tmp_path / "summary.csv")[0]["low"] == "", "one seed gives no interval"
    assert "11 of 12 runs are missing" in one.path.read_text()


def test_plots_are_pictures_in_both_forms(tmp_path: Path) -> None:
    made = study("depth 0", "depth 1", "depth 2", data=("x", "y"))
    report = write_report(tmp_path, made, results(made))
    for name in ("scores", "depth"):
        assert f"({name}.svg)" in report.path.read_text()
        ElementTree.parse(tmp_path / f"{name}.svg")
        assert np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")).std() > 5
    svg = (tmp_path / "depth.svg").read_text()
    assert "error (test, %)" in svg and "layers in the circuit" in svg
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_report(tmp_path, made, results(made))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_gradients_are_shown_by_variant_and_step(tmp_path: Path) -> None:
    made = study("tanh", "sigmoid")
    gradients = [
        Gradients(variant=v, data="", seed=0, step=step, counts=(10,) + (0,) * (BINS - 1),
                  weights=10, vanished=10, norm=0.0)
        for v in ("tanh", "sigmoid") for step in (1, 10)
    ]  # fmt: skip
    report = write_report(tmp_path, made, results(made), gradients=gradients)
    assert 'Gradients before "tanh" vanish: at step 10, 100 %' in report.path.read_text()
    svg = (tmp_path / "gradients.svg").read_text()
    assert svg.count("100 % vanish") == 4 and "step 10" in svg


def test_errors_are_in_their_own_unit(tmp_path: Path) -> None:
    made = study("one", "two")
    text = write_report(tmp_path, made, results(made, errors=True)).path.read_text()
    assert "| mean absolute error (95 %) |" in text and '"two" is worse' in text
    assert "mean absolute error (test)" in (tmp_path / "scores.svg").read_text()


def test_names_of_strangers_break_neither_table_nor_plot(tmp_path: Path) -> None:
    made = study(HOSTILE, "two", name=HOSTILE)
    task = made.tasks()[0]
    failed = [RunFailed(task, "It\nbroke | off.", 1, 6)]
    report = write_report(tmp_path, made, results(made), failed)
    lines = report.path.read_text().splitlines()
    assert lines[0] == "# Study: a\\|b $x\\_1$ \\<script\\> \\[l\\](u) \\`c\\` \\# d"
    assert [line for line in lines if line.startswith("# ")] == lines[:1]
    assert "Runs that failed (1)" in "\n".join(lines) and "It broke \\| off." in "\n".join(lines)
    assert "$x_1$" in (tmp_path / "scores.svg").read_text()


def test_a_study_without_a_run_says_so(tmp_path: Path) -> None:
    made = study("one", "two")
    report = write_report(tmp_path, made, [])
    text = report.path.read_text()
    assert "no run yet" in text and "6 of 6 runs are missing" in text
    assert not any(name.endswith("svg") for name in report.files)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="The report cannot be written to"):
        write_report(tmp_path / "file" / "out", study("one"), [])
