"""Shots of the built-in simulator: drawn from exact probabilities, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from referee import RandomCircuits, verdict

from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.free import Free, free
from qdesigner.circuit.groups import groups
from qdesigner.circuit.kinds import Fixed, Operation
from qdesigner.circuit.readout import Readout
from qdesigner.engine import sampling
from qdesigner.engine.angles import AngleTable, amplitudes
from qdesigner.engine.sampling import sampled

KINDS = tuple(BLOCKS)
Floats = NDArray[np.float64]


def turned(readout: Readout, wires: int = 3) -> Circuit:
    """A circuit that fills the whole state."""
    blocks = (Block(id="turns", kind="rot_layer"), Block(id="ring", kind="cnot_ring"))
    again = Block(id="again", kind="rot_layer")
    return Circuit(wires=wires, blocks=(*blocks, again), readout=readout)


def drawn(circuit: Circuit, seed: int = 0) -> tuple[Free, Floats, Floats | None, Floats]:
    """The free circuit, one row of angles and of amplitudes, and the referee's readout."""
    freed = free(circuit)
    rng = np.random.default_rng(seed)
    x, w = rng.uniform(-3, 3, (1, freed.inputs)), rng.uniform(-3, 3, freed.weights)
    angles = AngleTable(freed)(torch.from_numpy(x), torch.from_numpy(w)).numpy()
    states = amplitudes(freed, torch.from_numpy(x))
    exact = verdict(circuit, x, w, np.zeros((1, circuit.outputs)))[0][0]
    return freed, angles, None if states is None else states.numpy(), exact


READOUTS = (
    Readout(),
    Readout(observable="X"),
    Readout(observable="Y", wires=(2, 0)),
    Readout(kind="probabilities", wires=(2, 0)),
    Readout(kind="probabilities"),
    Readout(kind="pauli_sum", sums=("0.5 X0 Y1 - 2 Z2 + 3", "Z0 Z1 Z2", "X0 - X0 X1", "4")),
)


def is_the_mean(freed: Free, angles: Floats, states: Floats | None, exact: Floats) -> None:
    """Assert that the mean of 400 runs lies within four standard errors of ``exact``."""
    states = None if states is None else np.repeat(states, 400, 0)
    runs = sampled(freed, np.repeat(angles, 400, 0), states, 100, seed=1)
    error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    off = np.abs(runs.mean(axis=0) - exact)
    # What is seen less than once in ten thousand shots may show no error of its own.
    assert (off <= 4 * error + 1e-4).all(), (off, error)


@pytest.mark.parametrize("readout", READOUTS, ids=lambda readout: readout.label)
def test_the_mean_of_many_runs_is_the_exact_value(readout: Readout) -> None:
    is_the_mean(*drawn(turned(readout)))


@pytest.mark.parametrize("seed", range(0, 4 * len(KINDS), 4))
def test_every_block_and_readout_lies_within_four_standard_errors(seed: int) -> None:
    is_the_mean(*drawn(RandomCircuits(seed).circuit(must=KINDS[seed // 4]), seed))


def test_the_same_seed_gives_the_same_numbers_and_another_gives_others() -> None:
    freed, angles, *_ = drawn(turned(READOUTS[5]))
    angles = np.repeat(angles, 5, 0)
    once = sampled(freed, angles, None, 50, seed=7)
    np.testing.assert_array_equal(sampled(freed, angles, None, 50, seed=7), once)
    assert (sampled(freed, angles, None, 50, seed=8) != once).any()
    assert len(np.unique(once, axis=0)) > 1, "each row has shots of its own"


def test_how_many_rows_go_together_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    freed, angles, *_ = drawn(turned(Readout()))
    angles = np.repeat(angles, 9, 0)
    once = sampled(freed, angles, None, 50, seed=7)
    monkeypatch.setattr(sampling, "NUMBERS_AT_ONCE", 16)
    np.testing.assert_array_equal(sampled(freed, angles, None, 50, seed=7), once)


def test_one_shot_is_one_outcome() -> None:
    freed, angles, *_ = drawn(turned(Readout()))
    seen = sampled(freed, np.repeat(angles, 50, 0), None, 1, seed=0)
    assert set(np.unique(seen)) == {-1.0, 1.0}
    freed, angles, *_ = drawn(turned(Readout(kind="probabilities", wires=(1, 2))))
    seen = sampled(freed, np.repeat(angles, 50, 0), None, 1, seed=0)
    assert set(np.unique(seen)) == {0.0, 1.0} and (seen.sum(axis=1) == 1).all()


def test_words_on_the_same_shots_agree_shot_by_shot() -> None:
    readout = Readout(kind="pauli_sum", sums=("X0", "Z2", "X0 Z2"))
    freed, angles, *_ = drawn(turned(readout))
    seen = sampled(freed, np.repeat(angles, 50, 0), None, 1, seed=0)
    np.testing.assert_array_equal(seen[:, 0] * seen[:, 1], seen[:, 2])


def test_words_that_ask_a_wire_for_different_paulis_are_read_apart() -> None:
    readout = Readout(kind="pauli_sum", sums=("X0 Z1 + Z0", "Z1 Y2", "Z0 X1", "2"))
    apart = groups(readout.observables(3))
    assert [group.axes for group in apart] == [
        ((0, "X"), (1, "Z"), (2, "Y")),
        ((0, "Z"), (1, "X")),
    ]
    assert sum(len(group.words) for group in apart) == 4
    turns = [(op.gate, op.wires, isinstance(op.angle, Fixed)) for op in apart[0].turns]
    assert turns == [("RY", (0,), True), ("RX", (2,), True)]


def test_a_constant_readout_needs_no_shots_and_an_empty_batch_none() -> None:
    freed, angles, *_ = drawn(turned(Readout(kind="pauli_sum", sums=("2.5", "-1"))))
    assert sampled(freed, angles, None, 10, seed=0).tolist() == [[2.5, -1.0]]
    freed, angles, *_ = drawn(turned(Readout()))
    assert sampled(freed, angles[:0], None, 10, seed=0).shape == (0, 3)


def test_a_diverged_angle_shows_in_its_row() -> None:
    freed, angles, *_ = drawn(turned(Readout()))
    angles = np.repeat(angles, 3, 0)
    angles[1, 0] = np.nan
    seen = sampled(freed, angles, None, 100, seed=0)
    assert np.isnan(seen[1]).all() and np.isfinite(seen[[0, 2]]).all()


def test_fixed_turns_are_run_too() -> None:
    freed = Free(1, (Operation("RX", (0,), Fixed(np.pi)),), (), Readout(), 0, 0)
    assert sampled(freed, np.empty((2, 0)), None, 10, seed=0).tolist() == [[-1.0], [-1.0]]
