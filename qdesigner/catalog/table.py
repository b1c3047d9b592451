"""A table of numbers, read row by row: its columns, its rows, and why a row cannot be used."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdesigner.catalog.csvfile import csv_rows
from qdesigner.errors import UserError

PARQUET = (".parquet", ".pq")
TABLES = (".csv", ".tsv", ".txt", *PARQUET)
LABELS = ("label", "class", "target", "y", "species")
NO_FEATURES = ("", "id", "index", "unnamed: 0")  # columns that count rows, and say nothing of them
_LOOK = 1000  # rows by which a column counts as numbers
_MOST_CLASSES = 20  # a column of more different numbers is something to predict, not a class
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?"))


@dataclass(frozen=True, slots=True)
class Columns:
    """What a table's columns are: their ``names``, those that hold ``numbers``, and the label that
    suggests itself, with whether it is a number to predict. ``measured`` are the number columns
    that hold measurements rather than classes."""

    names: tuple[str, ...]
    numbers: tuple[str, ...]
    label: str
    regress: bool
    measured: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The number columns that suggest themselves as features of ``label``."""
        return features(self.numbers, self.label)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file (the first line of data is 1), features and label; ``reason``
    says why it cannot be used."""

    number: int
    values: tuple[float, ...] = ()
    label: str = ""
    reason: str = ""


def features(numbers: Sequence[str], label: str) -> tuple[str, ...]:
    """The number columns without the label and without those that only count rows."""
    found = tuple(name for name in numbers if name != label and name.lower() not in NO_FEATURES)
    return found or tuple(name for name in numbers if name != label)


def read_columns(path: Path, label: str = "") -> Columns:
    """Look at a table's first rows, with ``label`` as its label where that is one of its columns.
    Raises UserError."""
    names: list[str] = []
    cells: list[list[str]] = []
    for row in _lines(path):
        if not names:
            names = _names(path, row)
            continue
        cells.append(row)
        if len(cells) == _LOOK:
            break
    if not names:
        raise UserError(f"The table {str(path)[:300]!r} is empty.")
    if not cells:
        raise UserError(f"The table {str(path)[:300]!r} holds no rows below its column names.")
    by_column = {name: [row[k] for row in cells if k < len(row)] for k, name in enumerate(names)}
    numbers = tuple(name for name, column in by_column.items() if _are_numbers(column))
    if label not in names:
        label = next((n for n in names if n.lower() in LABELS), names[-1])
    measured = tuple(name for name in numbers if _are_measured(by_column[name]))
    return Columns(tuple(names), numbers, label, label in measured, measured)


def read_rows(
    path: Path, columns: Sequence[str], label: str, regress: bool = False
) -> Iterator[Row]:
    """Every row of a table, those that cannot be used with their reason. With ``label`` "" no label
    is asked for. Raises UserError: no such file or column."""
    lines = _lines(path)
    names = _names(path, next(lines, []))
    for wanted in (*columns, *([label] if label else [])):
        if wanted not in names:
            raise UserError(
                f"The table {path.name[:100]!r} has no column {wanted!r}; it has "
                f"{', '.join(names[:20])}{' …' if len(names) > 20 else ''}."
            )
    places = [names.index(name) for name in columns]
    target = names.index(label) if label else -1
    for count, cells in enumerate(lines, start=1):
        yield _row(count, cells, columns, places, target, regress)


def _row(
    count: int,
    cells: list[str],
    columns: Sequence[str],
    places: Sequence[int],
    target: int,
    regress: bool,
) -> Row:
    values = []
    for name, place in zip(columns, places, strict=True):
        cell = cells[place] if place < len(cells) else ""
        value = number(cell)
        if not math.isfinite(value):
            why = "is missing" if cell.lower() in MISSING else f"{cell[:40]!r} is not a number"
            return Row(count, reason=f"{name!r} {why}" if "missing" in why else f"{name!r}: {why}")
        values.append(value)
    if target < 0:
        return Row(count, tuple(values))
    text = cells[target] if target < len(cells) else ""
    if text.lower() in MISSING:
        return Row(count, reason="its label is missing")
    if regress and not math.isfinite(number(text)):
        return Row(count, reason=f"its label {text[:40]!r} is not a number")
    return Row(count, tuple(values), text)


def number(cell: str) -> float:
    """A cell as a number; one that is none, or does not fit single precision, is not a number."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if abs(value) < 3e38 else math.nan


def sorted_labels(labels: set[str]) -> tuple[str, ...]:
    """Classes in order: numbers by value, anything else by name."""
    if all(math.isfinite(number(label)) for label in labels):
        return tuple(sorted(labels, key=lambda label: (number(label), label)))
    return tuple(sorted(labels))


def _are_numbers(column: list[str]) -> bool:
    """Whether most cells of a column that are there hold a number."""
    there = [cell for cell in column if cell.lower() not in MISSING]
    return bool(there) and sum(math.isfinite(number(c)) for c in there) >= 0.9 * len(there)


def _are_measured(column: list[str]) -> bool:
    """Whether a column of numbers holds more, or finer, values than classes would have."""
    different = set(column) - MISSING
    return len(different) > _MOST_CLASSES or not all(number(c).is_integer() for c in different)


def _names(path: Path, cells: list[str]) -> list[str]:
    if not cells:
        raise UserError(f"The table {str(path)[:300]!r} is empty.")
    if all(math.isfinite(number(cell)) for cell in cells):
        raise UserError(
            f"The first line of {path.name[:100]!r} holds numbers: write the columns' names there."
        )
    if len(set(cells)) != len(cells):
        twice = next(name for name in cells if cells.count(name) > 1)
        raise UserError(f"The table {path.name[:100]!r} has two columns named {twice[:100]!r}.")
    return cells


def _lines(path: Path) -> Iterator[list[str]]:
    if path.suffix.lower() in PARQUET:
        return _parquet(path)
    return (cells for _, cells in csv_rows(path))


def _parquet(path: Path) -> Iterator[list[str]]:
    """The column names and then the rows of a Parquet file, cells as text."""
    shown = repr(str(path)[:300])
    if not path.is_file():
        raise UserError(f"The file {shown} does not exist; choose another one.")
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UserError(
            f"Parquet files like {path.name[:100]!r} need the package pyarrow; install it with "
            "pip install 'qdesigner[tables]', or save the table as CSV."
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            names = [str(name) for name in file.schema_arrow.names]
            yield names
            for batch in file.iter_batches(batch_size=4096):
                columns = [column.to_pylist() for column in batch.columns]
                for row in zip(*columns, strict=True):
                    yield [_text(value) for value in row]
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
        raise UserError(f"{shown} is not a Parquet file that can be read.") from error


def _text(value: Any) -> str:
    """A cell as a CSV would write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
