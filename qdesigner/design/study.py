"""A study as frozen values: designs compared on the same data, splits and seeds."""

from __future__ import annotations

import hashlib
import re

from pydantic import Field, model_validator

from qdesigner.circuit.readout import Value
from qdesigner.design import codec, edits
from qdesigner.design.spec import DataSpec, Design

MAX_TASKS = 100_000


class Variant(Value):
    """One of the designs that are compared; ``about`` says in a sentence what it is. Differences
    are taken to the variant ``against``, "" for the study's baseline."""

    name: str = Field(min_length=1, max_length=200)
    about: str = Field(default="", max_length=2000)
    design: Design
    against: str = Field(default="", max_length=200)


class NamedData(Value):
    """Data that every variant is trained on, and how tables and plots call it."""

    name: str = Field(min_length=1, max_length=200)
    spec: DataSpec


class Task(Value):
    """One run of a study: ``design`` with its data and its seed already set. ``key`` names its
    folder, and is the same whenever the same is asked for: what is done is not done again."""

    key: str
    variant: str
    data: str
    seed: int
    design: Design


class Study(Value):
    """Variants × data × seeds.

    Seed s trains with s and splits with s, so that all variants of a seed see the same samples.
    ``data`` () leaves every variant its own. Differences are taken to the variant ``baseline``, but
    for variants that say otherwise.
    The epoch is chosen on the validation samples and scored on the test samples.
    """

    name: str = Field(min_length=1, max_length=200)
    about: str = Field(default="", max_length=20_000)
    variants: tuple[Variant, ...] = Field(min_length=1, max_length=1000)
    data: tuple[NamedData, ...] = Field(default=(), max_length=1000)
    seeds: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1, max_length=10_000)
    baseline: str = ""

    @model_validator(mode="after")
    def _check(self) -> Study:
        for what, names in (
            ("variants", [variant.name for variant in self.variants]),
            ("sets of data", [data.name for data in self.data]),
            ("seeds", [str(seed) for seed in self.seeds]),
        ):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"two {what} are called {twice!r}")
        if not self.baseline:
            object.__setattr__(self, "baseline", self.variants[0].name)
        if self.baseline not in [variant.name for variant in self.variants]:
            raise ValueError(f"the baseline {self.baseline!r} is none of the variants")
        for variant in self.variants:
            if variant.against and variant.against not in [v.name for v in self.variants]:
                raise ValueError(f"{variant.name!r} is compared with {variant.against!r}, which is "
                                 "none of the variants")  # fmt: skip
        if len(self.variants) * max(1, len(self.data)) * len(self.seeds) > MAX_TASKS:
            raise ValueError(f"it asks for more than {MAX_TASKS:,} runs")
        return self

    def tasks(self) -> tuple[Task, ...]:
        """All runs, seed by seed, so that a study that is stopped early still compares."""
        return tuple(
            _task(variant, named, seed)
            for seed in self.seeds
            for named in self.data or (None,)
            for variant in self.variants
        )


def _task(variant: Variant, named: NamedData | None, seed: int) -> Task:
    design = variant.design.without_run()
    if named is not None:
        design = edits.take_data(design, named.spec)
    design = edits.set_training(edits.set_data(design, seed=seed), seed=seed)
    name = named.name if named is not None else ""
    # Names that differ in signs alone make the same words. What is said of a design trains nothing.
    told = "\0".join(
        (variant.name, name, codec.dumps(design.but(name="run", about="", origin=None)))
    )
    digest = hashlib.sha256(told.encode()).hexdigest()[:12]
    words = re.sub(r"[^a-z0-9]+", "-", f"{variant.name} {name}".lower()).strip("-")[:60]
    return Task(
        key=f"{words or 'run'}-{seed}-{digest}", variant=variant.name, data=name, seed=seed,
        design=design,
    )  # fmt: skip
