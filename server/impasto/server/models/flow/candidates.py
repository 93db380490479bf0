"""Candidates for motion: what the fine search found, and what smooth surfaces around each pixel would do."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Eight = NDArray[np.uint8]

_STEP = 2
"""Fits are made on every second pixel and enlarged: they are smooth."""

_SAME = 0.02
"""Price (1 = the most two pixels can differ) up to which pictures are the same without any motion."""


def moved(picture: Array, motion: Array) -> Array:
    """`picture(p + motion(p))`, (H, W) or (H, W, C); to 1/32 pixel, which is enough to compare candidates."""
    height, width = motion.shape[:2]
    x = motion[..., 0] + np.arange(width, dtype=np.float32)
    y = motion[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    fetched: Array = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return fetched


def mean(values: NDArray[np.floating[Any]], radius: int) -> NDArray[np.floating[Any]]:
    """Mean over a square of this radius, borders mirrored; small pictures take what they have."""
    side = 2 * min(radius, min(values.shape[:2]) - 1) + 1
    averaged: NDArray[np.floating[Any]] = cv2.boxFilter(values, -1, (side, side), borderType=cv2.BORDER_REFLECT)
    return averaged


def agreement(there: Array, back: Array) -> Array:
    """Weight 0..1, (H, W): 1 where motion there and back ends where it began, a half where it is half a pixel off."""
    parted = summed((there + moved(back, there)) ** 2)
    weight: Array = np.float32(1) / (np.float32(1) + parted / np.float32(0.25))
    return weight


def confirmed(first: Array, second: Array, motion: Array, radius: int = 7) -> Array:
    """The first picture with as much of its finest band as the second confirms.

    Grain, aliasing and glints do not come again in the next picture; texture does. A Wiener filter of the band above
    one pixel of blur whose noise is measured along the motion, pixel by pixel.

    Args:
        first: (H, W, 3) float32, display-like.
        second: the other picture.
        motion: (H, W, 2) from first to second, need not be exact.
        radius: of the square over which energies are measured.

    Returns:
        (H, W, 3) float32.
    """
    fine, other = (picture - cv2.GaussianBlur(picture, (0, 0), 1.0) for picture in (first, second))
    other = moved(other, motion)
    noise = mean(summed((fine - other) ** 2), radius)
    energy = mean(summed(fine**2 + other**2), radius)
    doubt = np.clip(noise / (energy + np.float32(1e-7)), 0, 1)
    filtered: Array = first - doubt[..., None] * fine
    return filtered


def surfaces(there: Array, back: Array, radii: tuple[int, ...]) -> list[Array]:
    """Affine motion fitted around each pixel, for each radius, robust to what moves otherwise.

    Args:
        there: (H, W, 2) float32 motion.
        back: motion of the other direction, to tell which vectors to believe.
        radii: of the squares, in pixels.

    Returns:
        One (H, W, 2) float32 a radius.
    """
    height, width = there.shape[:2]
    believed = np.ascontiguousarray(agreement(there, back)[::_STEP, ::_STEP])
    sparse = np.ascontiguousarray(there[::_STEP, ::_STEP])
    column = np.arange(width, dtype=np.float32)
    row = np.arange(height, dtype=np.float32)[:, None]
    x, y = np.broadcast_arrays(column / _STEP, row / _STEP)
    fits = []
    for radius in radii:
        fit = _plane(sparse, believed, radius)
        off = summed((sparse - fit) ** 2)
        fit = _plane(sparse, believed / (1 + off / np.float32(0.25)), radius)
        fits.append(cv2.remap(fit, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return fits


def _plane(sparse: Array, weight: Array, radius: int) -> Array:
    """Motion of the planes fitted, on the sparse pixels."""
    return np.ascontiguousarray(least_squares(sparse, weight, max(1, radius // _STEP))[..., :2])


def least_squares(motion: Array, weight: NDArray[np.floating[Any]], radius: int) -> Array:
    """Affine motion that fits best in the square around each pixel.

    Args:
        motion: (H, W, 2) float32.
        weight: (H, W), what each vector counts.
        radius: of the square, in pixels.

    Returns:
        (H, W, 6) float32: the fit's u, v at the pixel, then du/dx, du/dy, dv/dx, dv/dy.
    """
    height, width = weight.shape
    w = weight.astype(np.float64)
    # coordinates from the picture's middle, in units that keep the moments near 1
    x = np.broadcast_to((np.arange(width) - width / 2) / 32, (height, width))
    y = np.broadcast_to(((np.arange(height) - height / 2) / 32)[:, None], (height, width))
    wx, wy = w * x, w * y
    total = mean(w, radius) + 1e-9
    mx, my = mean(wx, radius) / total, mean(wy, radius) / total
    xx = mean(wx * x, radius) / total - mx * mx + 1e-6
    yy = mean(wy * y, radius) / total - my * my + 1e-6
    xy = mean(wx * y, radius) / total - mx * my
    scale = 1 / (xx * yy - xy * xy)
    fit = np.empty((height, width, 6), np.float32)
    for axis in (0, 1):
        v = motion[..., axis]
        mv = mean(w * v, radius) / total
        xv, yv = mean(wx * v, radius) / total - mx * mv, mean(wy * v, radius) / total - my * mv
        across, down = scale * (yy * xv - xy * yv), scale * (xx * yv - xy * xv)
        fit[..., axis] = mv + across * (x - mx) + down * (y - my)
        fit[..., 2 + 2 * axis], fit[..., 3 + 2 * axis] = across / 32, down / 32
    return fit


def chosen(first: Array, second: Array, candidates: list[Array], grain: float, radius: int = 7) -> Array:
    """For each pixel the candidate along which the pictures agree best around it.

    What looks the same where it is stands still, such as a clear sky beside a moving thing.

    Truncated difference of colour and of luma gradients over a square (Rhemann et al. 2011, "Fast Cost-Volume Filtering
    for Visual Correspondence and Beyond"); what leaves the picture costs a half.

    Args:
        first: (H, W, 3) float32, display-like.
        second: the other picture.
        candidates: each (H, W, 2) float32 from first to second.
        grain: standard deviation of grain; differences count up to three times as much at least.
        radius: of the square.

    Returns:
        (H, W, 2) float32.
    """
    colour_cap, slope_cap = max(0.04, 3 * grain), max(0.024, grain)
    here, there = _features(first), _features(second)
    height, width = first.shape[:2]
    best = np.full((height, width), np.inf, np.float32)
    taken = candidates[0]
    for motion in candidates:
        price = _price(here, there, motion, colour_cap, slope_cap, radius)
        cheaper = price < best
        best = np.where(cheaper, price, best)
        taken = np.where(cheaper[..., None], motion, taken)
    same = _price(here, there, np.zeros_like(taken), colour_cap, slope_cap, radius) < _SAME
    return np.where(same[..., None], np.float32(0), taken)


def _price(
    here: tuple[Array, Array],
    there: tuple[Array, Array],
    motion: Array,
    colour_cap: float,
    slope_cap: float,
    radius: int,
) -> Array:
    """What a candidate costs around each pixel, 0..1, (H, W)."""
    height, width = motion.shape[:2]
    x = motion[..., 0] + np.arange(width, dtype=np.float32)
    y = motion[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    colour, slope = (summed(cv2.absdiff(a, moved(b, motion))) for a, b in zip(here, there, strict=True))
    price = np.minimum(colour * np.float32(0.1 / colour_cap), np.float32(0.3))
    price += np.minimum(slope * np.float32(0.7 / slope_cap), np.float32(0.7))
    price[(x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)] = 0.5
    return mean(price, radius).astype(np.float32)


def luma(picture: Array) -> Array:
    """Rec.709 luma of (H, W, 3), (H, W)."""
    weighted: Array = cv2.transform(picture, np.array([[0.2126, 0.7152, 0.0722]]))
    return weighted


def summed(values: Array) -> Array:
    """Sum over the channels of (H, W, C), (H, W)."""
    total: Array = cv2.transform(values, np.ones((1, values.shape[-1])))
    return total


def _features(picture: Array) -> tuple[Array, Array]:
    """Colour, and the two slopes of luma, (H, W, 2)."""
    y = luma(picture)
    slopes = [cv2.Sobel(y, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=0.125) for dx in (1, 0)]
    return picture, np.dstack(slopes)


def stretched(a: Array, b: Array) -> tuple[Eight, Eight]:
    """8-bit pictures that use all 256 steps for what both pictures hold, but for the outermost half percent."""
    low, high = np.percentile(np.stack([a, b]), [0.5, 99.5])
    scale = 255 / max(float(high - low), 1e-3)

    def eight(values: Array) -> Eight:
        steps = np.clip((values - np.float32(low)) * np.float32(scale) + np.float32(0.5), 0, 255)
        return np.asarray(steps, dtype=np.uint8)

    return eight(a), eight(b)
