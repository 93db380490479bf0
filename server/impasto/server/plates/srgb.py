"""The sRGB curve (IEC 61966-2-1), for integer pictures."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray


def encode(light: NDArray[Any]) -> NDArray[np.float32]:
    """Linear light to sRGB values, any shape; odd around 0, going on above 1."""
    size = np.abs(light)
    curve = np.where(size <= 0.0031308, size * 12.92, 1.055 * np.maximum(size, 0.0031308) ** (1 / 2.4) - 0.055)
    return np.asarray(np.copysign(curve, light), np.float32)


def decode(value: NDArray[Any]) -> NDArray[np.float32]:
    """sRGB values to linear light, any shape; odd around 0, going on above 1."""
    size = np.abs(value)
    curve = np.where(size <= 0.04045, size / 12.92, ((np.maximum(size, 0.04045) + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.copysign(curve, value), np.float32)


@functools.lru_cache(maxsize=2)
def table(largest: int) -> NDArray[np.float32]:
    """Linear light of every integer sRGB value 0..largest."""
    return decode(np.arange(largest + 1, dtype=np.float64) / largest)
