"""`qdesigner bench --transfer`: features once, beside the backbone in every step."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn
from typer.testing import CliRunner

from qdesigner.bench import transfer as bench
from qdesigner.bench.report import show_transfer
from qdesigner.cli import cli
from qdesigner.design import codec, edits
from qdesigner.design.spec import Design
from qdesigner.errors import UserError
from qdesigner.paths import cache_folder, resource


@pytest.fixture
def design() -> Design:
    """Two epochs of the quickstart on a few images."""
    quick = codec.load(resource("templates/quickstart.qdesign"))
    return edits.set_training(edits.set_data(quick, limit=6), epochs=2, batch_size=8)


def test_both_ways_are_timed_and_compared_beside_the_users_own_features(
    design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path))
    heard: list[str] = []
    found = bench.transfer(design, heard.append)
    assert not (cache_folder() / "features").exists()
    row = found.to_json()
    assert row["images"] == {"train": 30, "validation": 30}
    here, there = row["built_in"], row["tutorial"]
    assert here["features_s"] > 0 and here["features_s"] + here["training_s"] < here["run_s"]
    assert there["steps_measured"] == 4 + 4
    assert there["run_s"] == pytest.approx(2 * there["epoch_s"])
    assert row["ratios"]["whole_run"] == pytest.approx(there["run_s"] / here["run_s"])
    per_epoch = there["epoch_s"] / here["epoch_s"]
    assert row["ratios"]["per_epoch_cached"] == pytest.approx(per_epoch) and per_epoch > 2
    assert row["machine"]["versions"]["pennylane"][0].isdigit()
    assert "Training 2 epochs here …" in heard
    console = Console(file=io.StringIO(), width=120)
    show_transfer(found, console)
    text = console.file.getvalue()
    assert "whole run" in text and "One epoch was measured whole (8 steps" in text


def test_another_model_is_not_timed(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    as_there = bench._as_there

    def other(stage: nn.Module) -> nn.Module:
        made = as_there(stage)
        if isinstance(made, bench.PennyLaneCircuit):
            with torch.no_grad():
                made.weights[0] += 0.1
        return made

    monkeypatch.setattr(bench, "_as_there", other)
    with pytest.raises(UserError, match=r"differ by .*: they are not timed"):
        bench.transfer(design)
    with pytest.raises(UserError, match="Only a frozen backbone with one circuit"):
        bench.transfer(edits.set_frozen(design, "backbone-1", False))


def test_the_flags_of_transfer_need_it() -> None:
    for flags, why in (
        (["--data", "x"], "--data and --weights belong to --transfer"),
        (["--transfer", "--what", "step"], "not both"),
    ):
        done = CliRunner().invoke(cli, ["bench", *flags])
        assert done.exit_code == 2 and why in done.stderr
