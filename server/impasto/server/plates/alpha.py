"""Premultiplied alpha taken off before painting and put back after; the stored alpha itself is never touched."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

GUARD = 1e-4
"""Where alpha is not above this there is nothing to paint: colour is not divided, and stays the plate's own."""


def usable(rgb: NDArray[Any], alpha: NDArray[Any] | None) -> bool:
    """Whether this alpha says anything: one that is empty all over a picture with colour in it does not.

    Args:
        rgb: (3, H, W), as stored.
        alpha: (H, W), or None.
    """
    if alpha is None:
        return False
    return bool((alpha > GUARD).any()) or not np.any(rgb)


def unpremultiply(rgb: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide colour (3, H, W) by alpha (H, W) where alpha is above the guard; elsewhere it stays as it is."""
    return np.divide(rgb, alpha, out=rgb.copy(), where=alpha > GUARD)


def premultiply(
    rgb: NDArray[np.float32], alpha: NDArray[np.float32], stored: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Multiply colour (3, H, W) by alpha (H, W) where alpha is above the guard; elsewhere it is `stored` (3, H, W)."""
    return np.where(alpha > GUARD, rgb * alpha, stored)
