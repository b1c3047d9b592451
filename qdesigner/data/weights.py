"""Fetching the pretrained weights of a backbone."""

from __future__ import annotations

import os
from pathlib import Path

from qdesigner.catalog.backbones import Backbone
from qdesigner.data.download import DownloadError, Progress, download
from qdesigner.errors import UserError
from qdesigner.paths import resource, weights_folder


def weights_url(row: Backbone) -> str:
    """Where a backbone's pretrained weights lie: at download.pytorch.org, or on the mirror whose
    address ``QDESIGNER_WEIGHTS_URL`` holds."""
    mirror = os.environ.get("QDESIGNER_WEIGHTS_URL", "").rstrip("/")
    return f"{mirror}/{row.file}" if mirror else row.url


def fetch_weights(row: Backbone, progress: Progress | None = None) -> Path:
    """The file of a backbone's pretrained weights, downloaded unless it is there. Raises
    UserError."""
    if not row.url:
        return resource("embedded_backbone.pt")
    path = weights_folder() / row.file
    try:
        download(weights_url(row), path, progress)
    except DownloadError as error:
        raise UserError(
            f"The weights of {row.label} ({row.file}) could not be downloaded, {error}; "
            "choose a local weights file (--backbone-weights FILE), or random weights."
        ) from error
    return path
