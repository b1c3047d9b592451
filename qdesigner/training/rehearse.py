"""A trained run rehearsed for hardware: its accuracy against shots, and under machines' noise.

The samples go through the model once, up to its first circuit; from there on they go again for
every device and repeat, in the batches of `evaluate` and with its seed in the first repeat, so that
a row of one repeat is what `evaluate` says. Repeat r (from 0) seeds the shots with the run's seed
+ r.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qdesigner.circuit.free import free
from qdesigner.data.dataset import SPLITS, Dataset, open_dataset
from qdesigner.design.spec import Design, DeviceSpec
from qdesigner.devices.base import Size, Transpiling, load
from qdesigner.devices.layer import DeviceLayer
from qdesigner.errors import UserError
from qdesigner.model.build import Split
from qdesigner.session.rehearsal import (
    ON_MACHINES,
    REPEATS,
    SHOTS,
    Begun,
    Measured,
    Reached,
    Rehearsal,
    Rehearse,
    write_rehearsal,
)
from qdesigner.session.rehearsal_plan import BATCH, checked, expected_ms, images_of, usual
from qdesigner.session.rehearsal_words import device_words
from qdesigner.training.evaluate import (
    Emit,
    chosen,
    circuits_run,
    refuse_device,
    same_classes,
    told,
)
from qdesigner.training.inputs import prepare
from qdesigner.training.losses import Criterion, Reading
from qdesigner.training.runs import Run

Stopped = Callable[[], bool]
Scores = NDArray[np.float64]

_NORMAL = 1.960  # its 97.5 % quantile
_THREE = 3.0  # -ln 0.05


def rehearse(
    run: Path,
    shots: Sequence[int] = SHOTS,
    snapshots: Sequence[str] | None = None,
    split: str = "",
    limit: int = 0,
    repeats: int = REPEATS,
    tell: Emit = lambda event: None,
    *,
    on_machines: int = ON_MACHINES,
    best: bool = True,
    out: Path | None = None,
    stopped: Stopped = lambda: False,
) -> Rehearsal:
    """Ask ``run`` for its samples exactly, with ``shots``, and under the noise of ``snapshots``
    (None: three of different generations); see `Rehearse` for the rest.

    ``tell`` hears `Begun`, then `Reached` on the way and a `Measured` for each row. The rows so far
    are kept in ``out`` (None: the run's folder) after each; ``stopped`` is asked between batches,
    and ends it with the rows that are whole. Raises UserError.
    """
    opened = Run.open(run)
    names = usual(opened.design) if snapshots is None else tuple(snapshots)
    ask = Rehearse(str(run), tuple(shots), names, split, limit, repeats, on_machines, best)
    return conduct(opened, ask, tell, out, stopped)


def conduct(
    run: Run,
    ask: Rehearse,
    tell: Emit = lambda event: None,
    out: Path | None = None,
    stopped: Stopped = lambda: False,
) -> Rehearsal:
    """Do what ``ask`` says; see `rehearse`."""
    checkpoint = run.load_checkpoint("best" if ask.best else "last")
    design = run.design_of(checkpoint)
    ask = checked(ask, design)
    for spec in ask.specs:
        refuse_device(_on(design, spec))
    dataset = open_dataset(design.data, told(tell, "checking images"))
    same_classes(run, dataset)
    split = _split(ask, dataset)
    available = len(chosen(dataset, split, 0))
    images = images_of(design, ask, available)
    took = expected_ms(design, ask, images)
    begun = Begun(
        split, images, available, ask.repeats, len(took), design.training.seed,
        int(checkpoint.get("epoch", 0)), sum(took) / 1000, errors=not run.classes,
        noun="rows" if design.data.rows else "images", note=_note(ask, split),
    )  # fmt: skip
    tell(begun)
    work = _Rehearsing(run, checkpoint, design, dataset, begun, took, tell, stopped)
    kept = Rehearsal(begun, ())
    for row in work.rows(ask):
        kept = replace(kept, rows=(*kept.rows, row), whole=len(kept.rows) + 1 == begun.rows)
        write_rehearsal(out or run.path, kept)
        tell(row)
    return kept


def _on(design: Design, spec: DeviceSpec) -> Design:
    return design.model_copy(update={"device": spec})


def _split(ask: Rehearse, dataset: Dataset) -> str:
    if ask.split and ask.split not in SPLITS:
        raise UserError(f"There is no split {ask.split[:40]!r}; choose one of {', '.join(SPLITS)}.")
    return ask.split or ("test" if dataset.test else "validation")


def _note(ask: Rehearse, split: str) -> str:
    if ask.split or split == "test":
        return ""
    return (
        "The run has no test split, so these are of its validation split. That has chosen the best "
        "epoch, so the score itself is flattered; what shots and noise take from it is not."
    )


class _Stopped(Exception):
    """The user wants no more."""


class _Rehearsing:
    """The run's model and samples, ready for one device after another."""

    def __init__(
        self,
        run: Run,
        checkpoint: dict[str, Any],
        design: Design,
        dataset: Dataset,
        begun: Begun,
        took: Sequence[float],
        tell: Emit,
        stopped: Stopped,
    ) -> None:
        self._run, self._checkpoint, self._design = run, checkpoint, design
        self._begun, self._took, self._tell, self._stopped = begun, took, tell, stopped
        self._items = chosen(dataset, begun.split, begun.images)
        self._reading: Reading = Criterion.of(design, dataset).reading
        self._dataset = dataset
        self._first = next(s.id for s in design.stages if s.circuit is not None)
        self._done, self._started = 0.0, 0.0
        self._exact = math.nan  # the score without shots and noise, once it is known

    def rows(self, ask: Rehearse) -> Iterator[Measured]:
        """One row after another, until it is stopped."""
        try:
            features, labels = self._features()
            exact: Tensor | None = None
            self._started = time.perf_counter()
            for number, spec in enumerate(ask.specs):
                self._reach(number, spec, 0.0)
                row, answers = self._row(number, spec, features, labels, exact)
                self._done += self._took[number]
                exact = answers if exact is None else exact
                yield row
        except _Stopped:
            return

    # ---- up to the first circuit -----------------------------------------------------------------

    @torch.no_grad()
    def _features(self) -> tuple[Tensor, Tensor]:
        """What stands before the first circuit [samples, ...], and the labels [samples]."""
        design = _on(self._design, DeviceSpec())
        split = self._run.split_of(self._checkpoint, design)
        place = [stage.id for stage in design.stages].index(self._first)
        front = split
        if split.cut > place:  # a frozen circuit stands in the part that is computed once
            front = Split(design, self._run.outputs, cut=place)
        inputs = prepare(
            design, front, self._dataset, self._items,
            lambda what: told(self._tell, what), stopped=self._stopped,
        )  # fmt: skip
        modules = [] if front is not split else self._before(split)
        parts = []
        for part in torch.split(torch.arange(len(inputs.labels)), BATCH):
            self._refuse_to_go_on()
            parts.append(_through(modules, inputs.batch(part)[0]))
        return torch.cat(parts), inputs.labels

    def _before(self, split: Split) -> list[nn.Module]:
        found = []
        for name, module in split.tail.eval().named_children():
            if name == self._first:
                break
            found.append(module)
        return found

    def _behind(self, spec: DeviceSpec) -> list[nn.Module]:
        """The first circuit on ``spec`` and what follows."""
        split = self._run.split_of(self._checkpoint, _on(self._design, spec))
        within = self._first in dict(split.tail.named_children())
        model = (split.tail if within else split.whole()).eval()
        children = list(model.named_children())
        place = [name for name, _ in children].index(self._first)
        return [module for _, module in children[place:]]

    # ---- one row ---------------------------------------------------------------------------------

    @torch.no_grad()
    def _row(
        self, number: int, spec: DeviceSpec, features: Tensor, labels: Tensor, exact: Tensor | None
    ) -> tuple[Measured, Tensor]:
        """A row, and the answers [samples] of its first repeat; ``exact`` are the exact ones."""
        load(spec)
        modules = self._behind(spec)
        size = _size(modules)
        _through(modules, features[:1])  # so that what is compiled or placed first is not timed
        repeats = self._begun.repeats if spec.shots else 1
        begun = time.perf_counter()
        scores, answers = [], []
        for repeat in range(repeats):
            torch.manual_seed(self._begun.seed + repeat)  # of the shots
            parts = []
            for part in torch.split(torch.arange(len(labels)), BATCH):
                parts.append(_through(modules, features[part]))
                done = (repeat + (int(part[-1]) + 1) / len(labels)) / repeats
                self._reach(number, spec, done)
            outputs = torch.cat(parts)
            scores.append(self._reading.scores(outputs, labels).double().numpy())
            answers.append(outputs.argmax(dim=-1))
        seconds = time.perf_counter() - begun
        found = np.stack(scores)
        low, high, scatter = interval(found, self._begun.errors)
        if exact is None:
            exact, self._exact = answers[0], float(found.mean())
        changed = None
        if not self._begun.errors:
            changed = float(np.mean([(each != exact).double().mean() for each in answers]))
        row = Measured(
            device_words(spec), spec.noise, spec.shots, len(labels), repeats, float(found.mean()),
            low, high, self._exact, changed,
            repeats * circuits_run(_on(self._design, spec), len(labels)), seconds, scatter,
            size.depth if size else None, size.two_qubit if size else None,
        )  # fmt: skip
        return row, answers[0]

    def _refuse_to_go_on(self) -> None:
        if self._stopped():
            raise _Stopped

    def _reach(self, number: int, spec: DeviceSpec, done: float) -> None:
        """``done`` of row ``number`` is done."""
        self._refuse_to_go_on()
        what = device_words(spec)
        what += f", {spec.shots:,} shots" if spec.shots else ("" if spec.noise else ", exact")
        predicted = self._done + done * self._took[number]
        share = predicted / sum(self._took)
        gone = time.perf_counter() - self._started
        left = gone / share * (1 - share) if share > 0.02 else 0.0
        self._tell(Reached(what, number + 1, self._begun.rows, share, left))


def _through(modules: Sequence[nn.Module], x: Tensor) -> Tensor:
    for module in modules:
        x = module(x)
    return x


def _size(modules: Sequence[nn.Module]) -> Size | None:
    """The deepest circuit as its machine runs it; None without a machine."""
    sizes = [
        size
        for module in modules
        if isinstance(module, DeviceLayer) and isinstance(module.device, Transpiling)
        for size in module.device.sizes(free(module.circuit))
    ]
    return max(sizes, default=None)


def interval(scores: Scores, errors: bool) -> tuple[float, float, Any]:
    """The 95 % interval of the mean of ``scores`` [repeats, samples] (1 right, 0 wrong; or
    ``errors``, 0 or more), and what it is about.

    Of several repeats: where the mean lies for other shots on these samples. Samples draw their
    shots apart, so the variances of each over the repeats add up. Where hardly an answer changes it
    is no narrower than the rule of three allows (Hanley and Lippman-Hand, JAMA 249, 1983): what
    was never seen in n answers happens in up to 3 of n. Of one repeat: where it lies for other
    samples, by Wilson's score interval (Wilson, J. Am. Stat. Assoc. 22, 1927), or for errors by
    the normal distribution.
    """
    repeats, samples = scores.shape
    mean = float(scores.mean())
    if repeats > 1:
        spread = float(scores.var(axis=0, ddof=1).sum()) / (samples**2 * repeats)
        half = _NORMAL * math.sqrt(spread)
        half = half if errors else max(half, _THREE / (samples * repeats))
        most = math.inf if errors else 1.0
        return max(0.0, mean - half), min(most, mean + half), "shots"
    if errors:
        spread = float(scores.var(ddof=1)) / samples if samples > 1 else 0.0
        half = _NORMAL * math.sqrt(spread)
        return max(0.0, mean - half), mean + half, "samples"
    z = _NORMAL**2 / samples
    middle = (mean + z / 2) / (1 + z)
    half = math.sqrt(z * (mean * (1 - mean) + z / 4)) / (1 + z)
    return max(0.0, middle - half), min(1.0, middle + half), "samples"
