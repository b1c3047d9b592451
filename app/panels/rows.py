"""What the inspector shows of the selected thing, as rows: a field, how to read it from a design,
and the edit that sets it. No widget here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from qdesigner.catalog.backbones import BACKBONES, EMBEDDED
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.fields import Field, Settings
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.measured import outputs_text
from qdesigner.circuit.readout import parse
from qdesigner.design import edits
from qdesigner.design.spec import Design, Stage, WeightsSpec

Look = Literal[
    "", "folder", "file", "data", "classes", "columns", "wires", "text", "sums", "fold", "wide",
    "run", "command",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the inspector. ``set`` raises EditError; ``texts`` are shown for the field's
    choices; ``look`` names an editor of its own where the field's type does not decide. A row of a
    ``fold`` shows only while the row of look "fold" and that field's name is open. ``undo`` is what
    its undo step changes, where the field's label does not say it."""

    field: Field
    get: Callable[[Design], Any]
    set: Callable[[Design, Any], Design]
    texts: tuple[str, ...] = ()
    look: Look = ""
    fold: str = ""
    undo: str = ""


def command(name: str, text: str, hint: str) -> Row:
    """A line that does what the command of this name does."""
    return Row(Field(name, text, "choice", "", hint=hint), lambda d: text, lambda d, _: d,
               look="command")  # fmt: skip


# ---- stages -------------------------------------------------------------------------------------


def stage_rows(stage: Stage) -> list[Row]:
    """A stage's own fields, whether it is frozen, and its weights."""
    name = stage.id
    rows = []
    for field in stage.row.fields:
        if not field.matters(stage.settings):
            continue
        texts = tuple(_backbone_text(n) for n in field.choices) if field.name == "model" else ()
        if field.name == "cut":
            field, texts = _cut_field(stage, field)
        if field.name == "trained":
            if stage.frozen:
                continue
            parts = len(BACKBONES[stage.settings.text("model")].parts)
            field = replace(field, maximum=max(parts, stage.settings.integer("trained")))
        rows.append(Row(field, _setting(name, field.name), _set_setting(name, field.name), texts))
    if stage.kind == "backbone":
        rows.append(command("backbones", "All networks…", "Search, compare and download them"))
    if stage.row.trainable:
        frozen = Field("frozen", "Frozen", "bool", False, hint="Frozen stages are not trained")
        rows.append(Row(
            frozen, lambda d: d.stage(name).frozen,
            lambda d, value: edits.set_frozen(d, name, value),
        ))  # fmt: skip
        rows += _weights_rows(stage)
    return rows


def _cut_field(stage: Stage, field: Field) -> tuple[Field, tuple[str, ...]]:
    """The places where this backbone may be cut, with the features that each gives."""
    row, chosen = BACKBONES[stage.settings.text("model")], stage.settings.text("cut")
    sizes = {part.name: f"{part.name} · {part.features:,} features" for part in row.parts}
    choices = dict.fromkeys((*row.cuts, chosen))  # one that is not of this model is shown too
    texts = tuple(sizes.get(cut, cut) if cut else "its end" for cut in choices)
    return replace(field, choices=tuple(choices)), texts


def _backbone_text(name: str) -> str:
    row = BACKBONES[name]
    size = row.parameters
    count = f"{size / 1e6:.1f} M" if size >= 1e6 else f"{size / 1e3:.0f} k"
    return f"{row.label} · {row.features} features · {count}"


def _setting(stage: str, name: str) -> Callable[[Design], Any]:
    return lambda design: design.stage(stage).settings[name]


def _set_setting(stage: str, name: str) -> Callable[[Design, Any], Design]:
    return lambda design, value: edits.set_stage_settings(design, stage, **{name: value})


def _weights_rows(stage: Stage) -> list[Row]:
    """Where a stage's first weights come from: drawn, its own, from a file, or from a run."""
    name, weights, backbone = stage.id, stage.weights, stage.kind == "backbone"
    own = "come with qdesigner" if stage.settings.get("model") == EMBEDDED else "ImageNet"
    origins = {"pretrained": own} if backbone else {}
    origins["random"] = "random"
    if weights.origin in ("file", "run"):
        origins[weights.origin] = f"from a {weights.origin}"

    def put(design: Design, origin: Any) -> Design:
        kept = design.stage(name).weights
        if origin == kept.origin:
            return design
        return edits.set_weights(design, name, origin)

    rows = [Row(
        Field("origin", "Weights", "choice", "random", choices=tuple(origins)),
        lambda d: d.stage(name).weights.origin, put, tuple(origins.values()),
    )]  # fmt: skip
    if backbone:
        rows.append(Row(
            Field("path", "Weights file", "choice", "", hint="A file of weights of your own"),
            lambda d: _place(d.stage(name).weights, "file"),
            lambda d, path: edits.set_weights(d, name, "file", path), look="file",
        ))  # fmt: skip
    rows.append(Row(
        Field("run", "From a run", "choice", "", choices=(stage.kind,),
              hint="Begin with what this kind of stage has learned in another run"),
        lambda d: (_place(d.stage(name).weights, "run"), d.stage(name).weights.stage),
        lambda d, found: edits.set_weights(d, name, "run", *found), look="run", undo="weights",
    ))  # fmt: skip
    return rows


def _place(weights: WeightsSpec, origin: str) -> str:
    return weights.path if weights.origin == origin else ""


# ---- blocks -------------------------------------------------------------------------------------


def block_rows(stage_id: str, circuit: Circuit, names: Iterable[str]) -> list[Row]:
    """Wires and settings of the selected blocks; of several, what they have in common."""
    blocks = [circuit.find(name) for name in sorted(names)]
    if not blocks or len({block.kind for block in blocks}) != 1:
        return []
    first = blocks[0]
    rows = _wire_rows(stage_id, circuit, first) if len(blocks) == 1 else []
    ids = tuple(block.id for block in blocks)
    for field in first.row.fields:
        if not all(field.matters(block.settings) for block in blocks):
            continue
        fold = FOLD.name if field.name in STARTS else ""
        if fold and all(row.field is not FOLD for row in rows):
            rows.append(Row(FOLD, lambda d: start_text(_settings(d, stage_id, ids[0])),
                            lambda d, _: d, look="fold"))  # fmt: skip
        rows.append(_block(stage_id, ids, field, fold))
    return rows


STARTS = ("init", "mean", "spread")
FOLD = Field(
    "start", "First weights", "choice", "",
    hint="How the weights begin: mean + spread · N(0, 1), or mean + spread · U(-1, 1)",
)  # fmt: skip


def start_text(settings: Settings) -> str:
    """A first value in a few signs: ``0.1·N(0,1)``, ``0.5 + 0.1·U(-1,1)``, ``0``."""
    mean, spread = settings.number("mean"), settings.number("spread")
    drawn = "N(0,1)" if settings.text("init") == "normal" else "U(-1,1)"
    parts = [f"{mean:.3g}"] if mean or not spread else []
    parts += [drawn if spread == 1 else f"{spread:.3g}·{drawn}"] if spread else []
    return " + ".join(parts)


def _settings(design: Design, stage_id: str, name: str) -> Settings:
    return _circuit(design, stage_id).find(name).settings


def _circuit(design: Design, stage_id: str) -> Circuit:
    circuit = design.stage(stage_id).circuit
    assert circuit is not None
    return circuit


def _block(stage_id: str, names: tuple[str, ...], field: Field, fold: str = "") -> Row:
    def put(design: Design, value: Any) -> Design:
        for name in names:
            design = edits.on_circuit(
                design, stage_id, lambda c, n=name: edits.set_block(c, n, **{field.name: value})
            )
        return design

    return Row(field, lambda d: _settings(d, stage_id, names[0])[field.name], put, fold=fold)


def _wire_rows(stage_id: str, circuit: Circuit, block: Block) -> list[Row]:
    """Where a block acts: named wires for a gate, all or some for a layer."""
    name, count = block.id, block.row.wires

    def wires(design: Design) -> tuple[int, ...] | None:
        return _circuit(design, stage_id).find(name).wires

    def put(design: Design, value: tuple[int, ...] | None) -> Design:
        return edits.on_circuit(design, stage_id, lambda c: edits.set_block_wires(c, name, value))

    if block.row.container:
        return []
    if count is None:
        field = Field("wires", "Qubits", "choice", "", maximum=circuit.wires - 1,
                      hint="all, or their numbers: 0, 2–3")  # fmt: skip
        return [Row(field, lambda d: (wires(d), circuit.wires), put, look="wires")]
    labels = _ends(block)
    return [
        Row(
            Field(f"wire{k}", labels[k], "int", 0, 0, circuit.wires - 1),
            lambda d, k=k: (wires(d) or ())[k],
            lambda d, value, k=k: put(d, _moved(wires(d) or (), k, value)),
        )
        for k in range(count)
    ]  # fmt: skip


def _ends(block: Block) -> tuple[str, ...]:
    """What each wire of a single gate is to it."""
    gate = GATES.get(block.kind.upper())
    if gate is None or gate.wires == 1:
        return ("Qubit",)
    if not gate.controls and gate.name != "CZ":
        return ("First qubit", "Second qubit")
    return ("Control", "Target") if gate.wires == 2 else ("Control", "Control", "Target")


def _moved(wires: tuple[int, ...], place: int, wire: int) -> tuple[int, ...]:
    """One end of a gate on another wire; when the other end is there, the two change places."""
    new = list(wires)
    if wire in new:
        new[new.index(wire)] = new[place]
    new[place] = wire
    return tuple(new)


def wires_text(value: tuple[tuple[int, ...] | None, int]) -> str:
    """``all (0–3)``, or the numbers with runs drawn together: ``0, 2–3``."""
    wires, count = value
    if wires is None:
        return f"all (0–{count - 1})" if count > 1 else "all (0)"
    runs: list[list[int]] = []
    for wire in wires:
        if runs and wire == runs[-1][-1] + 1:
            runs[-1].append(wire)
        else:
            runs.append([wire])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs)


def wires_value(text: str, field: Field) -> tuple[int, ...] | None:
    """What `wires_text` wrote, or a user in its manner. Raises ValueError with a sentence."""
    if text.strip().lower().startswith("all") or not text.strip():
        return None
    wires: list[int] = []
    for part in text.replace(";", ",").split(","):
        ends = [end.strip() for end in part.replace("-", "–").split("–")]
        if not 1 <= len(ends) <= 2 or not all(end.isdecimal() for end in ends):
            raise ValueError(f"{part.strip()!r} is not a qubit's number; write for example 0, 2–3")
        wires.extend(range(int(ends[0]), int(ends[-1]) + 1))
        if wires and max(wires) > field.maximum:
            raise ValueError(f"The circuit has only the qubits 0 to {field.maximum:.0f}")
    if not wires or len(set(wires)) != len(wires):
        raise ValueError("Name each qubit once")
    return tuple(wires)


# ---- the readout --------------------------------------------------------------------------------

_KIND = Field(
    "kind", "Measured", "choice", "expectation",
    choices=("expectation", "pauli_sum", "probabilities"),
    hint="Expectation values of each wire, of sums of Pauli products, or probabilities",
)  # fmt: skip
_OBSERVABLE = Field("observable", "Observable", "choice", "Z", choices=("X", "Y", "Z"))
_SUMS = Field(
    "sums", "Pauli sums, one a line", "choice", "",
    hint="One output a line, such as 0.5 Z0 Z1 - X2; Ctrl+Enter or leaving the field takes it",
)  # fmt: skip


def readout_rows(stage_id: str, circuit: Circuit) -> list[Row]:
    """What is measured: only what matters for this kind of readout."""
    kind = circuit.readout.kind
    rows = [_readout(stage_id, _KIND, ("expectation", "Pauli sums", "probabilities"))]
    if kind == "pauli_sum":
        return [*rows, _readout(stage_id, _SUMS, look="sums")]
    if kind == "expectation":
        rows.append(_readout(stage_id, _OBSERVABLE, ("⟨X⟩", "⟨Y⟩", "⟨Z⟩")))
    wires = Field("wires", "Qubits", "choice", "", maximum=circuit.wires - 1,
                  hint="all, or their numbers in the order of the outputs: 0, 2–3")  # fmt: skip
    return [*rows, Row(
        wires, lambda d: (_circuit(d, stage_id).readout.wires, _circuit(d, stage_id).wires),
        _put_readout(stage_id, "wires"), look="wires", undo="wires of the readout",
    )]  # fmt: skip


def readout_about(circuit: Circuit) -> str:
    """How many numbers come out, and which."""
    readout, count = circuit.readout, circuit.outputs
    told = outputs_text(count)
    if readout.kind == "pauli_sum":
        return f"{told}: the expectation value of each sum."
    wires = [f"q{wire}" for wire in readout.on(circuit.wires)]
    if readout.kind == "probabilities":
        return f"{told}: the probability of every state of {' '.join(wires)}, leftmost bit first."
    return (
        f"{told}: ⟨{readout.observable}⟩ of {'each wire' if len(wires) > 8 else ' '.join(wires)}."
    )


def _readout(
    stage_id: str, field: Field, texts: tuple[str, ...] = (), look: Literal["", "sums"] = ""
) -> Row:
    name = field.name
    return Row(
        field, lambda d: getattr(_circuit(d, stage_id).readout, name),
        _put_readout(stage_id, name), texts, look, undo="readout",
    )  # fmt: skip


def _put_readout(stage_id: str, name: str) -> Callable[[Design, Any], Design]:
    def put(design: Design, value: Any) -> Design:
        return edits.on_circuit(design, stage_id, lambda c: edits.set_readout(c, **{name: value}))

    return put


def sums_value(text: str) -> tuple[str, ...]:
    """Pauli sums from their lines, empty ones left out. Raises ValueError with a sentence."""
    sums = tuple(line.strip() for line in text.splitlines() if line.strip())
    for line in sums:
        parse(line)
    return sums
