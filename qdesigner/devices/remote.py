"""What running on somebody else's machine takes and costs, and the consent without which nothing
is sent.

Prices are estimates from published lists, each with its date; the provider's bill is what counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from qdesigner.circuit.free import Free
from qdesigner.circuit.groups import circuits_per_row
from qdesigner.design.spec import DeviceSpec
from qdesigner.errors import UserError


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent. ``shots`` are those of all circuits together; ``seconds`` of computing,
    without the queue; ``seconds`` and ``cost`` are estimates, None where nothing is known."""

    jobs: int
    circuits: int
    shots: int
    seconds: float | None
    cost: float | None
    currency: str
    sentence: str


class Remote(Protocol):
    """What a device that sends circuits away has besides ``run``."""

    def plan(self, free: Free, rows: int, shots: int) -> Plan:
        """What running ``rows`` rows of angles would send and cost; sends nothing."""

    def confirm(self, plan: Plan, confirmed: bool) -> None:
        """Allow `run` to send what ``plan`` says. Raises UserError unless ``confirmed``."""


class Consent:
    """How many circuits and shots the user has agreed to, less what was sent since."""

    def __init__(self) -> None:
        self.circuits = 0
        self.shots = 0

    def confirm(self, plan: Plan, confirmed: bool) -> None:
        """Take ``plan`` as agreed to. Raises UserError unless ``confirmed`` is True itself."""
        if confirmed is not True:
            raise UserError(f"Nothing was sent. {plan.sentence} Confirm it to send it.")
        self.circuits += plan.circuits
        self.shots += plan.shots

    def spend(self, circuits: int, shots: int) -> None:
        """Take off what is about to be sent. Raises UserError when that was not agreed to."""
        if circuits > self.circuits or shots > self.shots:
            raise UserError(
                f"Nothing was sent: {_count(circuits, 'circuit')} with {_count(shots, 'shot')} in "
                f"all would be, but {_count(self.circuits, 'circuit')} with "
                f"{_count(self.shots, 'shot')} were confirmed."
            )
        self.circuits -= circuits
        self.shots -= shots


class Price(NamedTuple):
    """US dollars a task, a shot and a minute of a simulator, and the list's date."""

    task: float = 0.0
    shot: float = 0.0
    minute: float = 0.0
    date: str = "2025"


# https://aws.amazon.com/braket/pricing/, by how the last part of a device's ARN begins. A machine
# that is not listed tells its own price when it is opened.
TASK = 0.30
BRAKET_PRICES = {
    "sv1": Price(minute=0.075),
    "dm1": Price(minute=0.075),
    "tn1": Price(minute=0.275),
    "forte": Price(TASK, 0.08),
    "garnet": Price(TASK, 0.00145),
    "ankaa": Price(TASK, 0.0009),
}
SIMULATOR_SECONDS = 3.0  # the least that Braket bills for a task on a simulator
SIMULATOR_SPEED = 2e-10  # seconds a gate and amplitude: 34 qubits, depth 34 take about 1.5 hours

# https://www.ibm.com/quantum/pricing and IBM's guide "Workload usage": a job takes 2 s, an
# execution 0.25 ms between the shots and about 0.1 ms for the circuit.
IBM_SECOND = Price(minute=96.0, date="May 2026")
IBM_JOB_SECONDS = 2.0
IBM_EXECUTION_SECONDS = 3.5e-4
IBM_EXECUTIONS = 5_000_000  # a job takes at most so many


def plan(spec: DeviceSpec, free: Free, rows: int, shots: int, price: Price | None = None) -> Plan:
    """What running ``rows`` rows of angles with ``shots`` shots each would send and cost.

    ``price`` replaces the listed one. Raises UserError for a device that sends nothing.
    """
    circuits = rows * circuits_per_row(free)
    if spec.name == "ibm":
        jobs = math.ceil(rows / rows_per_ibm_job(free, shots)) if circuits else 0
        return _on_ibm(spec.target, jobs, circuits, shots, price or IBM_SECOND)
    if spec.name == "braket.aws":
        gates = len(free.operations) * 2.0**free.wires * SIMULATOR_SPEED
        return _on_braket(spec.target, circuits, shots, max(SIMULATOR_SECONDS, gates), price)
    raise UserError(f"The device {spec.name!r} runs on this machine and costs nothing.")


def rows_per_ibm_job(free: Free, shots: int) -> int:
    """How many rows go into one job: all circuits of a row go into the same."""
    return max(1, IBM_EXECUTIONS // max(1, circuits_per_row(free) * shots))


def _on_braket(target: str, circuits: int, shots: int, each: float, price: Price | None) -> Plan:
    name = target.rpartition("/")[2]
    listed = (at for known, at in BRAKET_PRICES.items() if name.lower().startswith(known))
    price = price or next(listed, None)
    simulator = "quantum-simulator" in target
    seconds = circuits * each if simulator else None
    what = f"{_count(circuits, 'task')} on {name or 'Amazon Braket'}, {_shots(circuits, shots)}"
    if price is None:
        cost = None
        sum_up = f"the price of {name} is not known here, see https://aws.amazon.com/braket/pricing"
    else:
        cost = circuits * (price.task + shots * price.shot + each / 60 * price.minute)
        sum_up = f"about {dollars(cost)} by the prices of {price.date}"
    return Plan(
        circuits, circuits, circuits * shots, seconds, cost, "USD", f"Sends {what}: {sum_up}."
    )


def _on_ibm(target: str, jobs: int, circuits: int, shots: int, price: Price) -> Plan:
    executions = circuits * shots
    seconds = jobs * IBM_JOB_SECONDS + executions * IBM_EXECUTION_SECONDS
    cost = seconds / 60 * price.minute
    sentence = (
        f"Sends {_count(jobs, 'job')} of {_count(circuits, 'circuit')} to {target or 'IBM'}, "
        f"{_shots(circuits, shots)}: about {seconds:,.0f} s of quantum time, which the Open Plan's "
        f"10 minutes in 28 days cover or which cost about {dollars(cost)} on Pay-As-You-Go by the "
        f"prices of {price.date}."
    )
    return Plan(jobs, circuits, executions, seconds, cost, "USD", sentence)


def dollars(cost: float) -> str:
    """An amount to read: 12.30 USD, or less than 0.01 USD."""
    return f"{cost:,.2f} USD" if cost >= 0.01 or cost == 0 else "less than 0.01 USD"


def _shots(circuits: int, shots: int) -> str:
    return f"{shots:,} shots each, {circuits * shots:,} in all" if shots else "without shots"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
