"""A template put to the test: trained as its file says, held against its own goal, exported, and
the export made to verify itself."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdesigner.artifacts.export import export
from qdesigner.design.spec import Design, Goal
from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.training.evaluate import evaluate
from qdesigner.training.loop import train
from qdesigner.training.runs import Run

VERIFY_SECONDS = 600
LAST_LINES = 3  # of what a failed script says

Say = Callable[[str], None]


@dataclass(frozen=True)
class Proof:
    """What came of a template: ``value`` is its goal's metric on its goal's samples, with the
    weights of the epoch ``best`` that validated best; ``verified`` is "" or what the exported
    script said against itself."""

    name: str
    data: str
    goal: Goal
    value: float
    validation: float
    best: int
    epochs: int
    parameters: int
    seconds: float
    verified: str

    @property
    def held(self) -> bool:
        """Whether the goal is reached and the export verifies."""
        return self.goal.reached(self.value) and not self.verified

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "event": "proof", "template": self.name, "data": self.data,
            "goal": self.goal.model_dump(mode="json"), "value": self.value,
            "validation_accuracy": self.validation, "best_epoch": self.best, "epochs": self.epochs,
            "parameters": self.parameters, "seconds": self.seconds,
            "reached": self.goal.reached(self.value), "export": self.verified or "verified",
        }  # fmt: skip


def prove(
    name: str, design: Design, folder: Path | None = None, say: Say = lambda s: None
) -> Proof:
    """Train ``design`` fully, measure what its origin's goal asks for, export it and let the script
    verify itself in a process of its own.

    The run and the script go into ``folder``, into a temporary one for None. Raises UserError when
    it has no goal, or what training or exporting raises.
    """
    goal = design.origin.goal if design.origin is not None else None
    if goal is None:
        raise UserError(
            f"{design.name!r} declares no goal, so there is nothing to hold it against."
        )
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        heard: list[events.Epoch] = []

        def hear(event: events.Event) -> None:
            if isinstance(event, events.Epoch):
                heard.append(event)
                say(f"{name}: epoch {event.epoch} of {design.training.epochs}")
            elif isinstance(event, events.Progress):
                say(f"{name}: {event.what}")

        begun = time.perf_counter()
        run = train(design, hear, out=str(place / "run"))
        seconds = time.perf_counter() - begun
        assert run is not None
        best = next(epoch for epoch in reversed(heard) if epoch.best)
        say(f"{name}: {goal.split} samples")
        value = _value(goal, run.path, best)
        say(f"{name}: exporting")
        script = export(Run.open(run.path), place / f"{name}.py")
        say(f"{name}: the script verifies itself")
        return Proof(
            name, design.data.source, goal, value, best.val_accuracy, best.epoch, len(heard),
            _trained(run), seconds, verify(script),
        )  # fmt: skip


def _value(goal: Goal, folder: Path, best: events.Epoch) -> float:
    if goal.split == "validation":
        figures = {"accuracy": best.val_accuracy, "loss": best.val_loss, **best.metrics}
    else:
        found = evaluate(folder, Run.open(folder).design.device, goal.split)
        figures = {"accuracy": found.accuracy, "loss": found.loss, **found.metrics}
    return float(figures[goal.metric])


def _trained(run: Run) -> int:
    """How many weights were trained."""
    tail = run.split_of(run.load_checkpoint("best")).tail
    return sum(weight.numel() for weight in tail.parameters() if weight.requires_grad)


def verify(script: Path) -> str:
    """Run an exported script's ``--verify``; "" when it agrees with the program, or its words."""
    try:
        done = subprocess.run(
            [sys.executable, str(script), "--verify"], capture_output=True, text=True,
            encoding="utf-8", errors="replace", timeout=VERIFY_SECONDS, cwd=script.parent,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it did not end within {VERIFY_SECONDS} s"
    if done.returncode == 0:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:]
    return " ".join(said) or f"it ended with {done.returncode}"
