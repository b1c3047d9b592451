"""Memory by its address: what the kernels are given instead of arrays.

Handing an array to a compiled function, and making one of a tensor, takes longer than a small
circuit; a number takes nothing. Whoever passes an address sees to its memory: contiguous, of the
right dtype and size, and alive until the call returns.
"""

from __future__ import annotations

from typing import Any

from numba import carray, types
from numba.extending import intrinsic

from qdesigner.engine.jit import inner


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(context: Any, address: Any, kind: Any) -> Any:
    """``address`` as a pointer to numbers of ``kind``: a NumPy scalar type, or a dtype."""
    dtype = kind.instance_type if isinstance(kind, types.NumberClass) else kind.dtype

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = context.get_data_type(dtype)
        return builder.inttoptr(arguments[0], number.as_pointer())

    return types.CPointer(dtype)(address, kind), generate


@inner
def flat(address: int, kind: Any, size: int) -> Any:
    """The ``size`` numbers of ``kind`` at an address."""
    return carray(_pointer(address, kind), (size,))


@inner
def table(address: int, kind: Any, rows: int, columns: int) -> Any:
    """The numbers of ``kind`` at an address, as [rows, columns]."""
    return carray(_pointer(address, kind), (rows, columns))
