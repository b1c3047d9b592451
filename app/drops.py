"""What is dropped on the window: a project, data, or images to ask the run about."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QDropEvent

from qdesigner.catalog.sources import IMAGE_EXTENSIONS
from qdesigner.catalog.table import TABLES
from qdesigner.design.codec import SUFFIX


def dropped(event: QDropEvent) -> Path | None:
    """The project, folder or table that is being dropped."""
    paths = _paths(event)
    if len(paths) != 1:
        return None
    path = paths[0]
    return path if path.is_dir() or path.suffix.lower() in (SUFFIX, *TABLES) else None


def is_project(path: Path) -> bool:
    """Whether it is a project rather than data."""
    return path.suffix.lower() == SUFFIX and not path.is_dir()


def images_of(event: QDropEvent) -> list[str]:
    """The image files that are being dropped; () where there is anything else among them. They are
    told by their names: to look at each would make the window wait for a slow disk."""
    paths = _paths(event)
    only = all(path.suffix.lower() in IMAGE_EXTENSIONS for path in paths)
    return [str(path) for path in paths] if only else []


def _paths(event: QDropEvent) -> list[Path]:
    """The local files and folders of a drop; () where there is anything else in it."""
    urls = event.mimeData().urls()
    local = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    return local if len(local) == len(urls) else []
