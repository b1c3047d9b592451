"""Entry point of ``qdesigner``: the core's verbs, and those that open a window.

A console script is imported again in every spawned child: nothing happens at import time here,
and Qt is imported inside functions only.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.core import TyperGroup

from qdesigner.cli import AsJson, cli, fail, sentences

# The libraries that Qt wants of a Linux system, and the Debian packages that hold them.
ALWAYS = {"libEGL.so.1": "libegl1", "libGL.so.1": "libgl1"}
ON_X = {
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
}


class FileFirst(TyperGroup):
    """A first word that is no verb is a file to open; no word at all opens the window."""

    def parse_args(self, context, arguments):
        """Put ``open`` before a file name."""
        if not arguments or (
            not arguments[0].startswith("-") and arguments[0] not in self.commands
        ):
            arguments = ["open", *arguments]
        return super().parse_args(context, arguments)


def has_display() -> bool:
    """Whether a window can be shown here (or Qt was told to draw offscreen)."""
    if os.environ.get("QT_QPA_PLATFORM") or sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def show_window(file: Path | None = None, quickstart: bool = False) -> NoReturn:
    """Run the window; without the system's libraries Qt would only abort, so they are named."""
    if missing := missing_libraries():
        fail(
            f"Qt cannot open a window here, for want of {', '.join(missing)}; on Debian and Ubuntu "
            f"install it by 'sudo apt-get install {' '.join(missing.values())}'."
        )
    from app.start import run_window

    raise typer.Exit(run_window(file, quickstart))


def missing_libraries() -> dict[str, str]:
    """What a Qt window needs of a Linux system and does not find: library to Debian package."""
    if sys.platform != "linux":
        return {}
    # Beside Wayland an X display is often there too, but Qt need not use it.
    elsewhere = os.environ.get("QT_QPA_PLATFORM") or os.environ.get("WAYLAND_DISPLAY")
    on_x = not elsewhere and bool(os.environ.get("DISPLAY"))
    return {
        library: package
        for library, package in (ALWAYS | (ON_X if on_x else {})).items()
        if not _loads(library)
    }


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


@cli.command("open")
def open_window(
    file: Annotated[str | None, typer.Argument(help="A project file to open.")] = None,
) -> None:
    """Open the window, with a project or with the last session. `qdesigner FILE` does the same."""
    if file is not None and not Path(file).exists():
        verbs = ", ".join(sorted(name for name in _verbs()))
        fail(f"There is no file {file!r}, and no verb of that name (verbs: {verbs}).")
    if not has_display():
        fail(
            "There is no display to open a window on. The verbs train, export, predict and bench "
            "work without one; see qdesigner --help."
        )
    show_window(Path(file) if file else None)


@cli.command()
def quickstart(
    headless: Annotated[bool, typer.Option("--headless", help="Train without a window.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train the embedded project: in the window, or without one where there is no display."""
    if not headless and not as_json and has_display():
        show_window(quickstart=True)
    if not headless and not has_display():
        print("There is no display, so the quickstart runs without its window.", file=sys.stderr)
    with sentences(as_json):
        from qdesigner.quickstart import run_headless

        run_headless(as_json)


def _verbs() -> list[str]:
    return [command.name or command.callback.__name__ for command in cli.registered_commands]


def main() -> None:
    """Run the command line."""
    multiprocessing.freeze_support()
    cli.info.cls = FileFirst
    cli(prog_name="qdesigner")


if __name__ == "__main__":
    main()
