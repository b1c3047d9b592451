"""The Analysis tab: samples before and after the circuit, gradients, angles at the ends."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import made_run
import numpy as np
import pytest
from made_run import STAGE
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shells import heard, quickstart, spin, wait_until

from app import gradients, theme
from app.components import plane_of
from app.document import Document
from app.panels.analysis import AnalysisPanel
from app.panels.boundary import FAINTEST, FULLEST, picture
from app.panels.charts import group_colour
from app.runview import RunView
from qdesigner.design import edits
from qdesigner.session import events
from qdesigner.session.record import Points

IMAGES = 12


def with_outputs(number: int, seed: int = 0) -> events.Predictions:
    said = made_run.predictions(number, IMAGES, seed)
    outputs = np.random.default_rng(seed).uniform(-1, 1, (IMAGES, 4)).astype(np.float32)
    return replace(said, outputs={STAGE: outputs})


@pytest.fixture
def panel(qapp: QApplication, tmp_path: Path) -> AnalysisPanel:
    run = RunView()
    folder = made_run.write_run(tmp_path / "run", epochs=2, images=IMAGES)
    np.savez(folder / "scatter.npz", xy=np.random.default_rng(4).normal(size=(IMAGES, 2)))
    run.open(folder)
    run.on_event(made_run.epoch(3))
    run.on_event(with_outputs(3))
    view = AnalysisPanel(Document(quickstart()), run)
    view.resize(1000, 320)
    view.show()
    wait_until(lambda: view.outputs is not None and len(view.outputs.points) == IMAGES)
    return view


def test_before_a_run_it_says_what_to_do(qapp: QApplication) -> None:
    panel = AnalysisPanel(Document(quickstart()), RunView())
    panel.show()
    QTest.qWait(20)
    assert panel.hint.isVisible() and "Press Train (Space)" in panel.hint.text()
    assert panel.outputs is None  # nothing is built for it


def test_samples_are_drawn_before_and_after_the_circuit_by_class(panel: AnalysisPanel) -> None:
    run = panel._runview
    assert run.scatter is not None and panel.points is not None and panel.outputs is not None
    assert panel.points.points.tolist() == run.scatter.tolist()
    assert panel.outputs._groups.tolist() == run.labels.tolist()
    assert panel.outputs._ringed.tolist() == (~run.right).tolist()
    assert "4 outputs" in panel.after.words.text()
    assert panel.grab().width() == 1000


def test_a_click_on_a_sample_opens_it_and_the_chosen_one_is_marked(panel: AnalysisPanel) -> None:
    run, plot = panel._runview, panel.outputs
    assert plot is not None
    QTest.qWait(30)
    place = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(*plot.points[5])))
    with heard(run.image_opened) as opened:
        QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
        wait_until(lambda: bool(opened))
    image = run.chosen_image
    assert np.hypot(*(plot.points[image] - plot.points[5])) < 0.3
    assert panel.points is not None and panel.points._chosen == image


def test_two_feature_data_shows_its_boundary_with_all_samples(panel: AnalysisPanel) -> None:
    run = panel._runview
    run.plane = np.array([-1.0, 0.0]), np.array([1.0, 3.0])
    rng = np.random.default_rng(1)
    run.points = Points(rng.uniform(-1, 1, (40, 2)), np.arange(40) % 3, rng.uniform(0, 1, (12, 2)))
    values = np.zeros((5, 5, 3), np.float32)
    values[..., 1] = 1
    run.on_event(replace(with_outputs(4), boundary=values))
    wait_until(lambda: panel.boundary is not None and panel.boundary.isVisible())
    assert panel.before.title.text() == "Decision boundary" and panel.boundary is not None
    assert panel.boundary.points.tolist() == run.points.validation.tolist()
    assert sum(len(item.data) for item in panel.boundary._faint) == 40
    assert panel.points is not None and not panel.points.isVisible()


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_the_plane_is_in_the_likeliest_classs_colour_fuller_where_it_is_surer(
    look: theme.Theme,
) -> None:
    theme.use(look)
    values = np.zeros((2, 2, 2))
    values[:, 0] = (1.0, 0.0)
    values[:, 1] = (0.4, 0.6)
    shown = picture(values)
    for column, place, sure in ((0, 0, 1.0), (-1, 1, 0.2)):
        weight = FAINTEST + (FULLEST - FAINTEST) * sure
        wanted = theme.blend(group_colour(place, 2), QColor(look.panel), weight)
        assert np.abs(shown[0, column].astype(int) - wanted.getRgb()[:3]).max() <= 1


def test_components_turn_by_themselves_alone_from_epoch_to_epoch() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(50, 4)) * (5, 2, 0.3, 0.1)
    xy, axes = plane_of(rows)
    assert np.abs(np.corrcoef(xy[:, 0], rows[:, 0])[0, 1]) > 0.99
    again, _ = plane_of(rows + rng.normal(size=(50, 4)) * 0.01, -axes)
    assert np.corrcoef(again[:, 0], -xy[:, 0])[0, 1] > 0.99
    two = rng.normal(size=(9, 2))
    assert plane_of(two)[0].tolist() == two.tolist()
    assert plane_of(two[:, :1])[0].shape == (9, 2)


def test_steps_draw_nothing_anew_and_epochs_do(
    panel: AnalysisPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    spin(100)  # what the run view still wants to tell
    drawn: list[int] = []
    monkeypatch.setattr(panel, "_refresh", lambda: drawn.append(1))
    panel._later.timeout.disconnect()
    panel._later.timeout.connect(lambda: panel._refresh())
    run = panel._runview
    for _ in range(5):
        run.on_event(made_run.steps(4))
        run.curves_changed.emit()
    spin(20)
    assert not drawn
    run.on_event(made_run.epoch(4))
    wait_until(lambda: drawn == [1])


def test_gradients_are_lines_by_layer(panel: AnalysisPanel) -> None:
    assert panel.norm_lines is not None
    assert {name: len(values) for name, values in panel.norm_lines.lines.items()} == {"circuit": 3}
    assert panel.norms.words.text() == (
        "No gradient vanishes; the smallest is that of circuit, 2.5e-01."
    )


def test_a_vanishing_gradient_is_named_in_a_sentence() -> None:
    nan = math.nan
    norms = {"a-1": np.array([1.0, 2.0, 1.5, 1.0]), "b-1": np.array([nan, 3e-6, nan, 1e-6]),
             "c-1": np.array([nan, nan])}  # fmt: skip
    recent = gradients.lately(norms)
    assert recent == {"a-1": 1.5, "b-1": pytest.approx(2e-6)}
    assert gradients.vanished(recent) == ["b-1"]
    text = gradients.sentence(recent, {"b-1": "circuit"})
    assert text.startswith("The gradient of circuit has vanished (2e-06)")
    assert gradients.vanished({"a-1": 1e-9, "b-1": 1e-9}) == ["a-1", "b-1"]
    assert gradients.vanished({"a-1": 1.0, "b-1": 1e-3}) == []


def test_angles_at_the_ends_offer_a_batch_norm(panel: AnalysisPanel) -> None:
    run = panel._runview
    assert panel.end_lines is not None and not panel.mend.isVisible()
    assert [values.tolist() for values in panel.end_lines.lines.values()] == [
        pytest.approx([0.1, 0.2, 0.3])
    ]
    assert "30 % of the angles" in panel.ends.words.text()
    design = panel._document.design
    without = [stage for stage in design.stages if stage.kind != "batch_norm"]
    panel._document.apply("Without", design.but(stages=tuple(without)))
    angles = np.full((IMAGES, 4), 1.57, np.float32)
    run.on_event(replace(with_outputs(4), angles={STAGE: angles}))
    wait_until(panel.mend.isVisible)
    assert panel.ends.words.text().startswith("100 % of the angles stand at the ends")
    QTest.mouseClick(panel.mend, Qt.MouseButton.LeftButton)
    kinds = [stage.kind for stage in panel._document.design.stages]
    assert kinds[kinds.index("squash") - 1] == "batch_norm"
    wait_until(lambda: not panel.mend.isVisible())


def test_what_a_run_does_not_have_is_said(qapp: QApplication, tmp_path: Path) -> None:
    design = quickstart()
    for kind in ("quantum", "squash"):
        stage = next(stage for stage in design.stages if stage.kind == kind)
        design = edits.remove_stage(design, stage.id)
    run = RunView()
    run.open(made_run.write_run(tmp_path / "run", images=IMAGES))
    run.design = design
    run.curves.saturation = type(run.curves.saturation)()
    panel = AnalysisPanel(Document(design), run)
    panel.resize(1000, 320)
    panel.show()
    wait_until(lambda: panel.outputs is not None)
    assert panel.after.empty.text() == "This model has no quantum circuit."
    assert "no tanh · π/2" in panel.ends.empty.text()
    assert "were not kept" in panel.before.empty.text()
    assert panel.outputs is not None and not panel.outputs.isVisible()


def test_numbers_to_predict_are_coloured_by_their_size(qapp: QApplication, tmp_path: Path) -> None:
    run = RunView()
    run.on_event(replace(made_run.started(tmp_path), classes=(), score="mae"))
    labels = np.linspace(0, 10, IMAGES)
    run.on_event(replace(with_outputs(1), probabilities=labels[:, None], labels=labels))
    run.on_event(made_run.epoch(1))
    run.design = quickstart()
    panel = AnalysisPanel(Document(quickstart()), run)
    panel.resize(700, 240)
    panel.show()
    wait_until(lambda: panel.outputs is not None and len(panel.outputs.points) == IMAGES)
    assert panel.outputs is not None
    groups = panel.outputs._groups
    assert groups[0] == 0 and groups[-1] == 7 and (np.diff(groups) >= 0).all()
    assert panel.parts.isVisible() and not panel.norms.isVisible()
    panel.parts.setCurrentIndex(1)
    assert panel.norms.isVisible() and not panel.before.isVisible()
