"""The keyboard when the widget that has it goes away.

Qt hands it to the first field of the window, the project's name, where the next Space would
overwrite the name instead of training.
"""

from __future__ import annotations

from PySide6.QtWidgets import QWidget


def has_keyboard(place: QWidget) -> bool:
    """Whether ``place`` or something in it has the keyboard, or will when a dialog closes."""
    focus = place.window().focusWidget()
    return focus is not None and (focus is place or place.isAncestorOf(focus))


def let_go(place: QWidget) -> bool:
    """Take the keyboard from what is in ``place``, before that goes away; whether it was there."""
    if not has_keyboard(place):
        return False
    place.window().focusWidget().clearFocus()
    return True
