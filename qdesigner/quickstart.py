"""The quickstart without a window: train the embedded project, leave its script and a picture."""

from __future__ import annotations

import json
from pathlib import Path

from qdesigner.cli import open_design, run_training


def run_headless(as_json: bool, folder: Path = Path()) -> None:
    """Train, then write ``quickstart.py``, the run folder and ``quickstart.png`` in ``folder``.

    Raises UserError when they cannot be written.
    """
    design = open_design("quickstart")
    run = run_training(design, str(_fresh(folder / "quickstart_run")), "", as_json)

    from qdesigner.artifacts.export import export
    from qdesigner.training.picture import draw
    from qdesigner.training.runs import Run

    trained = Run.open(Path(run))
    script = export(trained, folder / "quickstart.py")
    picture = draw(trained, folder / "quickstart.png")
    if as_json:
        left = {"event": "exported", "path": str(script), "picture": str(picture)}
        print(json.dumps(left), flush=True)
    else:
        print(f"Wrote {script} (check it: python {script} --verify), {picture} and {run}")


def _fresh(path: Path) -> Path:
    """``path``, or the first of ``path-2``, ``path-3``, … that is free."""
    number, free = 2, path
    while free.exists():
        number, free = number + 1, path.with_name(f"{path.name}-{number}")
    return free
