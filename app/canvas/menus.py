"""The board's menus: what can be done to the selected blocks, and what goes into a gap."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenu, QWidget

from app.canvas import commands
from app.document import Document
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.kinds import Group
from qdesigner.design.edits import Slot

Run = Callable[[Callable[[], None]], None]


def blocks_menu(parent: QWidget, document: Document, run: Run) -> QMenu:
    """The menu over selected blocks. ``run`` carries out a command and shows its refusal."""
    menu = _menu(parent)
    for text, command in (
        ("Duplicate", commands.duplicate_selected),
        ("Repeat selection", commands.repeat_selected),
        ("Delete", commands.remove_selected),
    ):
        menu.addAction(text, lambda command=command: run(lambda: command(document)))
    circuit = commands.circuit_of(document)
    if circuit is not None and len(document.selected_blocks) == 1:
        block = circuit.find(next(iter(document.selected_blocks)))
        if not block.row.container:
            menu.addSeparator()
            _add_wires(menu.addMenu("Wires"), document, circuit, block, run)
    return menu


def _add_wires(menu: QMenu, document: Document, circuit: Circuit, block: Block, run: Run) -> None:
    """Which wires one block acts on; the ends of a gate of several are dragged, or exchanged
    here."""

    def choose(wires: tuple[int, ...] | None) -> Callable[[], None]:
        return lambda: run(lambda: commands.set_wires(document, block.id, wires))

    on = block.on(circuit.wires)
    if block.row.wires == 2:
        menu.addAction("Exchange its ends", choose(on[::-1]))
        return
    if block.row.wires == 3:
        for wire in on[:-1]:
            wires = [on[-1] if w == wire else wire if w == on[-1] else w for w in on]
            menu.addAction(f"Target on q{wire}", choose(tuple(wires)))
        return
    for wire in range(circuit.wires):
        if block.row.wires == 1:
            _add(menu, f"q{wire}", wire in on, choose((wire,)))
        else:
            toggled = tuple(sorted(set(on) ^ {wire}))
            wires = None if len(toggled) == circuit.wires else toggled
            _add(menu, f"q{wire}", wire in on, choose(wires))


def _add(menu: QMenu, text: str, chosen: bool, do: Callable[[], None]) -> None:
    action = menu.addAction(text, do)
    action.setCheckable(True)
    action.setChecked(chosen)


def gap_menu(parent: QWidget, document: Document, slot: Slot, run: Run) -> QMenu:
    """Every block, to put into a gap."""
    menu = _menu(parent)
    for group in Group:
        part = menu.addMenu(group.value)
        for kind, row in BLOCKS.items():
            if row.group is group:
                part.addAction(
                    row.label,
                    lambda kind=kind: run(lambda: commands.insert(document, kind, slot)),
                )
    return menu


def board_menu(parent: QWidget, document: Document, wire: int | None, run: Run) -> QMenu:
    """The menu over empty space, or over a wire's name."""
    menu = _menu(parent)
    menu.addAction("Add wire", lambda: run(lambda: commands.add_wire(document)))
    if wire is not None:
        menu.addAction(
            f"Remove wire q{wire}", lambda: run(lambda: commands.remove_wire(document, wire))
        )
    menu.addAction("What is measured", document.select_readout)
    menu.addAction("Select all", lambda: commands.select_all(document))
    return menu


def _menu(parent: QWidget) -> QMenu:
    menu = QMenu(parent)
    menu.aboutToHide.connect(menu.deleteLater)
    return menu
