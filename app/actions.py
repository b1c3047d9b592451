"""One table of every command: where it stands in the menus, its keys, what it does, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from app.canvas import commands
from app.panels.devices import fill as fill_with_devices
from app.panels.strip import fill_with_kinds, remove_selected, toggle_frozen
from app.panels.timebar import travel
from app.sentences import sentence
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.kinds import Group
from qdesigner.design import edits, gallery

if TYPE_CHECKING:
    from app.window import Window

Text = str | Callable[["Window"], str]


def _always(window: Window) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """One row. ``menu`` is the path of its menu; ``keys`` portable key sequences; ``checked`` makes
    it a tick. A text that depends on the state is a function."""

    id: str
    menu: str
    text: Text
    run: Callable[[Window], object]
    keys: tuple[str, ...] = ()
    enabled: Callable[[Window], bool] = _always
    checked: Callable[[Window], bool] | None = None
    tip: Text = ""


@dataclass(frozen=True, slots=True)
class Submenu:
    """A menu filled anew whenever it opens."""

    menu: str
    text: str
    fill: Callable[[QMenu, Window], None]


SEPARATOR = None
Entry = Command | Submenu | tuple[str, None]  # (menu, SEPARATOR)


# ---- when a command can be used -----------------------------------------------------------------


def _has_circuit(window: Window) -> bool:
    return window.document.circuit_stage() is not None


def _is_quantum(window: Window) -> bool:
    return any(stage.circuit is not None for stage in window.document.design.stages)


def _has_blocks(window: Window) -> bool:
    return bool(window.document.selected_blocks)


def _stage_at(window: Window) -> int:
    """Place of the selected stage, -1 where none is."""
    names = [stage.id for stage in window.document.design.stages]
    name = window.document.selected_stage
    return names.index(name) if name in names else -1


def _can_move(step: int) -> Callable[[Window], bool]:
    def can(window: Window) -> bool:
        place, stages = _stage_at(window), window.document.design.stages
        if place < 0 or not 0 <= place + step < len(stages):
            return False
        return "backbone" not in (stages[place].kind, stages[place + step].kind)

    return can


def _can_freeze(window: Window) -> bool:
    place = _stage_at(window)
    return place >= 0 and window.document.design.stages[place].row.trainable


def _can_delete(window: Window) -> bool:
    return _has_blocks(window) or _stage_at(window) >= 0


def _can_train(window: Window) -> bool:
    state = window.session.state
    return state == "paused" or (state in ("ready", "warming") and not window.checked.error)


def _has_run(window: Window) -> bool:
    run = window.document.design.run
    return bool(run) and Path(run).is_dir()


# ---- what they do -------------------------------------------------------------------------------


def _delete(window: Window) -> None:
    if _has_blocks(window):
        window.board.run(lambda: commands.remove_selected(window.document))
    else:
        remove_selected(window.document)


def _on_board(command: Callable[..., None]) -> Callable[[Window], None]:
    return lambda window: window.board.run(lambda: command(window.document))


def _remove_wire(window: Window) -> None:
    circuit = commands.circuit_of(window.document)
    if circuit is not None:
        window.board.run(lambda: commands.remove_wire(window.document, circuit.wires - 1))


def _move(step: int) -> Callable[[Window], None]:
    def move(window: Window) -> None:
        place = _stage_at(window)
        name = window.document.selected_stage
        label = window.document.design.stage(name).row.label
        target = place + (2 if step > 0 else -1)
        design = edits.move_stage(window.document.design, name, target)
        window.document.apply(f"Move {label}", design)

    return move


def _add_block(kind: str) -> Callable[[Window], None]:
    return lambda window: window.board.run(lambda: commands.append(window.document, kind))


# ---- submenus that depend on the state ----------------------------------------------------------


def _fill_new(menu: QMenu, window: Window) -> None:
    for number, found in enumerate(gallery.by_family(gallery.entries()).values()):
        if number:
            menu.addSeparator()
        for entry in found:
            action = menu.addAction(entry.title, lambda name=entry.name: window.project.new(name))
            action.setToolTip(entry.line)
    menu.setToolTipsVisible(True)


def _fill_recent(menu: QMenu, window: Window) -> None:
    project = window.project
    for path in project.recent():
        action = menu.addAction(path.name, lambda path=path: project.open(path))
        action.setToolTip(str(path))
    menu.addSeparator()
    for kept in project.kept():
        menu.addAction(kept.title, lambda kept=kept: project.reopen(kept))
    menu.setToolTipsVisible(True)
    if not menu.actions()[1:]:
        menu.addAction("Nothing yet").setEnabled(False)


def _fill_stages(menu: QMenu, window: Window) -> None:
    place = _stage_at(window)
    index = place + 1 if place >= 0 else len(window.document.design.stages)
    fill_with_kinds(menu, window.document, index)


# ---- the table ----------------------------------------------------------------------------------


def table() -> Iterator[Entry]:
    """Every command, in the order of the menus."""
    yield from _file()
    yield from _edit()
    yield from _circuit()
    yield from _model()
    yield from _run()
    yield from _view()
    yield from _help()


def _file() -> Iterator[Entry]:
    yield Command("new", "File", "New empty project", lambda w: w.project.new(""), ("Ctrl+N",))
    yield Command(
        "templates", "File", "Templates…", lambda w: w.show_gallery(), ("Ctrl+Shift+T",),
        tip="Every system that comes along: what it is, its source, and what it reaches",
    )  # fmt: skip
    yield Submenu("File", "New from template", _fill_new)
    yield Command("open", "File", "Open…", lambda w: w.project.choose(w), ("Ctrl+O",))
    yield Submenu("File", "Open recent", _fill_recent)
    yield "File", SEPARATOR
    yield Command(
        "save", "File", "Save", lambda w: w.project.save(w), ("Ctrl+S",),
        lambda w: w.document.modified or w.document.path is None,
    )  # fmt: skip
    yield Command("save_as", "File", "Save as…", lambda w: w.project.save_as(w), ("Ctrl+Shift+S",))
    yield "File", SEPARATOR
    yield Command(
        "export", "File", "Export script…", lambda w: w.runs.export(w), ("Ctrl+E",),
        lambda w: not w.checked.error and not w.session.busy, tip=_export_tip,
    )  # fmt: skip
    yield Command(
        "export_curves", "File", "Export curves…", lambda w: w.export_curves(), ("Ctrl+Shift+C",),
        lambda w: len(w.runview.epochs) > 0, tip="Write the curves as PNG, SVG or CSV",
    )  # fmt: skip
    yield "File", SEPARATOR
    yield Command("quit", "File", "Quit", lambda w: w.close(), ("Ctrl+Q",))


def _export_tip(window: Window) -> str:
    if window.checked.error:
        return f"Cannot be exported yet: {window.checked.error}"
    if window.session.busy:
        return "Wait until training has ended, or stop it"
    return "Write a Python script that runs without qdesigner"


def _edit() -> Iterator[Entry]:
    yield Command(
        "undo", "Edit", lambda w: f"Undo {w.document.undo_label}".strip(),
        lambda w: w.document.undo(), ("Ctrl+Z",), lambda w: bool(w.document.undo_label),
    )  # fmt: skip
    yield Command(
        "redo", "Edit", lambda w: f"Redo {w.document.redo_label}".strip(),
        lambda w: w.document.redo(), ("Ctrl+Shift+Z", "Ctrl+Y"),
        lambda w: bool(w.document.redo_label),
    )  # fmt: skip
    yield "Edit", SEPARATOR
    yield Command(
        "duplicate", "Edit", "Duplicate", _on_board(commands.duplicate_selected), ("Ctrl+D",),
        _has_blocks,
    )  # fmt: skip
    yield Command("delete", "Edit", "Delete", _delete, ("Del",), _can_delete)
    yield Command(
        "select_all", "Edit", "Select all blocks", _on_board(commands.select_all), ("Ctrl+A",),
        _has_circuit,
    )  # fmt: skip


def _circuit() -> Iterator[Entry]:
    for group in Group:
        for kind, row in BLOCKS.items():
            if row.group is group:
                yield Command(
                    f"add_{kind}", f"Circuit/Add block/{group.value}", row.label,
                    _add_block(kind), (), _has_circuit, tip=row.hint,
                )  # fmt: skip
    yield Command(
        "find_block", "Circuit", "Search blocks", lambda w: w.search_blocks(), ("Ctrl+F",)
    )
    yield "Circuit", SEPARATOR
    yield Command(
        "repeat", "Circuit", "Repeat selection", _on_board(commands.repeat_selected), ("Ctrl+R",),
        _has_blocks,
    )  # fmt: skip
    yield "Circuit", SEPARATOR
    yield Command(
        "add_wire", "Circuit", "Add wire", _on_board(commands.add_wire), ("Ctrl+Shift+Down",),
        _has_circuit,
    )  # fmt: skip
    yield Command(
        "remove_wire", "Circuit", "Remove last wire", _remove_wire, ("Ctrl+Shift+Up",),
        _has_circuit,
    )  # fmt: skip
    yield "Circuit", SEPARATOR
    yield Command(
        "rule", "Circuit", "Show the parameter-shift rule", lambda w: w.board.show_rule(),
        ("Ctrl+G",), _has_circuit, tip="f at the shifted angles of a gate, beside its gradient",
    )  # fmt: skip


def _model() -> Iterator[Entry]:
    yield Submenu("Model", "Insert stage", _fill_stages)
    yield Command(
        "remove_stage", "Model", "Remove stage", lambda w: remove_selected(w.document),
        ("Ctrl+Backspace",), lambda w: _stage_at(w) >= 0,
    )  # fmt: skip
    yield Command("stage_left", "Model", "Move stage left", _move(-1), ("Alt+Left",), _can_move(-1))
    yield Command(
        "stage_right", "Model", "Move stage right", _move(1), ("Alt+Right",), _can_move(1)
    )
    yield Command(
        "freeze", "Model", "Frozen", lambda w: toggle_frozen(w.document), ("Ctrl+Shift+F",),
        _can_freeze,
        lambda w: _can_freeze(w) and w.document.design.stages[_stage_at(w)].frozen,
    )  # fmt: skip
    yield Command(
        "backbones", "Model", "Choose a backbone…", lambda w: w.show_backbones(),
        ("Ctrl+Shift+K",), tip="Every network that can stand in front, and its weights",
    )  # fmt: skip
    yield Command(
        "features", "Model", "Show cached features", lambda w: w.show_backbones("cache"), (),
        tip="What frozen fronts made of images: size, limit, clearing",
    )  # fmt: skip
    yield "Model", SEPARATOR
    yield Submenu("Model", "Device", lambda menu, w: fill_with_devices(menu, w.document))
    yield Command("data", "Model", "Show the data", lambda w: w.show_data(), ("Ctrl+Shift+A",))
    yield Command(
        "choose_data", "Model", "Choose data folder…", lambda w: w.project.choose_folder(w),
        ("Ctrl+Shift+D",),
    )  # fmt: skip
    yield Command(
        "open_data", "Model", "Open data file…", lambda w: w.project.choose_data(w),
        ("Ctrl+Alt+D",), tip="A CSV or Parquet table, or a CSV of image files and labels",
    )  # fmt: skip


def _run() -> Iterator[Entry]:
    yield Command(
        "train", "Run", lambda w: w.runs.verb, lambda w: w.runs.train_or_pause(), ("Space",),
        _can_train, tip=_train_tip,
    )  # fmt: skip
    yield Command(
        "pause", "Run", "Pause", lambda w: w.runs.train_or_pause(), ("Space",),
        lambda w: w.session.state == "training", tip="Pause after this step",
    )  # fmt: skip
    yield Command(
        "stop", "Run", "Stop", lambda w: w.session.stop(), ("Ctrl+.",),
        lambda w: w.session.state in ("training", "paused"),
        tip="End this run; its checkpoint stays",
    )  # fmt: skip
    yield Command(
        "train_anew", "Run", "Train anew", lambda w: w.runs.train_anew(), ("Ctrl+T",),
        lambda w: not w.checked.error and w.session.state != "stopping",
        tip="Begin a new run; one that goes on is stopped and keeps its checkpoint",
    )  # fmt: skip
    yield Command(
        "resume", "Run", "Resume from checkpoint", lambda w: w.runs.resume(), ("Ctrl+Shift+R",),
        lambda w: bool(w.runs.resumable),
    )  # fmt: skip
    yield Command(
        "branch", "Run", _branch_text, lambda w: w.runs.branch(), ("Ctrl+Shift+B",),
        lambda w: w.runs.can_branch and not w.checked.error,
        tip="Begin a new run of this design with the weights of then",
    )  # fmt: skip
    yield "Run", SEPARATOR
    for name, text, step, key in (
        ("epoch_back", "Look at the epoch before", -1, "Ctrl+["),
        ("epoch_on", "Look at the next epoch", 1, "Ctrl+]"),
    ):
        yield Command(
            name, "Run", text, lambda w, s=step: travel(w.runview, s), (key,),
            lambda w: bool(w.runview.kept),
        )  # fmt: skip
    yield Command(
        "epoch_newest", "Run", "Back to the newest epoch", lambda w: w.runview.travel(None),
        ("Ctrl+Shift+N",), lambda w: w.runview.at_epoch is not None,
    )  # fmt: skip
    yield "Run", SEPARATOR
    yield Command(
        "predict", "Run", "Predict an image…", lambda w: w.choose_images(), ("Ctrl+I",),
        lambda w: bool(w.runview.path) and not w.runview.of_rows,
        tip="Ask the run about image files, also while it trains; or drop them on the window",
    )  # fmt: skip
    yield Command(
        "image", "Run", "Show the chosen image", lambda w: w.show_image(), ("Ctrl+Shift+I",),
        lambda w: len(w.runview.labels) > 0,
        tip="Its classes over the epochs, its angles, and its way through the circuit",
    )  # fmt: skip
    for name, text, step, key in (
        ("image_back", "The image before", -1, "Ctrl+Left"),
        ("image_next", "The next image", 1, "Ctrl+Right"),
    ):
        yield Command(
            name, "Run", text, lambda w, s=step: w.go_to_image(s), (key,),
            lambda w: len(w.runview.labels) > 0,
        )  # fmt: skip
    yield "Run", SEPARATOR
    yield Command("runs", "Run", "Show all runs", lambda w: w.show_runs(), ("Ctrl+Shift+U",))
    yield Command("open_run", "Run", "Open run…", lambda w: w.runs.choose(w), ("Ctrl+Shift+O",),
                  lambda w: not w.session.busy)  # fmt: skip
    yield Command(
        "run_folder", "Run", "Show run folder", lambda w: w.runs.show_folder(), (), _has_run
    )
    yield "Run", SEPARATOR
    yield Command(
        "evaluate", "Run", "Evaluate on a device…", lambda w: w.show_evaluate(),
        ("Ctrl+Shift+E",), tip="Ask the trained run with shots, noise, or on another machine",
    )  # fmt: skip
    yield Command(
        "helps", "Run", "Does the quantum part help?", lambda w: w.ask_whether_it_helps(),
        ("Ctrl+H",), lambda w: not w.checked.error and _is_quantum(w),
        tip="Train the same over seeds without entanglers, frozen at random, as an MLP and linear",
    )  # fmt: skip
    yield Command(
        "studies", "Run", "Compare designs…", lambda w: w.show_studies(), ("Ctrl+Shift+H",),
        tip="Studies over seeds: entanglement, depth, activations, devices, or a study file",
    )  # fmt: skip
    yield Command(
        "rehearse", "Run", "Rehearse on hardware…", lambda w: w.show_evaluate("rehearsal"),
        ("Ctrl+Alt+H",),
        tip="The run's accuracy against shots, and under the noise of real machines",
    )  # fmt: skip
    yield Command(
        "compare_devices", "Run", "Compare devices…", lambda w: w.show_bench(), ("Ctrl+B",),
        tip="Time a batch on every device that is installed",
    )  # fmt: skip


def _train_tip(window: Window) -> str:
    error = window.checked.error
    if error:
        return f"Cannot be trained yet: {error}"
    if window.runs.verb == "Resume":
        return "Go on with the run that was stopped, from its last checkpoint"
    return "Train the model on its data"


def _branch_text(window: Window) -> str:
    epoch = window.runview.at_epoch
    return f"Branch from epoch {epoch}" if epoch is not None else "Branch from the last epoch"


def _view() -> Iterator[Entry]:
    for choice, text in (("system", "Follow the system"), ("light", "Light"), ("dark", "Dark")):
        yield Command(
            f"theme_{choice}", "View", text, lambda w, c=choice: w.use_theme(c), (),
            checked=lambda w, c=choice: w.settings.theme == c,
        )  # fmt: skip
    yield "View", SEPARATOR
    yield Command("zoom_in", "View", "Zoom in", lambda w: w.board.zoom(1.25), ("Ctrl++", "Ctrl+="))
    yield Command("zoom_out", "View", "Zoom out", lambda w: w.board.zoom(0.8), ("Ctrl+-",))
    yield Command("fit", "View", "Fit circuit", lambda w: w.board.fit(), ("Ctrl+0",))
    yield "View", SEPARATOR
    for panel, text in (("palette", "Blocks"), ("inspector", "Inspector"), ("results", "Results")):
        yield Command(
            f"panel_{panel}", "View", text, lambda w, p=panel: w.toggle_panel(p), (),
            checked=lambda w, p=panel: p not in w.settings.hidden,
        )  # fmt: skip


def _help() -> Iterator[Entry]:
    yield Command("shortcuts", "Help", "Keyboard shortcuts", lambda w: w.show_shortcuts(), ("F1",))
    yield Command("log", "Help", "Log", lambda w: w.show_log(), ("Ctrl+L",))
    yield Command("diagnostics", "Help", "Copy diagnostics", lambda w: w.runs.copy_diagnostics())
    yield Command("about", "Help", "About qdesigner", lambda w: w.show_about())


# ---- as Qt --------------------------------------------------------------------------------------


class Actions(QObject):
    """The table as QActions in a menu bar, enabled and named as the state says."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self.rows: dict[str, Command] = {}
        self.actions: dict[str, QAction] = {}
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self.refresh)
        for entry in table():
            if isinstance(entry, Command):
                self.rows[entry.id] = entry
                self.actions[entry.id] = self._made(entry)

    def fill(self, bar: QMenuBar) -> None:
        """Put every command into its menu."""
        menus: dict[str, QMenu] = {}

        def menu(path: str) -> QMenu:
            if path not in menus:
                parent, _, name = path.rpartition("/")
                menus[path] = (menu(parent) if parent else bar).addMenu(name)
                menus[path].setToolTipsVisible(True)
            return menus[path]

        for entry in table():
            if isinstance(entry, Command):
                menu(entry.menu).addAction(self.actions[entry.id])
            elif isinstance(entry, Submenu):
                self._add_submenu(menu(entry.menu), entry)
            else:
                menu(entry[0]).addSeparator()
        self.refresh()

    def refresh_soon(self, *_ignored: object) -> None:
        """Look at the state again, once, after everything that changes now."""
        self._later.start()

    def refresh(self) -> None:
        """Name, enable and tick every command as the state says."""
        for name, row in self.rows.items():
            action = self.actions[name]
            action.setText(_text(row.text, self._window))
            action.setToolTip(_text(row.tip, self._window) or action.text())
            action.setEnabled(row.enabled(self._window))
            if row.checked is not None:
                action.setChecked(row.checked(self._window))

    def _made(self, row: Command) -> QAction:
        action = QAction(self._window)
        action.setObjectName(row.id)
        action.setShortcuts([QKeySequence(keys) for keys in row.keys])
        action.setCheckable(row.checked is not None)
        action.triggered.connect(lambda: self._trigger(row))
        self._window.addAction(action)
        return action

    def _trigger(self, row: Command) -> None:
        try:
            row.run(self._window)
        except edits.EditError as error:
            self._window.notices.post("edit", sentence(error), "warning")
        self.refresh_soon()

    def _add_submenu(self, menu: QMenu, entry: Submenu) -> None:
        sub = menu.addMenu(entry.text)

        def fill() -> None:
            sub.clear()
            entry.fill(sub, self._window)

        sub.aboutToShow.connect(fill)


def _text(text: Text, window: Window) -> str:
    return text if isinstance(text, str) else text(window)
