"""Build a backbone with its weights: images in, features out."""

from __future__ import annotations

import hashlib
import importlib
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from qdesigner.catalog.backbones import BACKBONES, EMBEDDED, Backbone
from qdesigner.data import memo
from qdesigner.data.weights import fetch_weights
from qdesigner.design.spec import Stage
from qdesigner.errors import UserError
from qdesigner.model.places import bare, edit
from qdesigner.paths import resource

Progress = Callable[[str, int, int], None]
State = dict[str, torch.Tensor]

# Under these names training scripts keep the weights beside the optimizer's state, and
# DataParallel puts its own name before each of them.
WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIX = "module."
# GoogLeNet and Inception have two more classifiers, which are of no use behind training.
_SECOND_CLASSIFIERS = ("aux1.", "aux2.", "AuxLogits.")


def build_backbone(stage: Stage, progress: Progress | None = None) -> nn.Module:
    """The stage's backbone without its head, cut where it says: images [B, C, H, W] to features
    [B, F].

    Random weights come from torch's global generator. ``progress`` follows a download: (file,
    bytes so far, bytes in all or 0). Raises UserError when the weights cannot be had or do not
    fit.
    """
    row = BACKBONES[stage.settings.text("model")]
    model = bare(row.name)
    gone = edit(model, row.edits(stage.settings.text("cut")))
    if stage.weights.origin in ("random", "run"):  # a run's are put into it by whoever builds all
        return model
    path, advice = _weights_file(stage, row, progress)
    state = read_weights(path, advice)
    spare = gone | {key for key in state if key.startswith(_SECOND_CLASSIFIERS)}
    _load(model, {k: v for k, v in state.items() if k not in spare}, row, path)
    return model


def weights_identity(stage: Stage, seed: int) -> str:
    """A text that is equal exactly when ``build_backbone`` gives equal weights.

    ``seed`` is what torch's generator is given before; it matters for random weights alone.
    """
    row = BACKBONES[stage.settings.text("model")]
    if stage.weights.origin == "random":
        return f"random/{row.name}/{seed}"
    if stage.weights.origin == "pretrained" and row.name != EMBEDDED:
        return f"torchvision/{row.file}"
    path, _ = _weights_file(stage, row, None)
    return f"file/{row.name}/{content_hash(path)}"


def read_weights(path: Path, advice: str = "") -> State:
    """A state dict from a PyTorch or a .safetensors file; code in it is never run.

    Raises UserError when the file is missing or holds anything else; ``advice`` ends the sentence.
    """
    end = f"; {advice}." if advice else "."
    if not path.is_file():
        raise UserError(f"The file of weights {str(path)!r} does not exist{end}")
    try:
        state = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    except UserError:
        raise
    except Exception as error:  # a file from a stranger makes the unpickler raise anything
        raise UserError(f"{str(path)!r} {_reason(error)}{end}") from error
    state = _unwrapped(state)
    if not isinstance(state, Mapping) or not state:
        raise UserError(f"{str(path)!r} holds no state dict of weights{end}")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise UserError(f"{str(path)!r} holds no state dict: {key!r} is not a tensor{end}")
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(f"{str(path)!r} holds weights that are not numbers, in {key!r}{end}")
    return dict(state)


def _torch(path: Path) -> Any:
    with warnings.catch_warnings(action="ignore"):  # what torch says of a file, we say ourselves
        return torch.load(path, map_location="cpu", weights_only=True)


def _reason(error: Exception) -> str:
    """Why a file gives no weights, by what torch says of it."""
    said = str(error).lower()
    if "torchscript" in said:
        return "is a TorchScript program (its model's state_dict() would do)"
    if "unsupported global" in said or "unsupported class" in said:
        return (
            "holds a whole model or other Python objects, which could run code when they are "
            "loaded (the model's state_dict() would do)"
        )
    return "is not a file of PyTorch weights, or is broken"


def _unwrapped(state: Any) -> Any:
    """The weights out of a training script's checkpoint, without DataParallel's prefix."""
    if isinstance(state, Mapping):
        inner = [state[name] for name in WRAPPERS if isinstance(state.get(name), Mapping)]
        state = inner[0] if len(inner) == 1 else state
    if (
        isinstance(state, Mapping)
        and state
        and all(isinstance(key, str) and key.startswith(PREFIX) for key in state)
    ):
        state = {key.removeprefix(PREFIX): value for key, value in state.items()}
    return state


def _safetensors(path: Path) -> Any:
    try:
        library = importlib.import_module("safetensors.torch")
    except ImportError as error:
        raise UserError(
            f"{str(path)!r} needs the package safetensors; install it with "
            "'pip install safetensors', or give a .pth file."
        ) from error
    return library.load_file(path)


def _weights_file(stage: Stage, row: Backbone, progress: Progress | None) -> tuple[Path, str]:
    """The file the weights come from, downloaded if need be, and what to do if it is no good."""
    if stage.weights.origin == "file":
        return Path(stage.weights.path), "choose the model's own weights, or random ones"
    if row.name == EMBEDDED:
        return resource("embedded_backbone.pt"), "install qdesigner again"
    path = fetch_weights(row, progress)
    return path, "delete it, and it is downloaded again"


def _load(model: nn.Module, state: State, row: Backbone, path: Path) -> None:
    wanted = model.state_dict()
    where = f"The weights in {str(path)!r} are not those of {row.label}: "
    for problem, keys in (
        ("is missing", wanted.keys() - state.keys()),
        ("is not part of it", state.keys() - wanted.keys()),
    ):
        if keys:
            more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
            raise UserError(f"{where}{min(keys)!r}{more} {problem}; choose another file.")
    for key, value in state.items():
        if value.shape != wanted[key].shape:
            raise UserError(
                f"{where}{key!r} is {list(value.shape)} instead of {list(wanted[key].shape)}; "
                "choose another file."
            )
    model.load_state_dict(state)


def content_hash(path: Path) -> str:
    """SHA-256 of a file, remembered by its path, size and time. Raises UserError if it is gone."""
    stamp = memo.stamp(path)
    if stamp is None:
        raise UserError(f"The file of weights {str(path)!r} does not exist; choose another file.")
    known = memo.recall("weights", [stamp])
    if stamp not in known:
        with path.open("rb") as file:
            known[stamp] = memo.Finding(hashlib.file_digest(file, "sha256").digest())
        memo.remember("weights", list(known.items()))
    return known[stamp].digest.hex()
