"""Who has the keyboard."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget


def has_keyboard(place: QWidget) -> bool:
    """Whether ``place`` or something in it has the keyboard, or will when a dialog closes."""
    focus = place.window().focusWidget()
    return focus is not None and (focus is place or place.isAncestorOf(focus))
