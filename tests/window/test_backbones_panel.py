"""The Backbones tab: find a network, use it, download its weights ahead, and mind the cache."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import made_run
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shells import FakeChild, FakeSession, end, wait_until

import app.attended
from app.panels.backbones import ACCURACY, FILE, NAME, STATE, BackbonesPanel
from app.window import Window
from qdesigner.catalog.backbones import BACKBONES
from qdesigner.design import edits
from qdesigner.session import cache
from qdesigner.session.fetch import Fetch, Fetched, FetchFailed, Fetching, StopFetch


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("QDESIGNER_CACHE_GB", raising=False)
    monkeypatch.setattr(app.attended, "Child", FakeChild)
    FakeChild.made.clear()
    made = Window(FakeSession())
    made.begin(template="quickstart")
    made.resize(1440, 900)
    made.show()
    wait_until(lambda: made.tabs.count() > 0)
    made.actions_table.actions["backbones"].trigger()
    wait_until(lambda: bool(made.backbones and made.backbones.rows.here))
    yield made
    end(made)
    qapp.setStyleSheet("")


def panel(window: Window) -> BackbonesPanel:
    assert window.backbones is not None
    return window.backbones


def column(window: Window, place: int) -> list[str]:
    """What a column says, from above."""
    proxy = panel(window).proxy
    return [proxy.index(row, place).data() for row in range(proxy.rowCount())]


def say(*messages: Any) -> None:
    FakeChild.made[-1].said += messages


def test_networks_are_found_by_words_and_sorted_by_numbers(window: Window) -> None:
    assert len(column(window, NAME)) == len(BACKBONES)
    panel(window).search.setText("resnet 18")
    assert column(window, NAME) == ["ResNet-18"]
    panel(window).search.setText("mobilenet")
    panel(window).view.sortByColumn(ACCURACY, Qt.SortOrder.DescendingOrder)
    shares = [float(text.split()[0]) for text in column(window, ACCURACY)]
    assert shares == sorted(shares, reverse=True) and len(shares) >= 3
    panel(window).search.setText("vgg")
    panel(window).view.sortByColumn(FILE, Qt.SortOrder.AscendingOrder)
    sizes = [float(text.split()[0]) for text in column(window, FILE)]
    assert sizes == sorted(sizes) and sizes[-1] > 99


def test_enter_or_a_double_click_uses_a_network_as_one_undo_step(window: Window) -> None:
    view = panel(window).view
    panel(window).select("resnet18")
    QTest.keyClick(view, Qt.Key.Key_Return)
    design = window.document.design
    assert design.backbone.settings["model"] == "resnet18"
    assert window.document.undo_label == "Use ResNet-18"
    window.document.undo()
    without = edits.remove_stage(window.document.design, "backbone-1")
    window.document.apply("x", without)
    panel(window).select("mobilenet_v2")
    view.doubleClicked.emit(view.currentIndex())
    backbone = window.document.design.backbone
    assert backbone.settings["model"] == "mobilenet_v2" and backbone.frozen
    scratch = edits.set_weights(window.document.design, backbone.id, "random")
    window.document.apply("x", scratch)
    panel(window).select("resnet18")
    panel(window).use.click()
    assert window.document.design.backbone.weights.origin == "random"


def test_weights_are_downloaded_ahead_with_progress_and_can_be_stopped(
    window: Window, tmp_path: Path
) -> None:
    load = panel(window).load
    panel(window).search.setText("resnet-18")
    panel(window).select("resnet18")
    assert (load.text(), column(window, STATE)) == ("Download", ["no"])
    load.click()
    assert FakeChild.made[-1].sent == [Fetch("resnet18")] and load.text() == "Stop"
    say(Fetching("resnet18", 12_000_000, 46_830_571, 3_000_000.0))
    wait_until(lambda: column(window, STATE) == ["12.0 MB, 3.0 MB/s"])
    assert panel(window).rows.share("resnet18") == pytest.approx(0.256, abs=1e-3)
    load.click()
    assert FakeChild.made[-1].sent[-1] == StopFetch("resnet18")
    file = tmp_path / "torch" / "hub" / "checkpoints" / BACKBONES["resnet18"].file
    file.parent.mkdir(parents=True)
    part = file.with_name(file.name + ".partial")
    part.write_bytes(b"0" * 1000)
    say(FetchFailed("resnet18", ""))
    wait_until(lambda: load.text() == "Go on downloading")
    assert FakeChild.made[-1].stopped.is_set() and column(window, STATE) == ["1.0 kB of it"]
    load.click()
    part.rename(file)
    say(Fetched("resnet18", str(file)))
    wait_until(lambda: column(window, STATE) == ["yes"])
    assert load.isHidden()


def test_why_a_download_failed_is_said_where_it_was_asked_for(window: Window) -> None:
    panel(window).select("resnet18")
    panel(window).load.click()
    say(FetchFailed("resnet18", "There is no connection; try again."))
    wait_until(lambda: panel(window).words.text() == "There is no connection; try again.")
    panel(window).load.click()
    assert "resnet18" not in window.fetches.failed
    FakeChild.made[-1].alive = False
    wait_until(lambda: "SIGKILL" in panel(window).words.text())


def keep(name: str, size: int) -> Path:
    """Cached features of ``size`` bytes."""
    folder = cache.folder() / name
    folder.mkdir(parents=True)
    (folder / "features").write_bytes(b"0" * size)
    (folder / "digests").write_bytes(b"0" * 5 * cache.DIGEST)
    stages = [{"kind": "backbone", "settings": {"model": "mobilenet_v2"}}]
    about = {"shape": [1280], "key": {"prefix": {"stages": stages}}}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


def test_cached_features_are_listed_limited_and_deleted(window: Window) -> None:
    view = panel(window).cache
    assert view.isHidden() or view.hint.isVisibleTo(view)
    first, second = keep("first", 3000), keep("second", 5000)
    window.actions_table.actions["features"].trigger()
    window.features.refresh()
    wait_until(lambda: len(view.lines.rows) == 2)
    assert [line[:3] for line in view.lines.rows] == [("MobileNetV2", "5", "1280")] * 2
    assert "on disk" in view.words.text()
    view.view.selectRow(0)
    view.delete.click()
    wait_until(lambda: len(view.lines.rows) == 1)
    assert first.exists() != second.exists()
    view.cap.setFocus()
    view.cap.setValue(1.5)
    window.features.refresh()
    wait_until(lambda: window.features.cap == 4 * cache.GB and view.cap.value() == 1.5)
    QTest.keyClick(view.cap, Qt.Key.Key_Return)  # what is deleted by a limit waits for that
    wait_until(lambda: window.features.cap == 1.5 * cache.GB)
    view.clear.click()
    wait_until(lambda: not view.lines.rows)
    assert view.hint.isVisible() and not (first.exists() or second.exists())


def backbone_card(window: Window) -> str:
    return next(c for c in window.strip.cards() if c.name == "backbone-1").face.lines[1]


def test_the_strip_says_that_the_front_of_the_run_on_screen_is_cached(
    window: Window, tmp_path: Path
) -> None:
    run = made_run.write_run(tmp_path / "run", 3)
    assert backbone_card(window) == "→ 64"
    window.runs.open_run(str(run))
    wait_until(lambda: len(window.runview.epochs) == 3)
    assert backbone_card(window) == "→ 64", "nothing is in the cache"
    keep("first", 3000)
    window.features.refresh()
    wait_until(lambda: backbone_card(window) == "→ 64 · cached")
    seeded = edits.set_data(window.document.design, classes=("1", "2"))
    window.document.apply("x", seeded)
    wait_until(lambda: backbone_card(window) == "→ 64")
    window.document.undo()
    wait_until(lambda: backbone_card(window) == "→ 64 · cached")
    window.features.clear()
    wait_until(lambda: backbone_card(window) == "→ 64")
