"""What every flow model can do: say where the pixels of one picture are in another."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class FlowEstimator(Protocol):
    """Measures motion; made by a flow model's `build`."""

    def both(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Measure motion both ways at once: each way is the other's witness.

        Args:
            first: (1, 3, H, W) float32, display-like 0..1.
            second: the same of the other picture.

        Returns:
            Motion from the first to the second and from the second to the first, each (1, 2, H, W) float32 in pixels,
            x right, y down: `first(p) ~ second(p + motion(p))`.
        """
        ...

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """The first of `both`."""
        ...
