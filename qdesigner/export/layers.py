"""The stages of a Design as source: modules of its own, and `build_model`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from qdesigner.catalog.backbones import BACKBONES, EMBEDDED
from qdesigner.design.shapes import Traced
from qdesigner.design.spec import Design, Stage
from qdesigner.design.stages import ACTIVATIONS, linear_outputs
from qdesigner.export import braket, pennylane, qiskit
from qdesigner.export.device import circuit_names, library, runs_on
from qdesigner.export.losses import has_unit
from qdesigner.export.rows import standardises
from qdesigner.export.source import filled, indented

SQUASH = '''
class Squash(nn.Module):
    """tanh(x) · π/2: any number as an angle between -π/2 and π/2."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x) * (math.pi / 2)
'''

PROBABILITY = '''
class Probability(nn.Module):
    """(1 + ⟨Z⟩)/2; of a single wire the pair (p, 1 - p)."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        p = (1 + z) / 2
        return torch.cat((p, 1 - p), dim=1) if p.shape[1] == 1 else p
'''


ACTIVATION = '''
class <<name>>(<<circuit>>):
    """The circuit applied to each feature by itself, with the same weights for all."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return super().forward(features.reshape(-1, 1)).reshape(features.shape)
'''


def modules(design: Design) -> list[str]:
    """Lines of every class and circuit that `build_model` uses."""
    kinds = {stage.kind for stage in design.stages}
    lines: list[str] = []
    if design.backbone is not None and design.backbone.settings.text("model") == EMBEDDED:
        lines += ["", "", *embedded_source()]
    for kind, text in (("squash", SQUASH), ("probability", PROBABILITY)):
        if kind in kinds:
            lines += ["", *filled(text, {})]
    return lines + _circuits(design) + _activations(design)


def _circuits(design: Design) -> list[str]:
    """Lines of the classes of the circuits."""
    names, device = circuit_names(design), runs_on(design)
    if not names or library(device) == "pennylane":
        written = (pennylane.circuit_module(c, name, device) for c, name in names.items())
        return [line for text in written for line in ("", "", *text)]
    if library(device) == "qiskit":
        return qiskit.modules(names, device, design.device.target)
    return braket.modules(names, device, design.device.target)


def _activations(design: Design) -> list[str]:
    """Lines of the classes of the quantum activations."""
    names = circuit_names(design)
    used = dict.fromkeys(s.circuit for s in design.stages if s.circuit and s.row.each_feature)
    return [
        line
        for circuit in used
        for line in (
            "",
            *filled(
                ACTIVATION, {"name": activation_name(names[circuit]), "circuit": names[circuit]}
            ),
        )
    ]


def activation_name(circuit: str) -> str:
    """Name of the class that applies the circuit of this class to each feature."""
    return re.sub("QuantumCircuit|QuantumLayer", "QuantumActivation", circuit)


# ---- stages --------------------------------------------------------------------------------------


def _conv(traced: Traced, classes: int) -> str:
    assert traced.shape_in is not None
    names = ("channels", "kernel", "stride", "padding")
    channels, kernel, stride, padding = (traced.stage.settings.integer(name) for name in names)
    more = (f", stride={stride}" if stride != 1 else "") + (
        f", padding={padding}" if padding else ""
    )
    return f"nn.Conv2d({traced.shape_in[0]}, {channels}, {kernel}{more})"


def _pool(traced: Traced, classes: int) -> str:
    name = "MaxPool2d" if traced.stage.settings.text("mode") == "max" else "AvgPool2d"
    return f"nn.{name}({traced.stage.settings.integer('kernel')})"


def _linear(traced: Traced, classes: int) -> str:
    assert traced.shape_in is not None
    outputs = linear_outputs(traced.stage, classes)
    one_each = not traced.stage.settings.integer("outputs") and classes > 1
    last = "len(CLASSES)" if one_each else str(outputs)
    bias = "" if traced.stage.settings["bias"] else ", bias=False"
    return f"nn.Linear({traced.shape_in[0]}, {last}{bias})"


def _batch_norm(traced: Traced, classes: int) -> str:
    assert traced.shape_in is not None
    return f"nn.BatchNorm{2 if len(traced.shape_in) == 3 else 1}d({traced.shape_in[0]})"


MODULES: dict[str, Callable[[Traced, int], str]] = {
    "backbone": lambda traced, classes: "backbone",
    "conv": _conv,
    "pool": _pool,
    "flatten": lambda traced, classes: "nn.Flatten()",
    "linear": _linear,
    "activation": lambda t, classes: f"nn.{ACTIVATIONS[t.stage.settings.text('function')]}()",
    "dropout": lambda t, classes: f"nn.Dropout({t.stage.settings.number('rate')!r})",
    "batch_norm": _batch_norm,
    "squash": lambda traced, classes: "Squash()",
    "probability": lambda traced, classes: "Probability()",
}


def build_model(design: Design, traced: Sequence[Traced], classes: int) -> list[str]:
    """Lines of the function that makes the model with its initial weights."""
    names = circuit_names(design)
    rows = []
    if standardises(design):
        rows.append(f'"standardise": Standardise({len(design.data.columns)}),')
    for step in traced:
        circuit = step.stage.circuit
        module = f"{names[circuit]}()" if circuit else MODULES[step.stage.kind](step, classes)
        if circuit and step.stage.row.each_feature:
            module = f"{activation_name(names[circuit])}()"
        rows.append(f'"{step.stage.id}": {module},')
    if has_unit(design):
        rows.append('"unit": Unit(),')
    lines = [
        "",
        "",
        "def build_model() -> nn.Sequential:",
        f'    """The model before training: {_in_and_out(design)}."""',
        "    torch.manual_seed(SEED)",
    ]
    if design.backbone is not None:
        lines += indented(_backbone(design.backbone))
        lines.append("    torch.manual_seed(SEED)  # the rest starts alike on any backbone")
    lines += ["    stages = {", *indented(rows, 2), "    }"]
    return [*lines, "    return nn.Sequential(OrderedDict(stages))"]


def _in_and_out(design: Design) -> str:
    what = "rows [batch, features]" if design.data.rows else "images [batch, C, H, W]"
    regress = design.data.task == "regress"
    return f"{what} -> {'numbers [batch, 1]' if regress else 'logits [batch, classes]'}"


def _backbone(stage: Stage) -> list[str]:
    row, cut = BACKBONES[stage.settings.text("model")], stage.settings.text("cut")
    made = f"{embedded_class()}()"
    if row.name != EMBEDDED:
        given = ["weights=None", *(f"{name}={value}" for name, value in row.kind.arguments)]
        made = f"models.{row.name}({', '.join(given)})"
    lines = [f"backbone = {made}"]
    for number, (target, expression) in enumerate(row.edits(cut)):
        new = f"backbone.{target}{expression}" if expression.startswith("[") else expression
        why = f"  # features of {cut}" if cut else "  # features instead of classes"
        lines.append(f"backbone.{target} = {new}{why if number == 0 else ''}")
    return lines


# ---- the embedded backbone -----------------------------------------------------------------------

_EMBEDDED = Path(__file__).parent.parent / "model" / "embedded.py"


@lru_cache(maxsize=1)
def _embedded() -> tuple[str, tuple[str, ...]]:
    """Name and source lines of the one nn.Module class in the model's own file."""
    text = _EMBEDDED.read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and any(
            ast.unparse(b) == "nn.Module" for b in node.bases
        ):
            return node.name, tuple((ast.get_source_segment(text, node) or "").split("\n"))
    raise LookupError(f"{_EMBEDDED} holds no nn.Module")


def embedded_class() -> str:
    """Name of the embedded backbone's class."""
    return _embedded()[0]


def embedded_source() -> list[str]:
    """Source of the embedded backbone's class, as the program itself runs it."""
    return list(_embedded()[1])
