"""Fetch a file over HTTP: with progress, resumed after a break, its checksum checked."""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

_CHUNK = 1 << 18
_TIMEOUT = 30.0

Progress = Callable[[str, int, int], None]


class DownloadError(Exception):
    """The file could not be had; ``str(error)`` is the reason."""


def download(url: str, target: Path, progress: Progress | None = None, checksum: str = "") -> None:
    """Fetch ``url`` into ``target``, unless it is there.

    ``checksum`` is the content's MD5 or SHA-256; without one, a name like
    ``resnet18-f37072fd.pth`` carries the beginning of the SHA-256, as torch.hub has it.
    ``progress`` is given (file name, bytes so far, bytes in all or 0 when the server does not
    say); what it raises ends the download. Raises DownloadError. What came so far stays beside the
    target, with ".partial" in its name, for the next try.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if target.exists():
                return
            partial = target.with_name(target.name + ".partial")
            _fetch(url, partial, progress)
            _check(partial, checksum or _promised_hash(url), len(checksum) == 32)
            partial.replace(target)
    except urllib.error.HTTPError as error:
        raise DownloadError(f"the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise DownloadError(f"no connection: {error.reason}") from error
    except http.client.HTTPException as error:
        raise DownloadError(f"the connection broke off: {error}") from error
    except OSError as error:
        raise DownloadError(str(error)) from error


def file_name(url: str) -> str:
    """The last part of a URL's path."""
    return urllib.parse.urlparse(url).path.rsplit("/", 1)[-1]


def _promised_hash(url: str) -> str:
    match = re.search(r"-([0-9a-f]{8,64})\.", file_name(url))
    return match[1] if match else ""


def _fetch(url: str, partial: Path, progress: Progress | None) -> None:
    done = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "qdesigner"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing lies beyond what we hold: the hash will tell
            return
        raise
    with answer:
        if answer.status != 206:
            done = 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = done + length if length else 0
        with partial.open("ab" if done else "wb") as file:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                if progress:
                    progress(file_name(url), done, total)
    if done < total:
        raise DownloadError(f"the connection broke off after {done} of {total} bytes")


def _check(partial: Path, promised: str, md5: bool) -> None:
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, "md5" if md5 else "sha256").hexdigest()
    if not found.startswith(promised):
        partial.unlink()
        raise DownloadError(f"its checksum is {found[:8]}… where {promised[:8]}… was promised")
