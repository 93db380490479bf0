"""What every look can do: paint one picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor


class Painter(Protocol):
    """Paints one picture; made by a style model's `build`.

    Pictures are (1, 3, H, W) float32 in the shaper's display-like domain: 0..1 for what a screen shows, more for
    highlights, less for negatives.
    """

    @property
    def local(self) -> bool:
        """Whether `where` saves work: only those pixels are painted, the rest is returned as `start`."""
        ...

    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Paint `content`.

        Args:
            content: the plate, (1, 3, H, W).
            start: the picture to go on from, (1, 3, H, W): carried paint around what is newborn.
            where: the pixels to paint, (1, 1, H, W) bool; None paints all. What others hold is not to be used, unless
                the painter is `local`.
            seed: of every random draw.
            check: called at every step; raises `Cancelled` to stop.

        Returns:
            The painted picture, (1, 3, H, W) float32.
        """
        ...
