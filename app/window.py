"""The window: puts the parts together. What they do is theirs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QObject, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app import settings as settings_module
from app import theme
from app.actions import Actions
from app.autosave import Autosave
from app.canvas.view import Board
from app.checked import Checked
from app.comparisons import Comparison
from app.diagnostics import versions
from app.document import Document
from app.drops import dropped, images_of, is_project
from app.featurecache import FeatureCache
from app.fetching import Fetches
from app.livestate import LiveState
from app.looked import MOST_FILES, Looked
from app.onlooking import Onlooking
from app.panels.about import about_window, shortcuts_window
from app.panels.devices import DeviceButton
from app.panels.evaluate import evaluation
from app.panels.header import Header
from app.panels.inspector import Inspector
from app.panels.log import LogLines, LogPanel
from app.panels.notices import Notices
from app.panels.palette import Palette
from app.panels.problems import ProblemBar
from app.panels.statusbar import StatusBar
from app.panels.strip import Strip
from app.panels.timebar import TimeBar
from app.project import Project
from app.rehearsing import rehearsing
from app.runlist import RunList
from app.runs import Runs
from app.runview import RunView
from app.session import Session
from app.studying import studying
from app.surveying import Surveying
from qdesigner.catalog.sources import IMAGE_EXTENSIONS
from qdesigner.design.gallery import LESSONS
from qdesigner.paths import data_folder

if TYPE_CHECKING:
    from app.panels.backbones import BackbonesPanel
    from app.panels.evaluating import EvaluateTab

_log = logging.getLogger(__name__)
SIZES = {"columns": [184, 1016, 240], "centre": [360, 368]}  # px, at the first start


class Window(QMainWindow):
    """Everything on one screen: blocks, model, circuit, results, settings."""

    def __init__(self, session: Session | None = None, onlooking: Onlooking | None = None) -> None:
        super().__init__()
        self._settings_file = settings_module.settings_file()
        self.settings = settings_module.load(self._settings_file)
        theme.apply(self.settings.theme)
        self.document = Document()
        self.session = session or Session()
        self.runview = RunView()
        self.checked = Checked(self.document)
        self.notices = Notices()
        self.lines = LogLines()
        self._autosave = Autosave(self.document, data_folder() / "autosave")
        self.project = Project(self.document, self._autosave, self.settings, self.notices)
        self.runs = Runs(self.document, self.session, self.runview, self.checked, self.notices)
        self.board = Board(self.document)
        self.live = LiveState(self.document, self.session, self.runview, self.board)
        self.actions_table = Actions(self)
        self.runlist = RunList()
        self.onlooking = onlooking or Onlooking()
        self.looked = Looked(self.runview, self.onlooking)
        self.comparison = Comparison()
        self.evaluation, self.rehearsing = evaluation(), rehearsing()
        self.studying = studying()
        self.surveying = Surveying()
        self.fetches = Fetches()
        self.features = FeatureCache(self.document, self.session, self.runview)
        # Built when they are first asked for.
        self.bench: QWidget | None = None
        self.gallery: QWidget | None = None
        self.evaluate: EvaluateTab | None = None
        self.backbones: BackbonesPanel | None = None
        self._late = self._train_first = False
        self._build()
        self._connect()
        self._restore_sizes()

    # ---- building -------------------------------------------------------------------------------

    def _build(self) -> None:
        self.setAcceptDrops(True)
        self.setMinimumSize(940, 600)
        self.actions_table.fill(self.menuBar())
        self.header = Header(
            self.document, self.session, self.runview, self.runs, self.actions_table.actions,
            DeviceButton(self.document),
        )  # fmt: skip
        self.palette_panel = Palette(self.document)
        self.inspector = Inspector(self.document, self.runview, self.checked)
        self.strip = Strip(self.document, self.checked)
        self.tabs = QTabWidget()
        self.tabs.setMinimumHeight(120)
        self._columns = QSplitter(Qt.Orientation.Horizontal)
        self._centre = QSplitter(Qt.Orientation.Vertical)
        self._centre.setHandleWidth(8)
        self._centre.addWidget(self.board)
        self._results = _panel(
            self.tabs, TimeBar(self.runview, self.actions_table.actions["branch"])
        )
        self._centre.addWidget(self._results)
        self._columns.addWidget(_side(self.palette_panel, "right"))
        self._columns.addWidget(self._middle())
        self._columns.addWidget(_side(self.inspector, "left"))
        self._columns.setHandleWidth(2)
        for splitter in (self._columns, self._centre):
            splitter.setChildrenCollapsible(False)
        self._columns.setStretchFactor(1, 1)
        self._centre.setStretchFactor(0, 1)
        self._centre.setStretchFactor(1, 1)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self._columns, 1)
        self.setCentralWidget(body)
        self.setStatusBar(
            StatusBar(self.document, self.session, self.checked, self._autosave, self.runview)
        )

    def _middle(self) -> QWidget:
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(6)
        heading = QLabel("MODEL")
        heading.setProperty("role", "heading")
        line = QHBoxLayout()
        line.addWidget(heading, 1)
        line.addWidget(_link(self.actions_table.actions["helps"], "Does it help?"))
        column.addWidget(self.notices)
        column.addLayout(line)
        column.addWidget(self.strip)
        column.addWidget(ProblemBar(self.document, self.checked, self.actions_table.actions))
        column.addWidget(self._centre, 1)
        return middle

    def _connect(self) -> None:
        refresh = self.actions_table.refresh_soon
        for signal in (
            self.document.changed, self.document.saved, self.document.path_changed,
            self.document.stage_selected, self.document.blocks_selected,
            self.session.state_changed, self.runs.changed, self.checked.changed,
            self.runview.state_changed, self.runview.travelled,
        ):  # fmt: skip
            signal.connect(refresh)
        for signal in (self.document.changed, self.document.saved, self.document.path_changed):
            signal.connect(lambda *_: self._show_title())
        for signal in (self.palette_panel.refused, self.inspector.refused):
            signal.connect(self._say_refused)
        lesson = QTimer(self, singleShot=True, interval=0)  # once the circuit is on the board
        lesson.timeout.connect(self._begin_lesson)
        self.document.replaced.connect(lesson.start)
        self.inspector.data_wanted.connect(self.project.use_data)
        self.runview.image_opened.connect(lambda _image: self.show_image())
        commands = self.actions_table.actions
        self.inspector.command_wanted.connect(lambda name: commands[name].trigger())
        self.document.changed.connect(lambda _design: self.notices.dismiss("edit"))
        self.session.event.connect(self.lines.take_event)
        self.lines.line.connect(self.runs.keep_line)
        self.runs.log_wanted.connect(self.show_log)
        self.runlist.failed.connect(lambda text: self.notices.post("runs", text, "warning"))
        self.runlist.deleted.connect(
            lambda run, aside: self.runs.say_deleted(run, lambda: self.runlist.restore(run, aside))
        )
        self.runlist.restored.connect(self.runs.say_restored)
        self.features.serves.connect(self.strip.show_cached)
        self.features.cleared.connect(self.statusBar().forget_features)
        self.features.failed.connect(lambda text: self.notices.post("cache", text, "warning"))
        QApplication.instance().focusChanged.connect(self._focus_moved)
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(lambda _scheme: theme.apply(self.settings.theme))

    def begin(self, file: Path | None = None, template: str = "", train: bool = False) -> None:
        """Open what is asked for, or the last session; ``train`` starts training at once."""
        self.project.begin(file, template)
        self._show_title()
        self.live.begin()
        self._train_first = train

    def paintEvent(self, event: QPaintEvent) -> None:
        """After the first paint come the parts that take long to import, and the children."""
        super().paintEvent(event)
        if not self._late:
            self._late = True
            late = QTimer(self, singleShot=True, interval=0)
            late.timeout.connect(self._build_late)
            late.start()

    def _build_late(self) -> None:
        from app.panels.analysis import AnalysisPanel
        from app.panels.code import CodePanel
        from app.panels.data import DataPanel
        from app.panels.image import ImagePanel
        from app.panels.predictions import PredictionsPanel
        from app.panels.runs import RunsPanel
        from app.panels.studies import StudiesPanel
        from app.panels.training import TrainingPanel

        self.session.start()
        _log.info("Versions: %s", versions())
        self.training = TrainingPanel(self.runview, self.actions_table.actions["export_curves"])
        self.tabs.addTab(self.training, "Training")
        self.predictions = PredictionsPanel(self.runview)
        self.tabs.addTab(self.predictions, "Predictions")
        self.image = ImagePanel(
            self.document, self.runview, self.looked, self.predictions.in_order,
            self.actions_table.actions["predict"],
        )  # fmt: skip
        self.image.left.connect(lambda: self.tabs.setCurrentWidget(self._before_image))
        self._before_image: QWidget = self.predictions
        self.tabs.addTab(self.image, "Image")
        self.analysis = AnalysisPanel(self.document, self.runview)
        self.tabs.addTab(self.analysis, "Analysis")
        self.kept_runs = RunsPanel(self.runlist, self.runs, self.runview, self.session)
        self.tabs.addTab(self.kept_runs, "Runs")
        self.studies = StudiesPanel(self.document, self.studying, lambda: self.session.busy)
        self.tabs.addTab(self.studies, "Compare")
        self.data = DataPanel(self.document, self.checked, self.surveying)
        self.data.refused.connect(self._say_refused)
        self.data.data_wanted.connect(self.project.use_data)
        self.tabs.addTab(self.data, "Data")
        self.tabs.addTab(CodePanel(self.document), "Code")
        self._log = LogPanel(self.lines, self.runs.lines, self.runs.copy_diagnostics)
        self.tabs.addTab(self._log, "Log")
        self.tabs.setTabVisible(self.tabs.indexOf(self._log), False)
        if self._train_first:
            self.runs.train_or_pause()

    # ---- what the menus ask of the window -------------------------------------------------------

    def use_theme(self, choice: str) -> None:
        """Light, dark, or as the system."""
        self.settings.theme = choice
        theme.apply(choice)

    def toggle_panel(self, name: str) -> None:
        """Hide a panel, or show it again."""
        hidden = self.settings.hidden
        if name in hidden:
            hidden.remove(name)
        else:
            hidden.append(name)
        self._show_panels()

    def show_gallery(self) -> None:
        """Every template, beside this window."""
        from app.panels.gallery import Gallery

        if self.gallery is None:
            self.gallery = Gallery(self)
            self.gallery.wanted.connect(self.project.new)
        self.gallery.show()
        self.gallery.raise_()
        self.gallery.find.setFocus()

    def search_blocks(self) -> None:
        """The cursor into the palette's search."""
        if "palette" in self.settings.hidden:
            self.toggle_panel("palette")
        self.palette_panel.search()

    def show_log(self) -> None:
        """The log as a tab of its own."""
        if not hasattr(self, "_log"):
            return
        self._show_results()
        self.tabs.setTabVisible(self.tabs.indexOf(self._log), True)
        self.tabs.setCurrentWidget(self._log)

    def show_bench(self) -> None:
        """The comparison of devices as a tab of its own."""
        from app.panels.bench import BenchPanel

        self._show_results()
        if self.bench is None:
            self.bench = BenchPanel(self.document, self.comparison, lambda: self.session.busy)
            self.tabs.addTab(self.bench, "Bench")
        self.tabs.setCurrentWidget(self.bench)

    def show_evaluate(self, page: str = "one") -> None:
        """The run on one other device, or rehearsed on many, as a tab of its own."""
        from app.panels.evaluating import EvaluateTab

        self._show_results()
        if self.evaluate is None:
            self.evaluate = EvaluateTab(
                self.document, self.runview, self.evaluation, self.rehearsing
            )
            self.tabs.addTab(self.evaluate, "Evaluate")
        self.evaluate.pages.go(page)
        self.tabs.setCurrentWidget(self.evaluate)

    def show_image(self) -> None:
        """The image that is looked at, whole."""
        if hasattr(self, "image"):
            self._show_results()
            if self.tabs.currentWidget() is not self.image:
                self._before_image = self.tabs.currentWidget()
            self.tabs.setCurrentWidget(self.image)
            self.image.setFocus()

    def go_to_image(self, step: int) -> None:
        """Look at the image ``step`` places on."""
        if hasattr(self, "image"):
            self.show_image()
            self.image.go(step)

    def choose_images(self) -> None:
        """Ask for image files and what the run says of them."""
        endings = " ".join(f"*{ending}" for ending in sorted(IMAGE_EXTENSIONS))
        names, _ = QFileDialog.getOpenFileNames(
            self, "Predict images", str(Path.home()), f"Images ({endings})"
        )
        if names:
            self.predict_files(names)

    def predict_files(self, paths: list[str]) -> None:
        """Say what the run on screen says of image files."""
        why_not = ""
        if not self.runview.path:
            why_not = "No run is there to ask about an image: train (Space), or open a run."
        elif self.runview.of_rows:
            why_not = "This run is of rows of numbers and says nothing of images: open another run."
        if why_not:
            self.notices.post("predict", why_not, "warning")
            return
        self.notices.dismiss("predict")
        self.looked.show_files(paths)
        if len(paths) > MOST_FILES:
            words = f"The run is asked about the first {MOST_FILES} of {len(paths):,} images."
            self.notices.post("predict", words, "info")
        self.show_image()

    def show_backbones(self, page: str = "networks") -> None:
        """Every network that can stand in front, or the cached features, as a tab of its own."""
        from app.panels.backbones import BackbonesPanel

        self._show_results()
        if self.backbones is None:
            self.backbones = BackbonesPanel(self.document, self.fetches, self.features)
            self.tabs.addTab(self.backbones, "Backbones")
        self.tabs.setCurrentWidget(self.backbones)
        self.backbones.pages.go(page)

    def show_runs(self) -> None:
        """Every run that is kept."""
        if hasattr(self, "kept_runs"):
            self._show_results()
            self.tabs.setCurrentWidget(self.kept_runs)
            self.kept_runs.view.setFocus()

    def show_studies(self) -> None:
        """Designs compared over seeds."""
        if hasattr(self, "studies"):
            self._show_results()
            self.tabs.setCurrentWidget(self.studies)

    def ask_whether_it_helps(self) -> None:
        """Begin the controls of the design on screen."""
        if hasattr(self, "studies"):
            self.show_studies()
            self.studies.ask_whether_it_helps()

    def show_data(self) -> None:
        """Where the samples come from, and what is in them."""
        if hasattr(self, "data"):
            self._show_results()
            self.tabs.setCurrentWidget(self.data)

    def export_curves(self) -> None:
        """Ask for a file and write the run's curves there."""
        if hasattr(self, "training"):
            self.runs.export_curves(self, self.training.export)

    def _begin_lesson(self) -> None:
        """A lesson on the parameter-shift rule opens with the rule on screen."""
        origin = self.document.design.origin
        if origin is not None and origin.family == LESSONS and not self.board.rule.held:
            self.board.show_rule()

    def _say_refused(self, text: str) -> None:
        if text:
            self.notices.post("edit", text, "warning")
        else:
            self.notices.dismiss("edit")

    def _show_results(self) -> None:
        if "results" in self.settings.hidden:
            self.toggle_panel("results")

    def show_shortcuts(self) -> None:
        """Every command with its keys."""
        shortcuts_window(self, self.actions_table).show()

    def show_about(self) -> None:
        """What this is."""
        about_window(self).show()

    def _show_panels(self) -> None:
        for place, name in ((0, "palette"), (2, "inspector")):
            self._columns.widget(place).setVisible(name not in self.settings.hidden)
        self._results.setVisible("results" not in self.settings.hidden)

    def _show_title(self) -> None:
        path = self.document.path
        self.setWindowFilePath(str(path) if path else "")
        where = f" ({path.name})" if path else ""
        self.setWindowTitle(f"{self.document.design.name}{where}[*] – qdesigner")
        self.setWindowModified(self.document.modified)

    # ---- sizes ----------------------------------------------------------------------------------

    def _restore_sizes(self) -> None:
        geometry = QByteArray.fromBase64(self.settings.geometry.encode("ascii", "replace"))
        if geometry.isEmpty() or not self.restoreGeometry(geometry):
            room = self.screen().availableSize()
            self.resize(min(1440, room.width()), min(900, room.height()))
        for name, splitter in (("columns", self._columns), ("centre", self._centre)):
            sizes = self.settings.splitters.get(name, [])
            splitter.setSizes(sizes if len(sizes) == splitter.count() else SIZES[name])
        self._show_panels()

    def _keep_sizes(self) -> None:
        self.settings.geometry = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
        self.settings.splitters = {
            "columns": self._columns.sizes(), "centre": self._centre.sizes()
        }  # fmt: skip

    # ---- Qt's events ----------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keep everything; nothing is asked."""
        QApplication.instance().focusChanged.disconnect(self._focus_moved)
        self._keep_sizes()
        self.project.end()
        self.checked.close()
        self.session.close()
        self.onlooking.close()
        self.comparison.close()
        self.evaluation.close()
        self.studying.close()
        self.rehearsing.close()
        self.surveying.close()
        self.fetches.close()
        self.features.close()
        self.runlist.close()
        self.lines.close()
        settings_module.save(self.settings, self._settings_file)
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """A window that comes to the front gives the keyboard to the board where nobody had it. Qt
        would give it to the first field, the project's name, and Space would go into that."""
        if (
            event.type() == QEvent.Type.ActivationChange
            and self.isActiveWindow()
            and self.focusWidget() is None
        ):
            self.board.setFocus(Qt.FocusReason.ActiveWindowFocusReason)
        super().changeEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes on; but what is hidden or disabled leaves the keyboard to nobody. Qt would give
        it to the next field, and Space would go into that field instead of training."""
        left = self.focusWidget()
        if left is None or (left.isVisible() and left.isEnabled()):
            return super().focusNextPrevChild(forward)
        left.clearFocus()
        return False

    def _focus_moved(self, old: QWidget | None, new: QWidget | None) -> None:
        """Listen to the keys of a button or a number field while it has the keyboard."""
        for widget, listen in ((old, QObject.removeEventFilter), (new, QObject.installEventFilter)):
            if isinstance(widget, QAbstractButton | QAbstractSpinBox):
                listen(widget, self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Space belongs to a field being typed in and to a button reached by Tab, else to Train."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Space
        ):
            event.accept()
            return True
        return super().eventFilter(watched, event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A project, a folder of images, a table or images may be dropped anywhere."""
        if dropped(event) is not None or images_of(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """A project opens; a folder or a table becomes the data; of images the run is asked."""
        path, images = dropped(event), images_of(event)
        if path is None and not images:
            return
        event.acceptProposedAction()
        if path is None:
            self.predict_files(images)
        elif is_project(path):
            self.project.open(path)
        else:
            self.project.use_data(str(path))


def _link(action: QAction, text: str) -> QPushButton:
    """A command as a link; where it cannot be used there is none."""
    link = QPushButton(text)
    link.setProperty("kind", "link")
    link.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    link.clicked.connect(action.trigger)

    def follow() -> None:
        link.setVisible(action.isEnabled())
        link.setToolTip(action.toolTip())

    action.changed.connect(follow)
    return link


def _panel(inside: QWidget, below: QWidget) -> QFrame:
    frame = QFrame()
    frame.setProperty("role", "panel")
    box = QVBoxLayout(frame)
    box.setContentsMargins(1, 1, 1, 1)
    box.setSpacing(0)
    box.addWidget(inside, 1)
    box.addWidget(below)
    return frame


def _side(inside: QWidget, edge: str) -> QFrame:
    """A column at the window's side, with a line towards the middle."""
    frame = QFrame()
    frame.setProperty("role", f"side-{edge}")
    box = QHBoxLayout(frame)
    box.setContentsMargins(0, 0, 0, 0)
    box.addWidget(inside)
    return frame
