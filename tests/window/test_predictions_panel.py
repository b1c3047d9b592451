"""The Predictions tab: every validation image, most wrong first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import made_run
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from shells import heard, wait_until

from app import theme
from app.confusion import confusion
from app.imagefilter import AS_IS, BY_CLASS, LEAST_SURE, MOST_WRONG, NOTHING, ORDERS, Filter
from app.panels import images
from app.panels.cells import (
    HEIGHT,
    PAD,
    PICTURE,
    cell_height,
    cell_width,
    paint_cell,
    short_verdict,
    tooltip,
    verdict,
)
from app.panels.images import Thumbnails
from app.panels.predictions import PredictionsPanel
from app.runview import FRAME, RunView
from qdesigner.session import events
from qdesigner.session.record import RunItem


@pytest.fixture
def panel(qapp: QApplication, tmp_path: Path) -> PredictionsPanel:
    run = RunView()
    run.open(made_run.write_run(tmp_path / "run", images=120))
    view = PredictionsPanel(run)
    view.resize(720, 340)
    view.show()
    QTest.qWait(3 * FRAME)
    return view


def run_of(panel: PredictionsPanel) -> RunView:
    return panel._runview


def tell(panel: PredictionsPanel, *told: events.Event) -> None:
    for event in told:
        run_of(panel).on_event(event)
    QTest.qWait(3 * FRAME)


def words(panel: PredictionsPanel) -> list[str]:
    model = panel.view.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def scroll(panel: PredictionsPanel) -> int:
    return panel.view.verticalScrollBar().value()


def test_a_new_run_leaves_no_image_of_the_last_one_to_paint(
    panel: PredictionsPanel, tmp_path: Path
) -> None:
    assert words(panel)
    run_of(panel).on_event(made_run.started(tmp_path))
    assert words(panel) == []
    assert panel.grab().width() == panel.width()


def test_a_wrong_image_names_both_classes_however_long_they_are(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    run.classes = tuple(f"a very long name of class {number}" for number in range(9))
    wrong = int(run.most_wrong()[0])
    text = short_verdict(run, wrong, panel.fontMetrics(), 160)
    assert panel.fontMetrics().horizontalAdvance(text) <= 160
    true, said = text.split(" → ")
    assert true.endswith(str(run.labels[wrong])) and said.endswith(str(run.predicted[wrong]))


def test_before_a_run_it_says_what_to_do(qapp: QApplication) -> None:
    panel = PredictionsPanel(RunView())
    panel.show()
    assert panel.hint.isVisible() and "Press Train (Space)" in panel.hint.text()
    assert not panel.view.isVisible()


def test_every_image_is_there_with_what_it_is_and_was_taken_for(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    assert len(words(panel)) == 120
    first = panel.images.images[0]
    true = made_run.CLASSES[run.labels[first]]
    assert words(panel)[0] == f"{true} → {made_run.CLASSES[run.predicted[first]]}"
    assert words(panel)[-1] in made_run.CLASSES  # the surest right one


def test_orders_are_what_they_say(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    shown = {}
    for order in ORDERS:
        panel.order.setCurrentText(ORDERS[order])
        shown[order] = np.array(panel.images.images)
        assert sorted(shown[order].tolist()) == list(range(120))
    wrong = int((~run.right).sum())
    assert not run.right[shown[MOST_WRONG][:wrong]].any()
    assert (np.diff(run.confidence[shown[LEAST_SURE]]) >= 0).all()
    assert (np.diff(run.labels[shown[BY_CLASS]]) >= 0).all()
    assert (np.diff(shown[AS_IS]) == 1).all()


def press(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def click_cell(panel: PredictionsPanel, true: int, predicted: int) -> None:
    place = panel.matrix.cell_rect(true, predicted).center().toPoint()
    QTest.mouseClick(panel.matrix.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_right_and_wrong_images_can_be_seen_alone(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    for words, right in (("Wrong only", False), ("Right only", True)):
        panel.show_only.setCurrentText(words)
        panel.show_only.activated.emit(panel.show_only.currentIndex())
        assert set(panel.images.images) == set(np.flatnonzero(run.right == right).tolist())


def test_a_cell_of_the_matrix_filters_the_images_and_lets_them_go(
    panel: PredictionsPanel,
) -> None:
    run = run_of(panel)
    both = np.flatnonzero((run.labels == 0) & (run.predicted == 1))
    click_cell(panel, 0, 1)
    assert set(panel.images.images) == set(both.tolist()) and len(both)
    assert [chip.text() for chip in panel.chips.chips] == ["ants taken for bees  ×"]
    assert panel.chips.count.text() == f"{len(both)} of 120"
    click_cell(panel, 0, 1)
    assert len(panel.images.images) == 120 and not panel.chips.isVisible()


def test_names_beside_the_matrix_filter_by_one_class(panel: PredictionsPanel) -> None:
    run, cell = run_of(panel), panel.matrix.cell_rect(1, 2)
    for place, mask in (
        (QPoint(10, int(cell.center().y())), run.labels == 1),
        (QPoint(int(cell.center().x()), 8), run.predicted == 2),
    ):
        QTest.mouseClick(panel.matrix.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert set(panel.images.images) == set(np.flatnonzero(mask).tolist())
        press(panel.chips.clear)
        assert panel.only == NOTHING


def test_the_matrix_is_reached_by_keyboard(panel: PredictionsPanel) -> None:
    QTest.keyClick(panel.matrix, Qt.Key.Key_Down)
    QTest.keyClick(panel.matrix, Qt.Key.Key_Right)
    QTest.keyClick(panel.matrix, Qt.Key.Key_Return)
    assert (panel.only.true, panel.only.predicted) == (1, 1)
    assert panel.chips.chips[0].text() == "bees, recognised  ×"
    QTest.keyClick(panel.matrix, Qt.Key.Key_Escape)
    assert panel.only == NOTHING


def test_conditions_add_up_and_each_chip_takes_its_own_away(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    panel.search.setText("DIGITS/1")
    click_cell(panel, 0, 1)
    found = set(panel.images.images)
    assert found == {
        image for image in range(120)
        if str(image).startswith("1") and (run.labels[image], run.predicted[image]) == (0, 1)
    }  # fmt: skip
    assert [chip.text() for chip in panel.chips.chips][1] == "name with “DIGITS/1”  ×"
    press(panel.chips.chips[0])
    assert panel.only == Filter(text="DIGITS/1") and panel.matrix.grab()
    press(panel.chips.chips[0])
    assert panel.search.text() == "" and len(panel.images.images) == 120


def test_a_filter_that_nothing_passes_says_so(panel: PredictionsPanel) -> None:
    panel.search.setText("no such file")
    assert panel.nothing.isVisible() and not panel.view.isVisible()
    press(panel.chips.clear)
    assert panel.view.isVisible() and not panel.nothing.isVisible()


def test_a_new_epoch_keeps_the_filter_and_counts_anew(panel: PredictionsPanel) -> None:
    click_cell(panel, 0, 1)
    tell(panel, made_run.predictions(7, images=120, seed=5))
    run = run_of(panel)
    both = np.flatnonzero((run.labels == 0) & (run.predicted == 1))
    assert set(panel.images.images) == set(both.tolist())
    assert panel.matrix._confusion is not None
    assert panel.matrix._confusion.counts[0, 1] == len(both)


def test_the_matrix_shows_the_epoch_that_is_looked_at(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    made_run.keep_epochs(Path(run.path), 2, 6, images=120)
    run.travel(2)
    wait_until(lambda: "epoch 2" in panel.counts.text())
    then = made_run.predictions(2, 120, seed=2)
    right = (then.probabilities.argmax(axis=1) == then.labels).sum()
    assert panel.matrix._confusion is not None
    assert np.trace(panel.matrix._confusion.counts) == right


def test_many_classes_scroll_and_zoom(panel: PredictionsPanel) -> None:
    names = tuple(f"class {number}" for number in range(40))
    labels = np.arange(400) % 40
    panel.matrix.show_confusion(confusion(labels, labels[::-1], 40), names, (None, None))
    assert panel.matrix.scrolls
    before = panel.matrix.cell_rect(0, 0).height()
    for _ in range(39):
        QTest.keyClick(panel.matrix, Qt.Key.Key_Down)
    last = panel.matrix.cell_rect(39, 0)
    assert last.bottom() <= panel.matrix.viewport().height()
    assert (
        panel.matrix.tip_at(last.center().toPoint())
        == "class 39 taken for class 0: 10 (100 % of 10)"
    )
    QTest.keyClick(panel.matrix, Qt.Key.Key_Minus)
    assert panel.matrix.cell_rect(0, 0).height() < before
    assert panel.matrix.grab().width() == panel.matrix.width()


def test_precision_recall_and_f1_are_the_textbooks() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 1, 1, 0, 0])
    found = confusion(labels, predicted, 4)
    assert found.counts.tolist()[:3] == [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
    assert found.precision[:2].tolist() == [0.5, 0.5] and np.isnan(found.precision[2:]).all()
    assert found.recall[:3].tolist() == pytest.approx([2 / 3, 0.5, 0]) and np.isnan(found.recall[3])
    assert found.f1[:3].tolist() == pytest.approx([4 / 7, 0.5, 0]) and np.isnan(found.f1[3])
    assert found.support.tolist() == [3, 2, 1, 0]
    assert found.means[1] == pytest.approx((2 / 3 + 0.5) / 3)


@pytest.fixture
def numbers(qapp: QApplication, tmp_path: Path) -> PredictionsPanel:
    """The panel on a run that predicts a number from rows of a table."""
    run = RunView()
    rng = np.random.default_rng(3)
    labels = rng.normal(20, 5, 30)
    said = events.Predictions(
        4, (labels + rng.normal(0, 1, 30))[:, None], labels, {}, {}
    )  # fmt: skip
    start = made_run.started(tmp_path)
    run.on_event(replace(start, classes=(), score="mae"))
    run.items = tuple(RunItem(f"row/{n}", "", float(labels[n])) for n in range(30))
    view = PredictionsPanel(run)
    view.resize(760, 320)
    view.show()
    tell(view, said)
    return view


def test_numbers_to_predict_are_a_plot_of_predicted_against_true(
    numbers: PredictionsPanel,
) -> None:
    run = run_of(numbers)
    assert numbers.fitted is not None and numbers.fitted.isVisible()
    assert not numbers.matrix.isVisible() and not numbers.show_only.isVisible()
    assert numbers.fitted.points.tolist() == np.stack([run.labels, run.predicted], 1).tolist()
    assert numbers.images.images[0] == int(run.errors.argmax())
    assert "predicted for" in tooltip(run, 0) and "row/0" in tooltip(run, 0)
    assert cell_height(run) < HEIGHT and numbers.grab().width() == 760


def test_a_click_on_a_point_opens_its_sample(numbers: PredictionsPanel) -> None:
    run, plot = run_of(numbers), numbers.fitted
    assert plot is not None
    QTest.qWait(20)
    place = plot.getViewBox().mapViewToScene(QPointF(*plot.points[7]))
    assert plot.sample_at(QPointF(*plot.points[7])) == 7
    with heard(run.image_opened) as opened:
        where = plot.mapFromScene(place)
        QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=where)
        wait_until(lambda: bool(opened))
    assert opened == [7] and run.chosen_image == 7


def test_the_header_counts(panel: PredictionsPanel) -> None:
    right = int(run_of(panel).right.sum())
    text = panel.counts.text()
    assert f"{right / 120:.1%}".replace("%", " %") in text
    assert f"✗ {120 - right} · epoch 6" in text
    panel.resize(900, 340)
    assert f"✗ {120 - right} of 120 · epoch 6" in panel.counts.text()


def test_a_click_chooses_the_image_for_the_live_state(panel: PredictionsPanel) -> None:
    place = panel.view.visualRect(panel.view.model().index(2, 0)).center()
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert run_of(panel).chosen_image == panel.images.images[2]
    QTest.keyClick(panel.view, Qt.Key.Key_Right)
    assert run_of(panel).chosen_image == panel.images.images[3]


def test_a_click_or_enter_opens_the_image(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    place = panel.view.visualRect(panel.view.model().index(1, 0)).center()
    with heard(run.image_opened) as opened:
        QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        wait_until(lambda: len(opened) == 1)
        QTest.keyClick(panel.view, Qt.Key.Key_Right)
        assert len(opened) == 1
        QTest.keyClick(panel.view, Qt.Key.Key_Return)
        wait_until(lambda: len(opened) == 2)
    assert opened == panel.images.images[1:3]


def test_an_image_chosen_elsewhere_is_brought_into_view(panel: PredictionsPanel) -> None:
    last = panel.images.images[-1]
    run_of(panel).chosen_image = last
    assert panel.view.currentIndex().row() == 119
    assert scroll(panel) > 0


def test_a_new_epoch_keeps_place_and_choice(panel: PredictionsPanel) -> None:
    run_of(panel).chosen_image = panel.images.images[60]
    panel.view.verticalScrollBar().setValue(300)
    chosen, before = run_of(panel).chosen_image, list(panel.images.images)
    tell(panel, made_run.predictions(7, images=120, seed=5))
    assert panel.images.images != before
    assert scroll(panel) == 300 and run_of(panel).chosen_image == chosen
    assert panel.images.images[panel.view.currentIndex().row()] == chosen
    assert "epoch 7" in panel.counts.text()


def test_ten_thousand_images_take_no_widget_each(panel: PredictionsPanel) -> None:
    before = len(panel.findChildren(QWidget))
    tell(panel, made_run.predictions(8, images=10_000))
    assert len(words(panel)) == 10_000
    assert len(panel.findChildren(QWidget)) == before
    QTest.keyClick(panel.view, Qt.Key.Key_End)
    assert panel.view.currentIndex().row() == 9_999


def test_the_tooltip_says_it_in_words(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    image = int(run.most_wrong()[0])
    text = tooltip(run, image)
    assert text.startswith("✗ ") and "taken for" in text and f"digits/{image}" in text
    assert tooltip(run, int(np.flatnonzero(run.right)[0])).startswith("✓ ")
    assert panel.view.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole) == text


def _painted(run: RunView, image: int, picture: Thumbnails) -> QImage:
    canvas = QImage(cell_width(run, QApplication.font()), HEIGHT, QImage.Format.Format_RGB32)
    canvas.fill(QColor(theme.current().panel))
    painter = QPainter(canvas)
    room = QRectF(canvas.rect())
    paint_cell(painter, room, run, image, picture.small(image), QApplication.font())
    painter.end()
    return canvas


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_right_and_wrong_are_framed_in_their_colours(
    panel: PredictionsPanel, look: theme.Theme
) -> None:
    theme.use(look)
    run = run_of(panel)
    pictures = Thumbnails(run)
    wrong, right = int(run.most_wrong()[0]), int(run.most_wrong()[-1])
    for image, colour in ((wrong, look.wrong), (right, look.right)):
        cell = _painted(run, image, pictures)
        left = (cell.width() - PICTURE) // 2
        assert cell.pixelColor(left + 1, PAD + PICTURE // 2) == QColor(colour)
        assert verdict(run, image).count("→") == (image == wrong)


def test_the_bar_is_as_long_as_the_true_class_is_likely(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    look = theme.current()
    image = int(run.most_wrong()[-1])
    cell = _painted(run, image, Thumbnails(run))
    middle = PAD + PICTURE + 20 + 3
    filled = sum(cell.pixelColor(x, middle) == QColor(look.right) for x in range(cell.width()))
    assert filled == pytest.approx(PICTURE * run.true_probability[image], abs=2)


def test_small_pictures_are_drawn_in_crisp_squares(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    pixmap = Thumbnails(run).small(0)
    assert (pixmap.width(), pixmap.height()) == (8, 8)
    assert run.thumbnails is not None
    wanted = {QColor(*rgb).rgb() for rgb in run.thumbnails[0].reshape(-1, 3).tolist()}
    canvas = QImage(72, 72, QImage.Format.Format_RGB32)
    painter = QPainter(canvas)
    images.draw_picture(painter, QRectF(canvas.rect()), pixmap)
    painter.end()
    assert {canvas.pixel(x, y) for x in range(72) for y in range(72)} == wanted


# ---- pictures from files ------------------------------------------------------------------------


def _run_with_file(folder: Path, path: str) -> RunView:
    made_run.write_run(folder, images=1)
    items = [{"key": "a/picture", "path": path, "label": 0}]
    (folder / "items.json").write_text(json.dumps(items), encoding="utf-8")
    (folder / "thumbnails.npy").unlink()
    run = RunView()
    run.open(folder)
    return run


def _photo(path: Path) -> Path:
    photo = QImage(300, 200, QImage.Format.Format_RGB32)
    photo.fill(QColor("#204060"))
    assert photo.save(str(path))
    return path


def test_a_picture_without_thumbnail_is_read_from_its_file(
    qapp: QApplication, tmp_path: Path
) -> None:
    pictures = Thumbnails(_run_with_file(tmp_path / "run", str(_photo(tmp_path / "a.png"))))
    assert pictures.small(0).isNull()
    pictures.wait()
    QTest.qWait(20)
    assert pictures.small(0).size().toTuple() == (64, 64)
    assert pictures.small(0).toImage().pixelColor(30, 30) == QColor("#204060")
    pictures.large(0, 150)
    pictures.wait()
    QTest.qWait(20)
    assert pictures.large(0, 150).size().toTuple() == (150, 100)


@pytest.mark.parametrize(
    "path", ["/etc/hostname", "//host/share/a.png", "\\\\host\\share\\a.png", "a\0.png", "gone.png"]
)
def test_only_local_image_files_are_opened(qapp: QApplication, tmp_path: Path, path: str) -> None:
    pictures = Thumbnails(_run_with_file(tmp_path / "run", path))
    pictures.small(0)
    pictures.wait()
    QTest.qWait(20)
    assert pictures.small(0).isNull() and images.read_image(path, 64, crop=True).isNull()


def test_pictures_of_the_run_before_are_forgotten(qapp: QApplication, tmp_path: Path) -> None:
    run = RunView()
    run.open(made_run.write_run(tmp_path / "one"))
    pictures = Thumbnails(run)
    before = pictures.small(0).toImage()
    other = made_run.write_run(tmp_path / "two")
    np.save(other / "thumbnails.npy", np.full((12, 64, 64, 3), 200, dtype=np.uint8))
    run.open(other)
    after = pictures.small(0).toImage()
    assert after != before and after.pixelColor(4, 4) == QColor(200, 200, 200)
