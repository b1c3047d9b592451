"""What of a run is drawn in the plane: the decision boundary of data with two features, and the
principal components of what its trained part is fed with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from qdesigner.data.dataset import Dataset
from qdesigner.design.plan import step_cost
from qdesigner.design.spec import Design
from qdesigner.model.build import Split
from qdesigner.training.inputs import Inputs, Kept

SIDES = (48, 32, 16)  # points along a side of the plane: the most that are quick to ask for
QUICK = 300.0  # ms that a device may take for all of them
MARGIN = 0.08  # of the data's width, around it
WIDEST = 4096  # features beyond which no components are computed
MOST_POINTS = 2000  # training samples that are drawn
SOME = 512  # samples that say where the components lie


class Plane:
    """A grid over the plane of the data's two features, from ``low`` to ``high`` in their own
    units, as the trained part of the model is fed with it. ``points`` are the samples there, as
    `session.record.Points` has them."""

    def __init__(self, dataset: Dataset, split: Split, side: int) -> None:
        rows, scaling = dataset.rows, dataset.scaling
        assert rows is not None and scaling is not None
        used = rows[[item.index for item in (*dataset.train, *dataset.validation)]]
        low, high = used.min(axis=0).astype(np.float64), used.max(axis=0).astype(np.float64)
        room = MARGIN * np.where(high > low, high - low, 1.0)
        self.low, self.high = low - room, high + room
        train = dataset.train[:: -(-len(dataset.train) // MOST_POINTS) or 1]
        self.points = {
            "train": rows[[item.index for item in train]].astype(np.float64),
            "train_labels": np.array([item.label for item in train], dtype=np.float64),
            "validation": rows[[item.index for item in dataset.validation]].astype(np.float64),
        }
        self.side = side
        axes = [np.linspace(a, b, side) for a, b in zip(self.low, self.high, strict=True)]
        x, y = np.meshgrid(*axes)
        values = torch.from_numpy(scaling.scaled(np.column_stack((x.ravel(), y.ravel()))))
        with torch.no_grad():
            self.inputs: Tensor = split.prefix()(values) if split.cut else values

    @staticmethod
    def of(design: Design, dataset: Dataset, split: Split) -> Plane | None:
        """That of two-feature data, as finely as the design's device is quick; else None."""
        if dataset.rows is None or dataset.rows.shape[1] != 2:
            return None
        for side in SIDES:
            training = design.training.model_copy(update={"batch_size": side * side})
            cost = step_cost(design.model_copy(update={"training": training}), dataset.outputs)
            if cost.milliseconds <= QUICK:
                return Plane(dataset, split, side)
        return None

    @torch.no_grad()
    def asked(self, tail: nn.Module, device: torch.device) -> Tensor:
        """What the model ends with at each point, [rows, columns, outputs]; rows from the smallest
        second feature up. ``tail`` is in eval mode and on ``device``."""
        out: Tensor = tail(self.inputs.to(device))
        return out.reshape(self.side, self.side, -1)


def scatter(inputs: Inputs) -> npt.NDArray[Any] | None:
    """The first two principal components [samples, 2] of what the trained part is fed with, as a
    part of the samples shows them; None where that is not held in memory, or is too wide."""
    if not isinstance(inputs, Kept) or len(inputs.labels) < 2:
        return None
    rows = inputs.values.flatten(1).numpy()
    if not 2 <= rows.shape[1] <= WIDEST or not np.isfinite(rows).all():
        return None
    centred = rows - rows.mean(axis=0)
    axes = np.linalg.svd(centred[:: -(-len(rows) // SOME)], full_matrices=False)[2][:2]
    largest = axes[range(len(axes)), np.abs(axes).argmax(axis=1)]
    out: npt.NDArray[Any] = centred @ (axes * np.sign(largest)[:, None]).T
    return out if out.shape[1] == 2 else None
