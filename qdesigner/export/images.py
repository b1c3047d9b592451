"""Source text for images: loading a file, and preparing it for the model."""

from __future__ import annotations

from qdesigner.catalog.preprocess import Preprocess
from qdesigner.design.spec import Design, preprocess
from qdesigner.export.source import filled, indented

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

def prepared(items: list[Item]<<variant>>) -> torch.Tensor:
    """Images as the model takes them: [images, <<channels>>, <<size>>, <<size>>]<<what>>."""
    <<body>>
'''

_VARIED = [
    "images = []",
    "for <<thing>>, _ in items:",
    "    image = <<image>>",
    "    if number is not None:",
    "        image = varied(image, <<content>>, number)",
    "    images.append(preprocess(image))",
    "return torch.stack(images)",
]


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
    what = "in colour" if how.channels == 3 else "grey"
    return filled(_LOAD, {"what": what, "mode": _mode(how)})


def preparing(design: Design, files: bool) -> list[str]:
    """Lines of ``prepared``, which makes a tensor of images, from ``files`` or from pictures."""
    how = preprocess(design)
    picture = f'picture.convert("{_mode(how)}")'
    image = "load_image(path)" if files else picture
    thing = "path" if files else "picture"
    body = [f"return torch.stack([preprocess({image}) for {thing}, _ in items])"]
    vary = design.data.augmentation.any
    if vary:
        content = "path.read_bytes()" if files else "picture.tobytes()"
        parts = {"<<thing>>": thing, "<<image>>": image, "<<content>>": content}
        body = [_replaced(line, parts) for line in _VARIED]
    return filled(
        _PREPARED,
        {
            "channels": str(how.channels),
            "size": str(how.crop),
            "variant": ", number: int | None = None" if vary else "",
            "what": "; or a variant of each" if vary else "",
            "body": body,
        },
    )


def _replaced(line: str, parts: dict[str, str]) -> str:
    for mark, text in parts.items():
        line = line.replace(mark, text)
    return line


def _mode(how: Preprocess) -> str:
    return "RGB" if how.channels == 3 else "L"
