"""Numba, set up for this program: its cache lies in the user's cache folder.

A cache that cannot be read or written costs time, never a failure.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

from qdesigner.paths import cache_folder

os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "kernels"))

import numba
from numba.core.caching import FunctionCache

# Someone else may have imported Numba first, with no cache folder set.
numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]

# All of fast math but the promise that there are no NaN: a diverged training must show.
FAST = {"reassoc", "contract", "nsz", "arcp", "afn"}


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache on disk, for which a damaged file or a full disk is no error."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with contextlib.suppress(Exception):
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call."""
    return numba.njit(fastmath=FAST, error_model="numpy", nogil=True)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile an entry point, on first call or from the cache. It runs without the GIL."""
    dispatcher = inner(function)
    with contextlib.suppress(Exception):  # no folder to write to: compiled anew each time
        dispatcher._cache = _Cache(function)
    return dispatcher
