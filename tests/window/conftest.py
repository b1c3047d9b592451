"""Fixtures for the window's tests: Qt without a screen."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

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
