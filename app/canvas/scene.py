"""What the board shows at one moment, as a value: painting reads it and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from app.canvas.geometry import EMPTY, Hit
from app.canvas.gestures import Outcome
from qdesigner.circuit.circuit import Resources
from qdesigner.circuit.gates import GATES
from qdesigner.circuit.labels import LABELS
from qdesigner.circuit.layout import Layout
from qdesigner.design.edits import Slot


@dataclass(frozen=True, slots=True)
class Scene:
    """The drawn circuit with what is selected, held and hovered.

    ``pointer`` is in scene coordinates, None when it is elsewhere. ``ghost_wire`` says that the
    wire still to be added shows, ``readout`` that the readout is selected. ``told`` is the gate,
    as its block and its place there, that the parameter-shift rule is shown for; ``output`` the one
    that stands out in the measurement, -1 for none.
    """

    layout: Layout
    selected: frozenset[str] = frozenset()
    outcome: Outcome | None = None
    hover: Hit = EMPTY
    pointer: tuple[float, float] | None = None
    ghost_wire: bool = False
    focused: bool = False
    readout: bool = False
    told: tuple[str, int] | None = None
    output: int = -1

    @property
    def held(self) -> frozenset[str]:
        """The blocks in the hand."""
        return self.outcome.held if self.outcome else frozenset()

    @property
    def refusal(self) -> str:
        """Why what the hand holds cannot be put here, or ""."""
        return self.outcome.refusal if self.outcome else ""

    @property
    def note(self) -> str:
        """What a release will do, where the picture does not show it."""
        return self.outcome.note if self.outcome else ""

    @property
    def slot(self) -> Slot | None:
        """Where the held blocks stand: the place of the "drop here" bar."""
        return self.outcome.slot if self.outcome else None


def summary(resources: Resources) -> str:
    """The board's last line: ``depth 20 · 18 CNOT · 24 weights``."""
    entangling = [
        f"{resources.gates[gate]} {LABELS.get(gate, gate)}"
        for gate, row in GATES.items()
        if row.wires > 1 and resources.gates.get(gate)
    ]
    weights = "1 weight" if resources.weights == 1 else f"{resources.weights} weights"
    return " · ".join([f"depth {resources.depth}", *entangling, weights])
