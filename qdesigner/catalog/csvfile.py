"""Rows of a CSV file as text, whatever separates its columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from qdesigner.errors import UserError

MAX_COLUMNS = 4097  # 4096 features and a label
SEPARATORS = ",;\t"


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every line that is not empty, cells without blanks around them.

    Columns are separated by commas, semicolons or tabs, whichever the first line holds most of.
    Raises UserError when the file cannot be read as text.
    """
    shown = repr(str(path)[:300])
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            first = file.readline(1 << 20)
            if "\0" in first:
                raise UserError(f"{shown} is not a text file; give a CSV or a Parquet file.")
            separator = max(SEPARATORS, key=first.count)
            file.seek(0)
            rows = csv.reader(file, delimiter=separator, skipinitialspace=True)
            for row in rows:
                if len(row) > MAX_COLUMNS:
                    raise UserError(f"{shown} has more than {MAX_COLUMNS - 1:,} columns.")
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield rows.line_num, cells
    except FileNotFoundError as error:
        raise UserError(f"The file {shown} does not exist; choose another one.") from error
    except IsADirectoryError as error:
        raise UserError(f"{shown} is a folder; choose a CSV file.") from error
    except OSError as error:
        raise UserError(f"The file {shown} cannot be read: {error.strerror or error}.") from error
    except csv.Error as error:
        raise UserError(f"{shown} is not a CSV file: {error}.") from error
