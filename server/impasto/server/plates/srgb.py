"""The sRGB curve (IEC 61966-2-1), for integer pictures and for what painters see."""

from __future__ import annotations

import functools
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from impasto.server.plates.arrays import namespace

_Array = TypeVar("_Array")


def encode(light: _Array) -> _Array:
    """Linear light to sRGB values; a numpy array or a torch tensor of any shape; odd around 0, going on above 1."""
    xp = namespace(light)
    size = xp.abs(light)
    curve = 1.055 * xp.clip(size, 0.0031308, None) ** (1 / 2.4) - 0.055
    return xp.copysign(xp.where(size <= 0.0031308, size * 12.92, curve), light)  # type: ignore[no-any-return]


def decode(value: _Array) -> _Array:
    """sRGB values to linear light; as `encode`."""
    xp = namespace(value)
    size = xp.abs(value)
    curve = ((xp.clip(size, 0.04045, None) + 0.055) / 1.055) ** 2.4
    return xp.copysign(xp.where(size <= 0.04045, size / 12.92, curve), value)  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=2)
def table(largest: int) -> NDArray[np.float32]:
    """Linear light of every integer sRGB value 0..largest."""
    return decode(np.arange(largest + 1, dtype=np.float64) / largest).astype(np.float32)
