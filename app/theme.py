"""Colours, spacing and the style sheet, light and dark: the one owner of how things look.

Colour means category on the board, the strip and the palette; elsewhere there is one accent, two
fixed curve colours, and right and wrong, which also differ by a word or a shape.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor

GRID = 4  # px: every margin and gap is a multiple of it


@dataclass(frozen=True, slots=True)
class Theme:
    """One set of colours, as #rrggbb."""

    name: str
    window: str
    panel: str
    raised: str
    border: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_text: str
    go: str
    right: str
    wrong: str
    warning: str
    train: str
    validation: str
    embedding: str
    rotation: str
    entangling: str
    template: str
    classical: str
    readout: str

    def group(self, name: str) -> QColor:
        """The colour of a palette group ("Embedding", "Gate", …) or stage category."""
        names = {
            "Embedding": self.embedding, "Rotation": self.rotation,
            "Entangling": self.entangling, "Template": self.template,
            "Gate": self.readout, "Readout": self.readout, "Classical": self.classical,
            "Quantum": self.template, "Data": self.readout,
        }  # fmt: skip
        return QColor(names[name])

    def tint(self, name: str) -> QColor:
        """The group's colour mixed faintly into the panel's: the fill behind a block."""
        return blend(self.group(name), QColor(self.panel), 0.08 if self.name == "light" else 0.16)


def blend(top: QColor, under: QColor, share: float) -> QColor:
    """``share`` of ``top`` over ``under``."""
    return QColor.fromRgbF(
        top.redF() * share + under.redF() * (1 - share),
        top.greenF() * share + under.greenF() * (1 - share),
        top.blueF() * share + under.blueF() * (1 - share),
    )


LIGHT = Theme(
    name="light", window="#f4f6f8", panel="#ffffff", raised="#f4f6f8", border="#dde1e6",
    text="#1b2530", muted="#5f6b78", faint="#98a2ae", accent="#3b5bdb", accent_text="#ffffff",
    go="#2b9348", right="#2f9e44", wrong="#d6322f", warning="#b7791f",
    train="#3b5bdb", validation="#e8590c",
    embedding="#2f9e44", rotation="#3b5bdb", entangling="#e8590c", template="#7048e8",
    classical="#1098ad", readout="#495057",
)  # fmt: skip
DARK = Theme(
    name="dark", window="#14181d", panel="#1c2127", raised="#262c34", border="#363e48",
    text="#e6eaef", muted="#a3adb9", faint="#6f7a87", accent="#748ffc", accent_text="#10131a",
    go="#37b24d", right="#51cf66", wrong="#ff6b6b", warning="#fcc419",
    train="#748ffc", validation="#ff922b",
    embedding="#51cf66", rotation="#748ffc", entangling="#ff922b", template="#9775fa",
    classical="#3bc9db", readout="#adb5bd",
)  # fmt: skip


class _Current(QObject):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT


_current = _Current()
changed = _current.changed


def current() -> Theme:
    """The theme in use."""
    return _current.theme


def use(theme: Theme) -> None:
    """Switch to ``theme``; every part redraws itself on `changed`."""
    _current.theme = theme
    _current.changed.emit()
