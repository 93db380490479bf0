"""What the picture-making asks of the world: a shot to read, a store to keep things in, somebody who watches."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray
from torch import Tensor


class Shot(Protocol):
    """One view of one shot.

    All pictures cover one raster: the union of the data windows of the shot's frames. Where a frame's own data window
    is smaller its border pixels are repeated.
    """

    frames: tuple[int, ...]
    """All frame numbers of the shot, ascending, also those that turn out to be missing."""
    height: int
    width: int

    def readable(self, frame: int) -> bool:
        """Whether this frame's picture can be had; False for a missing or damaged file, always the same answer."""
        ...

    def picture(self, frame: int) -> Tensor:
        """Scene-linear working RGB without premultiplication, (1, 3, H, W) float32, unclamped, finite.

        Raises:
            FrameError: the frame is not readable.
        """
        ...

    def digest(self, frame: int) -> str:
        """Digest of the frame's file, or `missing`; part of every key in the store."""
        ...


class Store(Protocol):
    """Keeps arrays by key: bounded memory, then disk. A key names content, so a value never changes."""

    def load(self, key: str) -> dict[str, NDArray[Any]] | None:
        """The arrays kept under this key, or None."""
        ...

    def save(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays under this key."""
        ...


class Watch(Protocol):
    """Somebody who follows the work and may stop it."""

    def check(self) -> None:
        """Called at every step.

        Raises:
            Cancelled: the work is to stop.
        """
        ...

    def stage(self, name: str, frame: int) -> None:
        """Work of this name begins on this frame."""
        ...

    def warn(self, message: str) -> None:
        """Its user should know this sentence; the same sentence is told once."""
        ...


def digest(*parts: str) -> str:
    """One digest of several, for keys of the store."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
