"""The cached features: what they are of, how much they take, how much they may take."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.featurecache import FeatureCache
from app.panels.cells import Caption, Elided
from app.panels.header import number
from app.panels.runs import when
from app.panels.tables import Lines, PlainTable
from qdesigner.session import cache
from qdesigner.session.cache import size_text

COLUMNS = ("Features of", "Images", "Each", "Size", "Last used")


class Cap(QDoubleSpinBox):
    """How much is allowed, in GB. What is set lower is deleted, so it counts only when the field is
    left or Enter is pressed, and the wheel scrolls the panel unless the field is in use."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setRange(0.0, 10_000.0)
        self.setDecimals(1)
        self.setSuffix(" GB")
        self.lineEdit().setTextMargins(6, 0, 0, 0)
        self.setMinimumWidth(96)
        self.setAccessibleName("How much cached features may take")

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Only where it is in use."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class CacheView(QWidget):
    """A table of entries, and below it what can be done about them."""

    def __init__(self, features: FeatureCache) -> None:
        super().__init__()
        self._features = features
        self.lines = Lines(COLUMNS)
        self.view = PlainTable(self.lines, "Cached features", 0)
        self.hint = Caption(
            "What a frozen front makes of each image is computed once and kept here: the first "
            "run fills it, later ones begin at once."
        )
        self.hint.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words = Elided()
        self.delete, self.clear = QPushButton("Delete"), QPushButton("Delete all")
        for button in (self.delete, self.clear):
            button.setProperty("kind", "fix")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.cap = Cap()
        self._lay_out()
        self.delete.clicked.connect(lambda _=False: self._delete())
        self.clear.clicked.connect(lambda _=False: features.clear())
        self.cap.editingFinished.connect(self._set_cap)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._follow())
        features.changed.connect(self._show)
        self._show()

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.setSpacing(8)
        label = QLabel("At most")
        label.setProperty("role", "muted")
        for widget in (self.delete, self.clear):
            below.addWidget(widget)
        below.addWidget(self.words, 1)
        below.addWidget(label)
        below.addWidget(self.cap)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.hint, 1)
        column.addWidget(self.view, 1)
        column.addLayout(below)

    def _show(self) -> None:
        entries = self._features.entries
        self.lines.show(
            [
                (
                    entry.what, number(entry.images), " × ".join(map(str, entry.shape)) or "–",
                    size_text(entry.bytes), when(entry.used),
                )
                for entry in entries
            ],
            [str(entry.folder) for entry in entries],
            [str(entry.folder) for entry in entries],
        )  # fmt: skip
        self.view.setVisible(bool(entries))
        self.hint.setVisible(not entries)
        self.words.setText(f"{size_text(self._features.bytes)} on disk" if entries else "")
        if not self.cap.hasFocus():
            self.cap.setValue(self._features.cap / cache.GB)
        self.cap.setEnabled(not self._features.fixed)
        self.cap.setToolTip(
            "QDESIGNER_CACHE_GB says how much" if self._features.fixed else
            "What was not used for longest gives way"
        )  # fmt: skip
        self._follow()

    def _follow(self) -> None:
        self.delete.setEnabled(self.view.currentIndex().isValid())
        self.clear.setEnabled(bool(self._features.entries))

    def _set_cap(self) -> None:
        if self.cap.value() != round(self._features.cap / cache.GB, 1):
            self._features.set_cap(self.cap.value())

    def _delete(self) -> None:
        index = self.view.currentIndex()
        if index.isValid():
            self._features.clear([self._features.entries[index.row()]])
