"""A stage's weights out of the run folder where they were trained."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from qdesigner.design import codec
from qdesigner.design.spec import Design, Stage
from qdesigner.errors import UserError
from qdesigner.model.backbones import content_hash
from qdesigner.paths import run_folder
from qdesigner.session import record

State = dict[str, torch.Tensor]
# Builds the stages of a design for so many outputs, by their ids.
Build = Callable[[Design, int], dict[str, nn.Module]]

_taken: list[tuple[str, str]] = []  # what is being taken: a run may have taken it from another


def load_from_run(stage: Stage, module: nn.Module, build: Build) -> None:
    """Give ``module`` the weights that the run of ``stage.weights`` has trained, of its best epoch.

    What that run itself kept frozen is made again by ``build``. Raises UserError when the run is
    gone or its stage does not fit.
    """
    with _taking(stage):
        state = _state(stage, module, build)
    wanted = module.state_dict()
    if stage.kind == "backbone":  # cut earlier than it was there, it needs less
        state = {key: value for key, value in state.items() if key in wanted}
    where = f"The weights of {_said(stage)} in the run {_name(stage)} do not fit: "
    advice = "; give it the settings that it has there, or random weights."
    odd = min(wanted.keys() ^ state.keys(), default="")
    if odd:
        raise UserError(f"{where}{odd!r} is only in one of the two{advice}")
    for key, value in state.items():
        if value.shape != wanted[key].shape:
            raise UserError(
                f"{where}{key!r} is {list(value.shape)} instead of {list(wanted[key].shape)}"
                f"{advice}"
            )
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(f"{where}{key!r} holds what is no number{advice}")
    module.load_state_dict(state)


def run_identity(stage: Stage) -> str:
    """A text that is equal exactly when `load_from_run` gives equal weights."""
    folder = _folder(stage)
    text = (folder / record.DESIGN).read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    return f"run/{stage.weights.stage}/{content_hash(folder / record.BEST)}/{digest}"


def _state(stage: Stage, module: nn.Module, build: Build) -> State:
    """The stage's weights in the run, named as in the module."""
    folder = _folder(stage)
    values = _checkpoint(folder / record.BEST, stage)
    design = _design(folder, values)
    name = stage.weights.stage
    if name not in {other.id for other in design.stages}:
        raise UserError(
            f"The run {_name(stage)} has no stage {name!r} for {_said(stage)} to take its weights "
            "from; choose another run, or random weights."
        )
    mark = f"{name}."
    trained = {
        key.removeprefix(mark): value
        for key, value in values["model"].items()
        if isinstance(key, str) and key.startswith(mark) and isinstance(value, torch.Tensor)
    }
    if trained.keys() >= module.state_dict().keys():
        return trained
    drawn = torch.get_rng_state()
    try:
        return {**build(design, _outputs(folder))[name].state_dict(), **trained}
    finally:
        torch.set_rng_state(drawn)


@contextmanager
def _taking(stage: Stage) -> Iterator[None]:
    """Raises UserError when runs take their weights from each other in a circle."""
    key = (stage.weights.path, stage.weights.stage)
    if key in _taken:
        raise UserError(
            f"The run {_name(stage)} takes the weights of {key[1]!r} from itself; choose another."
        )
    _taken.append(key)
    try:
        yield
    finally:
        _taken.remove(key)


def _folder(stage: Stage) -> Path:
    """The run's folder. Raises UserError when it is gone."""
    folder = run_folder(stage.weights.path)
    try:
        whole = all((folder / name).is_file() for name in (record.DESIGN, record.BEST))
    except OSError:
        whole = False
    if not whole:
        raise UserError(
            f"The run {_name(stage)}, from which {_said(stage)} takes its weights, is not there "
            f"any more (at {str(folder)!r}); choose another run, or random weights."
        )
    return folder


def _checkpoint(path: Path, stage: Stage) -> dict[str, Any]:
    try:
        with warnings.catch_warnings(action="ignore"):
            values = torch.load(path, weights_only=True, map_location="cpu")
        if isinstance(values["model"], dict):
            return dict(values)
    except Exception:  # a file from a stranger makes torch raise anything
        pass
    raise UserError(
        f"{path.name!r} of the run {_name(stage)}, from which {_said(stage)} takes its weights, is "
        "broken; choose another run, or random weights."
    )


def _design(folder: Path, values: dict[str, Any]) -> Design:
    text = values.get("design")
    if isinstance(text, str):
        return codec.loads(text, f"the checkpoint of {folder.name!r}")
    return codec.load(folder / record.DESIGN)


def _outputs(folder: Path) -> int:
    """How many numbers the run's model ends with."""
    try:
        classes = json.loads((folder / record.ABOUT).read_text(encoding="utf-8"))["classes"]
        return len(classes) or 1
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"The run {folder.name!r} is broken: run.json: {error}.") from error


def _said(stage: Stage) -> str:
    return f"{stage.row.label} ({stage.id})"


def _name(stage: Stage) -> str:
    return repr(run_folder(stage.weights.path).name)
