"""A template on the data of the document that it is built after."""

from __future__ import annotations

from pathlib import Path

from qdesigner.design import edits
from qdesigner.design.spec import Design


def on_own_data(design: Design, root: str = "") -> Design:
    """The template with its document's own data and backbone, which are downloaded when they are
    first needed, and with what it is to reach on them as its goal; the design itself when it has
    them already.

    ``root`` is a folder with local copies, each in a folder called like its source.
    """
    origin = design.origin
    if origin is None or origin.data is None:
        return design
    data = origin.data
    if root:
        data = data.but(path=str(Path(root, data.source).absolute()))
    changed: Design = design.but(data=data)
    if edits.stands_in(design):
        changed = edits.set_backbone(changed, origin.backbone)
    if origin.own_goal is not None:
        changed = changed.but(origin=origin.but(goal=origin.own_goal))
    return changed
