"""Numba, set up for this program: its cache in the user's cache folder, its threads by OpenMP.

A cache that cannot be read or written costs time, never a failure. Only OpenMP threads are used:
with Numba's own pool a second calling thread aborts the process, so without OpenMP all is serial.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

from qdesigner.paths import cache_folder

os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "kernels"))
os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")

import numba  # noqa: E402  (it reads the environment when imported)
from numba.core.caching import FunctionCache  # noqa: E402

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
    """Compile a function that only other kernels call."""
    return numba.njit(fastmath=FAST, error_model="numpy", nogil=True)(function)


def _openmp() -> bool:
    """Whether loops may run on several threads."""
    if os.environ["NUMBA_THREADING_LAYER"] not in ("omp", "tbb", "threadsafe"):
        return False
    try:
        from numba.np.ufunc import omppool  # noqa: F401
    except ImportError:
        return False
    return int(numba.config.NUMBA_NUM_THREADS) > 1


class _Threads:
    """Whether kernels may use several threads in this process."""

    def __init__(self) -> None:
        self.allowed = _openmp()
        if hasattr(os, "register_at_fork"):  # OpenMP aborts in a forked child
            os.register_at_fork(after_in_child=self.forbid)

    def forbid(self) -> None:
        """Run serially from now on."""
        self.allowed = False


threads = _Threads()


def kernel(function: Callable[..., Any]) -> Any:
    """Compile an entry point, on first call or from the cache; its ``prange`` may use threads."""
    jit = numba.njit(fastmath=FAST, error_model="numpy", nogil=True, parallel=_openmp())
    dispatcher = jit(function)
    with contextlib.suppress(Exception):  # no folder to write to: compiled anew each time
        dispatcher._cache = _Cache(function)
    return dispatcher
