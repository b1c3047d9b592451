"""Every edit as a function from a value to a new one. An impossible edit raises EditError.

The preview of a drag and its drop call the same function here, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from qdesigner.catalog.backbones import EMBEDDED
from qdesigner.catalog.devices import AUTO, DEVICES
from qdesigner.catalog.losses import LOSSES
from qdesigner.catalog.recognise import recognise
from qdesigner.catalog.sources import PHOTOGRAPHS, ROWS, TABLE
from qdesigner.catalog.table import Columns, features, read_columns
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import MAX_WIRES, Block, Circuit, fresh_id, ids, walk
from qdesigner.circuit.fields import Scalar, Settings
from qdesigner.circuit.readout import Readout, Term, parse
from qdesigner.circuit.text import sum_text
from qdesigner.design.spec import (
    Augmentation,
    DataSpec,
    Design,
    DeviceSpec,
    Stage,
    TrainingSpec,
    WeightsSpec,
)
from qdesigner.errors import UserError

FIRST_SHOTS = 1000
# Of a prediction that is a number; the others are of classes.
NUMBER_LOSSES = tuple(name for name, loss in LOSSES.items() if loss.of_numbers)
FIRST_LEVEL = 0.01  # of noise, a probability


class EditError(UserError):
    """An edit that cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place between blocks: before the block at ``index`` of ``parent`` ("" for the circuit
    itself, else a repeat's id)."""

    parent: str
    index: int


def _sentence(error: ValidationError) -> str:
    """The first message of a validation error, without pydantic's decoration."""
    first = error.errors()[0]
    place = ".".join(str(step) for step in first["loc"])
    text = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {text}" if place else text


def _made(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except ValidationError as error:
        raise EditError(_sentence(error)) from error
    except ValueError as error:
        raise EditError(str(error)) from error


# ---- blocks of a circuit ------------------------------------------------------------------------


def new_block(circuit: Circuit, kind: str, wire: int = 0) -> Block:
    """A fresh block with default settings; a single gate stands on ``wire`` and the ones below."""
    row = BLOCKS[kind]
    wires = None
    if row.wires is not None:
        if row.wires > circuit.wires:
            raise EditError(f"{row.label} needs {row.wires} wires; add a wire first")
        first = max(0, min(wire, circuit.wires - row.wires))
        wires = tuple(range(first, first + row.wires))
    elif circuit.wires < row.min_wires:
        raise EditError(f"{row.label} needs {row.min_wires} wires; add a wire first")
    return Block(id=fresh_id(ids(circuit), kind), kind=kind, wires=wires)


def insert_block(circuit: Circuit, slot: Slot, block: Block) -> Circuit:
    """``block`` put into ``slot``."""
    return _with_blocks(circuit, _inserted(circuit.blocks, slot, (block,)))


def remove_blocks(circuit: Circuit, gone: Iterable[str]) -> Circuit:
    """Without the named blocks; a removed repeat takes its content along."""
    return _with_blocks(circuit, _removed(circuit.blocks, set(gone)))


def move_blocks(circuit: Circuit, moved: Iterable[str], slot: Slot) -> Circuit:
    """The named blocks, in their present order, taken out and put into ``slot``.

    ``slot`` is meant in the circuit as it is before the move.
    """
    names = set(moved)
    taken = _picked(circuit.blocks, names)
    if any(slot.parent in (b.id for b, _ in walk((block,))) for block in taken):
        raise EditError("a repeat cannot be moved into itself")
    siblings = circuit.blocks if not slot.parent else circuit.find(slot.parent).body
    before = sum(block.id in names for block in siblings[: slot.index])
    target = Slot(slot.parent, slot.index - before)
    return _with_blocks(circuit, _inserted(_removed(circuit.blocks, names), target, taken))


def copy_blocks(circuit: Circuit, copied: Iterable[str], slot: Slot) -> Circuit:
    """Copies of the named blocks, with fresh ids, put into ``slot``."""
    taken = ids(circuit)
    fresh = tuple(_renamed(block, taken) for block in _picked(circuit.blocks, set(copied)))
    return _with_blocks(circuit, _inserted(circuit.blocks, slot, fresh))


def duplicate_blocks(circuit: Circuit, copied: Iterable[str]) -> Circuit:
    """Copies of the named blocks right after the last of them."""
    names = set(copied)
    if not names:
        return circuit
    slot = max((slot_of(circuit, name) for name in names), key=lambda s: s.index)
    return copy_blocks(circuit, names, Slot(slot.parent, slot.index + 1))


def repeat_blocks(circuit: Circuit, wrapped: Iterable[str], count: int = 2) -> Circuit:
    """The named blocks put into a new repeat where the first of them stood."""
    names = set(wrapped)
    taken = _picked(circuit.blocks, names)
    if not taken:
        raise EditError("select the blocks to repeat first")
    slot = slot_of(circuit, taken[0].id)
    repeat = _made(
        lambda: Block(
            id=fresh_id(ids(circuit), "repeat"), kind="repeat",
            settings=Settings({"count": count}), body=taken,
        )
    )  # fmt: skip
    return _with_blocks(circuit, _inserted(_removed(circuit.blocks, names), slot, (repeat,)))


def set_block(circuit: Circuit, block_id: str, **settings: Scalar) -> Circuit:
    """The block with some of its settings changed."""
    return _changed(circuit, block_id, lambda b: b.but(settings=b.settings.replace(**settings)))


def set_block_wires(circuit: Circuit, block_id: str, wires: tuple[int, ...] | None) -> Circuit:
    """The block on other wires; None for all of them."""
    return _changed(circuit, block_id, lambda b: b.but(wires=wires))


def add_wire(circuit: Circuit) -> Circuit:
    """One more wire at the bottom."""
    if circuit.wires >= MAX_WIRES:
        raise EditError(f"a circuit has at most {MAX_WIRES} wires")
    return _made(lambda: circuit.but(wires=circuit.wires + 1))  # type: ignore[no-any-return]


def remove_wire(circuit: Circuit, wire: int) -> Circuit:
    """Without one wire: gates on it go and so does what is measured there, lower wires move up."""
    if circuit.wires == 1:
        raise EditError("a circuit has at least one wire")
    blocks = _without_wire(circuit.blocks, wire)
    readout = _unread(circuit.readout, wire)
    return _made(  # type: ignore[no-any-return]
        lambda: circuit.but(wires=circuit.wires - 1, blocks=blocks, readout=readout)
    )


def set_readout(circuit: Circuit, **changes: Any) -> Circuit:
    """The circuit with some fields of its readout changed. A first Pauli sum for each wire is
    written where none is there yet."""
    kept = circuit.readout
    if changes.get("kind") == "pauli_sum" and not changes.get("sums", kept.sums):
        changes["sums"] = tuple(f"{kept.observable}{wire}" for wire in kept.on(circuit.wires))
    return _made(lambda: circuit.but(readout=kept.but(**changes)))  # type: ignore[no-any-return]


def slot_of(circuit: Circuit, block_id: str) -> Slot:
    """Where a block stands. Raises KeyError."""
    lists = [("", circuit.blocks), *((b.id, b.body) for b, _ in walk(circuit.blocks) if b.body)]
    for parent, blocks in lists:
        for index, block in enumerate(blocks):
            if block.id == block_id:
                return Slot(parent, index)
    raise KeyError(block_id)


def _with_blocks(circuit: Circuit, blocks: tuple[Block, ...]) -> Circuit:
    return _made(lambda: circuit.but(blocks=blocks))  # type: ignore[no-any-return]


def _inserted(blocks: tuple[Block, ...], slot: Slot, new: tuple[Block, ...]) -> tuple[Block, ...]:
    if not slot.parent:
        index = max(0, min(slot.index, len(blocks)))
        return (*blocks[:index], *new, *blocks[index:])
    inside = Slot("", slot.index)
    return tuple(
        block.but(body=_inserted(block.body, inside if block.id == slot.parent else slot, new))
        if block.row.container and slot.parent in (b.id for b, _ in walk((block,)))
        else block
        for block in blocks
    )


def _removed(blocks: tuple[Block, ...], gone: set[str]) -> tuple[Block, ...]:
    return tuple(
        block.but(body=_removed(block.body, gone)) if block.body else block
        for block in blocks
        if block.id not in gone
    )


def _picked(blocks: tuple[Block, ...], names: set[str]) -> tuple[Block, ...]:
    """The named blocks in order; what lies inside a named repeat comes with it."""
    picked: list[Block] = []
    for block in blocks:
        if block.id in names:
            picked.append(block)
        else:
            picked.extend(_picked(block.body, names))
    return tuple(picked)


def _renamed(block: Block, taken: set[str]) -> Block:
    name = fresh_id(taken, block.kind)
    taken.add(name)
    return block.but(id=name, body=tuple(_renamed(b, taken) for b in block.body))  # type: ignore[no-any-return]


def _changed(circuit: Circuit, block_id: str, change: Callable[[Block], Block]) -> Circuit:
    def run(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        return tuple(
            change(block)
            if block.id == block_id
            else (block.but(body=run(block.body)) if block.body else block)
            for block in blocks
        )

    circuit.find(block_id)
    return _made(lambda: circuit.but(blocks=run(circuit.blocks)))  # type: ignore[no-any-return]


def _without_wire(blocks: tuple[Block, ...], gone: int) -> tuple[Block, ...]:
    kept = []
    for block in blocks:
        if block.wires is not None:
            wires = tuple(w - (w > gone) for w in block.wires if w != gone)
            if len(wires) < block.row.min_wires or (block.row.wires not in (None, len(wires))):
                continue
            block = block.but(wires=wires)
        kept.append(block.but(body=_without_wire(block.body, gone)) if block.body else block)
    return tuple(kept)


def _unread(readout: Readout, gone: int) -> Readout:
    """The readout when a wire is gone: without it, and without the terms of Pauli sums on it.
    Where nothing is left to read, all wires are."""
    wires = None
    if readout.wires is not None:
        wires = tuple(w - (w > gone) for w in readout.wires if w != gone) or None
    sums = tuple(text for text in (_sum_without(s, gone) for s in readout.sums) if text)
    kind = readout.kind if sums or readout.kind != "pauli_sum" else "expectation"
    return readout.but(kind=kind, wires=wires, sums=sums)  # type: ignore[no-any-return]


def _sum_without(text: str, gone: int) -> str:
    """A Pauli sum without the terms on a wire, "" when only a constant would be left."""
    terms = parse(text)
    if all(wire < gone for term in terms for wire, _ in term.word):
        return text
    kept = tuple(
        Term(term.coefficient, tuple((w - (w > gone), pauli) for w, pauli in term.word))
        for term in terms
        if all(wire != gone for wire, _ in term.word)
    )
    return sum_text(kept) if any(term.word for term in kept) else ""


# ---- stages of a design -------------------------------------------------------------------------


def on_circuit(design: Design, stage_id: str, change: Callable[[Circuit], Circuit]) -> Design:
    """The design with ``change`` made to the circuit of one quantum stage."""
    stage = design.stage(stage_id)
    if stage.circuit is None:
        raise EditError(f"stage {stage_id!r} holds no circuit")
    changed = change(stage.circuit)
    if stage.row.each_feature and changed.wires > max(1, stage.circuit.wires):
        raise EditError("a quantum activation has one wire: it takes each feature by itself")
    return _change_stage(design, stage_id, circuit=changed)


def new_stage(design: Design, kind: str, **settings: Scalar) -> Stage:
    """A fresh stage of ``kind``; a quantum stage starts with an embedding and one trained layer."""
    name = fresh_id({stage.id for stage in design.stages}, kind)
    extra: dict[str, Any] = {}
    if kind == "quantum":
        extra["circuit"] = starting_circuit()
    if kind == "quantum_activation":
        extra["circuit"] = activation_circuit()
    if kind == "backbone":
        extra = {"frozen": True, "weights": WeightsSpec(origin="pretrained")}
    return _made(lambda: Stage(id=name, kind=kind, settings=Settings(settings), **extra))  # type: ignore[no-any-return]


def starting_circuit(wires: int = 4) -> Circuit:
    """The circuit that a new quantum stage holds."""
    return Circuit(
        wires=wires,
        blocks=(
            Block(id="h_ry_embedding-1", kind="h_ry_embedding"),
            Block(id="cnot_brick-1", kind="cnot_brick"),
            Block(id="ry_layer-1", kind="ry_layer"),
        ),
    )


def activation_circuit(trained: bool = False) -> Circuit:
    """The circuit that a new quantum activation holds: H and RY(x), so that ⟨Z⟩ is -sin x; with
    ``trained`` a turn by a weight behind them."""
    embedding = Block(id="h_ry_embedding-1", kind="h_ry_embedding")
    turn = (Block(id="ry_layer-1", kind="ry_layer"),) if trained else ()
    return Circuit(wires=1, blocks=(embedding, *turn))


def small_model(design: Design) -> Design:
    """A first hybrid model for the design's data, in place of its stages: a frozen backbone if they
    are images, features brought to angles, the starting circuit, and one output a class."""
    model = design.but(stages=())
    backbone = "mobilenet_v2" if design.data.source in PHOTOGRAPHS else EMBEDDED
    for kind, settings in (
        *(() if design.data.rows else (("backbone", {"model": backbone}),)),
        ("linear", {"outputs": 4, "bias": False}),
        ("batch_norm", {}),
        ("squash", {}),
        ("quantum", {}),
        ("linear", {}),
    ):
        model = insert_stage_kind(model, kind, "", **settings)
    return model  # type: ignore[no-any-return]


def insert_stage(design: Design, index: int, stage: Stage) -> Design:
    """``stage`` put before the one at ``index``."""
    if stage.kind == "backbone" and index != 0:
        raise EditError("a backbone can only be the first stage")
    if index == 0 and design.backbone is not None:
        raise EditError("nothing can stand before a backbone: it takes the images themselves")
    stages = (*design.stages[:index], stage, *design.stages[index:])
    return _made(lambda: design.but(stages=stages))  # type: ignore[no-any-return]


def insert_stage_kind(design: Design, kind: str, before: str, **settings: Scalar) -> Design:
    """A new stage of ``kind`` before the stage named ``before``, or at the end when that is ""."""
    names = [stage.id for stage in design.stages]
    index = names.index(before) if before else len(names)
    return insert_stage(design, index, new_stage(design, kind, **settings))


def remove_stage(design: Design, stage_id: str) -> Design:
    """Without one stage."""
    design.stage(stage_id)
    return _made(  # type: ignore[no-any-return]
        lambda: design.but(stages=tuple(s for s in design.stages if s.id != stage_id))
    )


def move_stage(design: Design, stage_id: str, index: int) -> Design:
    """One stage moved before the one that is now at ``index``."""
    stage = design.stage(stage_id)
    position = design.stages.index(stage)
    return insert_stage(remove_stage(design, stage_id), index - (position < index), stage)


def set_stage_settings(design: Design, stage_id: str, **settings: Scalar) -> Design:
    """One stage with some of its settings changed. Another backbone is cut at its end, and
    trained whole unless it is frozen."""
    kept = design.stage(stage_id).settings
    if settings.get("model", kept.get("model")) != kept.get("model"):
        settings = {"cut": "", "trained": 0, **settings}
    return _change_stage(design, stage_id, settings=kept.replace(**settings))


def set_frozen(design: Design, stage_id: str, frozen: bool) -> Design:
    """One stage frozen or trainable."""
    return _change_stage(design, stage_id, frozen=frozen)


def set_weights(
    design: Design,
    stage_id: str,
    origin: Literal["random", "pretrained", "file", "run"],
    path: str = "",
    stage: str = "",
) -> Design:
    """Where one stage's first weights come from; of a run, ``stage`` of the folder ``path``."""
    weights = _made(lambda: WeightsSpec(origin=origin, path=path, stage=stage))
    return _change_stage(design, stage_id, weights=weights)


def set_backbone(design: Design, model: str, weights: str = "pretrained") -> Design:
    """Another backbone in front. ``weights`` is "pretrained", "random", or a file's path.

    Raises EditError when the model does not begin with a backbone.
    """
    backbone = design.backbone
    if backbone is None:
        raise EditError("The model has no backbone to exchange; insert one as its first stage.")
    design = set_stage_settings(design, backbone.id, model=model)
    if weights == "pretrained":
        return set_weights(design, backbone.id, "pretrained")
    if weights == "random":
        return set_weights(design, backbone.id, "random")
    return set_weights(design, backbone.id, "file", weights)


def stands_in(design: Design) -> bool:
    """Whether the embedded backbone stands where the design's document has another."""
    origin, backbone = design.origin, design.backbone
    wanted = origin.backbone if origin is not None else ""
    return bool(wanted) and backbone is not None and backbone.settings["model"] == EMBEDDED


def _change_stage(design: Design, stage_id: str, **changes: Any) -> Design:
    stage = design.stage(stage_id)
    changed = _made(lambda: stage.but(**changes))
    stages = tuple(changed if s.id == stage_id else s for s in design.stages)
    return design.model_copy(update={"stages": stages})


# ---- the rest -----------------------------------------------------------------------------------


def set_data(design: Design, **changes: Any) -> Design:
    """The design with other data."""
    data: DataSpec = _made(lambda: design.data.but(**changes))
    return design.model_copy(update={"data": data})


def use_data(design: Design, text: str) -> Design:
    """The design on what ``text`` names: a folder, a CSV of image files, a table, or a source
    ("digits", "mnist", "spirals", ...). What belongs to other data begins anew. Raises
    UserError."""
    source, path = recognise(text)
    if (source, path) == (design.data.source, design.data.path):
        return design
    if source == TABLE:
        return use_table(design, path)
    return use_source(design, source, path)


def use_source(design: Design, source: str, path: str = "") -> Design:
    """The design on another source of data, or on another ``path`` of the same. What belongs to
    other data begins anew; whether there is anything at ``path`` is not asked. A backbone that the
    embedded one stands in for, which knows digits alone, takes its place on other images."""
    kept = design.data if design.data.rows == (source in ROWS) else DataSpec()
    fitting = _with_backbone(design, source)
    return _with_loss(
        set_data(
            fitting, source=source, path=path, classes=(), task="classify", label="", columns=(),
            augmentation=kept.augmentation, size=kept.size, channels=kept.channels,
        )
    )  # fmt: skip


def use_table(
    design: Design,
    path: str,
    label: str = "",
    task: str = "",
) -> Design:
    """The design on a CSV or Parquet file: its number columns are the features, ``label`` or the
    column that looks like one the label, predicted as a number where it has many values unless
    ``task`` says. Raises UserError."""
    columns = read_columns(Path(path), label)
    if label and label not in columns.names:
        raise EditError(f"the table has no column {label!r}; it has {', '.join(columns.names)}")
    guessed = "regress" if columns.regress else "classify"
    return _with_loss(
        set_data(
            design, source=TABLE, path=path, classes=(), task=task or guessed,
            label=columns.label, columns=columns.features, augmentation=Augmentation(),
        )
    )  # fmt: skip


def use_label(design: Design, columns: Columns, label: str) -> Design:
    """The design's table with another of its ``columns`` as the label. The features that were
    chosen stay, those that suggested themselves do so anew."""
    data = design.data
    suggested = set(data.columns) == set(features(columns.numbers, data.label))
    chosen = features(columns.numbers, label) if suggested else data.columns
    return _with_loss(
        set_data(
            design, label=label, columns=tuple(name for name in chosen if name != label),
            task="regress" if label in columns.measured else "classify", classes=(),
        )
    )  # fmt: skip


def use_task(design: Design, task: str) -> Design:
    """The design's table with its label as a class ("classify") or a number ("regress")."""
    return _with_loss(set_data(design, task=task, classes=()))


def take_data(design: Design, data: DataSpec) -> Design:
    """The design on other data as they are, with the loss and the backbone that `use_source` would
    give it."""
    return _with_loss(_with_backbone(design, data.source).model_copy(update={"data": data}))


def _with_backbone(design: Design, source: str) -> Design:
    """With the backbone of its document on images that the embedded one does not know."""
    if not stands_in(design) or source in (*ROWS, DataSpec().source):
        return design
    assert design.origin is not None
    return set_backbone(design, design.origin.backbone)


def _with_loss(design: Design) -> Design:
    """With a loss that its task can have: another one only where the present one cannot be."""
    numbers = design.data.task == "regress"
    if numbers == (design.training.loss in NUMBER_LOSSES):
        return design
    return set_training(design, loss="mse" if numbers else "cross_entropy")


def set_training(design: Design, **changes: Any) -> Design:
    """The design with other training values."""
    training: TrainingSpec = _made(lambda: design.training.but(**changes))
    return design.model_copy(update={"training": training})


def set_device(design: Design, **changes: Any) -> Design:
    """The design with another device, or other values of it.

    Naming another device drops what it does not know: its noise, its gradient method, its target.
    A device without exact values begins with `FIRST_SHOTS`, a noise with `FIRST_LEVEL`.
    """
    before = design.device
    device: DeviceSpec = _made(lambda: before.but(**changes))
    kind = DEVICES[device.name]
    if device.name != before.name:
        dropped: dict[str, Any] = {"target": ""}
        if before.noise not in ("", *kind.noises):
            dropped |= {"noise": "", "noise_level": 0.0}
        if before.gradient not in (AUTO, *kind.gradients):
            dropped["gradient"] = AUTO
        if not (device.shots or kind.exact):
            dropped["shots"] = FIRST_SHOTS
        device = _made(lambda: device.but(**{**dropped, **changes}))
    leveled = kind.leveled and device.noise and not device.noise_level
    if leveled and device.noise != before.noise and "noise_level" not in changes:
        device = _made(lambda: device.but(noise_level=FIRST_LEVEL))
    return design.model_copy(update={"device": device})


def rename(design: Design, name: str) -> Design:
    """The design under another name."""
    return _made(lambda: design.but(name=name))  # type: ignore[no-any-return]
