"""What the data holds: its pictures or points, how they are varied, what is skipped or twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QAbstractItemView, QVBoxLayout, QWidget

from app.checked import Checked
from app.document import Document
from app.panels.cells import Caption
from app.panels.header import number
from app.panels.runs import size_words
from app.panels.samples import Samples, short
from app.panels.switch import Switch
from app.panels.tables import Lines, PlainTable
from app.panels.variants import Variants
from app.surveying import Surveying
from qdesigner.design.spec import DataSpec
from qdesigner.session.survey import Surveyed, Twins

if TYPE_CHECKING:
    from app.panels.scatter import Scatter

PICTURES, VARIED, SKIPPED, TWICE = "pictures", "varied", "skipped", "twice"
MOST_NAMED = 20  # places of one content in a tip
SPLITS = {"train": "training", "validation": "validation", "test": "test"}


class Found(Switch):
    """Pages for one look through the data."""

    def __init__(self, document: Document, checked: Checked, surveying: Surveying) -> None:
        super().__init__()
        self._document = document
        self._surveyed: Surveyed | None = None
        self.samples = Samples()
        self.scatter: Scatter | None = None
        self.hint = Caption()
        self.hint.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pictures = QWidget()
        self._column = QVBoxLayout(self._pictures)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.hint, 1)
        self._column.addWidget(self.samples, 1)
        self.variants = Variants(document, checked, surveying)
        self.skipped, self.twice = Lines(("File", "Why it is skipped")), Lines(
            ("In", "File", "Also in", "File")
        )  # fmt: skip
        self.add(PICTURES, "Pictures", self._pictures)
        self.add(VARIED, "Augmentation", self.variants)
        for name, model, wide in ((SKIPPED, self.skipped, 1), (TWICE, self.twice, 1)):
            self.add(name, name.capitalize(), self._list(name, model, wide))
            self.offer(name, False)
        self.samples.opened.connect(self._vary)

    def _list(self, name: str, model: Lines, wide: int) -> PlainTable:
        view = PlainTable(model, {SKIPPED: "Skipped files", TWICE: "The same twice"}[name], wide)
        if name == TWICE:
            view.horizontalHeader().setSectionResizeMode(
                3, view.horizontalHeader().ResizeMode.Stretch
            )
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.activated.connect(lambda index: self._show_folder(model.paths[index.row()]))
        return view

    def show_found(self, data: DataSpec, found: Surveyed | None, hint: str) -> None:
        """Show what was found of ``data``, or ``hint`` where nothing is known yet."""
        new, self._surveyed = found is not self._surveyed, found
        points = found.points if found is not None else None
        self.offer(PICTURES, True, "Points" if data.rows else "Pictures")
        self.offer(VARIED, not data.rows)
        self._show_pictures(data, found, hint)
        if points is not None and self.scatter is not None:
            names = tuple(c.name for c in found.classes) if data.task == "classify" else ()
            self.scatter.show_points(points, names)
        if new:
            self._show_lists(found)
        paths = [p for c in found.classes for p in c.paths] if found is not None else []
        if not data.rows:
            self.variants.show_design(tuple(dict.fromkeys(paths)))

    def reveal(self, name: str) -> None:
        """Bring a class into view."""
        self.samples.reveal(name)

    def _show_pictures(self, data: DataSpec, found: Surveyed | None, hint: str) -> None:
        points = found is not None and found.points is not None
        if points and self.scatter is None:
            from app.panels.scatter import Scatter

            self.scatter = Scatter()
            self._column.addWidget(self.scatter, 1)
        there = found is not None and any(c.pictures is not None for c in found.classes)
        if there and found is not None and not data.rows:
            self.samples.show_classes(found.classes)
        self.samples.setVisible(there and not data.rows)
        if self.scatter is not None:
            self.scatter.setVisible(points and data.rows)
        self.hint.setText(hint)
        self.hint.setVisible(not ((points and data.rows) or (there and not data.rows)))

    def _show_lists(self, found: Surveyed | None) -> None:
        skipped = found.skipped if found is not None else ()
        twins = found.twins if found is not None else ()
        self.offer(SKIPPED, bool(skipped), f"Skipped {number(len(skipped))}")
        self.offer(TWICE, bool(twins), f"Twice {number(len(twins))}")
        self.skipped.show(
            [(short(each.path), each.reason) for each in skipped],
            [f"{each.path}\n{each.reason}" for each in skipped],
            [each.path for each in skipped],
        )
        self.twice.show(
            [twins_line(each) for each in twins],
            [twins_tip(each) for each in twins],
            [each.places[0][1] for each in twins],
        )
        leaks = sum(each.leaks for each in twins)
        self.buttons[TWICE].setToolTip(
            f"{number(leaks)} of them in more than one split: what is trained on is also used to "
            "judge" if leaks else "The same content under two names, in one split"
        )  # fmt: skip

    def _vary(self, path: str) -> None:
        self.go(VARIED)
        self.variants.show_image(path)

    def _show_folder(self, path: str) -> None:
        folder = path.replace("\\", "/").rpartition("/")[0]
        if folder:
            QDesktopServices.openUrl(QUrl.fromLocalFile(folder))


def twins_line(twins: Twins) -> tuple[str, str, str, str]:
    """The first two places, of different splits where there are any."""
    first = twins.places[0]
    other = next((place for place in twins.places if place[0] != first[0]), twins.places[1])
    mark = "⚠ " if twins.leaks else ""
    return mark + SPLITS.get(first[0], first[0]), short(first[1]), SPLITS[other[0]], short(other[1])


def twins_tip(twins: Twins) -> str:
    """Every place, a line each."""
    lines = [f"{SPLITS.get(split, split)}: {path}" for split, path in twins.places[:MOST_NAMED]]
    if len(twins.places) > MOST_NAMED:
        lines.append(f"and {number(len(twins.places) - MOST_NAMED)} more")
    return "\n".join(["The same content:", *lines])


def found_words(data: DataSpec, found: Surveyed) -> str:
    """What was found, in one line."""
    total = sum(c.train + c.validation + c.test for c in found.classes)
    words = [f"{number(total)} {'rows' if data.rows else 'images'}"]
    if data.task == "classify":
        words.append(f"{number(len(found.classes))} classes")
    if found.bytes:
        words.append(size_words(found.bytes))
    leaks = sum(each.leaks for each in found.twins)
    if leaks:
        words.append(f"{number(leaks)} in more than one split")
    return " · ".join(words)
