"""What the trained part of a model is fed with: cached features, images, or rows of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from qdesigner.catalog.preprocess import Preprocess
from qdesigner.data.augment import dice, varied
from qdesigner.data.dataset import Dataset, Item
from qdesigner.data.images import transform
from qdesigner.data.thumbnails import THUMBNAIL, thumbnail
from qdesigner.design.spec import Design, preprocess
from qdesigner.model.backbones import weights_identity
from qdesigner.model.build import Split
from qdesigner.model.features import frozen_features
from qdesigner.model.from_run import run_identity

KEEP_BYTES = 1 << 29  # prepared images up to this size stay in memory
KEEP_PICTURES = 1 << 30  # and what the front of a partly trained backbone makes of them
MAX_THUMBNAILS = 2000


class Inputs(Protocol):
    """A row of samples that can be asked for by position."""

    labels: Tensor

    def begin_epoch(self, epoch: int) -> None:
        """Get ready for an epoch (from 1): augmented images are other ones then."""

    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Samples [len(positions), ...] and labels [len(positions)]."""


class Kept:
    """Samples held in one tensor."""

    def __init__(self, values: Tensor, labels: Tensor) -> None:
        self.values = values
        self.labels = labels

    def begin_epoch(self, epoch: int) -> None:
        """They are the same in every epoch."""

    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of the tensor."""
        return self.values[positions], self.labels[positions]


class Variation:
    """The augmentation of a design's training images, epoch by epoch."""

    def __init__(self, design: Design) -> None:
        self.how = design.data.augmentation
        self.seed = design.training.seed
        self.side = preprocess(design).resize

    def number(self, epoch: int) -> int:
        """Which variant of each image an epoch shows: its own, or one of the fixed ones."""
        return epoch % self.how.variants if self.how.variants else epoch

    def of(self, image: Image.Image, digest: bytes, number: int) -> Image.Image:
        """One variant of an image, which is known by its content."""
        return varied(image, self.how, dice(self.seed, number, digest), self.side)


class Read:
    """Images read from disk each time they are asked for, with ``variation`` varied."""

    def __init__(
        self,
        dataset: Dataset,
        items: Sequence[Item],
        wanted: Preprocess,
        variation: Variation | None = None,
    ) -> None:
        self._dataset, self._items, self._wanted = dataset, items, wanted
        self._variation, self._number = variation, 0
        self._transform = transform(wanted)
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="read images")
        self.labels = _labels(items)

    def begin_epoch(self, epoch: int) -> None:
        """Show this epoch's variants."""
        if self._variation is not None:
            self._number = self._variation.number(epoch)

    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """The images at these positions, prepared by the design's preprocessing."""
        items = [self._items[p] for p in positions.tolist()]
        return torch.stack(list(self._pool.map(self._one, items))), self.labels[positions]

    def _one(self, item: Item) -> Tensor:
        image = self._dataset.image(item, self._wanted.channels)
        if self._variation is not None:
            image = self._variation.of(image, self._dataset.digest(item), self._number)
        return self._transform(image)


class Through:
    """Images that pass through a frozen front each time they are asked for: what it gives is too
    large to be kept, or another in every epoch."""

    def __init__(self, read: Read, front: nn.Module) -> None:
        self._read, self._front = read, front
        self.labels = read.labels

    @torch.no_grad()
    def numbers(self, wanted: Preprocess) -> int:
        """How many numbers the front gives for each image."""
        given: Tensor = self._front(torch.zeros(1, *wanted.shape))
        return given.numel()

    def begin_epoch(self, epoch: int) -> None:
        """Show this epoch's variants."""
        self._read.begin_epoch(epoch)

    @torch.no_grad()
    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """What the front makes of the images at these positions."""
        images, labels = self._read.batch(positions)
        return self._front(images), labels


class Varied:
    """Frozen features of augmented images: ``compute(epoch, number)`` gives those of a variant."""

    def __init__(
        self, variation: Variation, compute: Callable[[int, int], Tensor], labels: Tensor
    ) -> None:
        self._variation, self._compute = variation, compute
        self.labels = labels
        self._values = torch.empty(0)
        self._kept: dict[int, Tensor] = {}
        for number in range(variation.how.variants):  # all of them now, while progress is shown
            values = compute(0, number)
            if 4 * values.numel() * variation.how.variants <= KEEP_BYTES:
                self._kept[number] = values

    def begin_epoch(self, epoch: int) -> None:
        """Take this epoch's variants; those that are not fixed are computed now."""
        number = self._variation.number(epoch)
        known = self._kept.get(number)
        self._values = self._compute(epoch, number) if known is None else known

    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Features of this epoch's variants."""
        return self._values[positions], self.labels[positions]


def _labels(items: Sequence[Item]) -> Tensor:
    """Classes' places, or of a regression the numbers to predict."""
    labels = [item.label for item in items]
    whole = all(isinstance(label, int) for label in labels)
    return torch.tensor(labels, dtype=torch.int64 if whole else torch.float32)


def prefix_key(design: Design, cut: int) -> dict[str, Any]:
    """What the features of the first ``cut`` stages depend on, besides the image; for -k those of
    the backbone's first k parts."""
    stages = design.stages[: cut if cut >= 0 else 1]
    key: dict[str, Any] = {
        "preprocess": preprocess(design).to_json(),
        "stages": [stage.model_dump(mode="json", exclude={"id", "weights"}) for stage in stages],
        "torch": torch.__version__,
    }
    if stages and stages[0].kind == "backbone":  # how much of it would be trained is all one
        key["stages"][0]["settings"].pop("trained")
    if cut < 0:
        key["inside"] = -cut
        key["stages"][0]["frozen"] = True
    if design.backbone is not None and design.backbone.weights.origin != "run":
        key["weights"] = weights_identity(design.backbone, design.training.seed)
    runs = [run_identity(stage) for stage in stages if stage.weights.origin == "run"]
    if runs:
        key["runs"] = runs
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
    vary: bool = False,
) -> Inputs:
    """The inputs of ``split.tail`` for ``items``, frozen features from the cache where known; with
    ``vary`` as the design augments its training images.

    ``progress(what)`` gives what is told ``(done, total, rate)`` and may raise to end the work.
    """
    if dataset.rows is not None:
        return _rows(split, dataset, items)
    wanted = preprocess(design)
    variation = Variation(design) if vary and design.data.augmentation.any else None
    if split.cut < 0 and items:
        read = Read(dataset, items, wanted, variation)
        front = Through(read, split.prefix())
        if variation is not None or 4 * len(items) * front.numbers(wanted) > KEEP_PICTURES:
            return front
    if split.cut and variation is not None:
        return _varied_features(design, split, dataset, items, progress, variation)
    if split.cut:
        key = prefix_key(design, split.cut)
        tell = progress("computing features")
        values = frozen_features(split.prefix, key, dataset, items, wanted, tell, stop=stopped)
        return Kept(values, _labels(items))
    read = Read(dataset, items, wanted, variation)
    size = 4 * len(items) * wanted.channels * wanted.crop * wanted.crop
    if size > KEEP_BYTES or not items or variation is not None:
        return read
    tell = progress("preparing images")
    values = torch.empty((len(items), *wanted.shape))
    for part in torch.split(torch.arange(len(items)), 256):
        values[part] = read.batch(part)[0]
        tell(int(part[-1]) + 1, len(items))
    return Kept(values, read.labels)


@torch.no_grad()
def _rows(split: Split, dataset: Dataset, items: Sequence[Item]) -> Kept:
    """Rows of numbers, through the frozen prefix if there is one: too quick to be worth keeping."""
    values = torch.from_numpy(dataset.values(items))
    if split.cut and len(items):
        prefix = split.prefix()
        values = torch.cat([prefix(part) for part in torch.split(values, 256)])
    return Kept(values, _labels(items))


def _varied_features(
    design: Design,
    split: Split,
    dataset: Dataset,
    items: Sequence[Item],
    progress: Callable[[str], Callable[..., None]],
    variation: Variation,
) -> Varied:
    """Frozen features of augmented images: kept where the variants are fixed, else computed anew in
    every epoch."""
    how = variation.how
    key = prefix_key(design, split.cut)
    key |= {"augmentation": how.model_dump(mode="json"), "dice": variation.seed}
    del key["augmentation"]["variants"]  # each is what it is, however many others there are

    def compute(epoch: int, number: int) -> Tensor:
        of = f"variant {number + 1} of {how.variants}" if how.variants else f"epoch {epoch}"
        return frozen_features(
            split.prefix, key, dataset, items, preprocess(design),
            progress(f"computing features of {of}"),
            vary=lambda image, digest: variation.of(image, digest, number),
            mark=f"variant {number}", keep=how.variants > 0,
        )  # fmt: skip

    return Varied(variation, compute, _labels(items))


def thumbnails(
    dataset: Dataset, progress: Callable[[int, int], None]
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Small pictures uint8 [n, 64, 64, 3] of the first validation images, centre-cropped; none of
    rows of numbers."""
    items = dataset.validation[:MAX_THUMBNAILS] if dataset.rows is None else ()
    out = np.zeros((len(items), THUMBNAIL, THUMBNAIL, 3), np.uint8)
    for number, item in enumerate(items):
        out[number] = thumbnail(dataset, item)
        progress(number + 1, len(items))
    return out
