"""Where a circuit is drawn: columns, frames, repeats, gaps; and the circuit as one line of text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.circuit.fields import Settings
from qdesigner.circuit.kinds import Operation
from qdesigner.circuit.labels import lines, text
from qdesigner.circuit.layout import GAP, Layout, drawn_height, layout, packed
from qdesigner.circuit.measured import probes
from qdesigner.circuit.readout import Readout
from qdesigner.circuit.text import diagram
from qdesigner.design import edits
from qdesigner.design.edits import Slot


def _tutorial(wires: int = 4) -> Circuit:
    circuit = edits.starting_circuit(wires)
    return edits.repeat_blocks(circuit, ["cnot_brick-1", "ry_layer-1"], 6)


def _of(kind: str, wires: int) -> list[list[tuple[int, ...]]]:
    row = BLOCKS[kind]
    operations = tuple(row.expand(range(wires), Settings({f.name: f.default for f in row.fields})))
    return [[operation.wires for operation in column] for column in packed(operations)]


def test_a_brick_takes_two_columns() -> None:
    assert _of("cnot_brick", 5) == [[(0, 1), (2, 3)], [(1, 2), (3, 4)]]


def test_a_chain_of_cnots_is_a_staircase() -> None:
    assert _of("cnot_chain", 4) == [[(0, 1)], [(1, 2)], [(2, 3)]]


def test_cz_commute_and_share_columns() -> None:
    assert _of("cz_chain", 5) == [[(0, 1), (2, 3)], [(1, 2), (3, 4)]]


def test_a_line_keeps_the_wires_it_crosses() -> None:
    operations = tuple(Operation("CNOT", wires) for wires in ((0, 3), (1, 2)))
    assert len(packed(operations)) == 2


def test_single_gates_of_different_wires_share_a_column() -> None:
    assert _of("h_ry_embedding", 3) == [[(0,), (1,), (2,)], [(0,), (1,), (2,)]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["CNOT", "CZ", "SWAP"]), st.permutations(range(5)).map(lambda p: p[:2])
        ),
        max_size=14,
    )
)
def test_packing_keeps_order_and_lets_no_lines_cross(
    gates: list[tuple[str, list[int]]],
) -> None:
    operations = tuple(
        Operation(gate, tuple(wires), block=str(n)) for n, (gate, wires) in enumerate(gates)
    )
    columns = packed(operations)
    place = {op.block: n for n, column in enumerate(columns) for op in column}
    assert len(place) == len(operations)
    for column in columns:
        spans = [wire for op in column for wire in range(min(op.wires), max(op.wires) + 1)]
        assert len(spans) == len(set(spans))
    for later, second in enumerate(operations):
        for first in operations[:later]:
            if set(first.wires) & set(second.wires) and (first.gate, second.gate) != ("CZ", "CZ"):
                assert place[first.block] < place[second.block]


def test_weights_are_numbered_through_the_circuit_with_a_repeats_first_pass() -> None:
    circuit = edits.insert_block(
        _tutorial(), Slot("", 2), Block(id="last", kind="rx_layer", wires=(1, 2))
    )
    drawn = layout(circuit)
    shown = {
        frame.block.id: [text(mark.operation, frame.first_weight) for mark in frame.marks]
        for frame in drawn.frames
    }
    assert shown["ry_layer-1"] == ["RY θ₀", "RY θ₁", "RY θ₂", "RY θ₃"]
    assert shown["last"] == ["RX θ₂₄", "RX θ₂₅"]
    assert shown["h_ry_embedding-1"][4:] == ["RY x₀", "RY x₁", "RY x₂", "RY x₃"]


def test_a_fixed_angle_stands_in_its_box() -> None:
    block = Block(id="a", kind="rx", wires=(0,), settings={"trainable": False, "angle": 1.5708})
    (frame,) = layout(Circuit(wires=1, blocks=(block,))).frames
    assert text(frame.marks[0].operation) == "RX 1.57"


def _written(kind: str, wires: int = 2, **settings: object) -> list[tuple[str, ...]]:
    """What stands in the boxes of a block over all wires, in order of time."""
    block = Block(id="a", kind=kind, settings=settings)
    (frame,) = layout(Circuit(wires=wires, blocks=(block,))).frames
    marks = sorted(frame.marks, key=lambda mark: mark.place)
    assert [mark.place for mark in marks] == list(range(len(marks)))
    return [lines(mark.operation, frame.first_weight) for mark in marks]


def test_a_controlled_rotation_names_its_target_and_an_ising_rotation_its_angle_below() -> None:
    assert _written("controlled_layer", gate="CRY") == [("RY θ₀",)]
    assert _written("ising_layer", gate="RZZ") == [("RZZ", "θ₀")]


def test_a_long_product_is_short_in_its_box_and_whole_in_words() -> None:
    assert _written("iqp_embedding")[-1] == ("RZZ", "x₀·x₁")
    assert _written("zz_feature_map", reps=1)[-1] == ("RZZ", "φ(x₀,x₁)")
    operation = layout(
        Circuit(wires=2, blocks=(Block(id="a", kind="zz_feature_map"),))
    ).frames[0].marks[-1].operation  # fmt: skip
    assert text(operation) == "RZZ 2·(x₀-π)·(x₁-π)"
    assert _written("h_ry_embedding", scale="trainable", factor=0.5)[-1] == ("RY 0.5·θ₁·x₁",)


def test_bits_and_amplitudes_say_what_they_take() -> None:
    assert _written("basis_embedding", threshold=0.5) == [("X x₀>0.5",), ("X x₁>0.5",)]
    assert _written(AMPLITUDE) == [("|x⟩",)]


@pytest.mark.parametrize("kind", sorted(BLOCKS))
def test_no_box_is_absurdly_wide(kind: str) -> None:
    block = edits.new_block(Circuit(wires=4), kind)
    (frame,) = layout(Circuit(wires=4, blocks=(block,))).frames
    assert all(mark.width <= 104 for mark in frame.marks)


def _read(size: int = 4, **readout: object) -> list[tuple[tuple[int, ...], tuple[str, ...], int]]:
    found, _ = probes(Readout.model_validate(readout), size)
    return [(probe.wires, probe.texts, probe.output) for probe in found]


def test_only_wires_that_are_read_have_a_box() -> None:
    assert _read(observable="X", wires=(2, 0)) == [((2,), ("⟨X⟩",), 0), ((0,), ("⟨X⟩",), 1)]
    assert _read(kind="probabilities", wires=(0, 1)) == [((0, 1), ("P", "P"), 0)]


def test_pauli_sums_stand_term_by_term_with_their_coefficients() -> None:
    sums = ("0.5 Z0 Z1 - X2", "Z3 + 2")
    assert _read(kind="pauli_sum", sums=sums) == [
        ((0, 1), ("0.5·Z", "Z"), 0), ((2,), ("−X",), 0), ((3,), ("Z",), 1),
    ]  # fmt: skip
    assert len({probe.x for probe in probes(Readout(kind="pauli_sum", sums=sums), 4)[0]}) == 1


def test_many_pauli_terms_become_one_box_a_wire() -> None:
    long = " + ".join(f"{pauli}0 {pauli}1" for pauli in "XYZ") + " + X0 Y1 + X0 Z1"
    found = _read(2, kind="pauli_sum", sums=(long,))
    assert found == [((0,), ("X Y Z",), 0), ((1,), ("X Y Z",), 0)]


def test_a_constant_alone_is_read_from_no_wire() -> None:
    assert _read(2, kind="pauli_sum", sums=("1",)) == []


def _checked(drawn: Layout) -> None:
    for frame in drawn.frames:
        for mark in frame.marks:
            assert mark.x - mark.width / 2 >= 0
            assert frame.left + mark.x + mark.width / 2 <= frame.right
        if frame.parent:
            holder = drawn.by_id[frame.parent]
            assert holder.left < frame.left and frame.right < holder.right
            assert holder.top < frame.top and frame.bottom < holder.bottom
        assert frame.top >= 0 and frame.bottom <= drawn.height
    for frames in drawn.children.values():
        for first, second in pairwise(frames):
            assert second.left - first.right == GAP


@pytest.mark.parametrize("wires", [1, 2, 4, 8, 24])
@pytest.mark.parametrize("pitch", [44, 72])
def test_frames_hold_their_marks_and_repeats_their_content(wires: int, pitch: int) -> None:
    blocks = tuple(
        edits.new_block(Circuit(wires=wires), kind)
        for kind, row in sorted(BLOCKS.items(), key=lambda item: item[0] != AMPLITUDE)
        if row.min_wires <= wires
    )
    circuit = Circuit(wires=wires, blocks=blocks)
    circuit = edits.repeat_blocks(circuit, [block.id for block in blocks[3:6]])
    circuit = edits.repeat_blocks(circuit, ["repeat-2", blocks[2].id])
    drawn = layout(circuit, pitch)
    _checked(drawn)
    assert drawn.height == drawn_height(circuit, pitch)
    assert drawn.measure[0] >= max(frame.right for frame in drawn.frames)


def test_a_repeat_is_drawn_once_whatever_its_count() -> None:
    few, many = _tutorial(), edits.set_block(_tutorial(), "repeat-1", count=900)
    assert layout(few).width == layout(many).width


def test_there_is_a_gap_at_every_place_a_block_can_go() -> None:
    circuit = edits.insert_block(_tutorial(), Slot("", 2), Block(id="r", kind="repeat"))
    gaps = [(gap.parent, gap.place) for gap in layout(circuit).gaps()]
    assert gaps == [
        ("", 0), ("", 1), ("", 2), ("", 3),
        ("repeat-1", 0), ("repeat-1", 1), ("repeat-1", 2), ("r", 0),
    ]  # fmt: skip


def test_an_empty_repeat_is_large_enough_to_hit() -> None:
    (frame,) = layout(Circuit(wires=1, blocks=(Block(id="r", kind="repeat"),))).frames
    assert frame.right - frame.left >= 96
    assert frame.bottom - frame.top >= 96


def test_a_block_that_has_lost_its_wires_still_stands_somewhere() -> None:
    circuit = Circuit(wires=1, blocks=(Block(id="b", kind="cnot_brick"),))
    (frame,) = layout(circuit).frames
    assert frame.marks == ()
    assert frame.right > frame.left


def test_the_tutorials_circuit_reads_as_one_line() -> None:
    assert diagram(_tutorial()) == "H + RY embedding | 6 × [CNOT brick | RY layer] | ⟨Z⟩"


def test_the_line_names_wires_where_they_are_not_all() -> None:
    blocks = (
        Block(id="a", kind="h", wires=(0,)),
        Block(id="b", kind="cnot", wires=(2, 1)),
        Block(id="c", kind="swap", wires=(0, 2)),
        Block(id="d", kind="ry_layer", wires=(0, 2)),
    )
    circuit = Circuit(wires=3, blocks=blocks)
    assert diagram(circuit) == "H 0 | CNOT 2→1 | SWAP 0,2 | RY layer 0,2 | ⟨Z⟩"
    assert diagram(Circuit(wires=2)) == "⟨Z⟩"
    toffoli = (Block(id="a", kind="toffoli", wires=(0, 2, 1)),)
    read = Readout(kind="pauli_sum", sums=("Z0 Z1", "0.5 X2"))
    assert diagram(Circuit(wires=3, blocks=toffoli, readout=read)) == (
        "Toffoli 0,2→1 | ⟨Z0 Z1⟩ ⟨0.5 X2⟩"
    )
    assert diagram(Circuit(wires=3, readout=Readout(kind="probabilities", wires=(2, 0)))) == (
        "P(2,0)"
    )
