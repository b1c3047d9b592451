"""A run's folder read for showing, without torch: what it trained, what happened, what it says.

The folder may come from a stranger, may belong to a run that is still going on, and may have been
left by one that was killed: sizes, types and shapes are checked before anything is used, and a
line cut short is left out. Nothing here opens the paths that the folder names.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin, get_type_hints

from qdesigner.design import codec
from qdesigner.design.spec import Design
from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.session.events import Epoch, Event, Failed, Finished, Predictions, Started, Stopped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The files of a run folder that more than one room looks for.
DESIGN, ABOUT = "design.json", "run.json"
LAST, BEST = "last.pt", "best.pt"  # checkpoints of the last and of the best epoch
# Of each epoch that is kept, 000012.npz (its predictions) and 000012.pt (its trained weights).
EPOCHS = "epochs"
# The designs that an edited run had before, 000012.json up to and with epoch 12.
DESIGNS = "designs"

MAX_TEXT = 512 * 1024 * 1024  # bytes of events.jsonl; a million steps need about 40 MB
MAX_SMALL_TEXT = 64 * 1024 * 1024  # bytes of run.json and of items.json
MAX_ARRAYS = 1024 * 1024 * 1024  # bytes of a run's predictions once unpacked
MAX_THUMBNAILS = 20_000
MAX_NUMBER = 2**53  # of an epoch, a step or a count: beyond it a float64 is not exact
THUMBNAIL = 64  # px: side of a thumbnail


@dataclass(frozen=True, slots=True)
class RunItem:
    """One validation sample. ``path`` is "" for one that is no file; it is data, not to be trusted.
    ``label`` is its class, or of a regression the number to predict."""

    key: str
    path: str
    label: float


@dataclass(frozen=True, slots=True)
class Record:
    """What a run folder says.

    ``state`` is "running" (or killed before it could say more), "finished", "stopped" or
    "failed". ``thumbnails`` [images, 64, 64, 3] may hold fewer images than ``items``, or be None.
    ``unreadable`` counts the lines of ``events.jsonl`` that were left out.
    """

    path: Path
    state: str
    classes: tuple[str, ...]
    design: Design
    events: tuple[Event, ...]
    items: tuple[RunItem, ...]
    predictions: Predictions | None
    thumbnails: NDArray[np.uint8] | None
    unreadable: int = 0


class Points(NamedTuple):
    """Samples of two features, in these features' own units: ``train`` [samples, 2] with their
    ``labels`` [samples], not all of very many, and ``validation`` [samples, 2]."""

    train: NDArray[Any]
    labels: NDArray[Any]
    validation: NDArray[Any]


def read_record(path: Path) -> Record:
    """Read a run folder. Raises UserError when it is none, or when a file in it is broken."""
    try:
        there, ours = path.exists(), (path / DESIGN).is_file()
    except OSError as error:
        raise UserError(f"The run {path.name[:80]!r} cannot be read: {error.strerror}.") from error
    if not there:
        raise UserError(f"The run {str(path)!r} is not there any more; train again.")
    if not ours:
        raise UserError(
            f"{str(path)!r} is not a run: choose a folder that holds design.json and events.jsonl."
        )
    design = codec.load(path / DESIGN)
    said, unreadable = _events(path / "events.jsonl")
    state, classes = _about(path / ABOUT, said)
    items = read_items(path, len(classes))
    predictions = _predictions(path / "predictions.npz", len(classes))
    if predictions is not None and items and len(items) != len(predictions.labels):
        raise UserError(
            f"The run {path.name!r} is broken: items.json names {len(items)} images and "
            f"predictions.npz holds {len(predictions.labels)}."
        )
    thumbnails = read_thumbnails(path)
    return Record(
        path, state, classes, design, said, items, predictions, thumbnails, unreadable
    )  # fmt: skip


def read_items(path: Path, classes: int) -> tuple[RunItem, ...]:
    """The validation images of the run at ``path``, in the order of its predictions.

    () while the run has not written them. Raises UserError when the file is broken.
    """
    file = path / "items.json"
    raw = _json(file)
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise _broken(file, "it holds no list of images")
    return tuple(_item(file, entry, classes) for entry in raw)


def read_events(path: Path) -> tuple[Event, ...]:
    """Everything that the run at ``path`` has said. Raises UserError."""
    return _events(path / "events.jsonl")[0]


def kept_epochs(path: Path) -> tuple[int, ...]:
    """The epochs of the run at ``path`` that one can go back to, in order."""
    folder = path / EPOCHS
    try:
        names = [entry.stem for entry in folder.glob("*.npz")]
    except OSError:
        return ()
    return tuple(sorted(int(name) for name in names if name.isascii() and name.isdecimal()))


def read_epoch(path: Path, epoch: int, classes: int) -> Predictions | None:
    """The predictions after one epoch, None when they are not kept. Raises UserError when the file
    is broken."""
    return _predictions(path / EPOCHS / f"{epoch:06d}.npz", classes)


def design_at(path: Path, epoch: int) -> Design:
    """The design that the run at ``path`` had in ``epoch``: that of before an edit, where there
    was one later. Raises UserError."""
    try:
        names = [entry.stem for entry in (path / DESIGNS).glob("*.json")]
    except OSError:
        names = []
    ends = sorted(int(name) for name in names if name.isascii() and name.isdecimal())
    last = next((end for end in ends if epoch <= end), None)
    return codec.load(path / DESIGN if last is None else path / DESIGNS / f"{last:06d}.json")


def read_plane(path: Path) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """The corners (low [2], high [2]) of the plane of a run's two-feature data, None without."""
    found = _arrays(path / "plane.npz")
    if found is None:
        return None
    file = path / "plane.npz"
    low, high = _numbers(file, found, "low", 1), _numbers(file, found, "high", 1)
    if low.shape != (2,) or high.shape != (2,):
        raise _broken(file, "its corners are not points of a plane")
    return low, high


def read_points(path: Path, classes: int) -> Points | None:
    """The samples of a run's two-feature data, None where the run has not written them."""
    file = path / "plane.npz"
    found = _arrays(file)
    if found is None or "train" not in found:
        return None
    train, labels = _numbers(file, found, "train", 2), _numbers(file, found, "train_labels", 1)
    validation = _numbers(file, found, "validation", 2)
    if train.shape != (len(labels), 2) or validation.shape[1] != 2:
        raise _broken(file, "its samples are not points of a plane")
    known = not classes or not len(labels) or 0 <= labels.min() <= labels.max() < classes
    if not known:
        raise _broken(file, f"a label in it is none of {classes} classes")
    return Points(train, labels, validation)


def read_scatter(path: Path) -> NDArray[Any] | None:
    """The first two principal components [images, 2] of what the trained part of a run gets of each
    validation image, None without."""
    found = _arrays(path / "scatter.npz")
    if found is None:
        return None
    rows = _numbers(path / "scatter.npz", found, "xy", 2)
    if rows.shape[1] != 2:
        raise _broken(path / "scatter.npz", "it holds no points of a plane")
    return rows


def read_thumbnails(path: Path) -> NDArray[np.uint8] | None:
    """Small pictures [images, 64, 64, 3] of the run's validation images, None when not written."""
    import numpy as np

    file = path / "thumbnails.npy"
    if not file.is_file():
        return None
    limit = MAX_THUMBNAILS * THUMBNAIL * THUMBNAIL * 3 + 4096
    if file.stat().st_size > limit:
        raise _broken(file, f"it is larger than {MAX_THUMBNAILS:,} thumbnails can be")
    try:
        # Read whole: a mapped file could not be replaced on Windows while the window shows it.
        array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise _broken(file, str(error)) from error
    if (
        not isinstance(array, np.ndarray)
        or array.dtype != np.uint8
        or array.shape[1:] != (THUMBNAIL, THUMBNAIL, 3)
    ):
        raise _broken(file, "it does not hold 64 × 64 colour pictures")
    return array


def _broken(file: Path, reason: str) -> UserError:
    reason = " ".join(reason.split()).rstrip(".")[:300]
    return UserError(f"{file.name} of the run {file.parent.name!r} cannot be used: {reason}.")


def _text(file: Path, limit: int) -> str | None:
    """The file's text, with unreadable bytes replaced; None when there is no such file."""
    try:
        if file.stat().st_size > limit:
            raise _broken(file, f"it is larger than {limit // 1024**2} MB")
        return file.read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _broken(file, error.strerror or "it cannot be read") from error


def _json(file: Path) -> Any:
    """The file's JSON value; None when there is no such file."""
    text = _text(file, MAX_SMALL_TEXT)
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(file, f"it is not whole JSON ({error})") from error


def _item(file: Path, entry: Any, classes: int) -> RunItem:
    if not isinstance(entry, dict):
        raise _broken(file, "an image in it has no key, path and label")
    key, path, label = entry.get("key"), entry.get("path"), entry.get("label")
    if not isinstance(key, str) or not isinstance(path, str | None):
        raise _broken(file, "an image in it has no key or path")
    if not classes and isinstance(label, int | float) and not isinstance(label, bool):
        return RunItem(key, path or "", float(label))
    if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < classes:
        raise _broken(file, f"the label of image {key[:80]!r} is none of {classes} classes")
    return RunItem(key, path or "", label)


def _about(file: Path, said: tuple[Event, ...]) -> tuple[str, tuple[str, ...]]:
    """State and classes, from run.json or else from the events."""
    raw = _json(file)
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise _broken(file, "it holds no description of a run")
    started = next((event for event in said if isinstance(event, Started)), None)
    classes = raw.get("classes", list(started.classes) if started else [])
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise _broken(file, "its classes are not a list of names")
    state = raw.get("state")
    if state not in ("running", "finished", "stopped", "failed"):
        ends = {Finished: "finished", Stopped: "stopped", Failed: "failed"}
        state = next((ends[type(e)] for e in reversed(said) if type(e) in ends), "running")
    return state, tuple(classes)


# ---- events -------------------------------------------------------------------------------------

_KINDS: Mapping[str, type[Event]] = {
    kind.__name__.lower(): kind
    for kind in (
        events.Ready, Started, events.Progress, events.Steps, Epoch, events.Paused,
        events.Resumed, Finished, Stopped, Failed, events.Exported, events.ExportFailed,
        events.Mark,
    )
}  # fmt: skip
_HINTS = {kind: get_type_hints(kind) for kind in _KINDS.values()}


def parse_event(line: str) -> Event | None:
    """The event that ``line`` of a run's events.jsonl tells of; None for one without a value of
    its own here (predictions, kinds of a newer version). Raises ValueError for any other line."""
    raw = json.loads(line)
    if not isinstance(raw, dict) or not isinstance(raw.get("event"), str):
        raise ValueError("not an event")
    kind = _KINDS.get(raw["event"])
    if kind is None:
        return None
    values: dict[str, Any] = {}
    for item in fields(kind):
        if item.name in raw and item.metadata.get("json", True):
            values[item.name] = _as(_HINTS[kind][item.name], raw[item.name])
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"no {item.name}")
    return kind(**values)


def _as(hint: Any, value: Any) -> Any:
    """``value`` of a JSON file as the type ``hint``. Raises ValueError."""
    if get_origin(hint) is tuple and isinstance(value, list):
        inner = get_args(hint)
        if inner[-1] is not Ellipsis:
            if len(inner) != len(value):
                raise ValueError("a row of the wrong length")
            return tuple(_as(h, v) for h, v in zip(inner, value, strict=True))
        return tuple(_as(inner[0], entry) for entry in value)
    if get_origin(hint) is dict and isinstance(value, dict):
        return {str(key): _as(get_args(hint)[1], entry) for key, entry in value.items()}
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint in (int, str, bool) and type(value) is hint:
        if hint is int and abs(value) > MAX_NUMBER:
            raise ValueError("a number too large")
        return value
    raise ValueError(f"{str(value)[:40]!r} is no {getattr(hint, '__name__', hint)}")


def _events(file: Path) -> tuple[tuple[Event, ...], int]:
    """All events that can be read, and how many lines cannot: a killed writer leaves such."""
    text = _text(file, MAX_TEXT) or ""
    said: list[Event] = []
    lines = unreadable = 0
    for line in text.splitlines():
        if not line.strip():
            continue
        lines += 1
        try:
            event = parse_event(line)
        except (ValueError, OverflowError, RecursionError):
            unreadable += 1
            continue
        if event is not None:
            said.append(event)
    if unreadable > 1 and unreadable == lines:
        raise _broken(file, "none of its lines is an event")
    return tuple(said), unreadable


# ---- predictions --------------------------------------------------------------------------------


def _arrays(file: Path) -> dict[str, Any] | None:
    """The arrays of an .npz file, None when there is none. Raises UserError."""
    import numpy as np

    if not file.is_file():
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_ARRAYS:
            raise _broken(file, f"it unpacks to more than {MAX_ARRAYS // 1024**2} MB")
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, SyntaxError, zipfile.BadZipFile) as error:
        raise _broken(file, str(error)) from error


def _predictions(file: Path, classes: int) -> Predictions | None:
    """Predictions of so many classes; 0 classes are those of a regression."""
    import numpy as np

    found = _arrays(file)
    if found is None:
        return None
    probabilities = _numbers(file, found, "probabilities", 2)
    labels = _numbers(file, found, "labels", 1)
    count = len(labels)
    if probabilities.shape != (count, classes or 1):
        shape = " × ".join(map(str, probabilities.shape))
        raise _broken(
            file, f"its probabilities are {shape} for {count} images of {classes} classes"
        )
    if classes and (
        labels.dtype.kind not in "iu" or (count and not 0 <= labels.min() <= labels.max() < classes)
    ):
        raise _broken(file, f"a label in it is none of {classes} classes")

    def by_stage(what: str, dimensions: int) -> dict[str, Any]:
        mark = f"{what}__"
        return {
            name: _numbers(file, found, f"{mark}{name}", dimensions) for name in _ids(found, mark)
        }

    angles, outputs = by_stage("angles", 2), by_stage("outputs", 2)
    if any(len(rows) != count for rows in (*angles.values(), *outputs.values())):
        raise _broken(file, f"its angles are not those of {count} images")
    boundary = _numbers(file, found, "boundary", 3) if "boundary" in found else None
    epoch = found.get("epoch")
    whole = isinstance(epoch, np.ndarray) and epoch.shape == () and epoch.dtype.kind in "iu"
    number = int(epoch) if whole and epoch is not None else 0
    return Predictions(
        number, probabilities, labels, angles, by_stage("weights", 1), outputs, boundary
    )


def _ids(found: Mapping[str, Any], prefix: str) -> Iterator[str]:
    yield from (name.removeprefix(prefix) for name in found if name.startswith(prefix))


def _numbers(file: Path, found: Mapping[str, Any], name: str, dimensions: int) -> NDArray[Any]:
    """One array of real numbers. Raises UserError."""
    import numpy as np

    array = found.get(name)
    if not isinstance(array, np.ndarray):
        raise _broken(file, f"it holds no array {name[:80]!r}")
    if array.ndim != dimensions or array.dtype.kind not in "iuf":
        raise _broken(file, f"{name[:80]!r} is not {dimensions}-dimensional or not numbers")
    return array
