"""What is written can be read: text keeps the contrast that WCAG AA asks for, in both themes."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor

from app import theme
from app.theme import DARK, LIGHT, Theme

AA = 4.5
GROUPS = ("Embedding", "Rotation", "Entangling", "Template", "Classical", "Readout")


def luminance(colour: QColor) -> float:
    parts = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    )
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one: QColor | str, other: QColor | str) -> float:
    dark, light = sorted((luminance(QColor(one)), luminance(QColor(other))))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=lambda look: look.name)
def test_text_can_be_read_on_every_ground(look: Theme) -> None:
    for ground in (look.window, look.panel, look.raised):
        for text in (look.text, look.muted, look.accent, look.wrong):
            assert contrast(text, ground) >= AA, (text, ground)


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=lambda look: look.name)
@pytest.mark.parametrize("group", GROUPS)
def test_a_blocks_title_can_be_read_in_its_colour(look: Theme, group: str) -> None:
    assert contrast(look.ink(look.group(group)), look.panel) >= AA
    assert contrast(look.ink(look.group(group)), look.raised) >= AA


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=lambda look: look.name)
def test_the_words_on_coloured_buttons_can_be_read(look: Theme) -> None:
    assert contrast("#ffffff", look.go) >= AA
    assert contrast(look.accent_text, look.accent) >= AA
    assert theme.palette(look).placeholderText().color() == QColor(look.muted)
