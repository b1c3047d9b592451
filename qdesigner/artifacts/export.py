"""Write the script of a Design or a Run with all it needs beside it: weights, and golden images
with the logits that our own engine computes for them.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

import torch
from PIL import Image
from torch import nn

from qdesigner.artifacts.golden import TOLERANCE, Golden
from qdesigner.data.dataset import open_dataset
from qdesigner.data.images import UnusableImage, load_image, transform
from qdesigner.data.pictures import digits
from qdesigner.design.facts import data_facts
from qdesigner.design.spec import Design, DeviceSpec, preprocess
from qdesigner.errors import UserError
from qdesigner.export.beside import GOLDEN, STARTING_WEIGHTS, WEIGHTS
from qdesigner.export.script import script
from qdesigner.export.training import started
from qdesigner.model.build import build
from qdesigner.training.runs import Run

GOLDEN_IMAGES = 8
_DIGIT = "digits/"
_HIDDEN = frozenset(("torch", "torchvision", "pennylane", "numpy", "PIL", "sklearn", "scipy"))

Download = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class _Image:
    """A validation image: its file, or the row of a digit, and the place of its class."""

    path: Path | None
    row: int
    label: int


def export(
    target: Design | Run,
    path: Path,
    progress: Download | None = None,
    device: DeviceSpec | None = None,
) -> Path:
    """Write ``path`` and, beside it, a folder with weights and golden images; gives the script.

    A Run is exported with its best weights, a Design with its first ones; its circuits run on
    ``device``, on that of ``target`` for None. ``progress(what, done, total)`` is told of a
    download in bytes. Nothing is there before everything is; an export of the same name is
    replaced. Raises UserError when the place cannot be written, or the model or its images cannot
    be had.
    """
    path = path if path.suffix == ".py" else path.with_name(path.name + ".py")
    files = path.with_name(path.stem + "_files")
    _refuse(path, files)
    run = target if isinstance(target, Run) else None
    design = target.design if isinstance(target, Run) else target
    if device is not None:
        design = design.model_copy(update={"device": device})
    classes = run.classes if run else data_facts(design.data).classes
    text = script(design, classes, files.name, trained=run is not None)
    model = _trained(run) if run else build(_exact(design), len(classes), progress)
    images = _of_run(run) if run else _of_data(design)
    with _fresh_folder(path) as folder:
        _write_files(folder / "files", design, model, classes, images)
        if marks := tuple(f"{name}." for name in started(design)):
            first = build(_exact(design), len(classes), progress).state_dict()
            begun = {key: value for key, value in first.items() if key.startswith(marks)}
            _save(begun, folder / "files" / STARTING_WEIGHTS)
        (folder / "script").write_text(text, encoding="utf-8", newline="\n")
        _put_in_place(folder, path, files)
    return path


def _refuse(path: Path, files: Path) -> None:
    """Raise UserError for a place where no script can stand."""
    if path.stem in sys.stdlib_module_names | _HIDDEN:
        raise UserError(
            f"A script named {path.name!r} would hide the library {path.stem!r} from itself; "
            "choose another name."
        )
    if not path.parent.is_dir():
        raise UserError(f"The folder {str(path.parent)!r} does not exist; choose another place.")
    if path.is_dir():
        raise UserError(f"{str(path)!r} is a folder; choose another name.")
    if files.exists() and not (files / GOLDEN).is_file():
        raise UserError(
            f"{str(files)!r} is there already and no export of ours; choose another name."
        )


def _exact(design: Design) -> Design:
    """The design with its circuits on the built-in device, whatever devices are missing here."""
    return design.model_copy(update={"device": DeviceSpec()})


def _trained(run: Run) -> nn.Sequential:
    """The run's model with its best weights, its circuits on the built-in device."""
    split = run.split_of(run.load_checkpoint("best"), _exact(run.design))
    return split.whole().eval()


# ---- golden images -------------------------------------------------------------------------------


def _of_run(run: Run) -> list[_Image]:
    return [
        _Image(Path(row["path"]), -1, row["label"])
        if row["path"]
        else _Image(None, int(row["key"].removeprefix(_DIGIT)), row["label"])
        for row in run.items()
    ]


def _of_data(design: Design) -> list[_Image]:
    return [
        _Image(item.path, item.index, int(item.label))
        for item in open_dataset(design.data).validation
    ]


def _spread(images: Sequence[_Image], classes: int, wanted: int) -> Iterator[_Image]:
    """The images, one of each class in turn, ``wanted`` of them or one a class if that is more;
    files that are gone or broken by now are passed over."""
    usable = [filter(_usable, [i for i in images if i.label == label]) for label in range(classes)]
    in_turn = (image for row in zip_longest(*usable) for image in row if image is not None)
    return islice(in_turn, max(wanted, classes))


def _usable(image: _Image) -> bool:
    if image.path is None:
        return True
    try:
        load_image(image.path, 3)
    except UnusableImage:
        return False
    return True


def _write_files(
    folder: Path, design: Design, model: nn.Sequential, names: Sequence[str], images: list[_Image]
) -> None:
    """Weights, golden images and their logits into ``folder``."""
    (folder / "images").mkdir(parents=True)
    _save(model.state_dict(), folder / WEIGHTS)
    how = preprocess(design)
    prepare = transform(how)
    logits = Golden(design, model)
    entries = []
    for number, image in enumerate(_spread(images, len(names), GOLDEN_IMAGES), start=1):
        file = f"images/{number:02}-{_plain(names[image.label])}"
        if image.path is None:
            file += ".png"
            Image.fromarray(digits().array(image.row)).save(folder / file)
        else:
            file += image.path.suffix.lower()
            shutil.copyfile(image.path, folder / file)
        found = logits(prepare(load_image(folder / file, how.channels))[None])
        entries.append({"file": file, "class": names[image.label], **found})
    if not entries:
        raise UserError(
            "None of the validation images is there any more, so the export could not verify "
            "itself; put them back, or train again."
        )
    golden = {"tolerance": TOLERANCE, "images": entries}
    (folder / GOLDEN).write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


def _save(weights: dict[str, torch.Tensor], path: Path) -> None:
    """As torch.save does, but a full disk is the OSError that it is."""
    content = io.BytesIO()
    torch.save(weights, content)
    path.write_bytes(content.getbuffer())


def _plain(name: str) -> str:
    """A class's name as part of a file name that every system takes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "class"


# ---- in place at once ----------------------------------------------------------------------------


@contextmanager
def _fresh_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path``, gone afterwards; failing to write is a UserError."""
    try:
        with tempfile.TemporaryDirectory(
            prefix=f".{path.stem}-", dir=path.parent, ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)
    except OSError as error:
        raise UserError(
            f"The export cannot be written to {str(path.parent)!r}: {error.strerror or error}."
        ) from error


def _put_in_place(folder: Path, path: Path, files: Path) -> None:
    """Move the new folder and script to their places; an older folder comes back on failure."""
    old = folder / "old"
    if files.exists():
        files.rename(old)
    try:
        (folder / "files").rename(files)
        (folder / "script").replace(path)
    except OSError:
        if files.exists():
            files.rename(folder / "failed")
        if old.exists():
            old.rename(files)
        raise
