"""A Design as a torch module: one child per stage, named by the stage's id.

Initial weights are documented here because an exported script replays them: ``manual_seed(seed)``,
the backbone is built; ``manual_seed(seed)`` again, the other stages are built in order with
torch's own initialisers; a circuit's weights as `initial_weights` draws them, on any device.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn

from qdesigner.design.plan import front_end
from qdesigner.design.shapes import Traced, trace
from qdesigner.design.spec import MAX_STAGES, Design, Stage
from qdesigner.design.stages import ACTIVATIONS, linear_outputs
from qdesigner.devices.layer import quantum_layer
from qdesigner.errors import UserError
from qdesigner.model.backbones import build_backbone
from qdesigner.model.from_run import load_from_run
from qdesigner.model.partly import hold_still, join, set_parts_mode, still_front, trained_end

Download = Callable[[str, int, int], None]
Maker = Callable[[Traced, int], nn.Module]


class Squash(nn.Module):
    """tanh(x) · π/2: any number as an angle between -π/2 and π/2, elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        """[...] -> [...]"""
        return torch.tanh(x) * (math.pi / 2)


class Probability(nn.Module):
    """(1 + ⟨Z⟩)/2: [batch, wires] -> [batch, wires], or (p, 1 - p) of a single wire."""

    def forward(self, z: Tensor) -> Tensor:
        """[batch, wires] -> [batch, max(wires, 2)]"""
        p = (1 + z) / 2
        return torch.cat((p, 1 - p), dim=1) if p.shape[1] == 1 else p


def _conv(traced: Traced, classes: int) -> nn.Module:
    assert traced.shape_in is not None
    settings = traced.stage.settings
    return nn.Conv2d(
        traced.shape_in[0],
        settings.integer("channels"),
        settings.integer("kernel"),
        stride=settings.integer("stride"),
        padding=settings.integer("padding"),
    )


def _activation(traced: Traced, classes: int) -> nn.Module:
    kind: type[nn.Module] = getattr(nn, ACTIVATIONS[traced.stage.settings.text("function")])
    return kind()


def _pool(traced: Traced, classes: int) -> nn.Module:
    kernel = traced.stage.settings.integer("kernel")
    if traced.stage.settings.text("mode") == "max":
        return nn.MaxPool2d(kernel)
    return nn.AvgPool2d(kernel)


def _linear(traced: Traced, classes: int) -> nn.Module:
    assert traced.shape_in is not None
    outputs = linear_outputs(traced.stage, classes)
    return nn.Linear(traced.shape_in[0], outputs, bias=bool(traced.stage.settings["bias"]))


def _batch_norm(traced: Traced, classes: int) -> nn.Module:
    assert traced.shape_in is not None
    kind = nn.BatchNorm2d if len(traced.shape_in) == 3 else nn.BatchNorm1d
    return kind(traced.shape_in[0])


# One row a stage kind; the backbone is built apart, with progress, and circuits by their device.
MAKERS: dict[str, Maker] = {
    "conv": _conv,
    "pool": _pool,
    "flatten": lambda traced, classes: nn.Flatten(1),
    "linear": _linear,
    "activation": _activation,
    "dropout": lambda t, classes: nn.Dropout(t.stage.settings.number("rate")),
    "batch_norm": _batch_norm,
    "squash": lambda traced, classes: Squash(),
    "probability": lambda traced, classes: Probability(),
}


def build(design: Design, classes: int, progress: Download | None = None) -> nn.Sequential:
    """The whole model with its initial weights: images [batch, C, H, W] -> [batch, classes].

    ``progress(what, done, total)`` is told of a download in bytes. Raises UserError when a stage
    cannot take its input or the backbone's weights cannot be had.
    """
    return _sequence(build_stages(design, classes, progress))


def build_backbone_stage(stage: Stage, seed: int, progress: Download | None = None) -> nn.Module:
    """The backbone with its first weights; random ones follow ``seed``."""
    torch.manual_seed(seed)
    backbone = build_backbone(stage, progress)
    if stage.weights.origin == "run":
        load_from_run(stage, backbone, build_stages)
    return backbone


def build_stages(
    design: Design, classes: int, progress: Download | None = None, backbone: bool = True
) -> dict[str, nn.Module]:
    """The modules by stage id, in order, frozen ones without gradients and in eval mode.

    With ``backbone`` False a backbone is left out: what stands on cached features needs none.
    """
    seed = design.training.seed
    modules: dict[str, nn.Module] = {}
    if backbone and design.backbone is not None:
        modules[design.backbone.id] = build_backbone_stage(design.backbone, seed, progress)
    torch.manual_seed(seed)
    for number, traced in enumerate(trace(design, classes)):
        stage = traced.stage
        if traced.error:
            raise UserError(f"{stage.row.label} ({stage.id}): {traced.error}.")
        if stage.circuit is not None:
            # Each circuit of a model draws shots of its own.
            shots_seed = seed * MAX_STAGES + number
            modules[stage.id] = quantum_layer(
                stage.circuit, design.device, shots_seed, stage.row.each_feature
            )
        elif stage is not design.backbone:
            modules[stage.id] = MAKERS[stage.kind](traced, classes)
    for stage in design.stages:
        if stage.id in modules:
            if stage.weights.origin == "run" and stage is not design.backbone:
                load_from_run(stage, modules[stage.id], build_stages)
            if stage.frozen:
                modules[stage.id].requires_grad_(False)
            elif stage is design.backbone:
                hold_still(stage, modules[stage.id])
    return modules


def _sequence(modules: dict[str, nn.Module]) -> nn.Sequential:
    return nn.Sequential(OrderedDict(modules))


def set_mode(design: Design, modules: nn.Module, training: bool) -> None:
    """Training or eval mode; what is frozen is always in eval mode."""
    for stage in design.stages:
        module = dict(modules.named_children()).get(stage.id)
        if module is None:
            continue
        if stage.kind == "backbone":
            set_parts_mode(stage, module, training)
        else:
            module.train(training and not stage.frozen)


class Split:
    """A model cut after its frozen prefix, whose output is computed once for each image.

    ``tail`` takes what the prefix gives: its features, or images when there is no prefix. ``cut``
    is where, as `front_end` counts (None: as far back as can be): a frozen stage with weights of a
    run's own, which it was trained with before, must stand in the tail.
    """

    def __init__(
        self,
        design: Design,
        classes: int,
        progress: Download | None = None,
        cut: int | None = None,
    ) -> None:
        self.design = design
        self.classes = classes
        self._progress = progress
        self.cut = front_end(design, cut)
        modules = build_stages(design, classes, progress, backbone=self.cut <= 0)
        front = [stage.id for stage in design.stages[: max(self.cut, 0)]]
        self._front = {name: modules.pop(name) for name in front if name in modules}
        if self.cut < 0 and design.backbone is not None:
            stage = design.backbone
            modules[stage.id] = trained_end(stage, modules[stage.id], -self.cut)
            modules[stage.id].parts_before = -self.cut  # type: ignore[assignment]
        self.tail = _sequence(modules)

    def prefix(self) -> nn.Module:
        """The frozen front, built when first asked for, in eval mode."""
        modules = {}
        if self.cut < 0 and self.design.backbone is not None:
            stage = self.design.backbone
            if stage.id not in self._front:
                self._front[stage.id] = still_front(stage, self._backbone(stage), -self.cut)
            return _sequence(self._front).eval().requires_grad_(False)
        for stage in self.design.stages[: self.cut]:
            if stage is self.design.backbone and stage.id not in self._front:
                self._front[stage.id] = self._backbone(stage)
            modules[stage.id] = self._front[stage.id]
        return _sequence(modules).eval().requires_grad_(False)

    def whole(self) -> nn.Sequential:
        """Prefix and tail as one model, sharing the tail's weights."""
        behind = dict(self.tail.named_children())
        if self.cut < 0 and self.design.backbone is not None:
            stage = self.design.backbone
            whole = self._backbone(stage).requires_grad_(False)
            join(stage, whole, behind[stage.id], -self.cut)
            return _sequence({**behind, stage.id: whole})
        modules = dict(self.prefix().named_children()) if self.cut else {}
        return _sequence({**modules, **behind})

    def _backbone(self, stage: Stage) -> nn.Module:
        """The whole backbone with its first weights; torch's generator is left as it is."""
        rng = torch.get_rng_state()
        try:
            return build_backbone_stage(stage, self.design.training.seed, self._progress)
        finally:
            torch.set_rng_state(rng)
