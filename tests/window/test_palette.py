"""The palette: search, the drag it starts, and the keyboard's way to append."""

from __future__ import annotations

import pytest
from boards import Bench
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDrag, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.canvas.gestures import BLOCK_MIME
from app.canvas.pens import font
from app.panels.palette import Palette, PaletteItem
from qdesigner.circuit.blocks import BLOCKS

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def bench() -> Bench:
    return Bench("H + RY embedding", wires=2)


@pytest.fixture
def palette(bench: Bench) -> Palette:
    palette = Palette(bench.document)
    palette.resize(208, 900)
    palette.show()
    return palette


def _item(palette: Palette, kind: str) -> PaletteItem:
    return next(item for item in palette.items() if item.row.kind == kind)


def _dragged(
    palette: Palette, kind: str, far: bool, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[list[str], str]]:
    seen: list[tuple[list[str], str]] = []

    def record(drag: QDrag, *_: object) -> Qt.DropAction:
        data = drag.mimeData()
        seen.append((data.formats(), bytes(data.data(BLOCK_MIME).data()).decode()))
        return Qt.DropAction.IgnoreAction

    monkeypatch.setattr(QDrag, "exec", record)
    item = _item(palette, kind)
    QTest.mousePress(item, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    QTest.mouseMove(item, QPoint(8 + (QApplication.startDragDistance() + 4 if far else 2), 8))
    QTest.mouseRelease(item, Qt.MouseButton.LeftButton)
    return seen


def test_every_block_is_there_once_in_the_groups_order(palette: Palette) -> None:
    kinds = [item.row.kind for item in palette.items()]
    assert sorted(kinds) == sorted(BLOCKS)
    groups = [item.row.group for item in palette.items()]
    assert groups == sorted(groups, key=list(type(groups[0])).index)


@pytest.mark.parametrize("kind", ["ry_layer", "repeat", "cnot"])
def test_a_drag_carries_only_the_kind(
    palette: Palette, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _dragged(palette, kind, True, monkeypatch) == [([BLOCK_MIME], kind)]


def test_a_press_that_hardly_moves_starts_no_drag(
    palette: Palette, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _dragged(palette, "ry_layer", False, monkeypatch) == []


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("swap", ["swap"]),
        ("CZ ring", ["cz_ring"]),
        ("two wires exch", ["swap"]),
        ("two wires flip", []),
    ],
)
def test_search_leaves_what_holds_every_word(
    palette: Palette, words: str, kinds: list[str]
) -> None:
    palette._search.setText(words)
    assert [item.row.kind for item in palette.items()] == kinds
    palette._search.clear()
    assert len(palette.items()) == len(BLOCKS)


def test_a_search_without_result_says_so(palette: Palette) -> None:
    palette._search.setText("no such thing")
    assert palette._nothing.isVisible()


def test_enter_appends_and_is_one_undo_step(palette: Palette, bench: Bench) -> None:
    QTest.keyClick(_item(palette, "ry_layer"), Qt.Key.Key_Return)
    assert (bench.text, bench.undo) == ("H + RY embedding | RY layer", "Add RY layer")


def test_enter_in_the_search_field_appends_the_first_match(palette: Palette, bench: Bench) -> None:
    QTest.keyClicks(palette._search, "cz ring")
    QTest.keyClick(palette._search, Qt.Key.Key_Return)
    assert bench.text == "H + RY embedding | CZ ring"


def test_enter_prefers_the_block_that_is_called_so(palette: Palette, bench: Bench) -> None:
    palette._search.setText("rzz")
    assert len(palette.items()) > 1
    QTest.keyClick(palette._search, Qt.Key.Key_Return)
    assert bench.text == "H + RY embedding | RZZ 0,1"


def test_a_double_click_appends(palette: Palette, bench: Bench) -> None:
    QTest.mouseDClick(_item(palette, "x"), Qt.MouseButton.LeftButton)
    assert bench.text == "H + RY embedding | X 0"


def test_what_cannot_be_appended_is_told(palette: Palette, bench: Bench) -> None:
    told: list[str] = []
    palette.refused.connect(told.append)
    bench.document.apply("Empty", bench.document.design.but(stages=()))
    QTest.keyClick(_item(palette, "ry_layer"), Qt.Key.Key_Return)
    assert told == ["The model has no quantum circuit; insert one in the strip."]


def test_every_item_is_reached_by_arrows_and_has_a_name(palette: Palette) -> None:
    palette.activateWindow()
    items = palette.items()
    assert all(item.accessibleName() and item.accessibleDescription() for item in items)
    items[0].setFocus()
    QTest.keyClick(items[0], Qt.Key.Key_Down)
    assert palette.focusWidget() is items[1]
    QTest.keyClick(items[1], Qt.Key.Key_Up)
    assert palette.focusWidget() is items[0]


def test_a_group_folds_away_and_a_search_still_finds_its_blocks(palette: Palette) -> None:
    heading = next(h for h, _, _ in palette._groups if h.text() == "ENTANGLING")
    item = _item(palette, "cz_ring")
    heading.click()
    assert not item.isVisible() and _item(palette, "ry_layer").isVisible()
    palette._search.setText("cz ring")
    assert item.isVisible()
    palette._search.clear()
    assert not item.isVisible()
    QTest.keyClick(heading, Qt.Key.Key_Right)
    assert item.isVisible()


def test_no_name_is_cut_in_a_narrow_palette(palette: Palette) -> None:
    palette.resize(184, 700)
    QApplication.processEvents()
    for item in palette.items():
        needed = QFontMetrics(font(12)).horizontalAdvance(item.text())
        assert item.width() >= needed + (4 if item.chip else 12), item.text()


def test_enter_puts_an_amplitude_embedding_where_alone_it_can_stand() -> None:
    bench = Bench("CNOT brick | RY layer", wires=2)
    palette = Palette(bench.document)
    palette.append("amplitude_embedding")
    assert bench.text == "Amplitude embedding | CNOT brick | RY layer"
    told: list[str] = []
    palette.refused.connect(told.append)
    palette.append("amplitude_embedding")
    assert told == ["An amplitude embedding prepares the state, so it can only be the first block."]
