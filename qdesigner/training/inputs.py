"""What the trained part of a model is fed with: cached features, or images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from qdesigner.catalog.preprocess import Preprocess
from qdesigner.data.dataset import Dataset, Item
from qdesigner.data.images import transform
from qdesigner.data.thumbnails import THUMBNAIL, thumbnail
from qdesigner.design.spec import Design, preprocess
from qdesigner.model.backbones import weights_identity
from qdesigner.model.build import Split
from qdesigner.model.features import frozen_features

KEEP_BYTES = 1 << 29  # prepared images up to this size stay in memory
MAX_THUMBNAILS = 2000


class Inputs(Protocol):
    """A row of samples that can be asked for by position."""

    labels: Tensor

    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Samples [len(positions), ...] and labels [len(positions)]."""


class Kept:
    """Samples held in one tensor."""

    def __init__(self, values: Tensor, labels: Tensor) -> None:
        self.values = values
        self.labels = labels

    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of the tensor."""
        return self.values[positions], self.labels[positions]


class Read:
    """Images read from disk each time they are asked for."""

    def __init__(self, dataset: Dataset, items: Sequence[Item], wanted: Preprocess) -> None:
        self._dataset, self._items, self._wanted = dataset, items, wanted
        self._transform = transform(wanted)
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="read images")
        self.labels = _labels(items)

    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """The images at these positions, prepared by the design's preprocessing."""
        items = [self._items[p] for p in positions.tolist()]
        return torch.stack(list(self._pool.map(self._one, items))), self.labels[positions]

    def _one(self, item: Item) -> Tensor:
        return self._transform(self._dataset.image(item, self._wanted.channels))


def _labels(items: Sequence[Item]) -> Tensor:
    """Classes' places, or of a regression the numbers to predict."""
    labels = [item.label for item in items]
    whole = all(isinstance(label, int) for label in labels)
    return torch.tensor(labels, dtype=torch.int64 if whole else torch.float32)


def prefix_key(design: Design, cut: int) -> dict[str, Any]:
    """What the features of the first ``cut`` stages depend on, besides the image."""
    stages = design.stages[:cut]
    key: dict[str, Any] = {
        "preprocess": preprocess(design).to_json(),
        "stages": [stage.model_dump(mode="json", exclude={"id", "weights"}) for stage in stages],
        "torch": torch.__version__,
    }
    if design.backbone is not None:
        key["weights"] = weights_identity(design.backbone, design.training.seed)
    if any(stage.circuit is not None for stage in stages):
        key["device"] = design.device.model_dump(mode="json")
    if any(s.row.trainable and s.weights.origin == "random" for s in stages):
        key["seed"] = design.training.seed
    return key


def prepare(
    design: Design,
    split: Split,
    dataset: Dataset,
    items: Sequence[Item],
    progress: Callable[[str], Callable[..., None]],
    stopped: Callable[[], bool],
) -> Inputs:
    """The inputs of ``split.tail`` for ``items``, frozen features from the cache where known.

    ``progress(what)`` gives what is told ``(done, total, rate)`` and may raise to end the work.
    """
    wanted = preprocess(design)
    if split.cut:
        key = prefix_key(design, split.cut)
        tell = progress("computing features")
        values = frozen_features(split.prefix, key, dataset, items, wanted, tell, stop=stopped)
        return Kept(values, _labels(items))
    read = Read(dataset, items, wanted)
    size = 4 * len(items) * wanted.channels * wanted.crop * wanted.crop
    if size > KEEP_BYTES or not items:
        return read
    tell = progress("preparing images")
    values = torch.empty((len(items), *wanted.shape))
    for part in torch.split(torch.arange(len(items)), 256):
        values[part] = read.batch(part)[0]
        tell(int(part[-1]) + 1, len(items))
    return Kept(values, read.labels)


def thumbnails(
    dataset: Dataset, progress: Callable[[int, int], None]
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Small pictures uint8 [n, 64, 64, 3] of the first validation images, centre-cropped."""
    items = dataset.validation[:MAX_THUMBNAILS]
    out = np.zeros((len(items), THUMBNAIL, THUMBNAIL, 3), np.uint8)
    for number, item in enumerate(items):
        out[number] = thumbnail(dataset, item)
        progress(number + 1, len(items))
    return out
