"""The circuit as plain torch operations: for CUDA, `torch.func`, and derivatives of any order.

A free circuit becomes a short list of steps on the state [batch, 2**wires], real where every gate
is: rotations on all wires at once, as matrix products with the Kronecker products of up to four
neighbours; signed permutations, each one gather; and runs of diagonal gates, one phase for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from qdesigner.circuit.free import Free
from qdesigner.circuit.groups import groups
from qdesigner.circuit.kinds import Amplitudes
from qdesigner.engine.items import (
    AXES,
    FIXED,
    NAMES,
    REAL,
    Diagonal,
    Item,
    Moves,
    Sorting,
    Turns,
    permutation,
)
from qdesigner.engine.tensor_steps import Gates, Gather, Phase, Reading, Rotate, Step, chances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]

# From so many bytes of states on, the backward computes them again, a part of the circuit at a time
# (only where no transform of torch.func is at work, which checkpoints do not bear).
KEPT_BYTES = 1 << 28


class TensorProgram:
    """A free circuit as torch operations.

    Called with angles [batch, slots] in radians and, where the circuit has an AMPLITUDE operation,
    its normalised amplitudes [batch, 2**k], it gives outputs [batch, outputs] on their device.
    States are of ``dtype``, float32 or float64, that of the angles if None. ``shared`` [slots]
    marks slots whose angle is the same in every row.
    """

    def __init__(self, free: Free, shared: Bools | None = None) -> None:
        self.free = free
        self._shared = np.zeros(len(free.angles), bool) if shared is None else np.asarray(shared)
        sorting = Sorting()
        for operation in free.operations:
            sorting.add(operation)
        self._turns = sorting.turns
        self._gathers: dict[tuple[Any, ...], Gather] = {}
        steps = tuple(self._step(item) for item in sorting.items)
        first = steps[0] if steps and free.prepared is None else None
        self._first = first if isinstance(first, Rotate) else None
        self._steps = steps if self._first is None else steps[1:]
        self._readings = self._read(sorting)
        self._constant = _constants(free)
        self.real = not any(turn.axis != "Y" for turn in sorting.turns) and all(
            isinstance(name, int) or name in REAL
            for item in sorting.items if isinstance(item, Turns)
            for names in item.wires.values() for name in names
        )  # fmt: skip
        self._tensors: dict[tuple[torch.device, torch.dtype], _Tensors] = {}

    def __getstate__(self) -> dict[str, Any]:
        """All but the constants on the devices: a copy makes its own."""
        return {**self.__dict__, "_tensors": {}}

    def __call__(
        self, angles: Tensor, amplitudes: Tensor | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """The readout [batch, outputs]."""
        batch, dtype = angles.shape[0], dtype or angles.dtype
        if not batch:
            return angles.to(dtype).sum() * angles.new_zeros(0, self.free.outputs, dtype=dtype)
        tensors = self._on(angles.device, dtype)
        gates = self._gates(angles, tensors)
        state = self._state(amplitudes, gates, tensors)
        if self.free.readout.kind == "probabilities":
            return self._probabilities(chances(state)).expand(batch, -1)
        out = tensors.constant.expand(batch, -1)
        for reading in self._readings:
            turned = state
            for step in reading.steps:
                turned = step.apply(turned, gates, tensors.of[id(step)])
            out = out + reading.apply(chances(turned), tensors.of[id(reading)])
        return out

    def state(self, angles: Tensor, amplitudes: Tensor | None = None) -> Tensor:
        """The final states [batch, 2**wires], with their phase, real where no gate is complex."""
        tensors = self._on(angles.device, angles.dtype)
        state = self._state(amplitudes, self._gates(angles, tensors), tensors)
        return state.expand(angles.shape[0], -1)

    # ---- once -----------------------------------------------------------------------------------

    def _step(self, item: Item) -> Step:
        total = self.free.wires
        if isinstance(item, Moves):
            gates = tuple(item.gates)  # the layers of a repeat share one table
            if gates not in self._gathers:
                self._gathers[gates] = Gather(*permutation(gates, total))
            return self._gathers[gates]
        if isinstance(item, Diagonal):
            numbers = [number for _, number in item.terms]
            words = tuple(word for word, _ in item.terms)
            return Phase(np.array(numbers), self._same(numbers), words, total)
        depth = max(len(gates) for gates in item.wires.values())
        numbers = [n for gates in item.wires.values() for n in gates if isinstance(n, int)]
        table = [
            [self._number(gates[level] if level < len(gates) else "") for gates in wires]
            for wires in [list(item.wires.values())] for level in range(depth)
        ]  # fmt: skip
        return Rotate(tuple(item.wires), np.array(table), self._same(numbers), total)

    def _number(self, gate: int | str) -> int:
        """The place of a gate in `Gates.matrices`: the fixed gates, then the turns."""
        return len(NAMES) + gate if isinstance(gate, int) else NAMES.index(gate)

    def _same(self, numbers: Sequence[Any]) -> bool:
        slots = [self._turns[number].slot for number in numbers]
        return all(slot < 0 or self._shared[slot] for slot in slots)

    def _read(self, sorting: Sorting) -> tuple[Reading, ...]:
        """A reading for each group of words; appends its turns."""
        free = self.free
        observables = free.readout.observables(free.wires)
        found = []
        for group in groups(observables):
            item = Turns()
            for operation in group.turns:
                number = sorting.turn(operation.gate[1], operation)
                item.wires[operation.wires[0]] = [number]
            shares = np.zeros((len(group.words), len(observables)))
            for output, observable in enumerate(observables):
                for term in observable:
                    if term.word in group.words:
                        shares[group.words.index(term.word), output] += term.coefficient
            found.append((item, group.words, shares))
        return tuple(
            Reading((self._step(item),) if item.wires else (), words, shares, free.wires)
            for item, words, shares in found
        )

    # ---- for each device and dtype --------------------------------------------------------------

    def _on(self, device: torch.device, dtype: torch.dtype) -> _Tensors:
        if (device, dtype) not in self._tensors:
            with torch.inference_mode(False):  # they may serve a training later
                self._tensors[device, dtype] = _Tensors(self, device, dtype)
        return self._tensors[device, dtype]

    # ---- each time ------------------------------------------------------------------------------

    def _gates(self, angles: Tensor, tensors: _Tensors) -> Gates:
        # Angles in float64, where it costs nothing: of a hundred radians, as products of features
        # give, float32 would keep five digits.
        batch, dtype = angles.shape[0], tensors.dtype
        padded = torch.cat([angles.double(), angles.new_zeros(batch, 1, dtype=torch.float64)], 1)
        half = padded.index_select(1, tensors.slots) * tensors.factors + tensors.offsets
        cosines, sines = torch.cos(half).to(dtype), torch.sin(half).to(dtype)
        turns = cosines[:, :, None, None] * tensors.one + sines[:, :, None, None] * tensors.axes
        fixed = tensors.fixed.expand(batch, -1, -1, -1)
        whole = torch.remainder(half, 2 * math.pi).to(dtype)
        return Gates(whole, torch.cat([fixed, turns], 1), tensors.one)

    def _state(self, amplitudes: Tensor | None, gates: Gates, tensors: _Tensors) -> Tensor:
        """The final states, or only one where all samples have the same."""
        if self._first is not None:
            state = self._first.start(gates, tensors.of[id(self._first)])
        elif amplitudes is not None:
            none = amplitudes.new_zeros(amplitudes.shape[0], 1)
            state = torch.cat([amplitudes, none], 1).index_select(1, tensors.prepared)
            state = state.to(tensors.one.dtype)
        else:
            state = tensors.one.new_zeros(1, 1 << self.free.wires)
            state[:, 0] = 1.0
        size = len(gates.half) * state[0].numel() * state.element_size() * (len(self._steps) + 1)
        if size <= KEPT_BYTES or not torch.is_grad_enabled() or transformed():
            return self._through(self._steps, state, gates, tensors)
        part = max(1, math.isqrt(len(self._steps)))
        for first in range(0, len(self._steps), part):
            some = self._steps[first : first + part]
            state = checkpoint(
                self._through, some, state, gates, tensors, use_reentrant=False,
                preserve_rng_state=False,
            )  # fmt: skip
        return state

    @staticmethod
    def _through(steps: Sequence[Step], state: Tensor, gates: Gates, tensors: _Tensors) -> Tensor:
        for step in steps:
            state = step.apply(state, gates, tensors.of[id(step)])
        return state

    def _probabilities(self, chances: Tensor) -> Tensor:
        wires = self.free.readout.on(self.free.wires)
        split = chances.reshape(-1, *[2] * self.free.wires)
        others = [1 + wire for wire in range(self.free.wires) if wire not in wires]
        if others:
            split = split.sum(others)
        kept = sorted(wires)
        return split.permute(0, *(1 + kept.index(wire) for wire in wires)).flatten(1)


class _Tensors:
    """A program's constants on one device, in one dtype."""

    def __init__(self, program: TensorProgram, device: torch.device, dtype: torch.dtype) -> None:
        turns = program._turns
        kind = dtype if program.real else dtype.to_complex()

        def number(values: Any, dtype: torch.dtype = kind) -> Tensor:
            array = np.asarray(values)
            if not dtype.is_complex and np.iscomplexobj(array):
                array = array.real
            return torch.tensor(array, device=device).to(dtype)

        nothing = np.zeros((0, 2, 2))
        self.dtype = dtype
        self.one = number(np.eye(2))
        self.axes = number(np.array([AXES[turn.axis] for turn in turns] or nothing))
        self.fixed = number(np.array([FIXED.get(name, np.eye(2)) for name in NAMES]))
        slots = [turn.slot if turn.slot >= 0 else len(program.free.angles) for turn in turns]
        self.slots = number(slots, torch.int64)
        self.factors = number([turn.factor / 2 for turn in turns], torch.float64)
        self.offsets = number([turn.offset / 2 for turn in turns], torch.float64)
        self.constant = number(program._constant, dtype)
        self.prepared = number(_prepared(program.free), torch.int64)
        steps: list[Any] = [*program._steps, *program._readings]
        steps += [step for reading in program._readings for step in reading.steps]
        steps += [] if program._first is None else [program._first]
        self.of = {id(step): step.tensors(device, dtype) for step in steps}


@lru_cache(maxsize=32)
def program(free: Free) -> TensorProgram:
    """The program of a free circuit, none of whose slots is known to be shared."""
    return TensorProgram(free)


def expectations(free: Free, angles: Tensor, amplitudes: Tensor | None = None) -> Tensor:
    """The readout [batch, outputs] at ``angles`` [batch, slots]; see `TensorProgram`."""
    return program(free)(angles, amplitudes)


def transformed() -> bool:
    """Whether a transform of torch.func (vmap, grad, jacrev, …) is at work."""
    active: Callable[[], bool] | None = getattr(torch._C, "_are_functorch_transforms_active", None)
    return active is not None and active()


def _constants(free: Free) -> list[float]:
    """What each output is besides its words."""
    return [
        sum(term.coefficient for term in observable if not term.word)
        for observable in free.readout.observables(free.wires)
    ]


def _prepared(free: Free) -> NDArray[np.int64]:
    """For each row the amplitude that it begins with, 2**k where it is zero."""
    rows = np.arange(1 << free.wires, dtype=np.int64)
    operation = free.prepared
    if operation is None:
        return rows[:0]
    assert isinstance(operation.angle, Amplitudes)
    taken, left = np.zeros_like(rows), rows.copy()
    for wire in operation.wires:
        bit = 1 << (free.wires - 1 - wire)
        taken = 2 * taken + ((rows & bit) > 0)
        left &= ~bit
    return np.where(left == 0, taken, 1 << len(operation.wires))
