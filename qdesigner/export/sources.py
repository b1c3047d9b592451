"""Source text that reads the samples to train on, by the design's source: what ``--train`` takes,
and the functions behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qdesigner.catalog import files as lists
from qdesigner.catalog import sources
from qdesigner.catalog.sets import CIFAR_FILES, CIFAR_FOLDER, HYMENOPTERA_FOLDER, SETS
from qdesigner.catalog.sources import IMAGE_EXTENSIONS
from qdesigner.design.spec import Design
from qdesigner.export.rows import points, table
from qdesigner.export.source import bracketed, filled, quoted

_FILES = '''

def usable(path: Path) -> bool:
    """Whether the file holds a picture; one that does not is named and left out."""
    try:
        load_image(path)
    except Exception as error:  # Pillow raises many kinds on a broken file
        print(f"skipped {path}: {error}", file=sys.stderr)
        return False
    return True
'''

_FOLDER = '''

def image_files(folder: Path) -> list[Path]:
    """The image files below a folder, in order of name."""
    files = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    return [path for path in files if path.suffix.lower() in IMAGE_TYPES]


def read_folder(root: Path) -> tuple[list[Item], list[Item]]:
    """Training and validation images of a folder with train/ and val/, or one folder a class."""
    if not root.is_dir():
        sys.exit(f"{root} is not a folder")
    folders = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
    held = folders.get("validation") or folders.get("valid") or folders.get("val")
    <<served>>
    parts = {"all": root}
    if "train" in folders:
        parts = {"train": folders["train"], **({"validation": held} if held else {})}
    return choose({part: {c: image_files(at / c) for c in CLASSES} for part, at in parts.items()})
'''

_LIST = '''

def csv_rows(path: Path) -> list[list[str]]:
    """The cells of every line that is not empty; a comma, semicolon or tab stands between them."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = file.readline()
        file.seek(0)
        lines = csv.reader(file, delimiter=max(",;\\t", key=first.count), skipinitialspace=True)
        rows = [[cell.strip() for cell in line] for line in lines]
    return [row for row in rows if any(row)]


def read_list(path: Path) -> tuple[list[Item], list[Item]]:
    """Training and validation images that a CSV names: path, label and, if it says so, split in
    each line; a first line may say in which order. Relative paths start at the CSV's folder."""
    rows = csv_rows(path)
    words = [cell.lower() for cell in rows[0]] if rows else []
    found = [next((words.index(w) for w in names if w in words), None) for names in HEADERS]
    places = [0, 1, 2]
    if None not in found[:2]:
        places, rows = [len(words) if place is None else place for place in found], rows[1:]
    parts: dict[str, dict[str, list[Path]]] = {}
    seen = set()
    for row in rows:
        name, label, word = (row[place] if place < len(row) else "" for place in places)
        part = SPLIT_WORDS.get(word.lower()) if word else "all"
        known = Path(name).suffix.lower() in IMAGE_TYPES
        if not (name and label and part and known) or name in seen:
            print(f"skipped {name or 'a line without a path'}", file=sys.stderr)
            continue
        seen.add(name)
        parts.setdefault(part, {}).setdefault(label, []).append(path.absolute().parent / name)
    if len(parts) > 1:  # what is in no split is for training
        for label, paths in parts.pop("all", {}).items():
            parts.setdefault("train", {}).setdefault(label, []).extend(paths)
    <<served>>
    for named in parts.values():
        for paths in named.values():
            paths.sort()
    return choose(parts)
'''

_DIGITS = '''

def read_digits() -> tuple[list[Item], list[Item]]:
    """Training and validation images of scikit-learn's handwritten digits, 8 × 8 pixels."""
    digits = load_digits()
    pictures = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    rows = {name: np.flatnonzero(digits.target == int(name)).tolist() for name in CLASSES}
    train, validation = choose(rows)
    return shown(pictures, train), shown(pictures, validation)
'''

_SHOWN = '''

def shown(pictures: np.ndarray, chosen: list) -> list[Item]:
    """The chosen rows of ``pictures`` as images."""
    return [(Image.fromarray(pictures[row]), label) for row, label in chosen]
'''

_IDX = '''

def read_set(root: Path) -> tuple[list[Item], list[Item]]:
    """Training and validation images of <<label>>; what ``root`` lacks is downloaded."""
    data = datasets.<<name>>(root, train=True, download=True)
    pictures, labels = data.data.numpy(), data.targets.numpy()
    places = zip(CLASSES, PLACES, strict=True)
    rows = {name: np.flatnonzero(labels == place).tolist() for name, place in places}
    train, validation = choose({"train": rows})
    return shown(pictures, train), shown(pictures, validation)
'''

_FETCH = '''

def fetch(root: Path) -> None:
    """Download and unpack <<label>>, <<size>> MB, in a folder."""
    root.mkdir(parents=True, exist_ok=True)
    archive = root / Path(URL).name
    datasets.utils.download_url(URL, root)
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{archive} is not what its source promised: delete it, and try again")
    shutil.unpack_archive(archive, root<<filter>>)
'''

_CIFAR = '''

def read_set(root: Path) -> tuple[list[Item], list[Item]]:
    """Training and validation images of CIFAR-10's binary version, which is downloaded into
    ``root`` if it is not there."""
    folder = root if (root / "<<first>>").is_file() else root / "<<folder>>"
    if not folder.is_dir():
        fetch(root)
    files = [np.fromfile(folder / f"data_batch_{number}.bin", np.uint8) for number in range(1, 6)]
    records = np.concatenate(files).reshape(-1, 1 + 3 * 32 * 32)
    pictures = np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    places = zip(CLASSES, PLACES, strict=True)
    rows = {name: np.flatnonzero(records[:, 0] == place).tolist() for name, place in places}
    train, validation = choose({"train": rows})
    return shown(pictures, train), shown(pictures, validation)
'''

_HYMENOPTERA = '''

def read_set(root: Path) -> tuple[list[Item], list[Item]]:
    """Training and validation images of Hymenoptera, which is downloaded into ``root`` if it is not
    there."""
    if not (root / "train").is_dir() and not (root / "<<folder>>").is_dir():
        fetch(root)
    return read_folder(root / "<<folder>>" if (root / "<<folder>>").is_dir() else root)
'''

_FOLDER_SAYS = (
    "FOLDER holds train/ and val/ with one folder a class in each, or one folder a class."
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading one source takes: ``argument`` of ``--train`` ("" for none), the docstring's
    words on it, the modules and packages that are imported, constants, functions, and the ``call``
    that gives training and validation items, whose samples are of the type ``thing``.

    ``parts`` and ``files`` are as in `choosing`.
    """

    argument: str
    about: tuple[str, ...]
    call: str
    code: list[str]
    thing: str = "Path"
    modules: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    constants: list[str] = field(default_factory=list)
    packages: tuple[str, ...] = ()
    parts: bool = True
    files: bool = False


def reading(design: Design, classes: Sequence[str]) -> Reading:
    """How the design's own source is read."""
    source = design.data.source
    if source == sources.DIGITS:
        return _digits()
    if source == sources.FILES:
        return _list(design.data.held_out)
    if source == sources.TABLE:
        return Reading(**table(design))
    if source in (sources.SPIRALS, sources.MOONS):
        return Reading(**points(design))
    if source in (sources.MNIST, sources.FASHION_MNIST):
        return _idx(source, classes)
    if source == sources.CIFAR10:
        return _cifar(classes)
    if source == sources.HYMENOPTERA:
        return _hymenoptera(design.data.held_out)
    return Reading(
        "FOLDER", (_FOLDER_SAYS,), "read_folder(data)",
        filled(_FILES, {}) + _folder(design.data.held_out),
        modules=("os",), constants=_types(), files=True,
    )  # fmt: skip


def _types() -> list[str]:
    names = [quoted(name) for name in sorted(IMAGE_EXTENSIONS)]
    return bracketed("IMAGE_TYPES = (", names, ")")


def _digits() -> Reading:
    return Reading(
        "", (), "read_digits()", filled(_SHOWN, {}) + filled(_DIGITS, {}), thing="Image.Image",
        imports=("from sklearn.datasets import load_digits",), packages=("scikit-learn",),
        parts=False,
    )  # fmt: skip


def _folder(held_out: str) -> list[str]:
    """Lines that read a folder. A held-out split that is the test is left alone."""
    served = ['if "test" not in folders:  # then it is the test', "    held = None"]
    return filled(_FOLDER, {"served": served if held_out == "test" else []})


def _list(held_out: str) -> Reading:
    served = ['if "test" not in parts:  # what is held out is the test']
    served.append('    parts.pop("validation", None)')
    words = [f"{quoted(word)}: {quoted(part)}" for word, part in lists.WORDS.items()]
    headers = [
        f"({', '.join(quoted(word) for word in names)}),  # {what}"
        for names, what in (
            (lists.PATHS, "of the path"), (lists.LABELS, "of the label"), (lists.PARTS, "of it"),
        )
    ]  # fmt: skip
    return Reading(
        "LIST", ("LIST is a CSV with the path of an image, its label and maybe its split a line.",),
        "read_list(data)",
        filled(_FILES, {}) + filled(_LIST, {"served": served if held_out == "test" else []}),
        modules=("csv",),
        constants=[
            *_types(),
            "HEADERS = (  # what the columns may be called",
            *(f"    {line}" for line in headers),
            ")",
            *bracketed("SPLIT_WORDS = {", words, "}"),
        ],
        files=True,
    )  # fmt: skip


def _places(source: str, classes: Sequence[str]) -> list[str]:
    known = SETS[source].classes
    places = [str(known.index(name) if name in known else -1) for name in classes]
    return bracketed("PLACES = [", places, "]  # of CLASSES among those of the set")


def _idx(source: str, classes: Sequence[str]) -> Reading:
    label = SETS[source].label
    return Reading(
        "FOLDER", (f"FOLDER holds {label} as torchvision keeps it, or gets it by download.",),
        "read_set(data)",
        filled(_SHOWN, {}) + filled(_IDX, {"label": label, "name": label}),
        thing="Image.Image", imports=("datasets",), constants=_places(source, classes),
    )  # fmt: skip


def _fetch(source: str) -> tuple[list[str], list[str]]:
    """Constants and code of the download of a set that is one archive."""
    row = SETS[source]
    (file,) = row.files
    name = {"label": row.label, "size": f"{file.bytes / 1e6:.0f}"}
    safe = ', filter="data"' if ".tar" in file.name else ""
    constants = [f'URL = "{file.url}"', f'SHA256 = "{file.checksum}"']
    return constants, filled(_FETCH, {**name, "filter": safe})


def _cifar(classes: Sequence[str]) -> Reading:
    constants, fetch = _fetch(sources.CIFAR10)
    names: dict[str, str | list[str]] = {"first": CIFAR_FILES[0], "folder": CIFAR_FOLDER}
    return Reading(
        "FOLDER", ("FOLDER holds the binary version of CIFAR-10, or gets it by download.",),
        "read_set(data)", filled(_SHOWN, {}) + fetch + filled(_CIFAR, names),
        thing="Image.Image", modules=("hashlib", "shutil"), imports=("datasets",),
        constants=[*_places(sources.CIFAR10, classes), *constants],
    )  # fmt: skip


def _hymenoptera(held_out: str) -> Reading:
    constants, fetch = _fetch(sources.HYMENOPTERA)
    below: dict[str, str | list[str]] = {"folder": HYMENOPTERA_FOLDER}
    code = [filled(_FILES, {}), _folder(held_out), fetch, filled(_HYMENOPTERA, below)]
    return Reading(
        "FOLDER", ("FOLDER holds the Hymenoptera photographs, or gets them by download.",),
        "read_set(data)", [line for part in code for line in part],
        modules=("hashlib", "os", "shutil"), imports=("datasets",),
        constants=[*_types(), *constants], files=True,
    )  # fmt: skip
