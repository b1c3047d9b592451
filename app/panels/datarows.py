"""The data's settings as rows, in groups: the inspector shows all of them, the Data tab each group
in its place. No widget here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.panels.rows import Row, command
from qdesigner.catalog import sources
from qdesigner.catalog.table import Columns
from qdesigner.circuit.fields import Field
from qdesigner.design import edits
from qdesigner.design.facts import serving
from qdesigner.design.spec import DataSpec, Design

SOURCES = {
    sources.DIGITS: "built-in digits",
    sources.FOLDER: "image folder",
    sources.FILES: "CSV of image files",
    sources.MNIST: "MNIST",
    sources.FASHION_MNIST: "FashionMNIST",
    sources.CIFAR10: "CIFAR-10",
    sources.HYMENOPTERA: "Hymenoptera",
    sources.TABLE: "table of numbers",
    sources.SPIRALS: "two spirals",
    sources.MOONS: "two moons",
}
_SOURCE = Field("source", "Source", "choice", sources.DIGITS, choices=tuple(SOURCES))
_PLACES = {
    sources.FOLDER: ("Folder", "folder", "Folders of images, one a class; or train/ and val/"),
    sources.FILES: ("File", "data", "A CSV of image files and their labels"),
    sources.TABLE: ("File", "data", "A CSV or Parquet file with a column for the label"),
}
_COPY = "A folder that holds the set already; without one it is downloaded"
_TASK = Field("task", "Predict", "choice", "classify", choices=("classify", "regress"))
_STANDARDISE = Field(
    "standardise", "Standardise", "bool", True,
    hint="Bring each column to mean 0 and deviation 1 of the training rows",
)  # fmt: skip
_POINTS = (
    Field("samples", "Points", "int", 400, 20, 100_000),
    Field("noise", "Noise", "float", 0.1, 0.0, 2.0, hint="Deviation of the points' displacement"),
)
_LIMIT = Field("limit", "Limit a class", "int", 0, 0, 10_000_000, hint="0: all")
_LIMIT_ROWS = Field("limit", "Limit", "int", 0, 0, 10_000_000, hint="0: all")
_BALANCED = Field(
    "balanced", "Balance", "bool", False,
    hint="Train on as many of every class as the smallest has",
)  # fmt: skip
_SHARES = (
    Field("validation", "Validation", "float", 0.25, 0.0, 0.9, hint="Share to validate on"),
    Field("test", "Test", "float", 0.0, 0.0, 0.9, hint="Share kept for a test"),
)
_HELD_OUT = Field(
    "held_out", "Held-out split", "choice", "validation", choices=("validation", "test"),
    hint="What the data's own held-out split is for; as the test it leaves a share of the "
    "training split to validate on",
)  # fmt: skip
_SEED = Field("seed", "Split seed", "int", 0, 0, 2**31 - 1, hint="Draws which sample goes where")
_SIZE = Field("size", "Image size (px)", "int", 0, 0, 1024, hint="0: the source's own")
_CHANNELS = Field("channels", "Colours", "choice", "0", choices=("0", "1", "3"))
_AUGMENTATION = (
    Field("flip", "Flip", "bool", False, hint="Mirror half of the images left to right"),
    Field("crop", "Crop", "float", 1.0, 0.05, 1.0,
          hint="Smallest share of the image that a random crop keeps; 1: no crop"),
    Field("rotation", "Turn (°)", "float", 0.0, 0.0, 180.0,
          hint="Largest angle, to either side"),
    Field("colour", "Colour", "float", 0.0, 0.0, 1.0,
          hint="Strength of changes of brightness, contrast and saturation; 0: none"),
    Field("variants", "Variants", "int", 0, 0, 64,
          hint="Fixed variants of each image, whose frozen features are computed once; "
          "with 0 they are drawn anew in each epoch; 0: anew"),
)  # fmt: skip


def data_rows(
    design: Design,
    available: Mapping[str, int],
    splits: tuple[str, ...],
    columns: Columns | None = None,
) -> list[Row]:
    """The data: only what has an effect on this source."""
    rows = [*source_rows(design), *table_rows(design, columns), *point_rows(design)]
    rows.append(
        command("data", "Look into the data…", "Pictures, counts, what is skipped or twice")
    )
    if available and design.data.task == "classify":
        rows.append(Row(
            Field("classes", "Classes", "choice", ""),
            lambda d: (d.data.classes, dict(available)),
            lambda d, names: edits.set_data(d, classes=names), look="classes",
        ))  # fmt: skip
    rows += split_rows(design, splits)
    if not design.data.rows:
        rows += [*size_rows(design), *augmentation_rows(design)]
    return rows


def source_rows(design: Design) -> list[Row]:
    """Where the data comes from."""
    source = Row(
        _SOURCE, lambda d: d.data.source, edits.use_source, tuple(SOURCES.values()), undo="data"
    )
    name = design.data.source
    if name in _PLACES:
        label, look, hint = _PLACES[name]
        place = Field("path", label, "choice", "", hint=hint)
        return [source, Row(place, lambda d: d.data.path, edits.use_source, look=look)]  # type: ignore[arg-type]
    if name in sources.DOWNLOADED:
        copy = Field("path", "Local copy", "choice", "", hint=_COPY)
        return [source, Row(
            copy, lambda d: d.data.path,
            lambda d, path: edits.use_source(d, d.data.source, path), look="folder",
        )]  # fmt: skip
    return [source]


def table_rows(design: Design, columns: Columns | None) -> list[Row]:
    """What a table's columns mean, once they are known."""
    data = design.data
    if data.source != sources.TABLE or columns is None or not data.path:
        return []
    names = columns.names if data.label in columns.names else ("", *columns.names)
    label = Field("label", "Label", "choice", "", choices=names, hint="The column to predict")
    rows = [Row(
        label, lambda d: d.data.label, lambda d, name: edits.use_label(d, columns, name), names
    )]  # fmt: skip
    if data.label in columns.numbers:
        rows.append(Row(_TASK, lambda d: d.data.task, edits.use_task, ("a class", "a number")))
    features = tuple(name for name in columns.numbers if name != data.label)
    rows.append(Row(
        Field("columns", "Features", "choice", "", hint="The columns that the model sees"),
        lambda d: (d.data.columns, features),
        lambda d, names: edits.set_data(d, columns=names), look="columns",
    ))  # fmt: skip
    rows.append(_data(_STANDARDISE))
    return rows


def point_rows(design: Design) -> list[Row]:
    """How points are generated."""
    generated = design.data.source in (sources.SPIRALS, sources.MOONS)
    return [_data(field) for field in _POINTS] if generated else []


def split_rows(design: Design, splits: tuple[str, ...]) -> list[Row]:
    """How many of a class, and which go where; ``splits`` are those that the data itself makes."""
    data = design.data
    rows = [_data(_LIMIT if data.task == "classify" else _LIMIT_ROWS)]
    if data.task == "classify":
        rows.append(_data(_BALANCED))
    if "validation" in splits and "test" not in splits:
        rows.append(_data(_HELD_OUT, ("validates", "tests")))
    served = serving(data, dict.fromkeys(splits))
    free = {"validation": "validation" not in served, "test": not splits}
    shares = [share for share in _SHARES if free[share.name]]
    rows += [_data(share) for share in shares]
    drawn = data.limit or data.balanced or data.source in (sources.SPIRALS, sources.MOONS)
    if shares or drawn:
        rows.append(_data(_SEED))
    return rows


def size_rows(design: Design) -> list[Row]:
    """What images are brought to; a backbone says that itself."""
    if design.backbone is not None:
        return []
    return [_data(_SIZE), Row(
        _CHANNELS, lambda d: str(d.data.channels),
        lambda d, value: edits.set_data(d, channels=int(value)),
        ("the source's own", "grey", "red green blue"),
    )]  # fmt: skip


def augmentation_rows(design: Design) -> list[Row]:
    """How training images are varied."""
    fields = _AUGMENTATION if design.data.augmentation.any else _AUGMENTATION[:-1]
    return [_augmentation(field) for field in fields]


def survey_spec(data: DataSpec) -> DataSpec:
    """The part of ``data`` that decides what a look through all of it finds."""
    plain = DataSpec()
    return data.but(
        classes=(), limit=0, balanced=False, augmentation=plain.augmentation, size=0, channels=0
    )  # type: ignore[no-any-return]


def _data(field: Field, texts: tuple[str, ...] = ()) -> Row:
    name = field.name
    return Row(
        field, lambda d: getattr(d.data, name),
        lambda d, value: edits.set_data(d, **{name: value}), texts,
    )  # fmt: skip


def _augmentation(field: Field) -> Row:
    name = field.name

    def put(design: Design, value: Any) -> Design:
        changed = design.data.augmentation.but(**{name: value})
        return edits.set_data(design, augmentation=changed)

    return Row(
        field, lambda d: getattr(d.data.augmentation, name), put,
        undo=f"augmentation: {field.label.lower()}",
    )  # fmt: skip
