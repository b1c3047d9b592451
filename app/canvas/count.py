"""A small number box in place of a repeat's badge: the count edited where it stands."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QSpinBox, QWidget

from qdesigner.circuit.blocks import MAX_REPEAT


class CountBox(QSpinBox):
    """Enter or a click elsewhere keeps the count, Escape leaves it as it was."""

    kept = Signal(int)

    def __init__(self, parent: QWidget, count: int, place: QRect) -> None:
        super().__init__(parent)
        self.setRange(1, MAX_REPEAT)
        self.setValue(count)
        self.setPrefix("× ")
        self.setAccessibleName("How many times")
        self.setGeometry(place)
        self.selectAll()
        self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self._open = True

    def _close(self, keep: bool) -> None:
        if self._open:
            self._open = False
            if keep:
                self.interpretText()
                self.kept.emit(self.value())
            self.hide()
            self.deleteLater()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter keeps, Escape does not; neither goes any further."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self._close(event.key() != Qt.Key.Key_Escape)
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Leaving keeps what was typed."""
        super().focusOutEvent(event)
        self._close(True)
