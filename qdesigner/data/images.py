"""One image file as a Pillow image, and a Pillow image as the tensor a network wants."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision import transforms

from qdesigner.catalog.preprocess import Preprocess

MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 2**20

# Only these decoders touch a stranger's file: Pillow has others that start outside programs.
# All are registered now, since threads would race to do it.
Image.init()
_FORMATS = tuple(
    name for name in ("JPEG", "PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP") if name in Image.OPEN
)

# Every image's size is checked here before its pixels are read, so Pillow need not warn as well.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class UnusableImage(Exception):
    """A file that gives no image; ``str(error)`` is the reason, to stand after the file's name."""


def load_image(path: Path, channels: int) -> Image.Image:
    """The image in ``path``, upright, as mode "RGB" (``channels`` 3) or "L" (1).

    Transparency is dropped, as torchvision's own loader does; 16-bit values are scaled to 8 bits;
    of a file with many frames the first is taken. Raises UnusableImage.
    """
    return decode(read_bytes(path), channels)


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises UnusableImage when it cannot be read, or is empty or huge."""
    try:
        if not path.is_file():
            raise UnusableImage("it is not a file" if path.exists() else "the file does not exist")
        if path.stat().st_size > MAX_BYTES:
            raise UnusableImage(f"the file is larger than {MAX_BYTES >> 20} MB")
        content = path.read_bytes()
    except OSError as error:
        raise UnusableImage(f"the file cannot be read: {error.strerror}") from error
    if not content:
        raise UnusableImage("the file is empty")
    return content


def decode(content: bytes, channels: int) -> Image.Image:
    """As ``load_image``, from the file's content."""
    try:
        image = Image.open(io.BytesIO(content), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise UnusableImage("the image is too large") from error
    except Exception as error:
        raise UnusableImage("its content is not an image of a type we read") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnusableImage(f"the image is too large: {width} × {height} pixels")
    try:
        image.load()
        return _eight_bits(ImageOps.exif_transpose(image)).convert("RGB" if channels == 3 else "L")
    except Exception as error:  # Pillow's decoders raise many kinds on hostile content
        raise UnusableImage(f"the file is broken: {error}") from error


def _eight_bits(image: Image.Image) -> Image.Image:
    """The same picture with at most 8 bits a channel, and no palette that holds transparency."""
    if image.mode in ("P", "PA") and "transparency" in image.info:
        return image.convert("RGBA")
    if not image.mode.startswith("I") and image.mode != "F":
        return image
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    return Image.fromarray((values.clip(0) / _white(image.mode, values) * 255).round().astype("u1"))


def _white(mode: str, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """The value that stands for white: that of the type, else the least that holds every value."""
    if mode.startswith("I;16"):
        return 65535.0
    scales = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
    largest = float(values.max())
    return next((scale for scale in scales if largest <= scale), largest)


def transform(preprocess: Preprocess) -> Callable[[Image.Image], torch.Tensor]:
    """Image to tensor [channels, crop, crop], float32, by the steps that an export writes too."""
    steps: Callable[[Image.Image], torch.Tensor] = transforms.Compose(
        [
            transforms.Resize(
                preprocess.resize,
                interpolation=transforms.InterpolationMode(preprocess.interpolation),
                antialias=True,
            ),
            transforms.CenterCrop(preprocess.crop),
            transforms.ToTensor(),
            transforms.Normalize(preprocess.mean, preprocess.std),
        ]
    )
    return steps
