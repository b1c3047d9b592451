"""Variants of a training image: mirrored, turned, cropped, in other colours.

What is drawn for an image depends on the run's seed, the epoch (or the number of the variant) and
the image's content alone, so that a resumed run and an exported script draw the same.
"""

from __future__ import annotations

import math
import random

from PIL import Image, ImageEnhance, ImageOps

from qdesigner.design.spec import Augmentation

RATIO = 4 / 3  # of a crop's sides at most, as in Inception's training


def dice(seed: int, epoch: int, digest: bytes) -> random.Random:
    """The random numbers of one image in one epoch."""
    return random.Random(f"{seed}/{epoch}/{digest.hex()}")


def varied(image: Image.Image, how: Augmentation, draw: random.Random, side: int) -> Image.Image:
    """One variant of an image; a crop is scaled to ``side`` × ``side`` pixels."""
    if how.flip and draw.random() < 0.5:
        image = ImageOps.mirror(image)
    if how.rotation:
        angle = draw.uniform(-how.rotation, how.rotation)
        image = image.rotate(angle, Image.Resampling.BILINEAR)
    if how.crop < 1:
        image = _cropped(image, how.crop, draw, side)
    if how.colour:
        for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = change(image).enhance(draw.uniform(1 - how.colour, 1 + how.colour))
    return image


def _cropped(image: Image.Image, smallest: float, draw: random.Random, side: int) -> Image.Image:
    area = draw.uniform(smallest, 1) * image.width * image.height
    ratio = math.exp(draw.uniform(-math.log(RATIO), math.log(RATIO)))
    width = min(image.width, math.sqrt(area * ratio))
    height = min(image.height, math.sqrt(area / ratio))
    left, top = draw.uniform(0, image.width - width), draw.uniform(0, image.height - height)
    box = (left, top, left + width, top + height)
    return image.resize((side, side), Image.Resampling.BILINEAR, box=box)
