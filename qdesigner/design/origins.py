"""A template on the data of the document that it is built after."""

from __future__ import annotations

from pathlib import Path

from qdesigner.catalog.sources import DIGITS, MOONS, SPIRALS
from qdesigner.design import edits
from qdesigner.design.spec import Design

OFFLINE = (DIGITS, MOONS, SPIRALS)  # what templates begin with: they come with the program


def data_stands_in(design: Design) -> bool:
    """Whether data that comes with the program stands where the document has its own."""
    origin = design.origin
    if origin is None or origin.data is None:
        return False
    return design.data.source in OFFLINE and design.data.source != origin.data.source


def with_own_backbone(design: Design) -> Design:
    """The template with its document's backbone in the embedded one's place."""
    if design.origin is None or not edits.stands_in(design):
        return design
    return _with_goal(edits.set_backbone(design, design.origin.backbone))


def with_own_data(design: Design, root: str = "") -> Design:
    """The template on its document's data; ``root`` as in `on_own_data`."""
    if design.origin is None or design.origin.data is None:
        return design
    data = design.origin.data
    if root:
        data = data.but(path=str(Path(root, data.source).absolute()))
    return _with_goal(design.but(data=data))


def on_own_data(design: Design, root: str = "") -> Design:
    """The template with its document's own data and backbone, which are downloaded when they are
    first needed, and with what it is to reach on them as its goal; the design itself when it has
    them already.

    ``root`` is a folder with local copies, each in a folder called like its source.
    """
    if design.origin is None or design.origin.data is None:
        return design
    return with_own_backbone(with_own_data(design, root))


def _with_goal(design: Design) -> Design:
    """With what it reaches on the document's own as its goal, once nothing stands in for it."""
    origin = design.origin
    if (
        origin is None
        or origin.own_goal is None
        or edits.stands_in(design)
        or data_stands_in(design)
    ):
        return design
    changed: Design = design.but(origin=origin.but(goal=origin.own_goal))
    return changed
