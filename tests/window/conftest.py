"""Fixtures for the window's tests: Qt without a screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import TracebackType

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import (
    QCoreApplication,
    QEvent,
    QMessageLogContext,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication

from app import theme


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The one application of the test run."""
    app = QApplication.instance()
    return app if isinstance(app, QApplication) else QApplication([])


@pytest.fixture(autouse=True)
def _light() -> Iterator[None]:
    """Every test begins and ends in the light theme."""
    theme.use(theme.LIGHT)
    yield
    theme.use(theme.LIGHT)


# The offscreen platform says so of windows' sizes and menus' grabs; it means nothing.
HARMLESS = "This plugin does not support "


@pytest.fixture(autouse=True)
def _no_qt_warnings() -> Iterator[None]:
    """A warning from Qt fails the test that caused it."""
    said: list[str] = []

    def hear(kind: QtMsgType, _: QMessageLogContext, message: str) -> None:
        if kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg):
            return
        if not message.startswith(HARMLESS):
            said.append(message)

    before = qInstallMessageHandler(hear)
    yield
    qInstallMessageHandler(before)
    assert not said, f"Qt warned: {said}"


@pytest.fixture(autouse=True)
def _no_faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fault in a slot, which Qt only prints, fails the test that caused it."""
    faults: list[BaseException] = []

    def hear(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        faults.append(fault)
        sys.__excepthook__(kind, fault, trace)

    monkeypatch.setattr(sys, "excepthook", hear)
    yield
    assert not faults, f"a slot raised {faults}"


@pytest.fixture(autouse=True)
def _no_leftovers() -> Iterator[None]:
    """A test's windows end with it: they hold up no later one, in painting or in dressing."""
    yield
    if isinstance(QApplication.instance(), QApplication):
        for widget in QApplication.topLevelWidgets():
            shown = widget.isVisible() and widget.parent() is None
            widget.close()
            if shown:  # the hidden ones are menus and forms that end with their plots
                widget.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
