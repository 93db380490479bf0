"""The smooth step from 0 to 1."""

from __future__ import annotations

from torch import Tensor


def rise(values: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, smooth between; of any shape."""
    part = ((values - low) / (high - low)).clamp(0, 1)
    return part * part * (3 - 2 * part)
