"""The Training tab: what it shows before, during and after a run."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import made_run
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app import theme
from app.panels.cells import HEIGHT
from app.panels.training import TrainingPanel
from app.runview import FRAME, RunView
from qdesigner.errors import UserError
from qdesigner.session import events


@pytest.fixture
def panel(qapp: QApplication) -> TrainingPanel:
    view = TrainingPanel(RunView())
    view.resize(900, 340)
    view.show()
    QTest.qWait(20)
    return view


def tell(panel: TrainingPanel, *told: events.Event) -> None:
    for event in told:
        panel._runview.on_event(event)
    QTest.qWait(3 * FRAME)


def has_colour(image: QImage, colour: str) -> bool:
    wanted = QColor(colour).rgb()
    return any(
        image.pixel(x, y) == wanted for x in range(image.width()) for y in range(image.height())
    )


def test_building_it_does_not_load_the_plot_library() -> None:
    code = (
        "import sys; from PySide6.QtWidgets import QApplication; app = QApplication([]);"
        "from app.panels.training import TrainingPanel; from app.runview import RunView;"
        "panel = TrainingPanel(RunView());"
        "names = {'pyqtgraph', 'torch', 'numba', 'PIL', 'pennylane'} & set(sys.modules);"
        "sys.exit(str(sorted(names)) if names else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_before_a_run_it_says_what_to_do(panel: TrainingPanel) -> None:
    assert panel.hint.isVisible() and "Press Train (Space)" in panel.hint.text()
    assert not panel.most_wrong.isVisible()


def test_long_work_before_the_first_step_is_told(panel: TrainingPanel) -> None:
    tell(panel, events.Progress("computing features", 120, 397, 30.0))
    assert panel.hint.text() == "Computing features 120 of 397 …"


def test_a_run_that_fails_before_its_first_step_says_why(panel: TrainingPanel) -> None:
    tell(panel, events.Failed("There are no images to train on."))
    assert panel.hint.isVisible() and panel.hint.text() == "There are no images to train on."


def test_both_curves_show_every_epoch(panel: TrainingPanel, tmp_path: Path) -> None:
    tell(panel, *made_run.history(tmp_path, 4))
    assert not panel.hint.isVisible()
    for quantity, plot in panel.plots.items():
        for name in ("train", "val"):
            x, y = plot._lines[name].getData()
            assert x.tolist() == [1, 2, 3, 4]
            column = {"score": "accuracy"}.get(quantity, quantity)
            assert y.tolist() == panel._runview.epochs[f"{name}_{column}"].tolist()
        x, _ = plot._steps.getData()
        assert x.tolist() == panel._runview.steps["x"].tolist()


def test_train_and_validation_are_told_apart_without_colour(panel: TrainingPanel) -> None:
    for plot in panel.plots.values():
        lines, points = plot._lines, plot._points
        assert lines["train"].opts["pen"].style() != lines["val"].opts["pen"].style()
        assert points["train"].opts["symbol"] != points["val"].opts["symbol"]


def test_the_whole_run_stays_in_view_as_it_grows(panel: TrainingPanel, tmp_path: Path) -> None:
    tell(panel, made_run.started(tmp_path, epochs=2), made_run.epoch(1, loss=0.5))
    loss, accuracy = panel.plots["loss"], panel.plots["score"]
    assert loss.viewRange()[0] == pytest.approx([0, 2], abs=0.1)
    assert loss.viewRange()[1] == pytest.approx([0, 0.6], abs=0.1)
    tell(panel, made_run.epoch(2, loss=4.0))
    assert loss.viewRange()[1][1] > 4.1
    assert accuracy.viewRange()[1] == pytest.approx([0, 1], abs=0.05)


def test_a_zoom_is_kept_until_all_is_asked_for_again(panel: TrainingPanel, tmp_path: Path) -> None:
    tell(panel, *made_run.history(tmp_path, 2))
    plot = panel.plots["loss"]
    view = plot.getViewBox()
    whole = view.viewRange()
    view.scaleBy((0.5, 0.5))
    view.sigRangeChangedManually.emit([True, True])
    zoomed = view.viewRange()
    tell(panel, made_run.epoch(3, loss=4.0))
    assert view.viewRange() == zoomed != whole and plot.show_all.isVisible()
    QTest.mouseDClick(
        plot.viewport(), Qt.MouseButton.LeftButton, pos=plot.viewport().rect().center()
    )
    assert plot.follows and view.viewRange()[1][1] > 4.1 and not plot.show_all.isVisible()


def test_the_wheel_zooms(panel: TrainingPanel, tmp_path: Path) -> None:
    from PySide6.QtGui import QWheelEvent

    tell(panel, *made_run.history(tmp_path, 2))
    plot = panel.plots["score"]
    before = plot.viewRange()
    place = QPointF(plot.viewport().rect().center())
    wheel = QWheelEvent(
        place, plot.viewport().mapToGlobal(place), QPoint(), QPoint(0, 240),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(plot.viewport(), wheel)
    assert plot.viewRange() != before and not plot.follows


def test_pointing_tells_the_values_of_the_nearest_epoch(
    panel: TrainingPanel, tmp_path: Path
) -> None:
    tell(panel, *made_run.history(tmp_path, 4))
    plot = panel.plots["loss"]
    plot.scene().sigMouseMoved.emit(plot.getViewBox().mapViewToScene(QPointF(2.2, 0.3)))
    assert plot.values.isVisible()
    assert plot.values.text() == "epoch 2\ntrain 0.500\nvalidation 0.600\nlearning rate 0.01"
    plot.scene().sigMouseMoved.emit(QPointF(-50, -50))
    assert not plot.values.isVisible()


def test_a_hundred_thousand_steps_are_drawn_as_a_few_means() -> None:
    from app.panels.curves import MOST_STEPS, thinned

    x = np.arange(100_000) / 1000
    y = np.sin(x)
    few_x, few_y = thinned(x, y, 0, MOST_STEPS)
    assert len(few_x) <= MOST_STEPS
    assert np.abs(few_y - np.sin(few_x)).max() < 0.02


def test_a_growing_line_keeps_what_is_already_drawn() -> None:
    from app.panels.curves import thinned

    rng = np.random.default_rng(0)
    x, y = np.arange(1000.0), rng.random(1000)
    before = thinned(x[:900], y[:900], 0, 250)
    after = thinned(x, y, 0, 250)
    assert np.allclose(after[1][:224], before[1][:224])
    scrolled = thinned(x[10:], y[10:], 10, 250)  # the view begins at step 10
    assert np.allclose(scrolled[1][1:200], after[1][3:202])


def test_both_themes_are_painted(panel: TrainingPanel, tmp_path: Path) -> None:
    tell(panel, *made_run.history(tmp_path, 6))
    for look in (theme.LIGHT, theme.DARK):
        theme.use(look)
        QTest.qWait(20)
        image = panel.plots["loss"].grab().toImage()
        assert has_colour(image, look.train) and has_colour(image, look.validation)
        assert image.pixelColor(image.width() - 3, 3) == QColor(look.panel)


def test_a_panel_hidden_while_training_catches_up_when_shown(
    panel: TrainingPanel, tmp_path: Path
) -> None:
    panel.hide()
    tell(panel, *made_run.history(tmp_path, 3))
    panel.show()
    QTest.qWait(20)
    x, _ = panel.plots["loss"]._lines["train"].getData()
    assert x.tolist() == [1, 2, 3]


# ---- how the curves are drawn ---------------------------------------------------------------


def test_smoothing_averages_the_steps_and_leaves_the_epochs(
    panel: TrainingPanel, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).normal(1.0, 0.3, 200)
    steps = events.Steps(1, 0, tuple(noise), (0.5,) * 200, 1.0, 1.0, tuple(np.arange(200) / 100))
    tell(panel, made_run.started(tmp_path, epochs=2), steps, made_run.epoch(1), made_run.epoch(2))
    plot = panel.plots["loss"]
    assert len(plot._smooth.getData()[0]) == 0
    panel.smoothing.setValue(70)
    _x, y = plot._smooth.getData()
    expected, total, weight = [], 0.0, 0.0
    for value in noise:
        total, weight = panel.decay * total + value, panel.decay * weight + 1
        expected.append(total / weight)
    assert np.allclose(y, expected) and np.std(y[50:]) < 0.4 * np.std(noise)
    assert plot._lines["train"].getData()[1].tolist() == [0.5, 0.5]


def test_a_smooth_line_is_the_same_when_its_points_stand_for_many_steps() -> None:
    from app.panels.curves import smoothed, thinned

    y = np.sin(np.arange(8192) / 500)
    _, few = thinned(np.arange(8192.0), y, 0, 512)
    assert np.abs(smoothed(few, 0.95**16) - smoothed(y, 0.95)[15::16]).max() < 0.01


def test_a_logarithmic_loss_shows_all_of_it(panel: TrainingPanel, tmp_path: Path) -> None:
    losses = [events.Epoch(n, 10.0**-n, 0.5, 10.0**-n, 0.5, 0.01, 1, True, {}) for n in (1, 2, 3)]
    tell(panel, made_run.started(tmp_path, epochs=3), *losses)
    panel.log.setChecked(True)
    plot = panel.plots["loss"]
    assert plot._lines["val"].getData()[1].tolist() == pytest.approx([-1, -2, -3])
    low, high = plot.viewRange()[1]
    assert low < -3 < -1 < high
    assert plot.getAxis("left").tickStrings([-2.0], 1, 1) == ["0.01"]


def test_other_metrics_can_stand_beside_the_loss(panel: TrainingPanel, tmp_path: Path) -> None:
    tell(panel, *made_run.history(tmp_path, 3))
    offered = [panel.quantity.itemText(place) for place in range(panel.quantity.count())]
    assert offered == ["Accuracy", "Balanced accuracy", "F1", "Learning rate"]
    panel.quantity.setCurrentIndex(2)
    panel.quantity.activated.emit(2)
    plot = panel.plots["score"]
    assert plot._lines["val"].getData()[1].tolist() == panel._runview.metrics["f1"].tolist()
    assert len(plot._lines["train"].getData()[0]) == len(plot._steps.getData()[0]) == 0
    numbers = events.Started("/run", (), 9, 3, 0, 4, 2, score="mae")
    error = events.Epoch(1, 1, 2.5, 1, 3.5, 0.01, 1, True, {}, {"mse": 9.0, "mae": 3.5})
    tell(panel, numbers, error)
    assert panel.quantity.currentText() == "MAE" and plot.viewRange()[1][1] > 3.5
    assert plot._lines["val"].getData()[1].tolist() == [3.5]


def test_marks_and_the_epoch_looked_at_stand_on_the_curves(
    panel: TrainingPanel, tmp_path: Path
) -> None:
    tell(panel, *made_run.history(tmp_path, 3), events.Mark(2.5, "change", "learning rate 0.001"))
    for plot in panel.plots.values():
        (line,) = plot._marks
        assert line.value() == 2.5 and line.label.toPlainText() == "learning rate 0.001"
        assert not plot._here.isVisible()
    panel._runview.travel(2)
    for plot in panel.plots.values():
        assert plot._here.isVisible() and plot._here.value() == 2
    plot = panel.plots["loss"]
    plot.scene().sigMouseMoved.emit(plot.getViewBox().mapViewToScene(QPointF(2.5, 0.3)))
    assert plot.values.text().endswith("learning rate 0.001")


def test_curves_are_written_as_picture_drawing_and_tables(
    panel: TrainingPanel, tmp_path: Path
) -> None:
    from PySide6.QtSvg import QSvgRenderer

    tell(panel, *made_run.history(tmp_path, 3))
    panel.export(tmp_path / "curves.png")
    image = QImage(str(tmp_path / "curves.png"))
    assert image.width() > 2000
    for colour in (theme.LIGHT.train, theme.LIGHT.validation, theme.LIGHT.panel):
        assert has_colour(image, colour)
    panel.export(tmp_path / "curves.svg")
    assert QSvgRenderer(str(tmp_path / "curves.svg")).isValid()
    assert theme.LIGHT.validation in (tmp_path / "curves.svg").read_text(encoding="utf-8")
    files = panel.export(tmp_path / "curves.csv")
    epochs, steps = (list(csv.DictReader(f.read_text().splitlines())) for f in files)
    assert [row["epoch"] for row in epochs] == ["1.0", "2.0", "3.0"]
    assert float(epochs[1]["val_accuracy"]) == pytest.approx(0.58)
    assert float(epochs[1]["f1"]) == pytest.approx(0.5) and "gradient_norm quantum-1" in epochs[0]
    assert len(steps) == 12 and float(steps[4]["loss"]) == 0.5 and steps[4]["epoch"] == "1.25"
    with pytest.raises(UserError):
        panel.export(tmp_path / "nowhere" / "curves.png")


# ---- the most wrong images beside the curves ------------------------------------------------


def test_the_most_wrong_images_stand_beside_the_curves(
    panel: TrainingPanel, tmp_path: Path
) -> None:
    tell(panel, *made_run.history(tmp_path, 2))
    grid = panel.most_wrong.grid
    shown = grid.shown()
    assert panel.most_wrong.isVisible() and 4 <= len(shown) <= 8
    assert shown == panel._runview.most_wrong()[: len(shown)].tolist()


def test_a_click_or_an_arrow_key_chooses_the_image_for_the_live_state(
    panel: TrainingPanel, tmp_path: Path
) -> None:
    tell(panel, *made_run.history(tmp_path, 2))
    grid = panel.most_wrong.grid
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=QPoint(20, HEIGHT // 2))
    assert panel._runview.chosen_image == grid.shown()[0]
    QTest.keyClick(grid, Qt.Key.Key_Right)
    assert panel._runview.chosen_image == grid.shown()[1]
    QTest.keyClick(grid, Qt.Key.Key_Left)
    assert panel._runview.chosen_image == grid.shown()[0]


def test_a_narrow_panel_keeps_its_room_for_the_curves(panel: TrainingPanel, tmp_path: Path) -> None:
    tell(panel, *made_run.history(tmp_path, 2))
    panel.resize(500, 340)
    QTest.qWait(20)
    assert not panel.most_wrong.isVisible()
    assert panel.plots["loss"].width() > 200
