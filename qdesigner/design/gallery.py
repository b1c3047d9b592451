"""The templates that come with the program: their order, their families, and what is said of them.

Whatever lists templates asks here. What a template is lies in its own file; only the order is here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from qdesigner.catalog.backbones import BACKBONES
from qdesigner.catalog.sets import SETS, fetched_folder
from qdesigner.catalog.sources import FILES, FOLDER
from qdesigner.design import codec
from qdesigner.design.spec import Design, Goal, Origin
from qdesigner.errors import UserError
from qdesigner.paths import resource

LESSONS = "Lessons"
FAMILIES = (
    "Start here", "Transfer learning", "Hybrid networks", "With and without", "Tables of numbers",
    LESSONS,
)  # fmt: skip
# Within a family: what a newcomer should see first, and a model before what is compared with it.
ORDER = (
    "quickstart",
    "quantum-transfer-learning", "cc", "qc", "qq", "quantum-features",
    "quantum-classifier", "qiskit-hybrid", "quantum-activation",
    "lenet", "lenet-q", "lenet-q-ent", "resnet18", "resnet18-q", "resnet18-q-ent",
    "spiral", "strongly-entangling", "data-reuploading", "quantum-layers", "dense-features",
    "pretrained-hybrid",
    "parameter-shift",
)  # fmt: skip
METRICS = {
    "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "f1": "F1", "loss": "loss",
    "mae": "mean absolute error", "mse": "mean squared error",
}  # fmt: skip
LINE = 120  # letters of a first sentence that is cut no shorter, at its colon
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z“])")
_POINTS = re.compile(r"(?<=[.!?])\s+(?=[A-Z“])|;\s+")


@dataclass(frozen=True, slots=True)
class Entry:
    """A template: the name it is asked for by, and its design, whose origin it always has."""

    name: str
    design: Design
    origin: Origin

    @property
    def title(self) -> str:
        """What people call it."""
        return self.design.name

    @property
    def paragraph(self) -> str:
        """What it is and does."""
        return self.design.about

    @property
    def line(self) -> str:
        """The paragraph's beginning: what it is, in one line."""
        first = _SENTENCES.split(self.design.about)[0]
        return first if len(first) <= LINE else first.split(": ")[0].rstrip(".") + "."

    @property
    def differences(self) -> tuple[str, ...]:
        """What is not as it is in its document, point by point."""
        points = (point.strip() for point in _POINTS.split(self.origin.differs))
        return tuple(p[0].upper() + p[1:].rstrip(".") + "." for p in points if p)

    @property
    def words(self) -> str:
        """Everything that a search looks at, in small letters."""
        kinds = [stage.row.label for stage in self.design.stages]
        kinds += [
            block.row.label
            for stage in self.design.stages if stage.circuit is not None
            for block in stage.circuit.blocks
        ]  # fmt: skip
        origin = self.origin
        own = origin.data.source if origin.data is not None else ""
        parts = (
            self.name, self.title, self.paragraph, origin.family, origin.source, origin.citation,
            self.design.data.source, own, origin.backbone, *kinds,
        )  # fmt: skip
        return " ".join(parts).lower()

    def found_by(self, text: str) -> bool:
        """Whether every word of a search is somewhere in it."""
        return all(word in self.words for word in text.lower().split())


@cache
def names() -> tuple[str, ...]:
    """The templates' names, in the gallery's order; one that it does not know comes last."""
    there = {path.stem for path in resource("templates").glob(f"*{codec.SUFFIX}")}
    known = tuple(name for name in ORDER if name in there)
    return known + tuple(sorted(there - set(known)))


def template(name: str) -> Design:
    """The design of a template. Raises UserError when there is none of that name."""
    if name not in names():
        raise UserError(f"There is no template {name!r}; see `qdesigner templates`.")
    return codec.load(resource(f"templates/{name}{codec.SUFFIX}"))


@cache
def entries() -> tuple[Entry, ...]:
    """Every template that says where it comes from, in the gallery's order."""
    made = ((name, template(name)) for name in names())
    return tuple(Entry(name, one, one.origin) for name, one in made if one.origin is not None)


def by_family(shown: Iterable[Entry]) -> dict[str, tuple[Entry, ...]]:
    """Entries by family, in the families' order; families without any are left out."""
    every = tuple(shown)
    known = [*FAMILIES, *dict.fromkeys(entry.origin.family for entry in every)]
    grouped = {
        family: tuple(entry for entry in every if entry.origin.family == family)
        for family in dict.fromkeys(known)
    }
    return {family: found for family, found in grouped.items() if found}


# ---- what is said of them ------------------------------------------------------------------------


def reaches(goal: Goal) -> str:
    """ "≥ 0.95 test accuracy"."""
    sign = "≤" if goal.lower else "≥"
    threshold = f"{goal.threshold:g}".replace("-", "−")
    return f"{sign} {threshold} {goal.split} {METRICS[goal.metric]}"


def goals(entry: Entry) -> tuple[str, ...]:
    """What the template reaches as it comes, and what on its document's own data."""
    origin, said = entry.origin, []
    if origin.goal is not None:
        on = "its generated points" if entry.design.data.rows else "its embedded data"
        said.append(f"Reaches {reaches(origin.goal)} on {on}.")
    if origin.own_goal is not None and origin.data is not None:
        said.append(f"Reaches {reaches(origin.own_goal)} on {own_words(origin)}.")
    return tuple(said)


def own_words(origin: Origin) -> str:
    """The document's own data, and its backbone: "Hymenoptera with ResNet-18"."""
    if origin.data is None:
        return ""
    source = origin.data.source
    data = SETS[source].label if source in SETS else f"the document's {source}"
    return f"{data} with {BACKBONES[origin.backbone].label}" if origin.backbone else data


def own_needs(origin: Origin, weights_here: bool) -> str:
    """What has to be fetched or chosen for the document's own data, "" where it has none.

    ``weights_here`` says whether its backbone's weights are on this computer.
    """
    if origin.data is None:
        return ""
    source = origin.data.source
    if source not in SETS:
        what = "folder of images" if source == FOLDER else "file"
        what = "list of images" if source == FILES else what
        return f"Needs your own {what}: choose it in the Data tab once it is open."
    fetched: list[str] = []
    here: list[str] = []
    row = SETS[source]
    there = bool(origin.data.path) or fetched_folder(source).is_dir()
    (here if there else fetched).append(
        row.label if there else f"{row.label} ({row.bytes / 1e6:.0f} MB)"
    )
    if origin.backbone:
        backbone = BACKBONES[origin.backbone]
        weights = f"the weights of {backbone.label}"
        (here if weights_here else fetched).append(
            weights if weights_here else f"{weights} ({backbone.megabytes:.0f} MB)"
        )
    if not fetched:
        return f"{' and '.join(here)}: on this computer already."
    return (
        f"Downloads {' and '.join(fetched)} when training begins; or choose a folder with a copy "
        "in the Data tab."
    )
