"""The fetching child brings weights for the window: with progress, one after another, resumed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from weights_site import Site

from qdesigner.catalog.backbones import BACKBONES
from qdesigner.paths import weights_folder
from qdesigner.session import fetch
from qdesigner.session.client import Child
from qdesigner.session.fetch import Fetch, Fetched, FetchFailed, Fetching, StopFetch

NAME = "squeezenet1_1"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site()
    site.content = b"weights " * 200_000
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("QDESIGNER_WEIGHTS_URL", f"{site.base}/models/")
    yield site
    site.close()


@pytest.fixture
def child(site: Site) -> Iterator[Child]:
    child = Child("qdesigner.fetcher")
    child.start()
    yield child
    child.stop()


def said(child: Child, until: Callable[[Any], bool]) -> list[Any]:
    """What the child says, up to the first event that ``until`` wants."""
    heard: list[Any] = []
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        for event in child.poll():
            heard.append(event)
            if until(event):
                return heard
        time.sleep(0.01)
    raise AssertionError(heard)


def ended(event: Any) -> bool:
    return isinstance(event, Fetched | FetchFailed)


def test_what_cannot_be_fetched_is_said_and_goes_on_where_it_broke_off(
    child: Child, site: Site
) -> None:
    site.cut = 500_000
    assert not fetch.is_here(NAME)
    child.send(Fetch(NAME))
    heard = said(child, ended)
    assert isinstance(heard[-1], FetchFailed)
    assert "broke off after 500000 of 1600000 bytes" in heard[-1].reason
    assert fetch.bytes_begun(NAME) == 500_000
    child.send(Fetch(NAME))
    heard = said(child, ended)
    assert site.ranges == [None, "bytes=500000-"]
    assert heard[-2:-1] == [Fetching(NAME, 1_600_000, 1_600_000, heard[-2].rate)]
    # It is not what the file's name promises, so nothing of it is kept.
    assert "its checksum is" in heard[-1].reason
    assert fetch.bytes_begun(NAME) == 0
    assert not fetch.is_here(NAME)


def test_weights_that_are_there_need_no_server(child: Child, site: Site) -> None:
    path = weights_folder() / BACKBONES[NAME].file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"here")
    assert fetch.is_here(NAME)
    child.send(Fetch(NAME))
    child.send(Fetch("embedded"))
    heard = said(child, lambda event: ended(event) and event.name == "embedded")
    assert heard[0] == Fetched(NAME, str(path))
    assert Path(heard[1].path).name == "embedded_backbone.pt"
    assert site.ranges == []


def test_a_fetch_is_stopped_and_one_that_waits_is_not_begun(child: Child, site: Site) -> None:
    site.slow = 0.2
    child.send(Fetch(NAME))
    child.send(Fetch("resnet18"))
    said(child, lambda event: isinstance(event, Fetching))
    child.send(StopFetch("resnet18"))
    child.send(StopFetch(NAME))
    heard = said(child, lambda event: event == FetchFailed(NAME, ""))
    assert FetchFailed("resnet18", "") in heard
    assert 0 < fetch.bytes_begun(NAME) < 1_600_000
    assert len(site.ranges) == 1


def test_offline_is_said_in_one_sentence(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDESIGNER_WEIGHTS_URL", "http://127.0.0.1:9/models")
    child = Child("qdesigner.fetcher")
    child.start()
    try:
        child.send(Fetch("resnet18"))
        [failed] = said(child, ended)
    finally:
        child.stop()
    assert (
        "ResNet-18 (resnet18-f37072fd.pth) could not be downloaded, no connection" in failed.reason
    )


def test_the_weights_folder_is_torch_hubs_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
        assert weights_folder() == Path(torch.hub.get_dir()) / "checkpoints"
        monkeypatch.setenv(name, str(tmp_path / name))
        assert weights_folder() == Path(torch.hub.get_dir()) / "checkpoints"
        assert tmp_path in weights_folder().parents
        monkeypatch.delenv(name)
