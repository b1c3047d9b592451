"""CC, CQ, QC and QQ on handwritten digits of MNIST, by the command line: a classical and a quantum
front learn 0 to 2, and stand frozen before heads that learn 3 and 4."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from qdesigner.cli import cli
from qdesigner.design import codec, edits, fronts
from qdesigner.design.spec import DataSpec, Design
from qdesigner.training.runs import Run


def said(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def of(*kinds: str, width: int = 0) -> Design:
    """A model of these stages; ``width`` is the outputs of its first linear one."""
    design = edits.set_training(Design(data=DataSpec(source="mnist")), learning_rate=0.02, epochs=5)
    for kind in kinds:
        settings = {"outputs": width} if kind == "linear" and width else {}
        width = 0 if settings else width
        design = edits.insert_stage_kind(design, kind, "", **settings)
    return design


FRONTS = {
    "C": fronts.lenet(of("linear")),
    "Q": of("flatten", "linear", "batch_norm", "squash", "quantum", "linear", width=4),
}
HEADS = {
    "C": of("linear", "activation", "linear", width=8),
    "Q": of("linear", "batch_norm", "squash", "quantum", "linear", width=4),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> dict[str, Run]:
    """The runs of the fronts, and of all four models by two letters."""
    folder, runs = tmp_path_factory.mktemp("fronts"), {}
    where = str(shared_data / "data" / "mnist")

    def train(name: str, design: Design, *more: str) -> None:
        file = folder / f"{name}.qdesign"
        codec.save(edits.set_data(design, path=where), file)
        out = folder / name
        said("train", str(file), "--limit", "150", *more, "--out", str(out), "--json")
        runs[name] = Run.open(out)

    for name, design in FRONTS.items():
        train(name, design, "--classes", "0,1,2")
    for front in FRONTS:
        for name, design in HEADS.items():
            front_run = str(runs[front].path)
            train(front + name, design, "--classes", "3,4", "--front", front_run)
    return runs


@pytest.mark.shared
@pytest.mark.parametrize("scheme", ["CC", "CQ", "QC", "QQ"])
def test_the_front_stays_as_it_was_trained_to_the_bit_and_the_head_learns(
    trained: dict[str, Run], scheme: str
) -> None:
    front, run = trained[scheme[0]], trained[scheme]
    kinds = [stage.kind for stage in run.design.stages]
    taken = len(front.design.stages) - 1  # all but its head
    assert ("quantum" in kinds[:taken]) == (scheme[0] == "Q")
    assert ("quantum" in kinds[taken:]) == (scheme[1] == "Q")
    before, after = front.model().state_dict(), run.model().state_dict()
    compared = 0
    for stage in run.design.stages[:taken]:
        assert stage.frozen or not stage.row.trainable
        for key, value in after.items():
            if key.startswith(f"{stage.id}."):
                there = key.replace(stage.id, stage.weights.stage, 1)
                assert torch.equal(value, before[there]), key
                compared += 1
    assert compared >= 6
    kept = run.load_checkpoint("best")
    assert not any(key.startswith(stage.id) for stage in run.design.stages[:taken]
                   for key in kept["model"])  # fmt: skip
    told = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert told[-1]["event"] == "finished" and told[-1]["best_val_accuracy"] >= 0.65
