"""Small square pictures of images."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageOps

from qdesigner.data.items import Dataset, Item

THUMBNAIL = 64


def thumbnail(dataset: Dataset, item: Item) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The middle of an image, uint8 [64, 64, 3]. Raises UserError when it is gone."""
    picture = _quick_look(item) or dataset.image(item, 3)
    return squared(picture, THUMBNAIL)


def squared(picture: Image.Image, side: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The middle of a colour picture, uint8 [side, side, 3]; one that is smaller keeps its
    pixels."""
    short = min(picture.size)
    left, top = (picture.width - short) // 2, (picture.height - short) // 2
    method = Image.Resampling.NEAREST if short < side else Image.Resampling.BILINEAR
    box = (left, top, left + short, top + short)
    return np.asarray(picture.resize((side, side), method, box=box))


def _quick_look(item: Item) -> Image.Image | None:
    """A JPEG decoded at a fraction of its size, several times faster than whole; else None."""
    if item.path is None or item.path.suffix.lower() not in (".jpg", ".jpeg"):
        return None
    try:
        with Image.open(item.path, formats=("JPEG",)) as picture:
            picture.draft("RGB", (THUMBNAIL, THUMBNAIL))
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None
