"""The run folder: what a training run leaves on disk, written whole or not at all.

::

    design.json            the Design it trained, as a .qdesign document
    run.json               classes, seed, state, versions, engine, threads
    events.jsonl           one event a line, as the command line prints them
    items.json             the validation images in order
    scaling.json           of rows of numbers, the mean and deviation of each feature
    thumbnails.npy         uint8 [images, 64, 64, 3] of them
    scatter.npz            where they lie: principal components of what is trained on
    plane.npz              of two features, the corners of the plane that is asked everywhere, and
                           the samples in it
    predictions.npz        the last epoch's predictions; best_predictions.npz the best epoch's
    epochs/000012.npz, .pt predictions and trained weights after an epoch that is kept
    designs/000012.json    the Design up to and with an epoch, where it was edited afterwards
    last.pt, best.pt       trained weights; last.pt also the state of all that goes on
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import io
import json
import logging
import platform
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import nn

from qdesigner import paths
from qdesigner.data.dataset import Item, Scaling, known_key
from qdesigner.design import codec
from qdesigner.design.spec import Design
from qdesigner.errors import UserError
from qdesigner.model.build import Split
from qdesigner.session import record
from qdesigner.session.events import Event, Predictions
from qdesigner.session.record import read_items
from qdesigner.training.losses import Reading

SCALING = "scaling.json"  # means and deviations of a table's features

_log = logging.getLogger(__name__)
_PACKAGES = ("torch", "torchvision", "numpy", "numba", "pennylane", "qiskit")


class Run:
    """One run folder on disk. Open an old one with `Run.open`, begin one with `Run.begin`."""

    def __init__(self, path: Path, design: Design, about: dict[str, Any]) -> None:
        self.path = path
        self.design = design
        self.about = about
        self._events: FileIO | None = None
        # A lock that ends with its process: two that train into one folder would mix their files.
        self._lock = FileLock(path / ".lock", timeout=0)

    @staticmethod
    def begin(design: Design, out: str = "", **about: Any) -> Run:
        """A new, empty run folder at ``out``, or a fresh one in the user's data folder.

        Raises UserError when it cannot be made, or holds something already.
        """
        try:
            refuse_occupied(out)
            path = Path(out).absolute() if out else _fresh_folder(design.name)
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"The run folder {out or str(paths.data_folder())!r} cannot be made: "
                f"{error.strerror or error}; name another with --out."
            ) from error
        run = Run(path, design.without_run(), {**about, **_versions()})
        run.hold()
        try:
            run._write_text(record.DESIGN, codec.dumps(run.design))
            run.set_state("running")
        except BaseException:
            run.close()
            raise
        return run

    @staticmethod
    def open(path: Path) -> Run:
        """The run in a folder. Raises UserError when it is none."""
        if not (path / record.DESIGN).is_file():
            raise UserError(f"{str(path)!r} is not a run folder: it holds no design.json.")
        design = codec.load(path / record.DESIGN)
        try:
            about = json.loads((path / record.ABOUT).read_text(encoding="utf-8"))
            classes = about["classes"]
            if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
                raise ValueError("its classes are not names")
            if len(classes) < 2 and not (design.data.task == "regress" and not classes):
                raise ValueError("it has fewer than two classes")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"The run {path.name!r} is broken: run.json: {error}.") from error
        return Run(path, design, about)

    @staticmethod
    def open_for_resume(path: str) -> tuple[Run, dict[str, Any]]:
        """A run to go on with, its design that of the checkpoint, and the checkpoint. Raises
        UserError when it has none or is complete."""
        run = Run.open(Path(path).absolute())
        if run.about.get("state") == "finished":
            raise UserError(
                f"All epochs of the run {run.path.name!r} are done; train anew with more epochs."
            )
        values = run.load_checkpoint("last")
        run.hold()
        try:
            run.design = run.design_of(values)
        except BaseException:
            run.close()
            raise
        return run, values

    def hold(self) -> None:
        """Let nobody else train into this folder until `close`. Raises UserError."""
        try:
            self._lock.acquire()
        except Timeout as error:
            raise UserError(
                f"The run {self.path.name!r} is being trained by another process; wait for it."
            ) from error
        except (OSError, NotImplementedError) as error:
            _log.warning("The run folder cannot be locked: %s", error)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes it tells apart, in the order of the logits; none of a regression."""
        return tuple(self.about["classes"])

    @property
    def outputs(self) -> int:
        """How many numbers its model ends with."""
        return len(self.classes) or 1

    def set_design(self, design: Design) -> None:
        """Write what it trains now; nothing where that is what it says already."""
        self.design = design.without_run()
        text = codec.dumps(self.design)
        with self._writing(record.DESIGN):
            file = self.path / record.DESIGN
            if not file.is_file() or file.read_text(encoding="utf-8") != text:
                codec.write_text(file, text)

    def keep_design(self, epoch: int) -> None:
        """Keep what it trained up to and with this epoch: it is edited now."""
        file = self.path / record.DESIGNS / f"{epoch:06d}.json"
        with self._writing(f"{record.DESIGNS}/{file.name}"):
            if epoch and not file.exists():
                file.parent.mkdir(exist_ok=True)
                codec.write_text(file, codec.dumps(self.design))

    def set_state(self, state: str) -> None:
        """Write run.json: "running", "finished", "stopped" or "failed"."""
        self.about["state"] = state
        self._write_text(record.ABOUT, json.dumps(self.about, indent=1) + "\n")

    def record(self, event: Event) -> None:
        """Append one event to events.jsonl, as a whole line or not at all."""
        line = (json.dumps(event.to_json()) + "\n").encode()
        with self._writing("events.jsonl"):
            if self._events is None:
                file = self.path / "events.jsonl"
                _end_last_line(file)
                self._events = file.open("ab", buffering=0)
            before = self._events.seek(0, 2)
            try:
                while line:  # a disk that is nearly full takes a part first
                    line = line[self._events.write(line) :]
            except OSError:
                with contextlib.suppress(OSError):
                    self._events.truncate(before)
                raise

    def close(self) -> None:
        """Close the event file and let others train here."""
        if self._events is not None:
            with contextlib.suppress(OSError):  # a full disk was told of when it was written to
                self._events.close()
            self._events = None
        self._lock.release()

    def write_items(self, items: Sequence[Item], thumbnails: np.ndarray[Any, Any] | None) -> None:
        """The validation images: names, labels, and small pictures uint8 [n, 64, 64, 3] if any."""
        rows = [
            {"key": i.key, "path": str(i.path) if i.path else None, "label": i.label} for i in items
        ]
        self._write_text("items.json", json.dumps(rows) + "\n")
        if thumbnails is not None:
            self._replace(["thumbnails.npy"], lambda file: np.save(file, thumbnails))

    def items(self) -> list[dict[str, Any]]:
        """The validation images as written by `write_items`; the folder may be a stranger's."""
        rows = read_items(self.path, len(self.classes))
        if not rows:
            raise UserError(f"The run {self.path.name!r} has no image list.")
        for row in rows:
            if not row.path and not known_key(self.design.data, row.key):
                raise UserError(
                    f"The run {self.path.name!r} is broken: its image {row.key[:80]!r} is neither "
                    "a file nor a sample of its data."
                )
        return [{"key": row.key, "path": row.path or None, "label": row.label} for row in rows]

    def write_scaling(self, scaling: Scaling) -> None:
        """How its rows of numbers were scaled, for predictions to do the same."""
        self._write_text(SCALING, json.dumps(scaling.to_json()) + "\n")

    def scaling(self) -> Scaling:
        """As written by `write_scaling`. Raises UserError."""
        try:
            text = (self.path / SCALING).read_text(encoding="utf-8")
            return Scaling.from_json(json.loads(text))
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"The run {self.path.name!r} is broken: {SCALING}: {error}.") from error

    def write_plane(
        self,
        low: np.ndarray[Any, Any],
        high: np.ndarray[Any, Any],
        points: Mapping[str, np.ndarray[Any, Any]],
    ) -> None:
        """The corners [2] of the plane that `Predictions.boundary` stands for, and the samples in
        it (see `session.record.Points`)."""
        arrays: dict[str, Any] = {"low": low, "high": high, **points}
        self._replace(["plane.npz"], lambda file: np.savez(file, **arrays))

    def write_scatter(self, xy: np.ndarray[Any, Any]) -> None:
        """Points [n, 2] for the validation images."""
        self._replace(["scatter.npz"], lambda file: np.savez(file, xy=xy))

    @property
    def reading(self) -> Reading:
        """What its model's outputs mean. Raises UserError."""
        numbers = self.design.data.task == "regress"
        return Reading.of(self.design, self.scaling() if numbers else None)

    def write_predictions(self, names: Sequence[str], predictions: Predictions) -> None:
        """One Predictions event as arrays, in an .npz file of each of these names."""
        arrays = {
            "epoch": np.int64(predictions.epoch),
            "probabilities": predictions.probabilities,
            "labels": predictions.labels,
            **{f"angles__{stage}": a for stage, a in predictions.angles.items()},
            **{f"weights__{stage}": w for stage, w in predictions.weights.items()},
            **{f"outputs__{stage}": o for stage, o in predictions.outputs.items()},
        }
        if predictions.boundary is not None:
            arrays["boundary"] = predictions.boundary
        self._replace([f"{n}.npz" for n in names], lambda file: np.savez(file, **arrays))

    def save_checkpoint(self, names: Sequence[str], values: dict[str, Any]) -> None:
        """``values`` (tensors, numbers, text, and dicts and lists of them) in a .pt file of each of
        these names."""
        self._replace([f"{name}.pt" for name in names], lambda file: torch.save(values, file))

    def _write_text(self, name: str, text: str) -> None:
        with self._writing(name):
            codec.write_text(self.path / name, text)

    def _replace(self, names: Sequence[str], write: Callable[[io.BytesIO], object]) -> None:
        """Write files of the run that hold the same, each whole or not at all. Raises UserError."""
        content = io.BytesIO()  # NumPy and torch do not say "no space left" of a file; a write does
        write(content)
        for name in names:
            with self._writing(name):
                self._put(self.path / name, content)

    def _put(self, file: Path, content: io.BytesIO) -> None:
        temporary = file.with_name(f"{file.name}.tmp")
        try:
            if file.parent != self.path:
                file.parent.mkdir(exist_ok=True)
            temporary.write_bytes(content.getbuffer())
            temporary.replace(file)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """A failure to write as a UserError."""
        try:
            yield
        except OSError as error:
            if not self.path.is_dir():
                raise UserError(
                    f"The run folder {str(self.path)!r} is not there any more, so nothing can be "
                    "saved; put it back to go on with the run."
                ) from error
            raise UserError(
                f"{name} cannot be written to the run folder {str(self.path)!r}: "
                f"{error.strerror or error}. "
                "What was saved before is untouched."
            ) from error

    def load_checkpoint(self, name: str) -> dict[str, Any]:
        """A checkpoint as saved. Raises UserError when it is missing or broken."""
        path = self.path / f"{name}.pt"
        if not path.is_file():
            raise UserError(
                f"The run {self.path.name!r} has no checkpoint yet (its first epoch did not end); "
                "train again."
            )
        return self._load(path)

    def load_epoch(self, epoch: int) -> dict[str, Any]:
        """What was kept of an epoch, as a checkpoint; of 0 the newest checkpoint of all. Raises
        UserError when there is none."""
        if not epoch:
            return self.load_checkpoint("last")
        path = self.path / record.EPOCHS / f"{epoch:06d}.pt"
        if not path.is_file():
            raise UserError(
                f"The weights after epoch {epoch} of the run {self.path.name!r} are not kept; "
                "choose another epoch."
            )
        return self._load(path)

    def _load(self, path: Path) -> dict[str, Any]:
        try:
            with warnings.catch_warnings(action="ignore"):  # the sentence below says it all
                values = torch.load(path, weights_only=True, map_location="cpu")
        except Exception as error:
            raise UserError(f"{path.name!r} of the run {self.path.name!r} is broken.") from error
        if not isinstance(values, dict) or "model" not in values:
            raise UserError(f"{path.name!r} of {self.path.name!r} is not a checkpoint of ours.")
        return values

    def design_of(self, values: dict[str, Any]) -> Design:
        """The design that a checkpoint's weights are of: its own, as the run may have been edited
        since. Raises UserError."""
        text = values.get("design")
        if not isinstance(text, str):
            return self.design
        return codec.loads(text, f"the checkpoint of {self.path.name!r}")

    def split_of(self, values: dict[str, Any], design: Design | None = None) -> Split:
        """The model of a checkpoint with its weights; ``design`` is its own with another device.
        Raises UserError."""
        cut = values.get("cut")
        design = design or self.design_of(values)
        split = Split(design, self.outputs, cut=cut if isinstance(cut, int) else None)
        # Shots end what is computed once: frozen stages then stand in the tail, as they begin.
        before = design.stages[: cut if isinstance(cut, int) and cut > 0 else 0]
        still = tuple(f"{stage.id}." for stage in before)
        load_weights(split.tail, values["model"], self.path.name, still)
        return split

    def weights_at(self, epoch: int) -> dict[str, torch.Tensor]:
        """The weights that were trained, as the model's state [names], after an epoch that is kept
        (0: as they are in the newest checkpoint). Raises UserError."""
        weights: dict[str, torch.Tensor] = self.load_epoch(epoch)["model"]
        return weights

    def model_at(self, epoch: int) -> nn.Sequential:
        """The whole model, in eval mode, as it was after an epoch that is kept (0: as it is in the
        newest checkpoint): samples [batch, ...] -> [batch, outputs]. Raises UserError."""
        return self.split_of(self.load_epoch(epoch)).whole().eval()

    def model(self, best: bool = True) -> nn.Sequential:
        """The whole trained model in eval mode: samples [batch, ...] -> [batch, outputs]."""
        return self.split_of(self.load_checkpoint("best" if best else "last")).whole().eval()


def load_weights(
    tail: nn.Module, weights: dict[str, torch.Tensor], name: str, still: tuple[str, ...] = ()
) -> None:
    """Put a checkpoint's weights into a model; those whose names begin with one of ``still`` may be
    missing and stay. Raises UserError when they do not fit."""
    kept = {key: value for key, value in tail.state_dict().items() if key.startswith(still)}
    try:
        tail.load_state_dict({**kept, **weights} if still else weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise UserError(f"The checkpoint of {name!r} does not fit its own design.") from error


def refuse_occupied(out: str) -> None:
    """Raises UserError when ``out`` names a place where no new run can begin."""
    path = Path(out).absolute()
    if not out or not path.exists():
        return
    # Hidden files do not count: systems strew them about, and a run that never began leaves a lock.
    if not path.is_dir() or any(not entry.name.startswith(".") for entry in path.iterdir()):
        raise UserError(f"The run folder {str(path)!r} already holds something; name a new one.")


def _fresh_folder(name: str) -> Path:
    """A new folder in the user's data folder; two that ask in the same second get two."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "run"
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    root = paths.data_folder() / "runs"
    root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = root / (f"{slug}-{stamp}" if number == 1 else f"{slug}-{stamp}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


def _end_last_line(file: Path) -> None:
    """A writer that was killed may have left a line cut short; what follows begins a new one."""
    if not file.is_file():
        return
    with file.open("rb+") as raw:
        if raw.seek(0, 2):
            raw.seek(-1, 2)
            if raw.read(1) != b"\n":
                raw.write(b"\n")


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
