"""What an exported script must compute: logits of the program's own engine, and what shots may do
to them.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from qdesigner.circuit.circuit import Circuit
from qdesigner.design.spec import Design, DeviceSpec
from qdesigner.devices.layer import quantum_layer
from qdesigner.export.device import runs_on
from qdesigner.export.verification import large_backbone

TOLERANCE = 1e-5  # of a logit, for circuits without shots
RUNS = 100  # of each image, where the program draws shots too
# Stages whose mean output is their output for the mean input.
_LINEAR = frozenset(("linear", "flatten", "dropout", "batch_norm", "probability"))

Numbers = dict[str, list[float]]


class Golden:
    """The logits of a model whose circuits are exact, [images] one by one.

    A script without shots must find the same. One with shots is compared with the exact logits
    where shots do not move their mean: behind the circuit all is linear, and there is no noise.
    Elsewhere the program draws shots itself, on its own device.
    """

    def __init__(self, design: Design, model: nn.Sequential) -> None:
        single = 1 if large_backbone(design) else 0  # stages that stay in float32
        self._design = design
        self._shots = runs_on(design).shots
        self._front = model[:single].eval()
        self._exact = model[single:].eval().double()
        self._own = self._exact
        if design.device.noise:
            self._own = _on(design, self._exact, design.device)
        elif self._shots and not _linear_behind(design):
            self._own = _on(design, self._exact, DeviceSpec(shots=self._shots))

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Numbers:
        """``logits`` of one image [1, C, H, W]; where shots are drawn, also the ``errors`` that
        these have themselves, and the most that one ``shot`` can do to each."""
        features = self._front(image).double()
        if not self._shots:
            return {"logits": self._own(features)[0].tolist()}
        runs = RUNS if self._own is not self._exact and self._design.device.shots else 1
        torch.manual_seed(self._design.training.seed)
        logits = self._own(features.expand(runs, *features.shape[1:]))
        mean, error, shot = logits[0], torch.zeros_like(logits[0]), self._shot(features)
        if runs > 1:
            mean = logits.mean(dim=0)
            # Rare outcomes may all have been missed: what ten shots do is added.
            error = (logits.var(dim=0) / runs).sqrt() + 10 * shot / (runs * self._shots)
        return {"logits": mean.tolist(), "errors": error.tolist(), "shot": shot.tolist()}

    def _shot(self, features: Tensor) -> Tensor:
        """The most that one shot of each circuit, seen otherwise, does to the logits [classes]."""
        moved: Tensor | float = 0.0
        for place, circuit in enumerate(map(_circuit, self._exact)):
            if circuit is None:
                continue
            outputs = self._exact[: place + 1](features)
            slopes = _jacobian(self._exact[place + 1 :], outputs)
            widths = torch.tensor(_widths(circuit), dtype=torch.float64)
            # A circuit that is applied to each feature has one width for all of them.
            moved = moved + slopes.abs() @ widths.expand(slopes.shape[1])
        assert isinstance(moved, Tensor)
        return moved


def in_unit(numbers: Numbers, unit: tuple[float, float]) -> Numbers:
    """Golden numbers of what is learnt in a unit (mean, deviation), in the label's own."""
    mean, deviation = unit
    return {
        name: [value * deviation + (mean if name == "logits" else 0.0) for value in row]
        for name, row in numbers.items()
    }


def _circuit(module: nn.Module) -> Circuit | None:
    circuit = getattr(module, "circuit", None)
    return circuit if isinstance(circuit, Circuit) else None


def _linear_behind(design: Design) -> bool:
    """Whether all behind the first circuit is linear, so that there is no second one."""
    first = next(place for place, stage in enumerate(design.stages) if stage.circuit)
    return all(stage.kind in _LINEAR for stage in design.stages[first + 1 :])


def _on(design: Design, model: nn.Sequential, device: DeviceSpec) -> nn.Sequential:
    """The model with its circuits on a device, the weights in double precision."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, module in model.named_children():
        circuit = _circuit(module)
        if circuit is not None:
            each = bool(module.each_feature)
            layer = quantum_layer(circuit, device, design.training.seed, each)
            layer.load_state_dict(module.state_dict())
            module = layer.double().eval()
        layers[name] = module
    return nn.Sequential(layers)


def _widths(circuit: Circuit) -> list[float]:
    """How far one shot moves each output, times the number of shots."""
    observables = circuit.readout.observables(circuit.wires)
    if not observables:
        return [1.0] * circuit.outputs
    return [2 * sum(abs(t.coefficient) for t in terms if t.word) for terms in observables]


def _jacobian(tail: nn.Sequential, outputs: Tensor) -> Tensor:
    """Derivatives [classes, outputs] of the logits, by what the circuit gives [1, outputs]."""
    with torch.enable_grad():
        given = outputs.detach().requires_grad_()
        logits = tail(given)[0]
        rows = [torch.autograd.grad(logit, given, retain_graph=True)[0] for logit in logits]
    return torch.stack([row.flatten() for row in rows])
