"""What the window remembers between sessions: theme, sizes, recent files. A JSON file with a schema
number; anything in it that cannot be used is left out, so that it never stops the start."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from qdesigner.design.codec import write_text

_log = logging.getLogger(__name__)

SCHEMA = 1
MAX_RECENT = 10
THEMES = ("system", "light", "dark")


@dataclass
class Settings:
    """``geometry`` is Qt's own, as base64; ``splitters`` sizes in px by name; ``last`` the project
    that was open last, "" for one without a file; ``hidden`` panels by name."""

    theme: str = "system"
    geometry: str = ""
    splitters: dict[str, list[int]] = field(default_factory=dict)
    recent: list[str] = field(default_factory=list)
    last: str = ""
    hidden: list[str] = field(default_factory=list)
    folder: str = ""

    def remember(self, path: Path) -> None:
        """``path`` is the project opened or saved last."""
        name = str(path)
        self.recent = [name, *(other for other in self.recent if other != name)][:MAX_RECENT]
        self.last, self.folder = name, str(path.parent)


def settings_file() -> Path:
    """Where they lie. ``QDESIGNER_HOME`` moves it, for tests."""
    home = os.environ.get("QDESIGNER_HOME")
    folder = (
        Path(home) / "config" if home else Path(platformdirs.user_config_dir("qdesigner", False))
    )
    return folder / "settings.json"


def load(file: Path) -> Settings:
    """The settings in ``file``; defaults for what is missing or cannot be used."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("The settings cannot be read and start anew: %s", error)
        return Settings()
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        _log.warning("The settings are of another version and start anew.")
        return Settings()
    settings = Settings()
    for one in fields(settings):
        if one.name in raw and _usable(one.name, raw[one.name]):
            setattr(settings, one.name, raw[one.name])
    return settings


def save(settings: Settings, file: Path) -> None:
    """Write them; a folder that cannot be written costs only the memory."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        body = {"schema": SCHEMA, **asdict(settings)}
        write_text(file, json.dumps(body, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        _log.warning("The settings cannot be saved: %s", error)


def _usable(name: str, value: Any) -> bool:
    if name == "theme":
        return value in THEMES
    if name == "splitters":
        return isinstance(value, dict) and all(
            isinstance(sizes, list) and all(isinstance(s, int) and 0 <= s < 100_000 for s in sizes)
            for sizes in value.values()
        )
    if name in ("recent", "hidden"):
        return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    return isinstance(value, str)
