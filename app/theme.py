"""Colours, spacing and the style sheet, light and dark: the one owner of how things look.

Colour means category on the board, the strip and the palette; elsewhere there is one accent, two
fixed curve colours, and right and wrong, which also differ by a word or a shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from qdesigner.paths import resource

GRID = 4  # px: every margin and gap is a multiple of it


@dataclass(frozen=True, slots=True)
class Theme:
    """One set of colours, as #rrggbb."""

    name: str
    window: str
    panel: str
    raised: str
    border: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_text: str
    go: str
    right: str
    wrong: str
    warning: str
    train: str
    validation: str
    embedding: str
    rotation: str
    entangling: str
    template: str
    classical: str
    readout: str

    def group(self, name: str) -> QColor:
        """The colour of a palette group ("Embedding", "Gate", …) or stage category."""
        names = {
            "Embedding": self.embedding, "Rotation": self.rotation,
            "Entangling": self.entangling, "Template": self.template,
            "Gate": self.readout, "Readout": self.readout, "Classical": self.classical,
            "Quantum": self.template, "Data": self.readout,
        }  # fmt: skip
        return QColor(names[name])

    def ink(self, colour: QColor | str) -> QColor:
        """``colour`` as text: nearer to the text's, so that letters can be read."""
        return blend(QColor(colour), QColor(self.text), 0.7)

    def tint(self, name: str) -> QColor:
        """The group's colour mixed faintly into the panel's: the fill behind a block."""
        return blend(self.group(name), QColor(self.panel), 0.08 if self.name == "light" else 0.16)


def blend(top: QColor, under: QColor, share: float) -> QColor:
    """``share`` of ``top`` over ``under``."""
    return QColor.fromRgbF(
        top.redF() * share + under.redF() * (1 - share),
        top.greenF() * share + under.greenF() * (1 - share),
        top.blueF() * share + under.blueF() * (1 - share),
    )


LIGHT = Theme(
    name="light", window="#f4f6f8", panel="#ffffff", raised="#f4f6f8", border="#dde1e6",
    text="#1b2530", muted="#5f6b78", faint="#98a2ae", accent="#3b5bdb", accent_text="#ffffff",
    go="#267f3f", right="#2f9e44", wrong="#cf2c29", warning="#b7791f",
    train="#3b5bdb", validation="#e8590c",
    embedding="#2f9e44", rotation="#3b5bdb", entangling="#e8590c", template="#7048e8",
    classical="#1098ad", readout="#495057",
)  # fmt: skip
DARK = Theme(
    name="dark", window="#14181d", panel="#1c2127", raised="#262c34", border="#363e48",
    text="#e6eaef", muted="#a3adb9", faint="#6f7a87", accent="#748ffc", accent_text="#10131a",
    go="#267f3f", right="#51cf66", wrong="#ff6b6b", warning="#fcc419",
    train="#748ffc", validation="#ff922b",
    embedding="#51cf66", rotation="#748ffc", entangling="#ff922b", template="#9775fa",
    classical="#3bc9db", readout="#adb5bd",
)  # fmt: skip


def palette(theme: Theme) -> QPalette:
    """The theme for what Qt paints by itself."""
    colours = QPalette()
    role = QPalette.ColorRole
    for roles, colour in (
        ((role.Window,), theme.window),
        ((role.Base, role.ToolTipBase), theme.panel),
        ((role.AlternateBase, role.Button), theme.raised),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText), theme.text),
        ((role.BrightText,), theme.wrong),
        ((role.Highlight, role.Link), theme.accent),
        ((role.HighlightedText,), theme.accent_text),
        ((role.PlaceholderText,), theme.muted),
        ((role.Mid, role.Midlight, role.Light), theme.border),
        ((role.Dark, role.Shadow), theme.faint),
    ):
        for one in roles:
            colours.setColor(one, QColor(colour))
    for one in (role.WindowText, role.Text, role.ButtonText):
        colours.setColor(QPalette.ColorGroup.Disabled, one, QColor(theme.faint))
    return colours


def style_sheet(theme: Theme) -> str:
    """The style sheet of the whole window.

    Widgets ask for a look by a property: ``role`` is heading, title, muted, number, panel or bar;
    ``kind`` of a button is go, primary, tool, link, fix or chip.
    """
    icons = {
        n: resource(f"icons/{n}.svg").as_posix() for n in ("down", "down_white", "up", "check")
    }
    mixed = {
        "hover": blend(QColor(theme.accent), QColor(theme.panel), 0.10).name(),
        "go_hover": QColor(theme.go).lighter(112).name(),
        "accent_hover": QColor(theme.accent).lighter(112).name(),
        "pressed": blend(QColor(theme.accent), QColor(theme.panel), 0.20).name(),
        "track": blend(QColor(theme.muted), QColor(theme.panel), 0.22).name(),
    }
    values = _colours(theme) | mixed | icons
    return re.sub(r"@(\w+)@?", lambda found: values[found[1]], _SHEET)


def _colours(theme: Theme) -> dict[str, str]:
    """The theme's colours by name."""
    return {field.name: getattr(theme, field.name) for field in fields(theme)}


class _Current(QObject):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT


_current = _Current()
changed = _current.changed


def current() -> Theme:
    """The theme in use."""
    return _current.theme


def use(theme: Theme) -> None:
    """Switch to ``theme``; every part redraws itself on `changed`."""
    _current.theme = theme
    _current.changed.emit()


def apply(choice: str) -> None:
    """Dress the whole application: "light", "dark", or "system" for what the desktop uses."""
    dark = choice == "dark"
    if choice == "system":
        dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    theme = DARK if dark else LIGHT
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    sheet = style_sheet(theme)
    if application.styleSheet() != sheet:  # to set it again costs as much as the first time
        application.setStyle("Fusion")
        application.setPalette(palette(theme))
        application.setStyleSheet(sheet)
    if theme is not current():
        use(theme)


_SHEET = """
* { font-size: 12px; }
QMainWindow, QDialog, QMessageBox { background: @window; }
QLabel { color: @text; background: transparent; }
QLabel[role="heading"] { color: @muted; font-size: 10px; font-weight: 700; }
QLabel[role="title"] { font-size: 13px; font-weight: 700; }
QLabel[role="muted"] { color: @muted; }
QLabel:disabled { color: @faint; }
QFrame[role="panel"] { background: @panel; border: 1px solid @border; border-radius: 8px; }
QFrame[role="bar"] { background: @panel; border: none; }
QFrame[role="side-right"] { background: @panel; border: none; border-right: 1px solid @border; }
QFrame[role="side-left"] { background: @panel; border: none; border-left: 1px solid @border; }
QFrame[role="header"] { background: @panel; border: none; border-bottom: 1px solid @border; }
QMenuBar { background: @panel; color: @text; padding: 2px 6px; }
QMenuBar::item { padding: 4px 12px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: @hover; }
QMenu { background: @panel; color: @text; border: 1px solid @border; padding: 4px; }
QMenu::item { padding: 5px 28px 5px 26px; border-radius: 4px; }
QMenu::item:selected { background: @hover; }
QMenu::item:disabled { color: @faint; }
QMenu::separator { height: 1px; background: @border; margin: 4px 8px; }
QMenu::icon { padding-left: 6px; }
QToolTip { background: @panel; color: @text; border: 1px solid @border; padding: 4px 6px; }
QStatusBar { background: @panel; color: @muted; border-top: 1px solid @border; }
QStatusBar QLabel { color: @muted; font-size: 11px; }
QStatusBar::item { border: none; }
QSplitter::handle { background: transparent; }
QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit, QTextEdit, QListWidget,
#ticks {
  background: @raised; color: @text; border: 1px solid @border; border-radius: 5px;
  selection-background-color: @accent; selection-color: @accent_text; }
QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox { padding: 3px 8px; min-height: 20px; }
QAbstractSpinBox QLineEdit { background: transparent; border: none; padding: 0 0 0 6px;
  min-height: 0; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QListWidget:focus,
#ticks:focus, QPlainTextEdit:focus { border: 1px solid @accent; }
QPlainTextEdit[wrong="true"] { border: 1px solid @wrong; }
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {
  color: @faint; }
QLineEdit[role="name"] { background: transparent; border: 1px solid transparent; padding: 2px 4px;
  font-size: 15px; font-weight: 700; }
QLineEdit[role="name"]:hover { border: 1px solid @border; }
QLineEdit[role="name"]:focus { border: 1px solid @accent; background: @raised; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url(@down@); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: @panel; color: @text; border: 1px solid @border;
  selection-background-color: @hover; selection-color: @text; outline: none; padding: 2px; }
QSpinBox::up-button, QDoubleSpinBox::up-button { subcontrol-origin: border;
  subcontrol-position: top right; width: 18px; border: none; background: transparent; }
QSpinBox::down-button, QDoubleSpinBox::down-button { subcontrol-origin: border;
  subcontrol-position: bottom right; width: 18px; border: none; background: transparent; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url(@up@); width: 10px; height: 10px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url(@down@); width: 10px; height: 10px; }
QCheckBox { color: @text; spacing: 6px; background: transparent; }
QCheckBox::indicator, QListView::indicator, QTableView::indicator {
  width: 14px; height: 14px; border-radius: 4px;
  border: 1px solid @faint; background: @panel; }
QCheckBox::indicator:checked, QListView::indicator:checked,
QTableView::indicator:checked { background: @accent;
  border: 1px solid @accent; image: url(@check@); }
QCheckBox:focus { color: @accent; }
QListWidget, #ticks { outline: none; padding: 2px; }
QListWidget::item, #ticks::item { padding: 2px 4px; border-radius: 4px; color: @text; }
QListWidget::item:selected, #ticks::item:selected { background: @hover; color: @text; }
QPushButton { background: @raised; color: @text; border: 1px solid @border; border-radius: 5px;
  padding: 4px 12px; min-height: 18px; }
QPushButton:hover { background: @hover; }
QPushButton:pressed { background: @pressed; }
QPushButton:focus { border: 1px solid @accent; }
QPushButton:disabled { color: @faint; background: @raised; border: 1px solid @border; }
QPushButton[kind="go"] { background: @go; color: #ffffff; font-weight: 700; font-size: 13px;
  border: 1px solid @go; min-width: 70px; }
QPushButton[kind="go"]:hover { background: @go_hover; }
QPushButton[kind="go"]:focus { border: 1px solid @text; }
QPushButton[kind="go"]:disabled { background: @track; border: 1px solid @track; color: @muted; }
QPushButton[kind="more"] { background: @go; border: 1px solid @go; padding: 4px; min-width: 14px;
  max-width: 14px; }
QPushButton[kind="more"]:hover { background: @go_hover; }
QPushButton[kind="more"]:focus { border: 1px solid @text; }
QPushButton[kind="more"]::menu-indicator { image: url(@down_white@); width: 12px; height: 12px;
  subcontrol-origin: padding; subcontrol-position: center; }
QPushButton[kind="primary"] { background: @accent; color: @accent_text; font-weight: 700;
  border: 1px solid @accent; }
QPushButton[kind="primary"]:hover { background: @accent_hover; }
QPushButton[kind="primary"]:focus { border: 1px solid @text; }
QPushButton[kind="primary"]:disabled { background: @track; border-color: @track; color: @muted; }
QPushButton[kind="tool"] { padding: 4px; min-width: 22px; }
QPushButton[kind="link"] { background: transparent; border: none; color: @accent;
  padding: 2px 4px; }
QPushButton[kind="link"]:hover, QPushButton[kind="link"]:focus { text-decoration: underline; }
QPushButton[kind="segment"] { background: transparent; border: 1px solid transparent; color: @muted;
  padding: 2px 8px; }
QPushButton[kind="segment"]:hover { color: @text; }
QPushButton[kind="segment"]:checked { background: @hover; color: @accent; }
QPushButton[kind="segment"]:focus { border: 1px solid @accent; }
QPushButton[kind="fold"] { text-align: left; padding: 3px 16px 3px 8px; }
QPushButton[kind="fix"] { padding: 2px 10px; min-height: 16px; background: @panel; }
QPushButton[kind="fix"]:hover { background: @hover; }
QPushButton[kind="chip"] { padding: 1px 8px; min-height: 16px; background: @hover; color: @accent;
  border: 1px solid transparent; border-radius: 9px; }
QPushButton[kind="chip"]:hover { background: @pressed; }
QPushButton[kind="chip"]:focus { border: 1px solid @accent; }
QToolButton[kind="choice"] { background: @raised; color: @text; border: 1px solid @border;
  border-radius: 5px; padding: 4px 24px 4px 10px; min-height: 18px; }
QToolButton[kind="choice"]:hover { background: @hover; }
QToolButton[kind="choice"]:focus { border: 1px solid @accent; }
QToolButton[kind="choice"]:disabled { color: @faint; }
QToolButton[kind="choice"]::menu-indicator { image: url(@down@); width: 12px; height: 12px;
  subcontrol-origin: padding; subcontrol-position: center right; right: 8px; }
QProgressBar { background: @track; border: none; border-radius: 4px; min-height: 8px;
  max-height: 8px; }
QProgressBar::chunk { background: @accent; border-radius: 4px; }
QSlider { background: transparent; border: none; outline: none; min-height: 18px; }
QSlider::groove:horizontal { background: @track; height: 4px; border-radius: 2px; }
QSlider::sub-page:horizontal { background: @accent; height: 4px; border-radius: 2px; }
QSlider::handle:horizontal { background: @accent; width: 12px; height: 12px; margin: -4px 0;
  border-radius: 6px; border: 1px solid @panel; }
QSlider::handle:horizontal:focus { border: 1px solid @text; }
QSlider::handle:horizontal:disabled, QSlider::sub-page:horizontal:disabled {
  background: @faint; }
QTabWidget::pane { border: none; border-top: 1px solid @border; background: transparent; }
QTabWidget::tab-bar { left: 8px; }
QTabBar { background: transparent; }
QTabBar::tab { color: @muted; background: transparent; padding: 7px 14px 6px 14px;
  border: none; border-bottom: 2px solid transparent; font-size: 13px; }
QTabBar::tab:selected { color: @accent; font-weight: 700; border-bottom: 2px solid @accent; }
QTabBar::tab:hover:!selected { color: @text; }
QScrollArea, #inside { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @track; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 24px; }
QScrollBar::handle:horizontal { min-width: 24px; }
QScrollBar::handle:hover { background: @faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
"""
