"""What a run says of its images, in the real program: each view on a real run, while it trains."""

from __future__ import annotations

import pytest
from test_main_job import drive


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return drive("views", tmp_path_factory.mktemp("views"))


def test_a_cell_of_the_matrix_filters_the_images_of_a_run_that_goes_on(report: dict) -> None:
    assert report["cell"] and report["chips"] == ["5, recognised  ×"]
    assert report["all again"] == 225


def test_an_image_is_opened_and_traced_while_the_run_goes_on(report: dict) -> None:
    assert report["opened"] and report["traced while training"] and not report["trace error"]


def test_dropped_files_are_answered_for_while_the_run_goes_on(report: dict) -> None:
    assert report["dropped"] and report["answered while training"] and not report["file error"]
    assert report["file class"] == report["sample class"]
    assert report["file angles"] == {"quantum-1": 4}
    assert report["broken"].startswith("broken.png: ")


def test_the_trace_is_of_the_weights_that_the_predictions_are_of(report: dict) -> None:
    assert report["epochs"][0] == report["epochs"][1]
    assert report["probabilities"][0] == pytest.approx(report["probabilities"][1], abs=1e-4)
    then, said, traced = report["then"]
    assert then >= 1 and said == pytest.approx(traced, abs=1e-4)


def test_each_entangling_gate_is_taken_away_and_selects_its_block(report: dict) -> None:
    assert report["gates"] == 6
    assert report["layers"] == [
        "H + RY embedding", "CNOT brick, pass 1", "RY layer, pass 1",
        "CNOT brick, pass 2", "RY layer, pass 2",
    ]  # fmt: skip
    assert report["sentence"].startswith("Without this CNOT the probability of ")
    assert len(report["selected"]) == 1 and report["selected"][0].startswith("cnot_brick")


def test_features_gradients_angles_and_the_boundary_are_drawn(report: dict) -> None:
    assert report["features"] == 225
    assert report["norms"] == ["batch norm", "circuit", "linear 1", "linear 2"]
    assert "of the angles stand at the ends" in report["ends"]
    samples, shape = report["boundary"]
    assert samples == 100 and shape == [48, 48, 2] and report["drawn"]
