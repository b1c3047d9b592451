"""Where things lie: shipped resources, and the user's own data and cache folders."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import platformdirs

SHIPPED = "shipped:"  # before the name of a run that comes with the program
_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Path of the shipped file ``name``, e.g. ``"templates/quickstart.qdesign"``.

    The wheel carries the top-level ``resources`` folder as ``qdesigner/_resources``; an editable
    install has only the checkout. Raises FileNotFoundError when neither holds the file.
    """
    for root in (_PACKAGE / "_resources", _PACKAGE.parent / "resources"):
        path = root / name
        if path.exists():
            return path
    raise FileNotFoundError(f"The installation is incomplete: resource {name!r} is missing.")


def run_folder(path: str) -> Path:
    """The folder of a run that a design names: ``path`` itself, or of ``"shipped:NAME"`` a run that
    comes with the program."""
    name = path.removeprefix(SHIPPED)
    if path == name:
        return Path(path)
    if re.fullmatch(r"[a-z0-9-]{1,64}", name):
        with contextlib.suppress(FileNotFoundError):
            return resource(f"runs/{name}")
    return Path("no-such-shipped-run", name.replace("/", "-"))


def data_folder() -> Path:
    """The user's data folder (runs, autosaves). ``QDESIGNER_HOME`` moves it, for tests."""
    home = os.environ.get("QDESIGNER_HOME")
    return Path(home) / "data" if home else Path(platformdirs.user_data_dir("qdesigner", False))


def cache_folder() -> Path:
    """The user's cache folder (features, compiled kernels): safe to delete at any time."""
    home = os.environ.get("QDESIGNER_HOME")
    return Path(home) / "cache" if home else Path(platformdirs.user_cache_dir("qdesigner", False))


def weights_folder() -> Path:
    """Where pretrained weights are kept: torch.hub's own folder, so that what any program has
    downloaded is there already. ``TORCH_HOME`` moves it."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser()
    return home / "hub" / "checkpoints"
