"""The circuit value: its blocks' angles, shared and fixed weights, readouts, and slots set free."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from qdesigner.circuit.circuit import Block, Circuit, expand
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.circuit.free import free, shift_rule
from qdesigner.circuit.kinds import Input, Product, Start, Weight
from qdesigner.circuit.readout import Readout, Term, parse


def _block(name: str, kind: str, **settings: bool | int | float | str) -> Block:
    return Block(id=name, kind=kind, settings=settings)


def test_weights_that_all_passes_share_come_before_the_repeats_own() -> None:
    body = (_block("own", "ry_layer"), _block("shared", "rx_layer", same_passes=True))
    repeat = Block(id="r", kind="repeat", settings={"count": 3}, body=body)
    expanded = expand(Circuit(wires=2, blocks=(repeat,)))
    assert [(key.block, key.passes) for key in expanded.weight_keys] == [
        ("shared", ()), ("shared", ()),
        ("own", (0,)), ("own", (0,)), ("own", (1,)), ("own", (1,)), ("own", (2,)), ("own", (2,)),
    ]  # fmt: skip
    used = [op.angle.index for op in expanded.operations if isinstance(op.angle, Weight)]
    assert used == [2, 3, 0, 1, 4, 5, 0, 1, 6, 7, 0, 1]


def test_one_weight_may_serve_all_wires_and_a_rot_layer_keeps_its_three_angles() -> None:
    assert len(expand(Circuit(wires=3, blocks=(
        _block("r", "ry_layer", same_wires=True),))).weight_keys) == 1  # fmt: skip
    rot = expand(Circuit(wires=3, blocks=(_block("r", "rot_layer", same_wires=True),)))
    assert len(rot.weight_keys) == 3


def test_fixed_blocks_and_their_first_values_are_told() -> None:
    blocks = (
        _block("a", "ry_layer", trainable=False, init="uniform", mean=0.5, spread=2.0),
        _block("b", "angle_embedding", scale="trainable", factor=0.5),
    )
    expanded = expand(Circuit(wires=2, blocks=blocks))
    assert expanded.trainable == (False, False, True, True)
    assert expanded.starts == (Start("uniform", 0.5, 2.0),) * 2 + (Start("normal", 1.0, 0.0),) * 2
    assert expanded.operations[-1].angle == Product(0.5, (1,), 3)


def test_data_may_be_embedded_again_and_again() -> None:
    body = (_block("x", "angle_embedding", axis="Y", scale="trainable"), _block("w", "rot_layer"))
    again = Block(id="r", kind="repeat", settings={"count": 4}, body=body)
    expanded = expand(Circuit(wires=2, blocks=(again,)))
    assert expanded.inputs == 2
    assert len(expanded.weight_keys) == 4 * (2 + 6)


def test_an_amplitude_embedding_stands_at_the_start_alone() -> None:
    amplitude, other = _block("a", AMPLITUDE, features=5), _block("h", "ry_layer")
    assert expand(Circuit(wires=3, blocks=(amplitude, other))).inputs == 5
    for blocks in ((other, amplitude), (Block(id="r", kind="repeat", body=(amplitude,)),)):
        with pytest.raises(ValidationError, match="can only be the first block"):
            Circuit(wires=3, blocks=blocks)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Z0", [(1.0, ((0, "Z"),))]),
        ("0.5 Z0 Z1 - X2 + 1", [(0.5, ((0, "Z"), (1, "Z"))), (-1.0, ((2, "X"),)), (1.0, ())]),
        ("-2e-1*Y10@X_3", [(-0.2, ((3, "X"), (10, "Y")))]),
        ("Z0 + Z0", [(2.0, ((0, "Z"),))]),
        ("I0 Z1", [(1.0, ((1, "Z"),))]),
    ],
)
def test_pauli_sums_are_read(text: str, terms: list[tuple[float, tuple[object, ...]]]) -> None:
    assert parse(text) == tuple(Term(*term) for term in terms)


@pytest.mark.parametrize(
    "text", ["", " ", "Q0", "Z", "Z0 Z0", "1 2", "Z0 ++ Z1", "1e9 Z0", "Z0 X", "Z0\n+ Z1"]
)
def test_what_is_no_pauli_sum_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="Pauli sum"):
        parse(text)


def test_a_readout_gives_as_many_numbers_as_it_says() -> None:
    def outputs(**readout: object) -> int:
        return Circuit(wires=4, readout=Readout.model_validate(readout)).outputs

    assert outputs() == 4
    assert outputs(observable="X", wires=(2, 0)) == 2
    assert outputs(kind="pauli_sum", sums=("Z0 Z1", "X3 + 0.5")) == 2
    assert outputs(kind="probabilities", wires=(1, 3, 2)) == 8
    for wrong in (
        {"wires": (4,)}, {"wires": ()}, {"wires": (0, 0)}, {"kind": "pauli_sum"},
        {"kind": "pauli_sum", "sums": ("Z9",)},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            outputs(**wrong)


def test_every_angle_set_free_has_a_slot_of_its_own() -> None:
    body = (_block("w", "ry_layer", same_passes=True), _block("c", "controlled_layer"))
    again = Block(id="r", kind="repeat", settings={"count": 2}, body=body)
    circuit = Circuit(wires=2, blocks=(_block("e", "h_ry_embedding"), again))
    slots = free(circuit)
    assert slots.angles[:4] == (Input(0), Input(1), Weight(0), Weight(1))
    assert len(slots.angles) == 2 + 2 * 3
    assert [op.angle for op in slots.operations if op.angle] == [Input(k) for k in range(8)]
    assert [len(rule) for rule in slots.rules] == [2, 2, 2, 2, 4, 2, 2, 4]


@pytest.mark.parametrize("frequencies", [(1.0,), (0.5, 1.0)])
def test_shift_rules_are_exact_on_functions_of_their_frequencies(
    frequencies: tuple[float, ...],
) -> None:
    draw = np.random.default_rng(0)
    for _ in range(20):
        a, b = draw.normal(size=(2, len(frequencies)))
        theta = float(draw.uniform(-7, 7))

        def f(x: float, a: np.ndarray = a, b: np.ndarray = b) -> float:
            waves = zip(frequencies, a, b, strict=True)
            return sum(p * math.cos(w * x) + q * math.sin(w * x) for w, p, q in waves)

        slope = sum(
            w * (q * math.cos(w * theta) - p * math.sin(w * theta))
            for w, p, q in zip(frequencies, a, b, strict=True)
        )
        ruled = sum(c * f(theta + shift) for c, shift in shift_rule(frequencies))
        assert ruled == pytest.approx(slope, abs=1e-12)
