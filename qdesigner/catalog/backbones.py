"""The backbones a Design may name: feature sizes, input, and size. Facts only; torch is not needed.

The torchvision rows lie in ``resources/backbones.json``, which `qdesigner.model.tabulate` writes:
all its classification models that have weights. Accuracy is top-1 on ImageNet-1k in percent, as
torchvision's documentation gives it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from qdesigner.catalog.families import FAMILIES, IDENTITY, Edit, Family
from qdesigner.catalog.preprocess import Preprocess
from qdesigner.paths import resource

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a network's modules that follow one another. ``name`` is the place where the part
    ends (``layer3``, ``features[13]``); ``modules`` are expressions for what belongs to it.

    Cut behind it, the network gives ``features`` numbers per image (the mean over the picture) and
    holds ``parameters`` weights.
    """

    name: str
    modules: tuple[str, ...]
    features: int
    parameters: int


@dataclass(frozen=True, slots=True)
class Backbone:
    """One backbone: ``features`` numbers per image, from images prepared by ``preprocess``.

    ``parts`` in order make up the whole. ``weights`` is torchvision's name for the pretrained
    weights, ``url`` where they lie ("" for the embedded backbone, whose weights are shipped) and
    ``megabytes`` the size of the file; ``licence`` says what they may be used for.
    """

    name: str
    label: str
    family: str
    features: int
    parameters: int
    preprocess: Preprocess
    parts: tuple[Part, ...]
    accuracy: float | None = None
    weights: str = ""
    url: str = ""
    megabytes: float = 0.0
    licence: str = ""
    note: str = ""

    @property
    def kind(self) -> Family:
        """How networks of its family are built."""
        return FAMILIES[self.family]

    @property
    def file(self) -> str:
        """Name of the file of pretrained weights; it carries the beginning of its SHA-256."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def cuts(self) -> tuple[str, ...]:
        """The places where it may be cut: "" for its end, then the others from the last to the
        first."""
        return ("", *(part.name for part in reversed(self.parts[:-1])))

    def kept(self, cut: str = "") -> tuple[Part, ...]:
        """The parts that are left when it is cut at a place. Raises ValueError when it has no such
        place."""
        if not cut:
            return self.parts
        names = [part.name for part in self.parts]
        if cut not in names:
            known = ", ".join(names[:-1])
            raise ValueError(f"{self.label} has no place {cut!r} to be cut at; it has {known}")
        return self.parts[: names.index(cut) + 1]

    def edits(self, cut: str = "") -> tuple[Edit, ...]:
        """What is put into the model's places so that features come out, cut at its end or
        earlier."""
        kept = self.kept(cut)
        if len(kept) == len(self.parts):
            return self.kind.head
        if self.kind.chain:
            # A last part of its own (VGG's large classifier) is no child of the chain.
            end = int(kept[-1].name.rpartition("[")[2].rstrip("]")) + 1
            return ((self.kind.chain, f"[:{end}]"), *self.kind.early)
        gone = (name for part in self.parts[len(kept) :] for name in part.modules)
        return (*((name, IDENTITY) for name in gone), *self.kind.early)

    def trained(self, cut: str, count: int) -> tuple[Part, ...]:
        """The last ``count`` parts before a cut; all of them for 0."""
        return self.kept(cut)[-count:]


def _row(row: dict[str, Any]) -> Backbone:
    """A row of the file."""
    facts: dict[str, Any] = {n: row.pop(n) for n in ("resize", "crop", "interpolation")}
    facts |= {name: tuple(row.pop(name)) for name in ("mean", "std")}
    parts = tuple(
        Part(name, tuple(modules), *counts) for name, modules, *counts in row.pop("parts")
    )
    return Backbone(**row, parts=parts, preprocess=Preprocess(channels=3, **facts))


_EMBEDDED = Backbone(
    EMBEDDED, "Embedded (digits 0–4)", "embedded", 64, 9_424,
    Preprocess(channels=1, resize=8, crop=8, mean=(0.305,), std=(0.378,)),
    (
        Part("conv1", ("conv1",), 64, 160),
        Part("conv2", ("conv2",), 128, 4_800),
        Part("conv3", ("conv3",), 64, 9_424),
    ),
    note="A small CNN that comes with qdesigner, pre-trained on handwritten digits 0 to 4",
    licence="Apache-2.0; its digits are CC BY 4.0",
)  # fmt: skip

BACKBONES: dict[str, Backbone] = {
    EMBEDDED: _EMBEDDED,
    **{
        row["name"]: _row(row)
        for row in json.loads(resource("backbones.json").read_text(encoding="utf-8"))
    },
}
