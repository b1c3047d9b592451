"""How the built-in simulator holds its states, and so what memory a circuit takes.

``entries`` are the real numbers of one sample's state: 2**wires, and twice as many where a gate is
complex. All is fixed, never timed: how samples are cut into chunks decides the order of sums, and a
resumed training has to repeat to the bit, on whatever number of threads.
"""

from __future__ import annotations

LANES = 32  # samples side by side: two AVX-512 registers
# Fewer from so many entries on, for state and co-state to stay in the second-level cache.
LANES_LARGE = 16
LARGE_ENTRIES = 1 << 11
# A chunk's states are no larger than this, which a single sample's never are. Up to this size the
# final states of a batch are kept from forward to backward; above, the backward runs the batch
# again, a part at a time.
KEPT_BYTES = 1 << 28
# A state of up to so many numbers (six wires) is computed in float64 whatever is asked for: there
# it costs next to nothing, and a hundred gates in float32 would lose the sixth digit.
SMALL_ENTRIES = 1 << 7

BUFFERS = 3  # of a chunk in the backward: state, co-state and room for a permutation
TABLE_BYTES = 5  # of each row of a permutation: where it comes from, and its sign
MAKING_BYTES = 20  # of each row while such a table is made


def itemsize(entries: int, double: bool) -> int:
    """Bytes of a number of the state; ``double`` says that the caller's are of float64."""
    return 8 if double or entries <= SMALL_ENTRIES else 4


def samples_kept(entries: int, size: int) -> int:
    """How many samples' states of ``size`` bytes a number fit into `KEPT_BYTES`, at least one."""
    return max(KEPT_BYTES // (entries * size), 1)


def chunk_size(entries: int, batch: int) -> int:
    """How many samples go side by side: chunks of about equal size, at most `LANES`."""
    lanes = LANES_LARGE if entries >= LARGE_ENTRIES else LANES
    lanes = min(lanes, samples_kept(entries, size=8))
    chunks = max(-(-batch // lanes), 1)
    return max(-(-batch // chunks), 1)


def table_bytes(wires: int, tables: int) -> int:
    """About how many bytes a circuit takes when ``tables`` different permutations are in it."""
    return (tables * TABLE_BYTES + MAKING_BYTES) << wires if tables else 0


def bytes_needed(wires: int, parts: int, batch: int, threads: int, double: bool = False) -> int:
    """About how many bytes a forward and backward of ``batch`` samples take at once, the circuit
    itself left out (see `table_bytes`). It does not grow with depth.

    ``parts``: 2 for a circuit with a complex gate, else 1.
    """
    entries = parts << wires
    size = itemsize(entries, double)
    chunk = chunk_size(entries, batch)
    working = min(threads, -(-batch // chunk)) * BUFFERS * chunk
    return (min(batch, samples_kept(entries, size)) + working) * entries * size
