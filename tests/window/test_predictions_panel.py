"""The Predictions tab: every validation image, most wrong first."""

from __future__ import annotations

import json
from pathlib import Path

import made_run
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app import theme
from app.panels import images
from app.panels.cells import (
    HEIGHT,
    PAD,
    PICTURE,
    cell_width,
    paint_cell,
    short_verdict,
    tooltip,
    verdict,
)
from app.panels.images import Thumbnails
from app.panels.predictions import ALL, ORDERS, WRONG, PredictionsPanel
from app.runview import FRAME, RunView
from qdesigner.session import events


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
        panel.order.setCurrentText(order)
        shown[order] = np.array(panel.images.images)
        assert sorted(shown[order].tolist()) == list(range(120))
    wrong = int((~run.right).sum())
    assert not run.right[shown[ORDERS[0]][:wrong]].any()
    assert (np.diff(run.confidence[shown[ORDERS[1]]]) >= 0).all()
    assert (np.diff(run.labels[shown[ORDERS[2]]]) >= 0).all()
    assert (np.diff(shown[ORDERS[3]]) == 1).all()


def test_filters_show_the_wrong_ones_or_one_class(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    panel.show_only.setCurrentText(WRONG)
    assert set(panel.images.images) == set(np.flatnonzero(~run.right).tolist())
    panel.show_only.setCurrentText("bees")
    assert set(panel.images.images) == set(np.flatnonzero(run.labels == 1).tolist())
    panel.show_only.setCurrentText(ALL)
    assert len(panel.images.images) == 120


def test_the_header_counts(panel: PredictionsPanel) -> None:
    right = int(run_of(panel).right.sum())
    text = panel.counts.text()
    assert f"{right / 120:.1%}".replace("%", " %") in text
    assert f"✗ {120 - right} of 120 · epoch 6" in text


def test_a_click_chooses_the_image_for_the_live_state(panel: PredictionsPanel) -> None:
    place = panel.view.visualRect(panel.view.model().index(2, 0)).center()
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert run_of(panel).chosen_image == panel.images.images[2]
    QTest.keyClick(panel.view, Qt.Key.Key_Right)
    assert run_of(panel).chosen_image == panel.images.images[3]


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


def test_the_chosen_image_is_shown_large_with_its_classes(panel: PredictionsPanel) -> None:
    run = run_of(panel)
    image = panel.images.images[1]
    run.chosen_image = image
    assert verdict(run, image) in panel.one._word.text() and panel.one._word.text()[0] == "✗"
    assert f"image {image} · digits/{image}" in panel.one._name.text()
    row = np.asarray(run.predictions.probabilities[image], dtype=float)  # type: ignore[union-attr]
    assert panel.one._bars._rows == [(c, pytest.approx(row[c])) for c in range(3)]
    QTest.qWait(20)
    assert panel.one.grab(panel.one._bars.geometry()).toImage().pixelColor(QPoint(2, 2)).isValid()
