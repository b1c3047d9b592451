"""Reasons as sentences: what an edit is refused for comes as a fragment and is shown as a whole."""

from __future__ import annotations


def sentence(reason: object) -> str:
    """``reason`` with a capital at its start and a full stop at its end."""
    text = str(reason).strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")
