"""What passes between the window and the child that fetches backbones' weights; and what is there.

The child is ``qdesigner.fetcher``; start it with `client.Child("qdesigner.fetcher")` when something
is to be fetched. It ends with its pipe.
"""

from __future__ import annotations

from dataclasses import dataclass

from qdesigner.catalog.backbones import BACKBONES
from qdesigner.paths import weights_folder
from qdesigner.session.events import Event


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetch the pretrained weights of the backbone ``name``, after those that were asked for
    before. `Fetching` tells how far it is; `Fetched` or `FetchFailed` ends it. What a broken or
    stopped fetch has brought is gone on from by the next."""

    name: str


@dataclass(frozen=True, slots=True)
class StopFetch:
    """Stop fetching ``name``, or do not begin to; `FetchFailed` answers, with the reason ""."""

    name: str


@dataclass(frozen=True, slots=True)
class Fetching(Event):
    """``done`` of ``total`` bytes (0: not known) are there, coming at ``rate`` bytes a second."""

    name: str
    done: int
    total: int
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Fetched(Event):
    """The weights of ``name`` are there, in the file ``path``."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class FetchFailed(Event):
    """Why the weights of ``name`` are not there, as a sentence; "" when it was stopped."""

    name: str
    reason: str


def is_here(name: str) -> bool:
    """Whether a backbone's pretrained weights need no download."""
    row = BACKBONES[name]
    return not row.url or (weights_folder() / row.file).is_file()


def bytes_begun(name: str) -> int:
    """How many bytes of a backbone's weights an earlier download left; the next goes on there."""
    try:
        return (weights_folder() / f"{BACKBONES[name].file}.partial").stat().st_size
    except OSError:
        return 0
