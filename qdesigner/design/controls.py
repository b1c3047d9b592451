"""The controls of a hybrid design: what the same features give without entanglers, without training
the circuit, with an MLP of as many weights in its place, and with a linear head alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from qdesigner.catalog.losses import LOSSES
from qdesigner.circuit.circuit import Block, Circuit, expand, fresh_id
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.circuit.fields import Scalar, Settings
from qdesigner.circuit.unentangled import unentangled
from qdesigner.design import edits
from qdesigner.design.checks import facts_or_error
from qdesigner.design.endings import ending
from qdesigner.design.facts import DataFacts
from qdesigner.design.plan import USUAL_CLASSES, front_end
from qdesigner.design.shapes import trace
from qdesigner.design.spec import Design, Stage, WeightsSpec
from qdesigner.design.study import Variant
from qdesigner.errors import UserError

AS_DRAWN = "as drawn"
WITHOUT_ENTANGLERS = "without entanglers"
FROZEN = "frozen random circuit"
MLP = "MLP"
LINEAR = "linear head"
BOTTLENECK = "It is narrower than what the circuit takes and gives: a bottleneck."

# What brings features to a circuit's angles, and so goes when the circuit does.
_ADAPTERS = frozenset(("linear", "batch_norm", "squash", "activation", "dropout", "conv"))


def require_circuit(design: Design) -> None:
    """Raises UserError when the design has no circuit that could be compared with something."""
    if not any(stage.circuit is not None for stage in design.stages):
        raise UserError(
            f"{design.name!r} has no quantum circuit, so there is nothing to compare it with; "
            "insert a Quantum circuit or a Quantum activation stage first."
        )


def controls(design: Design) -> tuple[Variant, ...]:
    """The design and what it is compared with, in this order. A control that would be the design
    itself, or would leave nothing to train, is left out. Raises UserError for a design without a
    circuit."""
    require_circuit(design)
    drawn = design.without_run()
    made = [Variant(name=AS_DRAWN, about="The design as it is.", design=drawn)]
    for variant in (_without_entanglers(drawn), _frozen(drawn), _mlp(drawn), _linear(drawn)):
        trained = any(s.row.trainable and not s.frozen for s in variant.design.stages)
        if trained and variant.design.stages != drawn.stages:
            made.append(variant)
    return tuple(made)


def without_entanglers(design: Design) -> Design:
    """The design with every entangling operation of its circuits left out."""
    for stage in design.stages:
        if stage.circuit is not None:
            design = edits.on_circuit(design, stage.id, unentangled)
    return design


def _without_entanglers(design: Design) -> Variant:
    made = without_entanglers(design)
    about = "Every entangling operation of the circuit is left out; its rotations stay."
    gone = _weights(design) - _weights(made)
    if gone:
        about += f" The {gone} weights of entangling rotations go with them."
    circuits = [stage.circuit for stage in made.stages if stage.circuit is not None]
    if any(c.wires > 1 and c.blocks and c.blocks[0].kind == AMPLITUDE for c in circuits):
        about += " The amplitude embedding stays, and the state it prepares may be entangled."
    return Variant(name=WITHOUT_ENTANGLERS, about=about, design=made)


def _weights(design: Design) -> int:
    """How many weights the circuits of a design have."""
    circuits = [stage.circuit for stage in design.stages if stage.circuit is not None]
    return sum(len(expand(circuit).weight_keys) for circuit in circuits)


# ---- the circuit frozen --------------------------------------------------------------------------


def frozen_random(design: Design) -> Design:
    """The design with its circuits frozen, every weight that was trained drawn uniformly from 0 to
    2π by the run's seed: near 0, where training begins, a circuit is hardly random."""
    for stage in design.stages:
        if stage.circuit is not None:
            design = edits.on_circuit(design, stage.id, _anywhere)
            design = edits.set_weights(design, stage.id, "random")
            design = edits.set_frozen(design, stage.id, True)
    return design


def _anywhere(circuit: Circuit) -> Circuit:
    return circuit.but(blocks=_spread(circuit.blocks))  # type: ignore[no-any-return]


def _spread(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks with their trained weights drawn from the whole turn."""
    made = []
    for block in blocks:
        if block.body:
            block = block.but(body=_spread(block.body))
        elif block.settings.get("trainable") and "spread" in block.settings:
            turn: dict[str, Scalar] = {"init": "uniform", "mean": math.pi, "spread": math.pi}
            block = block.but(settings=block.settings.replace(**turn))
        made.append(block)
    return tuple(made)


def _frozen(design: Design) -> Variant:
    if not _weights(design):
        return Variant(name=FROZEN, design=design)
    return Variant(
        name=FROZEN,
        about="The circuit is not trained: its weights are drawn from 0 to 2π by the run's seed.",
        design=frozen_random(design),
    )


# ---- an MLP in the circuit's place ---------------------------------------------------------------


class Width(NamedTuple):
    """An MLP's hidden width, whether its layers have biases, and how many weights that makes."""

    hidden: int
    bias: bool
    weights: int


def nearest_width(inputs: int, outputs: int, weights: int) -> Width:
    """The width at which Linear → tanh → Linear has as nearly as possible ``weights`` weights; the
    narrower of two that are equally near. Biases are left out where they alone make it too large.
    """
    each = inputs + outputs + 1
    if each + outputs > weights:
        narrow = max(1, _rounded(weights, inputs + outputs))
        bare = Width(narrow, False, narrow * (inputs + outputs))
        full = Width(1, True, each + outputs)
        return min((full, bare), key=lambda width: abs(width.weights - weights))
    hidden = max(1, _rounded(weights - outputs, each))
    return Width(hidden, True, hidden * each + outputs)


def _rounded(number: int, by: int) -> int:
    """The whole number nearest to ``number`` / ``by``, the lower of two."""
    return -((by - 2 * number) // (2 * by))


class Instead(NamedTuple):
    """What stands in the place of a circuit that trains so many ``weights``; ``narrow`` where fewer
    numbers pass through it than through the circuit."""

    weights: int
    width: Width
    narrow: bool


def with_mlp(design: Design) -> tuple[Design, tuple[Instead, ...]]:
    """The design with Linear → tanh → Linear in the place of every circuit and tanh in that of
    every quantum activation; and what stands in the place of each circuit. Raises UserError where a
    circuit does not fit its input."""
    stages: list[Stage] = []
    placed: list[Instead] = []
    names = {stage.id for stage in design.stages}
    steps = trace(design, _classes(design))

    def add(kind: str, **settings: Scalar) -> None:
        name = fresh_id(names, kind)
        names.add(name)
        stages.append(Stage(id=name, kind=kind, settings=Settings(settings)))

    for number, step in enumerate(steps):
        circuit = step.stage.circuit
        if circuit is None:
            stages.append(step.stage)
            continue
        if step.stage.row.each_feature:
            add("activation", function="tanh")
            continue
        if step.shape_in is None or step.shape_out is None:
            raise UserError(
                f"{step.stage.row.label} ({step.stage.id}): {step.error or 'no features reach it'}."
            )
        given, wanted = step.shape_in[0], step.shape_out[0]
        weights = sum(expand(circuit).trainable)
        width = nearest_width(given, wanted, weights)
        placed.append(Instead(weights, width, width.hidden < min(given, wanted)))
        add("linear", outputs=width.hidden, bias=width.bias)
        add("activation", function="tanh")
        add("linear", outputs=wanted, bias=width.bias)
        after = design.stages[number + 1].kind if number + 1 < len(steps) else ""
        if after == "probability":  # it takes numbers between -1 and 1
            add("activation", function="tanh")
    return _with_stages(design, stages), tuple(placed)


def _mlp(design: Design) -> Variant:
    made, placed = with_mlp(design)
    words = [
        f"Linear → {width.hidden} → tanh → Linear with {width.weights} weights"
        f"{'' if width.bias else ', without biases,'} in the place of a circuit with {weights}"
        for weights, width, _ in placed
    ]
    if any(stage.row.each_feature for stage in design.stages):
        words.append("tanh in the place of the quantum activation")
    about = "; ".join(words)[:1].upper() + "; ".join(words)[1:] + "."
    if any(width.hidden == 1 and width.weights > weights for weights, width, _ in placed):
        about += " Even a hidden width of 1 has more weights than the circuit."
    if any(instead.narrow for instead in placed):
        about += f" {BOTTLENECK}"
    return Variant(name=MLP, about=about[-2000:], design=made)


def _classes(design: Design) -> int:
    """How many numbers the design's data asks for, as far as that is known."""
    facts = facts_or_error(design)
    if isinstance(facts, DataFacts):
        return facts.outputs
    if design.data.task == "regress":
        return 1
    return len(design.data.classes) or USUAL_CLASSES


# ---- a linear head -------------------------------------------------------------------------------


def linear_head(design: Design) -> Design:
    """One Linear on the features that the design's circuit begins with: those of its backbone, or
    of its frozen front; without either, what comes before the Linear that feeds the circuit."""
    quantum = [n for n, stage in enumerate(design.stages) if stage.circuit is not None]
    kept = list(design.stages[: _front(design, quantum[0])])
    tail = _tail(design.stages, quantum[-1])
    shapes = [step.shape_out for step in trace(design, _classes(design))[: len(kept)]]
    flat = bool(kept) and shapes[-1] is not None and len(shapes[-1]) == 1
    names = {stage.id for stage in (*kept, *tail)}
    if not (flat or (not kept and design.data.rows)):
        kept.append(Stage(id=fresh_id(names, "flatten"), kind="flatten"))
    return _with_stages(design, [*kept, *tail])


def _front(design: Design, first: int) -> int:
    """How many stages stand before a linear head; ``first`` is the place of the first circuit."""
    frozen = min(front_end(design), first)
    if frozen > 0:
        return frozen
    if design.backbone is not None:
        return 1
    end = first
    while end and design.stages[end - 1].kind in _ADAPTERS:
        end -= 1
        if design.stages[end].kind in ("linear", "conv"):
            break
    return end


def _tail(stages: Sequence[Stage], last: int) -> list[Stage]:
    """The final Linear, whatever it was begun with, and what follows it."""
    final = [n for n in range(last + 1, len(stages)) if stages[n].kind == "linear"]
    if not final:
        name = fresh_id({stage.id for stage in stages}, "linear")
        return [Stage(id=name, kind="linear")]
    end = stages[final[-1]].but(frozen=False, weights=WeightsSpec())
    return [end, *stages[final[-1] + 1 :]]


def _linear(design: Design) -> Variant:
    return Variant(
        name=LINEAR, about="One Linear on the same features: no circuit, no hidden layer.",
        design=linear_head(design),
    )  # fmt: skip


def _with_stages(design: Design, stages: Sequence[Stage]) -> Design:
    """The design with other stages, and cross-entropy where its loss cannot read their outputs."""
    made: Design = design.but(stages=tuple(stages))
    reads = LOSSES[made.training.loss].reads
    if reads == "distribution" and ending(made) != "distribution":
        return edits.set_training(made, loss="cross_entropy")
    return made
