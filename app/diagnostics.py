"""What one needs to know to look into a failure: versions, platform, design and last words."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from app.session import Session
from qdesigner.design import codec
from qdesigner.design.spec import Design

PACKAGES = (
    "qdesigner",
    "PySide6-Essentials",
    "numpy",
    "torch",
    "torchvision",
    "pennylane",
    "numba",
)


def diagnostics(design: Design, session: Session, lines: list[str]) -> str:
    """What one needs to know to look into a failure."""
    parts = [
        "qdesigner diagnostics",
        f"platform: {platform.platform()}, Python {platform.python_version()}",
        f"versions: {versions()}",
        f"session: {session.state}, run {session.run or 'none'}",
        "", "design:", codec.dumps(design), "log:", *lines,
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def versions() -> str:
    """The versions of what matters here; reads metadata and imports nothing."""
    return ", ".join(f"{name} {_version(name)}" for name in PACKAGES)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
