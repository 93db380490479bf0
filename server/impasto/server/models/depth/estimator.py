"""What every depth model can do: say how near everything in a picture is."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class DepthEstimator(Protocol):
    """Measures depth; made by a depth model's `build`."""

    def __call__(self, picture: Tensor) -> Tensor:
        """Measure how near things are.

        Args:
            picture: (1, 3, H, W) float32, display-like 0..1.

        Returns:
            (1, 1, H, W) float32, 0 and up, larger is nearer: inverse depth but for a scale and an offset, which differ
            from picture to picture.
        """
        ...
