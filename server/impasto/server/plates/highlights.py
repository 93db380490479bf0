"""Light beyond display white kept when a painter works on display-like values: three ways and their blend.

All functions are pure, take numpy arrays or torch tensors of float32 (..., 3, H, W) alike, and return the same kind.
`plate` is scene-linear without premultiplication, `painted` display-like, as a painter gave it back for
`shaper.encode(plate)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impasto.server.plates.arrays import namespace
from impasto.server.plates.shaper import Shaper

KNEE = (0.85, 1.0)
"""Display-like luminance over which `blend` goes from `inverse` to `ratio`."""
_FLOOR = 1e-6


def luminance(rgb: Any) -> Any:
    """Rec.709 luminance (..., 1, H, W) of colour (..., 3, H, W)."""
    return 0.2126 * rgb[..., 0:1, :, :] + 0.7152 * rgb[..., 1:2, :, :] + 0.0722 * rgb[..., 2:3, :, :]


def clipped(plate: Any, shaper: Shaper) -> Any:
    """The plate as a painter that knows no value over 1 sees it, scene-linear: `T^-1(min(T(x), 1))`."""
    return namespace(plate).clip(plate, None, shaper.clip_point)


def gain(plate: Any, shaper: Shaper) -> Any:
    """How much brighter the plate is than what such a painter sees, (..., 1, H, W), at least 1."""
    xp = namespace(plate)
    seen = xp.clip(luminance(clipped(plate, shaper)), _FLOOR, None)
    return xp.clip(luminance(plate) / seen, 1.0, None)


def inverse(painted: Any, shaper: Shaper) -> Any:
    """Mode A: the curve undone. For painters that answer beyond 1, such as patch synthesis and keys."""
    return shaper.decode(painted)


def ratio(painted: Any, plate: Any, shaper: Shaper, smooth: Callable[[Any], Any] | None = None) -> Any:
    """Mode B: what is painted times the plate's `gain`; keeps the energy of lights and flares.

    Args:
        painted: clipped to 1 first, as the light above it comes from the plate.
        plate: of the same frame.
        shaper: of the shot.
        smooth: an edge-keeping filter for the gain, such as a guided filter.
    """
    xp = namespace(painted)
    more = gain(plate, shaper)
    return shaper.decode(xp.clip(painted, None, 1.0)) * (smooth(more) if smooth else more)


def residual(painted: Any, plate: Any, shaper: Shaper, amount: float = 1.0) -> Any:
    """Mode C: what is painted plus `amount` of the light the painter could not see."""
    xp = namespace(painted)
    return shaper.decode(xp.clip(painted, None, 1.0)) + amount * (plate - clipped(plate, shaper))


def blend(painted: Any, plate: Any, shaper: Shaper, smooth: Callable[[Any], Any] | None = None) -> Any:
    """The default: `inverse` below the knee, `ratio` above it, smoothly between, by the plate's encoded luminance."""
    xp = namespace(painted)
    low, high = KNEE
    place = xp.clip((shaper.encode(luminance(plate)) - low) / (high - low), 0.0, 1.0)
    weight = place * place * (3 - 2 * place)
    return inverse(painted, shaper) * (1 - weight) + ratio(painted, plate, shaper, smooth) * weight


def restore_clipped(key: Any, plate: Any, clip: float = 1.0, tolerance: float = 0.02) -> Any:
    """Give a key painted over a clipped plate the plate's highlights back where the artist left them alone.

    Args:
        key: (..., 3, H, W) scene-linear.
        plate: the frame it was painted on, scene-linear, the same shape.
        clip: the light at which the key's plate was clipped, such as 1 for an integer picture.
        tolerance: how far the key may be from the clipped plate, in every channel, to count as left alone.

    Returns:
        The key, with the plate's value in channels where the plate lies above `clip` and the pixel was left alone.
    """
    xp = namespace(key)
    off = xp.abs(key - xp.clip(plate, None, clip))
    worst = xp.maximum(xp.maximum(off[..., 0:1, :, :], off[..., 1:2, :, :]), off[..., 2:3, :, :])
    return xp.where((worst <= tolerance) & (plate > clip), plate, key)
