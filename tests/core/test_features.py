"""A frozen prefix runs once for each image, whatever happens to the cache."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from qdesigner.catalog.preprocess import Preprocess, plain
from qdesigner.data.dataset import Dataset, Item, open_dataset
from qdesigner.design.spec import DataSpec, Stage, WeightsSpec
from qdesigner.errors import UserError
from qdesigner.model.backbones import build_backbone, weights_identity
from qdesigner.model.features import Interrupted, frozen_features
from qdesigner.model.rows import RowStore

PREPARE = plain(1, 8)
CHECKOUT = Path(__file__).resolve().parents[2]


class Counting(nn.Module):
    """A prefix that counts the images it has seen, by the mean of each quarter of the image."""

    def __init__(self, seen: list[int]) -> None:
        super().__init__()
        self.seen = seen
        self.drop = nn.Dropout(0.9)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(images))
        return self.drop(nn.functional.avg_pool2d(images, 4).flatten(1))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "cache" / "features"


@pytest.fixture
def seen() -> list[int]:
    return []


@pytest.fixture
def data() -> Dataset:
    return open_dataset(DataSpec(classes=("5", "6"), limit=30))


def features(
    data: Dataset,
    seen: list[int],
    items: Sequence[Item] | None = None,
    name: str = "counting",
    prepare: Preprocess = PREPARE,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> torch.Tensor:
    chosen = data.train if items is None else items
    return frozen_features(
        lambda: Counting(seen), {"name": name}, data, chosen, prepare, progress, stop
    )


def by_hand(data: Dataset, items: Sequence[Item]) -> torch.Tensor:
    images = [np.asarray(data.image(item, 1), np.float32) / 255 for item in items]
    return nn.functional.avg_pool2d((torch.tensor(np.stack(images)) - 0.5) / 0.5, 4).flatten(1)


def test_features_are_the_prefixs_output_in_eval_mode_in_the_items_order(
    data: Dataset, seen: list[int]
) -> None:
    for _ in range(2):  # computed, then read
        found = features(data, seen)
        assert found.dtype == torch.float32
        assert torch.allclose(found, by_hand(data, data.train), atol=1e-6)
    back = features(data, seen, data.train[::-1])
    assert torch.equal(back, found.flip(0))
    assert sum(seen) == len(data.train)


def test_an_image_is_computed_once_whatever_else_is_chosen_later(
    data: Dataset, seen: list[int]
) -> None:
    features(data, seen, data.train[:20])
    features(data, seen, data.train[10:30])
    features(data, seen, data.validation[:5] + data.train[:3])
    assert sum(seen) == 35


def test_another_prefix_or_another_preprocessing_is_computed_anew(
    data: Dataset, seen: list[int]
) -> None:
    features(data, seen, data.train[:8])
    features(data, seen, data.train[:8], name="other")
    features(data, seen, data.train[:8], prepare=PREPARE.but(mean=(0.1,)))
    assert sum(seen) == 24


def test_equal_images_under_two_names_are_computed_once(tmp_path: Path, seen: list[int]) -> None:
    for name in ("cat", "dog"):
        for number in range(4):
            path = tmp_path / "pets" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (9, 9), 20 * (number % 2)).save(path)
    data = open_dataset(DataSpec(source="folder", path=str(tmp_path / "pets")))
    found = features(data, seen, data.train + data.validation)
    assert len(found) == 8
    assert sum(seen) == 2


def test_the_prefix_is_not_even_built_when_everything_is_known(
    data: Dataset, seen: list[int]
) -> None:
    features(data, seen)

    def never() -> nn.Module:
        raise AssertionError("built")

    frozen_features(never, {"name": "counting"}, data, data.train, PREPARE)
    assert len(frozen_features(never, {"name": "counting"}, data, (), PREPARE)) == 0


def test_features_of_images_keep_their_shape(data: Dataset) -> None:
    def prefix() -> nn.Module:
        torch.manual_seed(0)
        return nn.Conv2d(1, 3, 2)

    computed, read = (
        frozen_features(prefix, {"name": "conv"}, data, data.train, PREPARE) for _ in range(2)
    )
    assert computed.shape == (len(data.train), 3, 7, 7)
    assert torch.equal(computed, read)


def test_the_prefix_can_be_trained_afterwards_and_threads_are_given_back(data: Dataset) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    made: list[nn.Module] = []

    def prefix() -> nn.Module:
        made.append(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(1)))
        return made[-1]

    frozen_features(prefix, {"name": "trained"}, data, data.train[:4], PREPARE)
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)
    made[0](torch.ones(2, 1, 8, 8)).sum().backward()
    made[0].load_state_dict(made[0].state_dict())


def test_progress_ends_at_all_images_and_counts_the_known_ones(
    data: Dataset, seen: list[int]
) -> None:
    told: list[tuple[int, int, float]] = []
    features(data, seen, data.train[:10])
    features(data, seen, data.train[:50], progress=lambda *now: told.append(now))
    assert [done for done, _, _ in told] == [26, 42, 50]
    assert {total for _, total, _ in told} == {50}
    assert all(rate > 0 for _, _, rate in told)


def test_stopping_keeps_what_is_done(data: Dataset, seen: list[int]) -> None:
    with pytest.raises(Interrupted):
        features(data, seen, stop=lambda: len(seen) == 2)
    assert sum(seen) == 32
    features(data, seen)
    assert sum(seen) == len(data.train)


@pytest.mark.parametrize("name", ["rows.f32", "digests"])
def test_a_row_that_a_crash_left_half_written_is_computed_again(
    data: Dataset, seen: list[int], cache: Path, name: str
) -> None:
    whole = features(data, seen)
    file = next(cache.rglob(name))
    file.write_bytes(file.read_bytes()[:-7])
    seen.clear()
    for _ in range(2):
        assert torch.equal(features(data, seen), whole)
    assert sum(seen) == 1


def test_rubbish_after_the_last_whole_row_is_not_read(
    data: Dataset, seen: list[int], cache: Path
) -> None:
    features(data, seen, data.train[:8])
    file = next(cache.rglob("rows.f32"))
    file.write_bytes(file.read_bytes() + b"\xff" * 40)
    found = features(data, seen, data.train[:16])
    assert torch.allclose(found, by_hand(data, data.train[:16]), atol=1e-6)
    assert torch.equal(features(data, seen, data.train[:16]), found)
    assert sum(seen) == 16


@pytest.mark.parametrize("name", ["about.json", "rows.f32", "digests"])
def test_a_cache_that_lost_a_file_is_filled_again(
    data: Dataset, seen: list[int], cache: Path, name: str
) -> None:
    whole = features(data, seen)
    next(cache.rglob(name)).unlink()
    seen.clear()
    for _ in range(2):
        assert torch.equal(features(data, seen), whole)
    assert sum(seen) == len(data.train)


def test_a_cache_that_cannot_be_written_costs_time_and_a_warning(
    data: Dataset, seen: list[int], cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_bytes(b"in the way")
    with caplog.at_level(logging.WARNING):
        found = features(data, seen)
    assert torch.allclose(found, by_hand(data, data.train), atol=1e-6)
    assert len([r for r in caplog.records if "cannot be kept" in r.message]) == 1


def test_a_disk_that_fills_up_costs_time_and_one_warning(
    data: Dataset,
    seen: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with caplog.at_level(logging.WARNING):
        found = features(data, seen)
    monkeypatch.undo()
    assert torch.allclose(found, by_hand(data, data.train), atol=1e-6)
    assert len([r for r in caplog.records if "No space left" in r.message]) == 1


def rows(count: int, value: float) -> tuple[list[bytes], np.ndarray]:
    digests = [bytes([int(value), number]) + bytes(30) for number in range(count)]
    return digests, np.full((count, 250), value, np.float32)


def test_the_cache_drops_what_was_not_used_for_longest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDESIGNER_CACHE_GB", "0.00025")  # 250 rows of 1 kB
    stores = [RowStore(tmp_path, {"prefix": n}) for n in range(3)]
    for number in (0, 1):
        stores[number].append(*rows(100, number))
        age = 1_000_000 + number
        os.utime(stores[number].folder, (age, age))
    assert len(stores[0].read(rows(100, 0)[0])) == 100  # used again, so younger than the other
    stores[2].append(*rows(100, 2))
    assert len(stores[0].read(rows(100, 0)[0])) == 100
    assert not stores[1].folder.exists()
    with pytest.raises(OSError, match=r"limited to 0\.00025 GB"):
        stores[2].append(*rows(256, 3))


WRITER = """
import sys
from pathlib import Path
import numpy as np
from qdesigner.model.rows import RowStore
store, value = RowStore(Path(sys.argv[1]), {"prefix": 1}), int(sys.argv[2])
for number in range(30):
    store.append([bytes([value, number]) + bytes(30)], np.full((1, 250), value, np.float32))
"""


def test_a_limit_that_is_no_number_costs_only_the_cache(
    data: Dataset,
    seen: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("QDESIGNER_CACHE_GB", "plenty")
    with caplog.at_level(logging.WARNING):
        assert len(features(data, seen)) == len(data.train)
    assert "'plenty'" in caplog.text


def test_two_programs_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    programs = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(value)], cwd=CHECKOUT)
        for value in (1, 2)
    ]
    assert [program.wait(60) for program in programs] == [0, 0]
    store = RowStore(tmp_path, {"prefix": 1})
    for value in (1, 2):
        found = store.read(rows(30, value)[0])
        assert len(found) == 30
        assert all((row == value).all() for row in found.values())


def test_an_image_that_vanished_is_named(tmp_path: Path, seen: list[int]) -> None:
    for name in ("cat", "dog"):
        for number in range(4):
            path = tmp_path / "pets" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (9, 9), 10 * number).save(path)
    data = open_dataset(DataSpec(source="folder", path=str(tmp_path / "pets")))
    (tmp_path / "pets" / "dog" / "3.png").unlink()
    with pytest.raises(UserError, match=r"3\.png"):
        features(data, seen, data.train + data.validation)


@pytest.mark.shared
def test_a_second_run_on_hymenoptera_waits_for_neither_images_nor_network(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shared_data / "weights" / "squeezenet1_1_imagenet1k_rebuilt.pth"
    stage = Stage(
        id="backbone-1", kind="backbone", frozen=True, settings={"model": "squeezenet1_1"},
        weights=WeightsSpec(origin="file", path=str(path)),
    )  # fmt: skip
    spec = DataSpec(source="folder", path=str(shared_data / "data" / "hymenoptera"), limit=10)
    prepare = plain(3, 64)

    def run() -> torch.Tensor:
        data = open_dataset(spec)
        key = {"weights": weights_identity(stage, 0)}
        return frozen_features(lambda: build_backbone(stage), key, data, data.train, prepare)

    first = run()
    assert first.shape == (20, 512)
    for name in ("qdesigner.data.verify.decode", "qdesigner.data.images.decode", "torch.load"):
        monkeypatch.setattr(name, None)
    assert torch.equal(run(), first)
