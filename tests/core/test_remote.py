"""What is sent away is counted, priced and confirmed first; gates and states it is made of."""

from __future__ import annotations

import math

import dense
import numpy as np
import pytest

from qdesigner.circuit.free import Free
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Fixed, Operation
from qdesigner.circuit.readout import Readout
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices.preparation import preparation
from qdesigner.devices.remote import Consent, Price, dollars, plan
from qdesigner.devices.spellings import SPELLINGS, spelled_out
from qdesigner.errors import UserError

SV1 = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
FORTE = "arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1"


def circuit(*readings: str) -> Free:
    """Two wires, read as Pauli sums, or ⟨Z⟩ of each."""
    readout = Readout(kind="pauli_sum", sums=readings) if readings else Readout()
    return Free(2, (Operation("H", (0,)),), (), readout, 0, 0)


def aws(target: str) -> DeviceSpec:
    return DeviceSpec(name="braket.aws", target=target, shots=100)


class TestPlan:
    def test_hardware_costs_by_the_task_and_by_the_shot(self) -> None:
        got = plan(aws(FORTE), circuit(), rows=10, shots=100)
        assert (got.jobs, got.circuits, got.shots, got.currency) == (10, 10, 1000, "USD")
        assert got.cost == pytest.approx(10 * 0.30 + 1000 * 0.08)
        assert got.seconds is None
        assert got.sentence == (
            "Sends 10 tasks on Forte-1, 100 shots each, 1,000 in all: "
            "about 83.00 USD by the prices of 2025."
        )

    def test_words_that_do_not_commute_wire_by_wire_are_circuits_of_their_own(self) -> None:
        together = plan(aws(FORTE), circuit("Z0 + Z0 Z1", "X1"), rows=3, shots=10)
        apart = plan(aws(FORTE), circuit("Z0 + X0 + Y0 Y1"), rows=3, shots=10)
        assert (together.circuits, apart.circuits) == (6, 9)

    def test_a_constant_needs_no_circuit(self) -> None:
        assert plan(aws(FORTE), circuit("2.5"), rows=3, shots=10).circuits == 0

    def test_sv1_costs_by_the_minute_at_least_three_seconds_a_task(self) -> None:
        got = plan(aws(SV1), circuit(), rows=20, shots=100)
        assert got.seconds == pytest.approx(60)
        assert got.cost == pytest.approx(0.075)
        large = plan(aws(SV1), circuit()._replace(wires=34), rows=1, shots=100)
        assert large.seconds == pytest.approx(3.4, rel=0.1)

    def test_an_unknown_price_is_not_made_up_and_the_machines_own_wins(self) -> None:
        new = "arn:aws:braket:us-west-1::device/qpu/someone/Machine-9"
        unknown = plan(aws(new), circuit(), rows=1, shots=10)
        assert unknown.cost is None
        assert "the price of Machine-9 is not known here" in unknown.sentence
        told = plan(aws(new), circuit(), 1, 10, Price(0.3, 0.01, date="today"))
        assert told.cost == pytest.approx(0.4)
        assert "by the prices of today" in told.sentence

    def test_ibm_counts_jobs_and_seconds_of_quantum_time(self) -> None:
        spec = DeviceSpec(name="ibm", target="ibm_torino", shots=4000)
        got = plan(spec, circuit(), rows=2500, shots=4000)
        assert (got.jobs, got.shots) == (2, 10_000_000)
        assert got.seconds == pytest.approx(2 * 2 + 1e7 * 3.5e-4)
        assert got.cost == pytest.approx(3504 * 1.6)
        assert "2 jobs of 2,500 circuits to ibm_torino" in got.sentence
        assert "10 minutes in 28 days" in got.sentence

    def test_what_runs_here_sends_nothing(self) -> None:
        with pytest.raises(UserError, match="costs nothing"):
            plan(DeviceSpec(), circuit(), 1, 100)

    def test_small_amounts_are_not_shown_as_nothing(self) -> None:
        assert (dollars(0), dollars(0.00375), dollars(1234.5)) == (
            "0.00 USD", "less than 0.01 USD", "1,234.50 USD",
        )  # fmt: skip


class TestConsent:
    PLAN = plan(aws(FORTE), circuit(), rows=2, shots=100)

    def test_without_a_yes_nothing_may_be_sent(self) -> None:
        consent = Consent()
        with pytest.raises(UserError, match=r"Nothing was sent\. Sends 2 tasks"):
            consent.confirm(self.PLAN, False)
        with pytest.raises(UserError, match="Nothing was sent"):
            consent.spend(1, 1)

    def test_only_true_itself_is_a_yes(self) -> None:
        for answer in ("no", 1, None):
            with pytest.raises(UserError):
                Consent().confirm(self.PLAN, answer)  # type: ignore[arg-type]

    def test_what_was_confirmed_may_be_sent_once(self) -> None:
        consent = Consent()
        consent.confirm(self.PLAN, True)
        consent.spend(1, 100)
        with pytest.raises(UserError, match="1 circuit with 200 shots in all would be"):
            consent.spend(1, 200)
        consent.spend(1, 100)
        with pytest.raises(UserError, match="0 circuits with 0 shots were confirmed"):
            consent.spend(1, 100)


def unitary(operations: list[Operation], wires: int) -> dense.Matrix:
    whole = np.eye(1 << wires, dtype=complex)
    for op in operations:
        value = op.angle.value if isinstance(op.angle, Fixed) else 0.0
        whole = dense.on_wires(dense.matrix(op.gate, value), op.wires, wires) @ whole
    return whole


class TestGatesForMachines:
    @pytest.mark.parametrize("name", SPELLINGS)
    def test_a_spelling_is_the_gate_itself_up_to_a_phase(self, name: str) -> None:
        wires = (2, 0, 1)[: GATES[name].wires]
        gate = Operation(name, wires, Fixed(0.7) if GATES[name].angle else None)
        spelled = list(spelled_out([gate], lambda known: False))
        assert {op.gate for op in spelled} <= {"H", "RX", "RY", "RZ", "CNOT"}
        wanted, got = unitary([gate], 3), unitary(spelled, 3)
        overlap = np.trace(wanted.conj().T @ got) / 8
        assert abs(overlap) == pytest.approx(1, abs=1e-12)

    def test_a_gate_that_the_machine_knows_stays(self) -> None:
        gate = Operation("RXX", (0, 1), Fixed(0.3))
        assert list(spelled_out([gate], {"RXX"}.__contains__)) == [gate]

    @pytest.mark.parametrize("count", [1, 2, 3, 4])
    def test_turns_and_flips_prepare_any_real_state(self, count: int) -> None:
        rng = np.random.default_rng(count)
        wires = tuple(int(wire) for wire in rng.permutation(4)[:count])
        for _ in range(3):
            state = rng.normal(size=1 << count) * (rng.random(1 << count) < 0.7)
            state[0] += not state.any()
            state /= np.linalg.norm(state)
            gates = list(preparation(wires, state))
            assert sum(op.gate == "RY" for op in gates) == (1 << count) - 1
            target = np.zeros([2] * 4)
            place = np.indices((2,) * count).reshape(count, -1).T
            for bits, amplitude in zip(place, state, strict=True):
                where = [0] * 4
                for wire, bit in zip(wires, bits, strict=True):
                    where[wire] = int(bit)
                target[tuple(where)] = amplitude
            got = unitary(gates, 4)[:, 0]
            assert np.allclose(got, target.reshape(-1), atol=1e-12)

    def test_a_state_of_one_wire_is_one_turn(self) -> None:
        (turn,) = preparation((3,), np.array([0.0, -1.0]))
        assert (turn.gate, turn.wires) == ("RY", (3,))
        assert isinstance(turn.angle, Fixed) and abs(turn.angle.value) == pytest.approx(math.pi)
