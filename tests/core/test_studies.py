"""The built-in studies, and grids from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qdesigner.catalog.devices import DEVICES, missing
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.design import codec, edits, gallery, grid, studies
from qdesigner.design.checks import problems
from qdesigner.design.facts import data_facts
from qdesigner.design.spec import DataSpec, Design
from qdesigner.design.study import NamedData, Study
from qdesigner.errors import UserError
from qdesigner.paths import resource

QUICKSTART = codec.load(resource("templates/quickstart.qdesign"))
TUTORIAL = codec.load(resource("templates/quantum-transfer-learning.qdesign"))
COUNT = "stages.quantum-1.circuit.blocks.repeat-1.settings.count"


def activation() -> Design:
    design = Design(name="waves", data=DataSpec(source="moons"))
    for kind, settings in (("linear", {"outputs": 6}), ("quantum_activation", {}), ("linear", {})):
        design = edits.insert_stage_kind(design, kind, "", **settings)  # type: ignore[arg-type]
    return design


def names(study: Study) -> list[str]:
    return [variant.name for variant in study.variants]


def sound(study: Study) -> Study:
    for variant in study.variants:
        errors = [p.text for p in problems(variant.design) if p.severity == "error"]
        assert not errors, variant.name
    return study


# ---- samples to test on --------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["digits", "moons", "mnist", "hymenoptera"])
@pytest.mark.parametrize("shares", [(0.25, 0.0), (0.9, 0.0), (0.0, 0.9), (0.3, 0.1)])
def test_every_source_has_samples_for_all_three_splits(
    source: str, shares: tuple[float, float]
) -> None:
    spec = DataSpec(source=source, validation=shares[0], test=shares[1])  # type: ignore[arg-type]
    tested = studies.with_test(spec)
    facts = data_facts(tested)
    validated = facts.validation or (source == "mnist" and not spec.validation)
    assert facts.train and facts.test and validated
    assert tested == spec or (source != "mnist" and tested.test in (spec.test, 0.2, 0.94 - 0.9))
    assert studies.with_test(tested) == tested


def test_hymenopteras_val_is_tested_on_and_its_train_validated_on() -> None:
    facts = data_facts(studies.with_test(DataSpec(source="hymenoptera")))
    assert facts.test == 70 + 83 and facts.train + facts.validation == 123 + 121


# ---- the built-in ones ---------------------------------------------------------------------------


def test_controls_are_compared_with_the_design() -> None:
    study = sound(studies.built_in("controls", QUICKSTART, seeds=range(3)))
    assert study.baseline == "as drawn" and len(study.tasks()) == 5 * 3
    first, second = (t.design for t in study.tasks()[:2])
    assert first.data == second.data and first.data.test == 0.2
    assert {t.design.training.seed for t in study.tasks()} == {0, 1, 2}


def test_depth_counts_the_times_of_a_repeat() -> None:
    study = sound(studies.built_in("depth", QUICKSTART))
    own = studies.own_depth(QUICKSTART)
    assert study.baseline == f"depth {own}"
    weights = [len(expand(v.design.stage("quantum-1").circuit).weight_keys) for v in study.variants]  # type: ignore[arg-type]
    assert names(study) == [f"depth {d}" for d in sorted({0, 1, 2, 4, 6, 8, own})]
    assert weights[0] == 0 and weights == sorted(weights)
    assert dict(zip(names(study), weights, strict=True))[f"depth {own}"] == len(
        expand(QUICKSTART.stage("quantum-1").circuit).weight_keys  # type: ignore[arg-type]
    )


def with_blocks(*blocks: Block) -> Design:
    circuit = Circuit(wires=4, blocks=blocks)
    return edits.on_circuit(QUICKSTART, "quantum-1", lambda _: circuit)


EMBED, TURN = Block(id="e", kind="angle_embedding"), Block(id="r", kind="ry_layer")


@pytest.mark.parametrize(
    ("blocks", "own", "weights"),
    [
        ((EMBED, Block(id="s", kind="strongly_entangling")), 2, {0: 0, 1: 12, 2: 24}),
        ((EMBED, Block(id="a", kind="real_amplitudes")), 3, {0: 4, 1: 8, 2: 12}),
        ((EMBED, Block(id="c", kind="cnot_chain"), TURN), 1, {0: 0, 1: 4, 2: 8}),
        # An embedding inside the layers: without layers nothing would reach the circuit.
        ((Block(id="x", kind="repeat", body=(EMBED, TURN)),), 2, {1: 4, 2: 8}),
    ],
)
def test_depth_is_of_whatever_makes_the_layers(
    blocks: tuple[Block, ...], own: int, weights: dict[int, int]
) -> None:
    design = with_blocks(*blocks)
    assert studies.own_depth(design) == own
    found = {
        int(v.name.removeprefix("depth ")): len(
            expand(v.design.stage("quantum-1").circuit).weight_keys  # type: ignore[arg-type]
        )
        for v in sound(studies.built_in("depth", design)).variants
    }
    assert {depth: found[depth] for depth in found if depth < 3} == weights


def test_activations_are_exchanged_in_their_place() -> None:
    study = sound(studies.built_in("activations", activation()))
    assert names(study) == ["quantum activation", "sigmoid", "tanh", "relu"]
    assert "−sin θ" in study.variants[0].about
    assert [s.kind for s in study.variants[2].design.stages] == ["linear", "activation", "linear"]


def test_devices_are_those_that_are_installed() -> None:
    study = sound(studies.built_in("devices", QUICKSTART))
    assert names(study)[:3] == ["built-in", "built-in, 100 shots", "default.qubit"]
    for name, shots in studies.DEVICE_ROWS:
        label = f"{name}, {shots} shots" if shots else name
        assert (label in names(study)) == (missing(DEVICES[name]) == "")
        assert (f"{label} is left out" in study.about) == (label not in names(study))


def test_entanglement_compares_each_step_with_the_one_before() -> None:
    made = {
        f"{family}{end}": edits.rename(QUICKSTART, f"{family}{end}")
        for family in studies.FAMILIES
        for end in ("", "-q", "-q-ent")
    }
    variants = studies.entanglement(made.__getitem__, backbone="squeezenet1_1", weights="random")
    assert [v.name for v in variants] == [
        "lenet", "lenet-q", "lenet-q-ent", "squeezenet1_1", "squeezenet1_1-q", "squeezenet1_1-q-ent"
    ]  # fmt: skip
    assert [v.against for v in variants] == [
        "lenet", "lenet", "lenet-q", "squeezenet1_1", "squeezenet1_1", "squeezenet1_1-q"
    ]  # fmt: skip
    models = [v.design.stages[0].settings["model"] for v in variants]
    assert models == ["embedded"] * 3 + ["squeezenet1_1"] * 3
    with pytest.raises(UserError, match="There is no template 'none'"):
        gallery.template("none")


def test_entanglement_of_the_screen_is_on_its_images_and_with_its_backbone(tmp_path: Path) -> None:
    drawn = edits.use_source(edits.set_backbone(QUICKSTART, "squeezenet1_1"), "hymenoptera")
    study = studies.of_screen("entanglement", drawn, (0,))
    tasks = study.tasks()
    assert [task.data for task in tasks] == ["hymenoptera"] * 6
    assert {t.design.backbone.settings["model"] for t in tasks[3:]} == {"squeezenet1_1"}
    plain = studies.of_screen("entanglement", edits.use_source(QUICKSTART, "hymenoptera"), (0,))
    models = {t.design.backbone.settings["model"] for t in plain.tasks()[3:]}
    assert models == {"resnet18"}, "the embedded one knows digits alone"
    with pytest.raises(UserError, match="rows of numbers"):
        studies.of_screen("entanglement", edits.use_source(QUICKSTART, "moons"))
    assert studies.of_screen("controls", QUICKSTART).seeds == studies.SEEDS


@pytest.mark.parametrize(
    ("name", "design", "words"),
    [
        ("controlls", QUICKSTART, "There is no study 'controlls'"),
        ("controls", None, "needs a design"),
        ("activations", QUICKSTART, "has no quantum activation"),
        ("depth", with_blocks(EMBED), "has no layers"),
        ("devices", Design(), "has no quantum circuit"),
    ],
)
def test_what_cannot_be_studied_is_said_in_a_sentence(
    name: str, design: Design | None, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        studies.built_in(name, design)


def test_data_that_is_given_stands_for_the_designs_own() -> None:
    data = (NamedData(name="few", spec=DataSpec(limit=5)), NamedData(name="all", spec=DataSpec()))
    study = studies.built_in("controls", QUICKSTART, data, seeds=[7])
    assert {(t.data, t.design.data.limit, t.design.data.test) for t in study.tasks()} == {
        ("few", 5, 0.2), ("all", 0, 0.2)
    }  # fmt: skip


# ---- grids ---------------------------------------------------------------------------------------


def written(folder: Path, **body: Any) -> Path:
    path = folder / "g.qstudy"
    whole = {"format": "qdesigner-study", "schema": 1, "design": "quickstart", **body}
    path.write_text(json.dumps(whole))
    return path


def test_a_grid_is_every_combination(tmp_path: Path) -> None:
    path = written(
        tmp_path, vary={"training.learning_rate": [0.01, 0.001], COUNT: [1, 2, 4]}, seeds=3,
        baseline="learning_rate 0.01, count 2",
    )  # fmt: skip
    study = sound(grid.load(path).study())
    assert names(study) == [
        f"learning_rate {r}, count {n}" for r in (0.01, 0.001) for n in (1, 2, 4)
    ]
    assert study.baseline == "learning_rate 0.01, count 2" and study.seeds == (0, 1, 2)
    circuit = study.variants[5].design.stage("quantum-1").circuit
    assert circuit is not None and circuit.find("repeat-1").settings["count"] == 4
    assert study.variants[5].design.training.learning_rate == 0.001


def test_a_block_within_a_repeat_is_found_by_its_name(tmp_path: Path) -> None:
    inner = QUICKSTART.stage("quantum-1").circuit.find("repeat-1").body[-1]  # type: ignore[union-attr]
    path = f"stages.quantum-1.circuit.blocks.{inner.id}.settings.trainable"
    study = grid.load(written(tmp_path, vary={path: [True, False]})).study()
    assert names(study) == ["trainable on", "trainable off"]
    circuit = study.variants[1].design.stage("quantum-1").circuit
    assert circuit is not None and not any(expand(circuit).trainable)


def test_equal_ends_are_told_apart_by_more_of_their_paths(tmp_path: Path) -> None:
    vary = {
        "training.momentum": [0.5], "stages.linear-1.frozen": [True],
        "stages.batch_norm-1.frozen": [False], "data.classes": [["1", "2"], ["3", "4"]],
    }  # fmt: skip
    study = grid.load(written(tmp_path, vary=vary)).study()
    assert names(study)[1] == (
        'momentum 0.5, linear-1 frozen on, batch_norm-1 frozen off, classes ["3", "4"]'
    )


def test_data_and_design_are_found_beside_the_file(tmp_path: Path) -> None:
    codec.save(edits.rename(TUTORIAL, "mine"), tmp_path / "mine.qdesign")
    (tmp_path / "points.csv").write_text("x,y,kind\n" + "1,2,a\n3,4,b\n" * 10)
    data = ["points.csv", "digits", {"name": "tail", "spec": {"source": "folder", "path": "pics"}}]
    found = grid.load(written(tmp_path, design="mine.qdesign", data=data))
    assert found.name == "mine"
    assert [(d.name, d.spec.source, d.spec.path) for d in found.data] == [
        ("points", "table", str(tmp_path / "points.csv")), ("digits", "digits", ""),
        ("tail", "folder", str(tmp_path / "pics")),
    ]  # fmt: skip


def test_a_grid_comes_back_from_its_file(tmp_path: Path) -> None:
    made = grid.Grid(
        "g", QUICKSTART,
        (grid.Axis("training.epochs", (1, 2)), grid.Axis("data.classes", (["1", "2"],))),
        "about", (), (4, 5), "epochs 1, classes [\"1\", \"2\"]",
    )  # fmt: skip
    grid.save(made, tmp_path / "copy.qstudy")
    assert grid.load(tmp_path / "copy.qstudy") == made
    assert [path.name for path in tmp_path.iterdir()] == ["copy.qstudy"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"format": "qdesigner"}, 'does not say "format": "qdesigner-study"'),
        ({"schema": 2}, "newer qdesigner"),
        ({"schema": True}, "no valid"),
        ({"vari": {}}, "'vari' means nothing in a study; it takes name, about"),
        ({"design": "nowhere"}, "no such template"),
        ({"design": 3}, "must name a template"),
        ({"design": {"format": "qdesigner"}}, "The design in g.qstudy has no valid"),
        ({"vary": {"training.learning_rates": [1]}},
         "there is no 'learning_rates'; there is epochs,"),
        ({"vary": {"stages.quantum-2.frozen": [True]}},
         "there is no 'quantum-2'; there is backbone-1"),
        ({"vary": {"name": ["a"]}}, "begin with data, stages, training or device"),
        ({"vary": {"training.epochs": [0]}}, "The variant 'epochs 0': at training.epochs"),
        ({"vary": {"training.epochs": []}}, "No value is given"),
        ({"vary": {"training.epochs": 3}}, '"vary" must give a list'),
        ({"vary": {"training.seed": [1]}}, 'under "seeds"'),
        ({"vary": {"data.limit": [1]}, "data": ["digits"]}, "leave one of them out"),
        ({"vary": {"training.epochs": [1, 1]}}, "two variants are called 'epochs 1'"),
        ({"vary": {f"training.{k}": list(range(1, 40)) for k in ("epochs", "batch_size")}},
         "1,521 combinations"),
        ({"seeds": []}, '"seeds" must be'), ({"seeds": "3"}, '"seeds" must be'),
        ({"seeds": [1, -1]}, '"seeds" must be'), ({"seeds": [1, 1]}, "two seeds are called '1'"),
        ({"seeds": [1.5]}, '"seeds" must be'), ({"seeds": True}, '"seeds" must be'),
        ({"data": "digits"}, '"data" must be a list'), ({"data": [3]}, "in data, at"),
        ({"data": [{"name": "a", "spec": {"source": "x"}}]}, "in data, at spec.source"),
        ({"baseline": "x"}, "the baseline 'x' is none of the variants"),
        ({"name": 3}, '"name" must be a text'),
    ],
)  # fmt: skip
def test_a_strangers_file_is_refused_in_one_sentence(
    body: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = written(tmp_path, **body)
    with pytest.raises(UserError) as caught:
        grid.load(path).study()
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": NaN}'])
def test_what_is_no_json_is_refused_in_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "g.qstudy").write_text(text)
    with pytest.raises(UserError, match=r"g.qstudy is not a readable study"):
        grid.load(tmp_path / "g.qstudy")
