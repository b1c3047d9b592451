"""Samples that are rows of numbers: those of a table, and generated points."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qdesigner.catalog.folder import Skipped
from qdesigner.catalog.sources import POINT_NAMES
from qdesigner.catalog.table import number, read_rows, sorted_labels
from qdesigner.data.draw import drawn, limited
from qdesigner.data.items import SPLITS, Dataset, Floats, Item, Scaling
from qdesigner.data.points import points
from qdesigner.design.facts import chosen_classes, contents
from qdesigner.design.spec import DataSpec


def read_table(spec: DataSpec) -> Dataset:
    """The rows of a CSV or Parquet file that can be used. Raises UserError."""
    contents(spec)  # says what is not chosen yet
    values: list[tuple[float, ...]] = []
    labels: list[str] = []
    numbers: list[int] = []
    skipped: list[Skipped] = []
    regress = spec.task == "regress"
    name = Path(spec.path).name
    for row in read_rows(Path(spec.path), spec.columns, spec.label, regress):
        if row.reason:
            skipped.append(Skipped(f"{name}, row {row.number}", row.reason))
            continue
        values.append(row.values)
        labels.append(row.label)
        numbers.append(row.number)
    rows = np.array(values, np.float32).reshape(len(values), len(spec.columns))
    keys = [f"row/{place}" for place in numbers]
    classes = () if regress else chosen_classes(spec, sorted_labels(set(labels)))
    targets = [number(label) for label in labels] if regress else []
    data = _split(spec, classes, rows, keys, labels, targets)
    scaling = Scaling.none(spec.columns)
    if spec.standardise and data.train:
        learnt = [item.label for item in data.train] if regress else []
        scaling = Scaling.of(spec.columns, rows[[item.index for item in data.train]], learnt)
    return Dataset(
        classes, data.train, data.validation, data.test, tuple(skipped), rows=rows, scaling=scaling
    )


def read_points(spec: DataSpec) -> Dataset:
    """Two spirals or two moons."""
    xy, places = points(spec)
    keys = [f"{spec.source}/{number}" for number in range(len(xy))]
    classes = chosen_classes(spec, ("0", "1"))
    data = _split(spec, classes, xy, keys, [str(place) for place in places], [])
    return Dataset(
        classes, data.train, data.validation, data.test, rows=xy, scaling=Scaling.none(POINT_NAMES)
    )


def _split(
    spec: DataSpec,
    classes: tuple[str, ...],
    rows: Floats,
    keys: list[str],
    labels: list[str],
    targets: list[float],
) -> Dataset:
    """The rows as samples in their splits; ``targets`` are the numbers of a regression."""
    names = classes or ("",)
    pool: dict[str, list[int]] = {name: [] for name in names}
    for index, label in enumerate(labels):
        pool.get("" if targets else label, []).append(index)
    wanted = limited(spec, drawn(spec, names, {"all": pool}))
    items = {
        split: tuple(
            Item(keys[index], targets[index] if targets else label, None, index)
            for label, name in enumerate(names)
            for index in sorted(wanted[split, name])
        )
        for split in SPLITS
    }
    return Dataset(classes, items["train"], items["validation"], items["test"])
