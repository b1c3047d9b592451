"""The gallery: every template on a card, found, looked at, and opened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from shells import FakeOnlooking, FakeSession, end, wait_until

from app import theme
from app.panels.gallery import Gallery
from app.panels.gallerycard import PICTURE
from app.panels.gallerypicture import picture
from app.window import Window
from qdesigner.design.gallery import entries, names, own_needs

Key = Qt.Key


@pytest.fixture
def window(qapp: object) -> Iterator[Window]:
    made = Window(FakeSession(), FakeOnlooking())
    made.show()
    made.begin()
    yield made
    end(made)


@pytest.fixture
def gallery(window: Window) -> Gallery:
    window.actions_table.actions["templates"].trigger()
    assert isinstance(window.gallery, Gallery) and window.gallery.isVisible()
    return window.gallery


def test_every_template_has_a_card_in_its_family_in_the_gallerys_order(gallery: Gallery) -> None:
    assert tuple(gallery.cards.shown) == names()
    assert gallery.detail.name == "quickstart"
    boxes = [gallery.cards.cards[name].geometry() for name in gallery.cards.shown]
    for number, box in enumerate(boxes):
        assert not any(box.intersects(other) for other in boxes[number + 1 :])


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_no_picture_is_blank(qapp: object, look: theme.Theme, monkeypatch: object) -> None:
    monkeypatch.setattr(theme, "current", lambda: look)  # type: ignore[attr-defined]
    for entry in entries():
        image = picture(entry.design, 240, PICTURE, 1.0).toImage()
        ground = QColor(look.raised).rgb()
        painted = sum(
            image.pixel(x, y) != ground
            for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)
        )  # fmt: skip
        assert painted > 60, entry.name


def test_pictures_come_while_the_gallery_is_there(gallery: Gallery) -> None:
    card = gallery.cards.cards["quickstart"]
    there = gallery.cards._pictures._there
    wait_until(lambda: any(name == "quickstart" for name, *_ in there))
    assert card.grab().toImage().pixel(120, 60) != 0


def test_a_search_leaves_what_it_finds_and_chooses_from_it(gallery: Gallery) -> None:
    gallery.find.setText("spirals dressed")
    assert gallery.cards.shown == ["spiral"] and gallery.detail.name == "spiral"
    gallery.find.setText("nothing like it")
    assert gallery.cards.shown == [] and gallery.none.isVisible()
    gallery.find.setText("")
    assert len(gallery.cards.shown) == len(names()) and gallery.none.isHidden()


def test_arrows_go_from_card_to_card_and_enter_opens(window: Window, gallery: Gallery) -> None:
    QTest.keyClick(gallery.find, Key.Key_Down)
    assert gallery.cards.cards["quickstart"].isChecked()
    QTest.keyClick(gallery.cards.cards["quickstart"], Key.Key_Right)
    second = names()[1]
    assert gallery.detail.name == second and gallery.cards.cards[second].isChecked()
    assert not gallery.cards.cards["quickstart"].isChecked()
    QTest.keyClick(gallery.cards.cards[second], Key.Key_Down)
    below = gallery.detail.name
    assert names().index(below) > 1
    QTest.keyClick(gallery.cards.cards[below], Key.Key_Return)
    entry = next(entry for entry in entries() if entry.name == below)
    assert window.document.design == entry.design and gallery.isHidden()


def test_the_documents_own_data_are_one_click_away(window: Window, gallery: Gallery) -> None:
    gallery.cards.choose("quantum-transfer-learning")
    detail = gallery.detail
    assert "tutorial" in detail.source.text() and "1912.08278" in detail.citation.text()
    assert detail.differs.text().startswith("• The frozen backbone is in eval mode")
    assert "0.93 test accuracy" in detail.goal.text() and "Hymenoptera" in detail.goal.text()
    needs = own_needs(next(e for e in entries() if e.name == detail.name).origin, False)
    assert "MB" in needs and detail.needs.text() == needs
    detail.own.click()
    design = window.document.design
    assert design.data.source == "hymenoptera"
    assert design.backbone.settings["model"] == "resnet18"
    gallery.cards.choose("spiral")
    assert detail.own.isHidden() and detail.needs.isHidden()
    detail.open.click()
    assert window.document.design.data.source == "spirals"


def test_a_lesson_opens_with_the_rule_on_screen(window: Window, gallery: Gallery) -> None:
    gallery.cards.choose("parameter-shift")
    gallery.detail.open.click()
    wait_until(lambda: window.board.rule.held)
    assert window.board.rule.card.isVisible()
