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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from qdesigner.artifacts.golden import TOLERANCE, Golden, in_unit
from qdesigner.data.dataset import Dataset, Item, open_dataset, open_pictures
from qdesigner.data.images import UnusableImage, load_image, transform
from qdesigner.design.facts import data_facts
from qdesigner.design.spec import Design, DeviceSpec, preprocess
from qdesigner.errors import UserError
from qdesigner.export.beside import GOLDEN, STARTING_WEIGHTS, WEIGHTS
from qdesigner.export.losses import has_unit
from qdesigner.export.rows import standardises
from qdesigner.export.script import script
from qdesigner.export.training import started
from qdesigner.model.build import build
from qdesigner.training.runs import Run

GOLDEN_SAMPLES = 8
_HIDDEN = frozenset(("torch", "torchvision", "pennylane", "numpy", "PIL", "sklearn", "scipy"))

Download = Callable[[str, int, int], None]


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
    model = _trained(run) if run else build(_exact(design), len(classes) or 1, progress)
    data = _of_run(run) if run else open_dataset(design.data, fetching=progress)
    with _fresh_folder(path) as folder:
        _write_files(folder / "files", design, model, data)
        if marks := tuple(f"{name}." for name in started(design)):
            first = build(_exact(design), len(classes) or 1, progress).state_dict()
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


# ---- golden samples ------------------------------------------------------------------------------


def _of_run(run: Run) -> Dataset:
    """The validation samples that a run was judged by, as far as they are there."""
    spec, listed = run.design.data, run.items()
    if spec.rows:
        data = open_dataset(spec)
        known = {item.key: item for item in (*data.train, *data.validation, *data.test)}
        items = tuple(known[row["key"]] for row in listed if row["key"] in known)
        return Dataset(run.classes, (), items, rows=data.rows, scaling=run.scaling())
    if all(row["path"] for row in listed):
        items = tuple(Item(row["key"], row["label"], Path(row["path"])) for row in listed)
        return Dataset(run.classes, (), items)
    pictures = open_pictures(spec)
    items = tuple(
        Item(row["key"], row["label"], None, pictures.index(row["key"])) for row in listed
    )
    return Dataset(run.classes, (), items, pictures=pictures)


def _spread(data: Dataset) -> Iterator[Item]:
    """Validation samples, one of each class in turn, `GOLDEN_SAMPLES` of them or one a class if
    that is more; files that are gone or broken by now are passed over."""
    items, count = data.validation, len(data.classes)
    if not count:
        return iter(items[:: max(1, len(items) // GOLDEN_SAMPLES)][:GOLDEN_SAMPLES])
    usable = [filter(_usable, [i for i in items if i.label == label]) for label in range(count)]
    in_turn = (item for row in zip_longest(*usable) for item in row if item is not None)
    return islice(in_turn, max(GOLDEN_SAMPLES, count))


def _usable(item: Item) -> bool:
    if item.path is None:
        return True
    try:
        load_image(item.path, 3)
    except UnusableImage:
        return False
    return True


def _write_files(folder: Path, design: Design, model: nn.Sequential, data: Dataset) -> None:
    """Weights, golden samples and their logits into ``folder``."""
    (folder if data.rows is not None else folder / "images").mkdir(parents=True)
    _save({**_scaling(design, data), **model.state_dict()}, folder / WEIGHTS)
    logits = Golden(design, model)
    written = _rows if data.rows is not None else _images
    entries = list(written(folder, design, data, logits))
    if not entries:
        raise UserError(
            "None of the validation samples is there any more, so the export could not verify "
            "itself; put them back, or train again."
        )
    spread = data.scaling.label[1] if has_unit(design) and data.scaling is not None else 1.0
    golden = {
        "tolerance": TOLERANCE * max(1.0, spread),
        "rows" if data.rows is not None else "images": entries,
    }
    (folder / GOLDEN).write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


def _scaling(design: Design, data: Dataset) -> dict[str, torch.Tensor]:
    """The weights of the script's first module, which scales rows, and of its last, which gives a
    predicted number its own unit."""
    if not standardises(design) or data.scaling is None:
        return {}
    values = {
        "standardise.mean": torch.from_numpy(data.scaling.mean),
        "standardise.deviation": torch.from_numpy(data.scaling.deviation),
    }
    if has_unit(design):
        mean, deviation = data.scaling.label
        values["unit.mean"] = torch.tensor(mean, dtype=torch.float64)
        values["unit.deviation"] = torch.tensor(deviation, dtype=torch.float64)
    return values


def _images(folder: Path, design: Design, data: Dataset, logits: Golden) -> Iterator[Any]:
    how = preprocess(design)
    prepare = transform(how)
    for number, item in enumerate(_spread(data), start=1):
        name = data.classes[int(item.label)]
        file = f"images/{number:02}-{_plain(name)}"
        if item.path is None:
            file += ".png"
            assert data.pictures is not None
            Image.fromarray(data.pictures.array(item.index)).save(folder / file)
        else:
            file += item.path.suffix.lower()
            shutil.copyfile(item.path, folder / file)
        found = logits(prepare(load_image(folder / file, how.channels))[None])
        yield {"file": file, "class": name, **found}


def _rows(folder: Path, design: Design, data: Dataset, logits: Golden) -> Iterator[Any]:
    assert data.rows is not None
    for item in _spread(data):
        label = data.classes[int(item.label)] if data.classes else item.label
        found = logits(torch.from_numpy(data.values([item])))
        if has_unit(design) and data.scaling is not None:
            found = in_unit(found, data.scaling.label)
        yield {"row": data.rows[item.index].tolist(), "label": label, **found}


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
