"""Source text for images: loading a file, preparing it, and the folder or digits to train on."""

from __future__ import annotations

from qdesigner.catalog.preprocess import Preprocess
from qdesigner.catalog.sources import DIGITS, IMAGE_EXTENSIONS
from qdesigner.design.spec import Design, preprocess
from qdesigner.export.source import bracketed, filled, indented, quoted

_LOAD = '''

def load_image(path: Path) -> Image.Image:
    """The picture in a file: upright, <<what>>, 16-bit values scaled to 8 bits."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
    if image.mode == "F" or image.mode.startswith("I"):
        image = eight_bits(image)
    elif image.mode in ("P", "PA") and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("<<mode>>")


def eight_bits(image: Image.Image) -> Image.Image:
    """White is what the type calls white, else the first usual scale that holds every value."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64)).clip(0)
    scales = (1, 255, 65535) if image.mode == "F" else (255, 65535)
    if image.mode.startswith("I;16"):
        scales = (65535,)
    white = next((scale for scale in scales if values.max() <= scale), values.max())
    return Image.fromarray((values / white * 255).round().astype(np.uint8))
'''

_PREPARED = '''

def prepared(items: list[Item]) -> torch.Tensor:
    """Images as the model takes them: [images, <<channels>>, <<size>>, <<size>>]."""
    <<body>>
'''

_STACK = ["return torch.stack([preprocess(load_image(path)) for path, _ in items])"]
_STACK_ANY = [
    "images = [x if isinstance(x, Image.Image) else load_image(x) for x, _ in items]",
    "return torch.stack([preprocess(image) for image in images])",
]

_SPLIT = '''

def split(things: list, name: str, shares: tuple[float, float]) -> tuple[list, list]:
    """Shuffle one class by its name, hold back (validation, test) shares: training, validation."""
    random.Random(f"{SPLIT_SEED}/{name}").shuffle(things)
    left, held = len(things), []
    for share in shares:
        wanted = max(round(len(things) * share), 1 if share else 0)
        held.append(max(0, min(wanted, left - 1)))
        left -= held[-1]
    return things[:left], things[left : left + held[0]]
'''

_FOLDER = '''

def image_files(folder: Path) -> list[Path]:
    """The image files below a folder, in order of name."""
    files = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    return [path for path in files if path.suffix.lower() in IMAGE_TYPES]


def usable(path: Path) -> bool:
    """Whether the file holds a picture; one that does not is named and left out."""
    try:
        load_image(path)
    except Exception as error:  # Pillow raises many kinds on a broken file
        print(f"skipped {path}: {error}", file=sys.stderr)
        return False
    return True


def read_folder(root: Path) -> tuple[list[Item], list[Item]]:
    """Training and validation images of a folder with train/ and val/, or one folder a class."""
    if not root.is_dir():
        sys.exit(f"{root} is not a folder")
    parts = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
    held_in = parts.get("validation") or parts.get("valid") or parts.get("val")
    train: list[Item] = []
    validation: list[Item] = []
    for label, name in enumerate(CLASSES):
        files = image_files(parts.get("train", root) / name)
        if "train" not in parts:
            files, held = split(files, name, SHARES)
        elif held_in is None:
            files, held = split(files, name, (SHARES[0], 0.0))
        else:
            <<presplit>>
        for items, paths in ((train, files), (validation, held)):
            <<chosen>>
            if not chosen:
                sys.exit(f"{root} has too few images of the class {name!r}")
            items += [(path, label) for path in sorted(chosen)]
    return train, validation
'''

_DIGITS = '''

def read_digits() -> tuple[list[Item], list[Item]]:
    """Training and validation images of scikit-learn's handwritten digits, 8 × 8 pixels."""
    digits = load_digits()
    pictures = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    train: list[Item] = []
    validation: list[Item] = []
    for label, name in enumerate(CLASSES):
        rows = np.flatnonzero(digits.target == int(name)).tolist()
        for items, part in zip((train, validation), split(rows, name, SHARES), strict=True):
            chosen = [Image.fromarray(pictures[row]) for row in sorted(part<<limit>>)]
            items += [(image<<colour>>, label) for image in chosen]
    return train, validation
'''


def data_constants(design: Design) -> list[str]:
    """Lines of the constants that choosing and splitting the images need."""
    data = design.data
    types = [quoted(name) for name in sorted(IMAGE_EXTENSIONS)]
    lines = [
        "",
        "# How the images to train on are chosen.",
        *bracketed("IMAGE_TYPES = (", types, ")"),
        f"SHARES = ({data.validation!r}, {data.test!r})  # of unsplit data: validation, test",
        f"SPLIT_SEED = {data.seed}",
    ]
    return [*lines, f"LIMIT = {data.limit}  # images a class and split"] if data.limit else lines


def preprocessing(how: Preprocess) -> list[str]:
    """Lines that define ``preprocess``: a PIL image -> [channels, height, width]."""
    resize = f"transforms.Resize({how.resize}"
    if how.interpolation != "bilinear":
        resize += f", transforms.InterpolationMode.{how.interpolation.upper()}"
    rows = [
        f"{resize}),  # the shorter side",
        f"transforms.CenterCrop({how.crop}),",
        "transforms.ToTensor(),",
        f"transforms.Normalize(mean={list(how.mean)}, std={list(how.std)}),",
    ]
    return ["", "preprocess = transforms.Compose(", "    [", *indented(rows, 2), "    ]", ")"]


def loading(how: Preprocess) -> list[str]:
    """Lines of ``load_image``, which reads a file just as the training did."""
    what, mode = ("in colour", "RGB") if how.channels == 3 else ("grey", "L")
    return filled(_LOAD, {"what": what, "mode": mode})


def reading(design: Design) -> list[str]:
    """Lines of the functions that read the images to train on."""
    digits = design.data.source == DIGITS
    how = preprocess(design)
    parts: dict[str, str | list[str]] = {
        "channels": str(how.channels),
        "size": str(how.crop),
        "body": _STACK_ANY if digits else _STACK,
    }
    lines = filled(_PREPARED, parts)
    lines += filled(_SPLIT, {})
    lines += filled(_FOLDER, _folder_parts(limited=design.data.limit > 0))
    if digits:
        colour = '.convert("RGB")' if how.channels == 3 else ""
        limit = "[:LIMIT]" if design.data.limit else ""
        lines += filled(_DIGITS, {"colour": colour, "limit": limit})
    return lines


def _folder_parts(limited: bool) -> dict[str, str | list[str]]:
    if not limited:
        return {
            "presplit": "held = image_files(held_in / name)",
            "chosen": "chosen = [path for path in paths if usable(path)]",
        }
    return {
        "presplit": [
            "files, _ = split(files, name, (0.0, 0.0))",
            "held, _ = split(image_files(held_in / name), name, (0.0, 0.0))",
        ],
        "chosen": "chosen = list(islice(filter(usable, paths), LIMIT))",
    }
