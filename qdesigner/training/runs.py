"""The run folder: what a training run leaves on disk, written whole or not at all.

::

    design.json            the Design it trained, as a .qdesign document
    run.json               classes, seed, state, versions, engine, threads
    events.jsonl           one event a line, as the command line prints them
    items.json             the validation images in order
    thumbnails.npy         uint8 [images, 64, 64, 3] of them
    predictions.npz        the last epoch's predictions; best_predictions.npz the best epoch's
    last.pt, best.pt       trained weights; last.pt also the optimizer's and schedule's state
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import nn

from qdesigner import paths
from qdesigner.data.dataset import Item
from qdesigner.design import codec
from qdesigner.design.spec import Design
from qdesigner.errors import UserError
from qdesigner.model.build import Split
from qdesigner.session.events import Event, Predictions

_PACKAGES = ("torch", "torchvision", "numpy", "numba", "pennylane", "qiskit")


class Run:
    """One run folder on disk. Open an old one with `Run.open`, begin one with `Run.begin`."""

    def __init__(self, path: Path, design: Design, about: dict[str, Any]) -> None:
        self.path = path
        self.design = design
        self.about = about
        self._events: IO[str] | None = None

    @staticmethod
    def begin(design: Design, out: str = "", **about: Any) -> Run:
        """A new, empty run folder at ``out``, or a fresh one in the user's data folder.

        Raises UserError when it cannot be made, or holds something already.
        """
        path = Path(out).absolute() if out else _fresh_folder(design.name)
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise UserError(
                    f"The run folder {str(path)!r} already holds something; name a new one."
                )
            path.mkdir(parents=True, exist_ok=True)
            run = Run(path, design.without_run(), {**about, **_versions()})
            codec.write_text(path / "design.json", codec.dumps(run.design))
            run.set_state("running")
        except OSError as error:
            raise UserError(
                f"The run folder {str(path)!r} cannot be written: {error.strerror}."
            ) from error
        return run

    @staticmethod
    def open(path: Path) -> Run:
        """The run in a folder. Raises UserError when it is none."""
        if not (path / "design.json").is_file():
            raise UserError(f"{str(path)!r} is not a run folder: it holds no design.json.")
        design = codec.load(path / "design.json")
        try:
            about = json.loads((path / "run.json").read_text(encoding="utf-8"))
            if not isinstance(about, dict) or not all(
                isinstance(name, str) for name in about["classes"]
            ):
                raise ValueError("its classes are not names")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"The run {path.name!r} is broken: run.json: {error}.") from error
        return Run(path, design, about)

    @staticmethod
    def open_for_resume(path: str) -> Run:
        """A run to go on with. Raises UserError when it has no checkpoint or is complete."""
        run = Run.open(Path(path))
        if run.about.get("state") == "finished":
            raise UserError(
                f"All epochs of the run {run.path.name!r} are done; train anew with more epochs."
            )
        run.load_checkpoint("last")
        return run

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes it tells apart, in the order of the logits."""
        return tuple(self.about["classes"])

    def set_state(self, state: str) -> None:
        """Write run.json: "running", "finished", "stopped" or "failed"."""
        self.about["state"] = state
        codec.write_text(self.path / "run.json", json.dumps(self.about, indent=1) + "\n")

    def record(self, event: Event) -> None:
        """Append one event to events.jsonl."""
        if self._events is None:
            self._events = (self.path / "events.jsonl").open("a", encoding="utf-8", newline="\n")
        self._events.write(json.dumps(event.to_json()) + "\n")
        self._events.flush()

    def close(self) -> None:
        """Close the event file."""
        if self._events is not None:
            self._events.close()
            self._events = None

    def write_items(self, items: Sequence[Item], thumbnails: np.ndarray[Any, Any]) -> None:
        """The validation images: names, labels, and small pictures uint8 [n, 64, 64, 3]."""
        rows = [
            {"key": i.key, "path": str(i.path) if i.path else None, "label": i.label} for i in items
        ]
        codec.write_text(self.path / "items.json", json.dumps(rows) + "\n")
        with (self.path / "thumbnails.tmp").open("wb") as file:
            np.save(file, thumbnails)
        (self.path / "thumbnails.tmp").replace(self.path / "thumbnails.npy")

    def items(self) -> list[dict[str, Any]]:
        """The validation images as written by `write_items`."""
        try:
            rows = json.loads((self.path / "items.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"The run {self.path.name!r} has no image list: {error}.") from error
        return list(rows)

    def write_predictions(self, name: str, predictions: Predictions) -> None:
        """One Predictions event as arrays, in ``name``.npz."""
        arrays = {
            "epoch": np.int64(predictions.epoch),
            "probabilities": predictions.probabilities,
            "labels": predictions.labels,
            **{f"angles__{stage}": a for stage, a in predictions.angles.items()},
            **{f"weights__{stage}": w for stage, w in predictions.weights.items()},
        }
        temporary = self.path / f"{name}.tmp"
        with temporary.open("wb") as file:
            np.savez(file, **arrays)
        temporary.replace(self.path / f"{name}.npz")

    def save_checkpoint(self, name: str, values: dict[str, Any]) -> None:
        """``values`` (tensors, numbers, text, and dicts and lists of them) as ``name``.pt."""
        temporary = self.path / f"{name}.tmp"
        torch.save(values, temporary)
        temporary.replace(self.path / f"{name}.pt")

    def load_checkpoint(self, name: str) -> dict[str, Any]:
        """A checkpoint as saved. Raises UserError when it is missing or broken."""
        path = self.path / f"{name}.pt"
        if not path.is_file():
            raise UserError(
                f"The run {self.path.name!r} has no checkpoint yet (its first epoch did not end); "
                "train again."
            )
        try:
            values = torch.load(path, weights_only=True, map_location="cpu")
        except Exception as error:
            raise UserError(f"{path.name!r} of the run {self.path.name!r} is broken.") from error
        if not isinstance(values, dict) or "model" not in values:
            raise UserError(f"{path.name!r} of {self.path.name!r} is not a checkpoint of ours.")
        return values

    def model(self, best: bool = True) -> nn.Sequential:
        """The whole trained model in eval mode: images [batch, C, H, W] -> [batch, classes]."""
        values = self.load_checkpoint("best" if best else "last")
        split = Split(self.design, len(self.classes))
        load_weights(split.tail, values["model"], self.path.name)
        return split.whole().eval()


def load_weights(tail: nn.Module, weights: dict[str, torch.Tensor], name: str) -> None:
    """Put a checkpoint's weights into a model. Raises UserError when they do not fit."""
    try:
        tail.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise UserError(f"The checkpoint of {name!r} does not fit its own design.") from error


def _fresh_folder(name: str) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "run"
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    root = paths.data_folder() / "runs"
    path, number = root / f"{slug}-{stamp}", 2
    while path.exists():
        path, number = root / f"{slug}-{stamp}-{number}", number + 1
    return path


def _versions() -> dict[str, Any]:
    def version(package: str) -> str:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return "not installed"

    from qdesigner import __version__

    versions = {package: version(package) for package in _PACKAGES}
    return {
        "versions": {"qdesigner": __version__, "python": platform.python_version(), **versions},
        "platform": platform.platform(),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
