"""Spread the chunks of one batch over a few threads, for kernels that run without the GIL.

Plain Python threads rather than Numba's own: they exist on every platform, may be used from any
thread, survive a fork, and a helper thread that finds no free core in time is left out instead
of waited for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from numba import config

COUNT = int(config.NUMBA_NUM_THREADS)  # the cores this process may use, or what the user set


class _Pool:
    """The helper threads, started when first needed."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        if hasattr(os, "register_at_fork"):  # threads do not follow into a forked child
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._executor = None

    def executor(self) -> ThreadPoolExecutor:
        """The executor of ``COUNT - 1`` threads."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(COUNT - 1, thread_name_prefix="simulator")
        return self._executor


_pool = _Pool()


def spread(call: Callable[[int, int], None], chunks: int) -> None:
    """``call(k, k + 1)`` for every chunk k, on this thread and the helpers; returns when done."""
    if COUNT < 2 or chunks < 2:
        call(0, chunks)
        return
    numbers = iter(range(chunks))

    def work() -> None:
        for number in numbers:
            call(number, number + 1)

    executor = _pool.executor()
    helpers = [executor.submit(work) for _ in range(min(COUNT, chunks) - 1)]
    work()
    for helper in helpers:
        if not helper.cancel():
            helper.result()
