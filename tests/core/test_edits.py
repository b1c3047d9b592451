"""Edits as diagrams: the circuit before, the edit, the circuit after."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qdesigner.circuit.circuit import Block, Circuit, expand, resources
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.circuit.readout import Readout, Term, parse
from qdesigner.circuit.text import sum_text
from qdesigner.design import edits
from qdesigner.design.checks import problems
from qdesigner.design.codec import load
from qdesigner.design.edits import EditError, Slot
from qdesigner.design.history import History
from qdesigner.design.spec import DataSpec, Design, Stage
from qdesigner.paths import resource


def drawn(blocks: tuple[Block, ...] | Circuit) -> str:
    """``a b(c d)``: ids in order, a repeat's content in brackets."""
    blocks = blocks.blocks if isinstance(blocks, Circuit) else blocks
    return " ".join(b.id + (f"({drawn(b.body)})" if b.row.container else "") for b in blocks)


def closing(text: str) -> int:
    """Where the bracket that opens ``text`` is closed."""
    depths = accumulate((letter == "(") - (letter == ")") for letter in text)
    return next(place for place, depth in enumerate(depths) if depth == 0)


def circuit(diagram: str, wires: int = 4) -> Circuit:
    """A circuit from such a diagram; every plain block is an RY layer."""

    def parse(text: str) -> tuple[Block, ...]:
        blocks: list[Block] = []
        while text := text.strip():
            name = text.split()[0].split("(")[0]
            rest = text[len(name) :]
            if rest.startswith("("):
                end = closing(rest)
                blocks.append(Block(id=name, kind="repeat", body=parse(rest[1:end])))
                text = rest[end + 1 :]
            else:
                blocks.append(Block(id=name, kind="ry_layer"))
                text = rest
        return tuple(blocks)

    return Circuit(wires=wires, blocks=parse(diagram))


@pytest.mark.parametrize(
    ("before", "moved", "slot", "after"),
    [
        ("a b c", "a", Slot("", 3), "b c a"),
        ("a b c", "a", Slot("", 0), "a b c"),
        ("a b c", "a", Slot("", 1), "a b c"),
        ("a b c", "c", Slot("", 0), "c a b"),
        ("a b c", "c a", Slot("", 2), "b a c"),
        ("a r(b) c", "c", Slot("r", 0), "a r(c b)"),
        ("a r(b c)", "b", Slot("", 0), "b a r(c)"),
        ("a r(b c)", "b", Slot("r", 2), "a r(c b)"),
        ("a r(s(b))", "a", Slot("s", 1), "r(s(b a))"),
        ("a r(b)", "r", Slot("", 0), "r(b) a"),
    ],
)
def test_a_block_moves_to_its_slot(before: str, moved: str, slot: Slot, after: str) -> None:
    assert drawn(edits.move_blocks(circuit(before), moved.split(), slot)) == after


def test_a_repeat_cannot_be_moved_into_itself() -> None:
    with pytest.raises(EditError, match="into itself"):
        edits.move_blocks(circuit("r(s(a)) b"), ["r"], Slot("s", 0))


def test_insert_remove_duplicate_and_repeat_keep_every_other_block() -> None:
    start = circuit("a r(b) c")
    new = Block(id="n", kind="ry_layer")
    assert drawn(edits.insert_block(start, Slot("r", 1), new)) == "a r(b n) c"
    assert drawn(edits.insert_block(start, Slot("", 3), new)) == "a r(b) c n"
    assert drawn(edits.remove_blocks(start, ["r"])) == "a c"
    assert drawn(edits.remove_blocks(start, ["b", "c"])) == "a r()"
    assert drawn(edits.duplicate_blocks(start, ["b"])) == "a r(b ry_layer-1) c"
    assert drawn(edits.repeat_blocks(start, ["a", "c"])) == "repeat-1(a c) r(b)"


def test_weights_stay_with_their_blocks_when_another_block_is_inserted() -> None:
    start = circuit("a r(b) c")
    kept = set(expand(start).weight_keys)
    new = edits.insert_block(start, Slot("", 0), Block(id="n", kind="rot_layer"))
    assert kept < set(expand(new).weight_keys)
    assert len(expand(new).weight_keys) == len(kept) + 12


def test_removing_a_wire_takes_its_gates_and_moves_the_lower_ones_up() -> None:
    start = Circuit(
        wires=3,
        blocks=(
            Block(id="x", kind="x", wires=(1,)),
            Block(id="cx", kind="cnot", wires=(0, 1)),
            Block(id="cz", kind="cz", wires=(0, 2)),
            Block(id="y", kind="ry_layer"),
        ),
    )
    after = edits.remove_wire(start, 1)
    assert (after.wires, drawn(after)) == (2, "cz y")
    assert after.find("cz").wires == (0, 1)
    with pytest.raises(EditError, match="at least one wire"):
        edits.remove_wire(Circuit(wires=1), 0)


def test_a_new_gate_stands_on_the_wire_it_is_dropped_on() -> None:
    start = circuit("a", wires=3)
    assert edits.new_block(start, "h", 2).wires == (2,)
    assert edits.new_block(start, "cnot", 1).wires == (1, 2)
    assert edits.new_block(start, "cnot", 2).wires == (1, 2)
    assert edits.new_block(start, "cnot_ring").wires is None
    with pytest.raises(EditError, match="needs 2 wires"):
        edits.new_block(circuit("a", wires=1), "cnot")


def test_undo_is_one_snapshot_an_edit_and_an_identical_design_is_none() -> None:
    first = Design(name="a")
    history = History.begin(first).applied("Rename", edits.rename(first, "b"))
    assert history.applied("Nothing", edits.rename(first, "b")) is history
    history = history.applied("Rename", edits.rename(first, "c"))
    assert [history.undo_label, history.redo_label] == ["Rename", ""]
    history = history.undone().undone().undone()
    assert (history.current.name, history.undo_label) == ("a", "")
    assert history.redone().current.name == "b"
    assert history.redone().applied("Rename", edits.rename(first, "z")).redo_label == ""


def test_a_run_is_never_undone() -> None:
    first = Design(name="a")
    history = History.begin(first).applied("Rename", edits.rename(first, "b")).with_run("run-1")
    assert history.undone().current == first.model_copy(update={"run": "run-1"})


def quickstart() -> Design:
    return load(resource("templates/quickstart.qdesign"))


def texts(design: Design) -> list[str]:
    return [f"{p.severity}: {p.text}" for p in problems(design)]


def test_the_quickstart_has_no_problem() -> None:
    assert texts(quickstart()) == []


def test_wrong_features_before_a_circuit_are_mended_by_one_click() -> None:
    design = edits.set_stage_settings(quickstart(), "linear-1", outputs=3)
    (problem,) = problems(design)
    assert "embeds 4 features but 3 come in" in problem.text and problem.severity == "error"
    assert problem.fix is not None and problem.fix.label == "Set Linear to 4 outputs"
    assert problems(problem.fix.apply(design)) == ()


def test_an_ending_with_the_wrong_number_of_classes_is_mended_by_one_click() -> None:
    design = edits.set_stage_settings(quickstart(), "linear-2", outputs=9)
    (problem,) = problems(design)
    assert "9 numbers, but there are 5 classes" in problem.text
    assert problem.fix is not None and problems(problem.fix.apply(design)) == ()


def test_an_empty_project_gets_a_first_model_by_one_click() -> None:
    (problem,) = problems(Design())
    assert problem.fix is not None and problem.fix.label == "Insert a small model"
    assert problems(problem.fix.apply(Design())) == ()


def test_a_convolution_behind_a_backbone_is_removed_by_one_click() -> None:
    design = edits.insert_stage_kind(quickstart(), "conv", "linear-1")
    (problem,) = problems(design)
    assert "takes images" in problem.text
    assert problem.fix is not None and problem.fix.apply(design) == quickstart()


def test_batch_norm_on_batches_of_one_is_mended_by_one_click() -> None:
    design = edits.set_training(quickstart(), batch_size=1)
    (problem,) = problems(design)
    assert "at least two samples in a batch" in problem.text
    assert problem.fix is not None and problems(problem.fix.apply(design)) == ()


def test_a_missing_flatten_is_inserted_by_one_click() -> None:
    design = Design(stages=(Stage(id="linear-1", kind="linear"),), data=DataSpec(source="digits"))
    (problem,) = problems(design)
    assert problem.fix is not None and problem.fix.label == "Insert Flatten"
    assert problems(problem.fix.apply(design)) == ()


def test_doubtful_designs_are_said_in_amber_and_can_still_train() -> None:
    frozen_random = edits.set_weights(quickstart(), "backbone-1", "random")
    assert texts(frozen_random)[0].startswith("warning: Embedded")
    empty = edits.on_circuit(
        quickstart(), "quantum-1", lambda c: edits.repeat_blocks(c, ["repeat-1"])
    )
    emptied = edits.on_circuit(empty, "quantum-1", lambda c: edits.remove_blocks(c, ["repeat-1"]))
    (problem,) = problems(emptied)
    assert "is empty" in problem.text and problem.severity == "warning"
    assert problem.fix is not None and problems(problem.fix.apply(emptied)) == ()


def test_a_backbone_stands_first_and_nothing_before_it() -> None:
    design = quickstart()
    with pytest.raises(EditError, match="only be the first"):
        edits.insert_stage_kind(design, "backbone", "linear-1")
    with pytest.raises(EditError, match="nothing can stand before a backbone"):
        edits.insert_stage_kind(design, "flatten", "backbone-1")


def test_the_tutorials_circuit_costs_what_the_tutorial_says() -> None:
    design = load(resource("templates/quantum-transfer-learning.qdesign"))
    drawn_circuit = design.stage("quantum-1").circuit
    assert drawn_circuit is not None
    cost = resources(drawn_circuit)
    assert (cost.weights, cost.inputs, cost.gates["CNOT"], cost.depth) == (24, 4, 18, 20)


# ---- what is measured ---------------------------------------------------------------------------


def _measuring(size: int = 4, **readout: object) -> Circuit:
    return edits.set_readout(Circuit(wires=size), **readout)


def test_pauli_sums_begin_as_what_was_read_before() -> None:
    circuit = edits.set_readout(_measuring(observable="X", wires=(2, 0)), kind="pauli_sum")
    assert circuit.readout.sums == ("X2", "X0")
    back = edits.set_readout(circuit, kind="expectation")
    assert edits.set_readout(back, kind="pauli_sum") == circuit


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"wires": (7,)}, "measures wire 7"),
        ({"kind": "pauli_sum", "sums": ("Z0 +",)}, "cannot be read at"),
        ({"kind": "pauli_sum", "sums": ("Z0", "Z5")}, "measures wire 5"),
        ({"kind": "probabilities", "wires": (0, 0)}, "must be different"),
    ],
)
def test_a_readout_that_cannot_be_is_refused_with_a_sentence(
    changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(EditError, match=reason):
        _measuring(**changes)


def test_a_removed_wire_takes_what_is_measured_there_along() -> None:
    assert edits.remove_wire(_measuring(wires=(3, 1)), 1).readout.wires == (2,)
    assert edits.remove_wire(_measuring(wires=(1,)), 1).readout.wires is None
    assert edits.remove_wire(_measuring(), 1).outputs == 3
    sums = ("0.5 Z0 Z1 - X2 + 0.25", "Z1 + 2", "Y3", "X0 @ Z2")
    kept = edits.remove_wire(_measuring(kind="pauli_sum", sums=sums), 1).readout
    assert kept.sums == ("-X1 + 0.25", "Y2", "X0 Z1")
    above = _measuring(kind="pauli_sum", sums=("Z0 @ X1",))
    assert edits.remove_wire(above, 3).readout.sums == ("Z0 @ X1",), "its own writing stays"


def test_where_no_pauli_sum_is_left_each_wire_is_read() -> None:
    circuit = _measuring(kind="pauli_sum", sums=("Z1", "X0 X1"))
    assert edits.remove_wire(circuit, 1).readout == Readout()


TERMS = st.lists(
    st.tuples(
        st.floats(-1e5, 1e5, allow_subnormal=False).filter(lambda c: c == 0 or abs(c) > 1e-5),
        st.dictionaries(st.integers(0, 5), st.sampled_from("XYZ"), max_size=3),
    ),
    min_size=1, max_size=4, unique_by=lambda term: tuple(sorted(term[1].items())),
)  # fmt: skip


@given(TERMS)
def test_what_is_written_of_a_pauli_sum_reads_back(
    terms: list[tuple[float, dict[int, str]]],
) -> None:
    made = tuple(Term(c, tuple(sorted(word.items()))) for c, word in terms)
    assert parse(sum_text(made)) == made


@given(TERMS, st.integers(0, 5))
def test_no_wire_is_removed_with_a_crash(
    terms: list[tuple[float, dict[int, str]]], gone: int
) -> None:
    made = tuple(Term(c, tuple(sorted(word.items()))) for c, word in terms)
    circuit = _measuring(6, kind="pauli_sum", sums=(sum_text(made), "Z5"), wires=(gone,))
    for _ in range(5):
        circuit = edits.remove_wire(circuit, min(gone, circuit.wires - 1))
    assert circuit.outputs >= 1


def test_an_amplitude_embedding_is_refused_anywhere_but_first() -> None:
    circuit = edits.starting_circuit()
    block = edits.new_block(circuit, AMPLITUDE)
    first = edits.insert_block(circuit, Slot("", 0), block)
    for change in (
        lambda: edits.insert_block(circuit, Slot("", 1), block),
        lambda: edits.insert_block(first, Slot("", 0), edits.new_block(first, "ry_layer")),
        lambda: edits.move_blocks(first, {block.id}, Slot("", 3)),
        lambda: edits.duplicate_blocks(first, {block.id}),
        lambda: edits.repeat_blocks(first, {block.id}),
    ):
        with pytest.raises(EditError, match="can only be the first block"):
            change()
