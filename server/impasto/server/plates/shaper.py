"""The invertible curve between scene-linear light and the display-like values a painter sees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from impasto.server.plates.arrays import namespace

_Array = TypeVar("_Array")

KNEE = 0.5
"""Up to here, after exposure, the curve is sRGB's."""
TOP = 64.0
"""Scene-linear light, after exposure, that becomes 1."""
_TOE = 0.0031308


@cache
def _constants() -> tuple[float, float]:
    """The value at the knee, and k that makes the slope continuous there: found by bisection in log k."""
    value = 1.055 * KNEE ** (1 / 2.4) - 0.055
    slope = 1.055 / 2.4 * KNEE ** (1 / 2.4 - 1)
    low, high = -20.0, 20.0
    for _ in range(200):
        middle = (low + high) / 2
        k = math.exp(middle)
        if (1 - value) * k / math.log1p(k * (TOP - KNEE)) < slope:
            low = middle
        else:
            high = middle
    return value, math.exp(low)


@dataclass(frozen=True)
class Shaper:
    """sRGB's curve up to the knee, then a logarithm, odd around 0; the logarithm goes on above 1.

    `encode` and `decode` take a numpy array or a torch tensor of float32 of any shape and return one of the same kind,
    shape and type. `decode(encode(x))` is x to a relative error under 1e-3 up to 64 after exposure; both are odd
    exactly.

    Attributes:
        exposure: what scene-linear light is multiplied by first; constant for a shot, above 0.
    """

    exposure: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.exposure) and self.exposure > 0):
            raise ValueError(f"exposure must be above 0, not {self.exposure}")

    @property
    def clip_point(self) -> float:
        """Scene-linear light, before exposure, that is encoded as 1."""
        return TOP / self.exposure

    def encode(self, x: _Array) -> _Array:
        """Scene-linear light, any value, to display-like: 0..1 for 0..`clip_point`."""
        xp = namespace(x)
        at_knee, k = _constants()
        light = xp.abs(x) * self.exposure
        low = xp.clip(light, None, KNEE)
        toe = low * 12.92
        curve = 1.055 * xp.clip(low, _TOE, None) ** (1 / 2.4) - 0.055
        scale = (1 - at_knee) / math.log1p(k * (TOP - KNEE))
        shoulder = at_knee + scale * xp.log1p(k * xp.clip(light - KNEE, 0.0, None))
        y = xp.where(light <= KNEE, xp.where(light <= _TOE, toe, curve), shoulder)
        return xp.copysign(y, x)  # type: ignore[no-any-return]

    def decode(self, y: _Array) -> _Array:
        """Display-like values, any, back to scene-linear light."""
        xp = namespace(y)
        at_knee, k = _constants()
        value = xp.abs(y)
        low = xp.clip(value, None, at_knee)
        toe = low / 12.92
        curve = ((xp.clip(low, _TOE * 12.92, None) + 0.055) / 1.055) ** 2.4
        scale = (1 - at_knee) / math.log1p(k * (TOP - KNEE))
        # Beyond what float32 can hold the light is held at its largest, so that no picture becomes infinite.
        over = xp.clip((xp.clip(value, at_knee, None) - at_knee) / scale, None, 80.0)
        shoulder = KNEE + xp.expm1(over) / k
        light = xp.where(value <= at_knee, xp.where(value <= _TOE * 12.92, toe, curve), shoulder)
        return xp.copysign(light / self.exposure, y)  # type: ignore[no-any-return]
