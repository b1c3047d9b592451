"""Whether what is to be computed fits in memory: said before it is begun, with the figures."""

from __future__ import annotations

from qdesigner.errors import UserError

UNASKED = 1 << 26  # bytes that every machine has


def require(needed: int, what: str) -> None:
    """Raises UserError when ``needed`` bytes for ``what`` are more than are free."""
    if needed <= UNASKED:
        return
    import psutil  # the live preview never gets here, and starts the sooner

    free = psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"{what} needs about {_size(needed)} of memory, but {_size(free)} are free; "
            "use fewer wires or a smaller batch."
        )


def _size(count: int) -> str:
    unit, size = ("GB", 1e9) if count >= 1e9 else ("MB", 1e6)
    return f"{count / size:,.3g} {unit}"
