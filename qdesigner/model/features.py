"""The frozen prefix's output, computed once per image and kept on disk."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import Timeout
from PIL import Image
from torch import nn

from qdesigner.catalog.preprocess import Preprocess
from qdesigner.data.dataset import Dataset, Item
from qdesigner.data.images import transform
from qdesigner.model.rows import Rows, RowStore
from qdesigner.paths import cache_folder

_log = logging.getLogger(__name__)
_WORKERS = 2
_AHEAD = 2  # batches that are decoded while the network runs
_PATIENCE = 0.2  # s between two looks at whether to wait on

_kept_in: list[Path | None] = [None]  # None: the user's cache folder

Progress = Callable[[int, int, float], None]
Vary = Callable[[Image.Image, bytes], Image.Image]


class Interrupted(Exception):
    """``stop`` answered yes. Features computed so far are kept."""


def frozen_features(
    make_prefix: Callable[[], nn.Module],
    key: dict[str, Any],
    dataset: Dataset,
    items: Sequence[Item],
    preprocess: Preprocess,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    batch: int = 16,
    vary: Vary | None = None,
    mark: str = "",
    keep: bool = True,
) -> torch.Tensor:
    """The output of a frozen prefix for ``items``: [N, *feature_shape], float32; [0] for none.

    ``key`` (JSON values) identifies the prefix with its weights; the preprocessing is added here.
    The prefix is built only when some image is not known yet, runs in eval mode on all cores, and
    sees equal images once. ``progress`` is given (images done, images in all, images a second);
    ``stop`` is asked between batches, and Interrupted is raised when it says yes. ``vary`` changes
    each image, known by its hash, and ``mark`` tells these features from those of the images as
    they are; with ``keep`` False they are neither looked for nor kept. Raises UserError when an
    image was lost.
    """
    if not items:
        return torch.empty(0)
    digests = [_marked(dataset.digest(item), mark) for item in items]
    sample = dict(zip(digests, items, strict=True))
    store = RowStore(
        _kept_in[-1] or cache_folder() / "features",
        {"format": 1, "prefix": key, "images": preprocess.to_json()},
    )
    known = _read(store, list(sample)) if keep else {}
    missing = [digest for digest in sample if digest not in known]
    if not missing:
        return _stacked(known, digests)
    with _alone(store, stop) if keep else nullcontext():
        if keep:  # another process may have computed them meanwhile
            known |= _read(store, missing)
            missing = [digest for digest in missing if digest not in known]
            if not missing:
                return _stacked(known, digests)
        watch = _Watch(len(known), len(sample), progress, stop)
        # Built before inference mode begins, or its weights could never be trained or loaded again.
        # Channels last and small batches: measured twice as fast on CPU for MobileNetV2.
        prefix = make_prefix().eval().to(memory_format=torch.channels_last)
        wanted = [sample[digest] for digest in missing]
        with (
            closing(_prepared(dataset, wanted, preprocess, batch, vary)) as images,
            _all_cores(),
            torch.inference_mode(),
        ):
            for tensor in images:
                found = prefix(tensor.contiguous(memory_format=torch.channels_last)).float()
                # Laid out as they are read again: a convolution behind would add up otherwise.
                rows = found.contiguous().numpy()
                new = missing[watch.computed : watch.computed + len(rows)]
                known |= dict(zip(new, rows, strict=True))
                keep = keep and _append(store, new, rows)
                watch.step(len(rows))
    return _stacked(known, digests)


@contextmanager
def features_in(folder: Path) -> Iterator[None]:
    """Features are kept in ``folder`` meanwhile: a measurement begins with none."""
    _kept_in.append(folder)
    try:
        yield
    finally:
        _kept_in.pop()


class _Watch:
    """Counts the images, reports them, and asks whether to go on."""

    def __init__(
        self, known: int, total: int, progress: Progress | None, stop: Callable[[], bool] | None
    ) -> None:
        self.computed = 0
        self._known, self._total, self._progress, self._stop = known, total, progress, stop
        self._start = time.perf_counter()

    def step(self, count: int) -> None:
        self.computed += count
        if self._progress:
            rate = self.computed / max(time.perf_counter() - self._start, 1e-9)
            self._progress(self._known + self.computed, self._total, rate)
        if self._stop and self._known + self.computed < self._total and self._stop():
            raise Interrupted


@contextmanager
def _alone(store: RowStore, stop: Callable[[], bool] | None) -> Iterator[None]:
    """Wait until no other process computes features of the same prefix: it may be about to keep
    those that are wanted here. Raises Interrupted when ``stop`` says yes meanwhile."""
    lock = store.computing
    try:
        store.folder.parent.mkdir(parents=True, exist_ok=True)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=_PATIENCE)
            except Timeout:
                if stop and stop():
                    raise Interrupted from None
    except (OSError, NotImplementedError) as error:
        _log.warning("Features may be computed twice, for want of a lock: %s", error)
    try:
        yield
    finally:
        lock.release()


def _stacked(known: dict[bytes, Rows], digests: Sequence[bytes]) -> torch.Tensor:
    return torch.from_numpy(np.stack([known[digest] for digest in digests]))


def _marked(digest: bytes, mark: str) -> bytes:
    """The hash under which a row is kept: the image's own, unless it is varied."""
    return hashlib.sha256(digest + mark.encode()).digest() if mark else digest


def _prepared(
    dataset: Dataset,
    items: Sequence[Item],
    preprocess: Preprocess,
    batch: int,
    vary: Vary | None = None,
) -> Generator[torch.Tensor, None, None]:
    """Batches [B, C, H, W], decoded in threads a little ahead of whoever takes them.

    Threads, not processes: Pillow lets go of the interpreter while it decodes, and a forked child
    would inherit the engine's thread pools.
    """
    prepare = transform(preprocess)

    def load(item: Item) -> torch.Tensor:
        image: Image.Image = dataset.image(item, preprocess.channels)
        return prepare(vary(image, dataset.digest(item)) if vary else image)

    waiting: deque[list[Future[torch.Tensor]]] = deque()
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="decode") as pool:
        try:
            for start in range(0, len(items), batch):
                waiting.append([pool.submit(load, item) for item in items[start : start + batch]])
                if len(waiting) > _AHEAD:
                    yield torch.stack([future.result() for future in waiting.popleft()])
            while waiting:
                yield torch.stack([future.result() for future in waiting.popleft()])
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _all_cores() -> Iterator[None]:
    """Heads train on one torch thread; the prefix is worth all cores while it runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _read(store: RowStore, digests: Sequence[bytes]) -> dict[bytes, Rows]:
    try:
        return store.read(digests)
    except (OSError, ValueError) as error:
        _log.warning("Kept features cannot be read, so they are computed again: %s", error)
        return {}


def _append(store: RowStore, digests: Sequence[bytes], rows: Rows) -> bool:
    """Whether the rows are on disk. Without a cache the next run takes longer, nothing more."""
    try:
        store.append(digests, rows)
    except OSError as error:
        _log.warning("Features cannot be kept for the next run: %s", error)
        return False
    return True
