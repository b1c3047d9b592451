"""Source text that varies training images as the program does: the same dice, the same steps."""

from __future__ import annotations

from qdesigner.design.spec import Augmentation, Design
from qdesigner.export.source import filled

_VARIED = '''

def varied(image: Image.Image, content: bytes, number: int) -> Image.Image:
    """One variant of a training image, drawn by its content and the variant's number."""
    draw = random.Random(f"{SEED}/{number}/{hashlib.sha256(content).hexdigest()}")
    <<steps>>
    return image
'''

_FLIP = ["if draw.random() < 0.5:", "    image = ImageOps.mirror(image)"]
_ROTATION = [
    "angle = draw.uniform(-ROTATION, ROTATION)",
    "image = image.rotate(angle, Image.Resampling.BILINEAR)",
]
_CROP = [
    "area = draw.uniform(CROP, 1) * image.width * image.height",
    "ratio = math.exp(draw.uniform(-math.log(4 / 3), math.log(4 / 3)))",
    "width = min(image.width, math.sqrt(area * ratio))",
    "height = min(image.height, math.sqrt(area / ratio))",
    "left, top = draw.uniform(0, image.width - width), draw.uniform(0, image.height - height)",
    "box = (left, top, left + width, top + height)",
    "image = image.resize((<<side>>, <<side>>), Image.Resampling.BILINEAR, box=box)",
]
_COLOUR = [
    "for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):",
    "    image = change(image).enhance(draw.uniform(1 - COLOUR, 1 + COLOUR))",
]


def constants(how: Augmentation) -> list[str]:
    """Lines of the constants of an augmentation."""
    if not how.any:
        return []
    return [
        "",
        "# How training images are varied.",
        *([f"ROTATION = {how.rotation!r}  # degrees, to either side"] if how.rotation else []),
        *([f"CROP = {how.crop!r}  # the smallest share of the area"] if how.crop < 1 else []),
        *([f"COLOUR = {how.colour!r}"] if how.colour else []),
        *([f"VARIANTS = {how.variants}  # of each image"] if how.variants else []),
    ]


def varying(design: Design, side: int) -> list[str]:
    """Lines of ``varied``; a crop is scaled to ``side`` pixels."""
    how = design.data.augmentation
    if not how.any:
        return []
    steps = [
        *(_FLIP if how.flip else []),
        *(_ROTATION if how.rotation else []),
        *(line.replace("<<side>>", str(side)) for line in (_CROP if how.crop < 1 else [])),
        *(_COLOUR if how.colour else []),
    ]
    return filled(_VARIED, {"steps": steps})


def variant_number(how: Augmentation) -> str:
    """The number of the variants that an epoch shows, as an expression."""
    return "epoch % VARIANTS" if how.variants else "epoch"
