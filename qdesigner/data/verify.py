"""Which image files can be used: each is decoded once, then remembered by path, size and time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from qdesigner.data import memo
from qdesigner.data.images import UnusableImage, decode, read_bytes

WORKERS = 2
_USE = "image-1"  # another number when what counts as usable changes
_SAVE_EVERY = 500


def verify(
    paths: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> dict[Path, memo.Finding]:
    """Content hash and usability of each file; ``progress`` is given (done, total).

    Files are decoded in threads (Pillow lets go of the interpreter while it decodes). What is
    found is saved as it goes, so a cancelled opening is not lost.
    """
    stamps = {path: memo.stamp(path) for path in paths}
    known = memo.recall(_USE, [stamp for stamp in stamps.values() if stamp])
    found = {path: known[stamp] for path, stamp in stamps.items() if stamp in known}
    unknown = [path for path in stamps if path not in found]
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="verify") as pool:
        for start in range(0, len(unknown), _SAVE_EVERY):
            part = unknown[start : start + _SAVE_EVERY]
            fresh: list[tuple[memo.Stamp, memo.Finding]] = []
            for path, finding in zip(part, pool.map(_look, part), strict=True):
                found[path] = finding
                if (stamp := stamps[path]) and finding.digest:
                    fresh.append((stamp, finding))
                if progress:
                    progress(len(found), len(stamps))
            memo.remember(_USE, fresh)
    return found


def _look(path: Path) -> memo.Finding:
    digest = b""
    try:
        content = read_bytes(path)
        digest = hashlib.sha256(content).digest()
        decode(content, channels=3)
    except UnusableImage as error:
        return memo.Finding(digest, str(error))
    return memo.Finding(digest)
