"""Public sets of images on this machine: a local copy, or the files fetched and unpacked once."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from qdesigner.catalog import sources
from qdesigner.catalog.sets import (
    CIFAR_FILES,
    CIFAR_FOLDER,
    HYMENOPTERA_FOLDER,
    SETS,
    Remote,
    fetched_folder,
    local_copy,
)
from qdesigner.data.download import DownloadError, Progress, download
from qdesigner.design.spec import DataSpec
from qdesigner.errors import UserError

_MOST_BYTES = 1 << 30  # that an archive may unpack to


def set_folder(spec: DataSpec, progress: Progress | None = None) -> Path:
    """The folder with a set's files; they are fetched when neither a local copy is named nor they
    were fetched before. ``progress`` is given (file, bytes so far, bytes in all). Raises
    UserError."""
    if spec.path:
        return local_copy(spec.source, spec.path)
    row = SETS[spec.source]
    done = fetched_folder(spec.source)
    home = done.parent
    if done.is_dir():
        return done
    try:
        for file in row.files:
            download(file.url, home / file.name, progress, file.checksum)
    except DownloadError as error:
        raise UserError(
            f"{row.label} could not be downloaded, {error}; try again (what came so far is kept), "
            "or choose a local copy of it."
        ) from error
    try:
        _unpack(spec.source, home, row.files, done)
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise UserError(f"{row.label} cannot be unpacked in {str(home)!r}: {error}.") from error
    return done


def is_here(spec: DataSpec) -> bool:
    """Whether the set needs no download."""
    return bool(spec.path) or fetched_folder(spec.source).is_dir()


def _unpack(source: str, home: Path, files: tuple[Remote, ...], done: Path) -> None:
    """Unpack what was fetched into ``done``, which is there whole or not at all; the archives are
    not kept."""
    with tempfile.TemporaryDirectory(dir=home, ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary) / "files"
        folder.mkdir()
        for file in files:
            _UNPACKERS.get(source, _gunzip)(home / file.name, folder)
        folder.rename(done)
    for file in files:
        (home / file.name).unlink(missing_ok=True)


def _gunzip(archive: Path, folder: Path) -> None:
    with gzip.open(archive) as file, (folder / archive.stem).open("wb") as out:
        shutil.copyfileobj(file, out)


def _cifar(archive: Path, folder: Path) -> None:
    """Only the six files of images are taken, by their names."""
    with tarfile.open(archive) as tar:
        for name in CIFAR_FILES:
            member = tar.extractfile(f"{CIFAR_FOLDER}/{name}")
            if member is None:
                raise tarfile.TarError(f"{name} is missing")
            with member, (folder / name).open("wb") as out:
                shutil.copyfileobj(member, out)


def _photographs(archive: Path, folder: Path) -> None:
    """Everything below the archive's own folder; names that lead elsewhere are passed over."""
    with zipfile.ZipFile(archive) as zipped:
        members = [info for info in zipped.infolist() if not info.is_dir()]
        if sum(info.file_size for info in members) > _MOST_BYTES:
            raise zipfile.BadZipFile("it is larger than it should be")
        for info in members:
            parts = Path(info.filename.removeprefix(f"{HYMENOPTERA_FOLDER}/")).parts
            if not parts or ".." in parts or Path(*parts).is_absolute():
                continue
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with zipped.open(info) as file, target.open("wb") as out:
                shutil.copyfileobj(file, out)


_UNPACKERS: dict[str, Callable[[Path, Path], None]] = {
    sources.CIFAR10: _cifar,
    sources.HYMENOPTERA: _photographs,
}
