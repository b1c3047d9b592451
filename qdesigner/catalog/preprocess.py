"""How a picture becomes a tensor: one description for training, prediction and export."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Preprocess:
    """Shorter side to ``resize`` pixels, centre crop of ``crop``, (x - mean) / std per channel.

    ``channels`` is 3 (RGB) or 1 (grey); pixel values are scaled to 0…1 before normalising.
    """

    channels: int
    resize: int
    crop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one prepared image, (channels, height, width)."""
        return (self.channels, self.crop, self.crop)

    def but(self, **changes: Any) -> Preprocess:
        """A copy with some values changed."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """The description as plain JSON values, for run folders and cache keys."""
        return asdict(self)


def plain(channels: int, size: int) -> Preprocess:
    """For a model without a backbone: a square of ``size`` pixels, scaled to about -1…1."""
    return Preprocess(channels, size, size, (0.5,) * channels, (0.5,) * channels)
