"""The Analysis tab: where the samples lie before and after the circuit, the decision boundary of
two-feature data, gradients layer by layer, and angles at the squash's ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from app import gradients, saturation
from app.components import plane_of
from app.document import Document
from app.panels.cells import Caption, tooltip
from app.runcurves import Floats
from app.runview import RunView
from qdesigner.design.spec import Stage

if TYPE_CHECKING:
    from app.panels.boundary import Boundary
    from app.panels.charts import Groups, Points
    from app.panels.epochlines import EpochLines

ROOM_FOR_ALL = 900  # px: narrower than this, half of the charts are shown at a time
ROOM_FOR_WORDS = 180  # px: lower than this, what is said of a chart is one line
BINS = 8  # colours of a number to predict
PARTS = ("Samples", "Training")


class Part(QWidget):
    """A chart with its title above and what is to be said of it below; until there is something to
    draw, the words stand alone."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = Caption(title, bold=True)
        self.head = QHBoxLayout()
        self.head.setSpacing(8)
        self.head.addWidget(self.title)
        self.empty = Caption()
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words = Caption()
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._said = ""
        self.chart: QWidget | None = None
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(4)
        self._box.addLayout(self.head)
        self._box.addWidget(self.empty, 1)
        self._box.addWidget(self.words)

    def hold(self, chart: QWidget, *above: QWidget) -> None:
        """The chart, once it is built, and what stands beside its title."""
        self.chart = chart
        for widget in above:
            self.head.addWidget(widget, 1)
        self._box.insertWidget(1, chart, 1)

    def show_chart(self, why_not: str, words: str = "") -> None:
        """Show the chart, or say why there is none."""
        if self.chart is not None:
            self.chart.setVisible(not why_not)
        self.empty.setVisible(bool(why_not))
        self.empty.setText(why_not)
        self._said = words
        self._fit_words()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Words take no room from a low chart."""
        super().resizeEvent(event)
        self._fit_words()

    def _fit_words(self) -> None:
        low = self.height() < ROOM_FOR_WORDS
        self.words.setVisible(bool(self._said))
        self.words.setWordWrap(not low)
        self.words.setToolTip(self._said)
        room, end = self.width() - 4, Qt.TextElideMode.ElideRight
        cut = self.words.fontMetrics().elidedText(self._said, end, room)
        self.words.setText(cut if low else self._said)


class AnalysisPanel(QWidget):
    """Four charts, two of the samples and two of the training."""

    def __init__(self, document: Document, runview: RunView) -> None:
        super().__init__()
        self._document, self._runview = document, runview
        self._stale = True
        self._axes: Floats | None = None
        self._run = ""
        self._drawn = ("", 0)  # which run, with how many epochs
        self.before = Part("Features")
        self.after = Part("Circuit's outputs")
        self.norms = Part("Gradient norms")
        self.ends = Part("Angles at the ends")
        self.points: Points | None = None  # of the features, or else
        self.boundary: Boundary | None = None
        self.outputs: Points | None = None
        self.norm_lines: EpochLines | None = None
        self.end_lines: EpochLines | None = None
        self.stage = QComboBox()
        self.stage.setAccessibleName("The circuit whose outputs are drawn")
        self.stage.activated.connect(self._refresh_later)
        self.mend = QPushButton("Insert batch norm")
        self.mend.setProperty("kind", "fix")
        self.mend.setToolTip("Before the squash, so that its angles spread again; one undo step")
        self.mend.clicked.connect(self._insert)
        self.hint = Caption(
            "Press Train (Space): features, boundary, gradients and angles are looked at here."
        )
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lay_out()
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._refresh)
        for signal in (runview.predictions_changed, runview.travelled):
            signal.connect(self._refresh_later)
        runview.curves_changed.connect(self._follow_epochs)
        document.changed.connect(self._follow_document)
        runview.image_chosen.connect(self._choose)
        self._refresh()

    def _lay_out(self) -> None:
        self.parts = QTabBar()
        self.parts.setDrawBase(False)
        self.parts.setAccessibleName("Which charts are shown")
        for name in PARTS:
            self.parts.addTab(name)
        self.parts.currentChanged.connect(lambda _place: self._share_room())
        self.after.head.addWidget(self.stage)
        self.ends.head.addStretch(1)
        self.ends.head.addWidget(self.mend)
        row = QHBoxLayout()
        row.setSpacing(20)
        for part in (self.before, self.after, self.norms, self.ends):
            row.addWidget(part, 1)
        self._whole = QWidget()
        whole = QVBoxLayout(self._whole)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        top = QHBoxLayout()
        top.addWidget(self.parts)
        top.addStretch(1)
        whole.addLayout(top)
        whole.addLayout(row, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.addWidget(self.hint, 1)
        box.addWidget(self._whole, 1)

    # ---- following ------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Build the charts at the first time, after the tab has been painted."""
        super().showEvent(event)
        self._refresh_later()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """All charts beside each other, or half of them."""
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        wide = self.width() >= ROOM_FOR_ALL
        self.parts.setVisible(not wide)
        samples = self.parts.currentIndex() == 0
        for part in (self.before, self.after):
            part.setVisible(wide or samples)
        for part in (self.norms, self.ends):
            part.setVisible(wide or not samples)

    def _refresh_later(self) -> None:
        self._later.start()

    def _follow_epochs(self) -> None:
        """Steps come thirty times a second, and change nothing here: only epochs do."""
        drawn = (self._runview.path, len(self._runview.epochs))
        if drawn != self._drawn:
            self._refresh_later()

    def _follow_document(self) -> None:
        """Only the batch norm that is offered depends on the design on screen."""
        if self.isVisible() and self.end_lines is not None and len(self._runview.epochs):
            self._draw_ends()

    def _refresh(self) -> None:
        run = self._runview
        there = bool(len(run.epochs) or len(run.labels))
        self.hint.setVisible(not there)
        self._whole.setVisible(there)
        if not there or not self.isVisible():
            return
        if self.outputs is None:
            self._build()
        if run.path != self._run:
            self._run, self._axes = run.path, None
        self._drawn = (run.path, len(run.epochs))
        self._draw_before()
        self._draw_after()
        self._draw_norms()
        self._draw_ends()
        self._choose(run.chosen_image)

    def _build(self) -> None:
        from app.panels.boundary import Boundary
        from app.panels.charts import Groups, Points
        from app.panels.epochlines import EpochLines

        run = self._runview
        self.points, self.outputs = (
            Points(name, lambda image: tooltip(run, image), 34)
            for name in ("Principal components of the features", "Outputs of the circuit")
        )
        self.boundary = Boundary(lambda image: tooltip(run, image))
        for chart in (self.points, self.outputs, self.boundary):
            chart.clicked.connect(run.open_image)
        self.norm_lines = EpochLines("Gradient norms by epoch", log=True)
        self.end_lines = EpochLines("Angles at the ends by epoch", False, saturation.MUCH)
        self.classes: Groups = Groups()
        self.layers: Groups = Groups()
        self.before.hold(self.points, self.classes)
        self.before.layout().insertWidget(2, self.boundary, 1)  # type: ignore[attr-defined]
        self.after.hold(self.outputs)
        self.norms.hold(self.norm_lines)
        self.norms.layout().insertWidget(1, self.layers)  # type: ignore[attr-defined]
        self.ends.hold(self.end_lines)

    # ---- the samples ----------------------------------------------------------------------------

    def _groups(self) -> tuple[NDArray[Any], int, Any, NDArray[np.bool_]]:
        """Of the samples: their group, how many groups, their colours, which are mistaken."""
        from app.panels.charts import group_colour, ramp_colour

        run = self._runview
        if run.regression:
            return self._binned(run.labels), BINS, ramp_colour, np.zeros(len(run.labels), bool)
        return run.labels, len(run.classes), group_colour, ~run.right

    def _binned(self, values: NDArray[Any]) -> NDArray[Any]:
        """Numbers as the group of the labels' range that they lie in."""
        labels = self._runview.labels
        low, high = float(labels.min()), float(labels.max())
        share = (np.asarray(values, dtype=float) - low) / max(high - low, 1e-12)
        return np.clip((share * BINS).astype(int), 0, BINS - 1)

    def _draw_before(self) -> None:
        """The decision boundary where there is a plane, else the features' components."""
        run = self._runview
        assert self.points is not None and self.boundary is not None
        said = run.predictions.boundary if run.predictions is not None else None
        plane = run.plane is not None and said is not None
        self.before.chart = self.boundary if plane else self.points
        (self.points if plane else self.boundary).hide()
        title = "Predictions in the plane" if run.regression else "Decision boundary"
        self.before.title.setText(title if plane else "Features")
        self.classes.show_groups(run.classes)
        self.classes.setVisible(not run.regression)
        groups, count, colour, wrong = self._groups() if len(run.labels) else ([], 1, None, None)
        if plane and run.plane is not None and said is not None and len(run.labels):
            self._draw_boundary(said, groups, count, colour, wrong)
            words = "Small points are trained on"
            self.before.show_chart(
                "", f"{words}." if run.regression else f"{words}; ringed ones are mistaken."
            )  # fmt: skip
        elif run.scatter is not None and len(run.scatter) == len(run.labels):
            self.points.show_points(run.scatter, groups, count, wrong, colour)
            self.before.show_chart(
                "", "Two principal components of what is trained on; ringed: mistaken."
            )
        else:
            self.before.show_chart(
                "After the first epoch the features are here." if not len(run.labels)
                else "This run's features were not kept: they were too many, or each epoch had its "
                "own."
            )  # fmt: skip

    def _draw_boundary(self, said: Any, groups: Any, count: int, colour: Any, wrong: Any) -> None:
        run = self._runview
        assert run.plane is not None and self.boundary is not None
        span = (float(run.labels.min()), float(run.labels.max())) if run.regression else None
        self.boundary.show_plane(said, *run.plane, span)
        xy: Any = np.zeros((0, 2))
        if run.points is not None:
            labels = run.points.labels
            shown = self._binned(labels) if run.regression else labels
            self.boundary.show_train(run.points.train, shown)
            if len(run.points.validation) == len(run.labels):
                xy = run.points.validation
        some = slice(None) if len(xy) else slice(0)
        self.boundary.show_points(xy, groups[some], count, wrong[some], colour)

    def _quantum(self) -> list[Stage]:
        """The run's quantum stages that give something to draw."""
        run = self._runview
        design = run.design_then or run.design
        known = run.predictions.outputs if run.predictions is not None else {}
        stages = design.stages if design is not None else ()
        return [stage for stage in stages if stage.id in known]

    def _draw_after(self) -> None:
        run = self._runview
        assert self.outputs is not None
        stages = self._quantum()
        names = [stage.id for stage in stages]
        self.stage.setVisible(len(stages) > 1)
        if names != [self.stage.itemData(place) for place in range(self.stage.count())]:
            self.stage.clear()
            for place, name in enumerate(names):
                self.stage.addItem(f"Circuit {place + 1}", name)
            self._axes = None
        if not stages or run.predictions is None:
            design = run.design
            none = design is not None and all(s.circuit is None for s in design.stages)
            self.after.show_chart(
                "This model has no quantum circuit." if none
                else "After the next epoch the circuit's outputs are here."
            )  # fmt: skip
            return
        rows = run.predictions.outputs[self.stage.currentData() or names[0]]
        xy, self._axes = plane_of(rows, self._axes)
        groups, count, colour, wrong = self._groups()
        self.outputs.show_points(xy, groups, count, wrong, colour)
        many = rows.shape[1]
        self.after.show_chart(
            "", f"Two principal components of {many} outputs." if many > 2 else ""
        )  # fmt: skip

    def _choose(self, image: int) -> None:
        for chart in (self.points, self.outputs, self.boundary):
            if chart is not None:
                chart.choose(image)

    # ---- the training ---------------------------------------------------------------------------

    def _draw_norms(self) -> None:
        run = self._runview
        assert self.norm_lines is not None
        design = run.design
        norms = run.norms
        stages = [s for s in design.stages if s.id in norms] if design is not None else []
        names = dict(zip([s.id for s in stages], gradients.short_names(stages), strict=True))
        lines = {names[s.id]: norms[s.id] for s in stages}
        if not lines:
            self.norms.show_chart("After the first epoch the gradients are here.")
            self.layers.hide()
            return
        self.layers.show()
        self.layers.show_groups(tuple(lines))
        self.norm_lines.show_lines(
            run.epochs["epoch"], lines, run.total_epochs, run.at_epoch
        )  # fmt: skip
        recent = gradients.lately({s.id: self._until_now(norms[s.id]) for s in stages})
        gone = gradients.vanished(recent)
        self.norms.words.set_colour("warning" if gone else "muted")
        self.norms.show_chart("", gradients.sentence(recent, names))

    def _draw_ends(self) -> None:
        run = self._runview
        assert self.end_lines is not None
        found = self._saturated()
        self.mend.setVisible(found is not None)
        known = {n: v for n, v in run.saturation.items() if not np.isnan(v).all()}
        if not known:
            there = run.design is not None and any(s.kind == "squash" for s in run.design.stages)
            self.ends.show_chart(
                "After the first epoch the angles are here." if there
                else "This model has no tanh · π/2 whose ends angles could stand at."
            )  # fmt: skip
            return
        self.end_lines.show_lines(run.epochs["epoch"], known, run.total_epochs, run.at_epoch)
        self.ends.words.set_colour("warning" if found is not None else "muted")
        now = [float(self._until_now(values)[-1]) for values in known.values()]
        now = [value for value in now if value == value]  # a stage may be newer, or gone
        share = f"{max(now, default=0.0):.0%}".replace("%", " %")
        calm = f"{share} of the angles stand at the ends of tanh · π/2." if now else ""
        self.ends.show_chart("", calm if found is None else saturation.sentence(found[1]))

    def _until_now(self, values: Floats) -> Floats:
        """Up to the epoch that is looked at."""
        run = self._runview
        row = None if run.at_epoch is None else run.curves.row_of(run.at_epoch)
        return values if row is None else values[: row + 1]

    def _saturated(self) -> tuple[str, float] | None:
        """The squash on screen that a batch norm before it would help."""
        known = self._runview.predictions
        return None if known is None else saturation.saturated(self._document.design, known.angles)

    def _insert(self) -> None:
        found = self._saturated()
        if found is not None:
            saturation.insert_batch_norm(self._document, found[0])
