"""What a person names as data: a source by its name, or a file or folder by what it holds."""

from __future__ import annotations

from pathlib import Path

from qdesigner.catalog import sources
from qdesigner.catalog.files import names_images
from qdesigner.catalog.sets import CIFAR_FILES, CIFAR_FOLDER, IDX_FILES
from qdesigner.catalog.sources import IMAGE_EXTENSIONS
from qdesigner.catalog.table import PARQUET, TABLES
from qdesigner.errors import UserError

NAMED = (sources.DIGITS, *sources.DOWNLOADED, sources.SPIRALS, sources.MOONS)


def recognise(text: str) -> tuple[str, str]:
    """(source, path) of what ``text`` names; a path is made absolute, a source's name has none.

    A folder of MNIST's or CIFAR-10's own files is that set, any other one a folder of images; a CSV
    is a list of image files where its lines name some, else a table. Raises UserError.
    """
    path = Path(text).expanduser()
    shown = repr(text[:300])
    try:
        text.encode()
        folder, file = path.is_dir(), path.is_file()
    except UnicodeEncodeError as error:
        raise UserError(f"The name {shown} is not text; rename it.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{shown} cannot be read; name another file or folder.") from error
    name = text.lower().replace("-", "_")
    if not (folder or file) and name in NAMED:
        return name, ""
    if folder:
        return _of_folder(path.absolute())
    ending = path.suffix.lower()
    if not file:
        raise UserError(
            f"There is no file or folder {shown}, and no source of that name ({', '.join(NAMED)})."
        )
    if ending in PARQUET:
        return sources.TABLE, str(path.absolute())
    if ending in TABLES:
        source = sources.FILES if names_images(path) else sources.TABLE
        return source, str(path.absolute())
    if ending in IMAGE_EXTENSIONS:
        raise UserError(f"{shown} is a single image; name the folder that holds the class folders.")
    raise UserError(
        f"{shown} is neither a folder of images nor a CSV or Parquet file; name one of these."
    )


def _of_folder(path: Path) -> tuple[str, str]:
    for folder in (path, path / "raw", path / "MNIST" / "raw", path / "FashionMNIST" / "raw"):
        if any((folder / f"{IDX_FILES[0]}{end}").is_file() for end in ("", ".gz")):
            fashion = "fashion" in "/".join(folder.parts[-3:]).lower()
            return (sources.FASHION_MNIST if fashion else sources.MNIST), str(path)
    if any((folder / CIFAR_FILES[0]).is_file() for folder in (path, path / CIFAR_FOLDER)):
        return sources.CIFAR10, str(path)
    return sources.FOLDER, str(path)
