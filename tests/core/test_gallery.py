"""The template gallery: one order, families, and what is said of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from qdesigner.catalog.sets import fetched_folder
from qdesigner.cli import cli
from qdesigner.design import edits, gallery
from qdesigner.design.checks import problems
from qdesigner.design.origins import on_own_data
from qdesigner.design.problem import Problem
from qdesigner.design.spec import DataSpec, Design, Origin
from qdesigner.errors import UserError
from qdesigner.paths import resource

ENTRIES = {entry.name: entry for entry in gallery.entries()}


def test_every_template_has_its_place_in_a_family_and_in_the_order() -> None:
    files = {path.stem for path in resource("templates").glob("*.qdesign")}
    assert set(gallery.names()) == set(gallery.ORDER) == set(ENTRIES) == files
    grouped = gallery.by_family(gallery.entries())
    assert tuple(grouped) == gallery.FAMILIES
    assert [e.name for found in grouped.values() for e in found] == list(gallery.names())
    assert gallery.names()[0] == "quickstart"


@pytest.mark.parametrize("name", list(ENTRIES))
def test_each_is_said_in_one_line_and_its_differences_lose_no_word(name: str) -> None:
    entry = ENTRIES[name]
    assert entry.paragraph.lower().startswith(entry.line[:-1].lower())
    assert 10 < len(entry.line) <= 160 and "\n" not in entry.line
    letters = "".join(c for c in " ".join(entry.differences).lower() if c.isalnum())
    assert letters == "".join(c for c in entry.origin.differs.lower() if c.isalnum())
    assert len(gallery.goals(entry)) == 1 + (entry.origin.own_goal is not None)


def test_goals_are_said_with_their_sign_and_their_data() -> None:
    assert gallery.goals(ENTRIES["quickstart"]) == (
        "Reaches ≥ 0.95 validation accuracy on its embedded data.",
    )
    assert gallery.goals(ENTRIES["quantum-classifier"])[0] == (
        "Reaches ≤ −0.97 test loss on its embedded data."
    )
    assert gallery.goals(ENTRIES["cc"])[1].endswith("on Hymenoptera with ResNet-18.")
    assert gallery.goals(ENTRIES["spiral"])[0].endswith("on its generated points.")


def test_a_search_finds_words_of_source_stages_and_blocks() -> None:
    def found(text: str) -> set[str]:
        return {name for name, entry in ENTRIES.items() if entry.found_by(text)}

    assert found("Hymenoptera mari") == {"quantum-transfer-learning", "cc"}
    assert "pretrained-hybrid" in found("strongly entangling") and "cc" not in found("qiskit")
    assert found("") == set(ENTRIES) and found("no such words") == set()


def test_what_own_data_needs_is_said_before_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path))
    origin = ENTRIES["cc"].origin
    text = gallery.own_needs(origin, weights_here=False)
    assert "Hymenoptera (47 MB)" in text and "the weights of ResNet-18 (45 MB)" in text
    fetched_folder("hymenoptera").mkdir(parents=True)
    assert "Hymenoptera" not in gallery.own_needs(origin, weights_here=False)
    assert gallery.own_needs(origin, weights_here=True) == (
        "Hymenoptera and the weights of ResNet-18: on this computer already."
    )
    folder = Origin(family="x", source="x", data=DataSpec(source="folder"))
    assert "your own folder of images" in gallery.own_needs(folder, weights_here=False)
    assert gallery.own_needs(ENTRIES["spiral"].origin, weights_here=False) == ""


def test_a_name_that_is_no_templates_is_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"There is no template '\.\./quickstart'"):
        gallery.template("../quickstart")


def test_the_list_is_grouped_by_family_with_sources() -> None:
    said = CliRunner().invoke(cli, ["templates"]).output
    places = [said.index(family + "\n") for family in gallery.FAMILIES]
    assert places == sorted(places)
    for entry in ENTRIES.values():
        assert f"  {entry.name}\n      {entry.line}\n      {entry.origin.source}" in said
    one = CliRunner().invoke(cli, ["templates", "spiral"]).output
    assert one.startswith("Tables of numbers\n  spiral\n") and len(one.splitlines()) == 4


# ---- the amber notices --------------------------------------------------------------------------


def notices(design: Design) -> list[Problem]:
    return [p for p in problems(design) if "stand" in p.text and " in for " in p.text]


def test_what_is_stood_in_for_is_an_amber_notice_with_its_way_back() -> None:
    design = gallery.template("quantum-transfer-learning")
    backbone, data = notices(design)
    assert backbone.severity == data.severity == "warning"
    assert backbone.text.startswith("The embedded backbone stands in for ResNet-18")
    assert backbone.fix is not None and backbone.fix.label == "Use ResNet-18"
    assert data.fix is not None and data.fix.label == "Use the document's data"
    with_backbone = backbone.fix.apply(design)
    assert [p.where for p in notices(with_backbone)] == ["data"]
    assert with_backbone.origin is not None and with_backbone.origin.goal == design.origin.goal
    assert data.fix.apply(with_backbone) == on_own_data(design)
    assert backbone.fix.apply(data.fix.apply(design)) == on_own_data(design)
    assert notices(on_own_data(design)) == []


def test_the_notice_of_the_backbone_is_the_only_word_about_it() -> None:
    design = gallery.template("cc")
    photographs = notices(design)[1].fix.apply(design)
    said = [p for p in problems(photographs) if "embedded backbone" in p.text]
    assert [p.fix.label for p in said] == ["Use ResNet-18"]
    forgotten = photographs.but(origin=None)
    said = [p for p in problems(forgotten) if "embedded backbone" in p.text]
    assert [p.fix.label for p in said] == ["Use MobileNetV2"]


@pytest.mark.parametrize("name", list(ENTRIES))
def test_only_templates_with_something_of_their_own_are_noticed(name: str) -> None:
    entry = ENTRIES[name]
    places = [p.where for p in notices(entry.design)]
    wanted = [entry.design.backbone.id] if entry.origin.backbone else []
    assert places == wanted + ["data"] * (entry.origin.data is not None)
    assert notices(entry.design.but(origin=None)) == []


def test_data_of_ones_own_is_no_stand_in() -> None:
    design = edits.use_source(gallery.template("lenet"), "folder", "/photographs")
    assert notices(design) == []
