"""How big a picture may be: checked against the header before pixels are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from impasto.server.errors import PlateError
from impasto.server.plates.plate import Window


@dataclass(frozen=True)
class Limits:
    """The largest picture that is read.

    Attributes:
        max_pixels: pixels of the data window.
        max_bytes: bytes of all channels in memory.
    """

    max_pixels: int = 1 << 28
    max_bytes: int = 1 << 33

    def check(self, source: str, window: Window, dtypes: list[np.dtype[np.generic]]) -> None:
        """Refuse a picture that is too big.

        Raises:
            PlateError: it is; reason `PLATE_TOO_BIG`.
        """
        pixels = window.width * window.height
        size = pixels * sum(dtype.itemsize for dtype in dtypes)
        if pixels > self.max_pixels or size > self.max_bytes:
            raise PlateError(
                f"{source} promises {window.width}x{window.height} pixels in {len(dtypes)} channels, "
                f"{size / 2**20:,.0f} MiB in memory: more than the server's limit of {self.max_pixels:,} pixels and "
                f"{self.max_bytes / 2**20:,.0f} MiB; crop the picture, drop channels or raise the limit",
                reason="PLATE_TOO_BIG",
            )


DEFAULT = Limits()
"""Where the server is told nothing else."""
