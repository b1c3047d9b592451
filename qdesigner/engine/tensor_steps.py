"""The tensor engine's steps on states [batch, 2**wires], each with its tables.

A batch may be one while all samples have the same state.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from qdesigner.circuit.readout import Word

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOGETHER = 4  # wires whose rotations are multiplied into one matrix, 16 × 16


class Gates:
    """The numbers of one call: half angles [batch, turns], matrices [batch, fixed + turns, 2, 2],
    and the 2 × 2 ``one``."""

    def __init__(self, half: Tensor, matrices: Tensor, one: Tensor) -> None:
        self.half, self.matrices, self.one = half, matrices, one


@dataclass(frozen=True)
class Gather:
    """Row r of the state comes from row ``table[r]``, times ``signs[r]``."""

    table: NDArray[np.int64]
    signs: NDArray[np.float64] | None
    shared: bool = True

    def tensors(self, device: torch.device, dtype: torch.dtype) -> tuple[Any, ...]:
        back = torch.from_numpy(np.argsort(self.table)).to(device)
        signs = None if self.signs is None else torch.from_numpy(self.signs).to(device, dtype)
        return torch.from_numpy(self.table).to(device), back, signs

    def apply(self, state: Tensor, gates: Gates, tensors: tuple[Any, ...]) -> Tensor:
        table, back, signs = tensors
        state = _Take.apply(state, table, back)
        return state if signs is None else state * signs


@dataclass(frozen=True)
class Rotate:
    """Each wire's gates multiplied, ``numbers`` [depth, wires] into `Gates.matrices`.

    ``shared``: they are the same for all samples.
    """

    wires: tuple[int, ...]
    numbers: NDArray[np.int64]
    shared: bool
    total: int

    def tensors(self, device: torch.device, dtype: torch.dtype) -> tuple[Any, ...]:
        return tuple(torch.from_numpy(row).to(device) for row in self.numbers)

    def matrices(self, gates: Gates, tensors: tuple[Any, ...]) -> dict[int, Tensor]:
        """Wire to its matrix [batch or 1, 2, 2]."""
        source = gates.matrices[:1] if self.shared else gates.matrices
        product = source.index_select(1, tensors[0])
        for numbers in tensors[1:]:
            product = source.index_select(1, numbers) @ product
        return dict(zip(self.wires, product.unbind(1), strict=True))

    def apply(self, state: Tensor, gates: Gates, tensors: tuple[Any, ...]) -> Tensor:
        matrices = self.matrices(gates, tensors)
        blocks = _blocks(self.total)
        active = [block for block in blocks if not matrices.keys().isdisjoint(block)]
        if 2 * len(active) <= len(blocks):
            for block in active:
                state = _in_place(state, _kron(block, matrices, gates.one), block.start, self.total)
            return state
        # Every block as the rows of a matrix; the product's transpose puts them behind the others,
        # and after all blocks the wires are in their old order again.
        rows = state.shape[1]
        for block in blocks:
            matrix = _kron(block, matrices, gates.one)
            size = matrix.shape[1]
            state, matrix = _same_batch(state, matrix)
            across = state.reshape(-1, size, rows // size).transpose(1, 2)
            state = torch.bmm(across, matrix.transpose(1, 2)).reshape(-1, rows)
        return state

    def start(self, gates: Gates, tensors: tuple[Any, ...]) -> Tensor:
        """|0…0⟩ after these gates: a product of one-wire states [batch or 1, 2**wires]."""
        matrices = self.matrices(gates, tensors)
        state = gates.one[None, :1, :1].reshape(1, 1)
        for wire in range(self.total):
            own = matrices[wire][:, :, 0] if wire in matrices else gates.one[None, :, 0]
            state = (state[:, :, None] * own[:, None, :]).flatten(1)
        return state


@dataclass(frozen=True)
class Phase:
    """exp(-i/2 · Σ angle · product of Z) over turns ``numbers`` [terms]."""

    numbers: NDArray[np.int64]
    shared: bool
    words: tuple[Word, ...]
    total: int

    def tensors(self, device: torch.device, dtype: torch.dtype) -> tuple[Any, ...]:
        high, low = (torch.from_numpy(part).to(device, dtype) for part in _signs(self))
        return torch.from_numpy(self.numbers).to(device), high, low

    def apply(self, state: Tensor, gates: Gates, tensors: tuple[Any, ...]) -> Tensor:
        numbers, high, low = tensors
        source = gates.half[:1] if self.shared else gates.half
        half = source.index_select(1, numbers)
        phase = torch.matmul(half[:, None, :] * high, low.T).flatten(1)
        return state * torch.complex(torch.cos(phase), -torch.sin(phase))


Step = Gather | Rotate | Phase


@dataclass(frozen=True)
class Reading:
    """Words read after ``steps``, and what each output takes of them [words, outputs]."""

    steps: tuple[Step, ...]
    words: tuple[Word, ...]
    shares: NDArray[np.float64]
    total: int

    def tensors(self, device: torch.device, dtype: torch.dtype) -> tuple[Any, ...]:
        high, low = (torch.from_numpy(part).to(device, dtype) for part in _signs(self))
        return high, low, torch.from_numpy(self.shares).to(device, dtype)

    def apply(self, chances: Tensor, tensors: tuple[Any, ...]) -> Tensor:
        high, low, shares = tensors
        split = chances.reshape(-1, high.shape[0], low.shape[0])
        values = (torch.matmul(split, low) * high).sum(1)
        return torch.matmul(values, shares)


class _Take(torch.autograd.Function):
    """``state[:, table]`` for a permutation; torch's own backward would add row by row."""

    generate_vmap_rule = True

    @staticmethod
    def forward(state: Tensor, table: Tensor, back: Tensor) -> Tensor:
        return state.index_select(1, table)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        table, back = ctx.saved_tensors
        return _Take.apply(grads[0], back, table), None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return _Take.apply(tangents[0], *ctx.saved_tensors)


def chances(state: Tensor) -> Tensor:
    """Probabilities of all rows."""
    if not state.is_complex():
        return state.square()
    return state.real.square() + state.imag.square()


def _blocks(wires: int) -> list[range]:
    """All wires in blocks of about equal size, `TOGETHER` at most."""
    count = -(-wires // TOGETHER)
    bounds = [wires * k // count for k in range(count + 1)]
    return [range(a, b) for a, b in pairwise(bounds)]


def _kron(block: range, matrices: dict[int, Tensor], one: Tensor) -> Tensor:
    """The Kronecker product of a block's matrices [batch or 1, 2**k, 2**k]."""
    product = matrices.get(block[0], one[None])
    for wire in block[1:]:
        own = matrices.get(wire, one[None])
        size = 2 * product.shape[1]
        wide = product[:, :, None, :, None] * own[:, None, :, None, :]
        product = wide.reshape(-1, size, size)
    return product


def _in_place(state: Tensor, matrix: Tensor, first: int, wires: int) -> Tensor:
    """One block's matrix on its own wires, from ``first`` on."""
    state, matrix = _same_batch(state, matrix)
    rows, size = state.shape[1], matrix.shape[1]
    left, right = 1 << first, rows // size >> first
    if left == 1:
        return torch.bmm(matrix, state.reshape(-1, size, right)).reshape(-1, rows)
    if right == 1:
        turned = torch.bmm(state.reshape(-1, left, size), matrix.transpose(1, 2))
        return turned.reshape(-1, rows)
    split = state.reshape(-1, left, size, right).transpose(1, 2).reshape(-1, size, left * right)
    turned = torch.bmm(matrix, split).reshape(-1, size, left, right)
    return turned.transpose(1, 2).reshape(-1, rows)


def _same_batch(state: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Both for all samples, when one of them is for all and the other one is the same for each."""
    batch = max(state.shape[0], matrix.shape[0])
    return state.expand(batch, -1), matrix.expand(batch, -1, -1)


def _signs(part: Phase | Reading) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Signs of each word's product of Z, [high rows, words] and [low rows, words]: a row's sign is
    the product of that of its upper bits and that of its lower bits."""
    upper = part.total // 2
    tables = []
    for wires in (range(upper), range(upper, part.total)):
        rows = np.arange(1 << len(wires))
        table = np.ones((len(rows), len(part.words)))
        for column, word in enumerate(part.words):
            for wire, _ in word:
                if wire in wires:
                    table[:, column] *= 1 - 2 * (rows >> (wires[-1] - wire) & 1)
        tables.append(table)
    return tables[0], tables[1]
