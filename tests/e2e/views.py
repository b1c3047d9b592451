"""A scenario: the views of what a run says of its images, each on a real run while it trains."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.panels.images import to_image
from app.window import Window
from qdesigner.design import edits

LEFT = Qt.MouseButton.LeftButton


def drop(window: Window, *paths: Path) -> bool:
    """Drop files on the window; whether it wanted them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    rest = (Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(9, 9), *rest)
    enter.setAccepted(False)
    QApplication.sendEvent(window, enter)
    QApplication.sendEvent(window, QDropEvent(QPointF(9, 9), *rest))
    return enter.isAccepted()


def views(
    window: Window, folder: Path, report: dict[str, Any]
) -> Generator[Callable[[], Any], None, None]:
    """Train, and go through Predictions, Image and Analysis."""
    run, act = window.runview, window.actions_table.actions
    long = edits.set_training(window.document.design, epochs=20_000)
    window.document.apply("Many epochs", long)
    yield lambda: window.session.state == "ready"
    act["train"].trigger()
    yield lambda: len(run.epochs) >= 3 and len(run.labels) > 0

    # A cell of the matrix, while predictions keep coming.
    window.tabs.setCurrentWidget(window.predictions)
    panel = window.predictions
    yield lambda: panel.matrix.viewport().isVisible() and len(panel.images.images) == 225
    place = panel.matrix.cell_rect(0, 0).center().toPoint()
    QTest.mouseClick(panel.matrix.viewport(), LEFT, pos=place)
    epoch = run.predictions.epoch
    yield (
        lambda: (
            run.predictions.epoch > epoch
            and f"epoch {run.predictions.epoch}" in (panel.counts.text())
        )
    )
    both = np.flatnonzero((run.labels == 0) & (run.predicted == 0))
    report["cell"] = sorted(panel.images.images) == both.tolist() and len(both) > 0
    report["chips"] = [chip.text() for chip in panel.chips.chips]
    QTest.mouseClick(panel.chips.clear, LEFT)
    report["all again"] = len(panel.images.images)

    # A click opens the image, and its trace comes while the run goes on.
    first = panel.images.images[1]
    at = panel.view.visualRect(panel.view.model().index(1, 0)).center()
    opened: list[int] = []
    run.image_opened.connect(opened.append)
    QTest.mouseClick(panel.view.viewport(), LEFT, pos=at)
    yield lambda: window.tabs.currentWidget() is window.image
    report["opened"] = opened[:1] == [first]
    yield lambda: window.looked.traced is not None
    report["traced while training"] = window.session.state == "training"
    report["trace error"] = window.looked.traced.error
    yield lambda: window.image.curves is not None and window.image.curves.isVisible()

    # Files dropped: a sample of the run as a picture, and one that is none.
    sample = int(run.most_wrong()[-1])
    to_image(run.thumbnails[sample]).scaled(64, 64).save(str(folder / "digit.png"))
    (folder / "broken.png").write_text("no picture", encoding="utf-8")
    report["dropped"] = drop(window, folder / "digit.png", folder / "broken.png")
    looked = window.looked
    yield lambda: looked.said_of(str(folder / "broken.png")) is not None
    report["answered while training"] = window.session.state == "training"
    said = looked.said_of(str(folder / "digit.png"))
    report["file error"] = said.error
    report["file class"] = run.class_name(int(np.argmax(said.probabilities)))
    report["sample class"] = run.class_name(int(run.labels[sample]))
    report["file angles"] = {name: len(row) for name, row in said.angles.items()}
    report["broken"] = looked.said_of(str(folder / "broken.png")).error
    looked.forget_files()

    # Stopped, the trace is of the very weights that the predictions are of.
    act["stop"].trigger()
    yield lambda: window.session.state == "ready" and run.phase == "stopped"
    yield lambda: looked.traced is not None and looked.traced.epoch == run.predictions.epoch
    image, traced = looked.image, looked.traced
    report["probabilities"] = [float(run.true_probability[image]), traced.probability]
    report["epochs"] = [run.predictions.epoch, traced.epoch]
    report["gates"] = len(window.image.removals.rows.rows)
    report["layers"] = [layer.label for layer in window.image.states.layers]
    report["sentence"] = window.image.removals.sentence.text()
    QTest.keyClick(window.image.removals.view, Qt.Key.Key_Return)
    report["selected"] = sorted(window.document.selected_blocks)

    # Looking back: matrix, trace and all are of then.
    then = run.kept[0]
    run.travel(then)
    yield lambda: looked.traced is not None and looked.traced.epoch == then
    window.tabs.setCurrentWidget(panel)
    yield lambda: f"epoch {then}" in panel.counts.text()
    report["then"] = [then, float(run.true_probability[looked.image]), looked.traced.probability]
    run.travel(None)

    window.tabs.setCurrentWidget(window.analysis)
    analysis = window.analysis
    yield lambda: analysis.outputs is not None and len(analysis.outputs.points) == 225
    report["features"] = len(analysis.points.points)
    report["norms"] = sorted(analysis.norm_lines.lines)
    report["ends"] = analysis.ends.words.text()

    # Two features: the boundary, from the first epochs on.
    moons = edits.use_data(window.document.design, "moons")
    moons = edits.remove_stage(moons, moons.backbone.id)  # points are no images
    window.document.apply("Moons", edits.set_training(moons, epochs=6))
    yield lambda: not window.checked.error
    act["train_anew"].trigger()
    yield lambda: run.phase == "finished" and analysis.boundary.isVisible()
    report["boundary"] = [len(analysis.boundary.points), list(run.predictions.boundary.shape)]
    report["drawn"] = len(analysis.boundary.points) > 0 and analysis.boundary._image.isVisible()
