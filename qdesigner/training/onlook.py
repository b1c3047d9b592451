"""A run's checkpoints asked about images, also while the run goes on: what they say of files, and
how one image passes through a circuit."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from qdesigner.analysis import trace
from qdesigner.catalog.devices import DEVICES
from qdesigner.circuit.circuit import Circuit
from qdesigner.data.dataset import Dataset, Item, read_dataset
from qdesigner.data.images import UnusableImage, load_image, transform
from qdesigner.design.spec import Design, DeviceSpec, preprocess
from qdesigner.engine.layer import CircuitLayer
from qdesigner.errors import UserError
from qdesigner.model.build import Split
from qdesigner.session import record
from qdesigner.session.events import Predictions
from qdesigner.session.onlook import Layer, Predict, Predicted, Removed, Said, Trace, Traced
from qdesigner.training.losses import Reading
from qdesigner.training.runs import Run, load_weights

MAX_FEATURES = 4096  # of a quantum activation that is traced

Floats = npt.NDArray[np.floating[Any]]
Stamp = tuple[()] | tuple[str, int, int]


@dataclass
class _Opened:
    """A run's model with the weights after ``epoch``, or from ``within`` the next one. ``own`` is
    the run's design then, ``design`` that of ``split``. With another ``stamp`` the weights are read
    anew, with another ``key`` the model is built anew."""

    run: Run
    own: Design
    design: Design
    epoch: int
    within: bool
    stamp: Stamp
    key: tuple[Any, ...] = ()
    split: Split = field(init=False)

    @property
    def exact(self) -> Design:
        """The design with its circuits on the built-in engine, without shots and noise."""
        return self.own.model_copy(update={"device": DeviceSpec()})

    def modules(self, whole: bool) -> dict[str, nn.Module]:
        """The stages' modules in order; without ``whole`` those behind the frozen prefix."""
        return dict((self.split.whole() if whole else self.split.tail).eval().named_children())


class Onlooker:
    """Answers requests about runs. The last run's model stays in memory and follows its files."""

    def __init__(self) -> None:
        self._opened: dict[bool, _Opened] = {}  # by whether only its circuits were made exact
        self._data: tuple[Design, Dataset] | None = None
        self._kept: tuple[tuple[Path, int], Predictions | None] | None = None

    # ---- predictions ----------------------------------------------------------------------------

    def predict(self, request: Predict) -> Iterator[Predicted | None]:
        """None after each file, then the answer, so that its owner may turn to something else in
        between. Raises UserError when the run cannot be used."""
        opened = self._open(Path(request.run), request.epoch, exact=False)
        modules = opened.modules(whole=True)
        rows = []
        for path in request.paths:
            rows.append(_said(opened, modules, path))
            yield None
        yield Predicted(request.serial, opened.epoch, opened.run.classes, tuple(rows))

    # ---- the trace ------------------------------------------------------------------------------

    @torch.no_grad()
    def trace(self, request: Trace) -> Traced:
        """How an image passes through one circuit of the run, on the exact state whatever the run's
        device. Raises UserError."""
        opened = self._open(Path(request.run), request.epoch, exact=True)
        stage = _quantum_stage(opened.design, request.stage)
        modules = opened.modules(whole=stage not in dict(opened.split.tail.named_children()))
        layer = modules[stage]
        assert isinstance(layer, CircuitLayer)
        trace.require_small(layer.circuit)
        features, label = self._input(opened, request, stage)
        names = list(modules)
        behind = nn.Sequential(*(modules[name] for name in names[names.index(stage) + 1 :]))
        found = _traced(
            request, stage, opened.epoch, layer, features, copy.deepcopy(behind).double().eval(),
            label, opened.run.reading,
        )  # fmt: skip
        return replace(found, note=_note(opened.own.device, layer, features.numel()))

    def _input(self, opened: _Opened, request: Trace, stage: str) -> tuple[Tensor, float | None]:
        """What the stage gets [1, ...] of the image, and the image's label if it is known."""
        run = opened.run
        if request.path:
            sample = _prepared(opened.design, request.path)
            return _up_to(opened.modules(whole=True), stage, sample), None
        items = record.read_items(run.path, len(run.classes))
        if not 0 <= request.image < len(items):
            raise UserError(
                f"The run {run.path.name!r} has no validation image number {request.image}; it has "
                f"{len(items)}, counted from 0."
            )
        item = items[request.image]
        angles = self._kept_angles(opened, stage)
        if angles is not None and len(angles) == len(items):
            return torch.from_numpy(angles[request.image][None]), item.label
        sample = self._sample(opened.design, item)
        return _up_to(opened.modules(whole=True), stage, sample), item.label

    def _kept_angles(self, opened: _Opened, stage: str) -> Floats | None:
        """The stage's inputs [images, features] as the run has written them, None without: those
        behind another circuit must not have come from a device with shots."""
        run = opened.run
        if opened.within or opened.design.device != opened.own.device:
            return None
        key = (run.path, opened.epoch)
        if self._kept is None or self._kept[0] != key:
            self._kept = key, record.read_epoch(*key, len(run.classes))
        kept = self._kept[1]
        angles = None if kept is None else kept.angles.get(stage)
        return angles if angles is not None and angles.dtype in (np.float32, np.float64) else None

    def _sample(self, design: Design, item: record.RunItem) -> Tensor:
        """The validation sample [1, ...] as the first stage gets it."""
        if item.path:
            return _prepared(design, item.path)
        if self._data is None or self._data[0].data != design.data:
            self._data = design, read_dataset(design.data)
        data = self._data[1]
        found = next((other for other in data.validation if other.key == item.key), None)
        if found is None:
            raise UserError(f"The data has no validation sample {item.key[:80]!r} any more.")
        if data.rows is not None:
            return torch.from_numpy(data.values([found]))
        return _picture(design, data, found)

    # ---- the model ------------------------------------------------------------------------------

    def _open(self, folder: Path, epoch: int, exact: bool) -> _Opened:
        """The run's model after ``epoch`` (0: in its newest checkpoint), read again where its files
        have changed; ``exact`` puts its circuits on the built-in engine."""
        run = Run.open(folder.absolute())
        stamp = _stamp(run.path, epoch)
        if not epoch and not stamp and run.about.get("state") == "running":
            raise UserError(f"The run {run.path.name!r} can be asked after its first epoch.")
        for opened in self._opened.values():
            design = opened.exact if exact else opened.own
            if stamp and (opened.stamp, opened.design) == (stamp, design):
                opened.run = run
                return opened
        values = run.load_epoch(epoch)
        own = run.design_of(values)
        number = values.get("epoch", epoch)
        if not isinstance(number, int):
            raise UserError(f"The checkpoint of the run {run.path.name!r} is broken.")
        within = values.get("within") is not None
        opened = _Opened(run, own, own, number, within, stamp)
        if exact:
            opened.design = opened.exact
        self._load(opened, values)
        return opened

    def _load(self, opened: _Opened, values: dict[str, Any]) -> None:
        """Give a run's model the checkpoint's weights; one that is in memory already keeps its
        backbone."""
        exact = opened.design != opened.own
        key = (opened.run.path, opened.design, values.get("cut"))
        before = self._opened.get(exact)
        if before is None or before.key != key:
            opened.split = opened.run.split_of(values, opened.design)
        else:
            opened.split = before.split
            before.stamp = ()  # its weights are those of another epoch from here on
            load_weights(opened.split.tail, values["model"], opened.run.path.name)
        opened.key = key
        self._opened[exact] = opened


def _stamp(folder: Path, epoch: int) -> Stamp:
    """What changes whenever the weights do; () where there are none."""
    file = folder / (f"{record.EPOCHS}/{epoch:06d}.pt" if epoch else record.LAST)
    try:
        about = file.stat()
    except OSError:
        return ()
    return (str(file), about.st_mtime_ns, about.st_size)


def _quantum_stage(design: Design, wanted: str) -> str:
    """The id of the quantum stage that is asked for. Raises UserError."""
    there = [stage.id for stage in design.stages if stage.circuit is not None]
    if not there:
        raise UserError(f"{design.name!r} has no quantum circuit to trace an image through.")
    if wanted and wanted not in there:
        raise UserError(f"The run has no quantum stage {wanted[:64]!r}; it has {', '.join(there)}.")
    return wanted or there[0]


# ---- images ---------------------------------------------------------------------------------


def _prepared(design: Design, path: str) -> Tensor:
    """An image file [1, C, H, W] as the first stage gets it. Raises UserError."""
    if design.data.rows:
        raise UserError("This run was trained on rows of numbers, so it says nothing of images.")
    wanted = preprocess(design)
    try:
        return transform(wanted)(load_image(Path(path), wanted.channels))[None]
    except UnusableImage as error:
        raise UserError(f"{Path(path).name}: {error}.") from error


def _picture(design: Design, data: Dataset, item: Item) -> Tensor:
    wanted = preprocess(design)
    return transform(wanted)(data.image(item, wanted.channels))[None]


def _up_to(modules: dict[str, nn.Module], stage: str, x: Tensor) -> Tensor:
    """What ``stage`` gets of samples ``x``."""
    for name, module in modules.items():
        if name == stage:
            return x
        x = module(x)
    raise KeyError(stage)


@torch.no_grad()
def _said(opened: _Opened, modules: dict[str, nn.Module], path: str) -> Said:
    design = opened.design
    try:
        x = _prepared(design, path)
    except UserError as error:
        return Said(path, error=str(error))
    angles = {}
    torch.manual_seed(design.training.seed)  # of shots
    for name, module in modules.items():
        if isinstance(module, CircuitLayer):
            angles[name] = x[0].flatten().numpy().copy()
        x = module(x)
    return Said(path, opened.run.reading.probabilities(x)[0].numpy(), angles)


def _note(spec: DeviceSpec, layer: CircuitLayer, features: int) -> str:
    """What the trace leaves out, as a sentence; "" for nothing."""
    said = []
    if spec.shots or spec.noise or DEVICES[spec.name].remote:
        there = " with ".join(filter(None, [DEVICES[spec.name].label, _inexact(spec)]))
        said.append(
            f"The run's device is {there}; the trace is of the exact state, by the built-in engine."
        )
    if layer.each_feature and features > 1:
        said.append(
            f"The circuit runs for each of {features:,} numbers: an operation is taken away for "
            "all of them, and the state is shown for the largest."
        )
    return " ".join(said)


def _inexact(spec: DeviceSpec) -> str:
    """Shots and noise in a few words."""
    return " and ".join(
        filter(None, [f"{spec.shots:,} shots" if spec.shots else "", "noise" if spec.noise else ""])
    )


# ---- the trace of one sample ----------------------------------------------------------------


def _traced(
    request: Trace, stage: str, epoch: int, layer: CircuitLayer, features: Tensor,
    behind: nn.Module, label: float | None, reading: Reading,
) -> Traced:  # fmt: skip
    circuit, weights = layer.circuit, layer.flat().double().numpy()
    removals = trace.single_removals(circuit)
    whole = trace.entanglers(circuit)
    taken = [each.operations for each in (*removals, *whole)]
    rows = features.double().numpy().reshape(-1, layer.inputs)  # several of a quantum activation
    outputs = _outputs(circuit, rows, weights, taken)
    if layer.each_feature:
        logits = behind(torch.from_numpy(outputs).reshape(-1, *features.shape[1:]))
    else:
        logits = behind(torch.from_numpy(outputs[:, 0]))
    truth, chances, margins = _judged(logits, label, reading)
    changes = zip((chances - chances[0]).tolist()[1:], (margins - margins[0]).tolist()[1:],
                  strict=True)  # fmt: skip
    said = [
        Removed(each.operations[0], each.of.block.id, each.label, each.gate, each.wires,
                each.entangling, probability, margin, each.of.label)
        for each, (probability, margin) in zip((*removals, *whole), changes, strict=True)
    ]  # fmt: skip
    shown = rows[np.abs(rows).max(axis=1).argmax()]
    return Traced(
        request.serial, stage, epoch, truth, float(chances[0]), float(margins[0]), shown,
        tuple(
            Layer(each.block.id, each.label, bloch)
            for each, bloch in trace.layers(circuit, shown, weights)
        ),
        tuple(said[: len(removals)]), tuple(said[len(removals) :]),
    )  # fmt: skip


def _outputs(
    circuit: Circuit, rows: Floats, weights: Floats, taken: list[tuple[int, ...]]
) -> Floats:
    """The readout [1 + taken, rows, outputs] with nothing and with each of ``taken`` left out."""
    if len(rows) > MAX_FEATURES:
        raise UserError(
            f"No trace is worked out for a quantum activation of {len(rows):,} numbers; the limit "
            f"is {MAX_FEATURES:,}."
        )
    return np.stack([trace.readouts(circuit, row, weights, taken) for row in rows], axis=1)


def _judged(logits: Tensor, label: float | None, reading: Reading) -> tuple[int, Floats, Floats]:
    """The traced class, its probability and its margin in every row of logits [rows, classes]; in a
    regression 0, the number, and the distance from the true number, negative.

    Without a label the first row's own answer counts as true.
    """
    probabilities = reading.probabilities(logits)
    if reading.of_numbers:
        numbers = probabilities[:, 0].numpy()
        aim = float(numbers[0]) if label is None else label
        return 0, numbers, -np.abs(numbers - aim)
    truth = int(logits[0].argmax()) if label is None else int(label)
    others = logits.clone()
    others[:, truth] = -torch.inf
    margins = logits[:, truth] - others.max(dim=1).values
    return truth, probabilities[:, truth].numpy(), margins.numpy()
