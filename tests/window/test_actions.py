"""The table of commands: all are in a menu, no key means two things, and each does its work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from shells import FakeOnlooking, FakeSession, end, wait_until

from app.actions import Command, Submenu, table
from app.window import Window
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.design import gallery


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path))
    made = Window(FakeSession(), FakeOnlooking())
    made.begin(template="quickstart")
    made.show()
    wait_until(lambda: made.tabs.count() > 0)
    yield made
    end(made)
    qapp.setStyleSheet("")


def trigger(window: Window, name: str) -> None:
    window.actions_table.refresh()
    action = window.actions_table.actions[name]
    assert action.isEnabled(), name
    action.trigger()


def kinds(window: Window) -> list[str]:
    return [stage.kind for stage in window.document.design.stages]


def test_no_two_commands_share_a_name_or_a_key_but_train_and_pause() -> None:
    commands = [entry for entry in table() if isinstance(entry, Command)]
    assert max(Counter(command.id for command in commands).values()) == 1
    keys = Counter(key for command in commands for key in command.keys)
    assert {key for key, count in keys.items() if count > 1} == {"Space"}


def test_train_and_pause_are_never_possible_together(window: Window) -> None:
    actions = window.actions_table.actions
    for state in ("warming", "ready", "training", "paused", "stopping"):
        window.session.become(state)
        window.actions_table.refresh()
        assert not (actions["train"].isEnabled() and actions["pause"].isEnabled())


def test_the_menus_are_those_of_the_picture_and_hold_every_command(window: Window) -> None:
    bar = window.menuBar()
    assert [action.text() for action in bar.actions()] == [
        "File", "Edit", "Circuit", "Model", "Run", "View", "Help",
    ]  # fmt: skip
    found: set[str] = set()

    def walk(menu: QMenu) -> None:
        for action in menu.actions():
            found.add(action.objectName())
            if action.menu() is not None:
                walk(action.menu())

    for action in bar.actions():
        walk(action.menu())
    assert {entry.id for entry in table() if isinstance(entry, Command)} <= found


def test_every_block_can_be_added_from_the_menu(window: Window) -> None:
    for kind in BLOCKS:
        before = window.document.design
        trigger(window, f"add_{kind}")
        assert window.document.design != before, kind
        window.document.undo()


def test_undo_names_what_it_takes_back(window: Window) -> None:
    trigger(window, "add_ry_layer")
    window.actions_table.refresh()
    undo = window.actions_table.actions["undo"]
    assert undo.text() == "Undo Add RY layer"
    undo.trigger()
    window.actions_table.refresh()
    assert undo.text() == "Undo" and not undo.isEnabled()
    assert window.actions_table.actions["redo"].text() == "Redo Add RY layer"


def test_wires_are_added_and_removed_by_key(window: Window) -> None:
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    window.activateWindow()
    wait_until(window.isActiveWindow)
    window.board.setFocus()
    QTest.keyClick(window.board, Qt.Key.Key_Down, keys)
    assert window.document.circuit_stage().circuit.wires == 5
    QTest.keyClick(window.board, Qt.Key.Key_Up, keys)
    assert window.document.circuit_stage().circuit.wires == 4


def test_delete_takes_the_blocks_selected_else_the_stage(window: Window) -> None:
    window.document.select_blocks({"ry_layer-1"})
    trigger(window, "delete")
    assert "ry_layer-1" not in str(window.document.circuit_stage())
    assert "quantum" in kinds(window)
    window.document.select_stage("squash-1")
    trigger(window, "delete")
    assert "squash" not in kinds(window)


def test_a_stage_moves_left_and_right_but_never_past_the_backbone(window: Window) -> None:
    before = kinds(window)
    window.document.select_stage("linear-1")
    window.actions_table.refresh()
    assert not window.actions_table.actions["stage_left"].isEnabled()
    trigger(window, "stage_right")
    assert kinds(window)[1:3] == ["batch_norm", "linear"]
    trigger(window, "stage_left")
    assert kinds(window) == before


def test_freezing_is_a_tick_on_the_selected_stage(window: Window) -> None:
    window.document.select_stage("linear-1")
    trigger(window, "freeze")
    window.actions_table.refresh()
    assert window.document.design.stage("linear-1").frozen
    assert window.actions_table.actions["freeze"].isChecked()


def test_a_refused_command_says_why_in_a_banner(window: Window) -> None:
    window.document.apply("x", window.document.design.model_copy(update={"stages": ()}))
    window.actions_table.refresh()
    assert not window.actions_table.actions["add_wire"].isEnabled()
    row = window.actions_table.rows["remove_stage"]
    window.document.select_stage("nothing")
    assert not row.enabled(window)


def test_every_template_opens_from_the_menu(window: Window) -> None:
    submenu = next(e for e in table() if isinstance(e, Submenu) and e.text == "New from template")
    menu = QMenu()
    submenu.fill(menu, window)
    assert len([a for a in menu.actions() if not a.isSeparator()]) == len(gallery.names())
    for action in menu.actions():
        action.trigger()
        assert window.document.design.stages and window.document.path is None


def test_zoom_and_fit_change_the_board(window: Window) -> None:
    before = window.board.scale
    trigger(window, "zoom_in")
    assert window.board.scale > before
    trigger(window, "fit")
    assert window.board.scale == before


def test_the_log_opens_as_a_tab_with_what_was_said(window: Window) -> None:
    import logging

    trigger(window, "log")
    logging.getLogger("qdesigner.test").info("something happened")
    assert "something happened" in window._log.text.toPlainText()


def test_help_lists_every_key(window: Window) -> None:
    trigger(window, "shortcuts")
    texts = [label.text() for label in window.findChildren(type(window.statusBar()._left))]
    assert "Ctrl+Shift+Z, Ctrl+Y" in texts and "Space" in texts
