"""Braket runs our circuits: values and shots against plain matrices, AWS played by a double.

Nothing here touches a network. The libraries live in an environment of their own, see `.ci/run`.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dense
import numpy as np
import pytest

pytest.importorskip(
    "braket.devices", reason='Braket lives in its own environment: pip install "qdesigner[braket]"'
)

from braket.default_simulator import StateVectorSimulator
from braket.ir.openqasm import Program
from braket.tasks import GateModelQuantumTaskResult

from qdesigner.circuit.free import Free
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.kinds import Amplitudes, Fixed, Input, Operation
from qdesigner.circuit.readout import Readout
from qdesigner.design.spec import DeviceSpec
from qdesigner.devices import braket
from qdesigner.errors import UserError

READOUTS = (
    Readout(),
    Readout(observable="X", wires=(2, 0)),
    Readout(observable="Y"),
    Readout(kind="probabilities"),
    Readout(kind="probabilities", wires=(2, 0, 1)),
    Readout(kind="probabilities", wires=(1, 2)),
    Readout(kind="pauli_sum", sums=("0.5 Z0 Z1 - X2 + 2", "Y0 X1 - 0.25 X0", "Z1 Z2 + Z1")),
    Readout(kind="pauli_sum", sums=("Z0", "3")),
)
SV1 = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
FORTE = "arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a test reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def random_circuit(rng: np.random.Generator, readout: Readout, wires: int, prepared: bool) -> Free:
    """Twelve random gates; amplitudes of two wires first if ``prepared``."""
    operations: list[Operation] = []
    if prepared:
        on = tuple(int(wire) for wire in rng.permutation(wires)[:2])
        operations.append(Operation("AMPLITUDE", on, Amplitudes(0, 4)))
    fitting = [gate for gate in GATES.values() if 0 < gate.wires <= wires]
    slots = 0
    for _ in range(12):
        gate = fitting[int(rng.integers(len(fitting)))]
        on = tuple(int(wire) for wire in rng.permutation(wires)[: gate.wires])
        free = gate.angle and rng.random() < 0.7
        angle = Input(slots) if free else Fixed(float(rng.normal())) if gate.angle else None
        operations.append(Operation(gate.name, on, angle))
        slots += free
    return Free(wires, tuple(operations), tuple(Input(k) for k in range(slots)), readout, slots, 0)


def numbers(
    rng: np.random.Generator, free: Free, rows: int = 2
) -> tuple[dense.Floats, dense.Floats | None]:
    """Random angles, and a normalised state where the circuit asks for one."""
    angles = rng.uniform(-4, 4, (rows, len(free.angles)))
    state = rng.normal(size=(rows, 4))
    state /= np.linalg.norm(state, axis=1, keepdims=True)
    return angles, state if free.prepared else None


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("readout", READOUTS, ids=lambda readout: readout.label)
class TestLocal:
    def test_exact_values_are_those_of_plain_matrices(
        self, readout: Readout, prepared: bool
    ) -> None:
        rng = np.random.default_rng(11)
        for wires in (3, 4):
            free = random_circuit(rng, readout, wires, prepared)
            angles, state = numbers(rng, free)
            got = braket.LocalBraket().run(free, angles, state, 0, 0)
            assert got.shape == (2, free.outputs)
            assert np.abs(got - dense.outputs(free, angles, state)).max() < 1e-10

    def test_shots_stay_within_four_standard_errors_and_follow_the_seed(
        self, readout: Readout, prepared: bool
    ) -> None:
        rng = np.random.default_rng(5)
        free = random_circuit(rng, readout, 3, prepared)
        angles, state = numbers(rng, free)
        device = braket.LocalBraket()
        got = device.run(free, angles, state, 1000, 3)
        exact = dense.outputs(free, angles, state)
        assert (np.abs(got - exact) <= 4 * dense.spread(free, exact, 1000) + 1e-12).all()
        assert np.array_equal(device.run(free, angles, state, 1000, 3), got)


def two_wires() -> Free:
    operations = (Operation("RY", (0,), Input(0)), Operation("CNOT", (0, 1)))
    return Free(2, operations, (Input(0),), Readout(), 1, 0)


class TestShots:
    def test_another_seed_draws_other_shots_and_each_row_its_own(self) -> None:
        device, angles = braket.LocalBraket(), np.full((2, 1), 1.0)
        first = device.run(two_wires(), angles, None, 1000, 1)
        assert not np.array_equal(first, device.run(two_wires(), angles, None, 1000, 2))
        assert not np.array_equal(first[0], first[1])

    def test_wires_without_a_gate_are_measured_too(self) -> None:
        free = Free(4, (Operation("X", (2,)),), (), Readout(), 0, 0)
        for shots in (0, 50):
            got = braket.LocalBraket().run(free, np.zeros((1, 0)), None, shots, 0)
            assert np.allclose(got, [[1, 1, -1, 1]], atol=1e-12)


# ---- AWS, played by a double --------------------------------------------------------------------


class Aws:
    """What the SDK's device asks of its session: one device, and tasks that run on this machine
    after having waited in the queue once."""

    region = "us-east-1"

    def __init__(self, gates: list[str], cost: dict[str, Any], refusal: Exception | None) -> None:
        self.gates, self.cost, self.refusal = gates, cost, refusal
        self.failing = ""  # why the first task fails
        self.sent: list[dict[str, Any]] = []
        self.asked: dict[str, int] = {}

    def get_device(self, arn: str) -> dict[str, Any]:
        if self.refusal:
            raise self.refusal
        told = json.loads(StateVectorSimulator().properties.json())
        told["service"].update(deviceCost=self.cost, shotsRange=[1, 5000])
        told["action"] = {
            "braket.ir.openqasm.program": told["action"]["braket.ir.openqasm.program"]
        }
        told["action"]["braket.ir.openqasm.program"]["supportedOperations"] = self.gates
        return {
            "deviceName": "double", "deviceStatus": "ONLINE", "providerName": "nobody",
            "deviceType": "QPU", "deviceCapabilities": json.dumps(told),
        }  # fmt: skip

    def default_bucket(self) -> str:
        return "bucket"

    def create_quantum_task(self, **task: Any) -> str:
        self.sent.append(task)
        return f"arn:aws:braket:us-east-1:0:quantum-task/{len(self.sent) - 1}"

    def get_quantum_task(self, arn: str) -> dict[str, Any]:
        self.asked[arn] = self.asked.get(arn, 0) + 1
        failed = bool(self.failing) and arn.endswith("/0")
        ended = "FAILED" if failed else "COMPLETED"
        return {
            "quantumTaskArn": arn, "status": "QUEUED" if self.asked[arn] == 1 else ended,
            "failureReason": self.failing, "outputS3Bucket": "bucket",
            "outputS3Directory": arn.rpartition("/")[2],
            "actionMetadata": {"actionType": "braket.ir.openqasm.program"},
            "queueInfo": {"queue": "Q", "queuePriority": "Normal", "position": "1"},
        }  # fmt: skip

    def retrieve_s3_object_body(self, bucket: str, key: str) -> str:
        task = self.sent[int(key.split("/")[0])]
        program = Program.parse_raw(task["action"])
        result = StateVectorSimulator().run(program, shots=task["shots"])
        # AWS has worked out the result types from the shots.
        kinds = GateModelQuantumTaskResult.from_object(result).result_types
        told = json.loads(result.copy(update={"resultTypes": None}).json())
        told["resultTypes"] = [
            {"type": kind.type.dict(), "value": np.asarray(kind.value).tolist()} for kind in kinds
        ]
        return json.dumps(told)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """A machine that knows no CZ, Toffoli or Ising gates, at one cent a shot."""
    double = Aws(["h", "x", "y", "z", "s", "t", "rx", "ry", "rz", "cnot"],
                 {"price": 0.01, "unit": "shot"}, None)  # fmt: skip

    class Session:
        def __new__(cls) -> Aws:  # type: ignore[misc]
            return double

        @staticmethod
        def copy_session(session: Aws, *_: object, **__: object) -> Aws:
            return session

    monkeypatch.setattr("braket.aws.aws_device.AwsSession", Session)
    monkeypatch.setattr(braket, "POLL_SECONDS", 0.01)
    return double


def remote(target: str = FORTE) -> braket.AwsBraket:
    device = braket.make(DeviceSpec(name="braket.aws", target=target, shots=1000))
    assert isinstance(device, braket.AwsBraket)
    return device


class TestAws:
    def test_nothing_is_sent_that_was_not_confirmed(self, aws: Aws) -> None:
        device, free = remote(), two_wires()
        with pytest.raises(UserError, match="Nothing was sent"):
            device.run(free, np.zeros((1, 1)), None, 100, 0)
        with pytest.raises(UserError, match="Nothing was sent"):
            device.confirm(device.plan(free, 1, 100), False)
        device.confirm(device.plan(free, 1, 100), True)
        for rows, shots in ((2, 50), (1, 101)):
            with pytest.raises(UserError, match="100 shots were confirmed"):
                device.run(free, np.zeros((rows, 1)), None, shots, 0)
        assert aws.sent == []
        device.run(free, np.zeros((1, 1)), None, 100, 0)
        assert len(aws.sent) == 1
        with pytest.raises(UserError, match="0 shots were confirmed"):
            device.run(free, np.zeros((1, 1)), None, 100, 0)

    def test_the_plan_has_the_price_that_the_machine_tells(self, aws: Aws) -> None:
        got = remote().plan(two_wires(), 4, 100)
        assert got.cost == pytest.approx(4 * 0.30 + 400 * 0.01)
        assert "about 5.20 USD by the prices of today" in got.sentence
        aws.cost = {"price": 0.075, "unit": "minute"}
        assert remote(SV1).plan(two_wires(), 4, 100).cost == pytest.approx(12 / 60 * 0.075)

    @pytest.mark.parametrize("readout", READOUTS, ids=lambda readout: readout.label)
    def test_tasks_are_sent_awaited_and_read(self, aws: Aws, readout: Readout) -> None:
        rng = np.random.default_rng(8)
        free = random_circuit(rng, readout, 3, prepared=True)
        angles, state = numbers(rng, free)
        device = remote()
        plan = device.plan(free, 2, 2000)
        device.confirm(plan, True)
        got = device.run(free, angles, state, 2000, 0)
        exact = dense.outputs(free, angles, state)
        assert (np.abs(got - exact) <= 5 * dense.spread(free, exact, 2000) + 1e-12).all()
        assert len(aws.sent) == plan.circuits == plan.jobs
        assert {task["shots"] for task in aws.sent} == {2000}
        assert {task["deviceArn"] for task in aws.sent} == {FORTE}
        assert min(aws.asked.values()) >= 2  # it waited while they were queued

    def test_a_machine_gets_only_gates_that_it_takes(self, aws: Aws) -> None:
        free = Free(3, (Operation("TOFFOLI", (0, 1, 2)), Operation("RXX", (0, 2), Fixed(0.3)),
                        Operation("CRX", (1, 0), Fixed(0.2))), (), Readout(), 0, 0)  # fmt: skip
        device = remote()
        device.confirm(device.plan(free, 1, 10), True)
        device.run(free, np.zeros((1, 0)), None, 10, 0)
        source = Program.parse_raw(aws.sent[0]["action"]).source
        gates = set(re.findall(r"^([a-z]+)(?:\(.*\))? q\[", source, re.MULTILINE))
        assert {"cnot", "rz", "h"} <= gates <= set(aws.gates)

    def test_a_failed_task_is_named_and_not_paid_for_twice(self, aws: Aws) -> None:
        aws.failing = "the cryostat is warm"
        device = remote()
        device.confirm(device.plan(two_wires(), 3, 10), True)
        with pytest.raises(UserError, match=r"1 of 3 tasks .* \(the cryostat is warm\).*task/0;"):
            device.run(two_wires(), np.zeros((3, 1)), None, 10, 0)
        assert len(aws.sent) == 3

    def test_too_many_shots_are_refused_before_anything_is_sent(self, aws: Aws) -> None:
        device = remote()
        device.confirm(device.plan(two_wires(), 1, 9000), True)
        with pytest.raises(UserError, match="takes 1 to 5,000 shots a circuit, not 9,000"):
            device.run(two_wires(), np.zeros((1, 1)), None, 9000, 0)
        with pytest.raises(UserError, match="not 0"):
            device.run(two_wires(), np.zeros((1, 1)), None, 0, 0)
        assert aws.sent == []

    def test_what_aws_refuses_is_a_sentence(self, aws: Aws) -> None:
        from botocore.exceptions import ClientError

        aws.refusal = ClientError(
            {"Error": {"Code": "AccessDeniedException", "Message": "not authorized."}}, "GetDevice"
        )
        with pytest.raises(UserError, match=rf"^AWS refused {FORTE}: not authorized\.$"):
            remote().plan(two_wires(), 1, 10)
        aws.refusal = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetDevice")
        with pytest.raises(UserError, match=r"cannot use .*not found"):
            remote().plan(two_wires(), 1, 10)


class TestCredentials:
    @pytest.fixture(autouse=True)
    def _nobody(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A machine on which nobody has set up AWS."""
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID",
                     "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN",
                     "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI"):  # fmt: skip
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    def test_a_missing_region_is_one_sentence(self) -> None:
        with pytest.raises(UserError, match="needs a region: set AWS_REGION"):
            remote(SV1).plan(two_wires(), 1, 10)

    def test_missing_credentials_are_one_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        with pytest.raises(UserError, match=r"needs AWS credentials.*run `aws configure`"):
            remote(SV1).plan(two_wires(), 1, 10)

    def test_half_of_the_credentials_are_one_sentence(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
        with pytest.raises(UserError, match="credentials, which are missing or incomplete"):
            remote(SV1).plan(two_wires(), 1, 10)

    @pytest.mark.parametrize("target", ["", "sv1", "arn:aws:s3:::bucket"])
    def test_a_target_that_is_no_braket_arn_is_one_sentence(self, target: str) -> None:
        with pytest.raises(UserError, match=r"needs the ARN of a device, such as arn:aws:braket"):
            remote(target)
