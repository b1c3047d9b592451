"""The built-in studies: what each compares, made of a design."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from qdesigner.catalog.backbones import EMBEDDED
from qdesigner.catalog.devices import BUILT_IN, DEVICES, missing, refusal
from qdesigner.catalog.sets import SETS
from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.fields import Settings
from qdesigner.circuit.kinds import Group
from qdesigner.design import edits
from qdesigner.design.controls import controls, require_circuit
from qdesigner.design.gallery import template
from qdesigner.design.spec import DataSpec, Design, Stage
from qdesigner.design.study import NamedData, Study, Variant
from qdesigner.errors import UserError

SEEDS = (0, 1, 2, 3, 4)
SHARE = 0.2  # that a study keeps for the test where the data says nothing
MOST_HELD = 0.94  # a DataSpec leaves at least 0.05 to train on
DEPTHS = (0, 1, 2, 4, 6, 8)
FUNCTIONS = ("sigmoid", "tanh", "relu")
QUANTUM = "quantum activation"
DEVICE_ROWS = (
    (BUILT_IN, 0), (BUILT_IN, 100), ("default.qubit", 0), ("lightning.qubit", 0),
    ("qiskit.aer", 100),
)  # fmt: skip
FAMILIES = ("lenet", "resnet18")  # of templates: alone, with "-q", and with "-q-ent"


@dataclass(frozen=True, slots=True)
class StudyKind:
    """One built-in study: its name, what it asks, and how its variants are made of a design; of
    templates alone where ``needs_design`` is false. The first variant is the baseline unless
    ``baseline`` names another."""

    name: str
    about: str
    variants: Callable[[Design], tuple[Variant, ...]]
    baseline: Callable[[Design], str] = lambda design: ""
    needs_design: bool = True


def built_in(
    name: str,
    design: Design | None = None,
    data: Sequence[NamedData] = (),
    seeds: Sequence[int] = SEEDS,
) -> Study:
    """The study ``name`` of ``design``, on each of ``data`` (none: on the designs' own), every one
    with samples to test on. Raises UserError: no such study, or a design that it cannot be made
    of."""
    kind = STUDIES.get(name)
    if kind is None:
        raise UserError(f"There is no study {name!r}; choose {', '.join(STUDIES)}.")
    if design is None and kind.needs_design:
        raise UserError(f"The study {name!r} needs a design: name a project or a template.")
    base = (design or Design()).without_run()
    about = kind.about
    if name == "devices":
        about = " ".join([about, *_left_out(base)])
    return study_of(kind.name, about, kind.variants(base), data, seeds, kind.baseline(base))


def study_of(
    name: str,
    about: str,
    variants: Sequence[Variant],
    data: Sequence[NamedData],
    seeds: Sequence[int],
    baseline: str = "",
) -> Study:
    """A study whose every set of data has samples to test on. Raises UserError."""
    tested = (v.but(design=v.design.but(data=with_test(v.design.data))) for v in variants)
    try:
        return Study(
            name=name, about=about, variants=tuple(tested), seeds=tuple(seeds), baseline=baseline,
            data=tuple(named.but(spec=with_test(named.spec)) for named in data),
        )  # fmt: skip
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UserError(f"The study {name!r} cannot be: {reason[:300]}.") from error


def with_test(data: DataSpec) -> DataSpec:
    """The same data with samples to test on and to validate on, as far as that can be had: a share
    of what is unsplit, and a held-out split where there is one. A set that comes with a test of
    its own stays as it is."""
    known = SETS.get(data.source)
    if known is not None and known.held_split == "test":
        return data
    test = data.test or min(SHARE, MOST_HELD - data.validation)
    validation = data.validation or min(SHARE, MOST_HELD - test)
    return data.but(test=test, validation=validation, held_out="test")  # type: ignore[no-any-return]


# ---- depth ---------------------------------------------------------------------------------------


def own_depth(design: Design) -> int:
    """How many layers the design's circuit has: the times of its repeat, or its template's layers.
    Raises UserError when it has nothing of which there could be more."""
    _, circuit = _layered(design)[0]
    (first, *_) = _deep(circuit)
    return first.settings.integer(_measure(first))


def at_depth(design: Design, depth: int) -> Design:
    """The design with so many layers in its circuits; with 0 the embedding alone is measured.
    Raises UserError."""
    for stage, circuit in _layered(design):
        for block in _deep(circuit):
            if depth == 0 and _measure(block) != "reps":
                circuit = edits.remove_blocks(circuit, {block.id})
            else:
                circuit = edits.set_block(circuit, block.id, **{_measure(block): depth})
        made = circuit
        design = edits.on_circuit(design, stage.id, lambda _, made=made: made)  # type: ignore[misc]
    return design


def _measure(block: Block) -> str:
    """The setting that says how many layers a block has, "" of one that is a single layer."""
    if block.row.container:
        return "count"
    return next((name for name in ("layers", "reps") if name in block.settings), "")


def _deep(circuit: Circuit) -> list[Block]:
    """The outermost blocks that are layers of weights."""
    deep = [b for b in circuit.blocks if _measure(b) and b.row.group is not Group.EMBEDDING]
    weighty = {key.block for key in expand(circuit).weight_keys}
    return [b for b in deep if weighty & {b.id, *_inside(b)}]


def _inside(block: Block) -> set[str]:
    return {name for inner in block.body for name in (inner.id, *_inside(inner))}


def _layered(design: Design) -> list[tuple[Stage, Circuit]]:
    """The quantum stages whose circuits have layers; what follows the embedding is made a layer
    where none is drawn."""
    require_circuit(design)
    found = []
    for stage in design.stages:
        if stage.circuit is None or stage.row.each_feature:
            continue
        circuit = stage.circuit
        if not _deep(circuit):
            names = [b.id for b in circuit.blocks]
            rest = [b.id for b in circuit.blocks if b.row.group is not Group.EMBEDDING]
            if rest and names[-len(rest) :] == rest:
                circuit = edits.repeat_blocks(circuit, rest, 1)
        if _deep(circuit):
            found.append((stage, circuit))
    if not found:
        raise UserError(
            f"The circuit of {design.name!r} has no layers to have more or fewer of; put what is "
            "trained in a Repeat block, or use a template with layers."
        )
    return found


def _depths(design: Design) -> tuple[Variant, ...]:
    variants = []
    for depth in sorted({*DEPTHS, own_depth(design)}):
        try:
            made = at_depth(design, depth)
        except UserError:
            if depth == own_depth(design):
                raise
            continue  # more layers than the block takes, or than a circuit can hold
        if not depth and not _reads_all(design, made):
            continue
        about = f"{depth} layer{'' if depth == 1 else 's'} in the circuit."
        if any(s.row.trainable and not s.frozen for s in made.stages):
            variants.append(Variant(name=f"depth {depth}", about=about, design=made))
    return tuple(variants)


def _reads_all(design: Design, made: Design) -> bool:
    """Whether the circuits still embed what they did: an embedding inside the layers goes too."""
    pairs = zip(design.stages, made.stages, strict=True)
    return all(
        a.circuit is None
        or b.circuit is None
        or expand(a.circuit).inputs == expand(b.circuit).inputs
        for a, b in pairs
    )


# ---- activations ---------------------------------------------------------------------------------


def _activations(design: Design) -> tuple[Variant, ...]:
    found = [stage for stage in design.stages if stage.row.each_feature]
    if not found:
        raise UserError(
            f"{design.name!r} has no quantum activation to compare with others; insert one, or use "
            "the template quantum-activation."
        )
    usual = edits.activation_circuit()
    plain = all(stage.circuit == usual for stage in found)
    about = "A circuit of one wire on each number" + (", which gives −sin θ." if plain else ".")
    variants = [Variant(name=QUANTUM, about=about, design=design)]
    for function in FUNCTIONS:
        settings = Settings({"function": function})
        stages = tuple(
            Stage(id=stage.id, kind="activation", settings=settings)
            if stage.row.each_feature
            else stage
            for stage in design.stages
        )
        made = design.but(stages=stages)
        variants.append(
            Variant(name=function, about=f"{function} in the same places.", design=made)
        )
    return tuple(variants)


# ---- devices -------------------------------------------------------------------------------------


def _on(design: Design, name: str, shots: int) -> Design:
    bare = edits.set_device(design, name=name, noise="", noise_level=0.0, target="")
    return edits.set_device(bare, shots=shots, gradient="auto")


def _refused(design: Design, name: str, shots: int) -> str:
    """Why a design cannot be trained on a device here, as a sentence; "" when it can."""
    made = _on(design, name, shots)
    return missing(DEVICES[name]) or next(
        (
            why
            for stage in design.stages
            if stage.circuit is not None
            and (why := refusal(made.device, stage.circuit, made.training.batch_size))
        ),
        "",
    )


def _device_name(name: str, shots: int) -> str:
    return f"{name}, {shots} shots" if shots else name


def _devices(design: Design) -> tuple[Variant, ...]:
    require_circuit(design)
    return tuple(
        Variant(
            name=_device_name(name, shots),
            about=f"{DEVICES[name].label}, {f'{shots} shots' if shots else 'exact values'}.",
            design=_on(design, name, shots),
        )
        for name, shots in DEVICE_ROWS
        if not _refused(design, name, shots)
    )


def _left_out(design: Design) -> list[str]:
    return [
        f"{_device_name(name, shots)} is left out: {why}"
        for name, shots in DEVICE_ROWS
        if (why := _refused(design, name, shots))
    ]


# ---- entanglement --------------------------------------------------------------------------------


def entanglement(
    find: Callable[[str], Design] = template, backbone: str = "", weights: str = "pretrained"
) -> tuple[Variant, ...]:
    """Two families of models without a circuit, with one, and with one that entangles. Each is
    compared with the step before it: the circuit with none, the entanglers with the bare circuit.

    ``find`` gives a template by its name; ``backbone`` stands in for ResNet18, with ``weights`` as
    `edits.set_backbone` takes them. Raises UserError.
    """
    said = ("without a circuit", "with a circuit that does not entangle",
            "with a circuit that entangles")  # fmt: skip
    variants = []
    for family in FAMILIES:
        before = ""
        for ending, words in zip(("", "-q", "-q-ent"), said, strict=True):
            name = of = f"{family}{ending}"
            design = find(of).without_run()
            about = f"The template {of}, {words}."
            if backbone and family == "resnet18":
                design = edits.set_backbone(design, backbone, weights)
                name = f"{backbone}{ending}"
                about = f"The template {of} on {backbone}, {words}."
            variants.append(Variant(name=name, about=about, design=design, against=before or name))
            before = name
    return tuple(variants)


def of_screen(name: str, design: Design, seeds: Sequence[int] = SEEDS) -> Study:
    """The study ``name`` of the design on screen; one that compares templates of its own does so on
    that design's images and its backbone. Raises UserError."""
    kind = STUDIES[name]
    if kind.needs_design:
        return built_in(name, design, (), seeds)
    data = design.data
    if data.rows:
        raise UserError(
            f"The study {name!r} is of images, and this data are rows of numbers: choose images "
            "under Data."
        )
    backbone, model, weights = design.backbone, "", "pretrained"
    if backbone is not None and backbone.settings["model"] != EMBEDDED:
        model = backbone.settings.text("model")
        origin, path = backbone.weights.origin, backbone.weights.path
        weights = {"file": path, "random": origin}.get(origin, weights)
    variants = entanglement(template, model, weights)
    usual = variants[0].design.data  # in the size and the channels that a LeNet takes
    spec = data.but(size=data.size or usual.size, channels=data.channels or usual.channels)
    stem = (Path(data.path).stem if data.path else "") or data.source
    return study_of(name, kind.about, variants, (NamedData(name=stem[:200], spec=spec),), seeds)


STUDIES: dict[str, StudyKind] = {
    kind.name: kind
    for kind in (
        StudyKind(
            "controls", "Does the quantum part help? The same features, splits and seeds for the "
            "design and for what is simpler in its circuit's place.", controls,
        ),
        StudyKind(
            "entanglement", "What a circuit adds to a classical model, and what its entanglers add "
            "to the circuit.", lambda design: entanglement(), needs_design=False,
        ),
        StudyKind(
            "depth", "How the error on test samples depends on how many layers the circuit has.",
            _depths, lambda design: f"depth {own_depth(design)}",
        ),
        StudyKind(
            "activations", "A quantum activation against sigmoid, tanh and ReLU: what each "
            "reaches, and whose gradients vanish early in training.", _activations,
        ),
        StudyKind(
            "devices", "The same model trained on one device and another.", _devices,
        ),
    )
}  # fmt: skip
