"""Where a template has something embedded in place of what its document has: never an error."""

from __future__ import annotations

from collections.abc import Iterator

from qdesigner.catalog.backbones import BACKBONES
from qdesigner.catalog.sets import SETS
from qdesigner.design import edits, origins
from qdesigner.design.problem import Fix, Problem
from qdesigner.design.spec import Design


def origin_problems(design: Design) -> Iterator[Problem]:
    """At most one notice of the backbone and one of the data, while the design has its origin."""
    origin, backbone = design.origin, design.backbone
    if origin is None:
        return
    if backbone is not None and edits.stands_in(design):
        label = BACKBONES[origin.backbone].label
        yield Problem(
            "warning", backbone.id,
            f"The embedded backbone stands in for {label}; it knows only handwritten digits.",
            Fix(f"Use {label}", origins.with_own_backbone),
        )  # fmt: skip
    if origin.data is not None and origins.data_stands_in(design):
        source = origin.data.source
        own = SETS[source].label if source in SETS else "data of your own"
        embedded = "Generated points stand" if design.data.rows else "Embedded digits stand"
        yield Problem(
            "warning", "data",
            f"{embedded} in for the document's data: {own}.",
            Fix("Use the document's data", origins.with_own_data),
        )  # fmt: skip
