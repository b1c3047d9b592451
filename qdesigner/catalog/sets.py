"""The public sets of images that the program fetches: sizes, classes, files and their checksums."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qdesigner.catalog import sources
from qdesigner.errors import UserError
from qdesigner.paths import cache_folder


@dataclass(frozen=True, slots=True)
class Remote:
    """One file to fetch. ``checksum`` is the MD5 or SHA-256 of its content."""

    url: str
    checksum: str
    bytes: int

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A public set: side and channels of its images (0: photographs of any size), and how many
    images of each class it has in its own training and held-out splits."""

    label: str
    size: int
    channels: int
    train: dict[str, int]
    held: dict[str, int]
    files: tuple[Remote, ...]
    held_split: str = "test"

    @property
    def classes(self) -> tuple[str, ...]:
        """Its classes, in its own order."""
        return tuple(self.train)

    @property
    def bytes(self) -> int:
        """What is fetched."""
        return sum(file.bytes for file in self.files)


IDX_FILES = (
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
)  # fmt: skip
CIFAR_FOLDER = "cifar-10-batches-bin"
CIFAR_FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
HYMENOPTERA_FOLDER = "hymenoptera_data"

_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"


def _idx(mirror: str, *files: tuple[str, int]) -> tuple[Remote, ...]:
    return tuple(
        Remote(f"{mirror}/{name}.gz", checksum, size)
        for name, (checksum, size) in zip(IDX_FILES, files, strict=True)
    )


def _each(names: str, *counts: int) -> dict[str, int]:
    words = names.split(", ")
    return dict(zip(words, counts * len(words) if len(counts) == 1 else counts, strict=True))


_NUMERALS = "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
_CLOTHES = "T-shirt, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot"
_THINGS = "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck"

SETS: dict[str, ImageSet] = {
    sources.MNIST: ImageSet(
        "MNIST", 28, 1,
        _each(_NUMERALS, 5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        _each(_NUMERALS, 980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
        _idx(
            _MNIST,
            ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
            ("d53e105ee54ea40749a09fcbcd1e9432", 28_881),
            ("9fb629c4189551a2d022fa330f9573f3", 1_648_877),
            ("ec29112dd5afa0611ce80d1b7f02629c", 4_542),
        ),
    ),
    sources.FASHION_MNIST: ImageSet(
        "FashionMNIST", 28, 1, _each(_CLOTHES, 6000), _each(_CLOTHES, 1000),
        _idx(
            _FASHION,
            ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
            ("25c81989df183df01b3e8a0aad5dffbe", 29_515),
            ("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
            ("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
        ),
    ),
    # The binary version: the other one is a pickle, which could run code.
    sources.CIFAR10: ImageSet(
        "CIFAR-10", 32, 3, _each(_THINGS, 5000), _each(_THINGS, 1000),
        (
            Remote(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                170_052_171,
            ),
        ),
    ),
    sources.HYMENOPTERA: ImageSet(
        "Hymenoptera", 0, 3, {"ants": 123, "bees": 121}, {"ants": 70, "bees": 83},
        (
            Remote(
                "https://download.pytorch.org/tutorial/hymenoptera_data.zip",
                "fbc41b31d544714d18dd1230b1e2b455e1557766e13e67f9f5a7a23af7c02209",
                47_286_322,
            ),
        ),
        held_split="validation",
    ),
}  # fmt: skip


def fetched_folder(source: str) -> Path:
    """Where a set's files lie once they were downloaded, which is there whole or not at all."""
    return cache_folder() / "sets" / source / "files"


def local_copy(source: str, path: str) -> Path:
    """The folder with the files of a set's local copy: ``path`` itself, or where torchvision and
    the set's own archive put them below it. Raises UserError when they are not there."""
    root = Path(path)
    if source == sources.HYMENOPTERA:
        below = root / HYMENOPTERA_FOLDER
        return below if _is_folder(below) else root
    if source == sources.CIFAR10:
        folders, files = [root, root / CIFAR_FOLDER], CIFAR_FILES[:1]
    else:
        name = "MNIST" if source == sources.MNIST else "FashionMNIST"
        folders = [root, root / "raw", root / name / "raw"]
        files = IDX_FILES[:1]
    for folder in folders:
        if _is_file(folder / files[0]) or _is_file(folder / f"{files[0]}.gz"):
            return folder
    label = SETS[source].label
    if source == sources.CIFAR10 and _is_folder(root / "cifar-10-batches-py"):
        raise UserError(
            f"{path[:300]!r} holds the Python version of {label}, a pickle, which could run code; "
            "unpack cifar-10-binary.tar.gz there instead."
        )
    raise UserError(
        f"{path[:300]!r} holds no copy of {label}: {files[0]} is missing; choose its folder, or "
        "none to download it."
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
